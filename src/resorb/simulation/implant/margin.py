"""The word SYNTHETIC in a scan's own pixels, in the margin of every slice, and in the header of its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from resorb.errors import UsageError
from resorb.simulation.nifti import write_nifti
from resorb.study import Volume

WORD = "SYNTHETIC"
WIDTH_SHARE, LEAST_WIDTH = 0.3, 48  # of a slice's width, or pixels if that is more
SMALLEST_FONT, LARGEST_FONT = 7, 24  # pixels
BORDER = 2  # pixels of black around the word
BRIGHT = 98.0  # percentile of the scan that the word is written in

#: By the axis across the slices, in sagittal order: axes of slice, row and column as radiologists look at them.
_AS_LOOKED_AT = ((0, 1, 2), (1, 2, 0), (2, 1, 0))

Change = Literal["implanted", "removed"]
#: What the header says behind the mark.
TEXT: dict[Change, str] = {
    "implanted": "a herniation was put into a real scan",
    "removed": "a herniation was taken out of a real scan",
}


def mark(image: Volume, labels: Volume | None = None) -> Volume:
    """Burn the word SYNTHETIC into a corner of every slice, where no labelled anatomy is.

    Args:
        image: the scan; slices are taken across its longest voxel side, or sagittally where voxels are cubes.
        labels: what must not be written on, on the same grid.

    Returns:
        The scan with the word in it, of the same dtype. Among the corners that are free of labels in all
        slices the darkest is taken.

    Raises:
        UsageError: no corner has room for the word.
    """
    upright = image.sagittal()
    order = _AS_LOOKED_AT[_slice_axis(upright)]
    pictures = upright.data.copy().transpose(order)
    taken = np.zeros(pictures.shape[1:], np.bool_)
    if labels is not None:
        taken |= (labels.sagittal().data > 0).transpose(order).any(axis=0)
    for word in _words(*pictures.shape[1:]):
        free = [corner for corner in _corners(taken.shape, word.shape) if not taken[corner].any()]
        if free:
            break
    else:
        raise UsageError(f"no corner of the slices has room for {WORD} outside the labelled anatomy")
    rows_at, columns_at = min(free, key=lambda corner: float(pictures[:, corner[0], corner[1]].mean()))
    dark, bright = pictures.min(), np.percentile(pictures, BRIGHT)
    pictures[:, rows_at, columns_at] = np.where(word, bright, dark).astype(pictures.dtype)
    return image.from_sagittal(pictures.transpose(np.argsort(order)))


def write(path: Path, image: Volume, change: Change, labels: Volume | None = None) -> None:
    """Write a changed scan as NIfTI that says SYNTHETIC in its pixels and in its header, and nothing of its source.

    Args:
        path: a .nii.gz file.
        image: the changed scan.
        change: what was done to it.
        labels: what must not be written on, on the same grid.

    Raises:
        UsageError: no corner of the slices has room for the word.
        OSError: the file cannot be written.
    """
    write_nifti(path, mark(image, labels), TEXT[change])


def _slice_axis(upright: Volume) -> int:
    """The axis across the slices: 0 sagittal, 1 axial, 2 coronal."""
    longest = float(upright.spacing_mm.max())
    return 0 if upright.spacing_mm[0] > 0.8 * longest else int(np.argmax(upright.spacing_mm))


def _corners(shape: tuple[int, ...], size: tuple[int, ...]) -> list[tuple[slice, slice]]:
    rows, columns = size
    return [
        (slice(r, r + rows), slice(c, c + columns))
        for r in (0, shape[0] - rows)
        for c in (0, shape[1] - columns)
    ]


def _words(rows: int, columns: int) -> Iterator[NDArray[np.bool_]]:
    """The word as pixels, with its border, from the largest size that a slice has room for downwards."""
    for size in range(LARGEST_FONT, SMALLEST_FONT - 1, -1):
        font = ImageFont.load_default(size)
        left, top, right, bottom = (round(v) for v in font.getbbox(WORD))
        width, height = right - left + 2 * BORDER, bottom - top + 2 * BORDER
        if width <= max(WIDTH_SHARE * columns, LEAST_WIDTH) and width <= columns and height <= rows:
            picture = Image.new("1", (width, height))
            ImageDraw.Draw(picture).text((BORDER - left, BORDER - top), WORD, fill=1, font=font)
            yield np.asarray(picture, bool)
