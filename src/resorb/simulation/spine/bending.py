"""Wedges the lumbar bodies and discs until the spine has its lordosis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from resorb.errors import UsageError
from resorb.simulation.spine.plan import DiscPlan, VertebraPlan
from resorb.study import FloatArray

FIRST = "L1"  # lordosis is measured from its upper endplate to that of S1
BODY_SHARE = 0.2  # of a lordosis beyond the mean that lies in the bodies; from memory, unverified
MIN_DISC_MM = 1.5  # no disc is bent thinner, in front or behind: its endplates would touch
HALVINGS = 60


@dataclass(frozen=True, eq=False)
class Column:
    """Bodies and discs that are not yet standing, from above downwards, the sacrum last."""

    bodies: tuple[VertebraPlan, ...]
    discs: tuple[DiscPlan, ...]

    @property
    def first(self) -> int:
        return next(n for n, body in enumerate(self.bodies) if body.name == FIRST)

    @property
    def bodies_deg(self) -> float:
        """Sum of the wedges of the lumbar bodies."""
        return sum(body.wedge_deg for body in self.bodies[self.first : -1])

    @property
    def depth_mm(self) -> FloatArray:
        """(n,) of the discs."""
        return np.array([(a.lower_depth_mm + b.upper_depth_mm) / 2 for a, b in pairwise(self.bodies)])

    @property
    def middle_mm(self) -> FloatArray:
        """(n,) height of the discs in the middle, between their rims."""
        return np.array([(disc.anterior_mm + disc.posterior_mm) / 2 for disc in self.discs])

    @property
    def wedge_deg(self) -> FloatArray:
        """(n,) of the discs."""
        open_mm = np.array([disc.anterior_mm - disc.posterior_mm for disc in self.discs])
        return np.degrees(open_mm / self.depth_mm)

    @property
    def limit_deg(self) -> FloatArray:
        """(n,) how far the discs can be wedged either way."""
        return np.degrees(2 * np.maximum(self.middle_mm - MIN_DISC_MM, 0.0) / self.depth_mm)

    def reach(self) -> tuple[float, float]:
        """Least and largest lordosis that can be had, degrees."""
        limit, own = float(self.limit_deg[self.first :].sum()), float(self.wedge_deg[self.first :].sum())
        low, high = (self.bodies_deg + (end - BODY_SHARE * own) / (1 - BODY_SHARE) for end in (-limit, limit))
        return low, high

    def bent(self, lordosis_deg: float) -> Column:
        """The same column with a lordosis.

        Most of a difference goes to the discs, by their height; the bodies take what they take in people.

        Raises:
            UsageError: the discs are too low for it.
        """
        low, high = self.reach()
        if not low <= lordosis_deg <= high:
            raise UsageError(
                f"a lordosis of {lordosis_deg:g} degrees cannot be had with discs this low: "
                f"ask for {max(np.ceil(low), 5):g} to {np.floor(high):g}, or for higher discs (height_share)"
            )
        missing = lordosis_deg - self.bodies_deg - float(self.wedge_deg[self.first :].sum())
        lumbar = range(self.first, len(self.bodies) - 1)
        each = BODY_SHARE * missing / len(lumbar)
        bodies = tuple(
            replace(body, wedge_deg=body.wedge_deg + each) if n in lumbar else body
            for n, body in enumerate(self.bodies)
        )
        return Column(bodies, self._wedged(lordosis_deg - self.bodies_deg - each * len(lumbar)))

    def _wedged(self, total_deg: float) -> tuple[DiscPlan, ...]:
        """The discs, the wedges of the lumbar ones changed by their heights until they sum up to a total."""
        limit = self.limit_deg
        wedge = np.clip(self.wedge_deg, -limit, limit)
        part = slice(self.first, None)
        low, high = -100.0, 100.0
        for _ in range(HALVINGS):
            step = (low + high) / 2
            tried = np.clip(self.wedge_deg[part] + step * self.middle_mm[part], -limit[part], limit[part])
            low, high = (step, high) if tried.sum() < total_deg else (low, step)
            wedge[part] = tried
        half = np.radians(wedge) * self.depth_mm / 2
        return tuple(
            replace(disc, anterior_mm=float(middle + h), posterior_mm=float(middle - h))
            for disc, middle, h in zip(self.discs, self.middle_mm, half, strict=True)
        )
