"""One reference surface for all dates, fitted to them jointly and carried back into each.

Errors of the surface are then the same on every date, and cancel in the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from resorb.anatomy import Level
from resorb.frame import WALL_HEIGHT_MM, Frame, Rim
from resorb.registration import Registration, moved
from resorb.study import FloatArray
from resorb.timepoint import Timepoint

RIM_STEP_MM = 0.5
OUTLINE_POINTS = 240
FADING_MM = 4.0  # so far beyond the end of a date's rim its weight fades to nothing
WALL_HEIGHTS_MM = np.arange(1.0, WALL_HEIGHT_MM + 0.5, 1.0)
SOURCE = "rims of all dates together"


def joint_frames(
    timepoints: Sequence[Timepoint], registrations: Mapping[Level, Registration]
) -> tuple[Mapping[Level, Frame], ...]:
    """Fit one reference surface per level to all dates, and carry it into the world of each.

    The rims of both vertebrae are pooled in the halfway space, each date weighted by how thin its slices are;
    between the dates the upper rim moves with the upper vertebra and the lower with the lower. The heights of a
    frame's disc stay those of its own date.

    Args:
        timepoints: the dates that were registered, with frames of those levels.
        registrations: by level, as from `register_levels`.

    Returns:
        One mapping per date, to measure it with (`measure(..., frames=...)`).
    """
    dates: tuple[dict[Level, Frame], ...] = tuple({} for _ in timepoints)
    weights = np.array([1.0 / one.study.sagittal.slice_spacing_mm for one in timepoints])
    weights /= weights.sum()
    for level, registration in registrations.items():
        frames = [one.frames[level] for one in timepoints]
        for date, frame in zip(dates, _joint(frames, registration, weights), strict=True):
            date[level] = frame
    return dates


def _joint(frames: Sequence[Frame], registration: Registration, weights: FloatArray) -> list[Frame]:
    """The joint frame of one level in the world of each date."""
    motions = registration.level_motions
    axes = [frame.axes @ motion[:3, :3].T for frame, motion in zip(frames, motions, strict=True)]
    origins = [moved(motion, frame.origin) for frame, motion in zip(frames, motions, strict=True)]
    middle = replace(
        frames[0],
        origin=np.asarray(weights @ np.stack(origins)),
        axes=np.asarray(Rotation.from_matrix(np.stack(axes)).mean(weights).as_matrix()),
        step_share=float(weights @ [frame.step_share for frame in frames]),
        midline_source="the midlines of all dates",
    )
    upper, lower = (
        _pooled(
            [
                _Lent(frame, rim, motion, middle)
                for frame, rim, motion in zip(frames, rims, into, strict=True)
            ],
            weights,
            sign,
        )
        for rims, into, sign in (
            ([frame.upper for frame in frames], registration.upper, 1.0),
            ([frame.lower for frame in frames], registration.lower, -1.0),
        )
    )
    middle = replace(middle, upper=upper, lower=lower)
    return [_carried(middle, frame, registration, number) for number, frame in enumerate(frames)]


@dataclass(frozen=True, eq=False)
class _Lent:
    """A rim that one frame lends to another, through a motion of its vertebra."""

    giver: Frame
    rim: Rim
    motion: FloatArray
    taker: Frame

    def placed(self, local: FloatArray) -> FloatArray:
        """Points (..., 3) local to the giver, local to the taker."""
        return self.taker.to_local(moved(self.motion, self.giver.to_world(local)))

    def line(self) -> FloatArray:
        """(n, 3) the rim in the taker's local coordinates, left increasing."""
        line = self.placed(np.column_stack([self.rim.left, self.rim.posterior, self.rim.cranial]))
        return np.asarray(line[np.argsort(line[:, 0], kind="stable")])

    def extent(self) -> tuple[float, float]:
        """How far the rim is known to reach, in the taker's local coordinates."""
        low, high = (
            float(self.placed(np.array([end, *map(float, self.rim.corner(end))]))[0])
            if np.isfinite(end)
            else end
            for end in self.rim.extent
        )
        return low, high

    def outline(self) -> FloatArray | None:
        """(n, 3) the whole rim in the taker's local coordinates; None where it is not known."""
        return None if self.rim.outline is None else self.placed(self.rim.outline)

    def wall(self, sign: float) -> FloatArray:
        """(m, 3) points of the wall behind the body in the midline, in the taker's local coordinates.

        `sign` is +1 for the wall above the disc, -1 for that below.
        """
        posterior, cranial = (float(x) for x in self.rim.corner(0.0))
        a, b = self.rim.wall
        height = WALL_HEIGHTS_MM
        return self.placed(
            np.column_stack(
                [np.zeros_like(height), posterior + a * height + b * height**2, cranial + sign * height]
            )
        )


def _pooled(rims: Sequence[_Lent], weights: FloatArray, sign: float) -> Rim:
    """The mean of the dates' rims of one endplate."""
    lines = [rim.line() for rim in rims]
    ends = np.array([line[[0, -1], 0] for line in lines])
    left = np.arange(float(ends[:, 0].min()), float(ends[:, 1].max()) + RIM_STEP_MM / 2, RIM_STEP_MM)
    beyond = np.maximum(np.maximum(ends[:, :1] - left, left - ends[:, 1:]), 0.0)
    share = weights[:, None] * np.clip(1.0 - beyond / FADING_MM, 1e-6, 1.0)
    share = share / share.sum(axis=0)
    posterior, cranial = (
        np.sum(share * [np.interp(left, line[:, 0], line[:, axis]) for line in lines], axis=0)
        for axis in (1, 2)
    )
    ends_known = np.array([rim.extent() for rim in rims])
    low, high = (_mean_end(ends_known[:, end], weights) for end in (0, 1))
    outline = _mean_outline([rim.outline() for rim in rims], weights)
    pooled = Rim(left, posterior, cranial, (0.0, 0.0), SOURCE, (low, high), outline)
    return replace(pooled, wall=_wall_shape(pooled, [rim.wall(sign) for rim in rims], weights, sign))


def _mean_end(ends: FloatArray, weights: FloatArray) -> float:
    """Weighted mean of the ends that are known; where the body goes on beyond every field, so does the rim."""
    known = np.isfinite(ends)
    return float(np.average(ends[known], weights=weights[known])) if known.any() else float(ends[0])


def _mean_outline(outlines: Sequence[FloatArray | None], weights: FloatArray) -> FloatArray | None:
    """Weighted mean (n, 3) of the whole rims that are known, by the direction from their common middle."""
    known = [
        (outline, weight) for outline, weight in zip(outlines, weights, strict=True) if outline is not None
    ]
    if not known:
        return None
    middle = np.mean([0.5 * (outline.min(axis=0) + outline.max(axis=0)) for outline, _ in known], axis=0)[:2]
    angles = np.linspace(0.0, 2 * np.pi, OUTLINE_POINTS + 1)
    rows = []
    for outline, _ in known:
        left, posterior = (outline[:, :2] - middle).T
        there = np.arctan2(left, posterior)
        rows.append(
            [
                np.interp(angles, there, v, period=2 * np.pi)
                for v in (np.hypot(left, posterior), outline[:, 2])
            ]
        )
    radius, cranial = np.average(rows, axis=0, weights=[weight for _, weight in known])
    return np.column_stack(
        [middle[0] + radius * np.sin(angles), middle[1] + radius * np.cos(angles), cranial]
    )


def _wall_shape(
    rim: Rim, walls: Sequence[FloatArray], weights: FloatArray, sign: float
) -> tuple[float, float]:
    """Shape (a, b) of the pooled wall (see `Rim.wall`)."""
    points = np.concatenate(walls)
    posterior, cranial = rim.corner(points[:, 0])
    height, back = sign * (points[:, 2] - cranial), points[:, 1] - posterior
    root = np.sqrt(np.repeat(weights, len(WALL_HEIGHTS_MM)) * (height > 0))
    basis = np.column_stack([height, height**2])
    a, b = np.linalg.lstsq(basis * root[:, None], back * root, rcond=None)[0]
    return float(a), float(b)


def _carried(middle: Frame, own: Frame, registration: Registration, number: int) -> Frame:
    """The joint frame in the world of one date: its axes move with the level, each rim with its vertebra."""
    back, up, down = (
        np.asarray(np.linalg.inv(motions[number]))
        for motions in (registration.level_motions, registration.upper, registration.lower)
    )
    there = replace(middle, origin=moved(back, middle.origin), axes=middle.axes @ back[:3, :3].T)
    upper, lower = (
        _moved_rim(_Lent(middle, rim, motion, there), sign)
        for rim, motion, sign in ((middle.upper, up, 1.0), (middle.lower, down, -1.0))
    )
    slip = float(lower.corner(0.0)[0] - upper.corner(0.0)[0])
    return replace(
        there,
        upper=upper,
        lower=lower,
        slip_mm=slip,
        disc_height_mm=own.disc_height_mm,
        height_index=own.height_index,
    )


def _moved_rim(lent: _Lent, sign: float) -> Rim:
    left, posterior, cranial = lent.line().T
    rim = Rim(left, posterior, cranial, (0.0, 0.0), SOURCE, lent.extent(), lent.outline())
    return replace(rim, wall=_wall_shape(rim, [lent.wall(sign)], np.ones(1), sign))
