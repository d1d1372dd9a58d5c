"""The local frame and reference surface of a disc level; measuring, comparing, simulating and reporting stand on it.

Both come from the two vertebrae alone, never from the disc or the sac, which change between dates.
The reference surface runs from rim to rim: in a sagittal plane it is the line from the
posterior-inferior corner of the upper body to the posterior-superior corner of the lower, and behind a
body it is that body's posterior wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resorb.anatomy import Level
from resorb.study import FloatArray, turned

WALL_HEIGHT_MM = 16.0  # the stretch of posterior wall behind a body whose shape is known


@dataclass(frozen=True, eq=False)
class Rim:
    """The posterior rim of one endplate and the posterior wall that goes on behind its body, in local mm.

    Attributes:
        left: (n,) increasing positions to the left.
        posterior, cranial: (n,) the rim's corner at those positions.
        wall: (a, b): behind the body the wall lies a * h + b * h**2 mm behind the corner, h mm away from
            it along the body.
        source: what the corner was found on, in words.
        extent: how far to the right and left the rim is known to reach; infinite where the field ends
            before the body does.
        outline: (n, 3) the whole rim, closed, from the posterior midline round by the left; None where the field
            does not show it all.
    """

    left: FloatArray
    posterior: FloatArray
    cranial: FloatArray
    wall: tuple[float, float]
    source: str
    extent: tuple[float, float] = (-np.inf, np.inf)
    outline: FloatArray | None = None

    def corner(self, left: FloatArray | float) -> tuple[FloatArray, FloatArray]:
        """(posterior, cranial) of the rim at positions to the left; beyond its ends, those of the end."""
        return (
            np.asarray(np.interp(left, self.left, self.posterior)),
            np.asarray(np.interp(left, self.left, self.cranial)),
        )

    def turn(self, left: FloatArray) -> FloatArray:
        """Slope d(posterior)/d(left) of the rim at positions to the left."""
        if len(self.left) < 2:
            return np.zeros_like(left)
        return np.asarray(np.interp(left, self.left, np.gradient(self.posterior, self.left)))


@dataclass(frozen=True, eq=False)
class Frame:
    """The local frame of a level and its posterior reference surface.

    Attributes:
        origin: (3,) RAS+ mm, midway between the two posterior corners in the midline.
        axes: (3, 3) rows are the unit vectors left, posterior, cranial (right-handed).
        upper, lower: rims of the two endplates.
        slip_mm: how far the lower corner lies behind the upper one; positive where the upper vertebra
            slipped forwards.
        step_share: how far the reference between the corners has moved from the line towards the step that a
            forward slip makes: 0 up to the limit, 1 from twice the limit on, so that no reading flips on a
            tenth of a millimetre. Disc laid open by the slip is so not taken for displaced.
        midline_source: what the midline was found on, in words.
        height_index: mean of the anterior, middle and posterior height of the disc over its length; None where the
            front of the bodies is not seen.
    """

    level: Level
    origin: FloatArray
    axes: FloatArray
    upper: Rim
    lower: Rim
    slip_mm: float
    step_share: float
    disc_height_mm: float
    midline_source: str
    height_index: float | None = None

    def to_local(self, world: FloatArray) -> FloatArray:
        """World points (..., 3), RAS+ mm, to (left, posterior, cranial) mm from the origin."""
        return turned(np.asarray(world, dtype=np.float64) - self.origin, self.axes)

    def to_world(self, local: FloatArray) -> FloatArray:
        """Local points (..., 3) to world points, RAS+ mm."""
        return turned(np.asarray(local, dtype=np.float64), self.axes.T) + self.origin

    @property
    def upper_corner(self) -> FloatArray:
        """(3,) posterior-inferior corner of the upper body in the midline, RAS+ mm."""
        return self._corner(self.upper)

    @property
    def lower_corner(self) -> FloatArray:
        """(3,) posterior-superior corner of the lower body in the midline, RAS+ mm."""
        return self._corner(self.lower)

    def _corner(self, rim: Rim) -> FloatArray:
        posterior, cranial = rim.corner(0.0)
        return self.to_world(np.array([0.0, float(posterior), float(cranial)]))

    def behind_mm(self, world: FloatArray) -> FloatArray:
        """Distance (...) of world points (..., 3) behind the reference surface, mm; negative in front of it.

        Measured at right angles to the surface. To the side of both vertebrae there is no surface to be
        behind: -inf.
        """
        left, posterior, cranial = np.moveaxis(self.to_local(world), -1, 0)
        reference, slope = self._reference(left, cranial)
        aside = 0.5 * (self.upper.turn(left) + self.lower.turn(left))
        distance = (posterior - reference) / np.sqrt(1.0 + slope**2 + aside**2)
        low = max(self.upper.extent[0], self.lower.extent[0])
        high = min(self.upper.extent[1], self.lower.extent[1])
        return np.where((left >= low) & (left <= high), distance, -np.inf)

    def uncovered_mm(self, world: FloatArray) -> FloatArray:
        """Distance (...) of world points behind the plain corner-to-corner line, mm, where the slip laid disc open.

        Positive only in front of the stepped reference: what lies between the two is uncovered disc.
        """
        left, posterior, cranial = np.moveaxis(self.to_local(world), -1, 0)
        up, uc = self.upper.corner(left)
        lp, lc = self.lower.corner(left)
        line = lp + (up - lp) * _fraction(cranial, lc, uc)
        inside = (cranial <= uc) & (cranial >= lc) & (self.behind_mm(world) <= 0)
        return np.where(inside, posterior - line, -np.inf)

    def reference_line(self, left_mm: float, reach_mm: float = 8.0) -> FloatArray:
        """Trace of the reference surface in a sagittal plane, as a polyline (n, 3), RAS+ mm, from above downwards.

        Args:
            left_mm: position of the plane, to the left of the origin.
            reach_mm: how far the line goes on along the posterior walls of the two bodies.
        """
        _, upper = self.upper.corner(left_mm)
        _, lower = self.lower.corner(left_mm)
        heights = [
            np.linspace(float(upper) + reach_mm, float(upper), 9),
            np.linspace(float(upper), float(lower), 25)[1:-1],
            np.linspace(float(lower), float(lower) - reach_mm, 9),
        ]
        cranial = np.concatenate(heights)
        reference, _ = self._reference(np.full(cranial.shape, left_mm), cranial)
        return self.to_world(np.column_stack([np.full(cranial.shape, left_mm), reference, cranial]))

    def _reference(self, left: FloatArray, cranial: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Posterior position of the reference surface and its slope d(posterior)/d(cranial), at local points."""
        up, uc = self.upper.corner(left)
        lp, lc = self.lower.corner(left)
        above, below = np.maximum(cranial - uc, 0.0), np.maximum(lc - cranial, 0.0)
        line = lp + (up - lp) * _fraction(cranial, lc, uc)
        reference = line + _wall(self.upper.wall, above) + _wall(self.lower.wall, below)
        slope = np.where((above > 0) | (below > 0), 0.0, (up - lp) / np.maximum(uc - lc, 1.0))
        if self.step_share > 0:
            step = np.maximum(up, lp) - above - below  # beyond the endplates it meets the wall at 45 degrees
            steeper = np.where((above > 0) | (below > 0), 1.0, 0.0)
            slope = np.where(
                step > reference, (1 - self.step_share) * slope + self.step_share * steeper, slope
            )
            reference = reference + self.step_share * np.maximum(step - reference, 0.0)
        return reference, slope


def _fraction(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    return np.clip((value - low) / np.maximum(high - low, 1e-6), 0.0, 1.0)


def _wall(shape: tuple[float, float], height: FloatArray) -> FloatArray:
    reached = np.minimum(height, WALL_HEIGHT_MM)
    return shape[0] * reached + shape[1] * reached**2
