"""Small pictures of a study, for a page on which the study is one thing among others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from resorb.reporting.figure import FOOT_MM, MAIN_MM, MARGIN_MM
from resorb.reporting.view import Rect, SagittalView
from resorb.study import Volume

PIXELS = 300
#: Side of the square around a level.
LEVEL_MM = 75.0
#: Per cent of the grey values of the picture that are shown as black and as white.
BLACK, WHITE = 1.0, 99.0


def thumbnail(volume: Volume, centre: ArrayLike | None = None) -> NDArray[np.uint8]:
    """A sagittal slice, anterior on the left, as a square of `PIXELS`.

    Args:
        volume: a sagittal series.
        centre: (3,) world point, RAS+ mm, to show large; the middle slice is shown whole without it.
    """
    view = SagittalView(volume)
    if centre is None:
        side = max(view.width_mm, view.height_mm)
        number, rect = view.n_slices // 2, Rect.square((view.width_mm / 2, view.height_mm / 2), side)
    else:
        number = view.slice_at(centre)
        rect = Rect.square(view.to_picture(centre), LEVEL_MM).inside(view.width_mm, view.height_mm)
    slice_ = view.volume.data[number]
    finite = slice_[np.isfinite(slice_)]
    outside = float(finite.min()) if finite.size else 0.0
    grey = view.resampled(slice_, rect, rect.width / PIXELS, outside)
    low, high = np.percentile(grey, (BLACK, WHITE))
    shades: NDArray[np.float64] = np.rint(np.clip((grey - low) / max(float(high - low), 1e-6), 0, 1) * 255)
    return shades.astype(np.uint8)


def figure_thumbnail(path: Path) -> NDArray[np.uint8]:
    """The large picture of a stored `figure.png`, (rows, columns, 3), without what stands beside and below it.

    Raises:
        OSError: the file cannot be read as a picture.
    """
    with Image.open(path) as picture:
        mm = picture.height / (2 * MARGIN_MM + MAIN_MM + FOOT_MM)
        near, far = MARGIN_MM * mm, (MARGIN_MM + MAIN_MM) * mm
        box = (near, near, far, far)
        return np.asarray(picture.convert("RGB").resize((PIXELS, PIXELS), box=box), dtype=np.uint8)
