"""The command line: exit codes, one line per error, help, tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resorb import __version__, cli, pipeline
from resorb.errors import (
    InputError,
    NotMeasurableError,
    OutputError,
    ResorbError,
    StrictRefusal,
    UsageError,
)
from tests import steps

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "patient.nii.gz"
    path.write_bytes(b"image")
    return path


def _error_line(capsys: Captured) -> str:
    """What was said on stderr: exactly one line, without traceback, box or colour."""
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.endswith("\n")
    assert said.startswith("resorb: ")
    assert "Traceback" not in said and "│" not in said and "\x1b" not in said
    return said


def _fail_with(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ResorbError("no"), 1),
        (UsageError("no"), 2),
        (InputError("no"), 3),
        (NotMeasurableError("no"), 4),
        (StrictRefusal("no"), 5),
        (OutputError("no"), 6),
        (KeyboardInterrupt(), 130),
        (MemoryError(), 1),
        (RuntimeError("DOE^JANE"), 1),
    ],
)
def test_every_error_has_its_exit_code_and_one_line(
    error: BaseException,
    code: int,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setattr(pipeline, "read", _fail_with(error))
    assert cli.run(["read", str(source), "-o", str(tmp_path / "out")]) == code
    assert "DOE" not in _error_line(capsys)


def test_an_error_of_several_lines_is_said_in_one(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(pipeline, "read", _fail_with(InputError("first\n  second")))
    cli.run(["read", str(source), "-o", "out"])
    assert _error_line(capsys) == "resorb: first second\n"


def test_an_unexpected_error_points_to_debug_and_debug_shows_the_traceback(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(pipeline, "read", _fail_with(RuntimeError("x")))
    assert cli.run(["read", str(source), "-o", "out"]) == 1
    assert "--debug" in _error_line(capsys)
    assert cli.run(["read", str(source), "-o", "out", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["raed"],
        ["--nonsense"],
        ["read"],
        ["read", "x.nii.gz"],
        ["read", "x.nii.gz", "-o"],
        ["read", "x.nii.gz", "-o", "out", "--series", "four"],
        ["read", "x.nii.gz", "-o", "out", "--lowest-disc", "L9/S1"],
        ["read", "x.nii.gz", "-o", "out", "--lowest-disc", "sacrum"],
        ["read", "x.nii.gz", "y.nii.gz", "-o", "out"],
        ["info"],
        ["info", "a", "b"],
        ["demo"],
        ["course"],
        ["course", "record.yaml"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    _error_line(capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["--mask", "m.nii.gz"], ["--scheme", "spider"]])
def test_half_of_mask_and_scheme_is_wrong_usage(
    arguments: list[str], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    steps.stand_in(monkeypatch)
    assert cli.run(["read", str(source), "-o", str(tmp_path / "out"), *arguments]) == 2
    assert "--mask" in _error_line(capsys)


@pytest.mark.parametrize(
    "command", [[], ["--help"], ["info", "--help"], ["read", "-h"], ["demo", "--help"], ["course", "-h"]]
)
def test_help_teaches_by_examples(command: list[str], capsys: Captured) -> None:
    assert cli.run(command) == 0
    said = capsys.readouterr()
    assert "resorb " in said.out and not said.err
    if command in (["read", "-h"], ["info", "--help"], ["demo", "--help"], ["course", "-h"]):
        assert "Example" in said.out


def test_the_version_is_printed(capsys: Captured) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"resorb {__version__}\n"


def test_python_m_resorb_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "resorb", "read", "missing.nii.gz"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("resorb: ") and done.stderr.count("\n") == 1


def test_read_prints_the_levels_and_where_the_report_is(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    steps.stand_in(monkeypatch, doubts=("six lumbar bodies",))
    out = tmp_path / "out"
    assert cli.run(["read", str(source), "-o", str(out)]) == 0
    said = capsys.readouterr()
    assert not said.err, "no progress bar where stderr is no terminal"
    row = next(line for line in said.out.splitlines() if "L4/L5" in line)
    assert "6.2" in row and "displaced" in row
    assert "-" in next(line for line in said.out.splitlines() if "L5/S1" in line)
    assert "six lumbar bodies" in said.out
    assert str(out / "report.html") in said.out
    assert "Research use only" in said.out


def test_quiet_prints_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    steps.stand_in(monkeypatch)
    assert cli.run(["read", str(source), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_options_reach_the_pipeline(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[object, ...]] = []

    def read(*arguments: object, **named: object) -> None:
        seen.append((*arguments, named["overwrite"]))

    monkeypatch.setattr(pipeline, "read", read)
    options = (
        "--series 4 --mask m.nii --scheme spineps --lowest-disc L4-L5 --limits l.toml --strict --overwrite"
    )
    assert cli.run(["read", str(source), "-o", "out", "-q", *options.split()]) == 0
    expected = pipeline.Options(4, Path("m.nii"), "spineps", steps.L4L5, Path("l.toml"), strict=True)
    assert seen == [(source, Path("out"), expected, True)]


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
    assert "9" in _error_line(capsys)
