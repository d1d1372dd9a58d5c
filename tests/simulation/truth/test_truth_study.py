"""The whole record: poses, JSON, independence, and its time."""

from __future__ import annotations

import ast
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

import resorb.simulation.truth as package
from resorb.anatomy import Level
from resorb.errors import InputError
from resorb.simulation.spec import HerniationSpec, SpineSpec
from resorb.simulation.tissue import Tissue
from resorb.simulation.truth import LevelTruth, StudyTruth, date_geometry, truth_of
from resorb.study import FloatArray
from tests.simulation import toy
from tests.simulation.truth.shapes import AT_REST, L45, Lying, Stacked, ellipsoid, painted, spine, truth

HERNIATED = painted(ellipsoid((-5, 0, -1), (7, 6, 4)))
LENGTHS = ("depth_mm", "width_mm", "height_mm", "cranial_migration_mm", "caudal_migration_mm")


def moved(turn_deg: ArrayLike, shift_mm: ArrayLike) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def flexed(name: str, degrees: float) -> Stacked:
    """A vertebra, and all above it, bent forwards about the middle of the disc below it."""
    at = toy.NAMES.index(name)
    centre = np.array([0.0, toy.DEPTH_MM / 2, toy.middle_z(name) - (toy.BODY_MM + toy.DISC_MM) / 2])
    bend = moved((-degrees, 0, 0), (0, 0, 0))
    bend[:3, 3] = centre - bend[:3, :3] @ centre
    return Stacked({n: bend if k <= at else np.eye(4) for k, n in enumerate(toy.NAMES)})


def same(a: LevelTruth, b: LevelTruth, mm: float) -> None:
    for one, two in ((a.sizes, b.sizes), (a.focal[0].sizes, b.focal[0].sizes)):
        for name in LENGTHS:
            assert getattr(one, name).value == pytest.approx(getattr(two, name).value, abs=mm)
        assert one.volume_mm3.value == pytest.approx(two.volume_mm3.value, rel=1e-3)
        assert one.contact_mm2.value == pytest.approx(two.contact_mm2.value, rel=2e-3)
    assert a.canal_occupied.value == pytest.approx(b.canal_occupied.value, abs=1e-3)
    assert a.sac_area_mm2.value == pytest.approx(b.sac_area_mm2.value, rel=1e-3)
    assert a.classes.morphology.value == b.classes.morphology.value
    assert a.classes.zone.value == b.classes.zone.value


@pytest.mark.parametrize("number", range(5))
def test_however_the_patient_lies_the_millimetres_are_the_same(number: int) -> None:
    rng = np.random.default_rng(number)
    turn, shift = rng.uniform(-30, 30, 3), rng.uniform(-60, 60, 3)
    only = replace(HERNIATED, discs={L45: HERNIATED.discs[L45]})
    matrix = moved(turn, shift)
    posed = truth_of(only, Lying(matrix)).levels[0]
    same(posed, truth(HERNIATED), 0.02)
    apex = np.array(truth(HERNIATED).sizes.apex)
    assert posed.sizes.apex == pytest.approx(matrix[:3, :3] @ apex + matrix[:3, 3], abs=0.02)


@pytest.mark.parametrize("degrees", [-6.0, 5.0])
def test_flexion_elsewhere_changes_nothing_here(degrees: float) -> None:
    only = replace(HERNIATED, discs={L45: HERNIATED.discs[L45]})
    same(truth_of(only, flexed("L3", degrees)).levels[0], truth(HERNIATED), 0.02)


@pytest.mark.parametrize("degrees", [-4.0, 4.0])
def test_flexion_here_bends_the_shape_with_the_disc(degrees: float) -> None:
    only = replace(HERNIATED, discs={L45: HERNIATED.discs[L45]})
    bent, still = truth_of(only, flexed("L4", degrees)).levels[0], truth(HERNIATED)
    # Forwards the disc opens at the back: 17 mm behind its middle, by 17 mm times the sine.
    gap = still.posterior_height_mm.value + 17 * np.sin(np.radians(degrees))
    assert bent.posterior_height_mm.value == pytest.approx(gap, abs=0.05)
    one, other = bent.focal[0].sizes, still.focal[0].sizes
    assert one.depth_mm.value == pytest.approx(other.depth_mm.value, abs=0.3)
    assert one.volume_mm3.value == pytest.approx(other.volume_mm3.value, rel=0.2)
    assert bent.classes.zone.value == still.classes.zone.value


def test_disc_laid_open_by_a_slip_is_not_displaced() -> None:
    """L4 6 mm forwards of a disc that stayed: a triangle 6 by 10, 48 wide, lies open between corner and step."""
    forwards = np.array([0.0, 6.0, 0.0])
    upper = spine().vertebrae["L4"]
    rim = upper.lower_rim + forwards
    slipped = replace(upper, lower_rim=rim, wall=upper.wall + forwards)
    level = truth(replace(spine(), vertebrae={**spine().vertebrae, "L4": slipped}))
    assert level.slip_mm.value == pytest.approx(6)
    assert level.sizes.volume_mm3.value == pytest.approx(0, abs=1)
    assert level.uncovered_volume_mm3.value == pytest.approx(6 * 10 / 2 * 48, rel=0.03)


def test_json_there_and_back() -> None:
    study = truth_of(HERNIATED, AT_REST)
    again = StudyTruth.from_json(study.to_json())
    assert again == study
    assert [level.level for level in study.levels] == ["L3/L4", "L4/L5", "L5/S1"]
    assert study.at("L4/L5").degeneration == 2
    with pytest.raises(KeyError):
        study.at("L1/L2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema version 2, newer than this resorb knows"),
        ({"kind": "reading"}, "not a resorb truth"),
        ({"surprise": 1}, "this truth is invalid"),
    ],
)
def test_what_is_no_truth_is_refused(change: dict[str, object], message: str) -> None:
    record = json.loads(StudyTruth(grid_mm=0.5, levels=()).to_json())
    with pytest.raises(InputError, match=message):
        StudyTruth.from_json(json.dumps(record | change))
    with pytest.raises(InputError, match="not valid JSON"):
        StudyTruth.from_json("{")


def test_the_t2_ratio_comes_from_the_scanner_that_is_given() -> None:
    def signal(tissue, mix):  # type: ignore[no-untyped-def]
        return np.where(tissue == Tissue.CSF, 200.0, np.where(tissue == Tissue.DISPLACED, 50.0, np.nan))

    assert truth(HERNIATED).sizes.t2_ratio.reason == "no scanner was given"
    only = replace(HERNIATED, discs={L45: HERNIATED.discs[L45]})
    level = truth_of(only, AT_REST, signal=signal).levels[0]
    assert level.focal[0].sizes.t2_ratio.value == pytest.approx(0.25)


def test_the_geometry_of_a_date() -> None:
    matrix = moved((5, -10, 3), (10, 20, -5))
    found = date_geometry(HERNIATED, Lying(matrix), SpineSpec(seed=3))
    assert found.levels == ("L3/L4", "L4/L5", "L5/S1") and found.lumbar == ("L3", "L4", "L5")
    np.testing.assert_allclose(found.vertebrae["S1"], matrix)
    assert found.herniations[1].level == Level("L4", "L5")
    assert type(found).model_validate_json(found.model_dump_json()) == found
    assert isinstance(found.herniations[1], HerniationSpec)


def test_the_same_body_gives_the_same_bytes() -> None:
    assert truth_of(HERNIATED, AT_REST).to_json() == truth_of(HERNIATED, AT_REST).to_json()


def test_it_imports_nothing_that_measures() -> None:
    for file in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert not name.startswith(
                    tuple(
                        f"resorb.{step}" for step in ("measurement", "segmentation", "mechanism", "framing")
                    )
                ), f"{file.name} imports {name}"


@pytest.mark.slow
def test_three_levels_take_half_a_second_of_work() -> None:
    truth_of(HERNIATED, AT_REST)
    start = time.process_time()
    truth_of(HERNIATED, AT_REST)
    assert time.process_time() - start < 1.0
