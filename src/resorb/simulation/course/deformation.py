"""Where the tissue of one date lies on another: the exact deformation between two scans of a simulated patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.simulation.course.pose import Pose, solve
from resorb.simulation.phantom import Phantom, Push
from resorb.study import FloatArray, Volume

GRID_MM = 2.0
# Half steps converge wherever tissue was compressed to no less than a quarter, full steps do not.
STEP, TOLERANCE_MM = 0.5, 1e-3


def deformation(first: tuple[Phantom, Pose], second: tuple[Phantom, Pose]) -> tuple[Volume, ...]:
    """The displacement of every point of the spine from the first date to the second.

    Displaced material is not followed (what was eroded is nowhere); there, the field is what the tissue around
    it does.

    Returns:
        Three float32 volumes, the displacement along right, anterior and superior in mm, on a 2 mm grid in the
        first date's world.
    """
    phantom, pose = first
    corners = np.stack(np.meshgrid(*([axis[0], axis[-1]] for axis in phantom.fine.axes()), indexing="ij"), -1)
    placed = pose.from_rest(corners.reshape(-1, 3))
    low, high = placed.min(axis=0), placed.max(axis=0)
    shape = np.ceil((high - low) / GRID_MM).astype(int) + 1
    affine = np.diag([GRID_MM, GRID_MM, GRID_MM, 1.0])
    affine[:3, 3] = low
    points = low + GRID_MM * np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3)
    there = follow(points, first, second)
    moved = (there - points).astype(np.float32).reshape(*shape, 3)
    return tuple(Volume(np.ascontiguousarray(moved[..., a]), affine) for a in range(3))


def follow(points: FloatArray, first: tuple[Phantom, Pose], second: tuple[Phantom, Pose]) -> FloatArray:
    """Points (n, 3) of the first date's world to where their tissue lies on the second date, mm."""
    rest = unpressed(first[0], first[1].to_rest(points))
    return second[1].from_rest(pressed(second[0], rest))


def unpressed(phantom: Phantom, points: FloatArray) -> FloatArray:
    """Points (n, 3) of a phantom to where their tissue lay before anything was displaced, mm."""
    points = points.copy()
    for push in reversed(phantom.pushes):
        near = _near(phantom, push, points)
        points[near] += _offset(phantom, push, points[near])
    return points


def pressed(phantom: Phantom, points: FloatArray) -> FloatArray:
    """The inverse of `unpressed`, by damped fixed-point steps; what is displaced itself ends near its surface."""
    points = points.copy()
    for push in phantom.pushes:
        near = _near(phantom, push, points)

        def back(at: FloatArray, push: Push = push) -> FloatArray:
            return at + _offset(phantom, push, at)

        points[near] = solve(points[near], back, TOLERANCE_MM, STEP)
    return points


def _near(phantom: Phantom, push: Push, points: FloatArray) -> NDArray[np.bool_]:
    """Which points (n, 3) lie where anything was pushed."""
    axes = phantom.fine.axes(push.window)
    low, high = (np.array([axis[end] for axis in axes]) for end in (0, -1))
    return np.asarray(((points >= low) & (points <= high)).all(axis=1))


def _offset(phantom: Phantom, push: Push, points: FloatArray) -> NDArray[np.float64]:
    first = np.array([axis[0] for axis in phantom.fine.axes(push.window)])
    index = ((points - first) / phantom.fine.pitch_mm).T
    parts = [ndimage.map_coordinates(part, index, order=1, mode="constant") for part in push.to_rest]
    return np.stack(parts, -1).astype(np.float64)
