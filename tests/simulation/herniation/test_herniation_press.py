"""What displaced material does to its neighbours: bone stays, soft tissue makes way and nothing of it is torn."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.herniation import displace, press
from resorb.simulation.phantom import Displaced, Phantom, Push
from resorb.simulation.spec import HerniationSpec
from resorb.simulation.tissue import Tissue
from tests.simulation import toy

PITCH = 0.5
ROOTS_X = (-6.0, -2.0, 2.0, 6.0)
BONE = (Tissue.CORTEX, Tissue.MARROW)
CASES = (
    ("bulge", "central", None),
    ("protrusion", "paracentral", "left"),
    ("extrusion", "central", None),
    ("extrusion", "subarticular", "right"),
    ("sequestration", "paracentral", "right"),
    ("protrusion", "foraminal", "left"),
    ("extrusion", "extraforaminal", "left"),
)


@cache
def spine() -> Phantom:
    """The toy with dura around its sac, four straight roots in its front, and a nerve crossing the left foramen."""
    phantom = toy.phantom(PITCH)
    tissue, anatomy = phantom.fine.tissue.copy(), phantom.anatomy
    x, y, z = np.meshgrid(*phantom.fine.axes(), indexing="ij", sparse=True)
    sac = anatomy == anatomy_index(Structure.THECAL_SAC)
    tissue[sac & ~ndimage.binary_erosion(sac)] = Tissue.DURA
    for at in ROOTS_X:
        tissue[(np.hypot(x - at, y + 8.0) < 0.8) & (z > -100)] = Tissue.ROOT
    tissue[(np.hypot(y + 2.5, z - 8.0) < 1.5) & (x < -12.0)] = Tissue.ROOT
    return replace(phantom, fine=replace(phantom.fine, tissue=tissue))


@cache
def made(kind: str, zone: str, side: str | None) -> tuple[Displaced, Phantom]:
    spec = HerniationSpec.model_validate({"level": "L4/L5", "type": kind, "zone": zone, "side": side})
    material = displace(spine(), spec, 4)
    return material, press(spine(), (material,))


def material_of(phantom: Phantom, material: Displaced, push: Push) -> NDArray[np.bool_]:
    """The material's voxels on the window of a push, with a voxel around them."""
    whole = np.zeros(phantom.fine.tissue.shape, np.bool_)
    whole[material.window] = material.distance < PITCH
    return whole[push.window]


@pytest.mark.parametrize("case", CASES)
def test_bone_neither_moves_nor_grows(case: tuple[str, str, str | None]) -> None:
    _, pressed = made(*case)
    before, after = (np.isin(p.fine.tissue, BONE) for p in (spine(), pressed))
    assert np.array_equal(before, after)
    push = pressed.pushes[0]
    assert not push.to_rest[:, before[push.window]].any()


@pytest.mark.parametrize("case", CASES)
def test_the_deformation_can_be_inverted_and_ends_inside_its_window(
    case: tuple[str, str, str | None],
) -> None:
    material, pressed = made(*case)
    (push,) = pressed.pushes
    assert push.to_rest.dtype == np.float32
    for axis in range(1, 4):
        ends = np.moveaxis(push.to_rest, axis, 0)
        assert not ends[[0, -1]].any()
    gradient = np.stack([np.stack(np.gradient(part, PITCH)) for part in push.to_rest])
    jacobian = np.linalg.det(np.moveaxis(gradient, (0, 1), (-2, -1)) + np.eye(3))
    disc = np.isin(spine().fine.tissue[push.window], (Tissue.ANNULUS, *BONE))
    near = ndimage.binary_dilation(material_of(pressed, material, push) | disc, iterations=2)
    assert jacobian[~near].min() > 0


@pytest.mark.parametrize("case", CASES)
def test_roots_stay_whole_and_keep_most_of_their_tissue(case: tuple[str, str, str | None]) -> None:
    _, pressed = made(*case)
    before, after = (p.fine.tissue == Tissue.ROOT for p in (spine(), pressed))
    joined = np.ones((3, 3, 3))
    assert ndimage.label(after, joined)[1] == ndimage.label(before, joined)[1]
    assert after.sum() > 0.9 * before.sum()


@pytest.mark.parametrize("case", CASES)
def test_the_sac_loses_no_more_than_its_water(case: tuple[str, str, str | None]) -> None:
    material, pressed = made(*case)
    sac = anatomy_index(Structure.THECAL_SAC)
    before, after = (np.count_nonzero(p.anatomy == sac) * PITCH**3 for p in (spine(), pressed))
    assert after <= before * 1.001
    assert before - after <= np.count_nonzero(material.distance < 0) * PITCH**3
    water = [np.count_nonzero(p.fine.tissue == Tissue.CSF) * PITCH**3 for p in (spine(), pressed)]
    assert water[0] - water[1] >= 0.8 * (before - after) - 10.0


def test_dura_is_carried_backwards_and_stays_closed() -> None:
    material, pressed = made("extrusion", "central", None)
    z = spine().fine.axes()[2]
    k = int(np.argmin(np.abs(z - material.exit_point[2])))
    water = pressed.fine.tissue[..., k] == Tissue.CSF
    wall = np.isin(pressed.fine.tissue[..., k], (Tissue.DURA, Tissue.ROOT))
    inside = np.isin(ndimage.label(~wall)[0], np.unique(ndimage.label(~wall)[0][water]))
    assert not (inside & (pressed.fine.tissue[..., k] == Tissue.EPIDURAL_FAT)).any()
    x, y, _ = spine().fine.axes()
    front = y[np.nonzero(water.any(0))[0]].max()
    assert front < -toy.SAC_FRONT_MM
    middle = np.abs(x) < 1
    assert y[np.nonzero(water[middle].any(0))[0]].max() < -(material.spec.depth_mm or 0.0)


def test_a_foraminal_herniation_pushes_the_exiting_root_up_and_out() -> None:
    spec = HerniationSpec.model_validate(
        {"level": "L4/L5", "type": "extrusion", "zone": "foraminal", "side": "left", "migration_mm": 4.0}
    )
    pressed = press(spine(), (displace(spine(), spec, 4),))
    x, y, z = spine().fine.axes()
    there = (x > -19) & (x < -15)
    heights = []
    for phantom in (spine(), pressed):
        _, j, k = np.nonzero((phantom.fine.tissue == Tissue.ROOT)[there])
        heights.append((y[j].mean(), z[k].mean()))
    assert heights[1][0] < heights[0][0] - 1.0
    assert heights[1][1] > heights[0][1] + 0.5


def test_material_is_painted_where_it_lies_and_covered_if_contained() -> None:
    for case, contained in ((CASES[1], True), (CASES[2], False)):
        material, pressed = made(*case)
        y = spine().fine.axes(material.window)[1][None, :, None]
        out = (material.distance < 0) & (y < 0)
        tissue, anatomy = pressed.fine.tissue[material.window], pressed.anatomy[material.window]
        assert (tissue[out] == Tissue.DISPLACED).all()
        assert (anatomy[out] == anatomy_index(Structure.DISC, "L4")).all()
        assert (pressed.fine.mix[material.window][out] == material.mix[out]).all()
        skin = (material.distance > 0) & (material.distance < PITCH) & (y < 0)
        assert (np.count_nonzero(tissue[skin] == Tissue.LIGAMENT) > 0) == contained


def test_several_are_pressed_in_turn_and_none_changes_nothing() -> None:
    one, _ = made("protrusion", "paracentral", "left")
    spec = HerniationSpec.model_validate({"level": "L3/L4", "type": "extrusion", "zone": "central"})
    two = displace(spine(), spec, 2)
    both = press(spine(), (one, two))
    assert both.displaced == (one, two)
    assert len(both.pushes) == 2
    for material in (one, two):
        y = spine().fine.axes(material.window)[1][None, :, None]
        out = (material.distance < 0) & (y < 0)
        assert (both.fine.tissue[material.window][out] == Tissue.DISPLACED).all()
    none = press(spine(), ())
    assert np.array_equal(none.fine.tissue, spine().fine.tissue)
    assert none.pushes == ()
    assert not (spine().fine.tissue == Tissue.DISPLACED).any()
