"""Prominence against profiles whose summits are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.measurement.focal import prominence

AT = np.arange(-24.0, 24.5, 1.0)


def triangle(
    height: float, half_width: float, at: float = 0.0
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.clip(height * (1.0 - np.abs(AT - at) / half_width), 0.0, None)


@given(st.floats(3.0, 10.0), st.floats(5.0, 12.0), st.floats(0.0, 4.0))
def test_a_triangle_on_a_bulge(height: float, half_width: float, bulge: float) -> None:
    found = prominence(triangle(height, half_width) + bulge, 1.0, 0.5)
    # The running median takes off the tip: a slice's worth of slope.
    assert found.height_mm == pytest.approx(height, abs=height / half_width + 1e-6)
    assert found.width_mm == pytest.approx(half_width, abs=2.0)


def test_a_broad_bulge_stands_out_nowhere() -> None:
    assert prominence(np.full(20, 4.0), 1.0, 0.5).height_mm == 0.0


def test_the_higher_side_counts() -> None:
    profile = np.where(AT < 0, 4.0, 2.0) + triangle(3.0, 6.0)  # its top is 6.5, just to the side of the step
    assert prominence(profile, 1.0, 0.5).height_mm == pytest.approx(2.5, abs=0.5)


def test_what_the_field_cuts_is_not_shown_to_be_focal() -> None:
    assert prominence(triangle(6.0, 20.0, at=24.0), 1.0, 0.5).height_mm == 0.0


def test_one_noisy_slice_is_no_summit() -> None:
    profile = np.full(21, 2.0)
    profile[10] = 5.0
    assert prominence(profile, 0.9, 0.5).height_mm == 0.0


def test_thick_slices_are_not_smoothed_away() -> None:
    assert prominence(np.array([0.0, 0.0, 6.0, 5.0, 0.0, 0.0]), 4.0, 0.5).height_mm == 6.0
