from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label

from resorb.simulation.spec import SpineSpec
from resorb.simulation.spine.canal import paint_canal
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.draw import draw_plan
from resorb.simulation.spine.midline import Midline
from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.spine.sac import Sac
from resorb.simulation.tissue import Tissue
from tests.simulation.spine.soft_cases import MEAN, canal, disc_middle, empty, planned, sac_mask, section_mm2

SEEDS = range(40)
LEVELS = ("L1", "L2", "L3", "L4", "L5")


def sac_of(plan: SpinePlan) -> tuple[Midline, Sac]:
    midline = Midline.of(plan)
    return midline, Sac.of(plan, midline)


def areas(**asked: float) -> np.ndarray:
    """(people, levels) sac areas at L1/2 to L5/S1, mm2."""
    rows = []
    for seed in SEEDS:
        plan = planned(seed=seed, **asked)
        midline, sac = sac_of(plan)
        at = [midline.to_canal(disc_middle(plan, upper))[2] for upper in LEVELS]
        rows.append(sac.area_mm2(np.array(at)))
    return np.array(rows)


def test_healthy_sacs_have_published_areas() -> None:
    found = areas(**MEAN)
    # Controls at L4/5: 152 +- 54 mm2 (PMC5728944); below 100 mm2 is central stenosis (Bolender 1985).
    assert abs(found[:, 3].mean() - 152.0) < 20.0
    assert found[:, 3].std() < 54.0
    assert found[:, 2:4].min() > 100.0
    # Most young adults have 150-250 mm2 at L3/4 (from memory, unverified).
    assert 150.0 < found[:, 2].mean() < 250.0 and found[:, 2].max() < 260.0
    # The sac narrows downwards.
    mean = found.mean(axis=0)
    assert mean[0] > mean[3] > mean[4]


@pytest.mark.parametrize("upper", ["L2", "L3", "L4"])
def test_painted_area_is_that_of_the_formula(upper: str) -> None:
    plan, canvas = canal(0.5, seed=4, **MEAN)
    midline, sac = sac_of(plan)
    along = float(midline.to_canal(disc_middle(plan, upper))[2])
    assert section_mm2(plan, canvas, upper) == pytest.approx(float(sac.area_mm2(along)), rel=0.05)


def test_narrow_canals_squeeze_the_sac() -> None:
    usual = areas(**MEAN)
    narrow = areas(**{**MEAN, "canal_share": 0.6})
    assert (narrow[:, 2] < 100.0).mean() > 0.8  # central stenosis
    assert (narrow < usual).all()


@pytest.mark.parametrize("slip_mm", [6.0, -4.0])
def test_a_slip_narrows_the_sac_at_its_level(slip_mm: float) -> None:
    spec = SpineSpec.model_validate({**MEAN, "seed": 1, "slip_mm": {"L4/L5": slip_mm}})
    slipped, usual = draw_plan(spec), planned(seed=1, **MEAN)
    depth = []
    for plan in (slipped, usual):
        midline, sac = sac_of(plan)
        along = midline.to_canal(np.array([disc_middle(plan, name) for name in ("L2", "L4")]))[:, 2]
        depth.append(2 * sac.at(sac.half_depth, along))
    assert depth[0][1] < depth[1][1] - 0.4 * abs(slip_mm)
    assert depth[0][0] == pytest.approx(depth[1][0], abs=0.3)


def test_lipomatosis_squeezes_the_lower_sac() -> None:
    usual, much = areas(**MEAN), areas(**{**MEAN, "epidural_fat": 1.0})
    share = (much / usual).mean(axis=0)
    assert share[3] < 0.65 and share[4] < 0.65
    assert share[0] > share[3]


@pytest.mark.parametrize("bodies", [4, 5, 6])
def test_sac_ends_in_the_sacrum_and_the_conus_high(bodies: int) -> None:
    ends, tips = [], []
    for seed in SEEDS:
        plan = planned(seed=seed, lumbar_bodies=bodies)
        midline, sac = sac_of(plan)
        segment = {s.name: midline.to_canal(s.pose[:3, 3])[2] for s in plan.sacrum}
        height = plan.sacrum[2].height_mm / 2
        assert segment["S1"] - plan.sacrum[0].height_mm / 2 < sac.end_mm < segment["S3"] + height
        ends.append((sac.end_mm - segment["S1"]) / (segment["S2"] - segment["S1"]))
        tips.append(sac.conus_mm)
        if bodies == 5:
            l2 = plan.vertebra("L2")
            low = midline.to_canal(l2.to_world(l2.corner(upper=False)))[2]
            t12 = plan.vertebra("T12")
            high = midline.to_canal(t12.to_world(t12.corner(upper=True)))[2]
            assert high - 3.0 < sac.conus_mm < low + 5.0
    assert 0.5 < np.median(ends) < 1.5  # most end behind S2
    assert np.std(ends) > 0.1 and np.std(tips) > 3.0


@pytest.mark.parametrize(
    "asked",
    [
        {"seed": 1},
        {"seed": 0, "scoliosis_deg": 30.0},
        {"seed": 2, "lordosis_deg": 85.0},
        {"seed": 3, "canal_share": 0.55, "epidural_fat": 1.0},
        {"seed": 0, "lumbar_bodies": 4, "size": 1.2},
    ],
)
@pytest.mark.parametrize("pitch_mm", [1.0])
def test_dura_is_closed(asked: dict[str, float], pitch_mm: float) -> None:
    _, canvas = canal(pitch_mm, **asked)
    fluid = np.isin(canvas.fine.tissue, [Tissue.CSF, Tissue.CORD])
    outside = np.isin(canvas.fine.tissue, [Tissue.FAT, Tissue.EPIDURAL_FAT])
    parts, _ = label(fluid | outside)
    assert not set(np.unique(parts[fluid])) & set(np.unique(parts[outside]))


def test_the_label_is_what_lies_inside_the_dura() -> None:
    _, canvas = canal(1.0, seed=5)
    tissue, inside = canvas.fine.tissue, sac_mask(canvas)
    assert set(np.unique(tissue[inside])) == {Tissue.CSF, Tissue.CORD, Tissue.ROOT}
    assert not np.isin(tissue[~inside], [Tissue.CSF, Tissue.CORD]).any()
    assert (canvas.anatomy[~inside] == 0).all()


def test_lower_sac_is_a_rounded_triangle_with_its_top_behind() -> None:
    plan, canvas = canal(0.5, seed=4, **MEAN)
    layer = int(np.argmin(np.abs(canvas.fine.axes()[2] - disc_middle(plan, "L4")[2])))
    width = sac_mask(canvas)[:, :, layer].sum(axis=0)
    rows = np.flatnonzero(width)
    behind, ahead = rows[len(rows) // 8], rows[-len(rows) // 4]
    assert width[behind] < 0.75 * width[ahead]


def test_cord_tapers_to_the_conus_and_lies_in_the_sac() -> None:
    plan, canvas = canal(0.5, seed=6, **MEAN)
    _, sac = sac_of(plan)
    cord = np.count_nonzero(canvas.fine.tissue == Tissue.CORD, axis=(0, 1)) * canvas.pitch_mm**2
    rows = np.flatnonzero(cord)
    assert 40.0 < np.median(cord[rows[-20:]]) < 75.0  # lumbar enlargement: about 8 x 9 mm
    assert cord[rows[0]] < 8.0
    whole = np.pi * sac.cord[0] * sac.cord[1]
    assert cord.max() < 1.2 * whole


def test_fat_lies_in_front_of_the_sac_at_the_sacrum_and_hardly_at_l3() -> None:
    for seed in SEEDS:
        plan = planned(seed=seed, **MEAN)
        midline, sac = sac_of(plan)
        gap = {}
        for upper in ("L3", "L5"):
            along = midline.to_canal(disc_middle(plan, upper))[2]
            gap[upper] = sac.at(sac.centre, along) - sac.at(sac.half_depth, along)
        assert 1.0 < gap["L3"] < 3.5
        assert gap["L5"] > gap["L3"] + 1.0


def test_same_seed_same_bytes() -> None:
    plan = planned(seed=9)
    first, second = empty(plan, 2.0), empty(plan, 2.0)
    paint_canal(plan, first)
    paint_canal(plan, second)
    assert first.fine.tissue.tobytes() == second.fine.tissue.tobytes()
    assert first.fine.mix.tobytes() == second.fine.mix.tobytes()
    assert first.anatomy.tobytes() == second.anatomy.tobytes()


def test_a_canvas_beside_the_canal_is_left_alone() -> None:
    plan = planned(seed=9)
    far = plan.vertebra("L3").pose[:3, 3] + [0.0, 150.0, 0.0]
    canvas = Canvas.blank(far - 6.0, far + 6.0, 1.0)
    paint_canal(plan, canvas)
    assert (canvas.fine.tissue == Tissue.FAT).all() and (canvas.anatomy == 0).all()
