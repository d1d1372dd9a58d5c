"""Dice and surface distances against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.overlap import dice, surface, surface_distance

SPACING = np.array([0.9, 0.5, 0.4])


def ball(radius_mm: float, shape: tuple[int, int, int] = (60, 100, 120)) -> np.ndarray:
    centre = (np.array(shape) - 1) / 2
    offset = (np.indices(shape).transpose(1, 2, 3, 0) - centre) * SPACING
    return np.asarray(np.linalg.norm(offset, axis=-1) < radius_mm)


def slab(first: int, last: int) -> np.ndarray:
    mask = np.zeros((6, 40, 7), bool)
    mask[:, first:last] = True
    return mask


def test_dice_of_boxes_that_share_a_half_is_a_half() -> None:
    assert dice(slab(0, 10), slab(5, 15)) == pytest.approx(0.5)
    assert dice(slab(0, 10), slab(0, 10)) == 1.0
    assert dice(slab(0, 10), slab(20, 30)) == 0.0
    assert np.isnan(dice(slab(0, 0), slab(0, 0)))


def test_concentric_spheres_are_as_far_apart_as_their_radii() -> None:
    found = surface_distance(ball(15.0), ball(20.0), SPACING)
    assert found.mean_mm == pytest.approx(5.0, abs=0.25)  # a quarter of a slice
    assert found.p95_mm == pytest.approx(5.0, abs=0.6)
    assert surface_distance(ball(15.0), ball(15.0), SPACING).p95_mm == 0.0


def test_a_moved_slab_is_as_far_off_as_it_was_moved_and_the_edge_of_the_field_is_no_surface() -> None:
    found = surface_distance(slab(10, 30), slab(13, 33), SPACING)
    assert found.mean_mm == pytest.approx(1.5)
    assert found.p95_mm == pytest.approx(1.5)


def test_a_slab_grown_on_one_side_is_off_on_that_side_only() -> None:
    found = surface_distance(slab(10, 30), slab(10, 36), SPACING)
    assert found.mean_mm == pytest.approx(0.5 * 6 * 0.5)
    assert found.p95_mm == pytest.approx(3.0)


def test_distances_are_symmetric_and_use_each_axis_own_spacing() -> None:
    one = np.zeros((30, 30, 30), bool)
    one[10:20, 10:20, 10:20] = True
    for axis, spacing in enumerate(SPACING):
        other = np.roll(one, 4, axis)
        there, back = surface_distance(one, other, SPACING), surface_distance(other, one, SPACING)
        assert (there.mean_mm, there.p95_mm) == pytest.approx((back.mean_mm, back.p95_mm))
        # Of the six faces two are 4 voxels off; no point is farther.
        assert there.p95_mm == pytest.approx(4 * spacing, abs=1e-6)
        assert 0.2 * 4 * spacing < there.mean_mm < 0.6 * 4 * spacing


def test_only_surfaces_in_the_region_are_asked() -> None:
    where = np.zeros((6, 40, 7), bool)
    where[:, :20] = True
    assert surface_distance(slab(10, 30), slab(10, 36), SPACING, where).p95_mm == 0.0


def test_nothing_has_no_distance() -> None:
    assert np.isnan(surface_distance(slab(10, 30), slab(0, 0), SPACING).mean_mm)
    assert not surface(np.ones((3, 4, 5), bool)).any()
