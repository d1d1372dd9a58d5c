from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.simulation.spec import DiscSpec, SpineSpec
from resorb.simulation.spine.draw import draw_plan
from resorb.simulation.spine.plan import SpinePlan, VertebraPlan
from resorb.simulation.spine.statistics import statistics
from resorb.study import FloatArray

SEEDS = range(30)


def forward(body: VertebraPlan, tilt: float) -> float:
    """How far a surface that rises `tilt` mm per mm backwards leans forwards in the sagittal plane, degrees."""
    back = body.pose[:3, 1] + tilt * body.pose[:3, 2]
    return float(np.degrees(np.arctan2(back[2], -back[1])))


def lordosis(plan: SpinePlan) -> float:
    first, last = plan.vertebra("L1"), plan.vertebra("S1")
    return forward(last, -last.tilt) - forward(first, -first.tilt)


def coronal(body: VertebraPlan) -> float:
    left = body.pose[:3, 0]
    return float(np.degrees(np.arctan2(left[2], -left[0])))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.floats(20, 75), st.sampled_from([4, 5, 6]))
def test_lordosis_is_what_was_asked_for(seed: int, degrees: float, bodies: int) -> None:
    spec = SpineSpec.model_validate(
        {"seed": seed, "lordosis_deg": degrees, "lumbar_bodies": bodies, "scoliosis_deg": 0.0, "variety": 0.0}
    )
    assert lordosis(draw_plan(spec)) == pytest.approx(degrees, abs=0.05)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.floats(-30, 30), st.sampled_from([4, 5, 6]))
def test_the_cobb_angle_is_what_was_asked_for(seed: int, degrees: float, bodies: int) -> None:
    plan = draw_plan(
        SpineSpec.model_validate({"seed": seed, "scoliosis_deg": degrees, "lumbar_bodies": bodies})
    )
    leans = [coronal(body) for body in plan.vertebrae]
    assert max(leans) - min(leans) == pytest.approx(abs(degrees), abs=0.05)
    if abs(degrees) > 5:
        ends = np.array([plan.vertebrae[1].pose[:2, 3], plan.vertebrae[-1].pose[:2, 3]])
        apex = max(plan.vertebrae[2:-1], key=lambda b: abs(b.pose[0, 3] - ends[:, 0].mean()))
        assert np.sign(apex.pose[0, 3] - ends[:, 0].mean()) == -np.sign(degrees)  # the left is -x


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.floats(-8, 15), st.sampled_from(["L3/L4", "L4/L5", "L5/S1"]))
def test_slip_is_what_was_asked_for(seed: int, slip_mm: float, name: str) -> None:
    level = Level.parse(name)
    plan = draw_plan(SpineSpec(seed=seed, slip_mm={level: slip_mm}, scoliosis_deg=0.0))
    upper, lower = plan.vertebra(level.upper), plan.vertebra(level.lower)
    a, b = upper.to_world(upper.corner(upper=False)), lower.to_world(lower.corner(upper=True))
    angle = np.radians((forward(upper, upper.tilt) + forward(lower, -lower.tilt)) / 2)
    back = np.array([0.0, -np.cos(angle), np.sin(angle)])
    assert float((b - a) @ back) == pytest.approx(slip_mm, abs=0.02)


def test_neighbours_stand_a_disc_apart_and_l3_in_the_origin() -> None:
    plan = draw_plan(SpineSpec(seed=7, variety=0.0))
    assert plan.vertebra("L3").pose[:3, 3] == pytest.approx([0, 0, 0], abs=1e-9)
    for disc, (upper, lower) in zip(plan.discs, pairwise(plan.vertebrae), strict=True):
        for front, height in ((True, disc.anterior_mm), (False, disc.posterior_mm)):
            a = upper.to_world(upper.corner(upper=False, front=front))
            b = lower.to_world(lower.corner(upper=True, front=front))
            assert np.linalg.norm(a - b) == pytest.approx(height, abs=1.2)  # the rims differ in depth


@pytest.mark.parametrize("bodies", [4, 5, 6])
def test_every_spine_has_its_vertebrae_and_levels(bodies: int) -> None:
    plan = draw_plan(SpineSpec.model_validate({"lumbar_bodies": bodies}))
    assert [body.name for body in plan.vertebrae][-2:] == [f"L{bodies}", "S1"]
    assert [str(disc.level) for disc in plan.discs][-1] == f"L{bodies}/S1"
    assert [segment.name for segment in plan.sacrum] == ["S1", "S2", "S3", "S4", "S5"]
    heights = [body.pose[2, 3] for body in plan.vertebrae]
    assert heights == sorted(heights, reverse=True)


def test_sizes_lie_inside_what_was_measured_on_people() -> None:
    measured = statistics().table["measured"]
    bodies = [body for seed in SEEDS for body in draw_plan(SpineSpec(seed=seed)).vertebrae[:-1]]
    for name in measured["body"]["depth_mm"]:
        same = [body for body in bodies if body.name == name]
        for key, values in (
            ("depth_mm", [(b.upper_depth_mm + b.lower_depth_mm) / 2 for b in same]),
            ("upper_width_mm", [b.upper_width_mm for b in same]),
            ("lower_width_mm", [b.lower_width_mm for b in same]),
        ):
            _inside(np.array(values), measured["body"][key][name], f"{name} {key}")


def test_healthy_discs_fill_the_gaps_measured_between_bodies() -> None:
    measured = statistics().table["measured"]["between_bodies"]["gap_mm"]
    plans = [draw_plan(SpineSpec(seed=seed, variety=0.0)) for seed in SEEDS]
    for name, people in measured.items():
        gaps = []
        for plan in plans:
            level = Level.parse(name)
            disc, upper, lower = plan.disc(level), plan.vertebra(level.upper), plan.vertebra(level.lower)
            gaps.append((disc.anterior_mm + disc.posterior_mm) / 2 + upper.dish_mm[1] + lower.dish_mm[0])
        _inside(np.array(gaps), people, f"gap {name}")


def _inside(values: FloatArray, people: tuple[float, float, int], what: str) -> None:
    mean, sd, _ = people
    assert abs(values.mean() - mean) < sd, what
    assert (np.abs(values - mean) < 3.5 * max(sd, 0.06 * mean)).all(), what


def test_what_was_asked_for_stands_and_the_rest_is_filled_in() -> None:
    level = Level("L4", "L5")
    asked = SpineSpec(seed=5, size=1.1, canal_share=0.6, discs={level: DiscSpec(grade=5, bulge_mm=2.0)})
    spec = draw_plan(asked).spec
    assert (spec.size, spec.canal_share) == (1.1, 0.6)
    assert (spec.discs[level].grade, spec.discs[level].bulge_mm) == (5, 2.0)
    assert spec.epidural_fat is not None and spec.muscle_fat is not None and spec.lordosis_deg is not None
    assert all(value is not None for disc in spec.discs.values() for value in disc.model_dump().values())
    assert set(spec.slip_mm) == set(spec.discs)


def test_asking_for_one_thing_changes_no_other() -> None:
    free = draw_plan(SpineSpec(seed=9)).spec
    asked = draw_plan(SpineSpec(seed=9, canal_share=0.8)).spec
    assert asked == free.model_copy(update={"canal_share": 0.8})


def test_without_variety_nothing_is_diseased() -> None:
    for seed in SEEDS:
        spec = draw_plan(SpineSpec(seed=seed, variety=0.0)).spec
        assert not any(spec.slip_mm.values())
        assert all((disc.grade or 0) <= 3 for disc in spec.discs.values())
        assert not any(disc.schmorl_mm or disc.osteophyte_mm for disc in spec.discs.values())


def test_full_variety_makes_every_variant() -> None:
    specs = [draw_plan(SpineSpec(seed=seed, variety=1.0)).spec for seed in range(40)]
    discs = [disc for spec in specs for disc in spec.discs.values()]
    assert {disc.grade for disc in discs} == {1, 2, 3, 4, 5}
    assert any(disc.schmorl_mm for disc in discs) and any(disc.osteophyte_mm for disc in discs)
    assert any((disc.bulge_mm or 0) > 2 for disc in discs) and any(any(s.slip_mm.values()) for s in specs)
    assert any((s.canal_share or 1) < 0.79 for s in specs) and any(
        abs(s.scoliosis_deg or 0) > 9 for s in specs
    )
    assert any((s.epidural_fat or 0) > 0.85 for s in specs)


def test_a_level_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="L5/S1 is not a level of a spine with 4 lumbar bodies"):
        draw_plan(SpineSpec(lumbar_bodies=4, slip_mm={Level("L5", "S1"): 3.0}))


def test_a_lordosis_that_flat_discs_cannot_make_is_refused() -> None:
    flat = {
        Level.parse(name): DiscSpec(height_share=0.25)
        for name in ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
    }
    with pytest.raises(UsageError, match=r"a lordosis of 85 degrees cannot be had .* ask for 5 to \d+"):
        draw_plan(SpineSpec(lordosis_deg=85, discs=flat))
    drawn = draw_plan(SpineSpec(discs=flat, scoliosis_deg=0.0))
    assert lordosis(drawn) == pytest.approx(drawn.spec.lordosis_deg or 0.0, abs=0.05)


def test_the_canal_follows_the_posterior_walls() -> None:
    plan = draw_plan(SpineSpec(seed=2, variety=0.0))
    canal = plan.canal
    steps = np.linalg.norm(np.diff(canal.front, axis=0), axis=1)
    assert steps.max() < 1.05 and (np.diff(canal.place) > 0).all()
    for n, body in enumerate(plan.vertebrae):
        behind = canal.front[(canal.place > n + 0.3) & (canal.place < n + 0.7)]
        own = body.to_own(behind)
        np.testing.assert_allclose(own[:, 1], body.wall_posterior(own[:, 2]), atol=0.1)
