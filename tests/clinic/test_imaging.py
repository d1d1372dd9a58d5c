from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from resorb.clinic.imaging import ImagingFinding, findings_of
from resorb.reading import QUANTITIES, DiscReading, Quantity, Reading


class ClassifiedDisc(DiscReading):
    """A disc reading that holds classes as well, as records with a value and as plain names."""

    classes: dict[str, Any]


def _disc(level: str, *flags: str, classes: dict[str, Any] | None = None) -> DiscReading:
    given: dict[str, Any] = {
        "level": level,
        "flags": flags,
        **{name: Quantity(value=1.0) for name in QUANTITIES},
    }
    if classes is None:
        return DiscReading(**given, side="left")
    return ClassifiedDisc(**given, classes=classes)


def _reading(*discs: DiscReading) -> Reading:
    return Reading.model_construct(resorb_version="0.1.0", discs=discs)


def test_a_reading_without_classes_gives_level_and_side() -> None:
    reading = _reading(_disc("L3/L4"), _disc("L4/L5", "displaced", "focal"), _disc("L5/S1", "displaced"))
    (finding,) = findings_of(reading)
    assert (finding.level, finding.side, finding.zone, finding.morphology) == ("L4/L5", "left", None, None)
    assert finding.source == "resorb 0.1.0"


def test_classes_are_taken_where_a_reading_has_them() -> None:
    classes = {
        "zone": {"value": "paracentral", "margin": 1.0},
        "side": {"value": "right"},
        "height_level": {"value": None, "reason": "no pedicles"},
        "morphology": "extrusion",
    }
    (finding,) = findings_of(_reading(_disc("L4/L5", "displaced", "focal", classes=classes)))
    assert (finding.zone, finding.side, finding.height_level) == ("paracentral", "right", None)
    assert finding.morphology == "extrusion"


def test_thoracic_levels_are_left_out() -> None:
    assert findings_of(_reading(_disc("T10/T11", "displaced", "focal", "thoracic"))) == ()


def test_lateral_material_has_a_side() -> None:
    with pytest.raises(ValidationError, match="not in the midline"):
        ImagingFinding(level="L4/L5", zone="foraminal", side="midline")
    assert ImagingFinding(level="L4-L5").level == "L4/L5"
