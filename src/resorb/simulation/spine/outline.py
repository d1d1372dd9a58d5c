"""The axial outline of a vertebral body or disc: a bean in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resorb.simulation.spine.canvas import Field
from resorb.study import FloatArray

#: The outline is a superellipse, wider behind the middle, whose posterior margin is pressed in:
#: (|left| / a)^N + (|u| / b)^N = 1, u from the widest place, b different in front and behind.
POWER = 2.5
BEHIND_SHARE = 0.1  # the widest place lies this share of the depth behind the middle
BEAN_REACH = 0.42  # half width of the dent, of the half width


@dataclass(frozen=True)
class Outline:
    """An axial outline; its middle in the midline is (0, 0).

    Attributes:
        width_mm: from left to right.
        depth_mm: from front to back in the midline.
        bean_mm: how far the posterior margin is pressed in.
    """

    width_mm: float
    depth_mm: float
    bean_mm: float

    def line(self, n: int = 96) -> FloatArray:
        """(n + 1, 2) (left, posterior), closed, from the posterior midline round by the left, mm."""
        turn = np.linspace(0.0, 2 * np.pi, n + 1)
        side, back = np.sin(turn), np.cos(turn)
        reach = (np.abs(side) ** POWER + np.abs(back) ** POWER) ** (-1 / POWER)
        left = reach * side * self.width_mm / 2
        share = 0.5 + np.where(back > 0, -BEHIND_SHARE, BEHIND_SHARE)
        u = reach * back * share * self.depth_mm
        u = np.where(back > 0, u * self._stretch(left), u)
        return np.column_stack([left, u + BEHIND_SHARE * self.depth_mm])

    def posterior(self, left: FloatArray) -> FloatArray:
        """Position of the posterior margin at positions to the left within the width, mm."""
        side = np.clip(2 * np.abs(np.asarray(left)) / self.width_mm, 0.0, 1.0)
        u = (0.5 - BEHIND_SHARE) * self.depth_mm * (1 - side**POWER) ** (1 / POWER)
        return np.asarray(u * self._stretch(np.asarray(left)) + BEHIND_SHARE * self.depth_mm)

    def _stretch(self, left: FloatArray) -> FloatArray:
        """How far the posterior half stands out beside the midline, as a factor."""
        half = (0.5 - BEHIND_SHARE) * self.depth_mm
        dent = np.exp(-((2 * left / (BEAN_REACH * self.width_mm)) ** 2))
        return np.asarray((half + self.bean_mm) / (half + self.bean_mm * dent))


def between(under: Field, over: Field) -> Field:
    """Height between two planes as a share: 0 on the lower one, 1 on the upper, from the mm to each."""
    return np.asarray(np.clip(over / np.maximum(under + over, np.float32(0.5)), 0.0, 1.0), dtype=np.float32)


def blend(share: Field, low: float, high: float) -> Field:
    """A size that changes from a lower plane to an upper one."""
    return np.asarray(np.float32(low) + share * np.float32(high - low), dtype=np.float32)


def rim_share(
    left: Field, posterior: Field, width_mm: Field, depth_mm: Field, bean_mm: Field | float
) -> tuple[Field, Field, Field]:
    """Where points lie in an outline that may change from point to point.

    Returns:
        (0 in the middle to 1 on the outline and beyond; mm outside the outline, negative inside; 1 straight
        behind the widest place, -1 straight in front of it).
    """
    u = posterior - BEHIND_SHARE * depth_mm
    half = (0.5 - BEHIND_SHARE) * depth_mm
    side = left / (0.5 * width_mm)
    np.abs(side, out=side)
    dent = np.exp(-np.square(side * np.float32(1 / BEAN_REACH)))
    behind = u > 0
    reach = np.where(
        behind, half * (half + bean_mm) / (half + bean_mm * dent), (0.5 + BEHIND_SHARE) * depth_mm
    )
    back = np.abs(u) / reach
    share = np.power(side * side * np.sqrt(side) + back * back * np.sqrt(back), np.float32(1 / POWER))
    away = np.sqrt(left * left + u * u)
    return share, away - away / np.maximum(share, np.float32(1e-3)), u / np.maximum(away, np.float32(1e-3))
