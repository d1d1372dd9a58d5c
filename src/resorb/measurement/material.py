"""Disc tissue of one level about its reference surface, on an even grid in the level's own frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.measurement.shape import FAR_MM, Float32, Mask, Shape, cover
from resorb.measurement.surface import Surface
from resorb.study import FloatArray, Volume

PITCH_MM = 0.5
ROOM_MM = 2.5  # around the displaced material
LEFT, POSTERIOR, CRANIAL = range(3)


@dataclass(frozen=True, eq=False)
class Grid:
    """An even grid in a level's frame, about what is displaced.

    Attributes:
        axes: left, posterior and cranial mm of the cells, `PITCH_MM` apart.
        outward: (l, p, z) distance of the cells outside the reference surface, mm; negative inside.
    """

    surface: Surface
    axes: tuple[FloatArray, FloatArray, FloatArray]
    outward: Float32

    @cached_property
    def local(self) -> FloatArray:
        """(l, p, z, 3) the cells' centres."""
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1)

    @cached_property
    def world(self) -> FloatArray:
        return self.surface.frame.to_world(self.local)

    @cached_property
    def turn_deg(self) -> Float32:
        """(l, p, z) direction from the disc's axis: 0 behind it, 90 to its left."""
        return np.asarray(self.surface.turn_deg(self.local), np.float32)

    def nearest(self, local: FloatArray) -> tuple[NDArray[np.intp], ...]:
        """Indices of the cells next to local points (n, 3), clipped to the grid."""
        return tuple(
            np.clip(np.rint((local[:, a] - axis[0]) / PITCH_MM), 0, len(axis) - 1).astype(np.intp)
            for a, axis in enumerate(self.axes)
        )


@dataclass(frozen=True, eq=False)
class Material:
    """Disc tissue on a grid, as one series shows it.

    Attributes:
        distance: (l, p, z) signed distance to the disc tissue of the level, mm, negative inside.
        seen: (l, p, z) cells that the series covers.
        source: of the series, in words.
        in_slice: (l, p, z) how far its slices go outwards per mm (`Surface.in_slice`).
    """

    grid: Grid
    distance: Float32
    seen: Mask
    source: str
    in_slice: Float32

    @cached_property
    def share(self) -> Float32:
        """(l, p, z) share of each cell that is displaced: tissue, and outside the reference surface.

        A cell that both surfaces cut is taken as cut by two parallel ones: where a disc ends at its reference
        surface, nothing is displaced.
        """
        return np.asarray(
            np.maximum(cover(self.distance, PITCH_MM) + cover(-self.grid.outward, PITCH_MM) - 1.0, 0.0),
            np.float32,
        )

    @cached_property
    def reach(self) -> Float32:
        """(l, p, z) how far tissue reaches outside round each displaced cell, mm; 0 where there is none.

        A cell that lies `d` inside the tissue of its slice has tissue farther out than its centre by `d`, as far as
        the slice goes outwards.
        """
        inside = (self.distance < 0) & (self.grid.outward > 0)
        return np.asarray(
            np.where(inside, self.grid.outward - self.in_slice * self.distance, 0.0), np.float32
        )


def make_grid(surface: Surface, local: FloatArray) -> Grid:
    """The grid about displaced points (n, 3) in local mm; n is not 0."""
    low, high = local.min(axis=0) - ROOM_MM, local.max(axis=0) + ROOM_MM
    low[POSTERIOR] = max(low[POSTERIOR], surface.middle)
    left, posterior, cranial = (
        PITCH_MM * (np.arange(np.floor(a / PITCH_MM), np.ceil(b / PITCH_MM), dtype=np.float64) + 0.5)
        for a, b in zip(low, high, strict=True)
    )
    axes = (left, posterior, cranial)
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    outward = np.maximum(surface.outward_mm(points), -FAR_MM).astype(np.float32)
    return Grid(surface, axes, outward)


def material_on(grid: Grid, shape: Shape | None, source: str) -> Material:
    """Disc tissue on a grid, from its shape in one stack."""
    if shape is None:
        empty = np.full(grid.outward.shape, FAR_MM, np.float32)
        return Material(grid, empty, np.zeros(empty.shape, bool), source, np.ones_like(empty))
    distance = shape.at(grid.world)
    in_slice = grid.surface.in_slice(grid.local, shape.volume).astype(np.float32)
    return Material(grid, distance, distance < FAR_MM, source, in_slice)


def merged(parts: list[Material]) -> Material:
    """Several stacks of one series as one: each cell as the first stack that covers it shows it."""
    distance, seen, in_slice = parts[0].distance.copy(), parts[0].seen.copy(), parts[0].in_slice.copy()
    for part in parts[1:]:
        new = part.seen & ~seen
        distance[new], in_slice[new] = part.distance[new], part.in_slice[new]
        seen |= new
    return Material(parts[0].grid, distance, seen, parts[0].source, in_slice)


def cell_shares(material_mm: Float32, outward: FloatArray, volume: Volume) -> FloatArray:
    """Displaced share of voxels, from their signed distance to the tissue and their distance outside the surface."""
    pixel = float(volume.spacing_mm[1:].mean())
    share = cover(material_mm, pixel) + cover(-outward, pixel).astype(np.float64) - 1.0
    return np.asarray(np.maximum(share, 0.0))


def pieces(mask: Mask) -> NDArray[np.int32]:
    """(l, p, z) numbers of the pieces of a mask that hang together, from 1."""
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return np.asarray(labels, np.int32)
