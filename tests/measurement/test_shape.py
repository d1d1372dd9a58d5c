"""Shapes between voxels, against balls and blocks whose surface is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resorb.measurement.shape import FAR_MM, cover, shape_of
from resorb.study import FloatArray, Volume


def grid(spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> Volume:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -0.5 * (np.array(shape) - 1) * spacing
    return Volume(np.zeros(shape, np.uint8), affine)


def ball(volume: Volume, centre: FloatArray, radius: float) -> np.ndarray:
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.shape), indexing="ij"), axis=-1)
    return np.asarray(np.linalg.norm(volume.to_world(index) - centre, axis=-1) < radius)


@settings(max_examples=10)
@given(
    offset=st.tuples(*(st.floats(-0.5, 0.5) for _ in range(3))),
    radius=st.floats(6, 10),
    slices=st.sampled_from([0.9, 1.5]),
)
def test_the_surface_of_a_ball_lies_where_it_is(
    offset: tuple[float, float, float], radius: float, slices: float
) -> None:
    volume = grid((slices, 0.5, 0.5), (40, 60, 60))
    centre = np.array(offset)
    shape = shape_of(ball(volume, centre, radius), volume)
    assert shape is not None
    # Within the slice through its middle, every way from it.
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    edge = centre + radius * np.column_stack([np.zeros(40), np.cos(turn), np.sin(turn)])
    assert np.abs(shape.at(edge)).max() < 0.45
    assert abs(float(shape.at(edge).mean())) < 0.12


def test_thick_slices_are_joined_by_shape_not_by_steps() -> None:
    """A cone cut every 4 mm: between two slices its radius is between theirs."""
    volume = grid((4.0, 0.5, 0.5), (9, 80, 80))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.shape), indexing="ij"), axis=-1)
    world = volume.to_world(index)
    cone = np.linalg.norm(world[..., 1:], axis=-1) < 10.0 + 0.5 * world[..., 0]
    shape = shape_of(cone, volume)
    assert shape is not None
    for x in (-9.0, -3.0, 2.0, 5.0):
        radius = 10.0 + 0.5 * x
        assert float(shape.at(np.array([[x, radius, 0.0]]))[0]) == pytest.approx(0.0, abs=0.25)


def test_a_shape_ends_halfway_to_the_next_slice_and_with_the_field() -> None:
    volume = grid((4.0, 0.5, 0.5), (7, 40, 40))
    mask = np.zeros(volume.shape, bool)
    mask[3, 8:32, 8:32] = True
    shape = shape_of(mask, volume)
    assert shape is not None
    inside, outside = shape.at(np.array([[1.7, 0.0, 0.0], [2.3, 0.0, 0.0]]))
    assert inside < 0 < outside
    assert shape.at(np.array([[30.0, 0.0, 0.0]]))[0] == FAR_MM
    assert shape_of(np.zeros(volume.shape, bool), volume) is None


def test_a_cell_is_covered_by_how_far_its_centre_lies_inside() -> None:
    assert cover(np.array([-1.0, -0.25, 0.0, 0.25, 1.0]), 0.5).tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]
