"""Dense labels on the fine grid, as the spine lay on a date."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.course.pose import Pose
from resorb.simulation.phantom import Phantom
from resorb.study import FloatArray, Volume
from resorb.voxels import box_of

SLABS = 16
EDGE_MM = 2.0
STEPS = 4  # fine voxels per cell of the lattice


def fine_labels(phantom: Phantom, pose: Pose) -> Volume:
    """`anatomy_index` at the voxel centres of a fine grid in the date's world, as wide as there is anything labelled.

    No label is interpolated: every voxel asks where its tissue lies in the phantom. (The way there is, on a lattice
    as fine as that of the pose.)
    """
    fine = phantom.fine
    low, high = _extent(phantom)
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), -1).reshape(-1, 3)
    placed = pose.from_rest(corners)
    start = placed.min(axis=0) - EDGE_MM
    cells = np.ceil((placed.max(axis=0) + EDGE_MM - start) / (STEPS * fine.pitch_mm)).astype(int)
    coarse = start + STEPS * fine.pitch_mm * np.moveaxis(np.indices(cells + 1), 0, -1)
    index = ((pose.to_rest(coarse) - fine.origin) / fine.pitch_mm).astype(np.float32)
    labels = np.zeros(tuple(STEPS * cells), np.uint16)

    def fill(part: NDArray[np.int64]) -> None:
        for i in part:
            cell, step = divmod(int(i), STEPS)
            plane = index[cell] + np.float32(step / STEPS) * (index[cell + 1] - index[cell])
            x, y, z = np.moveaxis(np.rint(_between(_between(plane, 0), 1)).astype(np.int32), -1, 0)
            inside = (x >= 0) & (y >= 0) & (z >= 0)
            for axis, size in zip((x, y, z), phantom.anatomy.shape, strict=True):
                inside &= axis < size
            labels[i][inside] = phantom.anatomy[x[inside], y[inside], z[inside]]

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(fill, np.array_split(np.arange(labels.shape[0]), SLABS)))
    affine = np.diag([fine.pitch_mm] * 3 + [1.0])
    affine[:3, 3] = start
    return Volume(labels, affine)


def _between(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Linear interpolation along one axis to `STEPS` values per cell; the last value is left out."""
    values = np.moveaxis(values, axis, 0)
    shares = (np.arange(STEPS, dtype=np.float32) / STEPS).reshape(1, STEPS, *[1] * (values.ndim - 1))
    finer = values[:-1, None] + shares * (values[1:] - values[:-1])[:, None]
    return np.moveaxis(finer.reshape(-1, *values.shape[1:]), 0, axis)


def _extent(phantom: Phantom) -> tuple[FloatArray, FloatArray]:
    """World corners of the box of everything labelled."""
    held = [
        axis[part] for axis, part in zip(phantom.fine.axes(), box_of(phantom.anatomy > 0) or (), strict=True)
    ]
    return np.array([axis[0] for axis in held]), np.array([axis[-1] for axis in held])
