"""The deformation between two dates: what is followed there and back again lies where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resorb.simulation.course.deformation import deformation, follow
from resorb.simulation.course.pose import lie
from resorb.simulation.phantom import Phantom, Push
from resorb.simulation.spec import PoseSpec
from tests.simulation import toy

STILL = {level: 0.0 for level in toy.LEVELS}


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return toy.phantom(2.0)


def pushed(phantom: Phantom) -> Phantom:
    """A phantom whose canal was pushed backwards by up to 3 mm."""
    window = phantom.fine.window(np.array([-12.0, -22.0, -12.0]), np.array([12.0, 0.0, 12.0]))
    x, y, z = np.meshgrid(*phantom.fine.axes(window), indexing="ij")
    bell = np.clip(1 - (x / 12) ** 2, 0, 1) * np.clip(1 - (z / 12) ** 2, 0, 1)
    along = np.sin(np.pi * np.clip(-y / 22, 0, 1))
    field = np.zeros((3, *x.shape), np.float32)
    field[1] = 3.0 * bell * along  # rest lies in front of where it went
    return replace(phantom, pushes=(Push(window, field),))


def test_there_and_back(phantom: Phantom) -> None:
    first = (phantom, lie(phantom, PoseSpec(), 1))
    second = (pushed(phantom), lie(phantom, PoseSpec(), 2))
    points = np.random.default_rng(0).uniform([-20, -30, -50], [20, 30, 50], (500, 3))
    there = follow(points, first, second)
    assert follow(there, second, first) == pytest.approx(points, abs=0.02)
    assert np.abs(there - points).max() > 1.0


def test_the_same_posture_and_content_is_no_deformation(phantom: Phantom) -> None:
    still = lie(phantom, PoseSpec(flexion_deg=STILL, turn_deg=(0, 0, 0), shift_mm=(0, 0, 0)), 0)
    for part in deformation((phantom, still), (phantom, still)):
        assert np.abs(part.data).max() < 1e-4


def test_a_turned_patient_turns_everything(phantom: Phantom) -> None:
    still = lie(phantom, PoseSpec(flexion_deg=STILL, turn_deg=(0, 0, 0), shift_mm=(0, 0, 0)), 0)
    moved = lie(phantom, PoseSpec(flexion_deg=STILL, turn_deg=(0, 0, 0), shift_mm=(4.0, -2.0, 1.0)), 0)
    for part, shift in zip(deformation((phantom, still), (phantom, moved)), (4.0, -2.0, 1.0), strict=True):
        assert part.data == pytest.approx(np.full(part.shape, shift), abs=1e-3)
