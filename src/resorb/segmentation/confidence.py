"""How right the outline of a disc is likely to be: its expected Dice, from the voxels' own probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.segmentation import bounds
from resorb.study import Volume
from resorb.voxels import box_of

NEAR_MM = 2.0  # outside the outline: farther away the model is sure of something else


def confidences(
    structures: Volume, probability: NDArray[np.uint8], labels: NDArray[np.uint16], levels: Sequence[Level]
) -> dict[Level, float]:
    """The expected Dice of every level's disc.

    Args:
        structures, probability: as for `expected_dice`.
        labels: anatomy indices on the same grid.
        levels: those whose discs are among the labels.
    """
    boxes = ndimage.find_objects(labels)
    margin = (0, *(int(np.ceil(NEAR_MM / s)) + 1 for s in structures.spacing_mm[1:]))
    found = {}
    for level in levels:
        index = anatomy_index(Structure.DISC, level.upper)
        box = tuple(
            slice(max(0, s.start - m), s.stop + m) for s, m in zip(boxes[index - 1], margin, strict=True)
        )
        near = Volume(structures.data[box], structures.affine)  # only its spacing counts
        found[level] = expected_dice(near, probability[box], labels[box] == index)
    return found


def expected_dice(structures: Volume, probability: NDArray[np.uint8], disc: NDArray[np.bool_]) -> float:
    """The Dice that a disc's outline is expected to have with a careful reader's, in [0, 1].

    Soft Dice Confidence, 2 sum(p y) / (sum(p) + sum(y)) for an outline y and the probability p of its class (Borges
    2024, arXiv 2402.10665), brought to what was found in scans with readers' outlines
    (`bounds.DICE_PER_CONFIDENCE`). Of a voxel outside, the probability of its own structure alone is known: the rest
    of it, near the outline, is taken for disc.

    Args:
        structures: uint8 `Structure` values.
        probability: of each voxel's own structure, times 255, on the same grid.
        disc: mask of one disc, on the same grid.
    """
    soft = soft_dice(structures, probability, disc)
    slope, offset = bounds.DICE_PER_CONFIDENCE
    return round(float(np.clip(slope * soft + offset, 0.0, 1.0)), 4)


def soft_dice(structures: Volume, probability: NDArray[np.uint8], disc: NDArray[np.bool_]) -> float:
    """Soft Dice Confidence of one disc as the probabilities alone give it; arguments as for `expected_dice`."""
    found = box_of(disc)
    if found is None:
        return 0.0
    reach = np.maximum(np.round(NEAR_MM / structures.spacing_mm[1:]).astype(int), 1)
    margin = (0, *reach)
    box = tuple(slice(max(0, s.start - m), s.stop + m) for s, m in zip(found, margin, strict=True))
    inside, own = disc[box], probability[box].astype(np.float32) / 255.0
    around = ndimage.maximum_filter(inside.astype(np.uint8), size=(1, *(2 * reach + 1))) > 0
    around &= structures.data[box] != Structure.DISC
    of_outline = float(own[inside].sum())
    total = of_outline + float((1.0 - own[around]).sum())
    return 2.0 * of_outline / (total + float(np.count_nonzero(inside)))
