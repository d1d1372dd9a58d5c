"""`resorb read`: what it prints, and how its options reach the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from resorb import cli, pipeline
from tests import steps
from tests.cli.said import Captured, error_line


@pytest.mark.parametrize("arguments", [["--mask", "m.nii.gz"], ["--scheme", "spider"]])
def test_half_of_mask_and_scheme_is_wrong_usage(
    arguments: list[str], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    steps.stand_in(monkeypatch)
    assert cli.run(["read", str(source), "-o", str(tmp_path / "out"), *arguments]) == 2
    assert "--mask" in error_line(capsys)


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
        " --reader r.yaml"
    )
    assert cli.run(["read", str(source), "-o", "out", "-q", *options.split()]) == 0
    expected = pipeline.Options(
        4, Path("m.nii"), "spineps", steps.L4L5, Path("l.toml"), strict=True, reader=Path("r.yaml")
    )
    assert seen == [(source, Path("out"), expected, True)]
