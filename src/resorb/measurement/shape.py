"""The shape of a mask between its voxels: a signed distance, read anywhere in the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.study import FloatArray, Volume
from resorb.voxels import box_of

Mask = NDArray[np.bool_]
Float32 = NDArray[np.float32]

SMOOTHING_PX = 0.6  # takes the staircase off an outline
PAD = 4
FAR_MM = 50.0


@dataclass(frozen=True, eq=False)
class Shape:
    """A mask as a signed distance within its slices, mm, negative inside; between slices it is interpolated.

    Interpolating distances in place of voxels carries an outline over from slice to slice (shape-based interpolation,
    Raya and Udupa, IEEE Trans Med Imaging 1990;9:32); beyond its last slice a shape ends halfway to the next one.

    Attributes:
        volume: the grid of the stack, slices along its first axis.
        distance: float32 (i, j, k), on the part of the grid from `corner` on.
    """

    volume: Volume
    distance: Float32
    corner: NDArray[np.intp]

    def at(self, world: FloatArray) -> Float32:
        """Signed distance at world points (..., 3), mm; beyond the field far outside."""
        index = self.volume.to_index(world)
        beyond = np.any((index < -0.5) | (index > np.array(self.volume.shape) - 0.5), axis=-1)
        place = np.moveaxis(index - self.corner, -1, 0)
        found = ndimage.map_coordinates(self.distance, place, order=1, mode="nearest")
        return np.asarray(np.where(beyond, FAR_MM, found), np.float32)


def shape_of(mask: Mask, volume: Volume) -> Shape | None:
    """The shape of a mask (i, j, k) on a grid whose slices lie along the first axis; None where it is empty."""
    parts = box_of(mask, PAD)
    if parts is None:
        return None
    part = mask[parts]
    pixels = volume.spacing_mm[1:]
    distance = np.full(part.shape, FAR_MM, np.float32)
    filled = np.flatnonzero(part.any(axis=(1, 2)))
    for k in filled:
        distance[k] = _signed(part[k], pixels)
    for k in np.setdiff1d(np.arange(len(part)), filled):
        # As far outside as the nearest slice is deep: the shape so ends halfway between the two.
        near = filled[np.argmin(np.abs(filled - k))]
        distance[k] = max(float(-distance[near].min()), float(pixels.min()))
    return Shape(volume, distance, np.array([s.start for s in parts]))


def _signed(mask: Mask, pixels: FloatArray) -> Float32:
    """Signed distance (j, k) to the edge of a mask, which lies between its pixels' centres."""
    half = 0.5 * float(pixels.mean())
    outside = ndimage.distance_transform_edt(~mask, sampling=pixels) - half
    inside = half - ndimage.distance_transform_edt(np.pad(mask, 1), sampling=pixels)[1:-1, 1:-1]
    signed = np.where(mask, inside, outside)
    return np.asarray(ndimage.gaussian_filter(signed, SMOOTHING_PX, mode="nearest"), np.float32)


def cover(distance: NDArray[np.floating], cell_mm: float) -> Float32:
    """Share of a cell inside a shape, from the signed distance of its centre."""
    return np.asarray(np.clip(0.5 - distance / cell_mm, 0.0, 1.0), np.float32)
