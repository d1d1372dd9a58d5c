from __future__ import annotations

import numpy as np
import pytest

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.simulation.spec import DiscSpec, SpineSpec
from resorb.simulation.spine.bodies import Near, body_distance, rim, surfaces
from resorb.simulation.spine.build import skeleton
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.draw import draw_plan
from resorb.simulation.spine.plan import VertebraPlan
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray
from tests.simulation.spine.skeleton_cases import FINE_MM, index, painted

BODIES = ["T12", "L2", "L4", "L5"]


def edge(canvas: Canvas, body: VertebraPlan, start: FloatArray, way: FloatArray) -> FloatArray:
    """How far from own points (n, 3) along an own direction the painted body ends, mm."""
    steps = np.arange(-2.0, 2.0, 0.02)
    line = start[:, None, :] + steps[None, :, None] * way
    label = canvas.anatomy[index(canvas, body.to_world(line))]
    inside = label == anatomy_index(Structure.VERTEBRAL_BODY, body.name)
    return np.asarray(steps[inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)])


@pytest.mark.parametrize("name", BODIES)
def test_the_painted_posterior_wall_is_the_landmark(name: str) -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    body = plan.vertebra(name)
    cranial = np.linspace(body.corner(upper=False)[2] + 1.5, body.corner(upper=True)[2] - 1.5, 60)
    wall = np.column_stack([np.zeros(60), body.wall_posterior(cranial), cranial])
    beyond = edge(canvas, body, wall, np.array([0.0, 1.0, 0.0]))
    assert np.abs(beyond).max() <= 0.5 * np.sqrt(3) * FINE_MM
    assert abs(beyond.mean()) < 0.1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", BODIES)
def test_painted_corners_lie_on_the_rims_to_half_a_voxel(name: str, seed: int) -> None:
    body = draw_plan(SpineSpec(seed=seed, variety=0.0)).vertebra(name)
    for upper in (True, False):
        for point in rim(body, upper=upper)[:-1:8]:  # the first is the posterior corner in the midline
            canvas = Canvas.blank(point - 0.8, point + 0.8, 0.05)  # fine enough to see the edge itself
            window = canvas.window(point - 0.8, point + 0.8)
            distance = body_distance(surfaces(canvas, window, body, Near(None, None)))
            inside = np.argwhere(distance <= 0) * 0.05 + canvas.fine.origin
            assert np.linalg.norm(inside - point, axis=1).min() <= 0.5 * FINE_MM
            outside = np.argwhere(distance > 0) * 0.05 + canvas.fine.origin
            assert np.linalg.norm(outside - point, axis=1).min() <= 0.5 * FINE_MM


def test_the_body_of_a_large_grid_has_the_size_asked_for() -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    body = plan.vertebra("L3")
    label = anatomy_index(Structure.VERTEBRAL_BODY, "L3")
    own = body.to_own(np.argwhere(canvas.anatomy == label) * FINE_MM + canvas.fine.origin)
    near_top = own[np.abs(own[:, 2] - body.upper_plane(own[:, 1])) < 1.5]
    assert np.ptp(near_top[:, 0]) == pytest.approx(body.upper_width_mm, abs=1.2)
    assert np.ptp(near_top[np.abs(near_top[:, 0]) < 1, 1]) == pytest.approx(body.upper_depth_mm, abs=1.2)


def test_the_distance_is_zero_on_the_wall_and_negative_inside() -> None:
    plan = draw_plan(SpineSpec(seed=1, variety=0.0))
    body = plan.vertebra("L3")
    canvas = Canvas.blank(np.array([-30.0, -30, -20]), np.array([30.0, 30, 20]), 1.0)
    window = canvas.window(np.array([-30.0, -30, -20]), np.array([30.0, 30, 20]))
    distance = body_distance(surfaces(canvas, window, body, Near(None, None)))
    centre = distance[index(canvas, body.pose[:3, 3])]
    assert centre == pytest.approx(-body.height_mm / 2 + body.dish_mm[0], abs=1.5)
    volume = (distance < 0).sum() * 1.0
    width, depth = body.upper_width_mm, body.upper_depth_mm
    assert (
        0.70 < volume / (width * depth * body.height_mm) < 0.85
    )  # between an ellipse's (0.785), waisted, and a box


@pytest.mark.parametrize("name", BODIES)
def test_a_wall_of_cortex_surrounds_marrow_and_opens_for_the_vein(name: str) -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    body = plan.vertebra(name)
    out = np.linspace(0, 35, 350)[:, None]
    for way in ([1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]):
        met = canvas.fine.tissue[index(canvas, body.to_world(out * way))]
        bone = met[: np.flatnonzero(~np.isin(met, [Tissue.MARROW, Tissue.CORTEX, Tissue.VEIN]))[0]]
        assert bone[0] == Tissue.MARROW
        assert (bone[-1] == Tissue.CORTEX).all()
    behind = body.wall_posterior(np.array(0.0)) - 0.6
    wall = np.column_stack([np.zeros(60), np.full(60, behind), np.linspace(-4.0, 4.0, 60)])
    assert Tissue.VEIN in canvas.fine.tissue[index(canvas, body.to_world(wall))]


def test_bodies_of_one_person_differ_and_people_differ_more() -> None:
    fat = np.array([[b.form.marrow_fat for b in draw_plan(SpineSpec(seed=s)).vertebrae] for s in range(30)])
    assert fat.mean(axis=1).std() > 3 * fat.std(axis=1).mean() > 0.02
    veins = []
    for name in ("L1", "L2", "L3", "L4"):
        _, canvas = painted(seed=11, variety=0.0)
        own = canvas.anatomy == anatomy_index(Structure.VERTEBRAL_BODY, name)
        veins.append((own & (canvas.fine.tissue == Tissue.VEIN)).sum() * FINE_MM**3)
    assert max(veins) > 1.5 * min(veins) > 0


def test_schmorl_nodes_and_osteophytes_are_drawn_and_rims_leave_them_out() -> None:
    level = Level("L2", "L3")
    plain = DiscSpec(grade=3, height_share=1.0, bulge_mm=0.0, schmorl_mm=0.0, osteophyte_mm=0.0)
    worn = plain.model_copy(update={"schmorl_mm": 6.0, "osteophyte_mm": 5.0})
    found = []
    for disc in (plain, worn):
        plan = draw_plan(SpineSpec(seed=4, variety=0.0, discs={level: disc}))
        canvas = skeleton(plan, 1.0)
        label = anatomy_index(Structure.VERTEBRAL_BODY, "L2")
        body = plan.vertebra("L2")
        own = body.to_own(np.argwhere(canvas.anatomy == label) * 1.0 + canvas.fine.origin)
        pit = np.array([plan.disc(level).pit_left_mm, plan.disc(level).pit_posterior_mm])
        over_pit = own[np.hypot(*(own[:, :2] - pit).T) < 1.0]
        found.append((over_pit[:, 2].min(), -own[:, 1].min(), rim(body, upper=False)))
    assert found[1][0] - found[0][0] == pytest.approx(6.0, abs=1.5)
    assert found[1][1] - found[0][1] == pytest.approx(5.0, abs=1.5)
    np.testing.assert_array_equal(found[0][2], found[1][2])
