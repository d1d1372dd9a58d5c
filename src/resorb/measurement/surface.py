"""The reference surface round the whole posterior half of a disc: how far outside of it a point lies.

Over the posterior face it is that of `resorb.frame.Frame`. Where the rims turn forwards it goes on to the side as a
loft between the two rims, so that foraminal and extraforaminal material has a reference too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from resorb.frame import WALL_HEIGHT_MM, Frame, Rim
from resorb.study import FloatArray, Volume

STEEP = 1.0  # slope of the rims from which they count as lateral: the outward normal is then at 45 degrees
USUAL_LENGTH_MM = 34.0  # of a lumbar endplate from front to back, where its front is not seen
TURNS, STEP_MM, REACH_MM = (
    180,
    0.75,
    40.0,
)  # of the table of the sides: directions, and heights about the origin
PAIRS = 240
PROBE_MM = 0.5


@dataclass(frozen=True, eq=False)
class Surface:
    """The reference surface of a level, in its local mm (left, posterior, cranial).

    Attributes:
        face: left coordinates between which the surface is the frame's own; infinite where the field ends first.
        middle: posterior coordinate halfway between the front and the back of the rims; what lies behind it is the
            posterior half.
    """

    frame: Frame
    face: tuple[float, float]
    middle: float

    def outward_mm(self, local: FloatArray) -> FloatArray:
        """Distance (...) of local points (..., 3) outside the surface; negative inside, -inf where there is none."""
        left, posterior = local[..., 0], local[..., 1]
        out = self.frame.behind_mm(self.frame.to_world(local))
        aside = (left < self.face[0]) | (left > self.face[1])
        if aside.any():
            out[aside] = self._aside_mm(local[aside])
        return np.where(posterior >= self.middle, out, -np.inf)

    def turn_deg(self, local: FloatArray) -> FloatArray:
        """Direction (...) in which local points (..., 3) lie from the disc's axis: 0 behind it, 90 to its left."""
        return np.asarray(np.degrees(np.arctan2(local[..., 0], local[..., 1] - self.middle)))

    def in_slice(self, local: FloatArray, volume: Volume) -> FloatArray:
        """(...) how far a move within a volume's slices goes outwards at most, mm per mm, at local points (..., 3).

        Over the posterior face nearly 1; on the sides of a disc sagittal slices run along its surface, and what lies
        deep within the tissue of a slice reaches no farther outwards for it.
        """
        step = volume.affine[:3, 0] / np.linalg.norm(volume.affine[:3, 0]) * PROBE_MM
        across = self.frame.axes @ step
        with np.errstate(invalid="ignore"):  # in front of the posterior half there is no surface
            along = (self.outward_mm(local + across) - self.outward_mm(local - across)) / (2 * PROBE_MM)
        along = np.clip(np.where(np.isfinite(along), along, 0.0), -1.0, 1.0)
        return np.asarray(np.sqrt(1.0 - along**2))

    @property
    def outlines(self) -> tuple[FloatArray, FloatArray] | None:
        """(n, 3) the closed lower and upper rim, point by point across from each other; None where neither is seen.

        The sides of the sacral endplate go over into its wings: where only one rim is seen, the other is its mirror
        image across the disc.
        """
        lower, upper = self.frame.lower.outline, self.frame.upper.outline
        if lower is None and upper is None:
            return None
        if lower is None or upper is None:
            seen = upper if lower is None else lower
            assert seen is not None
            ends = [float(rim.corner(0.0)[0]) for rim in (self.frame.upper, self.frame.lower)]
            over = ends[1] - ends[0] if lower is None else ends[0] - ends[1]
            mirrored = seen * np.array([1.0, 1.0, -1.0]) + np.array([0.0, over, 0.0])
            lower, upper = (mirrored, seen) if lower is None else (seen, mirrored)
        return _evenly(lower), _evenly(upper)

    @property
    def circumference_mm(self) -> float | None:
        """Around the disc, along its rims; mean of the two."""
        if self.outlines is None:
            return None
        return float(np.mean([np.linalg.norm(np.diff(rim, axis=0), axis=1).sum() for rim in self.outlines]))

    def _aside_mm(self, local: FloatArray) -> FloatArray:
        """(n,) distance outside the lateral surface, of first order."""
        if self._table is None:
            return np.full(len(local), -np.inf)
        table, by_height, by_turn = self._table
        across, back = local[:, 0], local[:, 1] - self.middle
        turn = np.mod(np.arctan2(across, back), 2 * np.pi) * TURNS / (2 * np.pi)
        row = np.clip((local[:, 2] + REACH_MM) / STEP_MM, 0, len(table) - 1)
        at = np.stack([row, turn])
        edge, rise, bend = (
            ndimage.map_coordinates(one, at, order=1, mode="grid-wrap") for one in (table, by_height, by_turn)
        )
        stretch = np.sqrt(1.0 + np.minimum((bend / np.maximum(edge, 1.0)) ** 2 + rise**2, 1.0))
        return np.asarray((np.hypot(across, back) - edge) / stretch)

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """(heights, turns) distance of the surface from the disc's axis, and its slopes by height and by turn."""
        if self.outlines is None:
            return None
        low, up = self.outlines
        turns = np.arange(TURNS) * 2 * np.pi / TURNS
        rows = []
        for height in np.arange(-REACH_MM, REACH_MM + STEP_MM / 2, STEP_MM):
            t = np.clip((height - low[:, 2]) / np.maximum(up[:, 2] - low[:, 2], 1e-6), 0.0, 1.0)
            at = low + (up - low) * t[:, None]
            above, below = np.maximum(height - up[:, 2], 0.0), np.maximum(low[:, 2] - height, 0.0)
            step = np.maximum(low[:, 1], up[:, 1]) - above - below
            at[:, 1] += self.frame.step_share * np.maximum(step - at[:, 1], 0.0) * (at[:, 1] > self.middle)
            radius = np.hypot(at[:, 0], at[:, 1] - self.middle)
            radius = radius + wall_mm(self.frame.upper, above) + wall_mm(self.frame.lower, below)
            turn = np.unwrap(np.arctan2(at[:, 0], at[:, 1] - self.middle))
            onward = turn >= np.maximum.accumulate(
                turn
            )  # where a slip folds the outline, its outer line holds
            rows.append(np.interp(turns, turn[onward], radius[onward], period=2 * np.pi))
        table = np.array(rows)
        by_turn = np.gradient(np.concatenate([table[:, -1:], table, table[:, :1]], axis=1), axis=1)[:, 1:-1]
        return table, np.gradient(table, STEP_MM, axis=0), by_turn * TURNS / (2 * np.pi)


def surface_of(frame: Frame) -> Surface:
    """The reference surface of a framed level."""
    outlines = [rim.outline for rim in (frame.upper, frame.lower)]
    seen = [outline for outline in outlines if outline is not None]
    halves = [0.5 * (outline[:, 1].min() + outline[:, 1].max()) for outline in seen]
    middle = float(np.mean(halves)) if seen else -USUAL_LENGTH_MM / 2
    return Surface(frame, (-_face_end(frame, -1.0), _face_end(frame, 1.0)), middle)


def wall_mm(rim: Rim, height: FloatArray) -> FloatArray:
    """How far the wall of a body lies outside its corner, mm, at heights along the body (see `Rim.wall`)."""
    reached = np.minimum(height, WALL_HEIGHT_MM)
    return np.asarray(rim.wall[0] * reached + rim.wall[1] * reached**2)


def _face_end(frame: Frame, sign: float) -> float:
    """How far to one side the posterior face reaches, before the rims turn forwards."""
    ends = [rim.extent[1] if sign > 0 else -rim.extent[0] for rim in (frame.upper, frame.lower)]
    end = float(min(ends))
    if not np.isfinite(end):
        return end
    left = np.arange(0.5 * end, end, 0.25)
    steep = np.abs(0.5 * (frame.upper.turn(sign * left) + frame.lower.turn(sign * left))) > STEEP
    return float(left[np.argmax(steep)]) if steep.any() else end


def _evenly(rim: FloatArray) -> FloatArray:
    """(PAIRS, 3) points evenly along a closed line."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(rim[:, :2], axis=0), axis=1))])
    share = np.linspace(0.0, at[-1], PAIRS)
    return np.column_stack([np.interp(share, at, rim[:, axis]) for axis in range(3)])
