"""Dense labels on the fine grid, as the spine lay on a date."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.course.pose import Pose
from resorb.simulation.phantom import Phantom
from resorb.study import FloatArray, Volume

SLABS = 16
EDGE_MM = 2.0


def fine_labels(phantom: Phantom, pose: Pose) -> Volume:
    """`anatomy_index` at the voxel centres of a fine grid in the date's world, as wide as there is anything labelled.

    Nothing is interpolated: every voxel asks where its tissue lies in the phantom.
    """
    fine = phantom.fine
    low, high = _extent(phantom)
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), -1).reshape(-1, 3)
    placed = pose.from_rest(corners)
    start, end = placed.min(axis=0) - EDGE_MM, placed.max(axis=0) + EDGE_MM
    shape = np.ceil((end - start) / fine.pitch_mm).astype(int) + 1
    affine = np.diag([fine.pitch_mm] * 3 + [1.0])
    affine[:3, 3] = start
    labels = np.zeros(tuple(shape), np.uint16)
    y, z = (start[a] + fine.pitch_mm * np.arange(shape[a]) for a in (1, 2))

    def fill(part: NDArray[np.int64]) -> None:
        for i in part:
            points = np.empty((shape[1], shape[2], 3))
            points[..., 0] = start[0] + fine.pitch_mm * i
            points[..., 1], points[..., 2] = y[:, None], z[None, :]
            index = np.rint((pose.to_rest(points) - fine.origin) / fine.pitch_mm).astype(np.intp)
            inside = ((index >= 0) & (index < phantom.anatomy.shape)).all(axis=-1)
            found = phantom.anatomy[tuple(index[inside].T)]
            labels[i][inside] = found

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(fill, np.array_split(np.arange(shape[0]), SLABS)))
    return Volume(labels, affine)


def _extent(phantom: Phantom) -> tuple[FloatArray, FloatArray]:
    """World corners of the box of everything labelled."""
    there = phantom.anatomy > 0
    axes = phantom.fine.axes()
    low, high = np.zeros(3), np.zeros(3)
    for a in range(3):
        others = tuple(b for b in range(3) if b != a)
        found = np.flatnonzero(there.any(axis=others))
        low[a], high[a] = axes[a][found[0]], axes[a][found[-1]]
    return low, high
