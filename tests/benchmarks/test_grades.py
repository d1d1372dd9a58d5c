"""Grades against what is measured: counting, missing discs, areas of closed form."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.grades import areas, degeneration, disc_rows, levels_upwards
from benchmarks.labelled import cases
from resorb.segmentation.levels import name_levels
from tests.benchmarks.sets import write_spider
from tests.spine import Bump, sampled, study_of

BUMP = Bump(depth=6.0, half_width=6.0, half_height=4.0)


def row(subject: str, herniated: int, depth: float | None) -> dict[str, str]:
    return {
        "subject": subject,
        "herniated": str(herniated),
        "depth_mm": "" if depth is None else str(depth),
        "slipped": "0",
    }


def test_discs_are_counted_upwards_from_the_sacrum() -> None:
    assert [str(level) for level in levels_upwards()[:7]] == [
        "L5/S1", "L4/L5", "L3/L4", "L2/L3", "L1/L2", "T12/L1", "T11/T12",
    ]  # fmt: skip


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    rows = [row("a", 1, 5.0), row("a", 0, 1.0), row("b", 1, 2.0), row("b", 0, 3.0), row("b", 0, 2.0)]
    found = areas(rows, "depth_mm")
    assert found is not None
    assert found.value == pytest.approx((3 + 1.5) / 6)
    assert found.low <= found.value <= found.high


def test_an_unmeasured_herniation_counts_against_and_another_disc_not_for() -> None:
    rows = [row("a", 1, 5.0), row("a", 0, 1.0), row("b", 1, None), row("b", 0, 2.0)]
    missed = areas(rows, "depth_mm")
    more = areas([*rows, row("b", 0, None)], "depth_mm")
    assert missed is not None and more is not None
    assert missed.value == more.value == pytest.approx(0.5)
    assert areas([row("a", 0, 1.0)], "depth_mm") is None


def test_every_graded_disc_has_a_row_with_the_depth_that_is_there(tmp_path: Path) -> None:
    folder = write_spider(tmp_path)
    (folder / "gradings.csv").write_text(
        "Patient,IVD label,Spondylolisthesis,Disc herniation,Disc bulging,Pfirrman grade\n"
        "1,1,1,0,1,4\n1,2,0,1,0,3\n1,5,0,0,0,1\n",
        encoding="utf-8",
    )
    (case,) = cases(folder, "test")
    structures = sampled(BUMP, spacing=(1.0, 0.5, 0.5)).sagittal()
    study, anatomy = study_of(structures), name_levels(structures, None, source="")
    found = {str(values["level"]): values for values in disc_rows(case, study, anatomy)}
    assert set(found) == {"L5/S1", "L4/L5", "L1/L2"}
    assert float(str(found["L4/L5"]["depth_mm"])) == pytest.approx(BUMP.depth, abs=0.5)
    assert float(str(found["L4/L5"]["focal_mm"])) == pytest.approx(BUMP.depth, abs=1.0)
    assert (found["L4/L5"]["herniated"], found["L5/S1"]["slipped"]) == (1, 1)
    assert [found[level]["bulging"] for level in ("L5/S1", "L4/L5")] == [1, 0]
    assert [found[level]["pfirrmann"] for level in ("L5/S1", "L4/L5", "L1/L2")] == [4, 3, 1]
    assert found["L1/L2"]["missing"] == "no such level was found"
    refused = list(disc_rows(case, study, "no lumbar spine here"))
    assert [values["missing"] for values in refused] == ["no lumbar spine here"] * 3


def graded(subject: str, said: str, pfirrmann: str) -> dict[str, str]:
    about = {"part": "train", "slipped": "0", "degeneration": said, "pfirrmann": pfirrmann}
    return row(subject, 0, 1.0) | about


def test_grades_that_agree_have_a_kappa_of_one_and_missing_ones_are_counted() -> None:
    rows = [graded(subject, grade, grade) for subject in "ab" for grade in "12345"]
    table = degeneration([*rows, graded("a", "", "3")])
    assert table is not None
    shown = [next(iter(column.cells)) for column in table.columns]
    assert shown[2:5] == ["10", "1", "100%"]
    assert str(shown[5]).startswith("1.000") and str(shown[6]).startswith("1.000")
    assert degeneration([graded("a", "", "3")]) is None
