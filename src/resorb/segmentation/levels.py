"""From structures to named levels: which disc is which, counted from the sacrum up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import (
    STRUCTURE_STEP,
    VERTEBRAE,
    Anatomy,
    Level,
    LevelNaming,
    Structure,
    anatomy_index,
)
from resorb.errors import NotMeasurableError, UsageError
from resorb.study import FloatArray, Volume

MIN_DISC_MM3 = 250.0  # a lumbar disc cut to one 4 mm slice still holds more
MIN_SACRUM_MM3 = 400.0
MAX_OFF_CHAIN_MM = 14.0  # a disc farther from the curve through its neighbours is no disc of this spine
MAX_STEP_MM = 62.0  # a step from disc to disc longer than any lumbar body and disc means one was missed
MIN_SHARE = 0.7  # a piece with more than this share in one slab belongs to one vertebra
SAME_DISC_MM = 11.0  # two pieces nearer than this along the spine are one disc
MIN_FRAGMENT_MM3 = 40.0
AGAINST_SAC_MM = 2.0
MAX_MIGRATION_MM = 35.0  # from the centre of its disc
DEFAULT_LOWEST = Level("L5", "S1")


@dataclass(frozen=True)
class _Piece:
    """One connected component of disc: its label in the component image, size and centroid (RAS+ mm)."""

    labels: tuple[int, ...]
    volume_mm3: float
    centroid: FloatArray


def name_levels(
    structures: Volume,
    probability: NDArray[np.uint8] | None,
    *,
    source: str,
    lowest_disc: Level | None = None,
    named_by: str = "the user",
    warnings: tuple[str, ...] = (),
) -> Anatomy:
    """Give every voxel of a structure its level.

    The disc just above the sacrum is L5/S1 and the count goes up from there. The count is doubted
    when the sacrum is not in the field, when a disc seems missing, or when the lowest disc lies as no
    L5/S1 disc does; a doubt is recorded, never resolved silently.

    Args:
        structures: uint8 volume of `Structure` values, in sagittal order (`Volume.sagittal`).
        probability: uint8 array, probability of each voxel's own structure times 255; None if unknown.
        source: what segmented it.
        lowest_disc: name of the lowest disc in the field, overriding the count.
        named_by: who gave that name, in words.
        warnings: carried into the Anatomy.

    Raises:
        NotMeasurableError: fewer than two discs in a row: this is no lumbar spine.
        UsageError: `lowest_disc` leaves no names for the uppermost discs.
    """
    pieces, components = _discs(structures)
    sacrum_top = _sacrum_top(structures)
    if sacrum_top is not None:
        pieces = [p for p in pieces if p.centroid[2] > sacrum_top - 4.0]
    pieces = _chain(pieces)
    if len(pieces) < 2:
        raise NotMeasurableError(
            "no row of lumbar discs was found: this does not look like a lumbar T2 MRI "
            "(use --mask with a label map if it is one)"
        )
    naming, levels = _name(pieces, sacrum_top, lowest_disc, named_by)
    labels = _paint(structures, components, pieces, levels)
    confidence = {}
    if probability is not None:
        for level in levels:
            mask = labels == anatomy_index(Structure.DISC, level.upper)
            confidence[level] = round(float(probability[mask].mean()) / 255, 4)
    return Anatomy(structures.with_data(labels), levels, naming, source, confidence, warnings)


def _discs(structures: Volume) -> tuple[list[_Piece], NDArray[np.int32]]:
    """Disc components large enough to be discs, from above downwards, and the component image."""
    mask = structures.data == Structure.DISC
    components, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    if count == 0:
        return [], components
    ids = np.arange(1, count + 1)
    volumes = ndimage.sum_labels(mask, components, ids) * structures.voxel_volume_mm3
    centroids = structures.to_world(np.array(ndimage.center_of_mass(mask, components, ids)))
    large = [
        _Piece((int(n),), float(v), c)
        for n, v, c in zip(ids, volumes, centroids, strict=True)
        if v >= MIN_DISC_MM3
    ]
    large.sort(key=lambda piece: -piece.centroid[2])
    merged: list[_Piece] = []
    for piece in large:
        if merged and float(np.linalg.norm(piece.centroid[1:] - merged[-1].centroid[1:])) < SAME_DISC_MM:
            merged[-1] = _join(merged[-1], piece)
        else:
            merged.append(piece)
    return merged, components


def _join(a: _Piece, b: _Piece) -> _Piece:
    total = a.volume_mm3 + b.volume_mm3
    centroid = (a.centroid * a.volume_mm3 + b.centroid * b.volume_mm3) / total
    return _Piece(a.labels + b.labels, total, centroid)


def _sacrum_top(structures: Volume) -> float | None:
    """Height (world z, mm) of the centre of the first sacral body, or None when the field holds no sacrum."""
    components, count = ndimage.label(structures.data == Structure.SACRUM)
    if count == 0:
        return None
    sizes = np.bincount(components.ravel())[1:] * structures.voxel_volume_mm3
    best = int(np.argmax(sizes)) + 1
    if sizes[best - 1] < MIN_SACRUM_MM3:
        return None
    height = structures.to_world(np.argwhere(components == best))[:, 2]
    # The sacral promontory is the top; the disc's own centre lies above S1's upper quarter.
    return float(np.quantile(height, 0.75))


def _chain(pieces: list[_Piece]) -> list[_Piece]:
    """Leave out what lies off the smooth curve that the discs of one spine follow (false discs in the pelvis)."""
    while len(pieces) > 3:
        points = np.array([p.centroid for p in pieces])
        z = points[:, 2]
        off = np.zeros(len(pieces))
        for n in range(len(pieces)):
            others = np.delete(np.arange(len(pieces)), n)
            degree = 2 if len(others) > 3 else 1
            # Neighbours count most: the curve of nine discs is no parabola.
            weight = np.exp(-(((z[others] - z[n]) / 70.0) ** 2))
            fit = [np.polyfit(z[others] - z[n], points[others, a], degree, w=weight)[-1] for a in (0, 1)]
            off[n] = float(np.hypot(*(points[n, :2] - fit)))
        worst = int(np.argmax(off))
        # Ends are extrapolated, so they may stray farther.
        allowed = MAX_OFF_CHAIN_MM * (2.0 if worst in (0, len(pieces) - 1) else 1.0)
        if off[worst] <= allowed:
            break
        pieces = pieces[:worst] + pieces[worst + 1 :]
    return pieces


def _name(
    pieces: list[_Piece], sacrum_top: float | None, lowest_disc: Level | None, named_by: str
) -> tuple[LevelNaming, tuple[Level, ...]]:
    lowest = lowest_disc or DEFAULT_LOWEST
    names = _upwards(lowest, len(pieces))
    if lowest_disc is not None:
        return LevelNaming(f"the lowest disc, named {lowest} by {named_by}"), names
    doubts = []
    heights = [p.centroid for p in pieces]
    steps = [float(np.linalg.norm(a - b)) for a, b in pairwise(heights)]
    if any(step > MAX_STEP_MM for step in steps):
        doubts.append("two neighbouring discs lie too far apart: a disc between them may have been missed")
    if sacrum_top is None:
        anchor = "the lowest disc in the field, taken for L5/S1"
        doubts.append(
            "the sacrum was not found, so the lowest disc was taken for L5/S1: check the level names"
        )
    else:
        anchor = "the sacrum"
        gap = float(pieces[-1].centroid[2] - sacrum_top)
        if gap > 30.0:
            doubts.append("the lowest disc lies far above the sacrum: a disc may have been missed there")
    if len(pieces) < 4:
        doubts.append(f"only {len(pieces)} discs are in the field")
    return LevelNaming(anchor, tuple(doubts)), names


def _upwards(lowest: Level, count: int) -> tuple[Level, ...]:
    """`count` level names from above downwards, ending with `lowest`."""
    levels = [lowest]
    while len(levels) < count:
        above = levels[-1].upper
        if above == "L1":
            upper = "T12"
        else:
            ordinal = VERTEBRAE.index(above)
            if ordinal == 0:
                raise UsageError(
                    f"with {lowest} as the lowest disc there are no names left for {count} discs"
                )
            upper = VERTEBRAE[ordinal - 1]
        levels.append(Level(upper, above))
    return tuple(reversed(levels))


def _paint(
    structures: Volume, components: NDArray[np.int32], pieces: list[_Piece], levels: tuple[Level, ...]
) -> NDArray[np.uint16]:
    """Anatomy indices for every voxel: discs and their fragments, bodies, posterior elements, sacrum, sac."""
    labels = np.zeros(structures.shape, np.uint16)
    centres = np.array([p.centroid for p in pieces])
    of_component = np.zeros(int(components.max()) + 1, np.uint16)
    for piece, level in zip(pieces, levels, strict=True):
        of_component[list(piece.labels)] = anatomy_index(Structure.DISC, level.upper)
    for component in _fragments(components, of_component, structures, centres):
        label, nearest = component
        of_component[label] = anatomy_index(Structure.DISC, levels[nearest].upper)
    disc = structures.data == Structure.DISC
    labels[disc] = of_component[components[disc]]

    along = _tangents(centres)
    across = _disc_normals(structures, components, pieces, along)
    for structure, normals, caudal_mm in (
        (Structure.VERTEBRAL_BODY, across, 0.0),
        (Structure.POSTERIOR_ELEMENTS, along, 16.0),
    ):
        index = np.argwhere(structures.data == structure)
        if len(index):
            vertebra = _vertebra_of(
                structures.to_world(index), centres + caudal_mm * normals, normals, levels
            )
            labels[tuple(index.T)] = STRUCTURE_STEP * int(structure) + vertebra
    labels[structures.data == Structure.SACRUM] = anatomy_index(Structure.SACRUM, "S1")
    labels[structures.data == Structure.THECAL_SAC] = anatomy_index(Structure.THECAL_SAC)
    return labels


def _fragments(
    components: NDArray[np.int32], of_component: NDArray[np.uint16], structures: Volume, centres: FloatArray
) -> list[tuple[int, int]]:
    """Free fragments among the small disc components, as (component, position of the nearest disc).

    A fragment has left its disc for the canal: it lies against the sac and near a disc. Other specks (ribs,
    facets, vessels taken for disc) are no part of any level and stay background.
    """
    sizes = np.bincount(components.ravel(), minlength=len(of_component)) * structures.voxel_volume_mm3
    small = np.flatnonzero((of_component == 0) & (sizes >= MIN_FRAGMENT_MM3))
    small = small[small > 0]
    if not len(small):
        return []
    sac = structures.data == Structure.THECAL_SAC
    reach = np.maximum(np.round(AGAINST_SAC_MM / structures.spacing_mm).astype(int), 1)
    found = []
    boxes = ndimage.find_objects(components)
    for n in small.tolist():
        box = tuple(slice(max(0, s.start - r), s.stop + r) for s, r in zip(boxes[n - 1], reach, strict=True))
        piece = components[box] == n
        near = ndimage.binary_dilation(piece, ndimage.generate_binary_structure(3, 1), int(reach.max()))
        centre = structures.to_world(np.argwhere(components == n).mean(axis=0))
        distance = np.linalg.norm(centres - centre, axis=1)
        if np.any(near & sac[box]) and distance.min() <= MAX_MIGRATION_MM:
            found.append((n, int(distance.argmin())))
    return found


def _tangents(centres: FloatArray) -> FloatArray:
    """(n, 3) unit vectors down the spine at each disc centre."""
    tangents = np.gradient(centres, axis=0)
    return np.asarray(tangents / np.linalg.norm(tangents, axis=1, keepdims=True))


def _disc_normals(
    structures: Volume, components: NDArray[np.int32], pieces: list[_Piece], along: FloatArray
) -> FloatArray:
    """(n, 3) unit vectors, caudal, across each disc: its thin direction in the sagittal plane.

    A disc too round to tell (or one that is mostly displaced) takes the spine's own direction instead.
    """
    normals = along.copy()
    for n, piece in enumerate(pieces):
        points = structures.to_world(np.argwhere(np.isin(components, piece.labels)))[:, 1:]
        thin = np.linalg.eigh(np.cov(points.T))[1][:, 0]
        thin = thin if thin[1] < 0 else -thin
        if float(thin @ along[n, 1:]) > np.cos(np.deg2rad(30)) * np.linalg.norm(along[n, 1:]):
            normals[n] = (0.0, thin[0], thin[1])
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
    votes = np.zeros((count + 1, len(VERTEBRAE) + 1))
    np.add.at(votes, (component, vertebra), 1)
    share = votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)
    settled = share > MIN_SHARE
    return np.where(settled[component], votes.argmax(axis=1)[component], vertebra).astype(np.uint16)
