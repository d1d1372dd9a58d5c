"""From a study to its anatomy: by the embedded model, or by a label map made elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import VERTEBRAE, Anatomy, Level, Structure
from resorb.segmentation import axial_masks
from resorb.segmentation.axial import with_axial
from resorb.segmentation.labelmaps import LabelMap, read_label_map
from resorb.segmentation.levels import name_levels
from resorb.segmentation.model import EmbeddedModel, Progress, Segmentation, Segmenter
from resorb.segmentation.rim import with_rims
from resorb.segmentation.sides import with_whole_sides
from resorb.segmentation.specks import without_specks
from resorb.segmentation.suitability import check_suitability
from resorb.study import Study, Volume

SPLIT_BY_MODEL = "vertebrae were split into body and posterior elements by the embedded model"
AXIAL_BY_MODEL = (
    "the label map is of the sagittal series; the axial stacks were segmented by the embedded model"
)
SACRUM_BY_MODEL = "the label map holds no sacrum; it was added by the embedded model"


def segment(
    study: Study,
    *,
    segmenter: Segmenter | None = None,
    lowest_disc: Level | None = None,
    asked_for: bool = False,
    progress: Progress | None = None,
) -> Anatomy:
    """Segment a study: name the levels of its sagittal series, judge whether it can be measured, add its axial stacks.

    Args:
        study: the study.
        segmenter: what segments; the embedded model if None.
        lowest_disc: name of the lowest disc in the field, where counting from the sacrum is wrong.
        asked_for: the user chose this series: contrast and sizes that would be refused are warnings.
        progress: called with a word and the fraction done.

    Raises:
        InputError: the anatomy contradicts the affine.
        NotMeasurableError: no lumbar spine was found in the image, or the image is not T2-weighted.
    """
    volume, segmenter = study.sagittal.volume, segmenter or EmbeddedModel()
    first, then = _shares(study, progress)
    image = volume.sagittal()
    found = outlined(image, segmenter, first)
    anatomy = name_levels(found.structures, found.probability, source=found.source, lowest_disc=lowest_disc)
    noticed = check_suitability(image, anatomy, asked_for=asked_for)
    labels = volume.from_sagittal(anatomy.labels.data)
    anatomy = replace(anatomy, labels=labels, warnings=anatomy.warnings + noticed)
    return with_axial(anatomy, study, segmenter, then)


def outlined(image: Volume, segmenter: Segmenter, progress: Progress | None = None) -> Segmentation:
    """A sagittal stack, in sagittal order, segmented and finished: without specks, rims and sides whole."""
    return with_whole_sides(with_rims(without_specks(segmenter(image, progress)), image))


def anatomy_from_mask(
    study: Study,
    mask: Path,
    scheme: str,
    *,
    segmenter: Segmenter | None = None,
    lowest_disc: Level | None = None,
    progress: Progress | None = None,
) -> Anatomy:
    """Take the anatomy from a label map made elsewhere.

    What it leaves open (vertebrae in one piece, no sacrum, axial stacks) is filled in by the segmenter, and said so.
    Where resorb's own masks of the axial stacks (`anatomy_axial-1.nii.gz`) lie beside its mask, they are read.

    Args:
        study, segmenter, lowest_disc, progress: as for `segment`.
        mask: the label map; any grid that overlaps the sagittal series.
        scheme: how it numbers its structures, one of `SCHEMES`.

    Raises:
        UsageError: unknown scheme.
        InputError: the file cannot be read, is no label map, or does not overlap the series.
        NotMeasurableError: no lumbar spine is in it.
    """
    volume = study.sagittal.volume
    given = read_label_map(mask, scheme, volume)
    structures = volume.with_data(given.structures).sagittal()
    segmenter = segmenter or EmbeddedModel()
    first, then = _shares(study, progress)
    notes = list(given.notes)
    whole = given.whole_vertebrae
    lacks_sacrum = not np.any(given.structures == Structure.SACRUM)
    if whole or lacks_sacrum:
        found = segmenter(volume.sagittal(), first)
        structures, filled = _fill(structures, found, whole, lacks_sacrum)
        notes += filled
    # Another name of the lowest disc renames all levels: then the files' names no longer hold.
    stacks = len(study.axial.stacks) if study.axial and lowest_disc is None else 0
    axial = axial_masks.beside(mask, scheme, stacks)
    if study.axial is not None and not axial:
        notes.append(AXIAL_BY_MODEL)
    named = lowest_disc or _lowest_named(given, volume, structures)
    anatomy = name_levels(
        structures,
        None,
        source=given.source,
        lowest_disc=named,
        named_by="the user" if lowest_disc else "the label map",
        warnings=tuple(notes),
    )
    # Whoever brings outlines has looked at the image.
    noticed = check_suitability(volume.sagittal(), anatomy, asked_for=True)
    labels = volume.from_sagittal(anatomy.labels.data)
    anatomy = replace(anatomy, labels=labels, warnings=anatomy.warnings + noticed)
    if axial:
        return axial_masks.with_axial_masks(anatomy, study, axial)
    return with_axial(anatomy, study, segmenter, then)


def _shares(study: Study, progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """Progress of the sagittal series, and of the axial stacks, each with its share of the voxels."""
    if progress is None:
        return None, None
    axial = sum(stack.data.size for stack in study.axial.stacks) if study.axial else 0
    share = study.sagittal.volume.data.size / (study.sagittal.volume.data.size + axial)
    return (
        lambda name, done: progress(name, share * done),
        lambda name, done: progress(name, share + (1 - share) * done),
    )


def _fill(given: Volume, found: Segmentation, whole: bool, lacks_sacrum: bool) -> tuple[Volume, list[str]]:
    """Split whole vertebrae and add the sacrum from a segmentation of the same image; what was done, in words."""
    data = given.data.copy()
    own = found.structures.data
    notes = []
    if whole:
        vertebra = data == Structure.VERTEBRAL_BODY
        data[vertebra & (own == Structure.POSTERIOR_ELEMENTS)] = Structure.POSTERIOR_ELEMENTS
        # Where the segmenter saw neither, what lies behind the sac's front is no body.
        undecided = vertebra & (own != Structure.POSTERIOR_ELEMENTS) & (own != Structure.VERTEBRAL_BODY)
        data[undecided & _behind_sac_front(data)] = Structure.POSTERIOR_ELEMENTS
        notes.append(SPLIT_BY_MODEL)
    if lacks_sacrum and np.any(own == Structure.SACRUM):
        data[(data == Structure.BACKGROUND) & (own == Structure.SACRUM)] = Structure.SACRUM
        notes.append(SACRUM_BY_MODEL)
    return given.with_data(data), notes


def _behind_sac_front(structures: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Voxels behind the front of the thecal sac at their height, sac of all slices taken together."""
    sac = (structures == Structure.THECAL_SAC).any(axis=0)
    rows = np.flatnonzero(sac.any(axis=1))
    if not len(rows):
        return np.zeros(structures.shape, bool)
    front = np.interp(np.arange(sac.shape[0]), rows, sac[rows].argmax(axis=1))
    return np.broadcast_to(
        np.arange(structures.shape[2])[None, None] > front[None, :, None], structures.shape
    )


def _lowest_named(given: LabelMap, volume: Volume, structures: Volume) -> Level | None:
    """The name that the label map itself gives to the lowest disc, if it names any."""
    if given.vertebra_of is None:
        return None
    vertebra = volume.with_data(given.vertebra_of).sagittal().data
    ordinals, counts = np.unique(vertebra[structures.data == Structure.DISC], return_counts=True)
    lowest = max((int(o) for o, n in zip(ordinals, counts, strict=True) if o and n > 20), default=0)
    if not lowest:
        return None
    upper = VERTEBRAE[lowest - 1]
    below = "S1" if upper in {"L5", "L6"} else "L1" if upper in {"T12", "T13"} else VERTEBRAE[lowest]
    return Level(upper, below)
