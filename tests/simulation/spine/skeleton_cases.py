"""Painted skeletons that several tests look at, and ways to look."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.spec import SpineSpec
from resorb.simulation.spine.build import skeleton
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.draw import draw_plan
from resorb.simulation.spine.plan import SpinePlan
from resorb.study import FloatArray

FINE_MM = 0.5


@cache
def painted(pitch_mm: float = FINE_MM, **asked: float) -> tuple[SpinePlan, Canvas]:
    """Bones and discs of a spine."""
    plan = draw_plan(SpineSpec.model_validate(asked))
    return plan, skeleton(plan, pitch_mm)


def index(canvas: Canvas, points: FloatArray) -> tuple[NDArray[np.intp], ...]:
    """Voxels (3 arrays) that world points (..., 3) fall in."""
    at = np.round((np.asarray(points) - canvas.fine.origin) / canvas.pitch_mm).astype(np.intp)
    at = np.clip(at, 0, np.array(canvas.shape) - 1)
    return at[..., 0], at[..., 1], at[..., 2]
