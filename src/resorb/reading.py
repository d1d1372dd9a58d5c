"""The measured records: `Quantity`, `DiscReading`, `Reading`. Plain, validated, JSON in and out."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from resorb.stored import parse_stored

SCHEMA_VERSION = 1  # of this record; older ones are upgraded, newer ones refused

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


class DiscReading(_Record):
    """One disc level of one date.

    Points are RAS+ mm. The reference line runs, in the midline, from the posterior-inferior corner of
    the body above to the posterior-superior corner of the body below.

    Flags: `displaced` (disc tissue deeper behind the reference than the limit), `focal` (and standing out from
    the bulge around it, narrower than a quarter of the disc's circumference, within the field), `listhesis`,
    `uncovered` (a slip lays disc open; not herniated), `cropped` (displaced tissue touches the edge of the
    field), `thoracic` (above T12/L1: measured, not judged), `low_confidence`, `unmeasurable`.
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
    side: Literal["left", "right", "midline"] | None = None

    @property
    def displaced(self) -> bool:
        return "displaced" in self.flags


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
)


class Reading(_Record):
    """Everything measured on one date, from the uppermost level downwards."""

    kind: Literal["reading"] = "reading"
    schema_version: Literal[1] = 1
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
        """The level with the deepest focal displaced material; else the deepest displaced, else the deepest bulge."""
        measured = [disc for disc in self.discs if disc.depth_mm.at_least is not None]
        return max(
            measured,
            key=lambda d: (
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
        return parse_stored(cls, text, name="reading", version=SCHEMA_VERSION)
