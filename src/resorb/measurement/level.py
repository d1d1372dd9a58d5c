"""One level, ready to be measured: its frame, its disc tissue as every series shows it, and what stands round it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from resorb.anatomy import Anatomy, Structure, anatomy_index
from resorb.frame import Frame
from resorb.limits import Limits
from resorb.measurement.classes.landmarks import Landmarks
from resorb.measurement.displaced import Displaced, Voxels, find_displaced, voxels_of
from resorb.measurement.landmarks import SIDES, landmarks_of
from resorb.measurement.material import Grid, Material, make_grid, material_on, merged
from resorb.measurement.shape import Mask, Shape, shape_of
from resorb.measurement.summits import Part, split
from resorb.measurement.surface import Surface, surface_of
from resorb.voxels import index_of

SAGITTAL, AXIAL, BOTH = "sagittal", "axial", "sagittal and axial"
NEAR_MM = 1.0  # disc this near to the reference surface is looked at closely
AXIAL_SEES = 0.8  # share of what the sagittal series shows that an axial stack must cover
AXIAL_AGREES = (0.4, 2.5)  # volume in the axial labels against the sagittal ones, or they are not used
WIDTH_OVER_LENGTH = 1.4  # of a lumbar disc whose sides are not seen


@dataclass(frozen=True, eq=False)
class LevelScene:
    """What one level is measured on.

    Attributes:
        anatomy: the part of the sagittal labels about the level, in sagittal order.
        uncovered_mm3: disc that a slip laid open.
        sagittal, axial: disc tissue on the level's grid, by series; None where no disc comes near the reference, or
            no axial stack covers it.
        sacs: the thecal sac, by series.
        parts: the herniations.
    """

    anatomy: Anatomy
    frame: Frame
    surface: Surface
    limits: Limits
    marks: Landmarks
    displaced: Displaced
    voxels: Voxels | None
    uncovered_mm3: float
    sagittal: Material | None
    axial: Material | None
    sacs: Mapping[str, Shape]
    parts: tuple[Part, ...]

    @property
    def circumference_mm(self) -> float:
        """Around the disc; an ellipse (Ramanujan) over its length in the midline, where its sides are not seen."""
        if (around := self.surface.circumference_mm) is not None:
            return around
        local = self.frame.to_local(
            self.anatomy.labels.to_world(index_of(self.anatomy.disc(self.frame.level)))
        )
        middle = local[(np.abs(local[:, 0]) < 5.0) & (local[:, 1] < 0), 1]
        a = (-float(np.quantile(middle, 0.02)) if len(middle) else 34.0) / 2
        b = WIDTH_OVER_LENGTH * a
        return float(np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b))))

    @property
    def border_mm(self) -> float | None:
        """From the midline to the medial border of the pedicles; mean of both sides."""
        found = [b for side, _ in SIDES if (b := self.marks.border_mm(side, 0)) is not None]
        return sum(found) / len(found) if found else None


def scene_of(whole: Anatomy, near: Anatomy, frame: Frame, limits: Limits) -> LevelScene:
    """Look at one framed level.

    Args:
        whole: the labels of all series; the sagittal ones in sagittal order.
        near: their part about the level.
        frame: of the level.
        limits: thresholds.
    """
    surface = surface_of(frame)
    displaced, uncovered = find_displaced(near.disc(frame.level), frame, near.labels)
    shape = shape_of(near.disc(frame.level), near.labels)
    voxels = None if shape is None else voxels_of(shape, surface)
    sagittal = axial = None
    parts: tuple[Part, ...] = ()
    if voxels is not None and len(close := voxels.local[voxels.outward > -NEAR_MM]):
        grid = make_grid(surface, close)
        sagittal = material_on(grid, shape, SAGITTAL)
        parts = split(sagittal, limits, float(near.labels.spacing_mm[0]))
        axial = _axial(whole, grid, sagittal, frame)
    return LevelScene(
        anatomy=near,
        frame=frame,
        surface=surface,
        limits=limits,
        marks=landmarks_of(whole, frame, _body_width(frame, near), limits),
        displaced=displaced,
        voxels=voxels,
        uncovered_mm3=uncovered,
        sagittal=sagittal,
        axial=axial,
        sacs=_sacs(whole, near, frame),
        parts=parts,
    )


def _body_width(frame: Frame, near: Anatomy) -> float:
    """Width of the two endplates; 1.4 times the length of the disc in the midline, where their sides are not seen."""
    widths = [float(np.ptp(r.outline[:, 0])) for r in (frame.upper, frame.lower) if r.outline is not None]
    if widths:
        return float(np.mean(widths))
    local = frame.to_local(near.labels.to_world(index_of(near.disc(frame.level))))
    middle = local[np.abs(local[:, 0]) < 5.0, 1]
    return WIDTH_OVER_LENGTH * (-float(np.quantile(middle, 0.02)) if len(middle) else 34.0)


def _axial(whole: Anatomy, grid: Grid, sagittal: Material, frame: Frame) -> Material | None:
    """The level's disc as the axial stacks show it; None where they do not cover it, or their labels are no use."""
    index = anatomy_index(Structure.DISC, frame.level.upper)
    stacks = [volume.axial() for volume in whole.axial if (volume.data == index).any()]
    found = [material_on(grid, shape_of(stack.data == index, stack), AXIAL) for stack in stacks]
    if not found:
        return None
    axial = merged(found)
    displaced = sagittal.share > 0
    sees = float(sagittal.share[displaced & axial.seen].sum()), float(sagittal.share.sum())
    if not sees[1] or sees[0] < AXIAL_SEES * sees[1]:
        return None
    own = float(axial.share[axial.seen].sum())
    return axial if AXIAL_AGREES[0] * sees[0] < own < AXIAL_AGREES[1] * sees[0] else None


def _sacs(whole: Anatomy, near: Anatomy, frame: Frame) -> dict[str, Shape]:
    """The thecal sac by series; axial where a stack shows it at the level's height."""
    sacs: dict[str, Shape] = {}
    if (shape := shape_of(near.structure(Structure.THECAL_SAC), near.labels)) is not None:
        sacs[SAGITTAL] = shape
    height = frame.to_world(np.array([[0.0, 10.0, 0.0]]))
    for volume in whole.axial:
        stack = volume.axial()
        if not np.all((at := stack.to_index(height)[0]) >= 0) or np.any(at > np.array(stack.shape) - 1):
            continue
        mask: Mask = stack.data == anatomy_index(Structure.THECAL_SAC)
        if mask[round(float(at[0]))].any() and (axial := shape_of(mask, stack)) is not None:
            sacs[AXIAL] = axial
    return sacs
