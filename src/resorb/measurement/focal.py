"""Is displaced material focal: does it stand out from the bulge around it, and how wide is what stands out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from resorb.study import FloatArray

SMOOTHING_MM = 2.7  # running median over slices: three of a 3D scan, one of a 4 mm stack


@dataclass(frozen=True)
class Prominence:
    """The peak of a depth profile from side to side, as a summit is measured.

    Attributes:
        height_mm: how far the peak stands above the higher of the lowest points on its two sides. Where the
            field ends before the depth falls, that is little: what is not seen is not called focal.
        width_mm: width of the peak at a share of that height.
    """

    height_mm: float
    width_mm: float


def prominence(depth_mm: FloatArray, spacing_mm: float, share: float) -> Prominence:
    """Prominence of the deepest point of a profile.

    Args:
        depth_mm: (n,) depth behind the reference surface in each sagittal slice.
        spacing_mm: distance between slices.
        share: of the prominence, where the width is taken.
    """
    window = max(1, 2 * round((SMOOTHING_MM / spacing_mm - 1) / 2) + 1)
    profile = ndimage.median_filter(depth_mm, size=window, mode="nearest")
    peak = int(np.argmax(profile))
    base = max(float(profile[: peak + 1].min()), float(profile[peak:].min()))
    height = float(profile[peak]) - base
    above = profile > base + share * height
    first = last = peak
    while first > 0 and above[first - 1]:
        first -= 1
    while last + 1 < len(above) and above[last + 1]:
        last += 1
    return Prominence(height, (last - first + 1) * spacing_mm)
