"""Displaced material behind a flat reference: which voxels, how deep, how much, and what hangs together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resorb.anatomy import Level
from resorb.frame import Frame, Rim
from resorb.measurement.displaced import EDGE_AREA_MM2, Displaced, find_displaced
from resorb.study import FloatArray, Volume

#: Slices of 2 mm, pixels of 0.5 mm; slice 10, row 40 and column 20 is the origin of the frame.
SPACING = np.array([2.0, 0.5, 0.5])
ORIGIN = np.array([10, 40, 20])
SHAPE = (21, 80, 80)
Box = tuple[slice, slice, slice]


def grid() -> Volume:
    """Sagittal order: right to left, downwards, backwards."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]]).T * SPACING
    affine[:3, 3] = -affine[:3, :3] @ ORIGIN
    return Volume(np.zeros(SHAPE, np.uint8), affine)


def frame(slip: float = 0.0, *, step_share: float = 0.0) -> Frame:
    """Corners 10 mm apart at the origin, straight walls, rims 20 mm to either side."""
    left = np.array([-20.0, 20.0])
    rims = [
        Rim(left, np.full(2, p), np.full(2, c), (0.0, 0.0), "a test")
        for p, c in ((-slip / 2, 5.0), (slip / 2, -5.0))
    ]
    axes = np.diag([-1.0, -1.0, 1.0])
    return Frame(Level("L4", "L5"), np.zeros(3), axes, rims[0], rims[1], slip, step_share, 10.0, "a test")


def box(slices: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.bool_]:
    """Voxels counted from the origin: slices to the left, rows down, columns back; ends left out."""
    mask = np.zeros(SHAPE, bool)
    i, j, k = (slice(o + a, o + b) for o, (a, b) in zip(ORIGIN, (slices, rows, columns), strict=True))
    mask[i, j, k] = True
    return mask


def displaced(mask: NDArray[np.bool_]) -> Displaced:
    return find_displaced(mask, frame(), grid())[0]


@given(
    slices=st.tuples(st.integers(-8, 0), st.integers(1, 9)),
    rows=st.tuples(st.integers(-9, 0), st.integers(1, 9)),
    back=st.integers(2, 30),
)
def test_a_block_has_the_size_that_it_has(slices: tuple[int, int], rows: tuple[int, int], back: int) -> None:
    """A disc that reaches `back` columns behind the surface, cut off by it: columns from 1 on lie behind."""
    found = displaced(box(slices, rows, (-15, back)))
    # The column on the surface itself is not behind it.
    expected = (slices[1] - slices[0]) * (rows[1] - rows[0]) * (back - 1) * SPACING.prod()
    assert found.volume_mm3 == pytest.approx(expected)
    # To the far face of the last voxel.
    assert found.depth_mm == pytest.approx((back - 1) * 0.5 + 0.25)
    by_slice = found.by_slice_mm2()
    assert by_slice.shape == (SHAPE[0],)
    assert by_slice.max() == pytest.approx((rows[1] - rows[0]) * (back - 1) * 0.25)
    assert np.count_nonzero(by_slice) == slices[1] - slices[0]
    assert by_slice.sum() * SPACING[0] == pytest.approx(found.volume_mm3)


def test_local_coordinates_go_with_the_voxels() -> None:
    found = displaced(box((3, 4), (-2, -1), (6, 7)))
    np.testing.assert_allclose(found.local, [[6.0, 3.0, 1.0]], atol=1e-9)  # left, posterior, cranial
    np.testing.assert_allclose(found.behind_mm, [3.0], atol=1e-9)
    assert found.index.tolist() == [[13, 38, 26]]


def test_nothing_behind_is_zero_and_not_an_error() -> None:
    found = displaced(box((-5, 6), (-9, 10), (-20, 1)))
    assert (found.volume_mm3, found.depth_mm) == (0.0, 0.0)
    assert not found.depth_by_slice_mm().any()
    assert not found.cropped
    assert not found.around_apex(0.5).any()


def test_depth_is_told_slice_by_slice() -> None:
    found = displaced(box((0, 1), (0, 2), (-5, 5)) | box((1, 2), (0, 2), (-5, 9)))
    depth = found.depth_by_slice_mm()
    assert depth[10:13].tolist() == pytest.approx([2.25, 4.25, 0.0])
    assert depth.max() == pytest.approx(found.depth_mm)


def test_what_hangs_together_with_the_apex() -> None:
    """Two heaps joined only by a film near the surface are two; a free fragment elsewhere is a third."""
    film = box((-6, 7), (0, 4), (-5, 2))  # 0.5 mm behind at most
    deep, shallow = box((-6, -3), (0, 4), (2, 14)), box((3, 7), (0, 4), (2, 8))
    fragment = box((-6, -3), (20, 24), (2, 10))
    found = displaced(film | deep | shallow | fragment)
    apex = np.zeros(SHAPE, bool)
    apex[tuple(found.index[found.around_apex(0.5)].T)] = True
    np.testing.assert_array_equal(apex, deep)
    # With the film counted, the two heaps are one.
    apex[tuple(found.index[found.around_apex(0.0)].T)] = True
    assert apex[shallow].all() and not apex[fragment].any()


@pytest.mark.parametrize("end", [(-10, -6), (7, 11)])
def test_material_at_the_last_slice_is_cropped(end: tuple[int, int]) -> None:
    assert displaced(box(end, (0, 8), (-5, 10))).cropped
    inner = (end[0] + 1, end[1] - 1)
    assert not displaced(box(inner, (0, 8), (-5, 10))).cropped


def test_a_few_voxels_at_the_last_slice_are_rounding() -> None:
    few = int(EDGE_AREA_MM2 / 0.25)
    body = box((5, 10), (0, 8), (-5, 10))
    assert not displaced(body | box((10, 11), (0, 1), (1, 1 + few))).cropped
    assert displaced(body | box((10, 11), (0, 1), (1, 2 + few))).cropped


def test_disc_laid_open_by_a_slip_is_not_displaced() -> None:
    """A disc filled up to the more posterior corner: behind the line, but laid open, not pushed out."""
    slip = 8.0
    disc = box((-5, 6), (-9, 10), (-15, 8))  # to 3.5 mm behind the origin; the lower corner is at 4 mm
    found, laid_open = find_displaced(disc, frame(slip, step_share=1.0), grid())
    assert found.volume_mm3 == 0.0
    points: FloatArray = grid().to_world(np.argwhere(disc))
    posterior, cranial = -points[:, 1], points[:, 2]
    behind_line = posterior > -cranial * slip / 10.0 + 1e-9
    assert laid_open == pytest.approx(np.count_nonzero(behind_line) * SPACING.prod(), rel=0.02)
    # Without the step the same tissue would be taken for a herniation.
    assert find_displaced(disc, frame(slip), grid())[0].volume_mm3 == pytest.approx(laid_open, rel=0.02)
    assert find_displaced(disc, frame(slip), grid())[1] == 0.0
