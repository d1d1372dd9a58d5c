"""Vertebral bodies: waisted blocks between two hollowed endplates, with a thin wall around marrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resorb.simulation.phantom import Window
from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.endplates import sunk
from resorb.simulation.spine.marbling import marbled
from resorb.simulation.spine.marrow import fat_share
from resorb.simulation.spine.outline import Outline, between, blend, rim_share
from resorb.simulation.spine.plan import DiscPlan, VertebraPlan
from resorb.simulation.spine.vein import paint_vein
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

#: Usual thickness of the wall in front and at the sides, behind, and of the bony endplate, mm: from memory, unverified.
FRONT_CORTEX_MM, BACK_CORTEX_MM, ENDPLATE_BONE_MM = 0.55, 0.40, 0.45
UNEVEN_WALL = 0.3  # standard deviation of the thickness, as a share of it
EDGE_MM, CAVITY_EDGE_MM = 0.25, 2.2  # radius of the rim's edge, and of the edge of the marrow within
SIDE_WAIST = 0.065  # of the width: how far the wall is drawn in at half height
SPUR_HEIGHT_MM = 3.0  # an osteophyte fades this far from its rim
SPUR_BEHIND = 0.3  # of an osteophyte's length, on the posterior rim


@dataclass(frozen=True, eq=False)
class Near:
    """What the discs above and below do to a body."""

    above: DiscPlan | None
    below: DiscPlan | None


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Signed distances to the parts of a body's surface, mm, negative inside, each (x, y, z).

    Attributes:
        side: to the wall all around; ends: to the nearer endplate.
        back: 1 straight behind the middle, -1 straight in front of it.
    """

    side: Field
    ends: Field
    back: Field


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


def surfaces(canvas: Canvas, window: Window, body: VertebraPlan, near: Near) -> Surfaces:
    """Where the voxels of a window lie against a body's wall and its endplates."""
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
    front = np.square(np.minimum(back, 0.0)) * np.float32(body.form.waist_front * body.upper_width_mm - waist)
    aside = left * np.float32(2 * waist * body.form.uneven_waist / body.upper_width_mm)
    uneven = (waist + front + aside) * (1 + (2 * t - 1) * np.float32(body.form.waist_skew))
    side += (uneven + behind * (np.float32(body.hollow_mm) - uneven)) * (4 * t * (1 - t))
    for disc, away in ((near.above, under), (near.below, over)):
        if disc and disc.spec.osteophyte_mm:
            length = np.float32(disc.spec.osteophyte_mm) * (1 - (1 - SPUR_BEHIND) * behind)
            side -= length * np.exp(-np.square(away * np.float32(1 / SPUR_HEIGHT_MM)))
    at = (left, posterior, share)
    ends = np.maximum(
        sunk(body, near.above, at, upper=True) - under, sunk(body, near.below, at, upper=False) - over
    )
    return Surfaces(side, ends, back)


def body_distance(at: Surfaces) -> Field:
    """Signed distance to a body's surface, mm (negative inside)."""
    return _rounded(at.side, at.ends, EDGE_MM)


def _rounded(side: Field, ends: Field, radius_mm: float) -> Field:
    """What lies inside both of two surfaces, with a rounded edge where they meet."""
    r = np.float32(radius_mm)
    corner = np.sqrt(np.square(np.maximum(side + r, 0)) + np.square(np.maximum(ends + r, 0))) - r
    return np.where((side > -r) & (ends > -r), corner, np.maximum(side, ends))


def paint_body(canvas: Canvas, body: VertebraPlan, near: Near, anatomy: int) -> None:
    """Paint one body: wall, bony endplates, marrow with its fat, and the basivertebral vein."""
    spur = max((float(d.spec.osteophyte_mm or 0.0) for d in (near.above, near.below) if d), default=0.0)
    ends = np.concatenate([rim(body, upper=True), rim(body, upper=False)])
    window = canvas.about(ends, margin_mm=1.0 + spur)
    at = surfaces(canvas, window, body, near)
    canvas.paint(window, body_distance(at), Tissue.CORTEX, anatomy=anatomy)
    rng = np.random.default_rng([body.form.seed, 5])
    thick = np.float32(body.form.wall) * (1 + np.float32(UNEVEN_WALL) * marbled(canvas, window, 5.0, rng))
    wall = FRONT_CORTEX_MM + np.maximum(at.back, 0.0) * np.float32(BACK_CORTEX_MM - FRONT_CORTEX_MM)
    cavity = _rounded(at.side + wall * thick, at.ends + ENDPLATE_BONE_MM * thick, CAVITY_EDGE_MM)
    fat = fat_share(canvas, window, body, (near.above, near.below))
    canvas.paint(window, cavity, Tissue.MARROW, mix=fat, anatomy=anatomy)
    if not body.is_sacrum:
        paint_vein(canvas, body, anatomy)
