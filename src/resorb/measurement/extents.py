"""Lengths and areas of one piece of displaced material, from its shape on the grid of its level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.measurement.material import CRANIAL, LEFT, PITCH_MM, POSTERIOR, Material
from resorb.measurement.shape import Mask
from resorb.study import FloatArray

LAYER_MM = 1.0  # thickness of what counts as lying on the disc's margin
BASE_SHARE = 0.5  # sections with less than this share of the widest base run beside the neck, not through it
SAME_MM = 0.05  # of sections whose extents differ by less, the one with the widest base counts
TOP_MM = 0.1  # depths that differ by less are the same


@dataclass(frozen=True, eq=False)
class Piece:
    """Cells of displaced material that are measured together.

    Attributes:
        material: tissue as one series shows it.
        cells: (l, p, z) the piece's own cells.
        floor_mm: lengths count what lies farther outside the reference than this.
        foot_mm: how far outside the reference its base lies, on the disc's own bulge.
    """

    material: Material
    cells: Mask
    floor_mm: float = 0.0
    foot_mm: float = 0.0

    @cached_property
    def inner(self) -> Mask:
        """(l, p, z) cells whose centre is tissue farther out than the floor."""
        grid = self.material.grid
        return self.cells & (self.material.distance < 0) & (grid.outward > self.floor_mm)

    @property
    def empty(self) -> bool:
        return not self.inner.any()

    @cached_property
    def _balls(self) -> tuple[FloatArray, FloatArray]:
        """(n, 3) centres of the inner cells, and (n,) the radius of tissue, farther out than the floor, about each."""
        outward, distance = self.material.grid.outward[self.inner], self.material.distance[self.inner]
        radius = np.minimum(-distance, outward - self.floor_mm).astype(np.float64)
        return self.material.grid.local[self.inner], radius

    def span(self, axis: int) -> tuple[float, float]:
        """From where to where the piece reaches along a local axis, mm."""
        points, radius = self._balls
        return float((points[:, axis] - radius).min()), float((points[:, axis] + radius).max())

    def length_mm(self, axis: int) -> float:
        low, high = self.span(axis)
        return high - low

    @cached_property
    def depth_mm(self) -> float:
        return float(self.material.reach[self.inner].max())

    @cached_property
    def apex(self) -> FloatArray:
        """(3,) the deepest point: the middle of a flat top, where that is tissue."""
        reach = np.where(self.inner, self.material.reach, 0.0)
        top = np.argwhere(reach > reach.max() - TOP_MM)
        nearest = top[np.argmin(np.linalg.norm(top - top.mean(axis=0), axis=1))]
        local = self.material.grid.local[tuple(nearest)].copy()
        step = float(-self.material.distance[tuple(nearest)])
        if self.lateral:
            local[LEFT] += step * np.sign(local[LEFT])
        else:
            local[POSTERIOR] += step
        return np.asarray(local)

    @cached_property
    def centre(self) -> FloatArray:
        """(3,) middle of what is deeper than half as deep."""
        deep = self.inner & (self.material.grid.outward >= 0.5 * self.depth_mm)
        cells = deep if deep.any() else self.inner
        return np.asarray(self.material.grid.local[cells].mean(axis=0))

    @cached_property
    def lateral(self) -> bool:
        """Whether it lies on the side of the disc rather than on its posterior face."""
        low, high = self.material.grid.surface.face
        left = self.material.grid.local[self.inner][:, LEFT]
        return bool(len(left) and max(np.mean(left < low), np.mean(left > high)) > 0.5)

    @property
    def across(self) -> int:
        """The local axis that runs along the disc's margin."""
        return POSTERIOR if self.lateral else LEFT

    def migration_mm(self) -> tuple[float, float]:
        """How far it reaches above the upper and below the lower corner of its disc, mm; 0 where it does not."""
        points, radius = self._balls
        frame = self.material.grid.surface.frame
        above = points[:, CRANIAL] + radius - frame.upper.corner(points[:, LEFT])[1]
        below = frame.lower.corner(points[:, LEFT])[1] - points[:, CRANIAL] + radius
        return max(float(above.max()), 0.0), max(float(below.max()), 0.0)

    @cached_property
    def axial_mm2(self) -> FloatArray:
        """(z,) displaced area in each axial section."""
        return self._areas((LEFT, POSTERIOR))

    @cached_property
    def sagittal_mm2(self) -> FloatArray:
        """(l,) displaced area in each sagittal section."""
        return self._areas((POSTERIOR, CRANIAL))

    def _areas(self, over: tuple[int, int]) -> FloatArray:
        share = np.where(self.cells, self.material.share, 0.0)
        return np.asarray(share.sum(axis=over, dtype=np.float64) * PITCH_MM**2)

    @property
    def volume_mm3(self) -> float:
        return float(self.material.share[self.cells].sum(dtype=np.float64)) * PITCH_MM**3

    @cached_property
    def standing(self) -> Mask:
        """(l, p, z) cells of the piece just outside its base on the disc's margin, with disc tissue just inside."""
        grid = self.material.grid
        out = grid.outward - np.float32(self.foot_mm)
        inside = (self.material.distance < 0) & (out <= 0) & (out > -LAYER_MM)
        points = grid.local[self.cells]
        on_margin = np.zeros(self.cells.shape, bool)
        frame = grid.surface.frame
        height = points[:, CRANIAL]
        on_margin[self.cells] = (height < frame.upper.corner(points[:, LEFT])[1]) & (
            height > frame.lower.corner(points[:, LEFT])[1]
        )
        layer = on_margin & (self.material.distance < 0) & (out > 0) & (out <= LAYER_MM)
        steps = int(np.ceil(LAYER_MM / PITCH_MM))
        return np.asarray(layer & ndimage.binary_dilation(inside, iterations=steps))

    @property
    def contact_mm2(self) -> float:
        """Area of the disc's margin through which the piece hangs together with its disc."""
        return float(np.count_nonzero(self.standing)) * PITCH_MM**3 / LAYER_MM

    def section_mm(self, normal: int) -> tuple[float, float]:
        """(base, extent) in the section of largest extent at right angles to a local axis, mm.

        The base runs along the disc's margin (axial planes) or from below upwards (sagittal ones; beside the disc
        coronal ones). Only sections through the base count, where there is one.
        """
        along = CRANIAL if normal != CRANIAL else self.across
        bases = self._lengths(self.standing, normal, along)
        # Above the same foot as the base: a dome is nowhere wider than where it stands.
        extents = self._lengths(self.inner & (self.material.grid.outward > self.foot_mm), normal, along)
        through = bases >= BASE_SHARE * bases.max(initial=0.0)
        if not bases.any():
            return 0.0, float(extents.max(initial=0.0))
        largest = float(extents[through].max())
        best = int(np.argmax(np.where(through & (extents > largest - SAME_MM), bases, -np.inf)))
        return float(bases[best]), float(extents[best])

    def _lengths(self, mask: Mask, normal: int, along: int) -> FloatArray:
        """(n,) from end to end of cells along one axis, in each section at right angles to another, mm."""
        index = np.nonzero(mask)
        place = self.material.grid.local[mask][:, along]
        radius = np.clip(-self.material.distance[mask], 0.0, PITCH_MM)
        count = mask.shape[normal]
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(low, index[normal], place - radius)
        np.maximum.at(high, index[normal], place + radius)
        return np.where(high > low, high - low, 0.0)

    def continuous(self) -> bool:
        """Whether it hangs together, by any way, with disc tissue in front of the reference surface."""
        numbers, _ = ndimage.label(self.material.distance < 0)
        own = np.unique(numbers[self.inner])
        parent = np.unique(numbers[(self.material.distance < 0) & (self.material.grid.outward < -PITCH_MM)])
        return bool(np.isin(own[own > 0], parent).any())


def deepest_piece(material: Material, floor_mm: float, sought: Mask) -> Piece:
    """The piece, farther out than a floor, that holds the deepest point sought, with the cells at its edge.

    Args:
        material: the level.
        floor_mm: nearer to the reference, tissue is not told from its edge.
        sought: (l, p, z) cells that may hold the deepest point and belong to the piece.
    """
    inside = (material.distance < 0) & (material.grid.outward > floor_mm) & sought
    numbers: NDArray[np.int32]
    numbers, _ = ndimage.label(inside, structure=np.ones((3, 3, 3)))
    if not inside.any():
        return Piece(material, inside, floor_mm)
    own = (
        numbers
        == numbers[np.unravel_index(int(np.argmax(np.where(inside, material.reach, 0.0))), numbers.shape)]
    )
    return Piece(material, ndimage.binary_dilation(own), floor_mm)
