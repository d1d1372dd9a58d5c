"""Functions given on a regular grid, looked up between its points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Table:
    """A function on a regular grid.

    Attributes:
        values: float32, of any number of dimensions.
        low: the coordinates of its first entry.
        step: between entries, the same along every axis.
    """

    values: Float32
    low: tuple[float, ...]
    step: float

    def at(self, *points: ArrayLike) -> Float32:
        """Linear interpolation at points (one array per axis, of one shape); beyond the grid, its edge."""
        index = [
            (np.asarray(point, np.float32) - np.float32(low)) / np.float32(self.step)
            for point, low in zip(points, self.low, strict=True)
        ]
        shaped = np.stack(np.broadcast_arrays(*index))
        return np.asarray(
            ndimage.map_coordinates(self.values, shaped, order=1, mode="nearest", output=np.float32)
        )


def axis(low: float, high: float, step: float) -> NDArray[np.float64]:
    """Evenly spaced values from `low` to at least `high`."""
    return np.asarray(low + step * np.arange(int(np.ceil((high - low) / step)) + 1), np.float64)


def waves(seed: Sequence[int], points: Sequence[Float32], count: int = 7) -> Float32:
    """A smooth random function of standard deviation about 1, of points given in units of its coarsest detail."""
    rng = np.random.default_rng(seed)
    total = np.zeros(np.broadcast_shapes(*(p.shape for p in points)), np.float32)
    for _ in range(count):
        direction = rng.normal(size=len(points))
        direction *= rng.uniform(0.5, 1.1) / np.linalg.norm(direction)
        phase = np.full(1, rng.uniform(0, 2 * np.pi), np.float32)
        for point, part in zip(points, direction, strict=True):
            phase = phase + np.float32(2 * np.pi * part) * point
        total += np.sin(phase)
    return np.asarray(total * np.float32(np.sqrt(2 / count)), np.float32)
