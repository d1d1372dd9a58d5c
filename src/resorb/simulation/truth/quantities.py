"""Lengths, areas and volumes of displaced material, from its shape on the level's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.simulation.truth.material import FAR_MM, Material
from resorb.simulation.truth.surface import MESH_MM, Float32
from resorb.study import FloatArray

BASE_SHARE = 0.5  # sections with less than this share of the widest base run beside the neck, not through it
STANDING_MM = 4.0  # how thick a bulge may lie between the reference surface and what stands on it
STEP_MM, JUST_MM = 0.5, 0.02
SOLID = 0.75  # share of disc tissue from which a place is taken for solid disc, not for its edge
FLAT_MM = 0.03  # heights of a top that differ by less are the same
SAME_MM = 0.05  # of sections whose extents differ by less, the one with the widest base counts
LEFT, POSTERIOR, CRANIAL = range(3)


@dataclass(frozen=True)
class Section:
    """What one plane says about protrusion or extrusion: its section of largest extent.

    Attributes:
        base_mm: distance between the two edges of the material's base, straight across; 0 without a base.
        extent_mm: the largest distance between its edges, along the base. (Depth is no distance between edges: a
            disc is so flat that most protrusions are deeper than their base is high.)
    """

    base_mm: float
    extent_mm: float


@dataclass(frozen=True, eq=False)
class Extent:
    """Sizes of one piece of displaced material.

    Attributes:
        apex: (3,) its deepest point, local mm.
        centre: (3,) middle of what is deeper than half of that.
        width_mm: extent along the disc's margin: from left to right, on the side of a disc from front to back.
        cranial_mm: its lower and its upper end, local mm.
        cranial_migration_mm, caudal_migration_mm: how far it reaches beyond the upper and the lower corner.
        axial_mm2, sagittal_mm2: displaced area in each section of the grid.
    """

    depth_mm: float
    apex: FloatArray
    centre: FloatArray
    width_mm: float
    cranial_mm: tuple[float, float]
    cranial_migration_mm: float
    caudal_migration_mm: float
    volume_mm3: float
    axial_mm2: FloatArray
    sagittal_mm2: FloatArray

    @property
    def height_mm(self) -> float:
        return self.cranial_mm[1] - self.cranial_mm[0]


@dataclass(frozen=True, eq=False)
class Edges:
    """Where the edge of a shape crosses the lines of the grid, outside the reference.

    Attributes:
        points: (n, 3) local mm; along: (n,) the axis of the grid line that each lies on.
        index: (n, 3) the grid index of the line, rounded along it.
        outward_mm: (n,) exact distance from the reference.
    """

    points: FloatArray
    along: NDArray[np.intp]
    index: NDArray[np.intp]
    outward_mm: FloatArray

    def beyond(self, floor_mm: float) -> Edges:
        """Those farther out than a floor."""
        far = self.outward_mm > floor_mm
        return Edges(self.points[far], self.along[far], self.index[far], self.outward_mm[far])


def edges_of(material: Material, shape: Float32) -> Edges:
    """The edge of a shape outside the reference surface; exact to the linear interpolation of its distance."""
    points, along, index = [], [], []
    outside = material.outward > -material.pitch_mm
    for axis in range(3):
        a = np.moveaxis(shape, axis, 0)[:-1]
        b = np.moveaxis(shape, axis, 0)[1:]
        out = np.moveaxis(outside, axis, 0)
        hit = np.moveaxis(((a < 0) != (b < 0)) & (out[:-1] | out[1:]), 0, axis)
        at = np.argwhere(hit)
        if not len(at):
            continue
        first = shape[tuple(at.T)].astype(np.float64)
        after = at.copy()
        after[:, axis] += 1
        step = first / (first - shape[tuple(after.T)])
        place = at.astype(np.float64)
        place[:, axis] += step
        points.append(place)
        along.append(np.full(len(at), axis))
        index.append(np.rint(place).astype(np.intp))
    if not points:
        empty = np.zeros((0, 3))
        return Edges(empty, np.zeros(0, np.intp), np.zeros((0, 3), np.intp), np.zeros(0))
    start = np.array([axis[0] for axis in material.axes])
    local = np.concatenate(points) * material.pitch_mm + start
    outward = material.surface.outward_mm(local)
    keep = (outward > 0) & (local[:, 1] >= material.surface.geometry.middle)
    return Edges(local[keep], np.concatenate(along)[keep], np.concatenate(index)[keep], outward[keep])


def extent_of(
    material: Material, edges: Edges, cells: tuple[Float32, Float32], floor_mm: float, lateral: bool
) -> Extent | None:
    """Sizes of a shape outside the reference surface; None where none of it is farther out than the floor.

    Volume and areas are of all of it, lengths of the piece that holds its deepest point.

    Args:
        material: the level.
        edges: of the shape, outside the reference.
        cells: (l, p, z) signed distance to the shape, mm, and the share of each cell inside it.
        floor_mm: nearer to the reference, tissue is not told from its edge; lengths count what is farther.
        lateral: it belongs to the side of the disc (`on_the_side`).
    """
    shape, share = cells
    pitch = material.pitch_mm
    if not len(edges.outward_mm) or edges.outward_mm.max() <= floor_mm:
        return None
    outside = material.displaced_share(share)
    deepest = int(np.argmax(edges.outward_mm))
    piece = _piece(material, shape, floor_mm, edges.index[deepest])
    # An edge belongs to the piece if one of the two cells it lies between does.
    near = ndimage.binary_dilation(piece, structure=np.ones((3, 3, 3)))
    own = near[tuple(edges.index.T)] & (edges.outward_mm > floor_mm)
    own[deepest] = True
    points = edges.points[own]
    frame = material.surface.geometry.frame
    above = points[:, 2] - frame.upper.corner(points[:, 0])[1]
    below = frame.lower.corner(points[:, 0])[1] - points[:, 2]
    depth = float(edges.outward_mm[deepest])
    deep = np.argwhere(piece & (material.outward >= 0.5 * depth))
    start = np.array([axis[0] for axis in material.axes])
    centre = deep.mean(axis=0) * pitch + start if len(deep) else edges.points[deepest]
    return Extent(
        depth_mm=depth,
        apex=_apex(edges, depth),
        centre=np.asarray(centre),
        width_mm=float(np.ptp(points[:, POSTERIOR if lateral else LEFT])),
        cranial_mm=(float(points[:, 2].min()), float(points[:, 2].max())),
        cranial_migration_mm=max(float(above.max()), 0.0),
        caudal_migration_mm=max(float(below.max()), 0.0),
        volume_mm3=float(outside.sum(dtype=np.float64)) * pitch**3,
        axial_mm2=outside.sum(axis=(0, 1), dtype=np.float64) * pitch**2,
        sagittal_mm2=outside.sum(axis=(1, 2), dtype=np.float64) * pitch**2,
    )


def _apex(edges: Edges, depth: float) -> FloatArray:
    """(3,) the deepest point: the middle of a flat top or of a tie between neighbours, where that is on the edge."""
    deepest = edges.points[int(np.argmax(edges.outward_mm))]
    top = edges.points[edges.outward_mm > depth - FLAT_MM]
    middle = top.mean(axis=0)
    return np.asarray(middle if np.linalg.norm(top - middle, axis=1).min() < STEP_MM else deepest)


def _piece(material: Material, shape: Float32, floor_mm: float, index: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(l, p, z) cells of the piece of a shape, farther out than the floor, next to an index on its edge."""
    labels, _ = ndimage.label((shape < 0) & (material.outward > floor_mm), structure=np.ones((3, 3, 3)))
    around = tuple(slice(max(int(i) - 1, 0), int(i) + 2) for i in index)
    found = labels[around][labels[around] > 0]
    if not len(found):
        return np.zeros(shape.shape, bool)
    return np.asarray(labels == np.bincount(found).argmax())


def standing(material: Material, shape: Float32, floor_mm: float) -> FloatArray:
    """(s, t) signed distance, mm, along the disc's margin to the edge of a shape's base; negative in the base.

    In its base a shape hangs together with its disc: there is disc just inside the reference surface, and
    unbroken disc tissue from there outwards until the shape begins (at once, or on top of a bulge).
    The shape is looked for just outside `floor_mm`.
    """
    surface = material.surface
    found = np.full(surface.margin.shape[:2], FAR_MM)
    candidate = material.at(shape, surface.margin.reshape(-1, 3)).reshape(found.shape) < STANDING_MM
    points, out = surface.margin[candidate], surface.margin_normal[candidate]
    inside = points - STEP_MM * out
    solid = (material.at(material.any_shape, inside) < 0) | (
        material.at(material.tissue, inside, 0.0) > SOLID
    )
    best = material.at(shape, points + (floor_mm + JUST_MM) * out)
    unbroken = solid.copy()
    for far in np.arange(STEP_MM, STANDING_MM + STEP_MM / 2, STEP_MM):
        here = points + (far - STEP_MM) * out
        # The disc's own tissue, up to where the shape's begins: beside a neck there is none under an overhang.
        unbroken &= material.at(material.tissue, here, 0.0) > SOLID
        unbroken &= material.at(material.plain, here) < JUST_MM
        best = np.where(unbroken, np.minimum(best, material.at(shape, points + far * out)), best)
    found[candidate] = np.where(solid | (best > 0), best, FAR_MM)
    return found


def contact_mm2(material: Material, base: FloatArray) -> float:
    """Area of a base (`standing`) on the disc's margin."""
    return float((np.clip(0.5 - base / MESH_MM, 0.0, 1.0) * material.surface.tile_mm2).sum())


def continuous(material: Material, share: Float32) -> bool:
    """Whether a shape hangs together, by any way, with disc tissue in front of the reference surface.

    Args:
        material: the level.
        share: of each cell inside the shape.
    """
    labels, _ = ndimage.label(material.tissue > 0.5)
    own = np.unique(labels[(share > 0.5) & (material.outward > 0)])
    parent = np.unique(labels[(material.tissue > 0.5) & (material.outward < 0)])
    return bool(np.isin(own[own > 0], parent).any())


def sections(material: Material, edges: Edges, base: FloatArray, lateral: bool) -> tuple[Section, Section]:
    """(axial, sagittal) base and extent of a shape; beside the disc, coronal planes take the sagittal's place.

    Args:
        material: the level.
        edges: of the shape, outside the reference.
        base: its base (`standing`).
        lateral: it belongs to the side of the disc (`on_the_side`).
    """
    margin, face = material.surface.margin, material.surface.face
    across = POSTERIOR if lateral else LEFT
    keep = np.zeros(len(margin), bool)
    if lateral:
        left = edges.points[np.argmax(edges.outward_mm), 0] > 0 if len(edges.points) else True
        keep[slice(face.stop, None) if left else slice(None, face.start)] = True
    else:
        keep[face] = True
    heights = np.average(margin[..., 2], axis=0, weights=np.maximum(keep, 1e-9))
    axial = np.array([_length(base[:, t], margin[:, t]) for t in range(margin.shape[1])])
    half = 0.5 * np.linalg.norm(margin[:, 1] - margin[:, 0], axis=-1)
    upright = np.array([_length(base[s], margin[s], float(half[s])) for s in range(len(margin))])
    places = margin[:, :, across].mean(axis=1)
    return (
        _section(edges, material.axes[CRANIAL], (CRANIAL, across), heights, axial),
        _section(edges, material.axes[across], (across, CRANIAL), places[keep], upright[keep]),
    )


def on_the_side(material: Material, base: FloatArray, edges: Edges) -> bool:
    """Whether a shape stands, or without a base lies, on the lateral surface rather than on the posterior face."""
    area = np.where(base < 0, material.surface.tile_mm2, 0.0).sum(axis=1)
    face = material.surface.face
    if area.any():
        # One side must hold most of it: a bulge all around stands on the face.
        return bool(max(area[: face.start].sum(), area[face.stop :].sum()) > 0.5 * area.sum())
    low, high = material.surface.face_ends
    left = edges.points[:, 0]
    return bool(len(left) and np.mean((left < low) | (left > high)) > 0.5)


def _length(base: FloatArray, points: FloatArray, end_mm: float = 0.0) -> float:
    """Straight distance between the outermost places where a line (n, 3) enters and leaves a base.

    `end_mm` is how far the margin goes on beyond the line's first and last points.
    """
    inside = np.flatnonzero(base < 0)
    if not len(inside):
        return 0.0
    ends, more = [], 0.0
    for at, step in ((int(inside[0]), -1), (int(inside[-1]), 1)):
        beyond = at + step
        share = 0.0
        if not 0 <= beyond < len(points):
            beyond, more = at, more + end_mm
        elif base[beyond] < FAR_MM:
            share = base[at] / (base[at] - base[beyond])
        ends.append(points[at] + share * (points[beyond] - points[at]))
    return float(np.linalg.norm(ends[1] - ends[0])) + more


def _section(
    edges: Edges, planes: FloatArray, axes: tuple[int, int], base_at: FloatArray, base: FloatArray
) -> Section:
    """The section of largest extent, among those at right angles to the first of two axes.

    Only sections through the base count, where there is one. The base runs along the second axis.
    """
    on_plane = edges.along != axes[0]
    plane = edges.index[on_plane, axes[0]]
    count = len(planes)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, plane, edges.points[on_plane, axes[1]])
    np.maximum.at(high, plane, edges.points[on_plane, axes[1]])
    extent = np.where(high > low, high - low, 0.0)
    if not len(base) or not base.any():
        return Section(0.0, float(extent.max(initial=0.0)))
    order = np.argsort(base_at)
    there = np.interp(planes, base_at[order], base[order], left=0.0, right=0.0)
    through = there >= BASE_SHARE * base.max()
    if not through.any():
        return Section(float(base.max()), float(extent.max(initial=0.0)))
    largest = extent[through].max()
    best = int(np.argmax(np.where(through & (extent > largest - SAME_MM), there, -np.inf)))
    return Section(float(there[best]), float(extent[best]))
