from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.simulation.spine.build import paint_bones, paint_discs
from resorb.simulation.spine.canal import paint_canal
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.ligaments import paint_ligaments
from resorb.simulation.spine.midline import Midline
from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.spine.surroundings import paint_surroundings
from resorb.simulation.tissue import Tissue
from tests.simulation.spine.soft_cases import MEAN, disc_middle, empty, planned

SOFT = [Tissue.FAT, Tissue.EPIDURAL_FAT, Tissue.MUSCLE]
PITCH_MM = 0.8
Spine = tuple[SpinePlan, Canvas, np.ndarray, np.ndarray]


def built(**asked: float) -> Spine:
    """A spine with its ligaments, and tissue and anatomy as they were before these."""
    plan = planned(**asked)
    canvas = empty(plan, PITCH_MM)
    for paint in (paint_surroundings, paint_canal, paint_bones, paint_discs):
        paint(plan, canvas)
    before, anatomy = canvas.fine.tissue.copy(), canvas.anatomy.copy()
    paint_ligaments(plan, canvas)
    return plan, canvas, before, anatomy


@pytest.fixture(scope="module")
def spine() -> Spine:
    return built(seed=4, **MEAN)


def ligament_points(spine: Spine) -> np.ndarray:
    """(n, 3) canal coordinates of what was painted."""
    plan, canvas, before, _ = spine
    painted = np.argwhere(canvas.fine.tissue != before)
    return np.asarray(Midline.of(plan).to_canal(painted * canvas.pitch_mm + canvas.fine.origin))


def test_only_soft_tissue_becomes_ligament(spine: Spine) -> None:
    _, canvas, before, anatomy = spine
    changed = canvas.fine.tissue != before
    assert set(np.unique(canvas.fine.tissue[changed])) == {Tissue.LIGAMENT}
    assert np.isin(before[changed], SOFT).all()
    assert (anatomy[changed] == 0).all()
    assert canvas.anatomy.tobytes() == anatomy.tobytes()


def test_posterior_longitudinal_ligament_lies_on_the_discs(spine: Spine) -> None:
    plan, canvas, _, anatomy = spine
    x, _, z = canvas.fine.axes()
    found = []
    for upper in ("L1", "L2", "L3", "L4", "L5"):
        middle = disc_middle(plan, upper)
        k = int(np.argmin(np.abs(z - middle[2])))
        for offset in (-3.0, 0.0, 3.0):
            i = int(np.argmin(np.abs(x - middle[0] - offset)))
            disc = np.flatnonzero(anatomy[i, :, k] // STRUCTURE_STEP == Structure.DISC)
            near = canvas.fine.tissue[i, disc[0] - 2 : disc[0], k]
            found.append(Tissue.LIGAMENT if (near == Tissue.LIGAMENT).any() else Tissue(int(near[-1])))
    # On a coarse grid the dura may leave no whole voxel for it; then the dura lies on the disc.
    assert set(found) <= {Tissue.LIGAMENT, Tissue.DURA}
    assert np.mean(np.array(found) == Tissue.LIGAMENT) > 0.7


def test_anterior_longitudinal_ligament_lies_on_the_bodies(spine: Spine) -> None:
    plan, canvas, _, anatomy = spine
    x, _, z = canvas.fine.axes()
    for name in ("L1", "L3", "L5"):
        middle = plan.vertebra(name).pose[:3, 3]
        i, k = int(np.argmin(np.abs(x - middle[0]))), int(np.argmin(np.abs(z - middle[2])))
        body = np.flatnonzero(anatomy[i, :, k] // STRUCTURE_STEP == Structure.VERTEBRAL_BODY)
        ahead = canvas.fine.tissue[i, body[-1] + 1 : body[-1] + 5, k]
        assert (ahead == Tissue.LIGAMENT).any(), name


def flava(spine: Spine) -> np.ndarray:
    """(n, 3) canal coordinates of what lies between the laminae."""
    plan, points = spine[0], ligament_points(spine)
    midline = Midline.of(plan)
    depth = np.interp(points[:, 2], midline.along, midline.depth_mm)
    near = (points[:, 1] > 0.5 * depth) & (points[:, 1] < depth + 6.0) & (np.abs(points[:, 0]) > 1.5)
    return np.asarray(points[near])


def test_flava_lie_behind_every_lumbar_disc_left_and_right(spine: Spine) -> None:
    plan, points = spine[0], flava(spine)
    midline = Midline.of(plan)
    place = np.interp(points[:, 2], midline.along, midline.place)
    for level in range(2, len(plan.vertebrae)):
        there = np.abs(place - level) < 0.5
        left, right = (there & (points[:, 0] > 0)).sum(), (there & (points[:, 0] < 0)).sum()
        volume = (left + right) * PITCH_MM**3
        assert volume > 100.0, plan.vertebrae[level - 1].name
        assert 0.6 < left / right < 1.6


def test_flava_are_thicker_behind_worn_discs(spine: Spine) -> None:
    plan = spine[0]
    worn = replace(
        plan,
        discs=tuple(replace(disc, spec=disc.spec.model_copy(update={"grade": 5})) for disc in plan.discs),
    )
    fine = replace(spine[1].fine, tissue=spine[2].copy(), mix=spine[1].fine.mix.copy())
    canvas = Canvas(fine, spine[3].copy())
    paint_ligaments(worn, canvas)
    thick = (worn, canvas, spine[2], spine[3])
    assert len(flava(thick)) > 1.1 * len(flava(spine))


def test_interspinous_and_supraspinous_ligaments_lie_in_the_midline(spine: Spine) -> None:
    plan, points = spine[0], ligament_points(spine)
    midline = Midline.of(plan)
    depth = np.interp(points[:, 2], midline.along, midline.depth_mm)
    spinous = points[:, 1] > depth + 12.0
    assert (np.abs(points[spinous, 0]) < 5.0).all()
    place = np.interp(points[spinous, 2], midline.along, midline.place)
    for level in range(2, len(plan.vertebrae) - 1):
        assert (np.abs(place - level - 0.3) < 0.5).sum() * PITCH_MM**3 > 100.0


def test_same_seed_same_bytes(spine: Spine) -> None:
    plan, canvas, before, anatomy = spine
    again = Canvas(
        replace(canvas.fine, tissue=before.copy(), mix=np.zeros_like(canvas.fine.mix)), anatomy.copy()
    )
    paint_ligaments(plan, again)
    assert again.fine.tissue.tobytes() == canvas.fine.tissue.tobytes()
    changed = before != canvas.fine.tissue
    assert again.fine.mix[changed].tobytes() == canvas.fine.mix[changed].tobytes()
