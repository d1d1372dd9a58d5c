from typing import Any

import numpy as np
import pytest

from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.simulation.scanner.protocol import fill, frequency_axis, matrix, spacing_mm
from resorb.simulation.spec import ScannerSpec
from tests.simulation import toy

SPINE = toy.phantom(2.0)


@pytest.mark.parametrize("tesla", [1.5, 3.0])
@pytest.mark.parametrize(
    ("sequence", "plane"), [("tse", "sagittal"), ("tse", "axial"), ("space", "sagittal")]
)
def test_usual_values_fill_what_is_left_out(sequence: str, plane: str, tesla: float) -> None:
    spec = ScannerSpec.model_validate({"sequence": sequence, "plane": plane, "field_tesla": tesla})
    full = fill(spec, SPINE)
    assert all(value is not None for value in full.model_dump().values())
    assert full.tr_ms and full.te_ms and full.tr_ms > 5 * full.te_ms
    assert 256 <= matrix(full) <= 700
    assert full.gap_mm == 0 if sequence == "space" else full.gap_mm
    assert fill(full, SPINE) == full


def test_given_values_stay() -> None:
    spec = ScannerSpec(
        tr_ms=2500, te_ms=80, slice_mm=5, gap_mm=1, pixel_mm=0.8, slices=11, field_of_view_mm=280, snr=35
    )
    full = fill(spec, SPINE)
    assert spec.model_dump(exclude={"stacks"}) == full.model_dump(exclude={"stacks"})
    assert (matrix(full), spacing_mm(full)) == (350, 6)


def test_slices_cover_the_pedicles_the_canal_or_the_disc() -> None:
    full = fill(ScannerSpec(), SPINE)
    assert int(full.slices or 0) * spacing_mm(full) > 2 * 22  # lateral borders of the toy's pedicles
    slab = fill(ScannerSpec(sequence="space"), SPINE)
    assert 2 * 13 < int(slab.slices or 0) * spacing_mm(slab) < 2 * 22  # canal, but not pedicles
    axial = fill(ScannerSpec(plane="axial"), SPINE)
    assert int(axial.slices or 0) * spacing_mm(axial) > toy.DISC_MM
    assert axial.stacks == (Level("L3", "L4"), Level("L4", "L5"), Level("L5", "S1"))


def test_frequency_is_along_the_rows_of_sagittal_slices_but_for_ge() -> None:
    assert frequency_axis(ScannerSpec()) == "row"
    assert frequency_axis(ScannerSpec(vendor="ge")) == "column"
    assert frequency_axis(ScannerSpec(plane="axial")) == "column"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"plane": "axial", "stacks": ["T12/L1"]}, "T12/L1"),
        ({"stacks": ["L4/L5"]}, "sagittal"),
        ({"sequence": "space", "plane": "axial"}, "SPACE"),
        ({"sequence": "space", "gap_mm": 0.3}, "gap"),
        ({"sequence": "space", "slice_mm": 4.0}, "4 mm"),
        ({"slice_mm": 0.9}, "0.9 mm"),
        ({"tr_ms": 500, "te_ms": 300, "slices": 160}, "mm"),
        ({"field_of_view_mm": 120}, "fold"),
        ({"pixel_mm": 0.3, "field_of_view_mm": 400}, "1333 pixels"),
        ({"slices": 100}, "440 mm"),
    ],
)
def test_what_no_scanner_can_do_is_refused_in_one_line(wish: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        fill(ScannerSpec.model_validate(wish), SPINE)
    assert "\n" not in str(caught.value)


def test_an_echo_cannot_come_after_the_next_pulse() -> None:
    late = ScannerSpec(te_ms=250).model_copy(update={"tr_ms": 200.0})
    with pytest.raises(UsageError, match="TE 250"):
        fill(late, SPINE)


def test_slice_counts_are_odd_and_at_least_three() -> None:
    counts = [fill(ScannerSpec(slice_mm=mm), SPINE).slices for mm in np.arange(2, 6.1, 0.5)]
    assert all(count and count % 2 == 1 and count >= 3 for count in counts)
