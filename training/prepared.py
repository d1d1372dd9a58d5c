"""A stack on the working grid, ready to be cut into crops: what every source of training data is brought to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.frame import Spacing

PIXEL_MM = 0.5
CLIP_PERCENTILES = (0.5, 99.5)
MARKS = 400

Window = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Slices at 0.5 mm in plane, at their own distance.

    Attributes:
        collection: the source it came from.
        image: uint8 (slice, row, column), clipped to the stack's percentiles and stretched to 0-255.
        admissible: uint8, of the same shape: bit c is set where class c is admissible.
        mean, deviation: of the clipped stack in units of `image`.
        slice_mm: from slice to slice.
        marks: (n, 3) voxels of displaced material, at most `MARKS`.
    """

    collection: str
    image: NDArray[np.uint8]
    admissible: NDArray[np.uint8]
    mean: float
    deviation: float
    slice_mm: float
    marks: NDArray[np.int32]

    def write(self, path: Path) -> None:
        """Store; whole or not at all."""
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(
                file,
                collection=self.collection,
                image=self.image,
                admissible=self.admissible,
                numbers=np.array([self.mean, self.deviation, self.slice_mm]),
                marks=self.marks,
            )
        partial.replace(path)

    @property
    def axial(self) -> bool:
        """Whether the slices are axial ones; else they are sagittal."""
        return self.collection.endswith("axial")

    @classmethod
    def read(cls, path: Path) -> Prepared:
        """What `write` stored."""
        with np.load(path) as stored:
            mean, deviation, slice_mm = (float(v) for v in stored["numbers"])
            name, marks = str(stored["collection"]), stored["marks"]
            return cls(name, stored["image"], stored["admissible"], mean, deviation, slice_mm, marks)


def prepared(
    collection: str,
    image: NDArray[Any],
    admissible: NDArray[np.uint8],
    spacing: Spacing,
    *,
    displaced: NDArray[np.bool_] | None = None,
    window: Window = (slice(None),),
) -> Prepared:
    """Bring a stack to the working grid.

    Args:
        image: (slice, row, column) of any real dtype.
        admissible: bits, see `Prepared`.
        displaced: where displaced material is; None where that is not known.
        window: what of the stack is kept; intensities are those of the whole.
    """
    low, high, mean, deviation = statistics(image)
    scale = 255.0 / max(high - low, 1e-6)
    kept = np.clip((image[window].astype(np.float32) - low) * scale, 0, 255)
    bits = resample(admissible[window], spacing, order=0)
    marks = np.zeros((0, 3), np.int32)
    if displaced is not None:
        marks = np.argwhere(resample(displaced[window].astype(np.uint8), spacing, order=0)).astype(np.int32)
        marks = marks[:: max(1, -(-len(marks) // MARKS))]
    return Prepared(
        collection,
        resample(kept, spacing, order=1),
        bits,
        (mean - low) * scale,
        deviation * scale,
        spacing[0],
        marks,
    )


def resample(volume: NDArray[Any], spacing: Spacing, order: int) -> NDArray[np.uint8]:
    """In-plane resampling to the working grid, aligned at the corner of the first pixel."""
    rows, columns = (round(volume.shape[axis] * spacing[axis] / PIXEL_MM) for axis in (1, 2))
    scale = np.array([PIXEL_MM / spacing[1], PIXEL_MM / spacing[2]])
    result = np.empty((len(volume), rows, columns), np.uint8)
    for source, target in zip(volume, result, strict=True):
        plane = ndimage.affine_transform(
            source.astype(np.float32), scale, (scale - 1) / 2, (rows, columns), order=order, mode="nearest"
        )
        target[:] = np.clip(np.rint(plane), 0, 255)
    return result


def statistics(volume: NDArray[Any]) -> tuple[float, float, float, float]:
    """Clip limits (0.5 and 99.5 percentile), and mean and standard deviation after clipping."""
    low, high = np.percentile(volume, CLIP_PERCENTILES)
    clipped = np.clip(volume.astype(np.float32), low, high)
    return float(low), float(high), float(clipped.mean()), float(clipped.std())
