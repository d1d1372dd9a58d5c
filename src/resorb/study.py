"""Images with geometry, units and dates: `Volume`, `Series`, `Study`.

World coordinates are RAS+ millimetres everywhere, as in NIfTI; DICOM's LPS is converted once, in
`resorb.dicom`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from resorb.errors import InputError

FloatArray = NDArray[np.float64]

MIN_SPACING_MM, MAX_SPACING_MM = 0.1, 20.0


def turned(points: FloatArray, matrix: FloatArray) -> FloatArray:
    """`matrix` (3, 3) times every point (..., 3).

    As fast as a library of linear algebra on one thread; on several, such a library keeps other cores spinning for
    products this thin, which doubles the time of everything that runs beside them.
    """
    return np.asarray(np.einsum("...j,ij->...i", points, matrix))


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3D array on a regular grid in the world.

    Attributes:
        data: (i, j, k) array of any real dtype.
        affine: (4, 4); maps voxel indices to RAS+ millimetres. May be oblique, never sheared.

    Raises:
        InputError: at construction, when the array is not 3D or the affine is not finite, is
            singular or sheared, or has a spacing outside 0.1-20 mm.
    """

    data: NDArray[Any]
    affine: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "affine", np.asarray(self.affine, dtype=np.float64))
        if self.data.ndim != 3:
            raise InputError(f"an image of {self.data.ndim} dimensions is not a volume (3 are needed)")
        if self.affine.shape != (4, 4) or not np.isfinite(self.affine).all():
            raise InputError("the image's affine is not a finite 4 x 4 matrix")
        spacing = np.linalg.norm(self.affine[:3, :3], axis=0)
        if (spacing < MIN_SPACING_MM).any() or (spacing > MAX_SPACING_MM).any():
            raise InputError(
                f"voxels of {' x '.join(f'{s:.3g}' for s in spacing)} mm are not plausible "
                f"({MIN_SPACING_MM:g}-{MAX_SPACING_MM:g} mm are): are the units right?"
            )
        directions = self.affine[:3, :3] / spacing
        if np.abs(directions.T @ directions - np.eye(3)).max() > 1e-2:
            raise InputError("the image's axes are not at right angles to each other (sheared affine)")

    @property
    def shape(self) -> tuple[int, int, int]:
        i, j, k = self.data.shape
        return i, j, k

    @cached_property
    def spacing_mm(self) -> FloatArray:
        """(3,) distance between voxel centres along each array axis, mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @cached_property
    def directions(self) -> FloatArray:
        """(3, 3); column a is the unit world vector (RAS+) of array axis a."""
        return self.affine[:3, :3] / self.spacing_mm

    @cached_property
    def voxel_volume_mm3(self) -> float:
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def to_world(self, index: ArrayLike) -> FloatArray:
        """Voxel indices (..., 3) to world points (..., 3), RAS+ mm."""
        return turned(np.asarray(index, dtype=np.float64), self.affine[:3, :3]) + self.affine[:3, 3]

    def to_index(self, world: ArrayLike) -> FloatArray:
        """World points (..., 3), RAS+ mm, to fractional voxel indices (..., 3)."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return turned(np.asarray(world, dtype=np.float64) - self.affine[:3, 3], np.asarray(inverse))

    def axis_towards(self, direction: ArrayLike) -> int:
        """The array axis that runs most nearly along a world direction (3,), whatever its sign."""
        return int(np.argmax(np.abs(np.asarray(direction, dtype=np.float64) @ self.directions)))

    def with_data(self, data: NDArray[Any]) -> Volume:
        """Another array of the same shape on the same grid."""
        if data.shape != self.data.shape:
            raise ValueError(f"shape {data.shape} does not fit the grid {self.data.shape}")
        return Volume(data, self.affine)

    def part(self, box: tuple[slice, slice, slice]) -> Volume:
        """The voxels of a box, where they lie in the world; a view."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_world([side.start for side in box])
        return Volume(self.data[box], affine)

    def sagittal(self) -> Volume:
        """The same voxels as (right -> left, superior -> inferior, anterior -> posterior) or the nearest to it; a view.

        Every step that works slice by slice sees sagittal slices in this one order, whatever the
        storage order of the file: `data[k]` is a picture with the head up and the face to the left.
        """
        return self._ordered((0, 2, 1))

    def axial(self) -> Volume:
        """The same voxels as (superior -> inferior, anterior -> posterior, right -> left) or the nearest to it; a view.

        `data[k]` is an axial slice as radiologists look at it: the belly up, the patient's right on the left.
        """
        return self._ordered((2, 1, 0))

    def _ordered(self, world: tuple[int, int, int]) -> Volume:
        """Array axes put along the `world` axes (0 R, 1 A, 2 S), each towards left, posterior or inferior."""
        order, backwards = self._order(world)
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, list(order)]
        for axis in backwards:
            affine[:3, 3] += affine[:3, axis] * (self.shape[order[axis]] - 1)
            affine[:3, axis] *= -1
        return Volume(np.flip(self.data.transpose(order), backwards), affine)

    def from_sagittal(self, data: NDArray[Any]) -> Volume:
        """An array in the order of `sagittal()`, put on this volume's grid in this volume's storage order; a view."""
        return self._stored(data, (0, 2, 1))

    def from_axial(self, data: NDArray[Any]) -> Volume:
        """An array in the order of `axial()`, put on this volume's grid in this volume's storage order; a view."""
        return self._stored(data, (2, 1, 0))

    def _stored(self, data: NDArray[Any], world: tuple[int, int, int]) -> Volume:
        """The reverse of `_ordered`. No copy is made: slices that are made one by one stay together in memory."""
        order, backwards = self._order(world)
        return self.with_data(np.flip(data, backwards).transpose(np.argsort(order)))

    def _order(self, world: tuple[int, int, int]) -> tuple[tuple[int, int, int], tuple[int, ...]]:
        """The array axes along `world` axes, and those of the new axes that run backwards then."""
        order = _best_axes(np.abs(self.directions), world)
        towards = [float(self.affine[direction, axis]) for direction, axis in zip(world, order, strict=True)]
        return order, tuple(axis for axis, step in enumerate(towards) if step > 0)


def _best_axes(cosines: FloatArray, world: tuple[int, int, int]) -> tuple[int, int, int]:
    """Array axes assigned to three world axes with the largest total cosine."""
    return max(
        permutations(range(3)), key=lambda p: sum(cosines[r, a] for r, a in zip(world, p, strict=True))
    )  # type: ignore[return-value]


class Plane(StrEnum):
    """The plane of a stack's slices."""

    SAGITTAL = "sagittal"
    AXIAL = "axial"
    CORONAL = "coronal"


class Contrast(StrEnum):
    """What a series is weighted by, as far as its headers or its name tell."""

    T2 = "T2"
    T1 = "T1"
    STIR = "STIR"
    PD = "PD"
    LOCALIZER = "localizer"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Series:
    """One series of a study: one stack of slices, or several (axial blocks angled per disc).

    Attributes:
        number: how the user names it (`--series`); the DICOM series number where that is unique.
        stacks: one volume per set of parallel, evenly spaced slices.
        plane, contrast: what it is; `why` says from which facts.
        description: the scanner's name of the sequence, never a patient's.
        faults: what was found wrong with the slices, in words (duplicate, missing, uneven, mixed).
        sequence: comparable acquisition facts (field strength, TR, TE, manufacturer) that exist.
    """

    number: int
    stacks: tuple[Volume, ...]
    plane: Plane
    contrast: Contrast
    description: str = ""
    why: str = ""
    faults: tuple[str, ...] = ()
    sequence: dict[str, str | float] = field(default_factory=dict)

    @property
    def volume(self) -> Volume:
        """The largest stack."""
        return max(self.stacks, key=lambda stack: stack.data.size)

    @property
    def slice_spacing_mm(self) -> float:
        normal = {Plane.SAGITTAL: (1, 0, 0), Plane.CORONAL: (0, 1, 0), Plane.AXIAL: (0, 0, 1)}[self.plane]
        return float(self.volume.spacing_mm[self.volume.axis_towards(normal)])


@dataclass(frozen=True, eq=False)
class Study:
    """One patient's lumbar MRI of one date, with the series that will be measured.

    Attributes:
        series: everything that was readable as an image.
        sagittal: the T2 sagittal series that is segmented and measured.
        axial: the axial T2 series, where there is one.
        choice: one line each on what was chosen and why, and what was passed over.
        warnings: what a reader of the result must know about the input.
        study_date: the date of the scan, where the headers give one.
        sha256: hash over the input's bytes, in an order that does not depend on file names.
        synthetic: the input says of itself that it is simulated.
    """

    series: tuple[Series, ...]
    sagittal: Series
    axial: Series | None
    choice: tuple[str, ...]
    warnings: tuple[str, ...]
    study_date: date | None
    sha256: str
    synthetic: bool = False
