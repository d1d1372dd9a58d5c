from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.spine.build import facets_of, landmarks
from resorb.simulation.spine.plan import SIDES
from resorb.simulation.tissue import Tissue
from tests.simulation.spine.skeleton_cases import FINE_MM, index, painted

LUMBAR = ["L1", "L2", "L3", "L4", "L5"]
BONE = (Tissue.CORTEX, Tissue.MARROW)


@pytest.mark.parametrize("name", LUMBAR)
def test_the_painted_pedicle_has_the_borders_of_its_landmarks(name: str) -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    body = plan.vertebra(name)
    for side, pedicle in landmarks(body).pedicles.items():
        middle = body.to_world(body.pedicle(side))
        for point in (pedicle.medial, pedicle.top, pedicle.bottom):
            way = (point - middle) / np.linalg.norm(point - middle)
            steps = np.arange(-2.5, 6.0, 0.02)
            tissue = canvas.fine.tissue[index(canvas, point + steps[:, None] * way)]
            outside = steps[~np.isin(tissue, BONE)]
            assert outside[0] == pytest.approx(0.0, abs=2 * FINE_MM)


def test_left_pedicles_lie_on_the_left() -> None:
    plan, _ = painted(seed=11, variety=0.0)
    for body in plan.vertebrae[:-1]:
        pedicles = landmarks(body).pedicles
        assert pedicles["left"].lateral[0] < pedicles["left"].medial[0] < 0  # the patient's left is -x
        assert 0 < pedicles["right"].medial[0] < pedicles["right"].lateral[0]


@pytest.mark.parametrize(
    "case", [{"seed": 11, "variety": 0.0}, {"pitch_mm": 1.0, "seed": 21, "canal_share": 0.65}]
)
def test_the_bony_canal_is_open_and_as_deep_as_planned(case: dict[str, float]) -> None:
    plan, canvas = painted(**case)
    for name in LUMBAR:
        body = plan.vertebra(name)
        cranial = body.pedicle_cranial_mm - 6.0
        wall = float(body.wall_posterior(np.array(cranial)))
        back = np.arange(1.0, 40.0, 0.05)
        line = np.column_stack([0 * back, wall + back, np.full_like(back, cranial)])
        bone = np.isin(canvas.fine.tissue[index(canvas, body.to_world(line))], BONE)
        assert back[bone][0] == pytest.approx(body.canal_depth_mm, abs=2.0)
    middle = plan.canal.front[30:-60]  # past the upper edge of the field, above its lower one
    spots = middle + 0.45 * plan.canal.depth_mm[30:-60, None] * [0.0, -1.0, 0.0]
    inside = (spots[:, 2] > canvas.fine.origin[2] + 5) & (
        spots[:, 2] < canvas.fine.origin[2] + canvas.shape[2] * canvas.pitch_mm - 5
    )
    assert not np.isin(canvas.fine.tissue[index(canvas, spots[inside])], BONE).any()


def test_medial_edges_of_the_facet_joints_lie_where_joint_is_painted() -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    joint = np.argwhere(canvas.fine.tissue == Tissue.JOINT) * FINE_MM + canvas.fine.origin
    for level, edges in facets_of(plan).items():
        if level.upper.startswith("T"):
            continue
        for edge in edges:
            assert np.linalg.norm(joint - edge, axis=1).min() <= 3 * FINE_MM
        assert 12 < np.linalg.norm(edges[0] - edges[1]) < 32
        assert edges[0][0] < 0 < edges[1][0]


def test_joint_space_parts_the_articular_processes() -> None:
    _, canvas = painted(seed=11, variety=0.0)
    for upper, lower in pairwise(LUMBAR):
        a = canvas.anatomy == anatomy_index(Structure.POSTERIOR_ELEMENTS, upper)
        b = canvas.anatomy == anatomy_index(Structure.POSTERIOR_ELEMENTS, lower)
        touching = sum((np.roll(a, shift, axis) & b).sum() for axis in range(3) for shift in (-1, 1))
        assert touching < 200  # spinous processes may kiss; joints may not fuse
        assert b.sum() * FINE_MM**3 > 8000


def test_posterior_elements_start_behind_the_body() -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    for name in LUMBAR:
        body = plan.vertebra(name)
        label = anatomy_index(Structure.POSTERIOR_ELEMENTS, name)
        own = body.to_own(np.argwhere(canvas.anatomy == label) * FINE_MM + canvas.fine.origin)
        assert own[:, 1].min() > 0
        assert np.ptp(own[:, 0]) > 0.8 * min(body.transverse_mm, 88)
        tip = own[np.abs(own[:, 0]) < 3, 1].max()
        assert tip == pytest.approx(body.upper_depth_mm / 2 + body.canal_depth_mm + body.spinous_mm, abs=6.0)


def test_sides_are_named_from_the_patients_left() -> None:
    assert dict(SIDES) == {"left": 1.0, "right": -1.0}  # of the own coordinate, which grows to the left
