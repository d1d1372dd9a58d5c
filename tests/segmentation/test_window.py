"""The window of the spine: whatever is found lies in it, and pieces elsewhere do not widen it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.segmentation.window import MARGIN_MM, Mask, Window, around, grown, sampled

SHAPE, SPACING = (300, 260), (1.0, 0.8)
WHOLE = Window(0, SHAPE[0], 0, SHAPE[1])


def spine(left: int = 100, width: int = 60, top: int = 0, bottom: int = 280) -> Mask:
    mask = np.zeros(SHAPE, bool)
    mask[top:bottom, left : left + width] = True
    return mask


@given(slices=st.integers(1, 200), slice_mm=st.floats(0.5, 8.0))
def test_no_slice_is_far_from_one_that_is_looked_at_whole(slices: int, slice_mm: float) -> None:
    seen = sampled(slices, slice_mm)
    assert slices // 2 in seen
    assert seen[0] >= 0 and seen[-1] < slices
    gaps = np.diff([-1, *seen, slices])
    assert max(gaps) * slice_mm <= 15.0 + slice_mm
    # Thick slices are not all looked at twice as far as needed: at most every slice.
    assert seen == sorted(set(seen))


@given(
    left=st.integers(0, 190), width=st.integers(20, 70), top=st.integers(0, 100), height=st.integers(60, 190)
)
def test_what_was_found_lies_inside_with_its_margin(left: int, width: int, top: int, height: int) -> None:
    mask = spine(left, width, top, min(top + height, SHAPE[0]))
    window = around([mask, spine(100, 20, 40, 100)], SPACING)
    assert window is not None
    rows, columns = np.nonzero(mask | spine(100, 20, 40, 100))
    row, column = round(MARGIN_MM / SPACING[0]), round(MARGIN_MM / SPACING[1])
    for edge, wanted in (
        (window.top, max(0, rows.min() - row)),
        (window.bottom, min(SHAPE[0], rows.max() + 1 + row)),
        (window.left, max(0, columns.min() - column)),
        (window.right, min(SHAPE[1], columns.max() + 1 + column)),
    ):
        # To the coarse pixel of 2 mm, and never tighter at its far ends than that.
        assert abs(edge - wanted) <= 3


def test_bowel_taken_for_bone_does_not_widen_the_window() -> None:
    false = np.zeros(SHAPE, bool)
    false[200:215, 5:25] = True
    assert around([spine() | false], SPACING) == around([spine()], SPACING)


def test_a_spine_in_two_parts_is_whole() -> None:
    """Between them nothing was found, as at metal: neither part is taken for a false piece."""
    parts = spine(bottom=120) | spine(left=140, top=170)
    window = around([parts], SPACING)
    assert window is not None
    assert window.left <= 100 - 20 and window.right >= 200 + 20 and window.bottom >= 280


@pytest.mark.parametrize("mask", [np.zeros(SHAPE, bool), spine(width=3, top=10, bottom=40)])
def test_where_too_little_is_found_there_is_no_window(mask: Mask) -> None:
    assert around([mask], SPACING) is None


@pytest.mark.parametrize(
    ("mask", "wider"),
    [
        (spine(100, 60, 60, 200), ""),
        (spine(60, 60, 60, 200), "left"),
        (spine(150, 60, 60, 200), "right"),
        (spine(100, 60, 0, 200), "top"),
        (spine(100, 60, 60, 298), "bottom"),
    ],
)
def test_the_window_grows_where_what_is_found_comes_near_its_edge(mask: Mask, wider: str) -> None:
    window = Window(30, 240, 60, 210)
    now = grown(window, mask, SPACING)
    for edge in ("top", "bottom", "left", "right"):
        assert (getattr(now, edge) != getattr(window, edge)) == (edge == wider)


def test_at_the_edge_of_the_image_nothing_grows() -> None:
    assert grown(WHOLE, spine(0, 260, 0, 300), SPACING) == WHOLE
