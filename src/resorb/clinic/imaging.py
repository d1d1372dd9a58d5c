"""What imaging says, in the words that the clinical side needs: where a herniation lies, and what it looks like."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from resorb.clinic.base import ClinicRecord, Day, LevelText, PathText, Text
from resorb.reading import HERNIATIONS, Classes, DiscReading, Reading

Zone = Literal["central", "paracentral", "subarticular", "foraminal", "extraforaminal"]
HeightLevel = Literal["disc", "suprapedicle", "pedicle", "infrapedicle"]
Morphology = Literal["none", "bulge", "protrusion", "extrusion", "sequestration"]


class ImagingFinding(ClinicRecord):
    """One disc level as imaging describes it; None where it says nothing.

    Attributes:
        zone, side, height_level, morphology: the terms of the combined task force, v2.0.
        height_vertebra: behind which body migrated material lies; None at the disc.
        source: who says so, e.g. "radiologist's report" or "resorb 0.2.0".
    """

    level: LevelText
    zone: Zone | None = None
    side: Literal["left", "right", "midline"] | None = None
    height_level: HeightLevel | None = None
    height_vertebra: Literal["T12", "L1", "L2", "L3", "L4", "L5", "L6", "S1"] | None = None
    morphology: Morphology | None = None
    root_compressed: Literal["none", "contact", "deviation", "compression"] | None = None
    source: Text = ""

    @model_validator(mode="after")
    def _sides(self) -> Self:
        if self.zone not in (None, "central") and self.side == "midline":
            raise ValueError(f"{self.zone} material lies to the left or to the right, not in the midline")
        return self


class ImagingStudy(ClinicRecord):
    """One imaging study of the course.

    Attributes:
        path: of the images, as `resorb read` takes it, from the folder of the record.
        reading: path of a stored reading (`reading.json`, or its folder), from the folder of the record.
        findings: herniations that a report describes; an empty list means a report without any, None no report.
    """

    date: Day
    modality: Literal["MR", "CT", "XR", "other"] = "MR"
    path: PathText | None = None
    reading: PathText | None = None
    findings: tuple[ImagingFinding, ...] | None = None
    note: Text = ""


def findings_of(reading: Reading) -> tuple[ImagingFinding, ...]:
    """The herniations of a reading as findings, from the uppermost downwards, several of one level as several.

    Where a level was not classed, its focal displaced material is a finding with level and side alone. Levels marked
    `thoracic`, and those that only bulge or whose disc a slip uncovers, are left out.
    """
    source = f"resorb {reading.resorb_version}"
    return tuple(
        _finding(disc, classes, source)
        for disc in reading.discs
        if disc.herniated and "thoracic" not in disc.flags
        for classes in _herniations(disc)
    )


def _herniations(disc: DiscReading) -> list[Classes | None]:
    own = [one.classes for one in disc.herniations if one.classes is not None]
    herniated = [one for one in own if one.morphology.value in HERNIATIONS]
    return [*herniated] or [disc.classes]


def _finding(disc: DiscReading, classes: Classes | None, source: str) -> ImagingFinding:
    if classes is None:
        return ImagingFinding(level=disc.level, side=disc.side, source=source)
    by = classes.morphology.given_by
    given = {
        "zone": classes.zone.value,
        "side": classes.side.value or disc.side,
        "height_level": classes.height_level.value,
        "height_vertebra": classes.height_vertebra,
        "morphology": classes.morphology.value,
        "source": f"{by}, and {source}" if by else source,
    }
    return ImagingFinding.model_validate({"level": disc.level, **given})
