"""Painted soft tissues that several tests look at."""

from __future__ import annotations

from functools import cache

import numpy as np

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.simulation.spec import SpineSpec
from resorb.simulation.spine.build import skeleton
from resorb.simulation.spine.canal import paint_canal
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.draw import draw_plan
from resorb.simulation.spine.plan import SpinePlan
from resorb.study import FloatArray

MEAN = {"size": 1.0, "canal_share": 1.0, "epidural_fat": 0.5, "scoliosis_deg": 0.0, "variety": 0.0}


@cache
def planned(**asked: float) -> SpinePlan:
    return draw_plan(SpineSpec.model_validate(asked))


def empty(plan: SpinePlan, pitch_mm: float) -> Canvas:
    """A canvas of fat about the spine."""
    shape = skeleton(plan, 4.0)
    x, y, z = shape.fine.axes()
    low = np.array([x[0], y[0], z[0]]) - 2.0
    return Canvas.blank(low, np.array([x[-1], y[-1], z[-1]]) + 2.0, pitch_mm)


@cache
def canal(pitch_mm: float, **asked: float) -> tuple[SpinePlan, Canvas]:
    """The contents of the canal alone, without bones."""
    plan = planned(**asked)
    canvas = empty(plan, pitch_mm)
    paint_canal(plan, canvas)
    return plan, canvas


def disc_middle(plan: SpinePlan, upper: str) -> FloatArray:
    """(3,) middle of the disc below a vertebra, world mm."""
    names = [body.name for body in plan.vertebrae]
    above, below = plan.vertebra(upper), plan.vertebrae[names.index(upper) + 1]
    ends = above.to_world(above.corner(upper=False)), below.to_world(below.corner(upper=True))
    return np.asarray((ends[0] + ends[1]) / 2)


def sac_mask(canvas: Canvas) -> np.ndarray:
    return np.asarray(canvas.anatomy // STRUCTURE_STEP == Structure.THECAL_SAC)


def section_mm2(plan: SpinePlan, canvas: Canvas, upper: str) -> float:
    """Area of the sac at the height of a disc, at right angles to the canal, counted in voxels."""
    middle = disc_middle(plan, upper)
    z = canvas.fine.axes()[2]
    layer = int(np.argmin(np.abs(z - middle[2])))
    step = 5.0
    mask = sac_mask(canvas)

    def centre(height: float) -> float:
        rows = np.nonzero(mask[:, :, int(np.argmin(np.abs(z - height)))])[1]
        return float(canvas.fine.axes()[1][rows].mean())

    lean = (centre(middle[2] + step) - centre(middle[2] - step)) / (2 * step)
    return float(mask[:, :, layer].sum()) * canvas.pitch_mm**2 / float(np.hypot(1.0, lean))
