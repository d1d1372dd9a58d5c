"""Sagittal slices as a radiologist looks at them: anterior on the left, superior up, in true millimetres.

Picture coordinates are millimetres from the top left corner of the slice: x towards posterior, y towards
inferior. Slices are those that were acquired; nothing is interpolated across slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from resorb.study import FloatArray, Volume


@dataclass(frozen=True)
class Rect:
    """A rectangle of a picture, mm."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def square(cls, centre: ArrayLike, size_mm: float) -> Rect:
        """The square of a given side around a point (2,)."""
        x, y = np.asarray(centre, dtype=np.float64)
        return cls(float(x) - size_mm / 2, float(y) - size_mm / 2, size_mm, size_mm)

    def inside(self, width: float, height: float) -> Rect:
        """Moved, not resized, to lie within a picture of a given size where it fits, centred on it where not."""
        x = min(max(self.x, 0.0), width - self.width) if self.width <= width else (width - self.width) / 2
        y = (
            min(max(self.y, 0.0), height - self.height)
            if self.height <= height
            else (height - self.height) / 2
        )
        return Rect(x, y, self.width, self.height)

    def contains(self, point: ArrayLike, margin: float = 0.0) -> bool:
        """Whether a point (2,) lies inside, at least `margin` mm from every edge."""
        x, y = np.asarray(point, dtype=np.float64)
        return bool(
            self.x + margin <= x <= self.x + self.width - margin
            and self.y + margin <= y <= self.y + self.height - margin
        )

    @property
    def origin(self) -> FloatArray:
        """(2,) top left corner."""
        return np.array([self.x, self.y])

    @property
    def corner(self) -> FloatArray:
        """(2,) bottom right corner."""
        return np.array([self.x + self.width, self.y + self.height])


class SagittalView:
    """The slices of a volume, whatever its storage order and tilt.

    Args:
        volume: any `Volume`; its array axis nearest to left-right numbers the slices.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume.sagittal()
        self.n_slices, rows, columns = self.volume.shape
        _, self.row_mm, self.column_mm = (float(s) for s in self.volume.spacing_mm)
        self.width_mm, self.height_mm = columns * self.column_mm, rows * self.row_mm

    def image(self, volume: Volume, number: int) -> NDArray[Any]:
        """Slice (rows, columns) of a volume that lies on the same grid."""
        return np.asarray(volume.sagittal().data[number])

    def slice_at(self, world: ArrayLike) -> int:
        """The slice nearest to a world point (3,), RAS+ mm."""
        return int(np.clip(np.rint(self.volume.to_index(world)[0]), 0, self.n_slices - 1))

    def on_slice(self, world: ArrayLike, number: int) -> FloatArray:
        """The world point (3,) of a slice that is seen at the same place of the picture as another point."""
        index = self.volume.to_index(world)
        index[0] = number
        return self.volume.to_world(index)

    def to_picture(self, world: ArrayLike) -> FloatArray:
        """World points (..., 3), RAS+ mm, to picture points (..., 2), mm."""
        _, row, column = np.moveaxis(self.volume.to_index(world), -1, 0)
        return np.stack([(column + 0.5) * self.column_mm, (row + 0.5) * self.row_mm], axis=-1)

    def direction(self, world: ArrayLike) -> FloatArray:
        """A world direction (3,) to a unit vector (2,) in the picture; zero if it runs along the slice normal."""
        x, y = (
            float(np.asarray(world, dtype=np.float64) @ self.volume.directions[:, axis]) for axis in (2, 1)
        )
        return np.array([x, y]) / max(float(np.hypot(x, y)), 1e-9)

    def resampled(self, image: NDArray[Any], rect: Rect, pixel_mm: float, outside: float) -> FloatArray:
        """A rectangle of a slice on square pixels, by cubic splines.

        Args:
            image: (rows, columns) slice.
            rect: what to show, mm.
            pixel_mm: the side of an output pixel.
            outside: the value beyond the edge of the slice.

        Returns:
            (round(height / pixel_mm), round(width / pixel_mm)) array.
        """
        shape = (round(rect.height / pixel_mm), round(rect.width / pixel_mm))
        spacing = np.array([self.row_mm, self.column_mm])
        start = (np.array([rect.y, rect.x]) + pixel_mm / 2) / spacing - 0.5
        source = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=outside)
        picture = ndimage.affine_transform(
            source, pixel_mm / spacing, start, shape, order=3, mode="nearest", output=np.float64
        )
        for axis, (first, size) in enumerate(zip(start, source.shape, strict=True)):
            at = first + np.arange(shape[axis]) * pixel_mm / spacing[axis]
            beyond = (at < -0.5) | (at > size - 0.5)
            np.moveaxis(picture, axis, 0)[beyond] = outside
        return np.asarray(picture)
