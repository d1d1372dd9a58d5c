"""Bone as a field of signed distance, grown from rounded rods that melt into one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resorb.simulation.phantom import Window
from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.marbling import marbled
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

FAR_MM = 50.0
BLEND_MM = 2.5  # over which two rods melt into one
GRAIN_MM, MOTTLE, UNEVEN_WALL = 2.8, 0.11, 0.3  # texture: of the fat share, and of the wall's thickness
BONES = (100, 400)  # anatomy indices of bodies, arches and sacrum lie from the first to below the second


@dataclass(frozen=True)
class BoneLook:
    """How a bone is painted.

    Attributes:
        anatomy: its `anatomy_index`; body: that of the body it springs from, whose wall opens to its marrow.
        cortex_mm: thickness of its wall, a number or one for each voxel of the bone's window.
        fat: share of fat in its marrow.
    """

    anatomy: int
    body: int
    cortex_mm: float | Field
    fat: float


class Bone:
    """A signed distance field (mm, negative inside) on a window of a canvas."""

    def __init__(self, canvas: Canvas, points: FloatArray, margin_mm: float) -> None:
        """Room for all that lies within `margin_mm` of world points (n, 3)."""
        self.canvas = canvas
        self.window = canvas.about(points, margin_mm)
        shape = [part.stop - part.start for part in self.window]
        self.distance: Field = np.full(shape, FAR_MM, np.float32)

    def rod(
        self,
        pose: FloatArray,
        ends: Sequence[Sequence[float]],
        semi: Sequence[float],
        blend_mm: float = BLEND_MM,
    ) -> None:
        """Add a rod between two points of a pose's own frame, an ellipsoid where they are the same point.

        Args:
            semi: (3,) semi-axes of its round ends along the frame's axes, mm.
        """
        a, b = np.asarray(ends, dtype=np.float64)
        axes = np.asarray(semi, dtype=np.float64)
        reach = float(axes.max()) + blend_mm + 0.5
        here, part = self._around(np.stack([a, b]) @ pose[:3, :3].T + pose[:3, 3], reach)
        if part is None:
            return
        p = [c - np.float32(v) for c, v in zip(self.canvas.local(here, pose), a, strict=True)]
        along = (b - a) / axes
        if (along**2).sum() > 0:
            weight = (along / axes / (along**2).sum()).astype(np.float32)
            t = np.clip(p[0] * weight[0] + p[1] * weight[1] + p[2] * weight[2], 0.0, 1.0)
            p = [c - t * np.float32(v) for c, v in zip(p, b - a, strict=True)]
        once = sum(np.square(c * np.float32(1 / s)) for c, s in zip(p, axes, strict=True))
        twice = sum(np.square(c * np.float32(1 / s**2)) for c, s in zip(p, axes, strict=True))
        root = np.sqrt(once)
        new = root * (root - 1) / np.sqrt(np.maximum(twice, np.float32(1e-6)))
        new = np.where(root < 0.05, np.float32(-axes.min()), new)
        old = self.distance[part]
        share = np.clip(0.5 + (new - old) * np.float32(0.5 / blend_mm), 0.0, 1.0)
        self.distance[part] = new + share * (old - new) - np.float32(blend_mm) * share * (1 - share)

    def carve(self, window: Window, distance: Field) -> None:
        """Take away what lies inside another field, given on a window of the canvas."""
        part = self.part(window)
        if part is not None:
            np.maximum(self.distance[part], -self._inner(window, distance), out=self.distance[part])

    def roughen(self, window: Window, inwards: Field) -> None:
        """Shift the surface inwards by mm, given on a window of the canvas."""
        part = self.part(window)
        if part is not None:
            self.distance[part] += self._inner(window, inwards)

    def paint(self, look: BoneLook, seed: Sequence[int]) -> None:
        """Paint cortex and marrow over all but the bones that are there already."""
        there = self.canvas.anatomy[self.window]
        free = (there < BONES[0]) | (there >= BONES[1])
        bone = (self.distance <= 0) & free
        self.canvas.paint(self.window, bone, Tissue.CORTEX, anatomy=look.anatomy)
        rng = np.random.default_rng(list(seed))
        mottle = marbled(self.canvas, self.window, GRAIN_MM, rng)
        deep = self.distance <= -look.cortex_mm * (1 + UNEVEN_WALL * mottle)
        inner = bone & deep
        fat = np.float32(look.fat) + np.float32(MOTTLE) * mottle
        mix = np.asarray(np.clip(fat, 0.02, 0.98) * 255, dtype=np.uint8)
        self.canvas.paint(self.window, inner, Tissue.MARROW, mix=mix, anatomy=look.anatomy)
        root = deep & (there == look.body)
        self.canvas.paint(self.window, root, Tissue.MARROW, mix=mix, over=(Tissue.CORTEX,))

    def _inner(self, window: Window, field: Field) -> Field:
        """The part of a field on a window that lies in the bone's own window."""
        x, y, z = (
            slice(max(mine.start - w.start, 0), mine.stop - w.start)
            for mine, w in zip(self.meet(window), window, strict=True)
        )
        return field[x, y, z]

    def _around(self, points: FloatArray, margin_mm: float) -> tuple[Window, Window | None]:
        window = self.meet(self.canvas.about(points, margin_mm))
        return window, self.part(window)

    def meet(self, window: Window) -> Window:
        """What a window of the canvas shares with the bone's own."""
        x, y, z = (
            slice(max(w.start, m.start), max(min(w.stop, m.stop), w.start, m.start))
            for w, m in zip(window, self.window, strict=True)
        )
        return x, y, z

    def part(self, window: Window) -> Window | None:
        """Where a window of the canvas lies in the field; None where they do not meet."""
        x, y, z = (
            slice(w.start - m.start, w.stop - m.start)
            for w, m in zip(self.meet(window), self.window, strict=True)
        )
        return (x, y, z) if all(p.stop > p.start for p in (x, y, z)) else None
