"""The whole benchmark on a tiny set whose segmentation is known."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from benchmarks import accuracy
from benchmarks.accuracy_tables import pooled
from benchmarks.common import ROOT
from benchmarks.names import names_given
from resorb import Level, NotMeasurableError, Structure
from resorb.segmentation.levels import name_levels
from resorb.segmentation.model import Progress, Segmentation
from resorb.study import Volume
from tests.benchmarks.sets import AS_SPIDER, Reader, spine, write_set, write_spider

app = typer.Typer()
app.command()(accuracy.main)


def run(monkeypatch: pytest.MonkeyPatch, model: object, *arguments: str) -> Result:
    monkeypatch.setattr(accuracy, "chosen_model", lambda _folder, _folds: lambda _case: model)
    return CliRunner().invoke(app, arguments)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["structure"], row["region"]): row for row in table(folder / "accuracy.csv")}


def test_a_perfect_model_scores_one_and_a_second_run_adds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_spider(tmp_path / "set")
    model, arguments = Reader(), (str(tmp_path / "set"), "-o", str(tmp_path / "out"))
    result = run(monkeypatch, model, *arguments)
    assert result.exit_code == 0, result.output
    found = scores(tmp_path / "out")
    assert {structure for structure, _ in found} == {"vertebra", "disc", "canal"}
    for row in found.values():
        assert (row["dice"], row["dice_all"]) == ("1.0000", "1.0000")
    assert found["disc", "all"]["p95_surface_mm"] == "0.000"
    assert {region for _, region in found} == {"all", "0-9 mm", "9-20 mm", "beyond 20 mm"}
    (names,) = table(tmp_path / "out" / "names.csv")
    assert (names["levels"], names["right"], names["wrong"]) == ("3", "3", "")
    margins = table(tmp_path / "out" / "margins.csv")
    assert {row["level"] for row in margins} == {"L3/L4", "L4/L5", "L5/S1"}
    assert {row["p95_mm"] for row in margins} == {"0.000"}

    before = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    again = run(monkeypatch, model, *arguments)
    assert model.calls == 1
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == before
    assert "1.000" in again.output


def test_an_interrupted_case_is_finished_without_double_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_spider(tmp_path / "set")
    arguments = (str(tmp_path / "set"), "-o", str(tmp_path / "out"))
    run(monkeypatch, Reader(), *arguments)
    whole = table(tmp_path / "out" / "accuracy.csv")
    lines = (tmp_path / "out" / "accuracy.csv").read_text().splitlines(keepends=True)
    (tmp_path / "out" / "accuracy.csv").write_text("".join(lines[:3]))
    (tmp_path / "out" / "names.csv").unlink()
    run(monkeypatch, Reader(), *arguments)
    assert table(tmp_path / "out" / "accuracy.csv") == whole


def test_a_model_that_is_off_by_a_known_distance_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_spider(tmp_path / "set")
    run(monkeypatch, Reader(shift=2), str(tmp_path / "set"), "-o", str(tmp_path / "out"))
    row = scores(tmp_path / "out")["disc", "all"]
    # Discs are 10 mm high and moved down by 2 mm; the edges of the field aside, 8 of 10 mm are shared.
    assert float(row["dice_all"]) == pytest.approx(0.8, abs=0.03)
    assert float(row["p95_surface_mm"]) == pytest.approx(2.0, abs=0.01)


def test_slices_are_averaged_to_a_thickness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_spider(tmp_path / "set")
    run(monkeypatch, Reader(), str(tmp_path / "set"), "-o", str(tmp_path / "out"), "--thickness", "6")
    rows = table(tmp_path / "out" / "accuracy.csv")
    assert {row["slice_mm"] for row in rows} == {"6.00"}
    assert {row["thickness_mm"] for row in rows} == {"6"}
    # Near the middle nothing changes from slice to slice.
    found = scores(tmp_path / "out")
    assert float(found["disc", "0-9 mm"]["dice"]) > 0.97


def test_a_contrast_that_is_not_t2_has_rows_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = AS_SPIDER[spine().data]
    names = "1\tvertebra\n2\tdisc\n3\tcanal\n"
    write_set(tmp_path / "set", names, labels, "01", "T1w")
    write_set(tmp_path / "set", names, labels, "02", "T2w")
    result = run(monkeypatch, Reader(), str(tmp_path / "set"), "-o", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    found = {(row["subject"], row["contrast"]) for row in table(tmp_path / "out" / "accuracy.csv")}
    assert found == {("01", "T1w"), ("02", "T2w")}


class Refuser(Reader):
    """A model that finds nothing in the scan."""

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation:
        raise NotMeasurableError("no lumbar spine here")


def test_a_refused_scan_scores_nothing_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_spider(tmp_path / "set", "77")
    result = run(monkeypatch, Refuser(), str(tmp_path / "set"), "-o", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert re.search(r"Refused: set 77 T2w: no lumbar spine here", result.output)
    assert {row["dice"] for row in table(tmp_path / "out" / "accuracy.csv")} == {"0.0000"}
    margins = table(tmp_path / "out" / "margins.csv")
    assert margins and all(row["slices"] == row["missed"] for row in margins)


def test_graded_levels_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_spider(tmp_path / "set")
    (folder / "gradings.csv").write_text(
        "Patient,IVD label,Spondylolisthesis,Disc herniation\n1,1,0,0\n1,2,0,1\n1,3,0,0\n", encoding="utf-8"
    )
    result = run(monkeypatch, Reader(), str(folder), "-o", str(tmp_path / "out"))
    graded = {row["level"]: row["herniated"] for row in table(tmp_path / "out" / "margins.csv")}
    assert graded == {"L5/S1": "0", "L4/L5": "1", "L3/L4": "0"}
    assert "graded herniated" in result.output


def test_wrong_names_are_seen() -> None:
    structures = spine().sagittal()
    truth = name_levels(structures, None, source="")
    named = {str(level): truth.disc(level) for level in truth.levels}
    named |= {name: truth.body(name) for name in ("L3", "L4", "L5", "S1")}
    assert names_given(truth, named) == {name: name for name in named}
    off = name_levels(structures, None, source="", lowest_disc=Level("L4", "L5"))
    given = names_given(off, named)
    assert (given["L5/S1"], given["L4/L5"], given["L5"]) == ("L4/L5", "L3/L4", "L4")
    assert names_given(off, {"L5/S1": structures.data == Structure.BACKGROUND}) == {}


@pytest.mark.parametrize("way", [["benchmarks/accuracy.py"], ["-m", "benchmarks.accuracy"]])
def test_a_bad_folder_ends_in_one_line_and_its_exit_code(way: list[str], tmp_path: Path) -> None:
    command = [sys.executable, *way, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "dseg.tsv" in done.stderr


def test_pooled_distances_are_those_that_were_measured() -> None:
    rows = [{"distances_mm": "0.00:3 1.50:1"}, {"distances_mm": "2.00:2"}]
    assert np.sort(pooled(rows)).tolist() == [0, 0, 0, 1.5, 2, 2]
