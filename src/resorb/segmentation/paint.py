"""Give every voxel of a structure its level, once the discs are named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE, Level, Structure, anatomy_index
from resorb.study import FloatArray, Volume
from resorb.voxels import index_of

MIN_SHARE = 0.7  # a piece of body with more than this share in one slab belongs to one vertebra
MIN_FRAGMENT_MM3 = 40.0
AGAINST_SAC_MM = 2.0
MAX_MIGRATION_MM = 25.0  # from the nearest point of its disc
MAX_TEAR_MM = 6.0  # between a disc and a piece torn off at the side of a slipped or tilted level
MAX_WEDGE_DEGREES = 30.0  # between a disc's own normal and the spine's direction


def paint(
    structures: Volume,
    components: NDArray[np.int32],
    discs: Sequence[tuple[int, ...]],
    levels: tuple[Level, ...],
) -> NDArray[np.uint16]:
    """Anatomy indices for every voxel: discs and their fragments, bodies, posterior elements, sacrum, sac.

    Args:
        structures: uint8 volume of `Structure` values, in sagittal order.
        components: (i, j, k) connected components of its disc voxels.
        discs: the components that make up each disc, from above downwards.
        levels: their names.
    """
    labels = np.zeros(structures.shape, np.uint16)
    boxes = ndimage.find_objects(components)
    points = [np.concatenate([_points(structures, components, boxes, n) for n in disc]) for disc in discs]
    centres = np.array([p.mean(axis=0) for p in points])
    of_component = np.zeros(int(components.max()) + 1, np.uint16)
    for disc, level in zip(discs, levels, strict=True):
        of_component[list(disc)] = anatomy_index(Structure.DISC, level.upper)
    along = _tangents(centres)
    across = _disc_normals(points, along)
    for component, nearest in _fragments(structures, components, boxes, of_component, (points, across)):
        of_component[component] = anatomy_index(Structure.DISC, levels[nearest].upper)
    is_disc = structures.data == Structure.DISC
    labels[is_disc] = of_component[components[is_disc]]

    for structure, normals, caudal_mm in (
        (Structure.VERTEBRAL_BODY, across, 0.0),
        (Structure.POSTERIOR_ELEMENTS, along, 16.0),
    ):
        index = index_of(structures.data == structure)
        if len(index):
            vertebra = _vertebra_of(
                structures.to_world(index), centres + caudal_mm * normals, normals, levels
            )
            if structure is Structure.VERTEBRAL_BODY:
                vertebra = _whole(vertebra, index, structures.data == structure)
            labels[tuple(index.T)] = STRUCTURE_STEP * int(structure) + vertebra
    labels[structures.data == Structure.SACRUM] = anatomy_index(Structure.SACRUM, "S1")
    labels[structures.data == Structure.THECAL_SAC] = anatomy_index(Structure.THECAL_SAC)
    return labels


def _points(
    structures: Volume, components: NDArray[np.int32], boxes: list[tuple[slice, slice, slice]], component: int
) -> FloatArray:
    """World points (n, 3) of one component."""
    box = boxes[component - 1]
    return structures.to_world(np.argwhere(components[box] == component) + [s.start for s in box])


def _fragments(
    structures: Volume,
    components: NDArray[np.int32],
    boxes: list[tuple[slice, slice, slice]],
    of_component: NDArray[np.uint16],
    discs: tuple[list[FloatArray], FloatArray],
) -> list[tuple[int, int]]:
    """Pieces of disc among the components that are no disc of themselves, as (component, position of its disc).

    A fragment has left its disc for the canal: it lies against the sac and near the surface of a disc. A torn piece
    lies in the disc space, against a body and near the rest of the disc, as at the side of a slipped or scoliotic
    level. Other specks (ribs, facets, vessels taken for disc) are no part of any level and stay background.

    Args:
        discs: world points of each disc, and its (n, 3) normals.
    """
    points, normals = discs
    voxels = np.bincount(components[components > 0], minlength=len(of_component))
    sizes = voxels * structures.voxel_volume_mm3
    small = np.flatnonzero((of_component == 0) & (sizes >= MIN_FRAGMENT_MM3))
    small = small[small > 0]
    if not len(small):
        return []
    sac = structures.data == Structure.THECAL_SAC
    bone = (structures.data == Structure.VERTEBRAL_BODY) | (structures.data == Structure.SACRUM)
    # The next voxel is against a piece however thick the slices are.
    steps = np.minimum(structures.spacing_mm, AGAINST_SAC_MM)
    reach = np.ceil(AGAINST_SAC_MM / steps).astype(int)
    found = []
    for n in small.tolist():
        box = tuple(slice(max(0, s.start - r), s.stop + r) for s, r in zip(boxes[n - 1], reach, strict=True))
        near = ndimage.distance_transform_edt(components[box] != n, sampling=steps) <= AGAINST_SAC_MM
        in_canal, in_space = bool(np.any(near & sac[box])), bool(np.any(near & bone[box]))
        if not in_canal and not in_space:
            continue
        piece = _points(structures, components, boxes, n)
        centre = piece.mean(axis=0)
        distance = [float(np.linalg.norm(disc - centre, axis=1).min()) for disc in points]
        nearest = int(np.argmin(distance))
        if (in_canal and distance[nearest] <= MAX_MIGRATION_MM) or (
            in_space and _is_torn_off(piece, points[nearest], normals[nearest])
        ):
            found.append((n, nearest))
    return found


def _is_torn_off(piece: FloatArray, disc: FloatArray, normal: FloatArray) -> bool:
    """Whether a piece lies in the plane of a disc and next to it; world points (n, 3), and the disc's unit normal."""
    off_plane = abs(float((piece.mean(axis=0) - disc.mean(axis=0)) @ normal))
    return off_plane <= MAX_TEAR_MM and float(cKDTree(disc).query(piece)[0].min()) <= MAX_TEAR_MM


def _tangents(centres: FloatArray) -> FloatArray:
    """(n, 3) unit vectors down the spine at each disc centre."""
    tangents = np.gradient(centres, axis=0)
    return np.asarray(tangents / np.linalg.norm(tangents, axis=1, keepdims=True))


def _disc_normals(discs: list[FloatArray], along: FloatArray) -> FloatArray:
    """(n, 3) unit vectors, caudal, across each disc: its thin direction in the sagittal plane, and the spine's own
    tilt to the side.

    A disc too round to tell (or one that is mostly displaced) takes the spine's direction instead.
    """
    normals = along.copy()
    for n, points in enumerate(discs):
        thin = np.linalg.eigh(np.cov(points[:, 1:].T))[1][:, 0]
        thin = thin if thin[1] < 0 else -thin
        in_plane = float(np.linalg.norm(along[n, 1:]))
        if float(thin @ along[n, 1:]) > np.cos(np.deg2rad(MAX_WEDGE_DEGREES)) * in_plane:
            normals[n] = (along[n, 0], *(thin * in_plane))
    return normals


def _vertebra_of(
    points: FloatArray, centres: FloatArray, normals: FloatArray, levels: tuple[Level, ...]
) -> NDArray[np.uint16]:
    """Ordinal of the vertebra that each world point (n, 3) belongs to: the slab between two disc planes it lies in.

    The planes go through `centres` (m, 3) with caudal `normals` (m, 3); those of the posterior elements
    are moved down, for these hang below their body.
    """
    below = np.zeros(len(points), np.int64)
    for centre, normal in zip(centres, normals, strict=True):
        below += ((points - centre) @ normal > 0).astype(np.int64)
    ordinals = [levels[0].ordinal, *(VERTEBRAE.index(level.lower) + 1 for level in levels)]
    return np.array(ordinals, np.uint16)[below]


def _whole(
    vertebra: NDArray[np.uint16], index: NDArray[np.intp], mask: NDArray[np.bool_]
) -> NDArray[np.uint16]:
    """Give a connected piece that lies almost all in one slab to that vertebra; cut only what bridges two."""
    components, count = ndimage.label(mask)
    component = components[tuple(index.T)]
    shape = (count + 1, len(VERTEBRAE) + 1)
    votes = np.bincount(np.ravel_multi_index((component, vertebra), shape), minlength=shape[0] * shape[1])
    votes = votes.reshape(shape)
    share = votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)
    settled = share > MIN_SHARE
    return np.where(settled[component], votes.argmax(axis=1)[component], vertebra).astype(np.uint16)
