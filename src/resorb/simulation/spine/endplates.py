"""Endplates: hollowed below their rims, uneven, pitted by Schmorl nodes; bodies and discs share these surfaces."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from resorb.simulation.spine.canvas import Field
from resorb.simulation.spine.plan import DiscPlan, VertebraPlan

RING_SHARE, DISH_SHARE = 0.90, 0.35  # the ring apophysis is flat outside the first, the hollow deepest within
PIT_MM = 4.5  # radius of a Schmorl node
BROAD, NARROW = (11.0, 0.23), (4.5, 0.10)  # grain and standard deviation of an endplate's unevenness, mm
ROUGH_MM = {4: 0.30, 5: 0.45}  # standard deviation of the narrow one next to a disc of that grade
TABLE_MM, TABLE_HALF_MM = 1.0, 40.0  # pitch and half width of the table of an unevenness


def dish(share: Field, depth_mm: float) -> Field:
    """How far an endplate lies below its rim, mm: flat at the ring, deepest a little behind the middle."""
    t = np.clip((RING_SHARE - share) * np.float32(1 / (RING_SHARE - DISH_SHARE)), 0.0, 1.0)
    return np.asarray(np.float32(depth_mm) * t * t * (3 - 2 * t), dtype=np.float32)


def pit(disc: DiscPlan | None, left: Field, posterior: Field) -> Field | float:
    """Depth of a Schmorl node in the endplate above a disc, mm."""
    depth = disc.spec.schmorl_mm if disc else None
    if not disc or not depth:
        return 0.0
    x, y = disc.pit_left_mm, disc.pit_posterior_mm
    away = (np.square(left - np.float32(x)) + np.square(posterior - np.float32(y))) / PIT_MM**2
    return np.asarray(np.float32(depth) * np.exp(-away * away), dtype=np.float32)


def sunk(body: VertebraPlan, disc: DiscPlan | None, at: tuple[Field, Field, Field], *, upper: bool) -> Field:
    """How far an endplate lies inside the plane of its rim, mm; nothing on the rim itself.

    Args:
        disc: the one that the endplate belongs to.
        at: own left and posterior coordinates, mm, and the share of the way to the outline.
    """
    left, posterior, share = at
    depth = dish(share, body.dish_mm[0 if upper else 1])
    if not upper:
        depth += pit(disc, left, posterior)
    table = unevenness(body, disc, upper=upper)
    last = len(table) - 1
    row, column = (
        np.clip((c + np.float32(TABLE_HALF_MM)) * np.float32(1 / TABLE_MM) + np.float32(0.5), 0, last)
        for c in (left, posterior)
    )
    index = row.astype(np.int32) * np.int32(last + 1) + column.astype(np.int32)
    inwards = np.clip((RING_SHARE - share) * np.float32(1 / 0.25), 0.0, 1.0)
    return np.asarray(depth + inwards * table.ravel().take(index), dtype=np.float32)


def unevenness(body: VertebraPlan, disc: DiscPlan | None, *, upper: bool) -> Field:
    """(n, n) float32 unevenness over (left, posterior) from -`TABLE_HALF_MM`, every `TABLE_MM`."""
    rng = np.random.default_rng([body.form.seed, 7, int(upper)])
    rough = ROUGH_MM.get(disc.spec.grade or 1, NARROW[1]) if disc else NARROW[1]
    n = round(2 * TABLE_HALF_MM / TABLE_MM)
    table = np.zeros((n, n), np.float32)
    for grain, deviation in (BROAD, (NARROW[0], rough)):
        coarse = rng.standard_normal([int(np.ceil(2 * TABLE_HALF_MM / grain)) + 3] * 2)
        smooth = ndimage.zoom(coarse, grain / TABLE_MM, order=3)[:n, :n]
        table += (deviation / smooth.std()) * smooth
    return np.asarray(table, dtype=np.float32)
