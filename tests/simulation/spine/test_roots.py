from __future__ import annotations

import numpy as np
import pytest

from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.midline import Midline
from resorb.simulation.spine.plan import SIDES, SpinePlan
from resorb.simulation.spine.roots import paint_tube, root_paths, roots_of
from resorb.simulation.spine.sac import Sac
from resorb.simulation.tissue import Tissue
from tests.simulation.spine.skeleton_cases import index, painted
from tests.simulation.spine.soft_cases import MEAN, canal, disc_middle, planned, sac_mask

CASES: list[dict[str, float]] = [
    {"seed": 1},
    {"seed": 2, "lumbar_bodies": 4},
    {"seed": 3, "lumbar_bodies": 6},
    {"seed": 4, "scoliosis_deg": 25.0},
    {"seed": 5, "canal_share": 0.6},
    {"seed": 6, "lordosis_deg": 75.0, "size": 0.85},
]


def lumbar(plan: SpinePlan) -> list[str]:
    return [body.name for body in plan.vertebrae[1:-1]]


@pytest.mark.parametrize("asked", CASES)
def test_each_root_passes_close_under_its_own_pedicle(asked: dict[str, float]) -> None:
    plan = planned(**asked)
    paths = root_paths(plan)
    for name in lumbar(plan):
        body = plan.vertebra(name)
        for side, sign in SIDES:
            own = body.to_own(paths[name, side])
            middle = body.pedicle(side)
            half = body.pedicle_width_mm / 2
            half, tall = body.pedicle_width_mm / 2, body.pedicle_height_mm / 2
            offset = own[:, [0, 2]] - middle[[0, 2]]
            under = own[(np.abs(offset[:, 0]) < half / 2) & (offset[:, 1] < 0)]
            assert len(under), f"{name} {side} does not pass under its pedicle"
            gap = middle[2] - tall - under[:, 2]
            assert gap.min() > 1.5 and gap.min() < 8.0
            # It touches the pedicle nowhere, an oval of these half axes.
            assert np.hypot(offset[:, 0] / half, offset[:, 1] / tall).min() > 1.05
            beside = own[np.argmin(np.abs(own[:, 2] - middle[2]))]
            assert 0 < sign * beside[0] < body.canal_width_mm / 2  # in the lateral recess


@pytest.mark.parametrize("asked", CASES)
def test_roots_have_names_on_both_sides_and_leave_in_order(asked: dict[str, float]) -> None:
    plan = planned(**asked)
    paths = root_paths(plan)
    names = [body.name for body in plan.vertebrae[:-1]] + [s.name for s in plan.sacrum]
    assert list(paths) == [(name, side) for name in names for side, _ in SIDES]
    midline = Midline.of(plan)
    for side, sign in SIDES:
        ends = [midline.to_canal(paths[name, side][-1:])[0] for name in lumbar(plan)]
        assert all(sign * end[0] > 25.0 for end in ends)
        heights = [paths[name, side][-1, 2] for name in lumbar(plan)]
        assert (np.diff(heights) < -15.0).all()


@pytest.mark.parametrize("asked", CASES)
def test_roots_lie_in_the_sac_above_their_exit_and_outside_below(asked: dict[str, float]) -> None:
    plan, canvas = canal(1.0, **asked)
    inside = sac_mask(canvas)
    midline = Midline.of(plan)
    high = canvas.fine.axes()[2][-1] - 2.0
    for (name, _), root in roots_of(plan, midline, Sac.of(plan, midline)).items():
        if name == "T11":
            continue  # leaves where the field begins
        above = root.points[: max(root.exit - 8, 0)]
        above = above[above[:, 2] < high]
        if len(above):
            assert inside[index(canvas, above)].mean() > 0.85, name  # the dura is as thick as a voxel here
        low = canvas.fine.axes()[2][0] + 2.0
        below = root.points[root.exit + 25 :]
        below = below[below[:, 2] > low]
        if len(below):
            assert inside[index(canvas, below)].mean() < 0.12, (
                name
            )  # in a narrow canal it goes on along the dura


def test_left_and_right_roots_are_as_many_and_sink_backwards() -> None:
    plan, canvas = canal(0.5, seed=2, **MEAN)
    layer = int(np.argmin(np.abs(canvas.fine.axes()[2] - disc_middle(plan, "L2")[2])))
    inside = sac_mask(canvas)[:, :, layer]
    threads = inside & (canvas.fine.tissue[:, :, layer] == Tissue.ROOT)
    x, y, _ = canvas.fine.axes()
    ix, iy = np.nonzero(threads)
    sac_x, sac_y = np.nonzero(inside)
    left = float((x[ix] < x[sac_x].mean()).mean())
    assert 0.33 < left < 0.67
    # In a patient on the back most of them lie in the back half of the sac.
    assert (y[iy] < (y[sac_y].min() + y[sac_y].max()) / 2).mean() > 0.7
    # Ten pairs and their fascicles fill a part of the sac, never most of it.
    assert 0.05 < threads.sum() / inside.sum() < 0.5


def test_fewer_roots_are_left_in_the_sac_further_down() -> None:
    plan, canvas = canal(0.5, seed=2, **MEAN)
    inside = sac_mask(canvas) & (canvas.fine.tissue == Tissue.ROOT)
    z = canvas.fine.axes()[2]
    left = [
        inside[:, :, int(np.argmin(np.abs(z - disc_middle(plan, n)[2])))].sum() for n in ("L2", "L4", "L5")
    ]
    assert left[0] > left[1] > left[2] > 0


def test_ganglia_are_five_to_seven_mm_thick_and_in_the_upper_foramen() -> None:
    plan = planned(seed=2, **MEAN)
    midline = Midline.of(plan)
    roots = roots_of(plan, midline, Sac.of(plan, midline))
    for name in ("L3", "L4", "L5"):
        body = plan.vertebra(name)
        for side, _ in SIDES:
            root = roots[name, side]
            thickest = int(np.argmax(root.radius_mm))
            assert 5.0 < 2 * root.radius_mm[thickest] < 7.0
            assert 0.4 < root.radius_mm[: root.exit].max() < 0.75  # a thread of about 1 mm in the sac
            own = body.to_own(root.points[thickest])
            bottom = body.pedicle(side)[2] - body.pedicle_height_mm / 2
            assert 2.0 < bottom - own[2] < 6.0


def test_bones_leave_the_roots_free() -> None:
    plan, canvas = painted(1.0, seed=2, **MEAN)
    low, high = canvas.fine.origin + 1.0, canvas.fine.origin + np.array(canvas.shape) - 2.0
    for (name, side), path in root_paths(plan).items():
        if name in lumbar(plan):
            within = path[np.all((path > low) & (path < high), axis=1)]
            assert (canvas.anatomy[index(canvas, within)] > 0).mean() < 0.02, (name, side)


def test_painted_tube_has_the_volume_of_a_cylinder() -> None:
    canvas = Canvas.blank(np.array([-6.0, -6.0, 0.0]), np.array([6.0, 6.0, 40.0]), 0.25)
    along = np.arange(5.0, 35.0, 0.1)
    points = np.column_stack([np.full_like(along, 0.1), np.full_like(along, -0.2), along])
    canvas.fine.tissue[:, :24] = Tissue.MARROW
    paint_tube(canvas, points, np.full(len(along), 2.0), None, (Tissue.FAT,))
    root = canvas.fine.tissue == Tissue.ROOT
    assert not root[:, :24].any()  # not over what it may not touch
    canvas.fine.tissue[:] = Tissue.FAT
    paint_tube(canvas, points, np.full(len(along), 2.0), None, (Tissue.FAT,))
    volume = np.count_nonzero(canvas.fine.tissue == Tissue.ROOT) * 0.25**3
    expected = np.pi * 4.0 * (along[-1] - along[0]) + 4 / 3 * np.pi * 8.0
    assert volume == pytest.approx(expected, rel=0.02)
