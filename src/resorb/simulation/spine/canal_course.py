"""How the bony canal runs behind the bodies, the discs and the sacrum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resorb.simulation.spine.plan import CanalPlan, DiscPlan, SacralSegment, VertebraPlan
from resorb.study import FloatArray

STEP_MM = 1.0
ABOVE_MM = 25.0  # how far it is continued beyond the uppermost body
FACET_SHARE = 0.85  # width between the facet joints, of that between the pedicles; from memory, unverified
DISC_DEPTH_SHARE = 1.04  # depth at a disc, where no lamina but the ligamentum flavum is behind


def canal_course(
    vertebrae: Sequence[VertebraPlan], discs: Sequence[DiscPlan], sacrum: Sequence[SacralSegment]
) -> CanalPlan:
    """The anterior border of the canal in the midline, and its sizes along it."""
    points, place = _border(vertebrae, discs, sacrum)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    even = np.linspace(0.0, length[-1], int(np.ceil(length[-1] / STEP_MM)) + 1)
    front = np.column_stack([np.interp(even, length, points[:, a]) for a in range(3)])
    at = np.interp(even, length, place)
    known, depth, half_width = _sizes(vertebrae, sacrum)
    return CanalPlan(front, np.interp(at, known, depth), np.interp(at, known, half_width), at)


def _border(
    vertebrae: Sequence[VertebraPlan], discs: Sequence[DiscPlan], sacrum: Sequence[SacralSegment]
) -> tuple[FloatArray, FloatArray]:
    """Points (n, 3) from above downwards, world mm, and their places (n,)."""
    top = vertebrae[0]
    parts = [top.to_world(top.corner(upper=True) + np.array([[0.0, 0.0, ABOVE_MM]]))]
    places = [np.array([0.25 - 0.5 * ABOVE_MM / top.posterior_mm])]
    for n, body in enumerate(vertebrae):
        wall = body.wall()
        parts.append(wall)
        places.append(np.linspace(n + 0.25, n + 0.75, len(wall)))
        if n < len(discs):
            t = np.linspace(0.0, 1.0, 9)[1:-1]
            end = vertebrae[n + 1].wall()[0]
            out = 4 * t * (1 - t) * float(discs[n].spec.bulge_mm or 0.0)
            line = wall[-1] + t[:, None] * (end - wall[-1]) + out[:, None] * body.pose[:3, 1]
            parts.append(line)
            places.append(n + 0.75 + 0.5 * t)
    for k, segment in enumerate(sacrum[1:], start=len(vertebrae)):
        ends = np.array([[0, segment.depth_mm / 2, s * segment.height_mm / 2] for s in (1.0, -1.0)])
        if segment is sacrum[-1]:
            ends[1, 1] -= segment.depth_mm / 6
        parts.append(ends @ segment.pose[:3, :3].T + segment.pose[:3, 3])
        places.append(np.array([k + 0.25, k + 0.75]))
    return np.concatenate(parts), np.concatenate(places)


def _sizes(
    vertebrae: Sequence[VertebraPlan], sacrum: Sequence[SacralSegment]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Places (n,) along the canal where its depth and half width (n,) are known."""
    rows = []
    for n, body in enumerate(vertebrae):
        rows.append((n + 0.4, body.canal_depth_mm, body.canal_width_mm / 2))
        if n + 1 < len(vertebrae):
            below = vertebrae[n + 1]
            depth = (body.canal_depth_mm + below.canal_depth_mm) / 2
            width = (body.canal_width_mm + below.canal_width_mm) / 2
            rows.append((n + 1.0, depth * DISC_DEPTH_SHARE, width / 2 * FACET_SHARE))
    for k, segment in enumerate(sacrum[1:], start=len(vertebrae)):
        rows.append((k + 0.5, segment.canal_depth_mm, segment.canal_width_mm / 2))
    place, depth_mm, half_width = np.array(rows).T
    return place, depth_mm, half_width
