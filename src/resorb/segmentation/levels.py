"""From structures to named levels: which disc is which, counted from the sacrum up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import (
    VERTEBRAE,
    Anatomy,
    Level,
    LevelNaming,
    Structure,
)
from resorb.errors import InputError, NotMeasurableError, UsageError
from resorb.segmentation.confidence import confidences
from resorb.segmentation.count import count_doubts
from resorb.segmentation.paint import paint
from resorb.study import FloatArray, Volume
from resorb.voxels import box_of, index_of

MIN_DISC_MM3 = 250.0  # a lumbar disc cut to one 4 mm slice still holds more
MIN_SACRUM_MM3 = 2500.0  # a 4 mm slice of S1 and S2 holds as much; less is a false speck
REVERSED_MM = 5.0
MIN_SAC_SHARE = 0.05  # of the volume of the vertebral bodies
MAX_BODY_BELOW = 0.2  # share of all body voxels that may lie below the top of a sacrum
MAX_OFF_CHAIN_MM = 14.0  # a disc farther from the curve through its neighbours is no disc of this spine
MAX_STEP_RATIO = 1.6
MAX_ABOVE_SACRUM_MM = 30.0
MAX_STEP_MM = 62.0  # a step from disc to disc longer than any lumbar body and disc means one was missed
#: Vertebrae grow downwards: slope of the logarithm of the distance between discs, per level, over the lowest ones in
#: the field. Found by model 2.0.0 in 39 public T2 scans: -0.034 to 0.055, two below -0.02, both with a sacrum; turned
#: upside down, the same scans have less than -0.03 in 33 of 37. Asked only where no sacrum tells the lower end.
MIN_GROWTH = -0.03
STEPS_OF_GROWTH = 5
SAME_DISC_MM = 11.0  # two pieces nearer than this along the spine are one disc
TORN_DISC_MM = 24.0  # and so are two that no body parts: the halves of a disc torn between front and back
MARGIN_VOXELS = 10  # around what was found; confidences look 2 mm beyond an outline
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

    The disc just above the sacrum is L5/S1 and the count goes up from there. The count is doubted when the
    sacrum is not in the field, when few discs are, when one seems missing, or when the shapes of the bodies
    do not fit five lumbar ones; a doubt is recorded, never resolved silently.

    Args:
        structures: uint8 volume of `Structure` values, in sagittal order (`Volume.sagittal`).
        probability: uint8 array, probability of each voxel's own structure times 255; None if unknown.
        source: what segmented it.
        lowest_disc: name of the lowest disc in the field, overriding the count.
        named_by: who gave that name, in words.
        warnings: carried into the Anatomy.

    Raises:
        InputError: the anatomy contradicts the affine: the image is back to front or upside down.
        NotMeasurableError: fewer than two discs in a row: this is no lumbar spine.
        UsageError: `lowest_disc` leaves no names for the uppermost discs.
    """
    whole, near = structures, _surroundings(structures.data)
    structures = whole.part(near)
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
    _check_orientation(structures)
    if _sac_is_scanty(structures):
        warnings = (*warnings, "hardly any thecal sac was found: is the image back to front, or not T2?")
    naming, levels = _name(pieces, sacrum_top, lowest_disc, named_by)
    labels = paint(structures, components, [p.labels for p in pieces], levels)
    if lowest_disc is None and sacrum_top is not None:
        centres = np.array([piece.centroid for piece in pieces])
        naming = replace(naming, doubts=naming.doubts + count_doubts(structures, labels, centres))
    confidence = {} if probability is None else confidences(structures, probability[near], labels, levels)
    everywhere = np.zeros(whole.shape, np.uint16)
    everywhere[near] = labels
    return Anatomy(whole.with_data(everywhere), levels, naming, source, confidence, warnings)


def _surroundings(structures: NDArray[np.uint8]) -> tuple[slice, slice, slice]:
    """The box of all that was found, with a margin: the rest of the image need not be gone through again and again."""
    i, j, k = box_of(structures > 0, MARGIN_VOXELS) or (slice(0, size) for size in structures.shape)
    return i, j, k


def _check_orientation(structures: Volume) -> None:
    """Refuse an image whose anatomy contradicts its affine: a sac in front of the bodies, a sacrum above them."""

    def centre(structure: Structure) -> FloatArray | None:
        index = index_of(structures.data == structure)
        enough = len(index) * structures.voxel_volume_mm3 >= MIN_SACRUM_MM3
        return structures.to_world(index.mean(axis=0)) if enough else None

    bodies, sac, sacrum = map(centre, (Structure.VERTEBRAL_BODY, Structure.THECAL_SAC, Structure.SACRUM))
    if bodies is None:
        return
    if sac is not None and sac[1] > bodies[1] + REVERSED_MM:
        raise InputError(
            "the thecal sac lies in front of the vertebrae: the image's affine has front and back reversed"
        )
    if sacrum is not None and sacrum[2] > bodies[2] + REVERSED_MM:
        raise InputError("the sacrum lies above the vertebrae: the image's affine has head and foot reversed")


def _sac_is_scanty(structures: Volume) -> bool:
    """A sac was found, but far less of it than any canal holds beside these vertebrae (about a fifth of theirs)."""
    bodies = np.count_nonzero(structures.data == Structure.VERTEBRAL_BODY)
    sac = np.count_nonzero(structures.data == Structure.THECAL_SAC)
    return bool(0 < sac < MIN_SAC_SHARE * bodies)


def _discs(structures: Volume) -> tuple[list[_Piece], NDArray[np.int32]]:
    """Disc components large enough to be discs, from above downwards, and the component image."""
    mask = structures.data == Structure.DISC
    components, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    if count == 0:
        return [], components
    ids = np.arange(1, count + 1)
    index = index_of(mask)
    of = components[tuple(index.T)]
    voxels = np.bincount(of, minlength=count + 1)[1:]
    volumes = voxels * structures.voxel_volume_mm3
    sums = [np.bincount(of, weights=axis, minlength=count + 1)[1:] for axis in index.T]
    centroids = structures.to_world(np.column_stack(sums) / voxels[:, None])
    large = [
        _Piece((int(n),), float(v), c)
        for n, v, c in zip(ids, volumes, centroids, strict=True)
        if v >= MIN_DISC_MM3
    ]
    large.sort(key=lambda piece: -piece.centroid[2])
    merged: list[_Piece] = []
    for piece in large:
        if merged and _one_disc(structures, merged[-1], piece):
            merged[-1] = _join(merged[-1], piece)
        else:
            merged.append(piece)
    return merged, components


def _one_disc(structures: Volume, above: _Piece, below: _Piece) -> bool:
    """Whether two pieces are of one disc: near to each other along the spine, or with no body between them."""
    apart = float(np.linalg.norm(below.centroid[1:] - above.centroid[1:]))
    if apart < SAME_DISC_MM:
        return True
    if apart >= TORN_DISC_MM:
        return False
    way = above.centroid + (below.centroid - above.centroid) * np.linspace(0.0, 1.0, 21)[:, None]
    index = np.clip(np.round(structures.to_index(way)).astype(int), 0, np.array(structures.shape) - 1)
    return not np.any(structures.data[tuple(index.T)] == Structure.VERTEBRAL_BODY)


def _join(a: _Piece, b: _Piece) -> _Piece:
    total = a.volume_mm3 + b.volume_mm3
    centroid = (a.centroid * a.volume_mm3 + b.centroid * b.volume_mm3) / total
    return _Piece(a.labels + b.labels, total, centroid)


def _sacrum_top(structures: Volume) -> float | None:
    """Height (world z, mm) of the centre of the first sacral body, or None when the field holds no sacrum."""
    components, count = ndimage.label(structures.data == Structure.SACRUM)
    if count == 0:
        return None
    sizes = np.bincount(components[components > 0], minlength=count + 1)[1:] * structures.voxel_volume_mm3
    best = int(np.argmax(sizes)) + 1
    if sizes[best - 1] < MIN_SACRUM_MM3:
        return None
    # The sacral promontory is the top; the disc's own centre lies above S1's upper quarter.
    height = structures.to_world(index_of(components == best))[:, 2]
    top = float(np.quantile(height, 0.75))
    bodies = structures.to_world(index_of(structures.data == Structure.VERTEBRAL_BODY))[:, 2]
    if len(bodies) and float(np.mean(bodies < top)) > MAX_BODY_BELOW:
        return None
    return top


def _chain(pieces: list[_Piece]) -> list[_Piece]:
    """Leave out what lies off the smooth curve that the discs of one spine follow.

    That is false discs in the pelvis and large free fragments. The curve is fitted with each piece's size as
    its weight, and the smallest offender goes first: a fragment must not bend the curve until a disc is off it.
    """
    while len(pieces) > 3:
        size = np.array([p.volume_mm3 for p in pieces])
        off = _off_curve(np.array([p.centroid for p in pieces]), size)
        # Ends are extrapolated, so a disc there may stray farther; a small piece is no disc.
        end = np.isin(np.arange(len(pieces)), (0, len(pieces) - 1)) & (size > 0.2 * np.median(size))
        bad = np.flatnonzero(off > MAX_OFF_CHAIN_MM * np.where(end, 2.0, 1.0))
        if not len(bad):
            break
        worst = int(bad[np.argmin(size[bad])])
        pieces = pieces[:worst] + pieces[worst + 1 :]
    return pieces


def _off_curve(points: FloatArray, size: FloatArray) -> FloatArray:
    """Distance (n,) of each point (n, 3) from the curve through the others, which is smooth in height."""
    z = points[:, 2]
    off = np.zeros(len(points))
    for n in range(len(points)):
        others = np.delete(np.arange(len(points)), n)
        degree = 2 if len(others) > 3 else 1
        # Neighbours count most: the curve of nine discs is no parabola.
        weight = np.exp(-(((z[others] - z[n]) / 70.0) ** 2)) * size[others] / size.max()
        fit = [np.polyfit(z[others] - z[n], points[others, a], degree, w=weight)[-1] for a in (0, 1)]
        off[n] = float(np.hypot(*(points[n, :2] - fit)))
    return off


def _name(
    pieces: list[_Piece], sacrum_top: float | None, lowest_disc: Level | None, named_by: str
) -> tuple[LevelNaming, tuple[Level, ...]]:
    lowest = lowest_disc or DEFAULT_LOWEST
    names = _upwards(lowest, len(pieces))
    doubts = []
    steps = [float(np.linalg.norm(a.centroid - b.centroid)) for a, b in pairwise(pieces)]
    if max(steps) > min(MAX_STEP_MM, MAX_STEP_RATIO * float(np.median(steps))):
        doubts.append("two neighbouring discs lie too far apart: a disc between them may have been missed")
    if lowest_disc is not None:
        return LevelNaming(f"the lowest disc, named {lowest} by {named_by}", tuple(doubts)), names
    if sacrum_top is None and _tapers(steps):
        raise InputError(
            "the vertebrae grow smaller downwards and no sacrum lies below: the image's affine has head and foot "
            "reversed; if it has not, name the lowest disc with --lowest-disc"
        )
    if sacrum_top is None:
        anchor = "the lowest disc in the field, taken for L5/S1"
        doubts.append(
            "the sacrum was not found, so the lowest disc was taken for L5/S1: check the level names"
        )
    else:
        anchor = "the sacrum"
        if float(pieces[-1].centroid[2] - sacrum_top) > MAX_ABOVE_SACRUM_MM:
            doubts.append("the lowest disc lies far above the sacrum: a disc may have been missed there")
    if len(pieces) < 4:
        doubts.append(f"only {len(pieces)} discs are in the field")
    return LevelNaming(anchor, tuple(doubts)), names


def _tapers(steps: list[float]) -> bool:
    """Whether the distances between discs (mm, from above downwards) shrink as no lumbar spine's do."""
    lowest = np.log(steps[-STEPS_OF_GROWTH:])
    if len(lowest) < STEPS_OF_GROWTH:
        return False
    return bool(np.polyfit(np.arange(len(lowest)), lowest, 1)[0] < MIN_GROWTH)


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
