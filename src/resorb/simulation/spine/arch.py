"""The arch of a vertebra: pedicles, articular processes, laminae, transverse and spinous processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.phantom import Window
from resorb.simulation.spine.bone import Bone, BoneLook
from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.joints import BEND, HALF_SPACE_MM, Joint
from resorb.simulation.spine.marbling import marbled
from resorb.simulation.spine.plan import SIDES, VertebraPlan
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

CORTEX_MM, SPINOUS_CORTEX_MM = (
    0.8,
    0.45,
)  # wall of the arch, and of the spinous process; from memory, unverified
MORE_FAT = 0.02  # in its marrow than in the body's; from memory, unverified
BUMP_MM, BUMP_GRAIN_MM = 0.8, 6.5  # standard deviation and grain of the spinous process's unevenness
SPINOUS_HALF_MM = 8.0  # half width of the room for a spinous process
SHOULDER_SHARE = 0.3  # of the canal's depth: as far back the canal is as wide as between the pedicles
SPINOUS_TILT_DEG = {"T11": 40.0, "T12": 18.0}  # downwards; the lumbar ones:
CLEAR_MM, MARGIN_MM = 7.0, 2.5  # a facet joint is kept clear of the other bone as far as this
LUMBAR_TILT_DEG, LAMINA_TILT_DEG = 8.0, 20.0


@dataclass(frozen=True, eq=False)
class Arch:
    """What an arch is made from: its body, the joints above and below, and the bodies whose canal it borders."""

    body: VertebraPlan
    above: tuple[Joint, Joint] | None
    below: tuple[Joint, Joint] | None
    canals: Sequence[VertebraPlan]


def canal_distance(canvas: Canvas, window: Window, body: VertebraPlan, reach_mm: float = 6.0) -> Field:
    """Signed distance (about, mm) to the bony canal behind a body; negative in the canal.

    Its section is as wide as the pedicles stand apart, and closes as a pointed arch between the laminae.
    """
    left, posterior, cranial = canvas.local(window, body.pose)
    depth = np.float32(body.canal_depth_mm)
    back = posterior - _wall(body, cranial)
    closing = np.clip((back / depth - SHOULDER_SHARE) / (1 - SHOULDER_SHARE), 0.0, 1.0)
    half = np.float32(body.canal_width_mm / 2) * (1 - closing * np.sqrt(closing))
    side = np.maximum((np.abs(left) - half) * np.float32(0.75), back - depth)
    limit = np.abs(cranial) - np.float32(body.height_mm / 2 + reach_mm)
    return np.asarray(np.maximum(np.maximum(side, -back), limit), dtype=np.float32)


def _wall(body: VertebraPlan, cranial: Field) -> Field:
    """The posterior wall in the midline at own cranial coordinates, mm."""
    top, bottom = body.corner(upper=True), body.corner(upper=False)
    t = np.clip((cranial - np.float32(bottom[2])) / np.float32(top[2] - bottom[2]), 0.0, 1.0)
    straight = np.float32(bottom[1]) + t * np.float32(top[1] - bottom[1])
    return np.asarray(straight - np.float32(4 * body.hollow_mm) * t * (1 - t), dtype=np.float32)


def tipped(pose: FloatArray, about: Sequence[float], degrees: float) -> FloatArray:
    """A pose turned about its own left axis through a point of its own frame, so that what is behind sinks."""
    angle = np.radians(degrees)
    turn, there = np.eye(4), np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    there[:3, 3] = about
    return np.asarray(pose @ there @ turn @ np.linalg.inv(there))


def shape_arch(canvas: Canvas, arch: Arch) -> Bone:
    """The shape of one vertebra's arch; reads nothing of the canvas but its grid."""
    body = arch.body
    behind = body.upper_depth_mm / 2 + body.canal_depth_mm + body.spinous_mm
    corners = [
        [side * body.transverse_mm / 2, posterior, cranial]
        for side in (-1, 1)
        for posterior in (0.0, behind)
        for cranial in (body.height_mm / 2 + 10, -body.height_mm / 2 - 22)
    ]
    bone = Bone(canvas, body.to_world(np.array(corners)), 2.0)
    for side, (_, sign) in enumerate(SIDES):
        _add_side(bone, arch, sign, side)
    _add_spinous(bone, body)
    window = canvas.about(_canal_box(arch.canals))
    for other in arch.canals:
        bone.carve(window, canal_distance(canvas, window, other))
    for joint in arch.above or ():
        carve_joint(bone, joint, 1.0)
    for joint in arch.below or ():
        carve_joint(bone, joint, -1.0)
    return bone


def paint_arch(bone: Bone, body: VertebraPlan) -> None:
    """Paint an arch over all but bone that is there already."""
    cortex = np.full(bone.distance.shape, CORTEX_MM, np.float32)
    window, behind = _spinous_room(bone, body)
    cortex[bone.part(window)] += behind * np.float32(SPINOUS_CORTEX_MM - CORTEX_MM)
    wall = anatomy_index(Structure.VERTEBRAL_BODY, body.name)
    fat = body.form.marrow_fat + MORE_FAT
    look = BoneLook(anatomy_index(Structure.POSTERIOR_ELEMENTS, body.name), wall, cortex, fat)
    bone.paint(look, [body.form.seed, 6])


def _canal_box(bodies: Sequence[VertebraPlan]) -> FloatArray:
    return np.concatenate(
        [
            body.to_world(
                np.array(
                    [
                        [s * body.canal_width_mm / 2, p, u * (body.height_mm / 2 + 6)]
                        for s in (-1, 1)
                        for p in (body.lower_depth_mm / 2 - 3, body.upper_depth_mm / 2 + body.canal_depth_mm)
                        for u in (-1, 1)
                    ]
                )
            )
            for body in bodies
        ]
    )


def _add_side(bone: Bone, arch: Arch, sign: float, side: int) -> None:
    """Pedicle, pars, lamina, transverse and articular processes of one side."""
    body, pose = arch.body, arch.body.pose
    s = body.upper_width_mm / 46.0
    middle = sign * (body.canal_width_mm + body.pedicle_width_mm) / 2
    inner = sign * body.canal_width_mm / 2
    c, width, height = body.pedicle_cranial_mm, body.pedicle_width_mm, body.pedicle_height_mm
    wall = float(body.wall_posterior(np.array(c)))
    depth = body.canal_depth_mm
    bone.rod(pose, [[middle, wall - 5, c], [middle, wall + 9 * s, c]], [width / 2, 3.0, height / 2])
    pillar = [inner + sign * 3.5 * s, wall + 12.5 * s, c - 1]
    pars = [inner * 0.9, wall + depth, c - 14 * s]
    bone.rod(pose, [[middle, wall + 8 * s, c], pillar], [4.5 * s, 4 * s, height * 0.4])
    bone.rod(pose, [pillar, pars], [4.5 * s, 3.6 * s, 4.5 * s])
    out = 0.75 * width
    reach = sign * max(body.transverse_mm / 2 - 3.0, abs(inner) + out + 3)
    bone.rod(
        pose,
        [[inner + sign * out, wall + 6 * s, c - 1], [reach, wall + 11 * s, c + 1]],
        [3.5 * s, 2.6 * s, 4.6 * s],
    )
    thick = body.lamina_mm / 2
    top = [0.0, wall + depth, c - 3]
    lamina = tipped(pose, top, -LAMINA_TILT_DEG)
    bone.rod(
        lamina,
        [
            [inner * 0.95, wall + 0.70 * depth + thick * 0.4, c - 11 * s],
            [0.0, wall + depth + thick, c - 12 * s],
        ],
        [thick, thick, 9.0 * s],
    )
    if arch.above:
        joint = arch.above[side]
        process = body.to_own(joint.pose[:3, 3] + joint.pose[:3, 0] * 4.6 * s)
        bone.rod(pose, [pillar, process.tolist()], [4.2 * s, 4.2 * s, 5.0 * s])
        bone.rod(joint.pose, [[4.6 * s, 0.0, -2.0], [4.6 * s, 0.0, 1.5]], [4.8 * s, 8.2 * s, 7.5 * s])
    if arch.below:
        joint = arch.below[side]
        process = body.to_own(joint.pose[:3, 3] - joint.pose[:3, 0] * 4.6 * s)
        bone.rod(pose, [pars, process.tolist()], [4.5 * s, 4.5 * s, 5.0 * s])
        bone.rod(joint.pose, [[-4.8 * s, 0.0, -1.5], [-4.8 * s, 0.0, 3.0]], [4.9 * s, 7.6 * s, 7.5 * s])


def _add_spinous(bone: Bone, body: VertebraPlan) -> None:
    """The spinous process: an uneven plate, thickest along its lower and hind edge, which droops."""
    s, form = body.upper_width_mm / 46.0, body.form
    c = body.pedicle_cranial_mm
    wall = float(body.wall_posterior(np.array(c)))
    front = wall + body.canal_depth_mm + 0.5 * body.lamina_mm
    tip = wall + body.canal_depth_mm + body.spinous_mm
    tilt = SPINOUS_TILT_DEG.get(body.name, LUMBAR_TILT_DEG) + form.spinous_tilt_deg
    pose = tipped(body.pose, [0.0, front, c - 12 * s], tilt)
    tall = min(11.0 * s, 0.38 * body.spinous_mm) * form.spinous_tall
    aside, low = form.spinous_aside_mm, c - 14 * s - 0.55 * tall - form.spinous_droop_mm
    plate = np.array([[0.0, front + 7 * s, c - 12.5 * s], [aside, tip - 8.0 * s, c - 15.5 * s]])
    edge = np.array([[0.0, front + 4, c - 13 * s - 0.5 * tall], [aside, tip - 5 * s, low]])
    top = np.array([[aside, tip - 5.0 * s, low], [aside, tip - 7.0 * s, c - 15 * s + 0.2 * tall]])
    for ends in _bent(plate):
        bone.rod(pose, ends.tolist(), [2.5 * s, 8.0 * s, tall], blend_mm=3.0)
    for ends in _bent(edge):
        bone.rod(pose, ends.tolist(), [3.2 * s, 5.0 * s, 3.8 * s])
    bone.rod(pose, top.tolist(), [3.2 * s, 5.0 * s, 4.5 * s])
    window, behind = _spinous_room(bone, body)
    rng = np.random.default_rng([form.seed, 9])
    bumps = marbled(bone.canvas, (slice(0, 1), *window[1:]), BUMP_GRAIN_MM, rng)  # alike on both sides
    bone.roughen(window, np.float32(BUMP_MM) * behind * bumps)


def _bent(ends: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The two halves of a line (2, 3) whose front half stays in the midline."""
    middle = ends.mean(axis=0) * [0.0, 1.0, 1.0]
    return np.stack([ends[0], middle]), np.stack([middle, ends[1]])


def _spinous_room(bone: Bone, body: VertebraPlan) -> tuple[Window, Field]:
    """The part of a bone's window about its spinous process, and there 0 at the lamina to 1 behind it."""
    start = body.upper_depth_mm / 2 + body.canal_depth_mm + 0.5 * body.lamina_mm
    box = [
        [side * SPINOUS_HALF_MM, back, cranial]
        for side in (-1, 1)
        for back in (start, start + body.spinous_mm)
        for cranial in (body.height_mm / 2 + 6, -body.height_mm / 2 - 24)
    ]
    window = bone.meet(bone.canvas.about(body.to_world(np.array(box))))
    left, posterior, _ = bone.canvas.local(window, body.pose)
    behind = np.clip((posterior - np.float32(start)) * np.float32(1 / 9.0), 0.0, 1.0)
    behind *= np.clip(np.float32(SPINOUS_HALF_MM) - np.abs(left), 0.0, 1.0)
    return window, behind


@dataclass(frozen=True, eq=False)
class Space:
    """The surroundings of a facet joint: a window, and mm along its bent normal, its length and its height."""

    window: Window
    normal: Field
    along: Field
    up: Field


def joint_space(canvas: Canvas, joint: Joint) -> Space:
    """Own coordinates of the voxels about a facet joint."""
    half = (CLEAR_MM, joint.half_length_mm + MARGIN_MM, joint.half_tall_mm + MARGIN_MM)
    box = np.array([[n, a, u] for n in (-1, 1) for a in (-1, 1) for u in (-1, 1)]) * half
    window = canvas.about(box @ joint.pose[:3, :3].T + joint.pose[:3, 3])
    normal, along, up = canvas.local(window, joint.pose)
    return Space(window, normal + np.float32(BEND) * along * along, along, up)


def carve_joint(bone: Bone, joint: Joint, sign: float) -> None:
    """Keep a bone on its own side of a facet joint: 1 for the vertebra below, -1 for the one above."""
    at = joint_space(bone.canvas, joint)
    sides = np.maximum(
        np.abs(at.along) - np.float32(joint.half_length_mm + MARGIN_MM),
        np.abs(at.up) - np.float32(joint.half_tall_mm + MARGIN_MM),
    )
    beyond = np.float32(sign) * at.normal - np.float32(HALF_SPACE_MM)
    bone.carve(at.window, np.maximum(np.maximum(beyond, sides), np.abs(at.normal) - np.float32(CLEAR_MM)))


def paint_joint(canvas: Canvas, joint: Joint) -> None:
    """Cartilage and fluid between two articular processes."""
    at = joint_space(canvas, joint)
    share = np.square(at.along / np.float32(joint.half_length_mm)) + np.square(
        at.up / np.float32(joint.half_tall_mm)
    )
    inside = (np.abs(at.normal) <= HALF_SPACE_MM) & (share < 1.0) & (canvas.anatomy[at.window] == 0)
    canvas.paint(at.window, inside, Tissue.JOINT)
