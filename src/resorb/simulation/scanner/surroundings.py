"""The trunk around the spine: its coarse grid made finer, and the texture that a coarse grid cannot hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from resorb.simulation.phantom import Tissues, Window
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

Field = NDArray[np.float32]

THREADS = 2
REFINED_MM = 1.0
MARGIN_VOXELS = 3
#: Spread of the smoothing that takes the corners off the coarse voxels, in coarse voxels; more along the body, where
#: borders that lean a little would show as long steps.
ROUNDING_VOXELS = (0.9, 0.9, 2.0)
TILE = 48  # cells along a side of the block of noise, which repeats
#: Cells per mm (right, anterior, superior): the lobules of fat, the fibres of muscle, loops of bowel.
_COARSE, _FINE = (0.16, 0.16, 0.06), (0.5, 0.5, 0.22)
#: How strongly each tissue is textured (convention: judged by eye beside real images).
SEPTUM_WIDTH, SEPTUM_LOSS = 0.12, 0.3
FAT_GRAIN, MUSCLE_GRAIN, STREAK_FROM, STREAK_GAIN, BOWEL_GRAIN = 0.05, 0.22, 1.3, 1.6, 0.75


def refined(around: Tissues, low: FloatArray, high: FloatArray) -> Tissues:
    """The coarse grid between two world points (3,), on voxels of about 1 mm with rounded borders."""
    window = around.window(low - MARGIN_VOXELS * around.pitch_mm, high + MARGIN_VOXELS * around.pitch_mm)
    tissue, mix = around.tissue[window], around.mix[window]
    factor = max(round(around.pitch_mm / REFINED_MM), 1)
    affine = around.affine.copy()
    affine[:3, 3] = [axis[0] if len(axis) else 0.0 for axis in around.axes(window)]
    if factor == 1 or min(tissue.shape) < 2:
        return Tissues(tissue, mix, affine)
    affine[:3, :3] /= factor

    def soft(kind: int) -> Field:
        share = gaussian_filter((tissue == kind).astype(np.float32), ROUNDING_VOXELS, mode="nearest")
        return _upsampled(_upsampled(share, 2, factor), 1, factor)

    kinds = np.unique(tissue).tolist()
    with ThreadPoolExecutor(THREADS) as threads:
        shares = list(threads.map(soft, kinds))
        held = _upsampled(_upsampled(mix.astype(np.float32), 2, factor), 1, factor)
        shape = ((len(held) - 1) * factor + 1, *held.shape[1:])
        out, out_mix = np.empty(shape, np.uint8), np.empty(shape, np.uint8)

        def plane(x: int) -> None:
            out_mix[x] = _between(held, x, factor)
            out[x], best = kinds[0], _between(shares[0], x, factor)
            for kind, share in zip(kinds[1:], shares[1:], strict=True):
                value = _between(share, x, factor)
                np.copyto(out[x], np.uint8(kind), where=value > best)
                np.maximum(best, value, out=best)

        list(threads.map(plane, range(len(out))))
    return Tissues(out, out_mix, affine)


def _upsampled(values: Field, axis: int, factor: int) -> Field:
    """Interpolated linearly to `factor` times as many intervals along an axis."""
    shape = list(values.shape)
    shape[axis] = (shape[axis] - 1) * factor + 1
    made = np.empty(shape, np.float32)
    old, new = np.moveaxis(values, axis, 0), np.moveaxis(made, axis, 0)
    new[-1] = old[-1]
    for step in range(factor):
        share = np.float32(step / factor)
        new[step:-1:factor] = (1 - share) * old[:-1] + share * old[1:] if step else old[:-1]
    return made


def _between(values: Field, x: int, factor: int) -> Field:
    """A plane of values interpolated linearly to `factor` times as many intervals along x."""
    first, step = divmod(x, factor)
    if step == 0:
        return np.array(values[first])
    share = np.float32(step / factor)
    return np.asarray((1 - share) * values[first] + share * values[first + 1])


def textured(signal: Field, tissues: Tissues) -> None:
    """Give fat its septa, muscle its fibres and bowel its loops, in place.

    The noise is fixed in the body, so that every series and date of a patient shows the same.

    Args:
        signal: (x, y, z) on the grid of `tissues`.
    """
    tile = gaussian_filter(np.random.default_rng(0x7E1).standard_normal((TILE,) * 3), 1.0, mode="wrap")
    tile = (tile / tile.std()).astype(np.float32)

    def work(x: slice) -> None:
        kinds, part = tissues.tissue[x], signal[x]
        coarse, fine = (
            _noise(tile, tissues, (x, slice(None), slice(None)), cells) for cells in (_COARSE, _FINE)
        )
        septum = np.clip(1 - np.abs(coarse) / SEPTUM_WIDTH, 0, 1) * np.clip(0.5 + fine, 0, 1)
        streak = STREAK_GAIN * np.clip(coarse - STREAK_FROM, 0, 1)
        for tissue, factor in (
            (Tissue.FAT, (1 + FAT_GRAIN * fine) * (1 - SEPTUM_LOSS * septum)),
            (Tissue.MUSCLE, 1 + MUSCLE_GRAIN * fine + streak),
            (Tissue.BOWEL, 1 + BOWEL_GRAIN * coarse + FAT_GRAIN * fine),
        ):
            np.multiply(part, np.maximum(factor, 0.1), out=part, where=kinds == tissue)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, (slice(x, x + 4) for x in range(0, len(signal), 4))))


def _noise(tile: Field, tissues: Tissues, window: Window, cells_per_mm: tuple[float, float, float]) -> Field:
    """Noise of unit spread on a window of a grid: the tile, repeated and interpolated linearly along each axis."""
    values = tile
    for axis, (place, cells) in enumerate(zip(tissues.axes(window), cells_per_mm, strict=True)):
        at = place * cells
        first = np.floor(at).astype(int)
        share = (at - first).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        low, high = (np.take(values, (first + step) % TILE, axis) for step in (0, 1))
        values = low + share * (high - low)
    return values
