"""The spine beyond the fine grid, coarsely: vertebrae and cord above, the rest of sacrum and rectum below."""

from __future__ import annotations

import numpy as np

from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.plan import SacralSegment, SpinePlan
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

#: Thoracic vertebrae above the uppermost one drawn, mm; from memory, unverified.
DISC_MM, KYPHOSIS_RADIUS_MM, REACH_MM, BELOW_MM = 4.5, 230.0, 110.0, 16.0
SAC_MM, CORD_MM = (8.0, 7.0), (4.6, 3.8)
CORTEX_MM, SPINOUS_HALF_MM, SPINOUS_FALL = 1.6, 3.0, 0.9
MARROW_FAT = 120  # share, 1/255
COCCYX_MM = (7.0, 4.5, 26.0)  # half width, half depth, length; from memory, unverified
RECTUM_MM, RECTUM_WALL_MM = (17.0, 13.0), 3.5
SOFT = (Tissue.FAT, Tissue.MUSCLE, Tissue.BOWEL, Tissue.LIGAMENT, Tissue.VESSEL)


def paint_beyond(plan: SpinePlan, canvas: Canvas) -> None:
    """Paint what a wide field of view shows of the spine above and below the fine grid."""
    _paint_above(plan, canvas)
    for segment in plan.sacrum[1:]:
        _paint_segment(canvas, segment)
    _paint_coccyx(plan, canvas)


def _paint_above(plan: SpinePlan, canvas: Canvas) -> None:
    """Bodies, discs, canal and spinous processes, one like the other, bent backwards with the thoracic spine."""
    top = plan.vertebrae[0]
    half_width, half_depth = top.upper_width_mm / 2, top.upper_depth_mm / 2
    reach = half_depth + top.canal_depth_mm + top.spinous_mm + 6.0
    ends = top.to_world(
        np.array([[0.0, 0.0, top.height_mm / 2 - BELOW_MM], [0.0, 0.0, top.height_mm / 2 + REACH_MM]])
    )
    behind, ahead = np.array([22.0, reach + 8.0, 0.0]), np.array([22.0, half_depth + 6.0, 0.0])
    window = canvas.window(ends.min(axis=0) - behind, ends.max(axis=0) + ahead)
    if any(part.stop <= part.start for part in window):
        return
    left, posterior, cranial = canvas.local(window, top.pose)
    up = cranial - np.float32(top.height_mm / 2)
    bend = np.maximum(up, 0.0) ** 2 / np.float32(2 * KYPHOSIS_RADIUS_MM)
    posterior = posterior + bend if _leans_forward(plan) else posterior - bend
    period = top.height_mm + DISC_MM
    height = np.mod(up, np.float32(period))  # from each upper rim: first the disc, then the next body
    body = (left / half_width) ** 2 + (posterior / half_depth) ** 2
    rim = 1.0 - 2.0 * CORTEX_MM / half_depth
    in_disc = height < DISC_MM
    edge = (height < DISC_MM + CORTEX_MM) | (height > period - CORTEX_MM)
    canal = posterior - np.float32(half_depth + top.canal_depth_mm / 2)
    fall = np.mod(up + np.float32(SPINOUS_FALL) * (posterior - np.float32(half_depth)), np.float32(period))
    spinous = (
        (np.abs(left) < SPINOUS_HALF_MM)
        & (posterior > half_depth + top.canal_depth_mm)
        & (posterior < reach - 6.0)
    )
    bone = spinous & (fall > 0.45 * period)
    roof = (np.abs(left) < 0.5 * top.canal_width_mm + 2.0) & (np.abs(canal) < top.canal_depth_mm / 2 + 1.0)
    for mask, tissue, mix in (
        (spinous, Tissue.LIGAMENT, 110),
        (bone, Tissue.CORTEX, 0),
        (bone & (np.abs(left) < SPINOUS_HALF_MM - 1.0) & (fall > 0.55 * period), Tissue.MARROW, MARROW_FAT),
        (body < 1.0, Tissue.CORTEX, 0),
        ((body < rim) & ~edge, Tissue.MARROW, MARROW_FAT),
        ((body < 1.0) & in_disc, Tissue.ANNULUS, 20),
        ((body < 0.45) & in_disc, Tissue.ANNULUS, 120),
        (roof & (body >= 1.0), Tissue.EPIDURAL_FAT, 40),
        ((left / SAC_MM[0]) ** 2 + (canal / SAC_MM[1]) ** 2 < 1.0, Tissue.CSF, 0),
        ((left / CORD_MM[0]) ** 2 + (canal / CORD_MM[1]) ** 2 < 1.0, Tissue.CORD, 0),
    ):
        canvas.paint(window, mask, tissue, mix=mix)


def _leans_forward(plan: SpinePlan) -> bool:
    """Whether the kyphosis would have to bend against the way the uppermost body leans."""
    return bool(plan.vertebrae[0].pose[1, 2] > 0.35)


def _paint_segment(canvas: Canvas, segment: SacralSegment) -> None:
    """A box with rounded sides for a sacral body, and its dark border."""
    half = np.array([segment.width_mm, segment.depth_mm, segment.height_mm]) / 2
    _paint_box(canvas, segment.pose, half)


def _paint_coccyx(plan: SpinePlan, canvas: Canvas) -> None:
    """A piece below the last segment that goes on bending forwards, and the rectum before both."""
    last = plan.sacrum[-1]
    pose = last.pose.copy()
    turn = np.radians(25.0)
    turned = np.array(
        [[1.0, 0.0, 0.0], [0.0, np.cos(turn), np.sin(turn)], [0.0, -np.sin(turn), np.cos(turn)]]
    )
    pose[:3, :3] = last.pose[:3, :3] @ turned
    size = np.array(COCCYX_MM) * plan.size
    end = last.pose[:3, 3] - last.pose[:3, 2] * last.height_mm / 2
    pose[:3, 3] = end - pose[:3, 2] * (size[2] / 2 + 1.5)
    _paint_box(canvas, pose, np.array([size[0], size[1], size[2] / 2]))
    _paint_rectum(plan, canvas)


def _paint_box(canvas: Canvas, pose: FloatArray, half: FloatArray) -> None:
    middle = pose[:3, 3]
    reach = float(np.linalg.norm(half))
    window = canvas.window(middle - reach, middle + reach)
    if any(part.stop <= part.start for part in window):
        return
    local = canvas.local(window, pose)
    across = (np.abs(local[0] / half[0]) ** 3 + np.abs(local[1] / half[1]) ** 3) ** np.float32(1 / 3)
    shape = np.maximum(across, np.abs(local[2]) / np.float32(half[2]))
    canvas.paint(window, shape < 1.0, Tissue.CORTEX, over=SOFT)
    inner = shape < 1.0 - CORTEX_MM / half[1]
    canvas.paint(window, inner, Tissue.MARROW, mix=MARROW_FAT, over=(Tissue.CORTEX,))


def _paint_rectum(plan: SpinePlan, canvas: Canvas) -> None:
    """The rectum, in the hollow of the sacrum and down from there, with some gas."""
    segments = plan.sacrum[2:]
    ahead = [s.pose[:3, 3] - s.pose[:3, 1] * (s.depth_mm / 2 + 20.0 * plan.size) for s in segments]
    points = np.array([*ahead, ahead[-1] + [0.0, 8.0, -70.0]])
    order = np.argsort(points[:, 2])
    half = np.array(RECTUM_MM) * plan.size
    low, high = points.min(axis=0) - half.max(), points.max(axis=0) + half.max()
    window = canvas.window(low, high)
    if any(part.stop <= part.start for part in window):
        return
    x, y, z = canvas.world(window)
    cx, cy = (
        np.interp(z[0, 0], points[order, 2], points[order, axis]).astype(np.float32)[None, None]
        for axis in (0, 1)
    )
    wave = (1.0 + 0.25 * np.sin(z / 9.0)).astype(np.float32)
    away = np.hypot((x - cx) / half[0], (y - cy) / half[1]) * wave
    there = z < points[:, 2].max()
    canvas.paint(window, (away < 1.0) & there, Tissue.BOWEL, mix=10, over=SOFT)
    inner = away < 1.0 - RECTUM_WALL_MM / half[1]
    canvas.paint(window, inner & there, Tissue.BOWEL, mix=140, over=(Tissue.BOWEL,))
    gas = inner & (y > cy + 2.0) & (np.sin(z / 9.0) > 0.3)
    canvas.paint(window, gas & there, Tissue.AIR, over=(Tissue.BOWEL,))
