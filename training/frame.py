"""Coordinates along a labelled spine, for rules such as "behind the bodies" or "below the last disc".

Volumes are (slice, row, column), rows superior -> inferior, columns anterior -> posterior; spacing in mm likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]
Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Spine:
    """Position of every voxel relative to the centreline through a chain of vertebrae or discs.

    `along` and `behind` are (row, column) maps in mm: arc length from the first centre (negative above it), and
    distance from the line, positive behind it. `aside` is (slice, row, column): distance to the left or right.
    """

    along: Field
    behind: Field
    aside: Field
    stations: NDArray[np.float64]  # arc length of each centre

    @property
    def last(self) -> float:
        """Arc length in mm of the lowest centre."""
        return float(self.stations[-1])


def spine(centres_mm: NDArray[np.float64], shape: tuple[int, int, int], spacing: Spacing) -> Spine:
    """Frame of a chain of centres (n, 3), ordered downwards, n >= 2; straight beyond both ends."""
    line = centres_mm[:, 1:]
    reach = 400.0
    first, last = line[0] - line[1], line[-1] - line[-2]
    ends = [line[0] + reach * first / np.linalg.norm(first), line[-1] + reach * last / np.linalg.norm(last)]
    points = np.vstack([ends[0], line, ends[1]])
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    arcs = np.concatenate([[0.0], np.cumsum(steps)]) - steps[0]
    rows, columns = np.meshgrid(
        np.arange(shape[1], dtype=np.float32) * spacing[1],
        np.arange(shape[2], dtype=np.float32) * spacing[2],
        indexing="ij",
    )
    nearest = np.full(shape[1:], np.inf, np.float32)
    along = np.zeros(shape[1:], np.float32)
    behind = np.zeros(shape[1:], np.float32)
    for start, step, arc, length in zip(points[:-1], np.diff(points, axis=0), arcs[:-1], steps, strict=True):
        unit = step / length
        dr, dc = rows - start[0], columns - start[1]
        t = np.clip(dr * unit[0] + dc * unit[1], 0.0, length)
        er, ec = dr - t * unit[0], dc - t * unit[1]
        distance = np.hypot(er, ec)
        closer = distance < nearest
        # The posterior normal of a downward line points to larger columns.
        side = np.sign(ec * unit[0] - er * unit[1])
        along[closer] = (arc + t)[closer]
        behind[closer] = (distance * side)[closer]
        nearest[closer] = distance[closer]
    middle = np.interp(along, arcs[1:-1], centres_mm[:, 0]).astype(np.float32)
    slices = np.arange(shape[0], dtype=np.float32)[:, None, None] * spacing[0]
    return Spine(along, behind, np.abs(slices - middle), arcs[1:-1])


def centre_mm(mask: Mask, spacing: Spacing) -> NDArray[np.float64]:
    """Centre of mass of a mask, in mm from the first voxel."""
    centre: NDArray[np.float64] = np.argwhere(mask).mean(axis=0) * np.asarray(spacing)
    return centre


@dataclass(frozen=True)
class Plane:
    """Coordinates relative to an endplate-like plane: `down` in mm caudal of it, `back` in mm posterior of its centre.

    Both are (row, column) maps: the plane stands square on the sagittal plane. `length` is its extent in mm.
    """

    down: Field
    back: Field
    length: float


def _plane(
    origin: NDArray[np.float64],
    back: NDArray[np.float64],
    length: float,
    shape: tuple[int, ...],
    spacing: Spacing,
) -> Plane:
    down = np.array([back[1], -back[0]])  # (row, column) direction that points caudally
    rows, columns = np.meshgrid(
        np.arange(shape[1]) * spacing[1] - origin[0],
        np.arange(shape[2]) * spacing[2] - origin[1],
        indexing="ij",
    )
    return Plane(
        (rows * down[0] + columns * down[1]).astype(np.float32),
        (rows * back[0] + columns * back[1]).astype(np.float32),
        length,
    )


def plane_of_disc(mask: Mask, spacing: Spacing) -> Plane:
    """Middle plane of a disc: the long axis of its sagittal projection, weighted by thickness."""
    points = np.argwhere(mask)[:, 1:] * np.asarray(spacing[1:])
    middle = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((points - middle).T))
    back = vectors[:, -1] * (1.0 if vectors[1, -1] >= 0 else -1.0)
    low, high = np.percentile((points - middle) @ back, [2, 98])
    return _plane(middle + back * (low + high) / 2, back, float(high - low), mask.shape, spacing)


def plane_under_body(mask: Mask, spacing: Spacing) -> Plane:
    """Lower endplate of a vertebral body: a line through the lowest voxels of its middle slices."""
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    middle = slices[len(slices) // 3 : max(len(slices) * 2 // 3, len(slices) // 3 + 1)]
    points = np.argwhere(mask[middle])
    columns = np.unique(points[:, 2])
    trim = max(1, len(columns) // 6)
    columns = columns[trim:-trim] if len(columns) > 2 * trim + 2 else columns
    lowest = np.array([np.median([p.max() for p in _rows(mask[middle], c)]) for c in columns])
    slope, offset = np.polyfit(columns * spacing[2], lowest * spacing[1], 1)
    back = np.array([slope, 1.0]) / np.hypot(slope, 1.0)
    centre = float(columns.mean() * spacing[2])
    length = float(np.ptp(columns) * spacing[2] * 1.4)
    return _plane(np.array([slope * centre + offset, centre]), back, length, mask.shape, spacing)


def _rows(stack: Mask, column: int) -> list[NDArray[np.intp]]:
    return [rows for plane in stack if len(rows := np.flatnonzero(plane[:, column]))]


def hull(mask: Mask, spacing: Spacing) -> Mask:
    """Convex hull of a mask, as a mask of the same shape."""
    border = mask & ~ndimage.binary_erosion(mask)
    points = np.argwhere(border) * np.asarray(spacing)
    facets = ConvexHull(points).equations.astype(np.float32)
    low = np.argwhere(border).min(axis=0)
    high = np.argwhere(border).max(axis=0) + 1
    grid = np.moveaxis(np.indices(tuple(high - low)), 0, -1) + low
    flat = (grid.reshape(-1, 3) * np.asarray(spacing)).astype(np.float32)
    inside = np.ones(len(flat), bool)
    for facet in facets:
        alive = np.flatnonzero(inside)
        inside[alive] = flat[alive] @ facet[:3] + facet[3] <= 1e-3
    result = np.zeros(mask.shape, bool)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    result[box] = inside.reshape(grid.shape[:3])
    return result
