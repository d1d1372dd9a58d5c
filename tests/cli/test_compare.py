"""`resorb compare`: what it prints, and how its options reach what composes it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from resorb import cli, comparing
from resorb.change import Change
from resorb.opening import NO_DATES
from tests import steps
from tests.cli.said import Captured, error_line


def test_compare_prints_the_finding_every_level_and_where_the_report_is(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    steps.stand_in(monkeypatch)
    steps.stand_in_comparison(monkeypatch)
    out = tmp_path / "out"
    assert cli.run(["compare", str(source), str(source), "-o", str(out)]) == 0
    said = capsys.readouterr()
    assert not said.err
    words = steps.change().sentence
    assert said.out.index(words) < said.out.index("610") < said.out.index("Note: ")
    assert NO_DATES in said.out, "nothing said their dates"
    assert steps.change().not_recovery in said.out
    assert str(out / "report.html") in said.out and "Research use only" in said.out
    stored = Change.from_json((out / "change.json").read_text())
    assert stored.warnings == (NO_DATES, "dates 1 and 2 are the same images")


def test_an_alert_is_printed_before_everything_else(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    steps.stand_in(monkeypatch)
    steps.stand_in_comparison(monkeypatch)
    alert = "L4/L5: severe canal compromise. Ask the same day."
    monkeypatch.setattr(
        comparing, "compare_dates", lambda *_: steps.change().model_copy(update={"alerts": (alert,)})
    )
    assert cli.run(["compare", str(source), str(source), "-o", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith(alert)


def test_options_reach_the_comparison(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[object, ...]] = []

    def compare(*arguments: object, **named: object) -> None:
        seen.append((*arguments, named["overwrite"]))

    monkeypatch.setattr(comparing, "compare", compare)
    options = (
        "--date 2024-07-18 --date 2024-01-15 --between surgery:L4-L5 --lowest-disc L5/S1 --limits l.toml "
        "--strict --overwrite --recovery"
    )
    assert cli.run(["compare", "a", "b", "-o", "out", "-q", *options.split()]) == 0
    expected = comparing.CompareOptions(
        dates=(date(2024, 7, 18), date(2024, 1, 15)),
        between=("operated",),
        levels=(steps.L4L5,),
        lowest_disc=(steps.L5S1,),
        limits=Path("l.toml"),
        strict=True,
        recovery=True,
    )
    assert seen == [([Path("a"), Path("b")], Path("out"), expected, True)]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a"], 2, "two or more studies"),
        (["a", "b", "--date", "18.7.2024"], 2, "dates read like 2024-07-18"),
        (["a", "b", "--between", "resurgery"], 2, "surgery:L4/L5"),
        (["a", "b", "--between", "none:L4"], 2, "L4/L5"),
        (["a", "gone.nii.gz"], 3, "no such file"),
    ],
)
def test_a_wrong_request_is_one_line_and_writes_nothing(
    arguments: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["compare", *arguments, "-o", "out"]) == code
    assert said in error_line(capsys)
    assert not list(tmp_path.iterdir())


def test_the_run_names_no_path_of_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    steps.stand_in(monkeypatch)
    steps.stand_in_comparison(monkeypatch)
    studies = [tmp_path / f"DOE^JANE {n}.nii.gz" for n in (1, 2)]
    assert cli.run(["compare", *map(str, studies), "-o", str(tmp_path / "out"), "-q"]) == 0
    text = (tmp_path / "out" / "run.json").read_text()
    assert "DOE" not in text and str(tmp_path) not in text
    assert json.loads(text)["kind"] == "run"
    assert capsys.readouterr() == ("", "")
