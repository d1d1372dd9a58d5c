"""Volumes keep every voxel where it is, in any storage order, and refuse impossible grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from resorb.errors import InputError
from resorb.study import Contrast, Plane, Series, Volume

SHAPE = (3, 4, 5)
#: Patient axes as rows of `Volume.sagittal`: right to left, downwards, backwards (RAS+).
SAGITTAL = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]])


def grid(
    *,
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    spacing: tuple[float, float, float] = (4.0, 0.6, 0.7),
    axes: tuple[int, ...] = (0, 1, 2),
    flips: tuple[bool, ...] = (False, False, False),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Volume:
    """Distinct numbers on a grid whose axis `a` runs along patient axis `axes[a]`, turned by `angles` degrees."""
    turned = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    signs = np.where(flips, -1.0, 1.0)
    affine = np.eye(4)
    affine[:3, :3] = turned @ SAGITTAL.T[:, list(axes)] * signs * spacing
    affine[:3, 3] = origin
    return Volume(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), affine)


def places(volume: Volume) -> dict[int, tuple[float, ...]]:
    """Where each number of a volume lies in the world."""
    world = volume.to_world(np.moveaxis(np.indices(volume.shape), 0, -1)).reshape(-1, 3)
    return {
        int(v): tuple(float(x) for x in np.round(w, 6))
        for v, w in zip(volume.data.ravel(), world, strict=True)
    }


grids = st.builds(
    grid,
    angles=st.tuples(*[st.floats(-25, 25)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 8.0)] * 3),
    axes=st.permutations((0, 1, 2)).map(tuple),
    flips=st.tuples(*[st.booleans()] * 3),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
)


@given(volume=grids)
def test_sagittal_order_moves_no_voxel_in_the_world(volume: Volume) -> None:
    stored, ordered = places(volume), places(volume.sagittal())
    assert stored.keys() == ordered.keys()
    for number, place in stored.items():
        assert ordered[number] == pytest.approx(place, abs=1e-5)


@given(volume=grids)
def test_sagittal_order_runs_leftwards_down_and_back(volume: Volume) -> None:
    directions = volume.sagittal().directions
    for axis, wanted in enumerate(SAGITTAL):
        assert directions[:, axis] @ wanted > 0


@given(volume=grids)
def test_sagittal_order_is_a_view_and_can_be_put_back(volume: Volume) -> None:
    ordered = volume.sagittal()
    assert np.shares_memory(ordered.data, volume.data)
    back = volume.from_sagittal(ordered.data * 2)
    np.testing.assert_array_equal(back.data, volume.data * 2)
    np.testing.assert_array_equal(back.affine, volume.affine)


@given(volume=grids)
def test_sagittal_order_of_sagittal_order_changes_nothing(volume: Volume) -> None:
    once = volume.sagittal()
    np.testing.assert_array_equal(once.sagittal().data, once.data)
    np.testing.assert_allclose(once.sagittal().affine, once.affine)


def test_the_head_is_up_and_the_face_to_the_left() -> None:
    # RAS storage: i to the right, j to the front, k upwards.
    volume = Volume(np.arange(60).reshape(SHAPE), np.diag([2.0, 1.0, 1.0, 1.0]))
    ordered = volume.sagittal()
    assert ordered.shape == (3, 5, 4)
    assert ordered.data[0, 0, 0] == volume.data[2, 3, 4]  # rightmost, foremost, uppermost
    assert ordered.data[2, 4, 3] == volume.data[0, 0, 0]


@given(volume=grids)
def test_axial_order_moves_no_voxel_and_can_be_put_back(volume: Volume) -> None:
    ordered = volume.axial()
    stored, there = places(volume), places(ordered)
    assert stored.keys() == there.keys()
    for number, place in stored.items():
        assert there[number] == pytest.approx(place, abs=1e-5)
    assert np.shares_memory(ordered.data, volume.data)
    back = volume.from_axial(ordered.data * 2)
    np.testing.assert_array_equal(back.data, volume.data * 2)
    np.testing.assert_array_equal(back.affine, volume.affine)


@given(volume=grids)
def test_axial_order_runs_down_back_and_leftwards(volume: Volume) -> None:
    directions = volume.axial().directions
    for axis, wanted in enumerate(SAGITTAL[[1, 2, 0]]):
        assert directions[:, axis] @ wanted > 0


def test_the_belly_is_up_and_the_patients_right_on_the_left() -> None:
    # RAS storage: i to the right, j to the front, k upwards.
    volume = Volume(np.arange(60).reshape(SHAPE), np.diag([1.0, 1.0, 4.0, 1.0]))
    ordered = volume.axial()
    assert ordered.shape == (5, 4, 3)
    assert ordered.data[0, 0, 0] == volume.data[2, 3, 4]  # uppermost, foremost, rightmost
    assert ordered.data[4, 3, 2] == volume.data[0, 0, 0]


@given(volume=grids, index=st.tuples(*[st.floats(-50, 500)] * 3))
def test_to_index_undoes_to_world(volume: Volume, index: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(volume.to_index(volume.to_world(index)), index, atol=1e-6)


@given(volume=grids)
def test_spacing_directions_and_volume_describe_the_affine(volume: Volume) -> None:
    for axis in range(3):
        step = volume.to_world(np.eye(3)[axis]) - volume.to_world(np.zeros(3))
        assert np.linalg.norm(step) == pytest.approx(volume.spacing_mm[axis])
        np.testing.assert_allclose(volume.directions[:, axis] * volume.spacing_mm[axis], step, atol=1e-9)
        assert volume.axis_towards(-step) == axis
    assert volume.voxel_volume_mm3 == pytest.approx(np.prod(volume.spacing_mm))


SHEARED = np.eye(4)
SHEARED[0, 1] = 0.05
SINGULAR = np.diag([1.0, 1.0, 0.0, 1.0])
PARALLEL = np.eye(4)
PARALLEL[:3, 1] = PARALLEL[:3, 0]


@pytest.mark.parametrize(
    ("affine", "said"),
    [
        pytest.param(SHEARED, "right angles", id="sheared"),
        pytest.param(PARALLEL, "right angles", id="two axes the same"),
        pytest.param(SINGULAR, "not plausible", id="singular"),
        pytest.param(np.diag([1.0, np.nan, 1.0, 1.0]), "finite", id="NaN"),
        pytest.param(np.diag([1.0, np.inf, 1.0, 1.0]), "finite", id="infinite"),
        pytest.param(np.eye(3), "4 x 4", id="3 x 3"),
        pytest.param(np.diag([0.004, 0.0006, 0.0006, 1.0]), "units", id="metres"),
        pytest.param(np.diag([4000.0, 600.0, 600.0, 1.0]), "units", id="micrometres"),
    ],
)
def test_impossible_grids_are_refused_in_one_line(affine: np.ndarray[Any, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Volume(np.zeros((2, 2, 2)), affine)
    assert "\n" not in str(caught.value)


def test_an_affine_sheared_by_rounding_only_is_taken() -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.002
    assert Volume(np.zeros((2, 2, 2)), affine).shape == (2, 2, 2)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4, 2), (4,)])
def test_only_three_dimensions_are_a_volume(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=f"{len(shape)} dimensions"):
        Volume(np.zeros(shape), np.eye(4))


def test_data_of_another_shape_does_not_fit_a_grid() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        grid().with_data(np.zeros((2, 2, 2)))


def test_a_series_of_several_stacks_measures_its_largest() -> None:
    small, large = (Volume(np.zeros(s), np.diag([0.6, 0.6, 5.0, 1.0])) for s in ((9, 9, 3), (9, 9, 4)))
    series = Series(5, (small, large, small), Plane.AXIAL, Contrast.T2)
    assert series.volume is large
    assert series.slice_spacing_mm == pytest.approx(5.0)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_slice_spacing_is_across_the_plane_whatever_the_storage_order(axes: tuple[int, int, int]) -> None:
    of_axis = {0: 4.0, 1: 0.6, 2: 0.7}
    spacing = (of_axis[axes[0]], of_axis[axes[1]], of_axis[axes[2]])
    series = Series(1, (grid(axes=axes, spacing=spacing),), Plane.SAGITTAL, Contrast.T2)
    assert series.slice_spacing_mm == pytest.approx(4.0)


def test_a_part_lies_where_it_lay() -> None:
    affine = np.array(
        [[0.0, 0.0, 2.0, -5.0], [0.9, 0.0, 0.0, 7.0], [0.0, -0.5, 0.0, 3.0], [0.0, 0.0, 0.0, 1.0]]
    )
    volume = Volume(np.arange(6 * 7 * 8).reshape(6, 7, 8), affine)
    part = volume.part((slice(1, 4), slice(2, 7), slice(3, 5)))
    assert part.shape == (3, 5, 2)
    assert part.data[1, 2, 1] == volume.data[2, 4, 4]
    np.testing.assert_allclose(part.to_world([1, 2, 1]), volume.to_world([2, 4, 4]))
