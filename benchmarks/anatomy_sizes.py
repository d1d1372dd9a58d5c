"""Sizes of bodies and discs from a label map, measured the same way on people and on simulated spines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MIDLINE_MM, TRIM, END = 2.6, 0.12, 0.14
MIN_VOXELS, MIN_COLUMNS = 60, 8


def sizes(
    labels: NDArray[np.uint16], affine: Array, names: Mapping[int, str]
) -> Iterator[tuple[str, str, float]]:
    """(name of a body or disc, quantity, value in mm or degrees) of every labelled block that lies whole in the field.

    Each block is measured in its own frame: up is halfway between the normals of its two surfaces in the midline.

    Args:
        labels: (i, j, k) label map.
        affine: (4, 4) to RAS+ mm.
        names: label to name, from below upwards or in any order.
    """
    blocks = {name: _points(labels, affine, value) for value, name in names.items()}
    blocks = {name: points for name, points in blocks.items() if len(points) >= MIN_VOXELS}
    order = sorted(blocks, key=lambda name: -float(blocks[name][:, 2].mean()))
    tilts: dict[str, tuple[float, float]] = {}
    heights: dict[str, float] = {}
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    for n, name in enumerate(order):
        near = order[max(n - 1, 0) : n + 2]
        course = (
            blocks[near[0]].mean(0) - blocks[near[-1]].mean(0) if len(near) > 1 else np.array([0, 0, 1.0])
        )
        found = _block(blocks[name], course, spacing)
        if found is None:
            continue
        values, tilts[name] = found
        heights[name] = values["height_mm"]
        yield from ((name, quantity, value) for quantity, value in values.items())
    for upper, lower in pairwise(order):
        if upper in tilts and lower in tilts and "/" not in upper and "/" not in lower:
            apart = float(np.linalg.norm(blocks[upper].mean(0) - blocks[lower].mean(0)))
            yield f"{upper}/{lower}", "gap_mm", apart - (heights[upper] + heights[lower]) / 2
    for first, last in (("L1", "L5"), ("L1/L2", "L5/S1")):
        if first in tilts and last in tilts:
            yield f"{first} to {last}", "lordosis_deg", tilts[last][1] - tilts[first][0]


def _points(labels: NDArray[np.uint16], affine: Array, value: int) -> Array:
    index = np.argwhere(labels == value)
    return np.asarray(index @ affine[:3, :3].T + affine[:3, 3])


def _block(
    points: Array, course: Array, spacing: Array
) -> tuple[dict[str, float], tuple[float, float]] | None:
    """Sizes of one block, and the forward tilt of its upper and lower surface, degrees."""
    x = float((points[:, 0].min() + points[:, 0].max()) / 2)
    middle = points[np.abs(points[:, 0] - x) <= max(MIDLINE_MM, 0.6 * spacing[0])]
    tilt = float(np.arctan2(course[1], course[2]))
    step = float(spacing[1:].max())
    for _ in range(4):
        at, top, bottom = _columns(middle, tilt, step)
        if len(at) < MIN_COLUMNS:
            return None
        rim = (at > np.quantile(at, TRIM)) & (at < np.quantile(at, 1 - TRIM))
        upper, lower = (np.polyfit(at[rim], edge[rim], 1) for edge in (top, bottom))
        tilt += float(np.arctan((upper[0] + lower[0]) / 2))
    _, up = _own(points, tilt)
    depth = float(at.max() - at.min() + step)
    low, high = at.min() + END * depth, at.max() - END * depth
    height = top - bottom
    ends = ((up.min() + up.max()) / 2, np.ptp(up))
    values = {
        "depth_mm": depth,
        "height_mm": float(np.median(height[np.abs(at - at.mean()) < 0.15 * depth])),
        "anterior_mm": float(np.median(height[at < low])),
        "posterior_mm": float(np.median(height[at > high])),
        "wedge_deg": float(np.degrees(np.arctan(lower[0]) - np.arctan(upper[0]))),
    }
    for name, part in (
        ("upper_width_mm", up > ends[0] + 0.2 * ends[1]),
        ("lower_width_mm", up < ends[0] - 0.2 * ends[1]),
        ("width_mm", np.ones(len(up), bool)),
    ):
        values[name] = float(np.ptp(points[part, 0]) + spacing[0])
    return values, (
        float(np.degrees(tilt + np.arctan(upper[0]))),
        float(np.degrees(tilt + np.arctan(lower[0]))),
    )


def _own(points: Array, tilt: float) -> tuple[Array, Array]:
    """(backwards, upwards) of points in a frame that leans forwards, mm."""
    y, z = points[:, 1], points[:, 2]
    return -y * np.cos(tilt) + z * np.sin(tilt), y * np.sin(tilt) + z * np.cos(tilt)


def _columns(points: Array, tilt: float, step: float) -> tuple[Array, Array, Array]:
    """Columns through the midline of a block: positions backwards, top and bottom, mm."""
    back, up = _own(points, tilt)
    column = np.round(back / step).astype(int)
    known, inverse = np.unique(column, return_inverse=True)
    top, bottom = np.full(len(known), -np.inf), np.full(len(known), np.inf)
    np.maximum.at(top, inverse, up)
    np.minimum.at(bottom, inverse, up)
    full = np.bincount(inverse) > 1
    return known[full] * step, top[full] + step / 2, bottom[full] - step / 2
