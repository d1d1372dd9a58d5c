"""A labelled spine of closed form, sampled on any grid: the truth that geometry tests compare with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from resorb.anatomy import Structure
from resorb.study import Contrast, FloatArray, Plane, Series, Study, Volume

BODY_HEIGHT, DISC_HEIGHT, LENGTH, HALF_WIDTH = 26.0, 10.0, 34.0, 24.0
PITCH = BODY_HEIGHT + DISC_HEIGHT


@dataclass(frozen=True)
class Bump:
    """Displaced material: half an ellipsoid on the back of the middle disc, semi-axes in mm; left is positive."""

    depth: float = 6.0
    half_width: float = 6.0
    half_height: float = 4.0
    left: float = 0.0

    @property
    def volume_mm3(self) -> float:
        return 2.0 / 3.0 * np.pi * self.depth * self.half_width * self.half_height

    @property
    def area_mm2(self) -> float:
        """Largest sagittal section: half an ellipse."""
        return np.pi / 2.0 * self.depth * self.half_height

    @property
    def axial_area_mm2(self) -> float:
        """Largest axial section: half an ellipse."""
        return np.pi / 2.0 * self.depth * self.half_width


def wall(left: FloatArray) -> FloatArray:
    """Posterior wall of bodies and discs: flat in the middle, rounding forwards to the sides."""
    return -LENGTH / 2 * (1.0 - np.clip(1.0 - np.abs(left / HALF_WIDTH) ** 4, 0.0, 1.0) ** 0.25) + LENGTH / 2


def structures_at(local: FloatArray, bump: Bump | None, slip: float = 0.0) -> NDArray[np.uint8]:
    """`Structure` at points (..., 3) of (left, posterior, cranial) mm from the back of the middle disc.

    From above: body, disc, body, middle disc, body, disc, sacrum. Bodies above the middle disc are moved
    forwards by `slip`.
    """
    left, posterior, cranial = np.moveaxis(local, -1, 0)
    back = wall(left) - LENGTH / 2
    posterior = posterior + np.where(cranial > DISC_HEIGHT / 2, slip, 0.0)
    inside = (np.abs(left) < HALF_WIDTH) & (posterior < back) & (posterior > -LENGTH - back)
    place = (cranial + DISC_HEIGHT / 2) / PITCH
    step = np.floor(place).astype(int)
    disc = (place - step) * PITCH < DISC_HEIGHT
    out = np.zeros(left.shape, np.uint8)
    spine = inside & (step >= -2) & (step <= 1)
    out[spine & ~disc] = Structure.VERTEBRAL_BODY
    out[spine & disc] = Structure.DISC
    out[spine & ~disc & (step == -2)] = Structure.SACRUM
    out[spine & disc & (step == -2)] = Structure.BACKGROUND
    sac = np.hypot(left, posterior - 12.0) < 8.0
    out[sac & (out == 0) & (step >= -2) & (step <= 1)] = Structure.THECAL_SAC
    if bump is not None:
        relative = (
            (left - bump.left) / bump.half_width,
            (posterior - back) / bump.depth,
            cranial / bump.half_height,
        )
        offset = np.stack(relative)
        out[(posterior >= back) & (np.linalg.norm(offset, axis=0) < 1.0)] = Structure.DISC
    return out


def sampled(
    bump: Bump | None = None,
    *,
    spacing: tuple[float, float, float] = (1.0, 0.45, 0.45),
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    axes: tuple[int, int, int] = (0, 1, 2),
    flips: tuple[bool, bool, bool] = (False, False, False),
    slip: float = 0.0,
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    half_field: float = 28.0,
) -> Volume:
    """The spine's structures on a grid: sagittal slices at `spacing` (left-right, down, back).

    `angles` (degrees) turn the patient in the scanner, `axes` and `flips` change the storage order, and
    `half_field` is half the field's width from left to right.
    """
    extent = np.array([2 * half_field, 110.0, 74.0])
    shape = np.round(extent / spacing).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]]).T * np.array(spacing)
    centre = np.array([0.0, 12.0, 4.0]) + offset
    affine[:3, 3] = centre - affine[:3, :3] @ ((shape - 1) / 2)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    world = grid @ affine[:3, :3].T + affine[:3, 3]
    patient = (
        Rotation.from_euler("xyz", angles, degrees=True)
        .inv()
        .apply(world.reshape(-1, 3))
        .reshape(world.shape)
    )
    data = structures_at(patient * np.array([-1.0, -1.0, 1.0]), bump, slip)
    affine[:3, :3] = affine[:3, list(axes)]
    data = data.transpose(axes)
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (data.shape[axis] - 1)
            affine[:3, axis] *= -1
            data = np.flip(data, axis)
    return Volume(data, affine)


def study_of(structures: Volume) -> Study:
    """A study whose image shows the structures: marrow grey, disc dark, CSF bright."""
    grey = np.array([20, 110, 110, 110, 40, 230], np.uint8)
    series = Series(1, (structures.with_data(grey[structures.data]),), Plane.SAGITTAL, Contrast.T2)
    return Study((series,), series, None, (), (), None, "0" * 64)
