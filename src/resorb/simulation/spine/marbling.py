"""Smooth random fields: the mottling of marrow and disc."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from resorb.simulation.phantom import Window
from resorb.simulation.spine.canvas import Canvas, Field


def marbled(canvas: Canvas, window: Window, grain_mm: float, rng: Generator) -> Field:
    """A smooth random field on a window, mean 0 and standard deviation about 1.

    Random values on a grid of `grain_mm` are interpolated linearly, one axis after the other.
    """
    shape = [part.stop - part.start for part in window]
    step = grain_mm / canvas.pitch_mm
    values = rng.standard_normal([int(np.ceil(n / step)) + 2 for n in shape]).astype(np.float32)
    values = ndimage.gaussian_filter(values, 0.6)
    values /= np.float32(max(float(values.std()), 1e-6))
    for axis, n in enumerate(shape):
        at = np.arange(n, dtype=np.float32) / np.float32(step)
        low = at.astype(np.intp)
        share = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        below, above = values.take(low, axis), values.take(low + 1, axis)
        values = below + share * (above - below)
    return np.asarray(values, dtype=np.float32)
