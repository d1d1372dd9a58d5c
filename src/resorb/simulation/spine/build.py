"""Builds the phantom of a spine from its plan."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.simulation.phantom import Pedicle, Phantom, Side, Vertebra
from resorb.simulation.spec import SpineSpec
from resorb.simulation.spine.arch import Arch, paint_arch, paint_joint, shape_arch
from resorb.simulation.spine.bodies import Near, paint_body, rim
from resorb.simulation.spine.bone import Bone
from resorb.simulation.spine.canal import paint_canal
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.discs import paint_disc
from resorb.simulation.spine.draw import draw_plan
from resorb.simulation.spine.joints import joints_of
from resorb.simulation.spine.ligaments import paint_ligaments
from resorb.simulation.spine.plan import SIDES, SpinePlan, VertebraPlan
from resorb.simulation.spine.sacrum import paint_sacrum
from resorb.simulation.spine.surroundings import make_around, paint_surroundings
from resorb.study import FloatArray

WORKERS = 2  # threads; what they make does not depend on their number
HALF_WIDTH_MM, FRONT_MM, BEHIND_MM, ABOVE_MM = 45.0, 12.0, 6.0, 4.0  # room around the spine


def make_spine(spec: SpineSpec, *, pitch_mm: float = 0.5) -> Phantom:
    """A healthy or degenerate spine without herniations, lying on its back.

    Args:
        pitch_mm: of the fine grid.

    Raises:
        UsageError: a level asked for is not there, or the lordosis cannot be had with such discs.
    """
    plan = draw_plan(spec)
    canvas = Canvas.blank(*_box(plan), pitch_mm)
    paint_surroundings(plan, canvas)
    paint_canal(plan, canvas)
    paint_bones(plan, canvas)
    paint_discs(plan, canvas)
    paint_ligaments(plan, canvas)
    return Phantom(
        fine=canvas.fine,
        around=make_around(plan),
        anatomy=canvas.anatomy,
        vertebrae={body.name: landmarks(body) for body in plan.vertebrae},
        facets=facets_of(plan),
        discs={disc.level: disc.spec for disc in plan.discs},
    )


def skeleton(plan: SpinePlan, pitch_mm: float) -> Canvas:
    """Bones and discs alone, in fat."""
    canvas = Canvas.blank(*_box(plan), pitch_mm)
    paint_bones(plan, canvas)
    paint_discs(plan, canvas)
    return canvas


def _box(plan: SpinePlan) -> tuple[FloatArray, FloatArray]:
    """Low and high corner of the fine grid, world mm: the bodies and processes, down to the end of S3."""
    bodies = np.concatenate([rim(b, upper=u) for b in plan.vertebrae for u in (True, False)])
    tips = [b.to_world(np.array([0.0, _behind(b), 0.0])) for b in plan.vertebrae]
    s3 = plan.sacrum[2]
    last = s3.pose[:3, 3] - s3.pose[:3, 2] * s3.height_mm / 2
    behind = min(min(tip[1] for tip in tips), last[1] - 12.0)
    across = [body.pose[0, 3] for body in plan.vertebrae]
    middle = (min(across) + max(across)) / 2  # of a scoliosis
    low = np.array([middle - HALF_WIDTH_MM, behind - BEHIND_MM, last[2]])
    high = np.array([middle + HALF_WIDTH_MM, bodies[:, 1].max() + FRONT_MM, bodies[:, 2].max() + ABOVE_MM])
    return low, high


def _behind(body: VertebraPlan) -> float:
    return body.upper_depth_mm / 2 + body.canal_depth_mm + body.spinous_mm


def paint_bones(plan: SpinePlan, canvas: Canvas) -> None:
    """Bodies, sacrum and arches."""
    discs = [None, *plan.discs, None]
    joints = [None, *(joints_of(upper, lower) for upper, lower in pairwise(plan.vertebrae))]

    def one_body(n: int) -> None:
        body = plan.vertebrae[n]
        structure = Structure.SACRUM if body.is_sacrum else Structure.VERTEBRAL_BODY
        near = Near(discs[n], discs[n + 1])
        paint_body(canvas, body, near, anatomy_index(structure, body.name))

    def one_arch(n: int) -> Bone:
        beside = plan.vertebrae[max(n - 1, 0) : n + 2]
        return shape_arch(canvas, Arch(plan.vertebrae[n], joints[n], joints[n + 1], beside))

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one_body, range(len(plan.vertebrae))))  # no two bodies share a voxel
        arches = list(pool.map(one_arch, range(len(plan.vertebrae) - 1)))
    for body, bone in zip(
        plan.vertebrae, arches, strict=False
    ):  # in turn: where arches meet, the upper one stays
        paint_arch(bone, body)
    paint_sacrum(canvas, plan, joints[-1])
    for pair in joints:
        for joint in pair or ():
            paint_joint(canvas, joint)


def paint_discs(plan: SpinePlan, canvas: Canvas) -> None:
    """Discs, between bodies that are painted already."""

    def one_disc(n: int) -> None:
        disc, upper, lower = plan.discs[n], plan.vertebrae[n], plan.vertebrae[n + 1]
        paint_disc(canvas, upper, lower, disc, anatomy_index(Structure.DISC, upper.name), plan.spec.seed)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one_disc, range(len(plan.discs))))  # no two discs share a voxel


def landmarks(body: VertebraPlan) -> Vertebra:
    """The exact landmarks of a vertebra, from the formulas it is painted by."""
    return Vertebra(
        name=body.name,
        pose=body.pose,
        upper_rim=rim(body, upper=True),
        lower_rim=None if body.is_sacrum else rim(body, upper=False),
        wall=body.wall(),
        pedicles={} if body.is_sacrum else {side: _pedicle(body, side) for side, _ in SIDES},
    )


def _pedicle(body: VertebraPlan, side: Side) -> Pedicle:
    middle, sign = body.pedicle(side), dict(SIDES)[side]
    across = np.array([sign * body.pedicle_width_mm / 2, 0.0, 0.0])
    up = np.array([0.0, 0.0, body.pedicle_height_mm / 2])
    return Pedicle(
        medial=body.to_world(middle - across),
        lateral=body.to_world(middle + across),
        top=body.to_world(middle + up),
        bottom=body.to_world(middle - up),
    )


def facets_of(plan: SpinePlan) -> dict[Level, tuple[FloatArray, FloatArray]]:
    """Per level the medial edges of the left and right facet joints at disc height, world mm."""
    edges = {}
    for n, disc in enumerate(plan.discs):
        left, right = joints_of(plan.vertebrae[n], plan.vertebrae[n + 1])
        edges[disc.level] = (left.medial_edge, right.medial_edge)
    return edges
