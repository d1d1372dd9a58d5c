"""Moving CSF: where it moves to and fro behind and beside the cord it loses its signal in thick slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from resorb.simulation.phantom import Tissues
from resorb.simulation.tissue import Tissue

#: Size of the swirls across and along the canal, mm, and how much signal the strongest take (judged by eye).
SWIRL_MM, SWIRL_LENGTH_MM = 3.0, 14.0
DEEPEST = 0.9
TILE = (32, 32, 64)
#: Swirls begin at this share of the way from the front to the back of the sac, and are full this much farther back.
DORSAL_FROM, DORSAL_OVER = 0.3, 0.3
#: Among the roots CSF moves as well.
_FLUID = (Tissue.CSF, Tissue.ROOT)


def moving_csf(
    signal: NDArray[np.float32], tissues: Tissues, strength: float, rng: np.random.Generator
) -> None:
    """Take signal from swirls of CSF on a grid, in place.

    Args:
        signal: (x, y, z) on the grid of `tissues`.
        strength: 0 none to 1 as bad as it gets.
    """
    tile = gaussian_filter(rng.standard_normal(TILE), 1.0, mode="wrap")
    tile = (tile / tile.std()).astype(np.float32)
    at = np.nonzero(np.isin(tissues.tissue, [int(tissue) for tissue in _FLUID]))
    if not len(at[0]):
        return
    pitch = tissues.pitch_mm
    scale = (pitch / SWIRL_MM, pitch / SWIRL_MM, pitch / SWIRL_LENGTH_MM)
    index = np.stack([axis.astype(np.float32) * np.float32(s) for axis, s in zip(at, scale, strict=True)])
    noise = map_coordinates(tile, index, order=1, mode="grid-wrap", prefilter=False)
    void = np.clip(noise - 1.0 + 1.2 * strength, 0, 1) * _dorsal(at, tissues)
    signal[at] *= (1 - min(strength, 1.0) * DEEPEST * void).astype(np.float32)


def _dorsal(at: tuple[NDArray[np.intp], ...], tissues: Tissues) -> NDArray[np.float64]:
    """0 in the front of the sac to 1 in its back, by the spread of the CSF at each height."""
    _, y, z = at
    height = tissues.tissue.shape[2]
    front, back = np.full(height, -1), np.full(height, tissues.tissue.shape[1])
    np.maximum.at(front, z, y)
    np.minimum.at(back, z, y)
    share = (front[z] - y) / np.maximum(front[z] - back[z], 1)
    return np.asarray(np.clip((share - DORSAL_FROM) / DORSAL_OVER, 0, 1))
