"""Vertebral bodies: waisted blocks between two hollowed endplates, with cortex, marrow and the basivertebral vein."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.phantom import Window
from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.marbling import marbled
from resorb.simulation.spine.outline import Outline, between, blend, rim_share
from resorb.simulation.spine.plan import DiscPlan, VertebraPlan
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

CORTEX_MM, ENDPLATE_BONE_MM = 0.8, 0.7  # thickness of the wall and of the bony endplate
EDGE_MM = 0.2  # radius of the rim's edge
SIDE_WAIST, FRONT_WAIST = 0.065, 0.04  # of the width: how far the wall is drawn in at half height
ROUGH_MM = {4: 0.35, 5: 0.5}  # unevenness of the endplates next to a disc of that grade; of a healthy one:
SMOOTH_MM = 0.12
RING_SHARE, DISH_SHARE = (
    0.90,
    0.35,
)  # the ring apophysis is flat outside the first, the hollow is deepest within
SPUR_HEIGHT_MM = 3.0  # an osteophyte fades this far from its rim
SPUR_BEHIND = 0.3  # of an osteophyte's length, on the posterior rim
PIT_MM = 4.5  # radius of a Schmorl node
VEIN_MM = (
    16.0,
    2.2,
    3.0,
)  # how far the basivertebral vein reaches forwards, half height, half width at the wall


@dataclass(frozen=True, eq=False)
class Near:
    """What the discs above and below do to a body, and the seed of its texture."""

    above: DiscPlan | None
    below: DiscPlan | None
    seed: int


def rough_mm(disc: DiscPlan | None) -> float:
    """Unevenness of the endplate next to a disc, mm."""
    return ROUGH_MM.get(disc.spec.grade or 1, SMOOTH_MM) if disc else SMOOTH_MM


def outlines(body: VertebraPlan) -> tuple[Outline, Outline]:
    """Axial outlines of the upper and the lower rim."""
    return (
        Outline(body.upper_width_mm, body.upper_depth_mm, body.bean_mm),
        Outline(body.lower_width_mm, body.lower_depth_mm, body.bean_mm),
    )


def rim(body: VertebraPlan, *, upper: bool) -> FloatArray:
    """(n, 3) ring apophysis of an endplate, closed, from the posterior midline round by the left, world mm."""
    line = outlines(body)[0 if upper else 1].line()
    plane = body.upper_plane(line[:, 1]) if upper else body.lower_plane(line[:, 1])
    return body.to_world(np.column_stack([line, plane]))


def dish(share: Field, depth_mm: float) -> Field:
    """How far an endplate lies below its rim, mm: flat at the ring, deepest a little behind the middle."""
    t = np.clip((RING_SHARE - share) * np.float32(1 / (RING_SHARE - DISH_SHARE)), 0.0, 1.0)
    return np.asarray(np.float32(depth_mm) * t * t * (3 - 2 * t), dtype=np.float32)


def pit(body: VertebraPlan, disc: DiscPlan | None, left: Field, posterior: Field) -> Field | float:
    """Depth of a Schmorl node in the lower endplate, mm."""
    depth = disc.spec.schmorl_mm if disc else None
    if not disc or not depth:
        return 0.0
    x, y = disc.pit_left_mm, disc.pit_posterior_mm
    away = (np.square(left - np.float32(x)) + np.square(posterior - np.float32(y))) / PIT_MM**2
    return np.asarray(np.float32(depth) * np.exp(-away * away), dtype=np.float32)


def body_distance(canvas: Canvas, window: Window, body: VertebraPlan, near: Near) -> tuple[Field, Field]:
    """Signed distance to a body's surface (negative inside), and to its endplates alone, mm (x, y, z)."""
    left, posterior, cranial = canvas.local(window, body.pose)
    tilt, height = np.float32(body.tilt), np.float32(body.height_mm)
    under = height / 2 - tilt * posterior - cranial
    over = height / 2 - tilt * posterior + cranial
    t = between(under, over)
    width = blend(t, body.lower_width_mm, body.upper_width_mm)
    depth = blend(t, body.lower_depth_mm, body.upper_depth_mm)
    share, side, back = rim_share(left, posterior, width, depth, body.bean_mm)
    behind = np.square(np.maximum(back, 0.0))
    waist = SIDE_WAIST * body.upper_width_mm
    front = np.square(np.minimum(back, 0.0)) * np.float32(FRONT_WAIST * body.upper_width_mm - waist)
    side += (waist + front + behind * np.float32(body.hollow_mm - waist)) * (4 * t * (1 - t))
    for disc, away in ((near.above, under), (near.below, over)):
        if disc and disc.spec.osteophyte_mm:
            length = np.float32(disc.spec.osteophyte_mm) * (1 - (1 - SPUR_BEHIND) * behind)
            side -= length * np.exp(-np.square(away * np.float32(1 / SPUR_HEIGHT_MM)))
    lower_dish = dish(share, body.dish_mm[1]) + pit(body, near.below, left, posterior)
    uneven = dish(share, 1.0) * marbled(
        canvas, window, 4.0, np.random.default_rng([near.seed, 7, *body.name.encode()])
    )
    ends = np.maximum(
        dish(share, body.dish_mm[0]) + rough_mm(near.above) * uneven - under,
        lower_dish + rough_mm(near.below) * uneven - over,
    )
    edge = np.float32(EDGE_MM)
    corner = np.sqrt(np.square(np.maximum(side + edge, 0)) + np.square(np.maximum(ends + edge, 0))) - edge
    return np.where((side > -edge) & (ends > -edge), corner, np.maximum(side, ends)), ends


def paint_body(canvas: Canvas, body: VertebraPlan, near: Near, anatomy: int) -> None:
    """Paint one body: wall, bony endplates, marrow with its fat, and the basivertebral vein."""
    spur = max((float(d.spec.osteophyte_mm or 0.0) for d in (near.above, near.below) if d), default=0.0)
    ends = np.concatenate([rim(body, upper=True), rim(body, upper=False)])
    window = canvas.about(ends, margin_mm=1.0 + spur)
    distance, to_ends = body_distance(canvas, window, body, near)
    canvas.paint(window, distance, Tissue.CORTEX, anatomy=anatomy)
    inner = distance <= -CORTEX_MM
    inner &= to_ends <= -ENDPLATE_BONE_MM
    canvas.paint(window, inner, Tissue.MARROW, mix=_fat(canvas, window, body, near), anatomy=anatomy)
    if not body.is_sacrum:
        _paint_vein(canvas, body, anatomy)


def _fat(canvas: Canvas, window: Window, body: VertebraPlan, near: Near) -> NDArray[np.uint8]:
    """Fat share of the marrow in 1/255: mottled, more next to degenerate discs (as Modic's type 2)."""
    rng = np.random.default_rng([near.seed, 3, *body.name.encode()])
    fat = np.float32(rng.uniform(0.42, 0.56)) + 0.09 * marbled(canvas, window, 6.0, rng)
    fat += 0.09 * marbled(canvas, window, 2.0, rng)
    worn = [
        (d, sign) for d, sign in ((near.above, 1.0), (near.below, -1.0)) if d and (d.spec.grade or 1) >= 4
    ]
    if worn:
        _, posterior, cranial = canvas.local(window, body.pose)
        patch = marbled(canvas, window, 9.0, rng)
        for _, sign in worn:
            reach = np.float32(rng.uniform(3.0, 9.0))
            away = (
                np.float32(body.height_mm / 2)
                - np.float32(body.tilt) * posterior
                - np.float32(sign) * cranial
            )
            fat += np.float32(rng.uniform(0.0, 0.45)) * np.clip(1.3 + 0.6 * patch - away / reach, 0.0, 1.0)
    return np.asarray(np.clip(fat, 0.02, 0.98) * 255, dtype=np.uint8)


def _paint_vein(canvas: Canvas, body: VertebraPlan, anatomy: int) -> None:
    """The basivertebral vein: a wedge that opens in the middle of the posterior wall and forks forwards."""
    reach, half_height, half_width = (x * body.height_mm / 28.0 for x in VEIN_MM)
    wall = float(body.wall_posterior(np.array(0.0)))
    box = [[s * 8.0, wall - f * reach, u * 3.0] for s in (-1, 1) for f in (-0.1, 1) for u in (-1, 1)]
    window = canvas.about(body.to_world(np.array(box)))
    left, posterior, cranial = canvas.local(window, body.pose)
    inwards = (wall - posterior) / np.float32(reach)
    tall = np.float32(half_height) * (1 - inwards) + 0.2
    fork = np.abs(np.abs(left) - np.float32(half_width) * 1.6 * np.maximum(inwards, 0)) - half_width * (
        1 - 0.75 * inwards
    )
    inside = (np.abs(cranial) < tall) & (fork < 0) & (inwards < 1)
    canvas.paint(window, inside, Tissue.VEIN, anatomy=anatomy, over=(Tissue.CORTEX, Tissue.MARROW))
