from __future__ import annotations

import numpy as np
import pytest

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.tissue import Tissue
from tests.simulation.spine.skeleton_cases import FINE_MM, index, painted

SACRUM = anatomy_index(Structure.SACRUM, "S1")


def test_it_tapers_from_wings_wider_than_its_body() -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    widths = []
    for segment in plan.sacrum[:3]:
        middle = segment.pose[:3, 3]
        layer = canvas.anatomy[:, :, index(canvas, middle)[2]] == SACRUM
        widths.append(float(np.ptp(np.flatnonzero(layer.any(axis=1)))) * FINE_MM)
    assert widths[0] > 1.4 * plan.sacrum[0].width_mm
    assert widths[1] > widths[2] > plan.sacrum[2].width_mm


def test_its_front_bends_at_the_promontory_and_back_again() -> None:
    plan, _ = painted(seed=11, variety=0.0)
    lean = [np.degrees(np.arctan2(s.pose[2, 1], -s.pose[1, 1])) for s in plan.sacrum]
    l5 = plan.vertebra("L5").pose
    assert lean[0] - np.degrees(np.arctan2(l5[2, 1], -l5[1, 1])) > 10
    assert lean[-1] < lean[1] - 20  # its lower end turns forwards


def test_its_canal_is_open_and_roofed() -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    for segment in plan.sacrum[:2]:
        front = segment.depth_mm / 2
        back = np.arange(0.0, front + segment.canal_depth_mm + 12, 0.1)
        line = np.column_stack([0 * back, back, np.full_like(back, -2.0)])
        labels = canvas.anatomy[index(canvas, line @ segment.pose[:3, :3].T + segment.pose[:3, 3])]
        bone = labels == SACRUM
        edges = back[1:][np.diff(bone.astype(int)) != 0]
        assert len(edges) >= 2
        assert edges[1] - edges[0] == pytest.approx(segment.canal_depth_mm, abs=2.5)


def test_what_is_left_of_its_discs_belongs_to_it() -> None:
    plan, canvas = painted(seed=11, variety=0.0)
    upper, lower = plan.sacrum[0], plan.sacrum[1]
    end = upper.pose[:3, 3] - upper.pose[:3, 2] * upper.height_mm / 2
    start = lower.pose[:3, 3] + lower.pose[:3, 2] * lower.height_mm / 2
    at = index(canvas, (end + start) / 2)
    assert canvas.anatomy[at] == SACRUM
    assert canvas.fine.tissue[at] == Tissue.ANNULUS
