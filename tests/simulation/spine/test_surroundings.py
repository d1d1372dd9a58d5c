from __future__ import annotations

import numpy as np
import pytest

from resorb.simulation.phantom import Tissues
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.spine.surroundings import make_around, paint_surroundings
from resorb.simulation.spine.trunk import Trunk
from resorb.simulation.tissue import Tissue
from tests.simulation.spine.soft_cases import MEAN, empty, planned


def layer(around: Tissues, plan: SpinePlan, name: str) -> int:
    return int(np.argmin(np.abs(around.axes()[2] - plan.vertebra(name).pose[2, 3])))


def section(around: Tissues, plan: SpinePlan, name: str, tissue: Tissue) -> tuple[np.ndarray, np.ndarray]:
    """World x and y of a tissue at the height of a vertebra, from the middle of its body."""
    x, y, _ = around.axes()
    ix, iy = np.nonzero(around.tissue[:, :, layer(around, plan, name)] == tissue)
    middle = plan.vertebra(name).pose[:3, 3]
    return x[ix] - middle[0], y[iy] - middle[1]


@pytest.fixture(scope="module")
def body() -> tuple[SpinePlan, Tissues]:
    plan = planned(seed=3, **MEAN)
    return plan, make_around(plan)


def test_the_whole_trunk_is_on_the_grid(body: tuple[SpinePlan, Tissues]) -> None:
    plan, around = body
    size = np.array(around.tissue.shape) * around.pitch_mm
    assert around.pitch_mm == 2.0
    # It goes on into the air on all sides, and beyond the spine above and below.
    assert 300 < size[0] < 360 and 230 < size[1] < 320
    for border in (around.tissue[:, 0], around.tissue[:, -1], around.tissue[0], around.tissue[-1]):
        assert (border == Tissue.AIR).all()
    z = around.axes()[2]
    s3 = plan.sacrum[2].pose[2, 3]
    assert z[0] < s3 - 70.0 and z[-1] > plan.vertebra("T11").pose[2, 3] + 70.0


def test_the_spine_goes_on_above_and_below(body: tuple[SpinePlan, Tissues]) -> None:
    plan, around = body
    z = around.axes()[2]
    above = z > plan.vertebra("T11").pose[2, 3] + 30.0
    for tissue in (Tissue.MARROW, Tissue.ANNULUS, Tissue.CSF, Tissue.CORD):
        assert (around.tissue[:, :, above] == tissue).any(axis=(0, 1)).mean() > 0.15
    below = z < plan.sacrum[3].pose[2, 3]
    assert (around.tissue[:, :, below] == Tissue.MARROW).any()
    assert not (around.tissue[:, :, below] == Tissue.CSF).any()
    found = set(np.unique(around.tissue))
    assert {Tissue.AIR, Tissue.SKIN, Tissue.FAT, Tissue.MUSCLE, Tissue.VESSEL, Tissue.BOWEL} <= found


def test_aorta_left_and_cava_right_until_they_divide(body: tuple[SpinePlan, Tissues]) -> None:
    plan, around = body
    for name in ("L1", "L2", "L3"):
        x, y = section(around, plan, name, Tissue.VESSEL)
        left, right = x < 0, x > 0  # the patient's left is at -x
        assert y.min() > plan.vertebra(name).upper_depth_mm / 2 - 3.0
        area = left.sum() * around.pitch_mm**2
        assert 13.0 < 2 * np.sqrt(area / np.pi) < 22.0
        assert right.sum() > 0.5 * left.sum()
    x, y = section(around, plan, "S1", Tissue.VESSEL)
    x = x[y < 38.0]  # further in front those of the mesentery
    assert (np.abs(x) > 5.0).all() and (x < 0).any() and (x > 0).any()


def test_the_great_vessels_slant_and_swing() -> None:
    off = []
    for seed in range(6):
        plan = planned(seed=seed, **MEAN)
        z = np.array([plan.vertebra(name).pose[2, 3] for name in ("L1", "L2", "L3")])
        trunk = Trunk.of(plan, z)
        off.append(trunk.vessels[0].x - trunk.x)
    assert np.mean(off) < -8.0  # the aorta lies left of the midline
    assert np.ptp(off, axis=1).max() > 3.0 and np.std(np.mean(off, axis=1)) > 0.5


def test_vessels_are_as_wide_as_published() -> None:
    widths = []
    for seed in range(5):
        plan = planned(seed=seed, **MEAN)
        around = make_around(plan)
        x, _ = section(around, plan, "L2", Tissue.VESSEL)
        widths.append(2 * np.sqrt((x < 0).sum() * around.pitch_mm**2 / np.pi))
    assert 15.0 < np.mean(widths) < 20.0  # from memory, unverified
    assert np.std(widths) > 0.3


def test_psoas_grows_downwards_and_lies_on_both_sides(body: tuple[SpinePlan, Tissues]) -> None:
    plan, around = body
    areas = []
    for name in ("L1", "L2", "L3", "L4"):
        x, y = section(around, plan, name, Tissue.MUSCLE)
        psoas = (np.abs(x) > 18.0) & (np.abs(x) < 58.0 + 4.0) & (y > -18.0) & (y < 45.0)
        areas.append(psoas.sum())
        left = (psoas & (x < 0)).sum()
        assert 0.7 < left / max(psoas.sum() - left, 1) < 1.4
    assert areas == sorted(areas)


def test_muscles_of_the_back_lie_behind_the_canal_on_both_sides(body: tuple[SpinePlan, Tissues]) -> None:
    plan, around = body
    for name in ("L2", "L4"):
        x, y = section(around, plan, name, Tissue.MUSCLE)
        back = y < -32.0
        area = back.sum() * around.pitch_mm**2 / 2
        assert 1000.0 < area < 4500.0  # per side
        assert 0.8 < (x[back] < 0).mean() / (x[back] > 0).mean() < 1.25


def test_muscle_fat_is_what_was_asked_for() -> None:
    shares = []
    for fat in (0.05, 0.2, 0.5):
        around = make_around(planned(seed=3, muscle_fat=fat, **MEAN))
        y = around.axes()[1]
        muscle = (around.tissue == Tissue.MUSCLE) & (y < np.median(y) - 30.0)[None, :, None]
        shares.append(around.mix[muscle].mean() / 255.0)
    assert shares == pytest.approx([0.05, 0.2, 0.5], abs=0.08)
    assert shares[0] < shares[1] < shares[2]


def test_skin_is_thin_with_fat_under_it_and_air_behind(body: tuple[SpinePlan, Tissues]) -> None:
    plan, around = body
    middle = int(np.argmin(np.abs(around.axes()[0] - plan.vertebra("L4").pose[0, 3])))
    column = around.tissue[middle, :, layer(around, plan, "L4")]
    skin = np.flatnonzero(column == Tissue.SKIN)
    assert 1 <= (skin < len(column) // 2).sum() <= 2
    assert (column[: skin[0]] == Tissue.AIR).all()
    under = column[skin[0] + 2 : skin[0] + 5]
    assert (under == Tissue.FAT).all()


def test_lean_and_stout_people_differ() -> None:
    thick = []
    for seed in range(6):
        plan = planned(seed=seed, **MEAN)
        around = make_around(plan)
        k = layer(around, plan, "L5")
        beside = int(np.argmin(np.abs(around.axes()[0] - plan.vertebra("L5").pose[0, 3] - 8.0)))
        column = around.tissue[beside, :, k]
        skin = int(np.flatnonzero(column == Tissue.SKIN)[0])
        fascia = int(np.flatnonzero(column[skin + 2 :] != Tissue.FAT)[0])
        thick.append(2.0 * fascia)
    assert 8.0 < np.mean(thick) < 45.0 and np.std(thick) > 1.0


def test_fine_and_coarse_grid_show_the_same_body() -> None:
    plan = planned(seed=5, **MEAN)
    around = make_around(plan)
    canvas = empty(plan, 1.0)
    paint_surroundings(plan, canvas)
    x, y, z = canvas.fine.axes()
    index = [np.rint((axis - o) / 2.0).astype(int) for axis, o in zip((x, y, z), around.origin, strict=True)]
    coarse = around.tissue[np.ix_(*index)]
    core = (y > np.median(y) - 25) & (y < np.median(y) + 20)
    for tissue in (Tissue.MUSCLE, Tissue.VESSEL):
        a, b = canvas.fine.tissue[:, core] == tissue, coarse[:, core] == tissue
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.85


def test_same_seed_same_bytes_and_another_seed_another_body() -> None:
    plan = planned(seed=9)
    first, second, other = make_around(plan), make_around(plan), make_around(planned(seed=10))
    assert first.tissue.tobytes() == second.tissue.tobytes()
    assert first.mix.tobytes() == second.mix.tobytes()
    assert first.tissue.tobytes() != other.tissue.tobytes()


def test_a_small_canvas_far_from_everything_is_left_alone() -> None:
    plan = planned(seed=9)
    middle = plan.vertebra("L3").pose[:3, 3]
    canvas = Canvas.blank(middle - 6.0, middle + 6.0, 1.0)
    paint_surroundings(plan, canvas)
    assert (canvas.fine.tissue == Tissue.FAT).all()
