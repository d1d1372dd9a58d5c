"""Postures: bones move rigidly, the map back to rest is smooth and its inverse is one."""

from __future__ import annotations

import numpy as np
import pytest

from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.simulation.course.pose import Pose, lie
from resorb.simulation.phantom import Phantom
from resorb.simulation.spec import PoseSpec
from resorb.study import FloatArray
from tests.simulation import toy

STILL = {level: 0.0 for level in toy.LEVELS}


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return toy.phantom()


@pytest.fixture(scope="module")
def bent(phantom: Phantom) -> Pose:
    spec = PoseSpec(
        flexion_deg=STILL | {toy.LEVELS[1]: 4.0}, turn_deg=(5.0, -4.0, 8.0), shift_mm=(3.0, -7.0, 11.0)
    )
    return lie(phantom, spec, 1)


def bone(phantom: Phantom, name: str) -> FloatArray:
    """Points inside a vertebral body, well away from its surface."""
    rng = np.random.default_rng(2)
    low, high = np.array([-20.0, 4.0, -11.0]), np.array([20.0, 30.0, 11.0])
    return np.asarray(rng.uniform(low, high, (300, 3)) + np.array([0, 0, toy.middle_z(name)]))


def homogeneous(matrix: FloatArray, points: FloatArray) -> FloatArray:
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


@pytest.mark.parametrize("name", toy.NAMES)
def test_bone_moves_as_its_rigid_transform_says(phantom: Phantom, bent: Pose, name: str) -> None:
    points = bone(phantom, name)
    there = homogeneous(bent.vertebra(name), points)
    assert bent.from_rest(points) == pytest.approx(there, abs=1e-2)
    assert bent.to_rest(there) == pytest.approx(points, abs=1e-2)


def test_the_inverse_is_the_inverse_between_the_bones_too(phantom: Phantom, bent: Pose) -> None:
    points = np.random.default_rng(3).uniform([-39, -44, -79], [39, 44, 79], (2000, 3))
    assert bent.to_rest(bent.from_rest(points)) == pytest.approx(points, abs=1e-3)


def test_neighbouring_points_stay_in_order(bent: Pose) -> None:
    """No fold: the determinant of the map's derivative is positive everywhere."""
    grid = np.stack(np.meshgrid(*(np.arange(low, 40.0, 2.0) for low in (-38, -42, -60)), indexing="ij"), -1)
    mapped = bent.to_rest(grid)
    slopes = np.stack([np.gradient(mapped, 2.0, axis=axis) for axis in range(3)], -1)
    assert np.linalg.det(slopes).min() > 0.5


def test_flexion_bends_forwards_by_the_angle_asked_for(phantom: Phantom, bent: Pose) -> None:
    relative = np.linalg.inv(bent.vertebra("L5")) @ bent.vertebra("L4")
    angle = np.degrees(np.arccos((np.trace(relative[:3, :3]) - 1) / 2))
    assert angle == pytest.approx(4.0, abs=1e-6)
    head = np.array([[0.0, 17.0, toy.middle_z("L3")]])
    upright = lie(phantom, PoseSpec(flexion_deg=STILL, turn_deg=(0, 0, 0), shift_mm=(0, 0, 0)), 1)
    only = lie(
        phantom,
        PoseSpec(flexion_deg=STILL | {toy.LEVELS[1]: 4.0}, turn_deg=(0, 0, 0), shift_mm=(0, 0, 0)),
        1,
    )
    assert only.from_rest(head)[0, 1] > upright.from_rest(head)[0, 1] + 2.0  # anterior is +y
    assert upright.from_rest(head) == pytest.approx(head)


def test_a_drawn_posture_is_small_and_repeatable(phantom: Phantom) -> None:
    first, second, third = (lie(phantom, PoseSpec(), seed) for seed in (5, 5, 6))
    assert first.flexion_deg == second.flexion_deg != third.flexion_deg
    assert all(abs(angle) <= 2.0 for angle in first.flexion_deg.values())
    points = bone(phantom, "L4")
    assert np.array_equal(first.to_rest(points), second.to_rest(points))


def test_a_level_that_is_not_there_cannot_bend(phantom: Phantom) -> None:
    with pytest.raises(UsageError, match="L1/L2 cannot bend"):
        lie(phantom, PoseSpec(flexion_deg={Level("L1", "L2"): 1.0}), 0)
