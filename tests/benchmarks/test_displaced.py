"""Agreement on displaced material whose truth is a closed form, and the run over scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import displaced
from benchmarks.common import Table
from benchmarks.displaced import COLUMNS, OF_CASE, TYPES, Planted, agreement, plant, printed, run
from benchmarks.implant_cases import Grade, Subject, level_frame
from benchmarks.labelled import cases
from resorb import Anatomy, Level, Structure, Volume
from resorb.anatomy import STRUCTURE_STEP
from resorb.segmentation.levels import name_levels
from resorb.simulation.implant import Implanted
from resorb.simulation.spec import HerniationSpec
from tests.benchmarks.sets import Reader, write_spider
from tests.spine import Bump, sampled, study_of

L4L5 = Level("L4", "L5")
BUMP = Bump(depth=6.0, half_width=7.0, half_height=5.0)
FINE = (1.0, 0.5, 0.5)


def planted() -> tuple[Anatomy, Planted]:
    """The closed-form spine without the bump, and with it as an implant."""
    without, with_bump = (sampled(bump, spacing=FINE).sagittal() for bump in (None, BUMP))
    anatomy = name_levels(without, None, source="")
    share = (with_bump.data == Structure.DISC) & (without.data != Structure.DISC)
    made = Implanted(
        with_bump, with_bump, without.with_data(share.astype(np.float32)), {"depth_mm": BUMP.depth}
    )
    spec = HerniationSpec(level=L4L5, zone="central", volume_mm3=300.0)
    return anatomy, Planted(spec, 0, made, level_frame(anatomy, L4L5))


def discs(volume: Volume) -> np.ndarray:
    return np.asarray(volume.data == Structure.DISC)


def test_a_perfect_prediction_agrees_and_the_truth_is_the_closed_form() -> None:
    anatomy, case = planted()
    found = agreement(anatomy.labels, case, discs(case.made.labels))
    assert (found["dice"], found["implant_dice"], found["implant_recall"]) == (1.0, 1.0, 1.0)
    assert found["implant_mm3"] == pytest.approx(BUMP.volume_mm3, rel=0.03)
    assert found["truth_mm3"] == found["predicted_mm3"]
    assert found["truth_mm3"] == pytest.approx(BUMP.volume_mm3 + found["bulge_mm3"], rel=0.05)


def test_a_model_that_leaves_it_out_has_found_nothing() -> None:
    anatomy, case = planted()
    before = anatomy.labels.data // STRUCTURE_STEP == Structure.DISC
    found = agreement(anatomy.labels, case, before)
    assert (found["implant_dice"], found["implant_recall"]) == (0.0, 0.0)
    assert found["predicted_mm3"] == found["bulge_mm3"]
    assert found["dice"] < 0.3


def test_half_of_it_has_the_recall_and_the_dice_of_a_half() -> None:
    anatomy, case = planted()
    model = discs(case.made.labels)
    middle = round(float(anatomy.labels.to_index(case.frame.origin)[0]))
    new = case.made.displaced.data > 0.5
    model[:middle] &= ~new[:middle]
    found = agreement(anatomy.labels, case, model)
    half = new[middle:].sum() / new.sum()
    assert half == pytest.approx(0.5, abs=0.15)
    assert found["implant_recall"] == pytest.approx(half)
    assert found["implant_dice"] == pytest.approx(2 * half / (1 + half), abs=0.01)


def test_what_is_called_disc_beside_it_counts_and_far_from_it_does_not() -> None:
    anatomy, case = planted()
    grid = anatomy.labels

    def with_ball(at: tuple[float, float, float]) -> dict[str, float]:
        points = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
        ball = np.linalg.norm(case.frame.to_local(points) - at, axis=-1) < 3.0
        return agreement(grid, case, discs(case.made.labels) | ball)

    perfect = agreement(grid, case, discs(case.made.labels))
    beside, in_front, far = with_ball((0, 9, 0)), with_ball((0, -20, 0)), with_ball((0, 24, 0))
    ball_mm3 = 4 / 3 * np.pi * 27
    assert beside["predicted_mm3"] - perfect["predicted_mm3"] == pytest.approx(ball_mm3, rel=0.1)
    assert beside["dice"] < 0.95
    assert in_front["dice"] == far["dice"] == 1.0


def subject(grade: Grade | None) -> Subject:
    structures = sampled(None, spacing=FINE).sagittal()
    image = study_of(structures).sagittal.volume
    anatomy = name_levels(structures, None, source="")
    return Subject("7", image, anatomy, {} if grade is None else {L4L5: grade})


def test_graded_levels_are_left_alone() -> None:
    assert plant(subject(None), L4L5, 0) == "not graded"
    assert plant(subject(Grade(True, False, 3)), L4L5, 0) == "graded as herniated"


def test_an_implant_is_large_enough_and_of_the_type_of_its_number() -> None:
    found = plant(subject(Grade(False, False, 2)), L4L5, 0)
    assert isinstance(found, Planted)
    assert found.spec.type == TYPES[0]
    assert float(found.made.displaced.data.sum()) * found.made.displaced.voxel_volume_mm3 >= 150.0


def test_a_run_makes_so_many_of_each_scan_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anatomy, case = planted()
    asked: list[int] = []

    def some(scan: Subject, level: Level, number: int) -> Planted | str:
        asked.append(number)
        return "no room" if level == Level("L5", "S1") else case

    scan = Subject("01", case.made.image, anatomy, {})
    monkeypatch.setattr(displaced, "plant", some)
    monkeypatch.setattr(displaced, "read_subject", lambda _data, _name: scan)
    monkeypatch.setattr(displaced, "loaded_again", lambda image, _case: image)
    monkeypatch.setattr(displaced, "segmented", lambda _study, _model: "refused")
    chosen = cases(write_spider(tmp_path / "set"), "test")
    table = Table(tmp_path / "displaced.csv", COLUMNS, OF_CASE)
    for _ in range(2):
        run(chosen, Reader(), tmp_path, 3, table)  # type: ignore[arg-type]
    rows = table.rows()
    made = [row for row in rows if not row["left_out"]]
    assert len(made) == 3
    assert len(asked) == len(rows)
    assert {row["implant_recall"] for row in made} == {"0.0000"}
    assert printed(made).row_count == 2  # protrusions (the type asked of the stand-in), and all
