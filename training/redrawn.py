"""What two readers drew behind graded herniated discs, as admissible classes: certain where they agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training import outlines
from training.frame import Spacing
from training.harmonise import BACKGROUND, DISC, SAC, Bits

MARGINS = Path(__file__).with_name("margins")
READERS = (1, 2)
#: The slab shows recess and foramen only, and the readers agree no better than by chance (Dice 0.45).
LEFT_OUT = {("050", "L4/L5")}
EITHER = BACKGROUND | DISC | SAC


def with_drawings(bits: Bits, subject: str, spacing: Spacing) -> Bits:
    """The admissible classes of a scan of SPIDER, with what was drawn in it.

    Both readers: disc. One of them: disc or not. None, where the set's own label was doubted: not disc.

    Args:
        bits: (slice, row, column) as `harmonise` gives them.
        spacing: mm, in the same order.
    """
    slices, rows, columns = bits.shape
    masks = []
    for reader in READERS:
        found = outlines.read(MARGINS / f"reader-{reader}.toml")
        mine = [h for h in found if h.subject == subject and (h.subject, h.level) not in LEFT_OUT]
        drawn = np.zeros((slices, columns, rows), bool)
        for herniation in mine:
            drawn |= outlines.material(herniation, drawn.shape, (spacing[0], spacing[2], spacing[1]))
        masks.append(drawn.transpose(0, 2, 1))
    both, one = masks[0] & masks[1], masks[0] ^ masks[1]
    if not both.any():
        return bits
    result = bits.copy()
    result[(bits == EITHER) & ~both & ~one] = BACKGROUND | SAC
    result[one] = EITHER
    result[both] = DISC
    return result
