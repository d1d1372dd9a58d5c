"""The part of the slices in which the spine lies, found on a few of them: the network need not look elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: A slice is looked at whole every so often; a lumbar body is 40 to 55 mm wide.
SAMPLE_MM = 15.0
#: Of the image on every side of what was found. The network normalises over what it sees: in less than it was
#: trained on (24 cm high, 18 cm deep) it outlines hard cases, such as a marked slip, otherwise.
MARGIN_MM = 60.0
#: What comes this near to the window's edge may go on beyond it.
EDGE_MM = 8.0
#: Pieces nearer to each other than this are of one spine.
GROUP_MM = 10.0
#: What is smaller than this share of the largest group of all is a false piece somewhere else, or comes with the rest.
MIN_SHARE = 0.05
#: Of the largest group; where there is less, the spine was not found.
MIN_FOUND_MM2 = 200.0
#: Pixels that are enough for a box to the millimetre.
COARSE_MM = 2.0

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """Rows `top` to `bottom` and columns `left` to `right` (both ends exclusive) of every slice of a stack."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def joined(self, other: Window) -> Window:
        """The smallest window that holds both."""
        return Window(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )


def sampled(slices: int, slice_mm: float) -> list[int]:
    """Numbers of the slices that are looked at whole: the middle one, and others at most `SAMPLE_MM` apart."""
    step = max(1, int(SAMPLE_MM / slice_mm))
    return list(range((slices // 2) % step, slices, step))


def around(found: Sequence[Mask], spacing_mm: tuple[float, float]) -> Window | None:
    """The window of the spine with a margin, from masks (rows, columns) of what was found on some slices.

    Pieces that lie apart and are small are left out: bowel or pelvis taken for bone must not widen the window.
    None where too little was found to tell.
    """
    step = [max(1, round(COARSE_MM / mm)) for mm in spacing_mm]
    coarse = [mask[:: step[0], :: step[1]] for mask in found]
    pixel_mm2 = step[0] * spacing_mm[0] * step[1] * spacing_mm[1]
    groups = [_groups(mask, step[0] * spacing_mm[0], step[1] * spacing_mm[1]) for mask in coarse]
    areas = [np.bincount(group.ravel())[1:] * pixel_mm2 for group in groups]
    largest = max((float(area.max()) for area in areas if len(area)), default=0.0)
    if largest < MIN_FOUND_MM2:
        return None
    kept = np.zeros(coarse[0].shape, bool)
    for group, area in zip(groups, areas, strict=True):
        kept |= np.isin(group, 1 + np.flatnonzero(area >= MIN_SHARE * largest))
    rows, columns = (np.flatnonzero(kept.any(axis=axis)) for axis in (1, 0))
    shape = found[0].shape
    box = Window(
        int(rows[0]) * step[0],
        min(int(rows[-1] + 1) * step[0], shape[0]),
        int(columns[0]) * step[1],
        min(int(columns[-1] + 1) * step[1], shape[1]),
    )
    return _widened(box, shape, spacing_mm)


def _groups(mask: Mask, row_mm: float, column_mm: float) -> NDArray[np.int32]:
    """Pieces numbered from 1, those less than `GROUP_MM` apart alike."""
    size = [2 * round(GROUP_MM / 2 / mm) + 1 for mm in (row_mm, column_mm)]
    groups, _ = ndimage.label(ndimage.maximum_filter(mask, size=size))
    return np.where(mask, groups, 0)


def grown(window: Window, mask: Mask, spacing_mm: tuple[float, float]) -> Window:
    """The window, wider where what was found in it (rows, columns of the whole slice) comes near its edge."""
    near_rows, near_columns = (max(1, round(EDGE_MM / mm)) for mm in spacing_mm)
    inside = mask[window.area]
    strips = (inside[:near_rows], inside[-near_rows:], inside[:, :near_columns], inside[:, -near_columns:])
    wide = _widened(window, (mask.shape[0], mask.shape[1]), spacing_mm)
    return Window(
        *(
            new if strip.any() else old
            for strip, new, old in zip(
                strips,
                (wide.top, wide.bottom, wide.left, wide.right),
                (window.top, window.bottom, window.left, window.right),
                strict=True,
            )
        )
    )


def _widened(window: Window, shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> Window:
    rows, columns = (round(MARGIN_MM / mm) for mm in spacing_mm)
    return Window(
        max(0, window.top - rows),
        min(shape[0], window.bottom + rows),
        max(0, window.left - columns),
        min(shape[1], window.right + columns),
    )
