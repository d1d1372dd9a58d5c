"""The command line: exit codes, one line per error, help."""

from __future__ import annotations

import signal
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
from tests.cli.said import Captured, error_line


def _fail_with(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_asked_to_end_it_clears_away_as_when_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(cli, "run", lambda _: signal.raise_signal(signal.SIGTERM))
    try:
        with pytest.raises(KeyboardInterrupt):
            cli.main()
    finally:
        signal.signal(signal.SIGTERM, before)


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
    assert "DOE" not in error_line(capsys)


def test_an_error_of_several_lines_is_said_in_one(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(pipeline, "read", _fail_with(InputError("first\n  second")))
    cli.run(["read", str(source), "-o", "out"])
    assert error_line(capsys) == "resorb: first second\n"


def test_an_unexpected_error_points_to_debug_and_debug_shows_the_traceback(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(pipeline, "read", _fail_with(RuntimeError("x")))
    assert cli.run(["read", str(source), "-o", "out"]) == 1
    assert "--debug" in error_line(capsys)
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
    error_line(capsys)
    assert not list(tmp_path.iterdir())


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
