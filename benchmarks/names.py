"""Are levels named as the experts name them?"""

from __future__ import annotations

import numpy as np

from benchmarks.labelled import Mask
from resorb import Anatomy, Structure
from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE

LEAST_SHARE = 0.2  # of a structure that the model must have found for its name to count


def names_given(anatomy: Anatomy, named: dict[str, Mask]) -> dict[str, str]:
    """What the model calls each structure that has a name: the name most of its voxels there carry.

    Structures that the model did not find have no name of its, and are left out: missing them costs Dice, and shifts
    the names of their neighbours if it is a disc.

    Args:
        anatomy: in sagittal order.
        named: the expert's masks, by "L5" for a body or vertebra and "L5/S1" for a disc.
    """
    discs = {level.ordinal: str(level) for level in anatomy.levels}
    bones = dict(enumerate(VERTEBRAE, start=1))
    given = {}
    for name, mask in named.items():
        classes = (Structure.DISC,) if "/" in name else (Structure.VERTEBRAL_BODY, Structure.SACRUM)
        structure, ordinal = np.divmod(anatomy.labels.data[mask], STRUCTURE_STEP)
        seen = ordinal[np.isin(structure, [int(c) for c in classes]) & (ordinal > 0)]
        if len(seen) >= LEAST_SHARE * len(ordinal):
            most = int(np.bincount(seen).argmax())
            given[name] = (discs if "/" in name else bones).get(most, "")
    return given
