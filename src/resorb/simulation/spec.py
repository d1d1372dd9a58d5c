"""What can be asked of the simulator: validated records, read from TOML; unknown keys are refused."""

from __future__ import annotations

import tomllib
from datetime import date as Date  # noqa: N812 -- `date` is a field's name below
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from resorb.anatomy import Level
from resorb.errors import UsageError


def _level(value: object) -> Level:
    """A level from its name; what is wrong becomes part of the request's own error."""
    if isinstance(value, Level):
        return value
    try:
        return Level.parse(value if isinstance(value, str) else repr(value))
    except UsageError as error:
        raise ValueError(str(error)) from error


LevelName = Annotated[
    Level,
    BeforeValidator(_level),
    PlainSerializer(str, return_type=str),
]
Zone = Literal["central", "paracentral", "subarticular", "foraminal", "extraforaminal"]
Morphology = Literal["bulge", "protrusion", "extrusion", "sequestration"]
Mechanism = Literal["erosion", "shrinkage", "retraction"]
FIELDS_TESLA = (1.5, 3.0)
Vendor = Literal["siemens", "philips", "ge", "canon"]


def _known_field(tesla: float) -> float:
    if tesla not in FIELDS_TESLA:
        raise ValueError("relaxation times are known at 1.5 and 3 T only")
    return tesla


class Spec(BaseModel):
    """A request: immutable, finite, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)


class DiscSpec(Spec):
    """One disc before anything left it.

    Attributes:
        grade: degeneration, 1 (white nucleus, full height) to 5 (black, collapsed), as Pfirrmann's.
        height_share: of the height of a healthy disc at that level.
        bulge_mm: how far the disc stands out all around.
        schmorl_mm: depth of a Schmorl node in the upper endplate's body; 0 for none.
        osteophyte_mm: length of the osteophytes at its rims; 0 for none.
    """

    grade: Annotated[int, Field(ge=1, le=5)] | None = None
    height_share: Annotated[float, Field(ge=0.25, le=1.3)] | None = None
    bulge_mm: Annotated[float, Field(ge=0, le=4)] | None = None
    schmorl_mm: Annotated[float, Field(ge=0, le=8)] | None = None
    osteophyte_mm: Annotated[float, Field(ge=0, le=8)] | None = None


class SpineSpec(Spec):
    """A lumbar spine; what is left out is drawn from its seed.

    Attributes:
        size: scale of the skeleton; 1 is the mean adult.
        lumbar_bodies: 4 or 6 for a transitional vertebra.
        lordosis_deg: between the endplates of L1 and S1.
        scoliosis_deg: Cobb angle, positive where the apex points to the left.
        canal_share: width of the bony canal, 1 for the mean; 0.6 is a narrow canal.
        epidural_fat: 0 slim, 0.5 usual, 1 lipomatosis.
        slip_mm: per level, how far the upper vertebra slipped forwards (negative: backwards).
        muscle_fat: share of fat in the paraspinal muscle.
        variety: probability of each degenerative variant where it is not asked for.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    size: Annotated[float, Field(ge=0.8, le=1.2)] | None = None
    lumbar_bodies: Literal[4, 5, 6] = 5
    lordosis_deg: Annotated[float, Field(ge=5, le=85)] | None = None
    scoliosis_deg: Annotated[float, Field(ge=-30, le=30)] | None = None
    canal_share: Annotated[float, Field(ge=0.55, le=1.3)] | None = None
    epidural_fat: Annotated[float, Field(ge=0, le=1)] | None = None
    muscle_fat: Annotated[float, Field(ge=0, le=0.7)] | None = None
    slip_mm: dict[LevelName, Annotated[float, Field(ge=-8, le=15)]] = {}
    discs: dict[LevelName, DiscSpec] = {}
    variety: Annotated[float, Field(ge=0, le=1)] = 0.2


class HerniationSpec(Spec):
    """Displaced disc material as it is asked for; what was made of it stands in the truth.

    Attributes:
        side: None for a central one.
        depth_mm: largest distance behind the reference surface.
        width_mm: extent along the disc's margin; height_mm: extent from caudal to cranial.
        volume_mm3: of what lies behind the reference surface; the shape is made fuller or slimmer to meet it.
        migration_mm: how far it reaches beyond the disc space along the body above (positive) or below.
        neck_mm: width of its base on the disc's margin.
        brightness: share of water-rich nucleus, 0 dark to 1 bright.
    """

    level: LevelName
    type: Morphology = "protrusion"
    zone: Zone = "paracentral"
    side: Literal["left", "right"] | None = None
    depth_mm: Annotated[float, Field(gt=0, le=25)] | None = None
    width_mm: Annotated[float, Field(gt=0, le=60)] | None = None
    height_mm: Annotated[float, Field(gt=0, le=50)] | None = None
    volume_mm3: Annotated[float, Field(gt=0, le=8000)] | None = None
    migration_mm: Annotated[float, Field(ge=-30, le=30)] | None = None
    neck_mm: Annotated[float, Field(gt=0, le=60)] | None = None
    brightness: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> HerniationSpec:
        if self.type != "bulge" and (self.zone == "central") != (self.side is None):
            raise ValueError("a central herniation has no side, every other one has side left or right")
        if self.type == "sequestration" and self.neck_mm is not None:
            raise ValueError("a sequestration has lost its neck: leave neck_mm out")
        if self.type in {"bulge", "protrusion"} and self.migration_mm:
            raise ValueError(
                f"a {self.type} does not migrate: make it an extrusion, or leave migration_mm out"
            )
        return self


class ScannerSpec(Spec):
    """One series of a study.

    Attributes:
        sequence: "tse" (2D turbo spin echo) or "space" (3D).
        stacks: of an axial series, the levels that get a stack of slices angled along the disc; without
            any, the lumbar levels.
        slices: per stack; None for as many as cover the canal (sagittal) or the disc (axial).
        field_of_view_mm: of the square image.
        gap_mm: between slices.
        snr: of CSF; None for what is usual of the sequence.
        shading, ghosting, flow_void, chemical_shift_px: 0 for none; 1 is as bad as it gets in practice
            (`chemical_shift_px` in pixels).
        saturation: of the band in front of the spine that keeps bowel from ghosting (sagittal); 0 for none.
        clip: share of CSF voxels at the top of the grey scale.
    """

    sequence: Literal["tse", "space"] = "tse"
    plane: Literal["sagittal", "axial"] = "sagittal"
    field_tesla: Annotated[float, AfterValidator(_known_field)] = 1.5
    tr_ms: Annotated[float, Field(ge=500, le=12000)] | None = None
    te_ms: Annotated[float, Field(ge=20, le=300)] | None = None
    slice_mm: Annotated[float, Field(ge=0.5, le=6)] | None = None
    gap_mm: Annotated[float, Field(ge=0, le=3)] | None = None
    pixel_mm: Annotated[float, Field(ge=0.3, le=1.5)] | None = None
    slices: Annotated[int, Field(ge=3, le=160)] | None = None
    field_of_view_mm: Annotated[float, Field(ge=100, le=400)] | None = None
    stacks: tuple[LevelName, ...] = ()
    snr: Annotated[float, Field(ge=5, le=500)] | None = None
    shading: Annotated[float, Field(ge=0, le=1)] = 0.4
    ghosting: Annotated[float, Field(ge=0, le=1)] = 0.1
    flow_void: Annotated[float, Field(ge=0, le=1)] = 0.2
    chemical_shift_px: Annotated[float, Field(ge=0, le=3)] = 0.7
    saturation: Annotated[float, Field(ge=0, le=1)] = 0.7
    clip: Annotated[float, Field(ge=0, le=0.6)] = 0.0
    vendor: Vendor = "siemens"


class PoseSpec(Spec):
    """How the patient lies on a date, against how the spine was drawn.

    Attributes:
        flexion_deg: per level, positive bends forwards; levels left out are drawn within 2 degrees.
        turn_deg: of the whole patient about the axes right, anterior, superior; shift_mm along them.
            None draws a usual one.
    """

    flexion_deg: dict[LevelName, Annotated[float, Field(ge=-8, le=8)]] = {}
    turn_deg: tuple[float, float, float] | None = None
    shift_mm: tuple[float, float, float] | None = None


class ChangeSpec(Spec):
    """What became of one herniation since the date before.

    Attributes:
        herniation: its number, from 1 in the order they were listed.
        remaining: its displaced volume as a share of that of the date before; above 1 it grew.
        by: how a loss came about, as weights: erosion from the surface, uniform shrinkage, return along the neck.
        darkening: loss of brightness, 0 none to 1 all.
    """

    herniation: Annotated[int, Field(ge=1)] = 1
    remaining: Annotated[float, Field(ge=0, le=3)]
    by: Annotated[dict[Mechanism, Annotated[float, Field(gt=0)]], Field(min_length=1)] = {"erosion": 1.0}
    darkening: Annotated[float, Field(ge=0, le=1)] = 0.0


class DateSpec(Spec):
    """One scan date.

    Attributes:
        changes: what became of the herniations that are there; none: unchanged.
        new: herniations that came since (a recurrence, where an old one is gone).
        series: None scans as on the date before.
    """

    date: Date
    changes: tuple[ChangeSpec, ...] = ()
    new: tuple[HerniationSpec, ...] = ()
    pose: PoseSpec = PoseSpec()
    series: tuple[ScannerSpec, ...] | None = None


class CaseSpec(Spec):
    """One simulated patient: a spine, what left its discs, and the dates it was scanned on.

    Attributes:
        seed: of everything that is drawn; also of the spine, where that has no seed of its own.
        misfits: what becomes of a herniation that does not fit there: the case is refused, or goes without it (the
            truth tells what was made).
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "case"
    seed: Annotated[int, Field(ge=0)] = 0
    spine: SpineSpec = SpineSpec()
    herniations: tuple[HerniationSpec, ...] = ()
    dates: Annotated[tuple[DateSpec, ...], Field(min_length=1)]
    format: Literal["nifti", "dicom"] = "nifti"
    misfits: Literal["refuse", "leave out"] = "refuse"

    @model_validator(mode="before")
    @classmethod
    def _one_seed(cls, asked: Any) -> Any:
        if isinstance(asked, dict) and isinstance(asked.get("spine", {}), dict):
            return {**asked, "spine": {"seed": asked.get("seed", 0), **asked.get("spine", {})}}
        return asked

    @model_validator(mode="after")
    def _in_order(self) -> CaseSpec:
        days = [entry.date for entry in self.dates]
        if days != sorted(set(days)):
            raise ValueError("the dates must differ and follow one another")
        known = len(self.herniations)
        for entry in self.dates:
            for change in entry.changes:
                if [one.herniation for one in entry.changes].count(change.herniation) > 1:
                    raise ValueError(f"herniation {change.herniation} is changed twice on {entry.date}")
                if change.herniation > known:
                    raise ValueError(
                        f"herniation {change.herniation} is changed on {entry.date}, but is not there"
                    )
            known += len(entry.new)
        if self.dates[0].changes:
            raise ValueError("nothing can have changed on the first date")
        return self

    @classmethod
    def from_toml(cls, path: Path) -> CaseSpec:
        """Read a case.

        Raises:
            UsageError: the file cannot be read, is no TOML, has unknown keys or values outside their limits.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path}: not valid TOML ({error})") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            said = first["msg"].removeprefix("Value error, ")
            raise UsageError(f"{path}: {where}: {said}" if where else f"{path}: {said}") from error
