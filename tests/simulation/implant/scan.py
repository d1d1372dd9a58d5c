"""A scan of the box spine, whose lengths are known in closed form, on any grid and in any orientation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Level
from resorb.simulation.phantom import Phantom
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray, Volume
from tests.simulation import toy

LEVEL = Level("L4", "L5")
GREYS = {
    Tissue.FAT: 110.0, Tissue.EPIDURAL_FAT: 130.0, Tissue.MARROW: 75.0, Tissue.CORTEX: 12.0,
    Tissue.ANNULUS: 35.0, Tissue.CSF: 220.0,
}  # fmt: skip
BLUR_MM = 0.45
NOISE = 5.0


@dataclass(frozen=True, eq=False)
class Scan:
    image: Volume
    labels: Volume


@cache
def body() -> Phantom:
    return toy.phantom(1.0)


def scan(
    spacing: tuple[float, float, float] = (0.9, 0.5, 0.5),
    *,
    half_width: float = 16.0,
    noise: float = NOISE,
    dtype: type[np.generic] = np.uint8,
    seed: int = 0,
) -> Scan:
    """Sagittal slices (right to left, anterior to posterior, superior to inferior)."""
    extent = (2 * half_width, 64.0, 120.0)
    shape = tuple(round(e / s) for e, s in zip(extent, spacing, strict=True))
    affine = np.diag([-spacing[0], -spacing[1], -spacing[2], 1.0])
    affine[:3, 3] = half_width - spacing[0] / 2, 30.0 - spacing[1] / 2, 60.0 - spacing[2] / 2
    labels = Volume(np.zeros(shape, np.uint16), affine)
    inside = labels.to_world(np.moveaxis(np.indices(shape), 0, -1))
    fine = body().fine
    index = np.rint((inside - fine.origin) / fine.pitch_mm).astype(int)
    at = tuple(np.clip(index[..., a], 0, n - 1) for a, n in enumerate(fine.tissue.shape))
    table = np.zeros(len(Tissue), np.float32)
    table[list(GREYS)] = list(GREYS.values())
    grey = ndimage.gaussian_filter(table[fine.tissue[at]], (0, BLUR_MM / spacing[1], BLUR_MM / spacing[2]))
    grey += noise * grain(shape, seed)
    info = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else None  # type: ignore[type-var]
    values = np.rint(grey).clip(0, info.max if info else None) if info else grey
    return Scan(Volume(values.astype(dtype), affine), Volume(body().anatomy[at], affine))


def grain(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Noise of standard deviation 1 that hangs together over about a voxel, as interpolated scans' does."""
    white = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(white, (0, 0.6, 0.6))
    return np.asarray(smooth / smooth.std(), np.float32)


def stored(volume: Volume, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Volume:
    """The same voxels in another storage order."""
    data = volume.data.transpose(axes)
    affine: FloatArray = volume.affine.copy()
    affine[:3, :3] = volume.affine[:3, list(axes)]
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (data.shape[axis] - 1)
            affine[:3, axis] *= -1
            data = np.flip(data, axis)
    return Volume(data, affine)
