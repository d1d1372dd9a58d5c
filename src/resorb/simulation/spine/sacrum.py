"""The sacrum: five segments that taper, two wings, and a canal roofed by a median crest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.simulation.spec import DiscSpec
from resorb.simulation.spine.arch import canal_distance, carve_joint
from resorb.simulation.spine.bodies import Near, paint_body, rim
from resorb.simulation.spine.bone import Bone, BoneLook
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.discs import loft
from resorb.simulation.spine.joints import Joint
from resorb.simulation.spine.plan import SIDES, DiscPlan, SacralSegment, SpinePlan, VertebraPlan
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

SACRUM = anatomy_index(Structure.SACRUM, "S1")
CORTEX_MM, MORE_FAT = (
    0.7,
    0.06,
)  # the sacrum's marrow is fatter than the lumbar bodies'; from memory, unverified
NARROWING = 0.86  # lower against upper end of a segment's body
WING_SHARE = 1.05  # half width of the whole sacrum at S1, of the width of its body


def as_body(segment: SacralSegment, first: VertebraPlan) -> VertebraPlan:
    """A segment below S1 as a block that the body's formulas draw, with the marrow of S1."""
    s = segment.width_mm
    return VertebraPlan(
        name="S1",
        pose=segment.pose,
        upper_width_mm=s,
        upper_depth_mm=segment.depth_mm,
        lower_width_mm=s * NARROWING,
        lower_depth_mm=segment.depth_mm * NARROWING,
        height_mm=segment.height_mm,
        wedge_deg=0.0,
        dish_mm=(0.3, 0.3),
        hollow_mm=0.5,
        bean_mm=0.0,
        canal_depth_mm=segment.canal_depth_mm,
        canal_width_mm=segment.canal_width_mm,
        pedicle_width_mm=s / 4,
        pedicle_height_mm=segment.height_mm * 0.7,
        pedicle_cranial_mm=0.0,
        transverse_mm=s,
        spinous_mm=8.0,
        lamina_mm=5.0,
        form=replace(first.form, seed=first.form.seed + int(segment.name[1:])),
    )


def paint_sacrum(canvas: Canvas, plan: SpinePlan, joints: tuple[Joint, Joint] | None) -> None:
    """Paint all of the sacrum but the body of S1, which stands already."""
    first = plan.vertebrae[-1]
    blocks = [first, *(as_body(segment, first) for segment in plan.sacrum[1:4])]
    for block in blocks[1:]:
        paint_body(canvas, block, Near(None, None), SACRUM)
    _paint_gaps(canvas, blocks)
    reach = plan.vertebrae[-1].upper_width_mm * WING_SHARE
    ends = [
        block.to_world(np.array([side * reach, back, up * block.height_mm / 2]))
        for block in blocks
        for side in (-1, 1)
        for back in (0.0, 38.0)
        for up in (-1.0, 1.6)
    ]
    bone = Bone(canvas, np.array(ends), 6.0)
    for n, block in enumerate(blocks):
        _add_segment(bone, block, n)
    for side, (_, sign) in enumerate(SIDES):
        _add_wing(bone, blocks, sign)
        if joints:
            _add_process(bone, blocks[0], joints[side], sign)
    _carve(bone, canvas, blocks, joints)
    bone.paint(BoneLook(SACRUM, SACRUM, CORTEX_MM, first.form.marrow_fat + MORE_FAT), [plan.spec.seed, 6])


def _paint_gaps(canvas: Canvas, blocks: Sequence[VertebraPlan]) -> None:
    """What is left of the discs between the segments, part of the sacrum."""
    for n, (upper, lower) in enumerate(pairwise(blocks)):
        gap = float((upper.corner(upper=False) - upper.to_own(lower.to_world(lower.corner(upper=True))))[2])
        disc = DiscPlan(Level("L5", "S1"), DiscSpec(), gap, gap)
        ends = np.concatenate([rim(upper, upper=False), rim(lower, upper=True)])
        window = canvas.about(ends, margin_mm=1.0)
        at = loft(canvas, window, upper, lower, disc)
        free = canvas.anatomy[window] != SACRUM
        within = (at.outside <= -0.5) & (at.room > -1.0) & free
        canvas.paint(window, within, Tissue.CORTEX, anatomy=SACRUM)
        remnant = within & (at.share < 0.8 - 0.15 * n)
        canvas.paint(window, remnant, Tissue.ANNULUS, mix=110 - 35 * n, anatomy=SACRUM)


def _add_segment(bone: Bone, block: VertebraPlan, n: int) -> None:
    """Roof of the canal with the median crest."""
    pose, depth = block.pose, block.canal_depth_mm
    wall = float(block.wall_posterior(np.array(0.0)))
    half = block.canal_width_mm / 2
    tall = 0.48 * block.height_mm
    for _, sign in SIDES:
        bone.rod(
            pose,
            [
                [sign * (half + 3), wall + 0.3 * depth, -2.0],
                [sign * half * 0.5, wall + depth * 0.85 + 2, -3.0],
            ],
            [3.2, 3.2, tall],
        )
        bone.rod(
            pose,
            [[sign * half * 0.5, wall + depth * 0.85 + 2, -3.0], [0.0, wall + depth + 2.5, -4.0]],
            [2.6, 2.6, tall],
        )
    crest = max(8.0 - 1.5 * n, 3.0)
    bone.rod(
        pose, [[0.0, wall + depth + 3, -4.0], [0.0, wall + depth + crest, -5.0]], [2.4, 3.0, 0.85 * tall]
    )


def _add_wing(bone: Bone, blocks: Sequence[VertebraPlan], sign: float) -> None:
    """The ala of S1 and the lateral mass that runs down from it."""
    first = blocks[0]
    out = first.upper_width_mm * WING_SHARE
    start = [sign * first.upper_width_mm * 0.36, 3.0, 3.0]
    bone.rod(first.pose, [start, [sign * out * 0.72, 5.0, 1.0]], [8.0, 11.0, 10.0], blend_mm=5.0)
    bone.rod(
        first.pose, [[sign * out * 0.72, 5.0, 1.0], [sign * out, 12.0, -4.0]], [8.0, 13.0, 12.0], blend_mm=5.0
    )
    spots = [first.to_world(np.array([sign * out * 0.85, 8.0, -4.0]))]
    for n, block in enumerate(blocks[1:], start=1):
        spots.append(block.to_world(np.array([sign * out * (0.82 - 0.17 * n), 4.0, 0.0])))
        own = block.to_own(spots[-1])
        inner = [sign * block.upper_width_mm * 0.4, 1.0, 0.0]
        bone.rod(block.pose, [inner, own.tolist()], [6.0, 6.5 - n, 0.30 * block.height_mm], blend_mm=4.0)
        above = block.to_own(spots[-2])
        bone.rod(block.pose, [above.tolist(), own.tolist()], [9.0 - n, 8.0 - n, 8.0], blend_mm=4.0)


def _add_process(bone: Bone, first: VertebraPlan, joint: Joint, sign: float) -> None:
    """The superior articular process of S1."""
    s = first.upper_width_mm / 50.0
    wall = float(first.wall_posterior(np.array(0.0)))
    root = [sign * (first.canal_width_mm / 2 + 6), wall + 0.5 * first.canal_depth_mm, 2.0]
    process = first.to_own(joint.pose[:3, 3] + joint.pose[:3, 0] * 4.8)
    bone.rod(first.pose, [root, process.tolist()], [5.0 * s, 5.0 * s, 5.5 * s])
    bone.rod(joint.pose, [[4.6, 0.0, -2.0], [4.6, 0.0, 1.5]], [4.8 * s, 8.2 * s, 7.5 * s])


def _carve(
    bone: Bone, canvas: Canvas, blocks: Sequence[VertebraPlan], joints: tuple[Joint, Joint] | None
) -> None:
    """Open the canal, the sacral foramina and the facet joints."""
    for n, block in enumerate(blocks):
        wall = block.upper_depth_mm / 2
        half = block.canal_width_mm / 2 + 2
        box = np.array(
            [
                [s * half, wall + p, u * (block.height_mm / 2 + 4)]
                for s in (-1, 1)
                for p in (-4, 18)
                for u in (-1, 1)
            ]
        )
        window = canvas.about(block.to_world(box))
        bone.carve(window, canal_distance(canvas, window, block, 3.0))
        if n < 3:
            for _, sign in SIDES:
                _carve_foramen(bone, canvas, block, sign)
    for joint in joints or ():
        carve_joint(bone, joint, 1.0)


def _carve_foramen(bone: Bone, canvas: Canvas, block: VertebraPlan, sign: float) -> None:
    """A tunnel from front to back beside the body's lower end."""
    at = np.array([sign * (block.lower_width_mm / 2 + 3.5), 2.0, -block.height_mm / 2 - 1.0])
    box: FloatArray = at + np.array([[s * 6, p, u * 6] for s in (-1, 1) for p in (-20, 22) for u in (-1, 1)])
    window = canvas.about(block.to_world(box))
    left, _, cranial = canvas.local(window, block.pose)
    away = np.sqrt(np.square(left - np.float32(at[0])) + np.square(cranial - np.float32(at[2])))
    bone.carve(window, away - np.float32(4.5))
