"""Disc tissue of one level on a fine grid in the level's own frame, as it lies on a date."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, Structure, anatomy_index
from resorb.simulation.phantom import Displaced, Phantom, Window
from resorb.simulation.truth.frame import DatePose, LevelGeometry, move
from resorb.simulation.truth.surface import Float32, Surface, make_surface
from resorb.study import FloatArray
from resorb.voxels import box_of

GRID_MM = 0.5
ROOM_MM = 2.0  # around what is evaluated; covers what bends between the two bodies' rigid moves
SPARSE_MM = 0.75  # between the points that are carried to rest; between them the map is taken as linear
AROUND_RIM_MM = 12.0  # a plain disc reaches no farther out of its rims
BLUR_MM = 0.35  # takes the staircase off a voxel label, so that its edge lies between voxel centres
EDGE_PER_MM = 1.0 / (BLUR_MM * np.sqrt(2.0 * np.pi))  # slope of a blurred flat edge
BONE = (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM)
FAR_MM = 5.0
EDGE_VOXELS = 3

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Material:
    """One level's disc tissue behind and around the reference surface.

    Attributes:
        surface: the reference surface, in local mm.
        axes: left, posterior, cranial coordinates of the grid, evenly `pitch_mm` apart.
        rest: (3, l, p, z) where each point's tissue lies in the phantom, mm.
        outward: (l, p, z) distance outward of the reference, of first order, mm; the anterior half is -inf.
        plain: (l, p, z) signed distance to the disc without what left it, mm, negative inside; from labels.
        focal: the same of each displacement, from its exact shape, in the order of their numbers.
        displaced: the displacements, in the same order.
    """

    surface: Surface
    axes: tuple[FloatArray, FloatArray, FloatArray]
    rest: FloatArray
    outward: Float32
    plain: Float32
    focal: tuple[Float32, ...]
    displaced: tuple[Displaced, ...]

    @property
    def pitch_mm(self) -> float:
        return float(self.axes[0][1] - self.axes[0][0])

    @cached_property
    def own(self) -> tuple[Float32, ...]:
        """The shapes of `focal`, each without what one of lower number holds: they meet, they do not overlap."""
        shapes: list[Float32] = []
        for n, shape in enumerate(self.focal):
            for earlier in self.focal[:n]:
                shape = np.maximum(shape, -earlier)
            shapes.append(shape)
        return tuple(shapes)

    @cached_property
    def tissue(self) -> Float32:
        """(l, p, z) share of each cell that is disc tissue of this level."""
        share = cover(self.plain, self.pitch_mm)
        for shape in self.own:
            share = share + cover(shape, self.pitch_mm)
        return np.asarray(np.minimum(share, 1.0), np.float32)

    @cached_property
    def behind(self) -> Float32:
        """(l, p, z) share of each cell that lies outside the reference surface."""
        return cover(-self.outward, self.pitch_mm)

    def displaced_share(self, share: Float32) -> Float32:
        """Share of each cell that is tissue, given its share, and outside the reference.

        A cell that both surfaces cut is taken as cut by two parallel ones: where a disc ends at its
        reference surface, nothing is displaced.
        """
        return np.asarray(np.maximum(share + self.behind - 1.0, 0.0), np.float32)

    @cached_property
    def any_shape(self) -> Float32:
        """(l, p, z) signed distance to all disc tissue of the level."""
        shape = self.plain
        for focal in self.focal:
            shape = np.minimum(shape, focal)
        return np.asarray(shape, np.float32)

    def at(self, field: Float32, points: FloatArray, outside: float = FAR_MM) -> FloatArray:
        """(n,) a field of this grid at local points (n, 3)."""
        first = np.array([axis[0] for axis in self.axes])
        index = ((points - first) / self.pitch_mm).T
        return np.asarray(ndimage.map_coordinates(field, index, order=1, mode="constant", cval=outside))


def cover(shape: Float32, pitch_mm: float) -> Float32:
    """Share of a cell inside a surface, from the signed distance of its centre (mm, negative inside)."""
    return np.asarray(np.clip(0.5 - shape / pitch_mm, 0.0, 1.0), np.float32)


def material_of(
    phantom: Phantom, geometry: LevelGeometry, pose: DatePose, grid_mm: float = GRID_MM
) -> Material | None:
    """Disc tissue of a level round its reference surface; None where none comes near it.

    Args:
        phantom: the body at rest, displaced material in it.
        geometry: the level's frame on the date.
        pose: carries tissue between rest and date.
        grid_mm: pitch of the grid.
    """
    level = geometry.frame.level
    found = sorted((d for d in phantom.displaced if d.level == level), key=lambda d: d.number)
    window, label = _label(phantom, geometry, found)
    if not label.any():
        return None
    box, surface = _box(phantom, geometry, pose, window, label)
    if box is None:
        return None
    axes = _axes(*box, grid_mm)
    rest = carry(geometry, axes, pose)
    plain = label.copy()
    for displaced in found:
        _within(plain, window, displaced)
    focal = [_focal(phantom, d, rest) for d in found]
    outward = surface.near_mm(*axes)
    outward[:, axes[1] < geometry.middle] = -np.inf
    return Material(
        surface=surface,
        axes=axes,
        rest=rest,
        outward=outward,
        plain=_edge(phantom, window, plain, rest),
        focal=tuple(focal),
        displaced=tuple(found),
    )


def carry(
    geometry: LevelGeometry, axes: tuple[FloatArray, FloatArray, FloatArray], pose: DatePose
) -> FloatArray:
    """(3, l, p, z) where the tissue at each point of a local grid lies in the phantom at rest, world mm.

    The pose is asked on a coarser grid and interpolated linearly, which is exact where the move is rigid.
    """
    sparse, weights = zip(*(_sparse(axis) for axis in axes), strict=True)
    points = np.stack(np.meshgrid(*sparse, indexing="ij"), -1)
    rest = np.asarray(pose.to_rest(geometry.frame.to_world(points)), dtype=np.float64)
    for axis, weight in enumerate(weights):
        rest = np.moveaxis(np.tensordot(weight, rest, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(np.moveaxis(rest, -1, 0))


def sample(
    field: NDArray[np.float32], window: Window, phantom: Phantom, rest: FloatArray, outside: float
) -> Float32:
    """A field on a window of the fine grid at rest points (3, ...), linearly interpolated."""
    fine = phantom.fine
    start = np.array([part.start for part in window], dtype=np.float64)
    index = (rest - fine.origin.reshape(3, *[1] * (rest.ndim - 1))) / fine.pitch_mm
    index -= start.reshape(3, *[1] * (rest.ndim - 1))
    return np.asarray(
        ndimage.map_coordinates(field, index, order=1, mode="constant", cval=outside), np.float32
    )


def _sparse(axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coarser coordinates (m,) over an axis (n,), and the weights (n, m) of linear interpolation between them."""
    if axis[-1] == axis[0]:
        return axis[:1], np.ones((len(axis), 1))
    count = max(int(np.ceil((axis[-1] - axis[0]) / SPARSE_MM)), 1) + 1
    sparse = np.linspace(axis[0], axis[-1], count)
    at = (axis - sparse[0]) / (sparse[1] - sparse[0])
    low = np.clip(at.astype(int), 0, count - 2)
    weights = np.zeros((len(axis), count))
    rows = np.arange(len(axis))
    weights[rows, low] = 1.0 - (at - low)
    weights[rows, low + 1] = at - low
    return sparse, weights


def _label(phantom: Phantom, geometry: LevelGeometry, displaced: list[Displaced]) -> tuple[Window, Mask]:
    """The part of the fine grid that holds disc tissue of the level, and its mask there."""
    level = geometry.frame.level
    rims = [phantom.vertebrae[level.lower].upper_rim]
    if (lower_rim := phantom.vertebrae[level.upper].lower_rim) is not None:
        rims.append(lower_rim)
    points = np.concatenate(rims)
    parts = list(phantom.fine.window(points.min(axis=0) - AROUND_RIM_MM, points.max(axis=0) + AROUND_RIM_MM))
    for one in displaced:
        for a in range(3):
            parts[a] = slice(min(parts[a].start, one.window[a].start), max(parts[a].stop, one.window[a].stop))
    label = phantom.anatomy[parts[0], parts[1], parts[2]] == anatomy_index(Structure.DISC, level.upper)
    inner = []
    for a, held in enumerate(box_of(label, EDGE_VOXELS) or (slice(0, EDGE_VOXELS + 1),) * 3):
        inner.append(held)
        parts[a] = slice(parts[a].start + inner[a].start, min(parts[a].start + inner[a].stop, parts[a].stop))
    return (parts[0], parts[1], parts[2]), label[inner[0], inner[1], inner[2]]


def _box(
    phantom: Phantom, geometry: LevelGeometry, pose: DatePose, window: Window, label: Mask
) -> tuple[tuple[FloatArray, FloatArray] | None, Surface]:
    """Local corners of the box around tissue near or behind the surface on the date, and the surface over its height.

    Tissue of the disc moves between the rigid moves of its two vertebrae; it is looked for at both.
    """
    level = geometry.frame.level
    tissue = label & ~ndimage.binary_erosion(label)
    world = phantom.fine.origin + phantom.fine.pitch_mm * (
        np.argwhere(tissue) + [part.start for part in window]
    )
    both = [geometry.frame.to_local(move(pose.vertebra(v), world)) for v in (level.upper, level.lower)]
    points = np.concatenate(both)
    points = points[points[:, 1] > geometry.middle - ROOM_MM]
    corner = geometry.frame.upper.corner(0.0)[1], geometry.frame.lower.corner(0.0)[1]
    heights = np.concatenate([points[:, 2], np.array(corner)])
    surface = make_surface(geometry, float(heights.min()) - ROOM_MM, float(heights.max()) + ROOM_MM)
    # Disc that a slip lays open lies in front of the stepped surface by no more than the slip.
    laid_open = geometry.frame.slip_mm if geometry.frame.step_share > 0 else 0.0
    near = surface.outside(points, ROOM_MM / 2 + laid_open)
    if not near.any():
        return None, surface
    kept = points[near]
    low, high = kept.min(axis=0) - ROOM_MM, kept.max(axis=0) + ROOM_MM
    low[1] = max(low[1], geometry.middle - GRID_MM)
    return (low, high), surface


def _axes(low: FloatArray, high: FloatArray, grid_mm: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cell centres over a box; cells end at whole multiples of the pitch, so that the origin is a corner."""
    left, posterior, cranial = (
        np.asarray(grid_mm * (np.arange(np.floor(a / grid_mm), np.ceil(b / grid_mm)) + 0.5), np.float64)
        for a, b in zip(low, high, strict=True)
    )
    return left, posterior, cranial


def _within(plain: Mask, window: Window, displaced: Displaced) -> None:
    """Take a displacement's voxels out of a mask on another window."""
    here, there = [], []
    for own, whole in zip(displaced.window, window, strict=True):
        start, stop = max(own.start, whole.start), min(own.stop, whole.stop)
        here.append(slice(start - whole.start, max(stop, start) - whole.start))
        there.append(slice(start - own.start, max(stop, start) - own.start))
    plain[tuple(here)][displaced.distance[tuple(there)] < 0] = False


def _edge(phantom: Phantom, window: Window, mask: Mask, rest: FloatArray) -> Float32:
    """Signed distance, mm, to the edge of a voxel mask at rest points; levels off a millimetre from it."""
    blurred = ndimage.gaussian_filter(mask.astype(np.float32), BLUR_MM / phantom.fine.pitch_mm, truncate=3.0)
    return np.asarray((0.5 - sample(blurred, window, phantom, rest, 0.0)) / EDGE_PER_MM, np.float32)


def _focal(phantom: Phantom, displaced: Displaced, rest: FloatArray) -> Float32:
    """Signed distance to a displacement, cut where bone is in its way."""
    shape = sample(displaced.distance, displaced.window, phantom, rest, FAR_MM)
    structure = phantom.anatomy[displaced.window] // STRUCTURE_STEP
    bone = np.isin(structure, [int(s) for s in BONE])
    if not (bone & (displaced.distance < 0)).any():
        return shape
    return np.maximum(shape, -_edge(phantom, displaced.window, bone, rest))
