"""Label maps of the axial stacks that lie beside that of the sagittal series, as `resorb read` writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from resorb.anatomy import STRUCTURE_STEP, Anatomy
from resorb.segmentation.labelmaps import read_label_map
from resorb.study import Study, Volume

OWN_SCHEME = "resorb"


def beside(mask: Path, scheme: str, stacks: int) -> dict[int, Path]:
    """The label maps of axial stacks beside a mask, by the stack's place from 0: `anatomy_axial-1.nii.gz` and so on.

    Args:
        mask: the label map of the sagittal series.
        scheme: how it is numbered; only resorb's own writes such files.
        stacks: how many there can be.
    """
    if scheme != OWN_SCHEME:
        return {}
    stem, dot, ending = mask.name.partition(".")
    paths = {n: mask.with_name(f"{stem}_axial-{n + 1}{dot}{ending}") for n in range(stacks)}
    return {n: path for n, path in paths.items() if path.is_file()}


def with_axial_masks(anatomy: Anatomy, study: Study, masks: dict[int, Path]) -> Anatomy:
    """Take the anatomy of the axial stacks from label maps; a stack without one has none.

    Args:
        anatomy: of the sagittal series.
        study: the study.
        masks: as from `beside`.

    Raises:
        InputError: a file cannot be read, is no label map, or lies outside its stack.
    """
    stacks = study.axial.stacks if study.axial else ()
    axial = tuple(_labels(masks.get(n), stack) for n, stack in enumerate(stacks))
    return replace(anatomy, axial=axial)


def _labels(path: Path | None, stack: Volume) -> Volume:
    if path is None:
        return stack.with_data(np.zeros(stack.shape, np.uint16))
    given = read_label_map(path, OWN_SCHEME, stack)
    structures = given.structures.astype(np.uint16)
    vertebrae = np.zeros(stack.shape, np.uint16) if given.vertebra_of is None else given.vertebra_of
    return stack.with_data((STRUCTURE_STEP * structures + vertebrae).astype(np.uint16))
