"""Displaced disc material of one level: which voxels lie behind the reference surface, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.frame import Frame
from resorb.measurement.material import cell_shares
from resorb.measurement.shape import Shape
from resorb.measurement.surface import Surface, surface_of
from resorb.study import FloatArray, Volume
from resorb.voxels import index_of

JUST_INSIDE_MM = 2.0
LAYER_MM, ROWS_MM = 0.25, 0.8  # of the profile of axial sections; about one and a half pixels of a T2 series
EDGE_AREA_MM2 = 4.0  # displaced tissue smaller than this on the field's last slice is taken for its rounding


@dataclass(frozen=True, eq=False)
class Displaced:
    """The disc voxels of a level that reach behind its reference surface.

    Attributes:
        index: (n, 3) voxel indices.
        local: (n, 3) left, posterior, cranial mm in the level's frame.
        behind_mm: (n,) distance of the voxel's centre behind the surface, above 0.
        volume: the grid.
    """

    index: NDArray[np.intp]
    local: FloatArray
    behind_mm: FloatArray
    volume: Volume

    @property
    def volume_mm3(self) -> float:
        return len(self.index) * self.volume.voxel_volume_mm3

    @property
    def depth_mm(self) -> float:
        """Largest distance behind the surface, to the voxel's far face (masks end between voxel centres)."""
        if not len(self.behind_mm):
            return 0.0
        return max(0.0, float(self.behind_mm.max()) + 0.5 * self.pixel_mm)

    @property
    def pixel_mm(self) -> float:
        """In-plane voxel size of the sagittal slices."""
        return float(self.volume.spacing_mm[1:].mean())

    def by_slice_mm2(self) -> FloatArray:
        """(slices,) displaced area in each sagittal slice."""
        area = self.volume.spacing_mm[1] * self.volume.spacing_mm[2]
        return np.asarray(np.bincount(self.index[:, 0], minlength=self.volume.shape[0]) * area)

    def depth_by_slice_mm(self, between: tuple[float, float] = (-np.inf, np.inf)) -> FloatArray:
        """(slices,) largest distance behind the surface in each sagittal slice; 0 where there is none.

        Args:
            between: count only what lies between these positions to the left.
        """
        depth = np.zeros(self.volume.shape[0])
        own = (self.local[:, 0] >= between[0]) & (self.local[:, 0] <= between[1])
        np.maximum.at(depth, self.index[own, 0], self.behind_mm[own] + 0.5 * self.pixel_mm)
        return depth

    @property
    def cropped(self) -> bool:
        """Displaced tissue reaches the first or last slice of the field."""
        area = self.by_slice_mm2()
        return bool(max(area[0], area[-1]) > EDGE_AREA_MM2)

    def around_apex(self, floor_mm: float) -> NDArray[np.bool_]:
        """(n,) the voxels farther than `floor_mm` behind the surface that hang together with the deepest one."""
        far = self.behind_mm > floor_mm
        if not far.any():
            return far
        mask = np.zeros(self.volume.shape, bool)
        mask[tuple(self.index[far].T)] = True
        components, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
        component = components[tuple(self.index.T)]
        return np.asarray(far & (component == component[int(np.argmax(self.behind_mm))]))


@dataclass(frozen=True, eq=False)
class Voxels:
    """Voxels of the series itself that hold displaced tissue, in part or whole.

    Attributes:
        index: (n, 3) voxel indices; local: (n, 3) left, posterior, cranial mm of their centres.
        outward: (n,) distance of the centre outside the reference surface, mm.
        distance: (n,) signed distance of the centre to the tissue within its slice, mm, negative inside.
        share: (n,) displaced share of the voxel.
        in_slice: (n,) how far a slice goes outwards per mm (`Surface.in_slice`).
    """

    index: NDArray[np.intp]
    local: FloatArray
    outward: FloatArray
    distance: FloatArray
    share: FloatArray
    in_slice: FloatArray
    volume: Volume

    def volume_mm3(self, own: NDArray[np.bool_] | None = None) -> float:
        """Of all of it, or of those of its voxels that are `own` (n,)."""
        share = self.share if own is None else self.share[own]
        return float(share.sum()) * self.volume.voxel_volume_mm3

    def by_slice_mm2(self, own: NDArray[np.bool_] | None = None) -> FloatArray:
        """(slices,) displaced area in each slice."""
        share = self.share if own is None else np.where(own, self.share, 0.0)
        pixel = float(self.volume.spacing_mm[1] * self.volume.spacing_mm[2])
        return np.asarray(np.bincount(self.index[:, 0], share, minlength=self.volume.shape[0]) * pixel)

    def axial_mm2(self, own: NDArray[np.bool_]) -> float:
        """Largest displaced area at right angles to the disc's axis: each slice stands for its spacing."""
        share = np.where(own, self.share, 0.0)
        layer = np.floor(self.local[:, 2] / LAYER_MM).astype(np.intp)
        volume = np.bincount(layer - layer.min(), share) * self.volume.voxel_volume_mm3
        # Rows of voxels fall into layers unevenly: smoothed over more than a pixel, they do not.
        even = ndimage.gaussian_filter1d(volume / LAYER_MM, ROWS_MM / LAYER_MM, mode="constant")
        return float(even.max())

    def depth_by_slice_mm(self, own: NDArray[np.bool_] | None = None) -> FloatArray:
        """(slices,) how far tissue reaches outside in each slice: round a voxel's centre by its depth in the tissue."""
        inside = (self.distance < 0) & (self.outward > 0)
        inside = inside if own is None else inside & own
        depth = np.zeros(self.volume.shape[0])
        reach = self.outward - self.in_slice * self.distance
        np.maximum.at(depth, self.index[inside, 0], reach[inside])
        return depth


def voxels_of(shape: Shape, surface: Surface) -> Voxels:
    """The voxels that hold displaced tissue, and those just inside the reference surface.

    Args:
        shape: of a level's disc in the sagittal series.
        surface: the level's reference surface.
    """
    volume = shape.volume
    near = np.argwhere(shape.distance < float(volume.spacing_mm[1:].mean()))
    index = near + shape.corner
    local = surface.frame.to_local(volume.to_world(index))
    outward = surface.outward_mm(local)
    keep = outward > -JUST_INSIDE_MM
    distance = shape.distance[tuple(near[keep].T)].astype(np.float64)
    return Voxels(
        index[keep],
        local[keep],
        outward[keep],
        distance,
        cell_shares(distance.astype(np.float32), outward[keep], volume),
        surface.in_slice(local[keep], volume),
        volume,
    )


def find_displaced(disc: NDArray[np.bool_], frame: Frame, grid: Volume) -> tuple[Displaced, float]:
    """Displaced material of a level, and the volume of disc that a slip laid open, mm3.

    Args:
        disc: (i, j, k) mask of the level's disc with all its fragments, in sagittal order.
        frame: the level's frame and reference surface.
        grid: the volume whose grid the mask is on.
    """
    index = index_of(disc)
    world = grid.to_world(index)
    behind = surface_of(frame).outward_mm(frame.to_local(world))
    keep = behind > 0
    found = Displaced(index[keep], frame.to_local(world[keep]), behind[keep], grid)
    laid_open = np.count_nonzero(frame.uncovered_mm(world) > 0) if frame.step_share > 0 else 0
    return found, laid_open * grid.voxel_volume_mm3


def is_separate(disc: NDArray[np.bool_], displaced: Displaced) -> bool:
    """Whether the deepest displaced voxel belongs to another piece than the disc itself."""
    if not len(displaced.index):
        return False
    pieces, count = ndimage.label(disc, structure=np.ones((3, 3, 3)))
    if count < 2:
        return False
    apex = displaced.index[int(np.argmax(displaced.behind_mm))]
    return bool(pieces[tuple(apex)] != np.argmax(np.bincount(pieces.ravel())[1:]) + 1)
