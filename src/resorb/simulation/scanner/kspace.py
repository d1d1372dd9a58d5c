"""From what the pixels see to the image of the scanner: its k-space, with noise and ghosts.

Noise enters where a scanner picks it up, in the k-space it acquires; filling up that k-space with zeros makes
interpolated images whose noise is correlated from pixel to pixel and whose edges ring a little, as real ones do.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Field = NDArray[np.float32]

THREADS = 2
PAD = 12  # pixels mirrored around the image, so that its opposite borders do not ring into each other
#: The middle of the acquired k-space is left as it is (this share); towards its border it falls to this share.
FLAT_SHARE, BORDER_SHARE = 0.4, 0.3
#: The first ghost's strength in units of what moves, at a `ghosting` of 1, and how far it lies: a share of the field.
GHOST_GAIN, GHOST_COUNT = 0.16, 3
GHOST_AWAY = (0.08, 0.24)


@dataclass(frozen=True)
class Readout:
    """How one series is read out.

    Attributes:
        acquired: share of the image's k-space that is acquired, along each axis.
        sigma: standard deviation of the noise in each channel of the image.
        ghosting: 0 none to 1; phase_axis: of (row, column) along which ghosts lie.
        across: share of the k-space across slices that is acquired; below 1 in a 3D slab that is interpolated.
    """

    acquired: float
    sigma: float
    ghosting: float
    phase_axis: int
    across: float = 1.0

    def image(self, signal: Field, moving: Field, seeds: Sequence[np.random.SeedSequence]) -> Field:
        """The magnitude image (slice, row, column) of a signal; `moving` is the part of it that moves."""
        plane = _Plane.of(signal.shape[1:], self.acquired)
        rngs = [np.random.default_rng(seed) for seed in seeds]
        scale = np.float32(self.sigma / plane.spread)
        noise = None
        if self.across < 1:
            mixing = _mixing(len(signal), self.across)
            signal, moving = _mixed(mixing, signal), _mixed(mixing, moving)
            # Each slice keeps the noise that is asked for.
            mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
            noise = _mixed(mixing, np.stack([plane.noise(rng) for rng in rngs]))
        out = np.empty_like(signal)

        def work(k: int) -> None:
            seen = signal[k] + self._ghosts(moving[k], rngs[k]) if self.ghosting > 0 else signal[k]
            grain = plane.noise(rngs[k]) if noise is None else noise[k]
            out[k] = np.abs(plane.image(seen, scale * grain))

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(work, range(len(signal))))
        return out

    def _ghosts(self, moving: Field, rng: np.random.Generator) -> NDArray[np.complex64]:
        """Copies on both sides along the phase axis, weaker the farther, with phases of their own."""
        total = np.zeros(moving.shape, np.complex64)
        away = rng.uniform(*GHOST_AWAY) * moving.shape[self.phase_axis]
        for order in range(1, GHOST_COUNT + 1):
            gain = self.ghosting * GHOST_GAIN / order * rng.rayleigh(0.8)
            for sign in (-1, 1):
                phase = np.exp(2j * np.pi * rng.uniform())
                total += np.complex64(gain * phase) * np.roll(
                    moving, round(sign * order * away), self.phase_axis
                )
        return total


@dataclass(frozen=True, eq=False)
class _Plane:
    """The k-space of one slice.

    Attributes:
        shape: of the image; padded: of it and its mirrored surroundings.
        rows, columns: which frequencies are acquired.
        window: weight of each of these.
    """

    shape: tuple[int, ...]
    padded: tuple[int, ...]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    window: Field

    @classmethod
    def of(cls, shape: tuple[int, ...], acquired: float) -> _Plane:
        padded = tuple(fft.next_fast_len(n + 2 * PAD) for n in shape)
        weights = [_weight(n, acquired) for n in padded]
        rows, columns = (np.flatnonzero(weight) for weight in weights)
        window = np.outer(weights[0][rows], weights[1][columns]).astype(np.float32)
        return cls(shape, padded, rows, columns, window)

    @property
    def spread(self) -> float:
        """Standard deviation in both channels of the image of unit noise in both parts of every coefficient."""
        return float(np.sqrt(np.square(self.window, dtype=np.float64).sum()) / np.prod(self.padded))

    def noise(self, rng: np.random.Generator) -> Field:
        """Unit noise (2, rows, columns) in both parts of every coefficient."""
        return rng.standard_normal((2, *self.window.shape), dtype=np.float32)

    def image(self, signal: NDArray[np.inexact], noise: Field) -> NDArray[np.complex64]:
        """What is seen of a signal (real or complex) in the acquired k-space, with noise (2, rows, columns)."""
        extra = [(PAD, m - n - PAD) for m, n in zip(self.padded, self.shape, strict=True)]
        along = fft.fft(np.pad(signal, extra, mode="symmetric"), axis=1)[:, self.columns]
        k = fft.fft(along, axis=0, overwrite_x=True)[self.rows]
        k.real += noise[0]
        k.imag += noise[1]
        full = np.zeros((self.padded[0], len(self.columns)), np.complex64)
        full[self.rows] = k * self.window
        kept = np.zeros((self.shape[0], self.padded[1]), np.complex64)
        kept[:, self.columns] = fft.ifft(full, axis=0, overwrite_x=True)[PAD : PAD + self.shape[0]]
        return np.asarray(fft.ifft(kept, axis=1, overwrite_x=True)[:, PAD : PAD + self.shape[1]])


def _weight(count: int, acquired: float) -> NDArray[np.float64]:
    """Weight (count,) of the frequencies along an axis; 0 beyond what is acquired."""
    part = np.abs(np.fft.fftfreq(count)) / (0.5 * acquired)
    ramp = np.clip((part - FLAT_SHARE) / (1 - FLAT_SHARE), 0, 1)
    weight = BORDER_SHARE + (1 - BORDER_SHARE) * 0.5 * (1 + np.cos(np.pi * ramp))
    return np.where(part <= 1, weight, 0.0)


def _mixing(count: int, acquired: float) -> Field:
    """(count, count): how slices mix where only a share of the k-space across them is acquired."""
    padded = np.pad(np.eye(count), ((PAD, PAD), (0, 0)), mode="symmetric")
    mixed = np.fft.ifft(_weight(len(padded), acquired)[:, None] * np.fft.fft(padded, axis=0), axis=0)
    return np.asarray(mixed.real[PAD : PAD + count], dtype=np.float32)


def _mixed(mixing: Field, slices: Field) -> Field:
    """Slices (slice, ...) mixed."""
    return np.asarray((mixing @ slices.reshape(len(slices), -1)).reshape(slices.shape))
