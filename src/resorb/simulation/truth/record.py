"""The truth of a simulated study: plain validated records, JSON in and out, beside `resorb.reading`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from resorb.reading import Point, Quantity
from resorb.simulation.spec import HerniationSpec, SpineSpec
from resorb.stored import parse_stored

SCHEMA_VERSION = 1  # older ones are upgraded, newer ones refused
Matrix = tuple[
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
    tuple[float, float, float, float],
]


def _rounded(value: float | None) -> float | None:
    """To 0.0001, without minus zero: what processors round differently does not reach the stored bytes."""
    return None if value is None else round(value, 4) + 0.0


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrueClass(_Record):
    """One class, computed from the geometry.

    Attributes:
        value: the class; None where it cannot be said.
        margin: distance to the nearest limit, in `unit`; None where the class hangs on no number.
        limit: what that limit is, in words.
        verified: a published source that was read confirms the limits.
        reason: why there is no class.
    """

    value: str | None
    margin: Annotated[float | None, AfterValidator(_rounded)] = None
    unit: str = ""
    limit: str = ""
    verified: bool = True
    reason: str = ""


class PlaneTruth(_Record):
    """Base and extent in one plane: its section of largest extent.

    Attributes:
        base_mm: straight distance between the edges of the base on the disc's margin; 0 without one.
        extent_mm: largest distance between the material's edges, along the base.
    """

    base_mm: Quantity
    extent_mm: Quantity


class Sizes(_Record):
    """The quantities of displaced material: of all of a level, or of one herniation.

    Lengths count the piece that holds the apex; of a level's material (whose edge is drawn on voxels) only what
    is farther outside the reference surface than the limit `extent_floor`. Areas and volume count everything; where
    herniations of a level overlap, what they share belongs to the one of lower number.

    Attributes:
        apex: its deepest point; centre: the middle of what is deeper than half as deep; RAS+ mm.
        area_mm2: the larger of the largest axial and the largest sagittal section.
        axial, sagittal: base against extent; beside the disc coronal planes stand in for sagittal ones.
        contact_mm2: area of the disc's margin through which it hangs together with its disc.
    """

    apex: Point | None = None
    centre: Point | None = None
    depth_mm: Quantity
    width_mm: Quantity
    height_mm: Quantity
    volume_mm3: Quantity
    area_mm2: Quantity
    axial_area_mm2: Quantity
    sagittal_area_mm2: Quantity
    axial: PlaneTruth
    sagittal: PlaneTruth
    cranial_migration_mm: Quantity
    caudal_migration_mm: Quantity
    contact_mm2: Quantity
    t2_ratio: Quantity


class Classes(_Record):
    """The classes of displaced material; limits as in `resorb.simulation.truth.classes`.

    Attributes:
        morphology: none, bulge, protrusion, extrusion or sequestration (combined task force, v2.0).
        msu_size: 1 to 3; msu_zone: A, B or C (lines unverified).
        zone: central, paracentral, subarticular, foraminal, extraforaminal.
        side: left, right or midline.
        height_level: disc, suprapedicle, pedicle or infrapedicle; height_vertebra: behind which body.
        roots: candidates, e.g. "L5 left", "cauda equina".
    """

    morphology: TrueClass
    msu_size: TrueClass
    msu_zone: TrueClass
    zone: TrueClass
    side: TrueClass
    height_level: TrueClass
    height_vertebra: str | None = None
    roots: tuple[str, ...] = ()


class FocalTruth(_Record):
    """One herniation.

    Attributes:
        number: of the herniation in its patient, from 1; the same on every date.
        asked: what was asked for.
        continuous: it hangs together with its disc.
        circumference_share: of the disc's margin that its base, or what of it lies over the margin, takes up.
    """

    number: int
    asked: HerniationSpec
    sizes: Sizes
    classes: Classes
    continuous: bool
    circumference_share: Annotated[float, AfterValidator(_rounded)]


class LevelTruth(_Record):
    """One disc level of one date. Points are RAS+ mm, of the date's world.

    Attributes:
        axes: rows are the unit vectors left, posterior, cranial.
        sizes: of all displaced material of the level, bulge and herniations together.
        focal_volume_mm3, bulge_volume_mm3: the two parts of the volume: what herniations add, and the disc's own bulge.
        uncovered_volume_mm3: disc that a slip laid open; not displaced.
        circumference_share: over which the disc reaches farther out than the limit `bulge_floor`.
        canal_occupied: displaced share of the spinal canal in the worst axial section.
        sac_area_mm2: of the thecal sac at disc height, at right angles to the canal.
        classes: of the gravest herniation; of the disc's bulge where there is none.
        canal_compromise: by thirds of `canal_occupied`; none where nothing counts as displaced.
        degeneration: the grade that was asked for.
    """

    level: str
    origin: Point
    axes: tuple[Point, Point, Point]
    upper_corner: Point
    lower_corner: Point
    slip_mm: Quantity
    disc_height_mm: Quantity
    anterior_height_mm: Quantity
    middle_height_mm: Quantity
    posterior_height_mm: Quantity
    disc_height_index: Quantity
    sizes: Sizes
    focal_volume_mm3: Quantity
    bulge_volume_mm3: Quantity
    uncovered_volume_mm3: Quantity
    circumference_share: Annotated[float, AfterValidator(_rounded)]
    canal_occupied: Quantity
    sac_area_mm2: Quantity
    classes: Classes
    canal_compromise: TrueClass
    degeneration: int | None = None
    focal: tuple[FocalTruth, ...] = ()


class StudyTruth(_Record):
    """Everything true of one simulated study, from the uppermost level downwards."""

    kind: Literal["study_truth"] = "study_truth"
    schema_version: Literal[1] = 1
    synthetic: Literal[True] = True
    grid_mm: float
    levels: tuple[LevelTruth, ...]

    def at(self, level: str) -> LevelTruth:
        """The truth of a level by name.

        Raises:
            KeyError: the study has no such level.
        """
        for one in self.levels:
            if one.level == level:
                return one
        raise KeyError(level)

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> StudyTruth:
        """Read a stored truth.

        Raises:
            InputError: not JSON, not a truth, made by a newer resorb, or invalid.
        """
        return parse_stored(cls, text, name="truth", version=SCHEMA_VERSION)


class DateGeometry(_Record):
    """Where every vertebra lay on a date, against the phantom at rest.

    Attributes:
        vertebrae: per name the rigid transform, rest -> date, RAS+ mm; exact on its bone.
        lumbar: names of the lumbar vertebrae, from above downwards.
        levels: the disc levels, from above downwards.
        spine: as it was asked for; None where the phantom was not made from a request.
        herniations: by number, as they were asked for; those that are there on the date.
    """

    vertebrae: dict[str, Matrix]
    lumbar: tuple[str, ...]
    levels: tuple[str, ...]
    spine: SpineSpec | None = None
    herniations: dict[int, HerniationSpec] = {}
