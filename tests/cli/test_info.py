"""`resorb info`: the list of series, and the choice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resorb import cli
from tests import steps
from tests.cli.said import Captured, error_line


def test_info_lists_the_series_and_the_choice(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, tmp_path: Path
) -> None:
    study = steps.write_study(tmp_path / "patient_T2w.nii.gz")
    assert cli.run(["info", str(study)]) == 0
    said = capsys.readouterr().out
    assert "sagittal T2" in said and "series 1" in said

    assert cli.run(["info", str(study), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["sagittal"] == 1 and record["axial"] is None and record["refusal"] is None
    (series,) = record["series"]
    assert series["contrast"] == "T2" and series["stacks"][0]["spacing_mm"] == [4.0, 0.5, 0.5]


def test_info_of_a_study_without_t2_lists_it_and_says_why_it_is_not_measurable(
    capsys: Captured, tmp_path: Path
) -> None:
    study = steps.write_study(tmp_path / "patient_T1w.nii.gz")
    assert cli.run(["info", str(study), "--json"]) == 4
    said = capsys.readouterr()
    record = json.loads(said.out)
    assert record["sagittal"] is None and "T1" in record["refusal"]
    assert said.err.startswith("resorb: ") and said.err.count("\n") == 1


def test_info_names_a_series_that_is_not_there(capsys: Captured, tmp_path: Path) -> None:
    study = steps.write_study(tmp_path / "patient_T2w.nii.gz")
    assert cli.run(["info", str(study), "--series", "9"]) == 2
    assert "9" in error_line(capsys)
