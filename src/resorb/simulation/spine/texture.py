"""Random textures that repeat, so that a large grid is filled at the price of a small one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import gaussian_filter

from resorb.simulation.phantom import Window
from resorb.study import FloatArray

PERIOD = (80, 96, 128)  # voxels
LATTICE_MM, LUMP_MM = 4.0, 5.5
LEVELS = 32  # one standard deviation in the stored integers


@dataclass(frozen=True, eq=False)
class Texture:
    """Smooth Gaussian noise of mean 0 and standard deviation 1 that repeats along every axis.

    Attributes:
        block: int8 (x, y, z) one period, `LEVELS` to a standard deviation.
    """

    block: NDArray[np.int8]

    @classmethod
    def draw(cls, rng: Generator, sigma_vox: tuple[float, float, float]) -> Texture:
        """White noise, smoothed with a Gaussian of these standard deviations along x, y, z (voxels)."""
        spectrum = fft.rfftn(rng.standard_normal(PERIOD, dtype=np.float32))
        last = np.fft.rfftfreq(PERIOD[2])
        for axis, (n, sigma) in enumerate(zip(PERIOD, sigma_vox, strict=True)):
            frequency = last if axis == 2 else np.fft.fftfreq(n)
            gain = np.exp(-2.0 * (np.pi * frequency * sigma) ** 2).astype(np.float32)
            spectrum *= gain.reshape([-1 if a == axis else 1 for a in range(3)])
        spectrum[0, 0, 0] = 0.0
        noise = fft.irfftn(spectrum, PERIOD)
        scaled = np.clip(np.rint(noise * (LEVELS / noise.std())), -127, 127)
        return cls(scaled.astype(np.int8))

    @classmethod
    def mixed(cls, first: Texture, second: Texture, share: float) -> Texture:
        """The first plus a share of the second, scaled back to standard deviation 1."""
        noise = (first.block + share * second.block) / np.hypot(1.0, share)
        return cls(np.clip(np.rint(noise), -127, 127).astype(np.int8))

    def on(self, window: Window) -> NDArray[np.int8]:
        """The texture on a window of the grid, in 1/`LEVELS` standard deviations."""
        return _tiled(self.block, window)

    def looked_up(self, window: Window, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A function of the texture on a window of the grid.

        Args:
            values: (256,) of the stored integers from -128 to 127, see `stored`.
        """
        table = np.roll(values, 128)  # in the order of the integers read as unsigned
        return _tiled(self.block, window, table)

    def columns(self, x: slice, y: NDArray[np.intp], z: NDArray[np.intp]) -> NDArray[np.int8]:
        """The texture on columns of the grid along x, at (m,) indices y and z: (nx, m)."""
        nx, ny, nz = self.block.shape
        return np.asarray(self.block[(np.arange(x.start, x.stop) % nx)[:, None], y % ny, z % nz])


@dataclass(frozen=True, eq=False)
class Lumps:
    """Coarse smooth noise (mean 0, standard deviation 1) fixed in the world, so that every grid shows the same.

    Attributes:
        values: float32 (i, j, nz) on a lattice along x and y, and already on the grid's heights.
        origin: (2,) world x and y of the lattice, mm.
        step_mm: of the lattice.
        x, y: the grid's own world coordinates, mm.
    """

    values: NDArray[np.float32]
    origin: tuple[float, float]
    step_mm: float
    x: FloatArray
    y: FloatArray

    @classmethod
    def draw(
        cls,
        rng: Generator,
        grid: tuple[FloatArray, FloatArray, FloatArray],
        box: tuple[FloatArray, FloatArray],
    ) -> Lumps:
        """Noise of `LUMP_MM` on the lattice of a box (low, high: (3,) world mm), seen on a grid's axes."""
        low, high = box
        shape = tuple(int(n) for n in np.ceil((high - low) / LATTICE_MM) + 2)
        noise = gaussian_filter(
            rng.standard_normal(shape, dtype=np.float32), LUMP_MM / LATTICE_MM, mode="wrap"
        )
        first, share = _between(grid[2], float(low[2]), shape[2])
        values = noise[:, :, first] * (1 - share) + noise[:, :, first + 1] * share
        scaled = (values / noise.std()).astype(np.float32)
        return cls(scaled, (float(low[0]), float(low[1])), LATTICE_MM, grid[0], grid[1])

    def on(self, window: Window) -> NDArray[np.float32]:
        """The noise on a window of the grid."""
        nx, ny, _ = self.values.shape
        i, a = _between(self.x[window[0]], self.origin[0], nx)
        j, b = _between(self.y[window[1]], self.origin[1], ny)
        rows = self.values[i.min() : i.max() + 2, :, window[2]]
        part = rows[:, j] * (1 - b)[:, None] + rows[:, j + 1] * b[:, None]
        i = i - i.min()
        return np.asarray(part[i] * (1 - a)[:, None, None] + part[i + 1] * a[:, None, None])


def _between(at: FloatArray, low: float, n: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Lattice points below positions, and how far on to the next one; beyond the lattice, its ends."""
    place = np.clip((at - low) / LATTICE_MM, 0.0, n - 1.001)
    first = place.astype(np.intp)
    return first, (place - first).astype(np.float32)


def stored() -> NDArray[np.float64]:
    """(256,) what the stored integers from -128 to 127 stand for, in standard deviations."""
    return np.arange(-128, 128) / LEVELS


def _tiled(block: NDArray[Any], window: Window, table: NDArray[Any] | None = None) -> NDArray[Any]:
    """A block repeated over a window, looked up in a table; rows along z are copied whole, which is quick."""
    x, y, z = (np.arange(part.start, part.stop) % n for part, n in zip(window, block.shape, strict=True))
    part = block[x] if len(x) < len(block) else block
    if table is not None:
        part = table[part.view(np.uint8)]
    part = np.take(part, z, axis=2)
    return np.asarray(part[:, y] if len(x) < len(block) else part[np.ix_(x, y)])
