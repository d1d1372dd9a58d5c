from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import resorb.simulation.implant as package
from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.errors import UsageError
from resorb.simulation.implant import Implanted
from resorb.simulation.implant.evaluation import implant_for_evaluation
from resorb.simulation.spec import HerniationSpec
from resorb.study import Volume
from tests.simulation.implant.box_scan import NOISE, box_scan

DISC_L45 = "L4/L5"


def spec(**asked: object) -> HerniationSpec:
    asked = {"level": DISC_L45, "zone": "central", "volume_mm3": 400.0, "depth_mm": 6.0} | asked
    return HerniationSpec.model_validate(asked)


@cache
def scan() -> tuple[Volume, Volume]:
    return box_scan()


@cache
def usual() -> Implanted:
    return implant_for_evaluation(*scan(), spec(), 1)


def structure(labels: Volume, wanted: Structure) -> np.ndarray:
    return np.asarray(labels.data // STRUCTURE_STEP == int(wanted))


@pytest.mark.parametrize(
    ("asked", "spacing"),
    [
        ({}, (1.0, 0.6, 0.6)),
        ({"type": "extrusion", "volume_mm3": 800.0, "depth_mm": 8.0, "migration_mm": -5.0}, (1.0, 0.6, 0.6)),
        ({"zone": "paracentral", "side": "left", "volume_mm3": 250.0, "depth_mm": 5.0}, (4.0, 0.6, 0.6)),
        ({"type": "sequestration", "volume_mm3": 500.0, "migration_mm": 6.0}, (1.0, 1.0, 1.0)),
    ],
)
def test_volume_and_depth_are_those_asked_for(
    asked: dict[str, object], spacing: tuple[float, float, float]
) -> None:
    wanted = spec(**asked)
    made = implant_for_evaluation(*box_scan(spacing), wanted, 3)
    assert wanted.volume_mm3 is not None and wanted.depth_mm is not None
    assert made.truth["volume_mm3"] == pytest.approx(wanted.volume_mm3, rel=0.03)
    assert made.truth["depth_mm"] == pytest.approx(wanted.depth_mm, abs=0.6)
    shown = float(made.displaced.data.sum(dtype=np.float64)) * made.displaced.voxel_volume_mm3
    assert shown == pytest.approx(wanted.volume_mm3, rel=0.03)


def test_the_depth_lies_behind_the_wall_that_was_drawn() -> None:
    made = usual()
    found = made.displaced.to_world(np.argwhere(made.displaced.data > 0.25))
    # The posterior walls lie in the plane y = 0, and posterior is -y.
    assert -found[:, 1].min() + 0.3 == pytest.approx(made.truth["depth_mm"], abs=0.5)
    assert found[:, 1].max() < 0.5
    assert np.ptp(found[:, 0]) + 1.0 == pytest.approx(made.truth["width_mm"], abs=1.0)
    assert np.ptp(found[:, 2]) + 0.6 == pytest.approx(made.truth["height_mm"], abs=1.0)


def test_bone_and_everything_far_away_keep_their_bits() -> None:
    image, labels = scan()
    made = usual()
    same = made.image.data == image.data
    bone = structure(labels, Structure.VERTEBRAL_BODY) | structure(labels, Structure.SACRUM)
    assert same[ndimage.distance_transform_edt(bone, sampling=image.spacing_mm) > 2.0].all()
    index = np.argwhere(~same)
    assert np.linalg.norm(made.image.to_world(index), axis=1).max() < 50.0
    assert (made.labels.data[bone] == labels.data[bone]).all()
    assert made.image.data.dtype == image.data.dtype and made.labels.data.dtype == labels.data.dtype


def test_tissue_is_pushed_aside_and_not_painted_over() -> None:
    before, after = (v.sagittal().data.astype(float) for v in (scan()[0], usual().image))
    part = usual().displaced.sagittal().data
    number, row = np.unravel_index(int(part.sum(axis=2).argmax()), part.shape[:2])
    end = int(np.flatnonzero(part[number, row] > 0.5).max())
    # The dark sheet in the sac still stands in bright CSF behind the material, farther back than it stood.
    sheets = [end + 2 + int(np.argmin(v[number, row, end + 2 : end + 14])) for v in (before, after)]
    assert after[number, row, sheets[1]] < 140
    assert after[number, row, end + 1 : sheets[1]].max() > 180
    assert 1 <= sheets[1] - sheets[0] <= 8


def test_the_sac_gives_way_and_its_back_stays() -> None:
    image, labels = scan()
    sacs = [structure(v, Structure.THECAL_SAC) for v in (labels, usual().labels)]
    lost = (sacs[0].sum() - sacs[1].sum()) * image.voxel_volume_mm3
    assert 0 < lost < 1.3 * usual().truth["volume_mm3"]
    backs = [image.to_world(np.argwhere(sac))[:, 1].min() for sac in sacs]
    assert backs[1] == pytest.approx(backs[0], abs=0.6)


def test_material_and_moved_tissue_are_as_noisy_as_the_scan() -> None:
    image, labels = scan()
    made = usual().image.sagittal().data.astype(float)
    fine = made - ndimage.gaussian_filter(made, (0, 1.0, 1.0))
    plain = image.sagittal().data.astype(float)
    reference = plain - ndimage.gaussian_filter(plain, (0, 1.0, 1.0))
    disc = ndimage.binary_erosion(structure(labels.sagittal(), Structure.DISC), iterations=3)
    material = ndimage.binary_erosion(usual().displaced.sagittal().data > 0.99, iterations=2)
    assert material.sum() > 50
    assert fine[material].std() == pytest.approx(reference[disc].std(), rel=0.25)
    assert reference[disc].std() == pytest.approx(NOISE, rel=0.2)


def test_storage_order_and_turned_patients_change_nothing() -> None:
    other = box_scan(axes=(2, 0, 1), flips=(True, False, True))
    made = implant_for_evaluation(*other, spec(), 1)
    assert made.truth == pytest.approx(usual().truth, rel=1e-6)
    assert made.image.shape == other[0].shape
    difference = made.image.sagittal().data.astype(int) - usual().image.sagittal().data
    assert np.abs(difference).max() <= 1
    turned = implant_for_evaluation(*box_scan(angles=(8.0, 4.0, 5.0)), spec(), 1)
    assert turned.truth["volume_mm3"] == pytest.approx(400.0, rel=0.03)
    assert turned.truth["depth_mm"] == pytest.approx(6.0, abs=0.6)


def test_a_seed_makes_one_shape_and_another_seed_another() -> None:
    again = implant_for_evaluation(*scan(), spec(), 1)
    other = implant_for_evaluation(*scan(), spec(), 2)
    assert again.image.data.tobytes() == usual().image.data.tobytes()
    assert again.displaced.data.tobytes() == usual().displaced.data.tobytes()
    first, second = usual().displaced.data > 0.5, other.displaced.data > 0.5
    dice = 2 * (first & second).sum() / (first.sum() + second.sum())
    assert dice < 0.93


def test_a_sequestrum_is_free_and_an_extrusion_is_not() -> None:
    for kind, pieces in (("extrusion", 1), ("sequestration", 2)):
        made = implant_for_evaluation(
            *scan(), spec(type=kind, volume_mm3=500.0, depth_mm=7.0, migration_mm=8.0), 4
        )
        disc = structure(made.labels, Structure.DISC)
        index = made.labels.to_world(np.argwhere(disc))
        box = np.zeros(disc.shape, bool)
        near = np.abs(index[:, 2]) < 18.0
        box[tuple(np.argwhere(disc)[near].T)] = True
        assert ndimage.label(box)[1] == pieces
        assert made.truth["migration_mm"] == pytest.approx(8.0, abs=2.0)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"depth_mm": 24.0}, "at most"),
        ({"volume_mm3": 7000.0}, "holds"),
        ({"level": "T12/L1"}, "not in the scan"),
        ({"zone": "extraforaminal", "side": "left"}, "nearer to the midline"),
    ],
)
def test_the_impossible_is_refused_with_its_limit(asked: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        implant_for_evaluation(*scan(), spec(**asked), 1)


def test_the_two_generators_share_no_shape_push_or_texture() -> None:
    folder = Path(str(package.__file__)).parent
    common = {"scene", "result", "margin"}
    makes = {True: set[str](), False: set[str]()}
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        mine = path.stem.startswith("evaluation")
        if path.stem in common | {"__init__"}:
            continue
        makes[mine] |= {
            name.split(".")[3]
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (name := node.module or "").count(".") >= 3
            if name.startswith("resorb.simulation.implant.")
        }
        assert not mine or "resorb.simulation.herniation" not in path.read_text(encoding="utf-8")
    assert all(name.startswith("evaluation") for name in makes[True] - common)
    assert not any(name.startswith("evaluation") for name in makes[False])
