"""The iliac wings and the muscles on them, beside the sacrum: no more than an axial slice of L5/S1 shows."""

from __future__ import annotations

import numpy as np

from resorb.simulation.phantom import Window
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

#: Where a wing begins and ends beside the midline, mm, by height (5 the middle of the last lumbar body, 6 of S1); the
#: crest stands highest far out. All sizes of the wings are from memory, unverified.
RANKS = (4.2, 4.6, 5.2, 6.0, 7.0, 8.0)
BEGINS_MM, ENDS_MM = (96.0, 84.0, 66.0, 46.0, 44.0, 54.0), (96.0, 108.0, 116.0, 122.0, 120.0, 108.0)
#: The wing's middle lies `ORIGIN_MM` beside the midline at the centre of S1 and runs outwards and forwards.
ORIGIN_MM, SLOPE, HALF_MM, CORTEX_MM = 62.0, 0.95, 6.5, 2.0
ILIACUS_MM, GLUTEI_MM = 13.0, 34.0  # thickness of the muscles before and behind the wing
MARROW_FAT = 150  # share of fat, 1/255


def paint_pelvis(plan: SpinePlan, canvas: Canvas, rank: FloatArray) -> None:
    """Paint both wings with iliacus and glutei.

    Args:
        rank: (nz,) where the heights of the grid lie among the vertebrae, as in `trunk.RANKS`.
    """
    levels = np.flatnonzero(rank > RANKS[0])
    sacrum, size = plan.vertebrae[-1].pose[:3, 3], plan.size
    x, y, _ = canvas.fine.axes()
    if not len(levels) or max(x[-1] - sacrum[0], sacrum[0] - x[0]) < BEGINS_MM[-2] * size - GLUTEI_MM / 2:
        return
    window: Window = (slice(0, len(x)), slice(0, len(y)), slice(0, int(levels[-1]) + 1))
    world_x, world_y, _ = canvas.world(window)
    out = np.abs(world_x - np.float32(sacrum[0]))
    begins, ends = (
        (np.interp(rank[window[2]], RANKS, row) * size).astype(np.float32) for row in (BEGINS_MM, ENDS_MM)
    )
    along = (out - begins) / np.maximum(ends - begins, 1.0)
    line = np.float32(sacrum[1]) + np.float32(SLOPE) * (out - np.float32(ORIGIN_MM * size))
    ahead = (world_y - line) / np.float32(np.hypot(1.0, SLOPE))
    there = (along > 0.0) & (along < 1.0) & (rank[window[2]] > RANKS[0])
    half = HALF_MM * size * np.sqrt(np.clip(1.0 - (2.0 * along - 1.0) ** 6, 0.0, 1.0))
    belly = np.sin(np.pi * np.clip(along, 0.0, 1.0))
    soft = (Tissue.FAT, Tissue.BOWEL, Tissue.MUSCLE)
    glutei = there & (ahead < 0.0) & (ahead > -half - GLUTEI_MM * size * belly)
    iliacus = there & (ahead > 0.0) & (ahead < half + ILIACUS_MM * size * belly)
    canvas.paint(window, glutei | iliacus, Tissue.MUSCLE, mix=25, over=soft)
    bone = there & (np.abs(ahead) < half)
    canvas.paint(window, bone, Tissue.CORTEX, over=soft)
    canvas.paint(
        window,
        bone & (np.abs(ahead) < half - CORTEX_MM),
        Tissue.MARROW,
        mix=MARROW_FAT,
        over=(Tissue.CORTEX,),
    )
