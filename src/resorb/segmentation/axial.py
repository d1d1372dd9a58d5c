"""Axial stacks: segmented each on its own grid, their levels named from the sagittal anatomy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from resorb.anatomy import STRUCTURE_STEP, Anatomy, Structure
from resorb.segmentation.model import Progress, Segmentation, Segmenter
from resorb.study import FloatArray, Study, Volume
from resorb.voxels import index_of

#: A sagittal slab may hold the middle of a vertebra only; its sides are named from there.
MAX_ASIDE_MM = 30.0
#: Along the spine what is farther off belongs to a vertebra that the sagittal series does not show.
MAX_ALONG_MM = 12.0
#: Of the sagittal anatomy, points this far apart are enough to tell its levels.
POINTS_MM = 2.0
#: Bone this far from where the sagittal series has any is disc where disc is likely too: across the spine the two can
#: look alike (the dark outside and grey inside of an extrusion, and of the sacrum), along it they do not.
MISPLACED_MM = 6.0
#: And this far from it where the sagittal series has disc it is disc: nearer, slices of both hold some of either.
BESIDE_MM = 2.0
#: A stack with less of the spine in it is left out.
MIN_SPINE_MM3 = 1000.0
#: A stack of whose spine less than this share lies at the sagittal one is left out.
MIN_SHARE_NAMED = 0.5
#: Dice of the sac, and of the disc, of the two series; below it they do not show the same place.
MIN_AGREEMENT = 0.5
#: The overlap of smaller parts says nothing about whether two series agree.
MIN_OVERLAP_MM3 = 500.0

#: A hole of disc is at most this large: half of a sac that is called severely narrow (`sac_area_severe`).
MAX_HOLE_MM2 = 35.0

NO_SPINE = "no lumbar spine was found; left out"
ELSEWHERE = "what was found lies elsewhere than the sagittal series' levels; left out"
NOT_FINITE = "holds voxels that are not finite numbers; left out"
DISAGREE = (
    "its disc or sac lies elsewhere than in the sagittal series: the patient may have moved between the two"
)


def with_axial(
    anatomy: Anatomy, study: Study, segmenter: Segmenter, progress: Progress | None = None
) -> Anatomy:
    """Add the anatomy of a study's axial stacks, if it has any; what had to be left out or doubted is a warning.

    Args:
        anatomy: of the sagittal series, its levels named.
        study: the study.
        segmenter: takes the stacks in axial order (`Volume.axial`).
        progress: called with a word and the fraction done.
    """
    if study.axial is None:
        return anatomy
    levels = _SagittalLevels(anatomy)
    stacks = study.axial.stacks
    labels, doubts = [], []
    for n, stack in enumerate(stacks):
        told = _share(progress, n / len(stacks), (n + 1) / len(stacks))
        label, doubt = _segmented(stack, levels, segmenter, told)
        labels.append(label)
        doubts.append(doubt)
    return replace(anatomy, axial=tuple(labels), warnings=(*anatomy.warnings, *_said(doubts)))


def _share(progress: Progress | None, begin: float, end: float) -> Progress | None:
    if progress is None:
        return None
    return lambda name, done: progress(name, begin + (end - begin) * done)


def _said(doubts: Sequence[str]) -> list[str]:
    """One line per kind of doubt, with the stacks it holds for."""
    lines = []
    for doubt in dict.fromkeys(one for one in doubts if one):
        where = [str(n) for n, one in enumerate(doubts, start=1) if one == doubt]
        lines.append(f"axial stack{'s' if len(where) > 1 else ''} {', '.join(where)}: {doubt}")
    return lines


def _segmented(
    stack: Volume, levels: _SagittalLevels, segmenter: Segmenter, progress: Progress | None
) -> tuple[Volume, str]:
    """Anatomy indices on a stack's own grid (all 0 where it is left out), and a doubt or ""."""
    nothing = stack.with_data(np.zeros(stack.shape, np.uint16))
    if not np.isfinite(stack.data).all():
        return nothing, NOT_FINITE
    segmented = segmenter(stack.axial(), progress)
    found = segmented.structures
    spine = np.count_nonzero(found.data)
    if spine * found.voxel_volume_mm3 < MIN_SPINE_MM3:
        return nothing, NO_SPINE
    labels = levels.named(found)
    if np.count_nonzero(labels) < MIN_SHARE_NAMED * spine:
        return nothing, ELSEWHERE
    if not levels.agree(found.with_data(labels)):
        return stack.from_axial(labels), DISAGREE
    return stack.from_axial(levels.named(without_holes(levels.without_misplaced_bone(segmented)))), ""


def without_holes(found: Volume) -> Volume:
    """The same with disc in the place of what little sac and background disc encloses in a slice.

    An extrusion has no hole. Bone stays: a slice that cuts an endplate shows it within the disc. So does a whole sac,
    around which disc may seem to close where ligament behind it is taken for disc.

    Args:
        found: `Structure` values of a stack, in axial order.
    """
    data = found.data.copy()
    pixel_mm2 = float(np.prod(found.spacing_mm[1:]))
    for one in data:
        enclosed = ndimage.binary_fill_holes(one == Structure.DISC)
        holes, _ = ndimage.label(enclosed & np.isin(one, (Structure.BACKGROUND, Structure.THECAL_SAC)))
        small = np.bincount(holes.ravel()) * pixel_mm2 <= MAX_HOLE_MM2
        small[0] = False
        one[small[holes]] = Structure.DISC
    return found.with_data(data)


@dataclass(frozen=True, eq=False)
class _Points:
    """Some voxels of one structure: a tree of their world points (n, 3), and their anatomy indices (n,)."""

    tree: KDTree
    labels: NDArray[np.uint16]


class _SagittalLevels:
    """The sagittal anatomy, to be asked for the level of any point of the world."""

    def __init__(self, anatomy: Anatomy) -> None:
        self._labels = anatomy.labels
        steps = [max(1, round(POINTS_MM / float(mm))) for mm in self._labels.spacing_mm]
        index = np.argwhere(self._labels.data[:: steps[0], :: steps[1], :: steps[2]]) * steps
        labels = self._labels.data[tuple(index.T)]
        world = self._labels.to_world(index)
        self._points = {
            structure: _Points(KDTree(world[of]), labels[of])
            for structure in Structure
            if structure and (of := labels // STRUCTURE_STEP == structure).any()
        }

    def named(self, found: Volume) -> NDArray[np.uint16]:
        """Anatomy indices of a volume of `Structure` values: those of the nearest sagittal voxel of the same structure.

        Background where there is none near.
        """
        labels = np.zeros(found.shape, np.uint16)
        for structure, points in self._points.items():
            index = index_of(found.data == structure)
            world = found.to_world(index)
            distance, nearest = points.tree.query(world, distance_upper_bound=MAX_ASIDE_MM)
            near = np.isfinite(distance)
            off: FloatArray = world[near] - points.tree.data[nearest[near]]
            along = np.abs(off[:, 2]) <= MAX_ALONG_MM
            labels[tuple(index[near][along].T)] = points.labels[nearest[near][along]]
        return labels

    def without_misplaced_bone(self, found: Segmentation) -> Volume:
        """The structures found, with disc in the place of bone where the sagittal series has disc, or has no bone."""
        data = found.structures.data.copy()
        likely = found.likely_disc
        for structure in (Structure.VERTEBRAL_BODY, Structure.SACRUM):
            index = index_of(data == structure)
            if structure not in self._points or not len(index):
                continue
            world = found.structures.to_world(index)
            away, _ = self._points[structure].tree.query(world, distance_upper_bound=MISPLACED_MM)
            misplaced = np.isinf(away) & (False if likely is None else likely[tuple(index.T)])
            there, inside = self._at(world)
            disc = there // STRUCTURE_STEP == Structure.DISC
            misplaced[inside] |= disc & (away[inside] > BESIDE_MM)
            data[tuple(index[misplaced].T)] = Structure.DISC
        return found.structures.with_data(data)

    def _at(self, world: FloatArray) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """Sagittal labels of those world points (n, 3) that lie in the sagittal field, and (n,) which do."""
        index = np.rint(self._labels.to_index(world)).astype(np.intp)
        inside: NDArray[np.bool_] = np.asarray(((index >= 0) & (index < self._labels.shape)).all(axis=1))
        return self._labels.data[tuple(index[inside].T)], inside

    def agree(self, labels: Volume) -> bool:
        """Whether discs and sac lie where the sagittal series has them, as far as both series show them."""
        index = np.moveaxis(np.indices(labels.shape), 0, -1).reshape(-1, 3)
        theirs, inside = self._at(labels.to_world(index))
        mine = labels.data.reshape(-1)[inside]
        dices = []
        for structure in (Structure.DISC, Structure.THECAL_SAC):
            a, b = mine // STRUCTURE_STEP == structure, theirs // STRUCTURE_STEP == structure
            either = np.count_nonzero(a) + np.count_nonzero(b)
            if either * labels.voxel_volume_mm3 >= 2 * MIN_OVERLAP_MM3:
                dices.append(2 * np.count_nonzero(a & b) / either)
        return min(dices, default=1.0) >= MIN_AGREEMENT
