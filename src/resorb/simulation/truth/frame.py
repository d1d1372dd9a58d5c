"""The frame of a level from the exact landmarks of its two vertebrae; nothing is fitted to voxels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.frame import WALL_HEIGHT_MM, Frame, Rim
from resorb.limits import Limits, load_limits
from resorb.simulation.phantom import Phantom, Vertebra
from resorb.study import FloatArray, turned

RIM_STEP_MM = 0.25
SAME_MM = 0.02  # a side this straight has no widest point of its own: the farthest back of it counts


class DatePose(Protocol):
    """How the spine lies on a date, against the phantom at rest."""

    def to_rest(self, points: FloatArray) -> FloatArray:
        """World points (..., 3) of the date to where their tissue lies in the phantom, mm."""
        ...

    def vertebra(self, name: str) -> FloatArray:
        """(4, 4) rigid transform of a vertebra, rest -> date."""
        ...


@dataclass(frozen=True, eq=False)
class LevelGeometry:
    """A level's frame with everything exact that belongs to it, in local mm (left, posterior, cranial).

    Attributes:
        upper, lower: (n, 3) the whole closed rims, from the posterior midline round by the left.
        middle: posterior coordinate halfway between the front and the back of the rims; what lies
            behind it is the posterior half.
    """

    frame: Frame
    upper: FloatArray
    lower: FloatArray
    middle: float


def truth_frame(phantom: Phantom, level: Level, pose: DatePose, limits: Limits | None = None) -> Frame:
    """The frame and reference surface of a level on a date.

    Conventions are those of `resorb.framing`: cranial is the mean of the normals of the facing endplates (here
    of the planes through the rims), left the vertebrae's own left at right angles to it; the origin lies
    midway between the corners in the midline; the reference steps at a forward slip beyond the limit.

    Args:
        phantom: the body at rest.
        level: the disc level.
        pose: carries the vertebrae to the date.
        limits: thresholds (slip); the built-in ones if None.

    Raises:
        UsageError: the phantom lacks a vertebra of the level.
    """
    return level_geometry(phantom, level, pose, limits).frame


def level_geometry(
    phantom: Phantom, level: Level, pose: DatePose, limits: Limits | None = None
) -> LevelGeometry:
    """As `truth_frame`, with the whole rims beside the frame."""
    limits = limits or load_limits()
    upper, lower = (_vertebra(phantom, level, name) for name in (level.upper, level.lower))
    if upper.lower_rim is None:
        raise UsageError(f"the simulated {level.upper} has no lower endplate: {level} cannot be framed")
    moves = [np.asarray(pose.vertebra(v.name), dtype=np.float64) for v in (upper, lower)]
    rims = [
        _even(move(matrix, rim))
        for matrix, rim in zip(moves, (upper.lower_rim, lower.upper_rim), strict=True)
    ]
    own = [matrix[:3, :3] @ v.pose[:3, :3] for matrix, v in zip(moves, (upper, lower), strict=True)]
    cranial = _unit(_plane_normal(rims[0], own[0][:, 2]) + _plane_normal(rims[1], own[1][:, 2]))
    left = own[0][:, 0] + own[1][:, 0]
    left = _unit(left - (left @ cranial) * cranial)
    axes = np.stack([left, np.cross(cranial, left), cranial])
    centre = 0.5 * (rims[0][0] + rims[1][0])
    local = [(rim - centre) @ axes.T for rim in rims]
    shift = np.mean([[0.0, *_at_left(_posterior_half(rim), 0.0)] for rim in local], axis=0)
    local = [rim - shift for rim in local]
    walls = [
        (move(matrix, _even(v.wall)) - centre) @ axes.T - shift
        for matrix, v in zip(moves, (upper, lower), strict=True)
    ]
    up, low = (
        _rim(rim, wall, sign, name)
        for rim, wall, sign, name in zip(local, walls, (-1.0, 1.0), (level.upper, level.lower), strict=True)
    )
    slip = float(low.corner(0.0)[0] - up.corner(0.0)[0])
    limit = limits["listhesis_anterior_sacral" if level.lower == "S1" else "listhesis_anterior"]
    frame = Frame(
        level=level,
        origin=centre + shift @ axes,
        axes=axes,
        upper=up,
        lower=low,
        slip_mm=slip,
        step_share=float(np.clip(slip / limit - 1.0, 0.0, 1.0)),
        disc_height_mm=float(local[0][:, 2].mean() - local[1][:, 2].mean()),
        midline_source="exact landmarks",
    )
    middle = float(np.mean([0.5 * (rim[:, 1].min() + rim[:, 1].max()) for rim in local]))
    return LevelGeometry(frame, local[0], local[1], middle)


def move(matrix: FloatArray, points: FloatArray) -> FloatArray:
    """Points (..., 3) moved by a (4, 4)."""
    return turned(points, matrix[:3, :3]) + matrix[:3, 3]


def _vertebra(phantom: Phantom, level: Level, name: str) -> Vertebra:
    if name not in phantom.vertebrae:
        raise UsageError(f"{level} cannot be framed: the simulated spine has {', '.join(phantom.vertebrae)}")
    return phantom.vertebrae[name]


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))


def _even(line: FloatArray) -> FloatArray:
    """A polyline (n, 3) with points added until none lie farther apart than `RIM_STEP_MM`; its own points stay."""
    parts = []
    for start, end in pairwise(line):
        count = max(1, int(np.ceil(np.linalg.norm(end - start) / RIM_STEP_MM)))
        parts.append(start + (end - start) * (np.arange(count) / count)[:, None])
    return np.concatenate([*parts, line[-1:]])


def _plane_normal(rim: FloatArray, cranial: FloatArray) -> FloatArray:
    normal = np.linalg.svd(rim - rim.mean(axis=0), full_matrices=False)[2][2]
    return np.asarray(normal * np.sign(normal @ cranial))


def _posterior_half(rim: FloatArray) -> FloatArray:
    """(n, 3) the rim from its widest point on the right round the back to its widest on the left, left increasing."""
    ends = []
    for sign in (1.0, -1.0):
        wide = np.flatnonzero(rim[:, 0] * sign > (rim[:, 0] * sign).max() - SAME_MM)
        ends.append(int(wide[np.argmax(rim[wide, 1])]))
    path = np.concatenate([rim[ends[1] : -1], rim[: ends[0] + 1]])
    ahead = np.concatenate([[True], path[1:, 0] > np.maximum.accumulate(path[:, 0])[:-1]])
    return np.asarray(path[ahead])


def _at_left(path: FloatArray, left: float) -> tuple[float, float]:
    return (
        float(np.interp(left, path[:, 0], path[:, 1])),
        float(np.interp(left, path[:, 0], path[:, 2])),
    )


def _rim(rim: FloatArray, wall: FloatArray, sign: float, name: str) -> Rim:
    """The posterior half of a rim; `sign` is +1 for a superior endplate, -1 for an inferior one."""
    left, posterior, cranial = _posterior_half(rim).T
    found = Rim(
        left, posterior, cranial, (0.0, 0.0), f"exact rim of {name}", (float(left[0]), float(left[-1]))
    )
    back, height = found.corner(wall[:, 0])
    away = (height - wall[:, 2]) * sign
    near = (away > 0) & (away <= WALL_HEIGHT_MM)
    if np.count_nonzero(near) < 3:
        return found
    basis = np.column_stack([away[near], away[near] ** 2])
    a, b = np.linalg.lstsq(basis, wall[near, 1] - back[near], rcond=None)[0]
    return Rim(left, posterior, cranial, (float(a), float(b)), found.source, found.extent)
