"""The measured records: `Quantity`, `Class`, `Herniation`, `DiscReading`, `Reading`; validated, JSON in and out."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from resorb.stored import parse_stored

SCHEMA_VERSION = 2  # of this record; older ones are upgraded, newer ones refused

RESEARCH_USE = (
    "Research use only; not a medical device. Not for diagnosis or treatment. An MRI finding says nothing "
    "about recovery."
)
NOT_ASSESSED = (
    "Not assessed: tumour, infection, haematoma, fracture, cyst, nerve root compression, facet joints, "
    "ligaments, paravertebral tissue, enhancement."
)

Point = tuple[float, float, float]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quantity(_Record):
    """One measured number with where it came from.

    `value` is None where it could not be measured, and `reason` then says why (`cropped`: the object
    touches the edge of the field). A missing value is never 0. `low` and `high` bound the 95 % interval
    and stay None until calibrated; for `cropped`, `low` is a lower bound.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    source: str = ""
    reason: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for number in (self.value, self.low, self.high):
            if number is not None and not math.isfinite(number):
                raise ValueError("a quantity must be finite, or None with a reason")
        if self.value is None and not self.reason:
            raise ValueError("a missing value needs a reason")
        return self

    @property
    def at_least(self) -> float | None:
        """The value, or its lower bound where only that is known."""
        return self.value if self.value is not None else self.low


#: What a quantity holds that the version which made the record did not know.
NOT_MEASURED = Quantity(value=None, reason="not measured by this version")


class Class(_Record):
    """One class, with how far it is from another.

    Attributes:
        value: the class; None where it cannot be said, and `reason` then says why.
        margin: distance to the nearest limit, in `unit`; None where the class hangs on no number.
        limit: what that limit is, in words.
        verified: a published source that was read confirms the limits.
        near: the limit is nearer than the error of the measurement.
        given_by: empty for resorb; else author and date of the reader's word.
    """

    value: str | None
    margin: float | None = None
    unit: str = ""
    limit: str = ""
    verified: bool = True
    near: bool = False
    reason: str = ""
    given_by: str = ""


class Classes(_Record):
    """The classes of displaced material.

    Attributes:
        morphology: none, bulge, protrusion, extrusion or sequestration (combined task force, v2.0).
        msu_size: 1 to 3; msu_zone: A, B or C (lines unverified).
        zone: central, paracentral, subarticular, foraminal, extraforaminal.
        side: left, right or midline.
        height_level: disc, suprapedicle, pedicle or infrapedicle; height_vertebra: behind which body.
        roots: candidates, e.g. "L5 left", "cauda equina".
    """

    morphology: Class
    msu_size: Class
    msu_zone: Class
    zone: Class
    side: Class
    height_level: Class
    height_vertebra: str | None = None
    roots: tuple[str, ...] = ()


class PlaneExtent(_Record):
    """Base against extent in one plane: its section of largest extent. Compared within one plane only.

    Attributes:
        base_mm: straight distance between the edges of the base on the disc's margin; 0 without one.
        extent_mm: largest distance between the material's edges, along the base.
    """

    base_mm: Quantity
    extent_mm: Quantity


class Herniation(_Record):
    """One herniation of a level: a summit of displaced material that stands out from the disc's bulge.

    Attributes:
        number: within its level, from 1; from right to left, then from above downwards.
        apex: its deepest point; centre: the middle of what is deeper than half as deep; RAS+ mm.
        continuous: it hangs together with its disc.
        axial, sagittal: base against extent; beside the disc coronal planes stand in for sagittal ones.
        area_mm2: the larger of the largest axial and the largest sagittal section.
        contact_mm2: area of the disc's margin through which it hangs together with its disc.
        canal_occupied: its share of the spinal canal in the worst axial section.
    """

    number: int
    apex: Point
    centre: Point
    continuous: bool
    depth_mm: Quantity
    width_mm: Quantity
    height_mm: Quantity
    volume_mm3: Quantity
    area_mm2: Quantity
    axial_area_mm2: Quantity
    sagittal_area_mm2: Quantity
    axial: PlaneExtent
    sagittal: PlaneExtent
    cranial_migration_mm: Quantity
    caudal_migration_mm: Quantity
    contact_mm2: Quantity
    canal_occupied: Quantity
    t2_ratio: Quantity
    classes: Classes | None = None


#: Morphologies that are herniations (combined task force, v2.0).
HERNIATIONS = frozenset({"protrusion", "extrusion", "sequestration"})


class DiscReading(_Record):
    """One disc level of one date.

    Points are RAS+ mm. The reference line runs, in the midline, from the posterior-inferior corner of
    the body above to the posterior-superior corner of the body below.

    Flags: `displaced` (disc tissue deeper behind the reference than the limit), `focal` (and standing out from
    the bulge around it, narrower than a quarter of the disc's circumference, within the field), `listhesis`,
    `uncovered` (a slip lays disc open; not herniated), `cropped` (displaced tissue touches the edge of the
    field), `thoracic` (above T12/L1: measured, not judged), `low_confidence`, `unmeasurable`.

    Attributes:
        disc_height_index: mean of anterior, middle and posterior height over the disc's length.
        area_mm2: the larger of the largest axial and the largest sagittal section of displaced material.
        volume_mm3: all of it; `focal_volume_mm3` of it in herniations, `bulge_volume_mm3` the disc's own bulge.
        sac_area_mm2: thecal sac at disc height, at right angles to the canal.
        canal_occupied: displaced share of the spinal canal in the worst axial section.
        circumference_share: over which the disc reaches beyond its rims.
        classes: of the gravest herniation; of the disc's bulge where there is none.
        canal_compromise: by thirds of `canal_occupied`.
        degeneration: grade from signal and height, Pfirrmann-like.
        sac_narrowing: `sac_area_mm2` beside its published thresholds.
        modic, rim_enhancement, ligament_containment: the reader's word; None where nobody said.
    """

    level: str
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    origin: Point | None = None
    upper_corner: Point | None = None
    lower_corner: Point | None = None
    lower_corner_source: str = ""
    apex: Point | None = Field(default=None, description="deepest displaced point")
    slip_mm: Quantity
    disc_volume_mm3: Quantity
    disc_height_mm: Quantity
    depth_mm: Quantity
    area_mm2: Quantity
    volume_mm3: Quantity
    width_mm: Quantity
    height_mm: Quantity
    t2_ratio: Quantity
    disc_height_index: Quantity = NOT_MEASURED
    focal_volume_mm3: Quantity = NOT_MEASURED
    bulge_volume_mm3: Quantity = NOT_MEASURED
    cranial_migration_mm: Quantity = NOT_MEASURED
    caudal_migration_mm: Quantity = NOT_MEASURED
    contact_mm2: Quantity = NOT_MEASURED
    circumference_share: Quantity = NOT_MEASURED
    canal_occupied: Quantity = NOT_MEASURED
    sac_area_mm2: Quantity = NOT_MEASURED
    classes: Classes | None = None
    canal_compromise: Class | None = None
    degeneration: Class | None = None
    sac_narrowing: Class | None = None
    modic: Class | None = None
    rim_enhancement: Class | None = None
    ligament_containment: Class | None = None
    herniations: tuple[Herniation, ...] = ()
    side: Literal["left", "right", "midline"] | None = None

    @property
    def displaced(self) -> bool:
        return "displaced" in self.flags

    @property
    def herniated(self) -> bool:
        """A herniation was found, or is a reader's word; a disc that only bulges is not herniated."""
        said = self.classes.morphology.value if self.classes else None
        return "focal" in self.flags if said is None else said in HERNIATIONS

    @property
    def deepest_mm(self) -> Quantity:
        """Depth of the deepest herniation, of all displaced material where there is none.

        Whether a level is herniated at all can be wrong, which its own interval holds and a herniation's does not.
        """
        return max(
            (one.depth_mm for one in self.herniations),
            key=lambda depth: depth.at_least or 0.0,
            default=self.depth_mm,
        )


#: The quantities of a DiscReading, in the order of the tables.
QUANTITIES: tuple[str, ...] = (
    "depth_mm",
    "area_mm2",
    "volume_mm3",
    "width_mm",
    "height_mm",
    "slip_mm",
    "disc_height_mm",
    "disc_volume_mm3",
    "t2_ratio",
    "disc_height_index",
    "focal_volume_mm3",
    "bulge_volume_mm3",
    "cranial_migration_mm",
    "caudal_migration_mm",
    "contact_mm2",
    "circumference_share",
    "canal_occupied",
    "sac_area_mm2",
)

#: The quantities of a Herniation that are no base or extent in one plane.
HERNIATION_QUANTITIES: tuple[str, ...] = (
    "depth_mm",
    "area_mm2",
    "volume_mm3",
    "width_mm",
    "height_mm",
    "axial_area_mm2",
    "sagittal_area_mm2",
    "cranial_migration_mm",
    "caudal_migration_mm",
    "contact_mm2",
    "canal_occupied",
    "t2_ratio",
)


class Reading(_Record):
    """Everything measured on one date, from the uppermost level downwards."""

    kind: Literal["reading"] = "reading"
    schema_version: Literal[2] = 2
    statement: str = RESEARCH_USE
    not_assessed: str = NOT_ASSESSED
    resorb_version: str
    study_sha256: str
    study_date: date | None = None
    synthetic: bool = False
    series: str
    segmented_by: str
    level_naming: str
    doubts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    discs: tuple[DiscReading, ...]

    @property
    def worst(self) -> DiscReading | None:
        """The level with the deepest focal displaced material; else the deepest displaced, else the deepest bulge.

        Where a level's outlines are sure it goes before one where they are not.
        """
        measured = [disc for disc in self.discs if disc.depth_mm.at_least is not None]
        return max(
            measured,
            key=lambda d: (
                "focal" in d.flags and "low_confidence" not in d.flags,
                "focal" in d.flags,
                d.displaced,
                "thoracic" not in d.flags,
                d.depth_mm.at_least or 0.0,
            ),
            default=None,
        )

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Reading:
        """Read a stored reading.

        Raises:
            InputError: not JSON, not a reading, made by a newer resorb, or invalid.
        """
        return parse_stored(cls, text, name="reading", version=SCHEMA_VERSION, upgrades={1: _from_1})


def _from_1(record: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew no classes, herniations, canal, contact or migration: they are missing, with that reason."""
    return record | {"schema_version": 2}
