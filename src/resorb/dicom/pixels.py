"""Pixels of frames, decoded and in the scanner's units."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels import pixel_array

from resorb.dicom.geometry import Stack
from resorb.dicom.header import Slice

Pixels = NDArray[Any]


def decode(data: bytes, slices: Sequence[Slice]) -> dict[int, Pixels]:
    """The stored values of frames of one file, by frame index; each (rows, columns).

    Raises:
        ValueError: the pixels are missing, truncated or not of the size the header says. pydicom and
            its decoders may raise any other exception.
    """
    dataset = dcmread(BytesIO(data), force=True)
    stored = pixel_array(dataset, raw=True)
    if stored.ndim == 2:
        stored = stored[np.newaxis]
    frames: dict[int, Pixels] = {}
    for item in slices:
        if item.frame >= len(stored) or stored[item.frame].shape != (item.rows, item.columns):
            raise ValueError("pixels do not fit the header")
        frames[item.frame] = stored[item.frame]
    return frames


def assemble(stack: Stack, frames: dict[tuple[int, int], Pixels]) -> Pixels:
    """(columns, rows, slices) array of a stack from the stored frames, by (file, frame).

    Stored integers are kept as they are where no rescaling is asked for; float32 otherwise.
    """
    shown = [_shown(frames[item.file, item.frame], item) for item in stack.slices]
    if any((item.slope, item.intercept) != (1.0, 0.0) for item in stack.slices):
        shown = [
            pixels.astype(np.float32) * np.float32(item.slope) + np.float32(item.intercept)
            for pixels, item in zip(shown, stack.slices, strict=True)
        ]
    # Each slice stays in one piece of memory: every step goes through them slice by slice.
    return np.stack(shown).T


def _shown(stored: Pixels, item: Slice) -> Pixels:
    """Bright is much signal: MONOCHROME1 stores it the other way round."""
    if not item.inverted or not np.issubdtype(stored.dtype, np.integer):
        return stored
    if np.issubdtype(stored.dtype, np.unsignedinteger):
        return np.asarray(stored.dtype.type(2**item.bits_stored - 1) - stored)
    return np.asarray(-1 - stored)
