"""How a disc level of one date lies on another: rigid motions of its two vertebrae into a halfway space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from resorb.anatomy import Level
from resorb.study import FloatArray, turned

Method = Literal["vertebrae", "spine coordinates"]


@dataclass(frozen=True, eq=False)
class Registration:
    """Where a level of every date lies in a halfway space, which favours no date.

    The halfway space has RAS+ axes, in mm; in it the disc is bent as it is on average over the dates.

    Attributes:
        upper, lower: (n, 4, 4) rigid motions of the vertebra above and below the disc, from the world of each date
            into the halfway space.
        level_motions: (n, 4, 4) of the level as a whole: midway between its two vertebrae.
        error_mm: root mean square distance by which points at the posterior disc margin of two dates are expected
            to miss each other.
        behind_mm: the part of it that moves the disc's margin backwards or forwards, and so moves material across the
            reference surface; all of it if None.
        method: "vertebrae" where both were registered on the images, "spine coordinates" where only the frames of
            the dates were laid on each other.
        reason: why it is not "vertebrae"; empty otherwise.
    """

    level: Level
    upper: FloatArray
    lower: FloatArray
    level_motions: FloatArray
    error_mm: float
    method: Method
    reason: str = ""
    behind_mm: float | None = None

    @property
    def across_margin_mm(self) -> float:
        """`behind_mm`, or the whole error where the part is not known."""
        return self.error_mm if self.behind_mm is None else self.behind_mm

    @property
    def dates(self) -> int:
        """How many dates are registered."""
        return len(self.level_motions)

    def between(self, first: int, second: int) -> FloatArray:
        """(4, 4) motion of the level from the world of one date to that of another (numbers from 0)."""
        return np.asarray(np.linalg.inv(self.level_motions[second]) @ self.level_motions[first])

    def bending_deg(self, first: int, second: int) -> float:
        """Angle by which the disc is bent differently on two dates (numbers from 0)."""
        one, other = (self.upper[n][:3, :3] @ self.lower[n][:3, :3].T for n in (first, second))
        cosine = (np.trace(one.T @ other) - 1.0) / 2.0
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def moved(motion: FloatArray, points: FloatArray) -> FloatArray:
    """World points (..., 3) moved by a rigid motion (4, 4)."""
    return turned(np.asarray(points, dtype=np.float64), motion[:3, :3]) + motion[:3, 3]
