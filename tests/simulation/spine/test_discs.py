from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.simulation.spec import DiscSpec, SpineSpec
from resorb.simulation.spine.bodies import rim
from resorb.simulation.spine.build import skeleton
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.discs import paint_disc
from resorb.simulation.spine.draw import draw_plan
from resorb.simulation.spine.joints import disc_frame
from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray
from tests.simulation.spine.skeleton_cases import FINE_MM, index, painted

CASES = [
    {"seed": 11, "variety": 0.0},
    {"pitch_mm": 1.0, "seed": 12, "variety": 0.8},
    {"pitch_mm": 1.0, "seed": 13, "scoliosis_deg": 20.0},
]


@pytest.mark.parametrize("case", CASES)
def test_every_disc_touches_both_bodies_without_a_gap(case: dict[str, float]) -> None:
    plan, canvas = painted(**case)
    for disc, (upper, lower) in zip(plan.discs, pairwise(plan.vertebrae), strict=True):
        allowed = [
            anatomy_index(Structure.DISC, disc.level.upper),
            anatomy_index(Structure.VERTEBRAL_BODY, upper.name),
            anatomy_index(Structure.SACRUM if lower.is_sacrum else Structure.VERTEBRAL_BODY, lower.name),
        ]
        grid = np.linspace(-0.7, 0.7, 15)
        left, back = (g.ravel() for g in np.meshgrid(grid, grid))
        round_ = np.hypot(left, back) < 0.75
        back_a, back_b = back * upper.lower_depth_mm / 2, back * lower.upper_depth_mm / 2
        top = upper.to_world(
            np.column_stack([left * upper.lower_width_mm / 2, back_a, upper.lower_plane(back_a) + 4.0])
        )
        bottom = lower.to_world(
            np.column_stack([left * lower.upper_width_mm / 2, back_b, lower.upper_plane(back_b) - 4.0])
        )
        share = np.linspace(0, 1, 200)[:, None, None]
        labels = canvas.anatomy[index(canvas, (top + share * (bottom - top))[:, round_])]
        assert np.isin(labels, allowed).all()
        assert (labels == allowed[0]).any(axis=0).all()


def test_a_disc_without_bulge_ends_on_the_line_from_corner_to_corner() -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    for disc, (upper, lower) in zip(plan.discs, pairwise(plan.vertebrae), strict=True):
        a, b = upper.to_world(upper.corner(upper=False)), lower.to_world(lower.corner(upper=True))
        bulge = float(disc.spec.bulge_mm or 0.0)
        assert _behind(plan, canvas, disc.level, (a + b) / 2) == pytest.approx(bulge, abs=FINE_MM)


@pytest.mark.parametrize("bulge", [1.0, 2.5, 4.0])
def test_a_disc_bulges_as_far_as_asked(bulge: float) -> None:
    level = Level("L3", "L4")
    plan = draw_plan(SpineSpec(seed=3, variety=0.0, discs={level: DiscSpec(bulge_mm=bulge)}))
    upper, lower = plan.vertebra("L3"), plan.vertebra("L4")
    ends = np.concatenate([rim(upper, upper=False), rim(lower, upper=True)])
    canvas = Canvas.blank(ends.min(0) - 6, ends.max(0) + 6, FINE_MM)
    paint_disc(canvas, upper, lower, plan.disc(level), anatomy_index(Structure.DISC, "L3"), 0)
    middle = (upper.to_world(upper.corner(upper=False)) + lower.to_world(lower.corner(upper=True))) / 2
    assert _behind(plan, canvas, level, middle) == pytest.approx(bulge, abs=FINE_MM)


def _behind(plan: SpinePlan, canvas: Canvas, level: Level, start: FloatArray) -> float:
    """How far the painted disc reaches behind a point, mm."""
    back = disc_frame(plan.vertebra(level.upper), plan.vertebra(level.lower))[:3, 1]
    steps = np.arange(-4.0, 8.0, 0.02)
    label = canvas.anatomy[index(canvas, start + steps[:, None] * back)]
    return float(steps[label == anatomy_index(Structure.DISC, level.upper)].max())


def test_the_nucleus_darkens_with_the_grade_and_the_outer_annulus_holds_none() -> None:
    level = Level("L3", "L4")
    means = []
    for grade in (1, 2, 3, 4, 5):
        plan = draw_plan(SpineSpec(seed=3, variety=0.0, discs={level: DiscSpec(grade=grade)}))
        canvas = skeleton(plan, 1.0)
        disc = canvas.anatomy == anatomy_index(Structure.DISC, "L3")
        annulus = disc & (canvas.fine.tissue == Tissue.ANNULUS)
        depth = ndimage.distance_transform_edt(disc.any(axis=2)) * 1.0
        core = annulus & (depth > 12)[:, :, None]
        outer = annulus & (depth < 2)[:, :, None]
        means.append(canvas.fine.mix[core].mean())
        assert canvas.fine.mix[outer].mean() < 15
    assert means == sorted(means, reverse=True)
    assert means[0] > 160 and 70 < means[2] < 140 and means[4] < 30


def test_a_worn_disc_is_lower() -> None:
    level = Level("L4", "L5")
    heights = []
    for share in (1.0, 0.5):
        disc = draw_plan(SpineSpec(seed=3, variety=0.0, discs={level: DiscSpec(height_share=share)})).disc(
            level
        )
        heights.append((disc.anterior_mm + disc.posterior_mm) / 2)
    assert heights[1] == pytest.approx(heights[0] / 2, rel=1e-6)


def test_cartilage_endplates_lie_between_disc_and_bone() -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    endplate = canvas.fine.tissue == Tissue.ENDPLATE
    assert set(np.unique(canvas.anatomy[endplate] // 100).tolist()) == {Structure.DISC}
    window = canvas.about(plan.vertebra("L3").wall(), 20.0)
    thin = ndimage.distance_transform_edt(endplate[window]).max()
    assert thin * FINE_MM <= 1.5
