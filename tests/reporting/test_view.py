from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from resorb.reporting.view import Rect, SagittalView
from resorb.study import FloatArray, Volume

ORDERS = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]


def oriented(
    order: tuple[int, int, int],
    signs: tuple[int, int, int],
    tilt_deg: tuple[float, float, float],
    mm: tuple[float, ...],
) -> FloatArray:
    """An affine whose array axis a runs along anatomical axis order[a] (R, A, S), with a sign, tilted."""
    directions = np.zeros((3, 3))
    for axis, (anatomical, sign) in enumerate(zip(order, signs, strict=True)):
        directions[anatomical, axis] = sign
    affine = np.eye(4)
    affine[:3, :3] = (
        Rotation.from_euler("xyz", tilt_deg, degrees=True).as_matrix() @ directions * np.array(mm)
    )
    affine[:3, 3] = (11.0, -23.0, 37.0)
    return affine


sign = st.sampled_from((-1, 1))
tilt = st.floats(-20, 20)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(ORDERS),
    st.tuples(sign, sign, sign),
    st.tuples(tilt, tilt, tilt),
    st.tuples(*[st.sampled_from((0.6, 1.0, 1.7, 3.0))] * 3),
    st.tuples(*[st.integers(4, 13)] * 3),
)
def test_a_bright_voxel_lands_at_its_place_of_the_world(
    order: tuple[int, int, int],
    signs: tuple[int, int, int],
    tilt_deg: tuple[float, float, float],
    mm: tuple[float, float, float],
    index: tuple[int, int, int],
) -> None:
    affine = oriented(order, signs, tilt_deg, mm)
    data = np.zeros((18, 18, 18))
    data[index] = 1000.0
    world = affine[:3, :3] @ index + affine[:3, 3]
    view = SagittalView(Volume(data, affine))

    # Truth, without the view: how far the voxel lies behind and below the corner voxel that is most
    # anterior and superior, along the array's own axes.
    a_axis, s_axis, r_axis = order.index(1), order.index(2), order.index(0)
    x = (index[a_axis] if signs[a_axis] < 0 else 17 - index[a_axis]) * mm[a_axis] + mm[a_axis] / 2
    y = (index[s_axis] if signs[s_axis] < 0 else 17 - index[s_axis]) * mm[s_axis] + mm[s_axis] / 2
    from_left = index[r_axis] if signs[r_axis] < 0 else 17 - index[r_axis]
    assert view.slice_at(world) == from_left
    assert view.to_picture(world) == pytest.approx([x, y], abs=1e-6)

    pixel = 0.2
    rect = Rect(x - 4.0, y - 3.0, 9.0, 7.0)
    picture = view.resampled(view.image(Volume(data, affine), from_left), rect, pixel, 0.0)
    assert picture.shape == (35, 45)
    row, column = np.unravel_index(int(np.argmax(picture)), picture.shape)
    assert (column + 0.5) * pixel == pytest.approx(4.0, abs=0.11)
    assert (row + 0.5) * pixel == pytest.approx(3.0, abs=0.11)


@given(st.sampled_from(ORDERS), st.tuples(sign, sign, sign), st.tuples(tilt, tilt, tilt))
@settings(deadline=None, max_examples=30)
def test_posterior_is_right_and_inferior_is_down(
    order: tuple[int, int, int], signs: tuple[int, int, int], tilt_deg: tuple[float, float, float]
) -> None:
    view = SagittalView(Volume(np.zeros((5, 6, 7)), oriented(order, signs, tilt_deg, (1.0, 1.0, 1.0))))
    assert view.direction((0, -1, 0))[0] > 0.8
    assert view.direction((0, 0, -1))[1] > 0.8
    start, end = view.to_picture(np.array([[0.0, 0, 0], [0, -10.0, -10.0]]))
    assert (end > start).all()


def test_millimetres_are_true_whatever_the_pixels() -> None:
    view = SagittalView(
        Volume(np.zeros((3, 40, 50)), oriented((0, 2, 1), (1, -1, -1), (0, 0, 0), (4.0, 1.5, 0.5)))
    )
    assert (view.width_mm, view.height_mm) == (25.0, 60.0)


def test_beyond_the_edge_is_the_outside_value_and_nan_does_not_spread() -> None:
    volume = Volume(np.ones((3, 10, 10)), oriented((0, 2, 1), (1, -1, -1), (0, 0, 0), (1.0, 1.0, 1.0)))
    view = SagittalView(volume)
    picture = view.resampled(volume.data[1], Rect(-5, 0, 10, 10), 0.5, -7.0)
    assert (picture[:, :10] == -7.0).all()
    assert picture[:, 10:] == pytest.approx(1.0)
    with_nan = volume.data[1].copy()
    with_nan[5, 5] = np.nan
    assert np.isfinite(view.resampled(with_nan, Rect(0, 0, 10, 10), 0.5, 0.0)).all()


@given(st.floats(-50, 150), st.floats(-50, 150), st.floats(5, 80))
def test_a_crop_moves_into_the_picture_and_keeps_its_size(x: float, y: float, size: float) -> None:
    rect = Rect.square((x, y), size).inside(100.0, 60.0)
    assert rect.width == rect.height == size
    assert rect.x >= -1e-9 and rect.x + size <= 100.0 + 1e-9
    if size <= 60:
        assert rect.y >= -1e-9 and rect.y + size <= 60.0 + 1e-9
    else:
        assert rect.y + size / 2 == pytest.approx(30.0)
