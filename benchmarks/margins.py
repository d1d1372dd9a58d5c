"""The posterior margins of discs, as experts and a model draw them: how far apart they are within the canal.

In each sagittal slice, the posterior border of a disc is those points of its outline that face backwards (within 60
degrees of the disc's own axis) and from which a line along that axis meets the expert's canal before disc or bone.
Distances run from the
expert's border to the nearest point of the model's outline in that slice, and from the model's border to the expert's
outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage import measure

Mask = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

REACH_MM = 15.0  # behind the disc; epidural fat may lie between it and the sac
OWN_MM = 15.0  # what the model calls disc farther than this from every disc of the expert's belongs to none of them
MISSED_MM = 10.0  # what a point of the expert's border counts where the model has no disc in the slice
STEP_MM = 0.05  # between the points of an outline that distances are measured to
FACING = 0.5  # cosine between the outline's outward normal and the disc's axis, from which it faces backwards
NORMAL_MM = 0.8  # the outline is smoothed at this scale for its normal, not for its place
HALF_CANAL_MM = 9.0  # to both sides of the disc's middle: taken for the canal where a set labels none


@dataclass(frozen=True, eq=False)
class Margin:
    """One disc's posterior margin.

    Attributes:
        distances_mm: (n,) of all points of both borders.
        slices: with a border that faces the canal; missed: those of them in which the model has no disc there.
    """

    distances_mm: FloatArray
    slices: int
    missed: int


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What lies behind discs, in the expert's labels, in sagittal order; no canal where the set has none."""

    canal: Mask | None
    bone: Mask
    spacing_mm: FloatArray


def margins(discs: dict[str, Mask], found: Mask, around: Surroundings) -> dict[str, Margin]:
    """The margin of every disc.

    Args:
        discs: the expert's, by level; (slices, rows, columns) in sagittal order.
        found: what the model calls disc, of any level; each voxel counts to the nearest of the expert's discs.
        around: canal and bone in the expert's labels.
    """
    box = _box(np.any(list(discs.values()), axis=0), np.ceil(OWN_MM / around.spacing_mm).astype(int) + 1)
    numbers = np.zeros(found[box].shape, np.int32)
    for number, mask in enumerate(discs.values(), start=1):
        numbers[mask[box]] = number
    distance, nearest = ndimage.distance_transform_edt(
        numbers == 0, sampling=around.spacing_mm, return_indices=True
    )
    owner = np.where(found[box] & (distance <= OWN_MM), numbers[tuple(nearest)], 0)
    canal = None if around.canal is None else around.canal[box]
    near = Surroundings(canal, around.bone[box], around.spacing_mm)
    return {
        level: _margin(numbers == number, owner == number, near)
        for number, level in enumerate(discs, start=1)
    }


def _margin(expert: Mask, model: Mask, around: Surroundings) -> Margin:
    axis = posterior_axis(expert, around.spacing_mm)
    spacing = around.spacing_mm
    middle = float(np.argwhere(expert)[:, 0].mean())
    distances: list[FloatArray] = []
    slices = missed = 0
    for k in np.flatnonzero(expert.any(axis=(1, 2))).tolist():
        if around.canal is None and abs(k - middle) * spacing[0] > HALF_CANAL_MM:
            continue
        outline = _outline(expert[k], spacing[1:])
        border = outline[_faces_canal(outline, axis, expert[k], around, k)]
        if not len(border):
            continue
        slices += 1
        if not model[k].any():
            missed += 1
            distances.append(np.full(len(border), MISSED_MM))
            continue
        other = _outline(model[k], spacing[1:])
        back = other[_faces_canal(other, axis, model[k], around, k)]
        distances += [_to_outline(border, model[k], spacing[1:]), _to_outline(back, expert[k], spacing[1:])]
    return Margin(np.concatenate(distances) if distances else np.zeros(0), slices, missed)


def posterior_axis(disc: Mask, spacing_mm: FloatArray) -> FloatArray:
    """(2,) unit vector (row, column) along a disc from front to back: the long axis of its sagittal projection."""
    points = np.argwhere(disc)[:, 1:] * spacing_mm[1:]
    _, vectors = np.linalg.eigh(np.cov((points - points.mean(axis=0)).T))
    axis = vectors[:, -1]
    return np.asarray(axis if axis[1] >= 0 else -axis)


def border_mm(disc: Mask, axis: FloatArray, around: Surroundings, number: int) -> FloatArray:
    """(n, 2) points (row, column), mm, of a disc's posterior border in slice `number`; `disc` is that slice's mask."""
    outline = _outline(disc, around.spacing_mm[1:])
    return outline[_faces_canal(outline, axis, disc, around, number)]


def _faces_canal(points: FloatArray, axis: FloatArray, disc: Mask, around: Surroundings, k: int) -> Mask:
    """Which points (n, 2) of a disc's outline see the canal straight behind them."""
    pixel = around.spacing_mm[1:]
    if not len(points):
        return np.zeros(0, bool)
    along = np.arange(0.3 * pixel.min(), REACH_MM, 0.5 * pixel.min())
    index = np.rint((points[:, None] + along[None, :, None] * axis) / pixel).astype(int)
    inside = ((index >= 0) & (index < np.array(disc.shape))).all(axis=-1)
    row, column = np.moveaxis(np.clip(index, 0, np.array(disc.shape) - 1), -1, 0)
    backwards = _normals(points / pixel, disc, pixel) @ axis > FACING
    blocked = (disc | around.bone[k])[row, column] & inside
    if around.canal is None:
        return np.asarray(backwards & ~(disc[row, column] & inside).any(axis=1))
    canal = around.canal[k][row, column] & inside
    never = len(along)
    first_canal = np.where(canal.any(axis=1), canal.argmax(axis=1), never)
    first_block = np.where(blocked.any(axis=1), blocked.argmax(axis=1), never)
    return np.asarray(backwards & (first_canal < never) & (first_canal < first_block))


def _normals(index: FloatArray, mask: Mask, pixel_mm: FloatArray) -> FloatArray:
    """(n, 2) unit vectors out of a slice's mask at fractional indices (n, 2)."""
    smooth = ndimage.gaussian_filter(mask.astype(np.float32), NORMAL_MM / pixel_mm, mode="constant")
    slope = np.gradient(smooth, *pixel_mm)
    out = -np.stack(
        [ndimage.map_coordinates(part, index.T, order=1, mode="nearest") for part in slope], axis=-1
    )
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-9))


def _outline(mask: Mask, pixel_mm: FloatArray) -> FloatArray:
    """(n, 2) points (row, column) of a slice's outline, mm, halfway between the pixels on its two sides."""
    contours = measure.find_contours(np.pad(mask, 1).astype(np.float32), 0.5)
    return (np.concatenate(contours) - 1) * pixel_mm if contours else np.zeros((0, 2))


def _to_outline(points: FloatArray, mask: Mask, pixel_mm: FloatArray) -> FloatArray:
    """(n,) distance of points to the nearest point of a slice's outline."""
    dense = []
    for contour in measure.find_contours(np.pad(mask, 1).astype(np.float32), 0.5):
        line = (contour - 1) * pixel_mm
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        at = np.union1d(length, np.arange(0.0, length[-1], STEP_MM))
        dense.append(np.column_stack([np.interp(at, length, line[:, axis]) for axis in (0, 1)]))
    distance, _ = cKDTree(np.concatenate(dense)).query(points)
    return np.asarray(distance, np.float64).reshape(-1)


def _box(mask: Mask, margin: NDArray[np.intp]) -> tuple[slice, slice, slice]:
    index = np.argwhere(mask)
    low, high = np.maximum(index.min(axis=0) - margin, 0), index.max(axis=0) + margin + 1
    a, b, c = (slice(int(first), int(last)) for first, last in zip(low, high, strict=True))
    return a, b, c
