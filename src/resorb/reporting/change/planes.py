"""The same plane on every date: cuts in the coordinates of a level's joint frame, and what each date shows in them.

The frame lies at the same place of the patient on every date, so that a pixel of one picture is the same place as that
pixel of another. Thick slices are shown as they were acquired, the nearest one laid onto the plane along its own
normal: nothing is interpolated from slice to slice. Thin ones, and planes that were not acquired, are reformatted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, Structure, anatomy_index
from resorb.frame import Frame
from resorb.study import FloatArray, Plane, Volume
from resorb.timepoint import Timepoint

#: Slices thicker than this are shown as acquired.
THIN_MM = 2.0
#: An axial slice more oblique to the disc than this is no axial picture of it.
MAX_TILT_DEG = 25.0
#: A slice shows a plane that lies within this share of its spacing.
WITHIN = 0.75
#: Takes the staircase of voxels off an outline; what is displaced may be small, and is smoothed less.
SMOOTHING_PIXELS = 0.6
MARGIN_VOXELS = 6


@dataclass(frozen=True)
class Cut:
    """A square of a plane, in the local coordinates of a level's frame (left, posterior, cranial), mm.

    Attributes:
        plane: sagittal (at `place_mm` to the left of the origin) or axial (at `place_mm` cranial of it).
        centre: (posterior, cranial) of the middle of a sagittal cut, (left, posterior) of that of an axial one.
        size_mm: its side.
    """

    plane: Plane
    place_mm: float
    centre: tuple[float, float]
    size_mm: float

    def grid(self, pixel_mm: float) -> FloatArray:
        """Local points (rows, columns, 3) of the middles of square pixels; rows run downwards in the picture."""
        count = round(self.size_mm / pixel_mm)
        along = (np.arange(count) + 0.5) * pixel_mm - self.size_mm / 2
        if self.plane is Plane.SAGITTAL:
            posterior, cranial = np.meshgrid(self.centre[0] + along, self.centre[1] - along)
            return np.stack([np.full_like(posterior, self.place_mm), posterior, cranial], axis=-1)
        left, posterior = np.meshgrid(self.centre[0] + along, self.centre[1] + along)
        return np.stack([left, posterior, np.full_like(left, self.place_mm)], axis=-1)

    def picture(self, local: FloatArray) -> FloatArray:
        """Picture points (..., 2), mm from the top left corner, of local points (..., 3) laid onto the plane."""
        left, posterior, cranial = np.moveaxis(np.asarray(local, dtype=float), -1, 0)
        half = self.size_mm / 2
        if self.plane is Plane.SAGITTAL:
            x, y = posterior - self.centre[0], self.centre[1] - cranial
        else:
            x, y = left - self.centre[0], posterior - self.centre[1]
        return np.stack([x + half, y + half], axis=-1)


@dataclass(frozen=True, eq=False)
class View:
    """What one date shows in a cut.

    Attributes:
        values: (n, n) image values; NaN outside the field.
        masks: by name (`body`, `sac`, `disc`), (n, n) between 0 and 1, an outline runs at one half.
        displaced: (n, n) the same of the level's displaced material.
        behind: (n, n) distance behind the reference surface, mm.
        volume, labels: what was cut, and its labels if it has any; for the grey scale.
        source: which slices they are, in words.
    """

    values: FloatArray
    masks: dict[str, FloatArray]
    displaced: FloatArray
    behind: FloatArray
    volume: Volume
    labels: Volume | None
    source: str


def view(timepoint: Timepoint, frame: Frame, cut: Cut, pixel_mm: float) -> View:
    """What a date shows in a cut through the level of a frame (the joint one, in this date's world)."""
    world = frame.to_world(cut.grid(pixel_mm))
    if cut.plane is Plane.AXIAL and (found := _axial_stack(timepoint, frame, cut)) is not None:
        return _acquired_axial(timepoint, frame, world, *found)
    image = timepoint.study.sagittal.volume.sagittal()
    spacing = float(image.spacing_mm[0])
    labels = timepoint.anatomy.labels.sagittal()
    displaced = timepoint.displaced.sagittal()
    number, source = None, f"reformatted from sagittal slices {spacing:.1f} mm apart"
    if cut.plane is Plane.SAGITTAL and spacing > THIN_MM:
        number, off = _nearest(image, frame, cut, 0)
        source = f"acquired slice, {_off(off)}"
    elif cut.plane is Plane.SAGITTAL:
        source = f"reformatted from slices {spacing:.1f} mm apart"
    sampler = _Sampler(image, world, number)
    return View(
        values=sampler.image(image),
        masks=_masks(sampler, labels),
        displaced=sampler.mask(displaced.data == frame.level.ordinal),
        behind=frame.behind_mm(sampler.world),
        volume=image,
        labels=labels,
        source=source,
    )


def _acquired_axial(timepoint: Timepoint, frame: Frame, world: FloatArray, number: int, slice_: int) -> View:
    """A slice of an axial stack; displaced is what is disc there and lies behind the reference."""
    assert timepoint.study.axial is not None
    image = timepoint.study.axial.stacks[number].axial()
    labelled = timepoint.anatomy.axial[number].axial() if number < len(timepoint.anatomy.axial) else None
    has = labelled is not None and bool(labelled.data.any())
    sampler = _Sampler(image, world, slice_)
    behind = frame.behind_mm(sampler.world)
    if labelled is not None and has:
        masks = _masks(sampler, labelled)
        own = sampler.mask(labelled.data == anatomy_index(Structure.DISC, frame.level.upper))
        displaced = np.minimum(own, np.clip(0.5 + behind, 0.0, 1.0))
    else:
        shown = timepoint.study.sagittal.volume.sagittal()
        outlines = _Sampler(shown, world, None)
        masks = _masks(outlines, timepoint.anatomy.labels.sagittal())
        displaced = outlines.mask(timepoint.displaced.sagittal().data == frame.level.ordinal)
    centre = frame.to_local(sampler.world[tuple(n // 2 for n in world.shape[:2])])
    off = float(centre[2] - frame.to_local(world[tuple(n // 2 for n in world.shape[:2])])[2])
    source = f"acquired slice, {_off(off)}" + ("" if has else "; outlines from the sagittal series")
    return View(sampler.image(image), masks, displaced, behind, image, labelled if has else None, source)


def _axial_stack(timepoint: Timepoint, frame: Frame, cut: Cut) -> tuple[int, int] | None:
    """(number of the stack, slice) of the axial slice nearest to a cut; None where none shows it."""
    if timepoint.study.axial is None:
        return None
    point = frame.to_world(np.array([*cut.centre, cut.place_mm]))
    best: tuple[float, int, int] | None = None
    for number, stack in enumerate(timepoint.study.axial.stacks):
        image = stack.axial()
        cosine = abs(float(image.directions[:, 0] @ frame.axes[2]))
        index = image.to_index(point)
        slice_ = round(float(index[0]))
        off = abs(float(index[0]) - slice_) * float(image.spacing_mm[0])
        inside = 0 <= slice_ < image.shape[0] and off <= WITHIN * float(image.spacing_mm[0])
        if inside and np.degrees(np.arccos(min(cosine, 1.0))) <= MAX_TILT_DEG:
            rank = (off, number, slice_)
            best = rank if best is None or rank < best else best
    return None if best is None else best[1:]


def _nearest(image: Volume, frame: Frame, cut: Cut, axis: int) -> tuple[int, float]:
    """The slice of a volume nearest to the middle of the level in a cut, and how far off it is, mm."""
    local = np.array([cut.place_mm, 0.0, 0.0])
    index = float(image.to_index(frame.to_world(local))[axis])
    number = int(np.clip(np.rint(index), 0, image.shape[axis] - 1))
    return number, (number - index) * float(image.spacing_mm[axis])


def _off(mm: float) -> str:
    return f"{abs(mm):.1f} mm from the plane"


class _Sampler:
    """Values of volumes of one grid at the points of a picture, by cubic splines; NaN outside the field.

    Args:
        volume: gives the grid.
        world: (rows, columns, 3) points, RAS+ mm.
        slice_: lay the points onto this slice of the first axis, along its normal; None: where they are.
    """

    def __init__(self, volume: Volume, world: FloatArray, slice_: int | None) -> None:
        index = volume.to_index(world)
        if slice_ is not None:
            index[..., 0] = slice_
        self.world = volume.to_world(index)
        shape = np.array(volume.shape)
        self._outside = ((index < -0.5) | (index > shape - 0.5)).any(axis=-1)
        low = np.clip(np.floor(index.min(axis=(0, 1))).astype(int) - MARGIN_VOXELS, 0, shape - 1)
        high = np.clip(np.ceil(index.max(axis=(0, 1))).astype(int) + MARGIN_VOXELS + 1, low + 1, shape)
        self._box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        self._index = np.moveaxis(index - low, -1, 0)
        self._flat = slice_ is not None

    def image(self, volume: Volume) -> FloatArray:
        values = np.nan_to_num(np.asarray(volume.data[self._box], dtype=np.float64))
        shown = self._at(values, order=3)
        shown[self._outside] = np.nan
        return shown

    def mask(self, mask: NDArray[np.bool_]) -> FloatArray:
        """A mask of the same grid, its staircase smoothed away; 0 outside the field."""
        sigma = (0.0 if self._flat else 0.4, SMOOTHING_PIXELS, SMOOTHING_PIXELS)
        smooth = ndimage.gaussian_filter(mask[self._box].astype(np.float32), sigma)
        shown = self._at(smooth, order=1)
        shown[self._outside] = 0.0
        return shown

    def _at(self, values: FloatArray, order: int) -> FloatArray:
        if self._flat:
            row, column = self._index[1], self._index[2]
            plane = values[round(float(self._index[0].flat[0]))]
            return np.asarray(ndimage.map_coordinates(plane, [row, column], order=order, mode="nearest"))
        return np.asarray(ndimage.map_coordinates(values, self._index, order=order, mode="nearest"))


def _masks(sampler: _Sampler, labels: Volume) -> dict[str, FloatArray]:
    structure = labels.data // STRUCTURE_STEP
    return {
        "body": sampler.mask(np.isin(structure, (Structure.VERTEBRAL_BODY, Structure.SACRUM))),
        "sac": sampler.mask(structure == Structure.THECAL_SAC),
        "disc": sampler.mask(structure == Structure.DISC),
    }
