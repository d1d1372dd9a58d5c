"""`resorb fhir`: out and in again, red flags first, and what was not carried over is listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resorb import cli
from resorb.clinic.files import read_course
from tests.cli.said import Captured, error_line
from tests.clinic.compared import change

MODEL = Path(__file__).parents[2] / "examples" / "model_case.yaml"


@pytest.mark.parametrize("version", ["R4B", "R5"])
def test_a_record_goes_out_and_comes_back(version: str, tmp_path: Path, capsys: Captured) -> None:
    bundle, back = tmp_path / "bundle.json", tmp_path / "back.yaml"
    arguments = ["fhir", "export", str(MODEL), "-o", str(bundle), "--version", version, "--identifiers", "-q"]
    assert cli.run(arguments) == 0
    assert cli.run(["fhir", "import", str(bundle), "-o", str(back), "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert read_course(back).course == read_course(MODEL).course


def test_what_is_withheld_is_listed_after_the_red_flags(tmp_path: Path, capsys: Captured) -> None:
    bundle = tmp_path / "bundle.json"
    assert cli.run(["fhir", "export", str(MODEL), "-o", str(bundle)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("RED FLAG  Urgent: ") and lines[-1].startswith("Research use only")
    listed = [line for line in lines if line.startswith("Not carried over: ")]
    assert any("patient.pseudonym: withheld" in line for line in listed) and len(listed) == 3
    assert "model-case" not in bundle.read_text("utf-8")


def test_what_a_record_has_no_place_for_is_listed(tmp_path: Path, capsys: Captured) -> None:
    bundle = tmp_path / "bundle.json"
    record = tmp_path / "record.yaml"
    record.write_text(MODEL.read_text("utf-8") + "changes: [change.json]\n", encoding="utf-8")
    (tmp_path / "change.json").write_text(change().to_json())
    assert cli.run(["fhir", "export", str(record), "-o", str(bundle), "-q"]) == 0
    content = json.loads(bundle.read_text("utf-8"))
    kinds = [entry["resource"]["resourceType"] for entry in content["entry"]]
    assert kinds.count("BodyStructure") == 1
    content["entry"].append({"resource": {"resourceType": "Basic", "code": {"text": "something else"}}})
    bundle.write_text(json.dumps(content), encoding="utf-8")
    assert cli.run(["fhir", "import", str(bundle), "-o", str(tmp_path / "back.json")]) == 0
    said = capsys.readouterr().out
    assert f"Not carried over: entry {len(content['entry'])} (Basic): no_field" in said
    assert "the herniation followed at L4/L5 is not in the record" in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["export", str(MODEL), "-o", "b.json", "--version", "R3"], 2, "R4B or R5"),
        (["export", "gone.yaml", "-o", "b.json"], 3, "cannot be read"),
        (["export", str(MODEL), "-o", "there.json"], 6, "--overwrite"),
        (["import", "gone.json", "-o", "r.yaml"], 3, "cannot be read"),
        (["import", "there.json", "-o", "r.yaml"], 3, "not a FHIR bundle"),
        (["import", "there.json", "-o", "r.txt"], 2, "end in .yaml or .json"),
        (["import", "there.json", "-o", "there.json", "--overwrite"], 3, "not a FHIR bundle"),
        (["import", "there.json"], 2, "--output"),
        ([], 2, "Missing command"),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(
    arguments: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.json").write_text("{}")
    assert cli.run(["fhir", *arguments]) == code
    assert said in error_line(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["there.json"]
    assert (tmp_path / "there.json").read_text() == "{}"
