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
    """

    acquired: float
    sigma: float
    ghosting: float
    phase_axis: int

    def image(self, signal: Field, moving: Field, seeds: Sequence[np.random.SeedSequence]) -> Field:
        """The magnitude image (slice, row, column) of a signal; `moving` is the part of it that moves."""
        out = np.empty_like(signal)

        def work(k: int) -> None:
            rng = np.random.default_rng(seeds[k])
            real = signal[k]
            imaginary = np.zeros_like(real)
            if self.ghosting > 0:
                ghost = self._ghosts(moving[k], rng)
                real, imaginary = real + ghost.real, imaginary + ghost.imag
            out[k] = np.hypot(self._channel(real, rng), self._channel(imaginary, rng))

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

    def _channel(self, signal: Field, rng: np.random.Generator) -> Field:
        """One channel of the image: what is seen of a signal in the acquired k-space, with noise."""
        shape = tuple(fft.next_fast_len(n + 2 * PAD, real=True) for n in signal.shape)
        extra = [(PAD, m - n - PAD) for m, n in zip(shape, signal.shape, strict=True)]
        window = _window(shape, self.acquired)
        k = fft.rfft2(np.pad(signal, extra, mode="symmetric"))
        rows, columns = np.nonzero(window.any(1))[0], int(window.any(0).sum())
        noise = rng.standard_normal((2, len(rows), columns), dtype=np.float32)
        k[rows, :columns] += np.complex64(self.sigma / _spread(window, shape)) * (noise[0] + 1j * noise[1])
        back = fft.irfft2(k * window, s=shape)
        return np.asarray(back[PAD : PAD + signal.shape[0], PAD : PAD + signal.shape[1]], np.float32)


def _window(shape: tuple[int, ...], acquired: float) -> Field:
    """Weight of the acquired part of the half plane of k-space (rows, columns // 2 + 1); 0 beyond it."""

    def along(frequency: NDArray[np.floating]) -> NDArray[np.float64]:
        part = np.abs(frequency) / (0.5 * acquired)
        ramp = np.clip((part - FLAT_SHARE) / (1 - FLAT_SHARE), 0, 1)
        weight = BORDER_SHARE + (1 - BORDER_SHARE) * 0.5 * (1 + np.cos(np.pi * ramp))
        return np.where(part <= 1, weight, 0.0)

    return np.asarray(
        np.outer(along(np.fft.fftfreq(shape[0])), along(np.fft.rfftfreq(shape[1]))), dtype=np.float32
    )


def _spread(window: Field, shape: tuple[int, ...]) -> float:
    """Standard deviation in the image of unit noise in both parts of every coefficient of the half plane.

    Every coefficient stands for itself and its mirror image, but for those of the first column.
    """
    power = np.square(window, dtype=np.float64).sum(0)
    return float(np.sqrt(power[0] + 4 * power[1:].sum()) / np.prod(shape))
