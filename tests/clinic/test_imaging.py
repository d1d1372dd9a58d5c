from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from resorb.clinic.imaging import ImagingFinding, findings_of
from resorb.reading import QUANTITIES, Class, Classes, DiscReading, Quantity, Reading


def _disc(level: str, *flags: str, classes: Classes | None = None, **more: Any) -> DiscReading:
    numbers = {name: Quantity(value=1.0) for name in QUANTITIES}
    side = None if classes else "left"
    return DiscReading.model_validate(
        {"level": level, "flags": flags, **numbers, "side": side, "classes": classes, **more}
    )


def _classes(morphology: str, zone: str = "paracentral", side: str = "right", by: str = "") -> Classes:
    return Classes(
        morphology=Class(value=morphology, given_by=by),
        msu_size=Class(value="2"),
        msu_zone=Class(value="A"),
        zone=Class(value=zone, margin=1.0),
        side=Class(value=side),
        height_level=Class(value=None, reason="no pedicles"),
    )


def _reading(*discs: DiscReading) -> Reading:
    return Reading.model_construct(resorb_version="0.1.0", discs=discs)


def test_a_reading_without_classes_gives_level_and_side() -> None:
    reading = _reading(_disc("L3/L4"), _disc("L4/L5", "displaced", "focal"), _disc("L5/S1", "displaced"))
    (finding,) = findings_of(reading)
    assert (finding.level, finding.side, finding.zone, finding.morphology) == ("L4/L5", "left", None, None)
    assert finding.source == "resorb 0.1.0"


def test_classes_are_taken_where_a_reading_has_them() -> None:
    (finding,) = findings_of(_reading(_disc("L4/L5", "displaced", classes=_classes("extrusion"))))
    assert (finding.zone, finding.side, finding.height_level) == ("paracentral", "right", None)
    assert (finding.morphology, finding.source) == ("extrusion", "resorb 0.1.0")


@pytest.mark.parametrize("morphology", ["none", "bulge"])
def test_what_is_classed_as_no_herniation_is_no_finding(morphology: str) -> None:
    disc = _disc("L4/L5", "displaced", "focal", classes=_classes(morphology))
    assert findings_of(_reading(disc)) == ()


def test_a_reader_is_named_as_the_source() -> None:
    disc = _disc("L4/L5", classes=_classes("protrusion", by="A. Reader, 2024-03-01"))
    (finding,) = findings_of(_reading(disc))
    assert finding.source == "A. Reader, 2024-03-01, and resorb 0.1.0"


def test_thoracic_levels_are_left_out() -> None:
    assert findings_of(_reading(_disc("T10/T11", "displaced", "focal", "thoracic"))) == ()


def test_lateral_material_has_a_side() -> None:
    with pytest.raises(ValidationError, match="not in the midline"):
        ImagingFinding(level="L4/L5", zone="foraminal", side="midline")
    assert ImagingFinding(level="L4-L5").level == "L4/L5"
