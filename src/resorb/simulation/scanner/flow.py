"""Moving CSF: where it moves to and fro behind and beside the cord it loses its signal in thick slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

from resorb.simulation.phantom import Tissues
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

#: Size of the swirls across and along the canal, mm, and how much signal the strongest take (judged by eye).
SWIRL_MM, SWIRL_LENGTH_MM = 4.0, 18.0
DEEPEST = 0.85
TILE = (32, 32, 64)
CELLS_PER_SWIRL = 2.0
#: Swirls wander this far up and down over the width of the sac, so that none ends in a straight line, in swirls.
WANDER = 0.6
#: Swirls begin at this share of the way from the front to the back of the sac, and are full this much farther back;
#: at its sides they reach farther forwards, this weak.
DORSAL_FROM, DORSAL_OVER, LATERAL = 0.35, 0.4, 0.3
#: From here downwards (spread) they fade over this distance, mm, to this share: the pulse dies away in the lower sac.
FADE_SD_MM, FADE_MM, BELOW = 15.0, 22.0, 0.2
#: The outline of the sac is smoothed over this height, mm.
SMOOTH_MM = 6.0
#: Among the roots CSF moves as well.
_FLUID = (Tissue.CSF, Tissue.ROOT)


def moving_csf(
    signal: NDArray[np.float32],
    tissues: Tissues,
    strength: float,
    lowest_mm: float,
    rng: np.random.Generator,
) -> None:
    """Take signal from swirls of CSF on a grid, in place.

    Args:
        signal: (x, y, z) on the grid of `tissues`.
        strength: 0 none to 1 as bad as it gets.
        lowest_mm: height (world z) about which they fade.
    """
    at = np.nonzero(np.isin(tissues.tissue, [int(tissue) for tissue in _FLUID]))
    fade = lowest_mm + FADE_SD_MM * float(rng.standard_normal())
    fine, slow = (_noise(at, tissues, rng, scale) for scale in (1.0, 2.5))
    if not len(at[0]):
        return
    height = tissues.axes()[2][at[2]].astype(np.float32)
    lower = BELOW + (1 - BELOW) / (1 + np.exp(-np.clip((height - fade) / (0.25 * FADE_MM), -30, 30)))
    noise = 0.75 * fine + 0.65 * slow
    void = _soft((noise - 1.1 + 1.5 * strength) / 1.6) * _placed(at, tissues) * lower
    signal[at] *= (1 - min(strength, 1.0) ** 0.5 * DEEPEST * void).astype(np.float32)


def _noise(
    at: tuple[NDArray[np.intp], ...], tissues: Tissues, rng: np.random.Generator, scale: float
) -> NDArray[np.float32]:
    """Smooth noise (n,) of unit spread at voxels, stretched along the canal."""
    tile = gaussian_filter(rng.standard_normal(TILE), 0.5 * CELLS_PER_SWIRL, mode="wrap")
    tile = (tile / tile.std()).astype(np.float32)
    cells = np.float32(CELLS_PER_SWIRL * tissues.pitch_mm / scale)
    x, y, z = (axis.astype(np.float32) * cells for axis in at)
    x, y, z = x / SWIRL_MM, y / SWIRL_MM, z / SWIRL_LENGTH_MM
    lean = rng.uniform(-1, 1, 4)
    z += WANDER * CELLS_PER_SWIRL * (np.sin(0.9 * x + 3 * lean[0]) * lean[1] + np.sin(0.9 * y + lean[2]))
    return np.asarray(map_coordinates(tile, np.stack([x, y, z]), order=1, mode="grid-wrap", prefilter=False))


def _placed(at: tuple[NDArray[np.intp], ...], tissues: Tissues) -> FloatArray:
    """0 in the front of the sac to 1 in its back, less at its sides, by the spread of the CSF at each height."""
    x, y, z = at
    sigma = SMOOTH_MM / tissues.pitch_mm
    backwards, sideways = (_across(axis, z, tissues.tissue.shape[2], sigma) for axis in (y, x))
    dorsal = _soft((1 - backwards - DORSAL_FROM) / DORSAL_OVER)
    lateral = LATERAL * _soft((np.abs(2 * sideways - 1) - 0.5) / 0.4) * _soft((1.1 - backwards) / 0.5)
    return np.asarray(np.maximum(dorsal, lateral))


def _across(along: NDArray[np.intp], z: NDArray[np.intp], height: int, sigma: float) -> FloatArray:
    """Where voxels lie between the first (0) and the last (1) of their height, their borders smoothed over heights."""
    first, last = np.full(height, np.inf), np.full(height, -np.inf)
    np.minimum.at(first, z, along)
    np.maximum.at(last, z, along)
    known = np.flatnonzero(np.isfinite(first))
    rows = np.arange(height)
    low, high = (
        gaussian_filter1d(np.interp(rows, known, border[known]), sigma, mode="nearest")
        for border in (first, last)
    )
    return np.asarray(np.clip((along - low[z]) / np.maximum(high - low, 1)[z], 0, 1))


def _soft(share: NDArray[np.floating]) -> NDArray[np.floating]:
    """0 below 0, 1 above 1, and smooth between."""
    inside = np.clip(share, 0, 1)
    return np.asarray(inside * inside * (3 - 2 * inside))
