"""How far two masks agree: Dice's coefficient, and the distances between their surfaces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.voxels import box_of

Mask = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceDistance:
    """Symmetric distance between two surfaces, mm: mean and 95th percentile over the surface voxels of both."""

    mean_mm: float
    p95_mm: float


def dice(one: Mask, other: Mask) -> float:
    """Dice's coefficient; not a number where both are empty."""
    size = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / size if size else float("nan")


def surface(mask: Mask) -> Mask:
    """Voxels of a mask with a face towards outside it; the field's own edge is no surface."""
    return np.asarray(mask & ~ndimage.binary_erosion(mask, border_value=1))


def surface_distance(
    one: Mask, other: Mask, spacing_mm: FloatArray, where: Mask | None = None
) -> SurfaceDistance:
    """Distance from each mask's surface to the other's, between centres of surface voxels.

    Args:
        one, other: masks of one shape.
        spacing_mm: (3,) distance between voxels along each axis.
        where: only surface voxels in here are asked for their distance; the surface they are measured to is whole.

    Returns:
        Not a number where either mask has no surface.
    """
    box = box_of(one | other, beyond=1)
    if box is None or not (one.any() and other.any()):
        return SurfaceDistance(float("nan"), float("nan"))
    rims = [surface(mask[box]) for mask in (one, other)]
    if not (rims[0].any() and rims[1].any()):  # a mask that fills the field
        return SurfaceDistance(float("nan"), float("nan"))
    asked = np.ones(rims[0].shape, bool) if where is None else where[box]
    pairs = ((rims[0], rims[1]), (rims[1], rims[0]))
    found = [ndimage.distance_transform_edt(~to, sampling=spacing_mm)[of & asked] for of, to in pairs]
    distances = np.fromiter(chain(*found), float)
    if not len(distances):
        return SurfaceDistance(float("nan"), float("nan"))
    return SurfaceDistance(float(distances.mean()), float(np.percentile(distances, 95)))
