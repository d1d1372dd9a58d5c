"""Stands the bodies on one another: lordosis in the sagittal plane, scoliosis in the coronal one, slips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from resorb.simulation.spine.plan import DiscPlan, VertebraPlan
from resorb.study import FloatArray

ORIGIN_BODY = "L3"  # its centre is the origin of the world


@dataclass(frozen=True)
class Posture:
    """How a spine stands.

    Attributes:
        scoliosis_deg: Cobb angle, positive where the apex points to the left.
        sacral_slope_deg: how far the upper endplate of S1 leans forwards.
        slip_mm: per disc, how far the body above lies in front of the one below.
    """

    scoliosis_deg: float
    sacral_slope_deg: float
    slip_mm: tuple[float, ...]


def stand(
    bodies: Sequence[VertebraPlan], discs: Sequence[DiscPlan], posture: Posture
) -> tuple[VertebraPlan, ...]:
    """Give each body its pose.

    Neighbours stand corner to corner: the posterior corners in the midline lie the disc's posterior height
    apart along the normal halfway between their endplates, and the slip apart across it.
    """
    forward = _forward(bodies, discs, posture.sacral_slope_deg)
    aside = _aside([body.name for body in bodies], posture.scoliosis_deg)
    poses = [_turned(f, a) for f, a in zip(forward, aside, strict=True)]
    for n, disc in enumerate(discs):
        upper, lower = bodies[n], bodies[n + 1]
        middle = _turned(
            (forward[n] + upper.wedge_deg / 2 + forward[n + 1] - lower.wedge_deg / 2) / 2,
            (aside[n] + aside[n + 1]) / 2,
        )
        step = np.array([0.0, posture.slip_mm[n], -disc.posterior_mm, 0.0])
        corner = poses[n] @ np.append(upper.corner(upper=False), 1.0) + middle @ step
        poses[n + 1][:3, 3] = corner[:3] - poses[n + 1][:3, :3] @ lower.corner(upper=True)
    names = [body.name for body in bodies]
    origin = poses[names.index(ORIGIN_BODY)][:3, 3].copy()
    for pose in poses:
        pose[:3, 3] -= origin
    return tuple(replace(body, pose=pose) for body, pose in zip(bodies, poses, strict=True))


def _forward(
    bodies: Sequence[VertebraPlan], discs: Sequence[DiscPlan], sacral_slope_deg: float
) -> FloatArray:
    """How far each body leans forwards, degrees."""
    lean = [0.0]
    for disc, upper, lower in zip(discs, bodies, bodies[1:], strict=False):
        depth = (upper.lower_depth_mm + lower.upper_depth_mm) / 2
        wedge = np.degrees((disc.anterior_mm - disc.posterior_mm) / depth)
        lean.append(lean[-1] + upper.wedge_deg / 2 + float(wedge) + lower.wedge_deg / 2)
    return np.array(lean) - lean[-1] + sacral_slope_deg + bodies[-1].wedge_deg / 2


def _aside(names: Sequence[str], cobb_deg: float) -> FloatArray:
    """How far the left of each body stands up, degrees: a single curve from T12 to the last body but one.

    The sacrum is level, and the last body stands between. The apex is where the lean changes sign.
    """
    low = len(names) - 3
    share = [np.cos(np.pi * (n - 1) / (low - 1)) / 2 for n in range(1, low + 1)]
    return cobb_deg * np.array([0.42, *share, -0.25, 0.0])


def _turned(forward_deg: float, aside_deg: float) -> FloatArray:
    """(4, 4) turn of a body's own frame (left, posterior, cranial): forwards first, then aside in the world."""
    f, a = np.radians([forward_deg, aside_deg])
    turn = np.array([[1, 0, 0], [0, np.cos(f), np.sin(f)], [0, -np.sin(f), np.cos(f)]])
    lean = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pose = np.eye(4)
    pose[:3, :3] = lean @ turn @ np.diag([-1.0, -1.0, 1.0])
    return pose
