"""Simulated patients into folders: whole or not at all, and many of them resume."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from resorb import cli, synthesis
from resorb.errors import OutputError, UsageError
from resorb.simulation.spec import CaseSpec


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the simulation itself: writes one file, and remembers the cases."""
    names: list[str] = []

    def write(folder: Path, case: CaseSpec, **_: Any) -> tuple[()]:
        names.append(case.name)
        (folder / "case.json").write_text(case.model_dump_json())
        return ()

    monkeypatch.setattr(synthesis, "write_case", write)
    return names


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: (path / "case.json").read_bytes() for path in folder.iterdir() if path.is_dir()}


def test_many_go_on_where_they_stopped(made: list[str], tmp_path: Path) -> None:
    assert synthesis.simulate_many(3, 5, tmp_path / "a") == 3
    assert synthesis.simulate_many(5, 5, tmp_path / "a") == 2
    assert made == [f"case-{n:06d}" for n in range(1, 6)]
    assert [row["number"] for row in rows(tmp_path / "a")] == ["1", "2", "3", "4", "5"]
    synthesis.simulate_many(5, 5, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert (tmp_path / "a" / "manifest.csv").read_bytes() == (tmp_path / "b" / "manifest.csv").read_bytes()


def test_a_case_made_but_not_listed_is_not_made_again(made: list[str], tmp_path: Path) -> None:
    synthesis.simulate_many(2, 5, tmp_path / "a")
    manifest = tmp_path / "a" / "manifest.csv"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    assert synthesis.simulate_many(2, 5, tmp_path / "a") == 0
    assert len(rows(tmp_path / "a")) == 2 and len(made) == 2


def test_a_killed_run_is_taken_up_again(made: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / ".case-000001.partial-12ab").mkdir(parents=True)
    (folder / ".case-000001.partial-12ab" / "half").write_text("")
    assert synthesis.simulate_many(2, 5, folder) == 2
    manifest = folder / "manifest.csv"
    manifest.write_text(manifest.read_text()[:-9])  # killed while the last row was written
    assert synthesis.simulate_many(3, 5, folder) == 1
    assert [row["number"] for row in rows(folder)] == ["1", "2", "3"]
    assert not list(folder.glob(".case*"))


def test_cases_of_two_seeds_are_not_mixed(made: list[str], tmp_path: Path) -> None:
    synthesis.simulate_many(1, 5, tmp_path / "a")
    with pytest.raises(UsageError, match="seed 5"):
        synthesis.simulate_many(1, 6, tmp_path / "a")


def test_a_folder_of_other_things_is_left_alone(made: list[str], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter 1")
    with pytest.raises(OutputError, match="other things"):
        synthesis.simulate_many(1, 5, tmp_path)
    (tmp_path / "manifest.csv").write_text("a,b\n1,2\n")
    with pytest.raises(OutputError, match="not a list of simulated cases"):
        synthesis.simulate_many(1, 5, tmp_path)
    assert made == []


@pytest.mark.parametrize("count", [0, -3, 10**7])
def test_a_count_that_cannot_be_is_refused(count: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cases cannot be made"):
        synthesis.simulate_many(count, 5, tmp_path / "a")


def test_a_case_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(folder: Path, case: CaseSpec, **_: Any) -> tuple[()]:
        (folder / "half").write_text("")
        raise UsageError("the canal holds at most 14 mm there")

    monkeypatch.setattr(synthesis, "write_case", fail)
    assert cli.run(["simulate", "--case", "model", "-o", str(tmp_path / "out")]) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--case model"),
        (["--case", "model", "--random", "2"], "one of them"),
        (["--case", "model", "--seed", "3"], "--seed belongs to --random"),
        (["--random", "2", "--overwrite"], "goes on where it stopped"),
        (["--case", "nowhere.toml"], "cannot be read"),
        (["--random", "2", "--seed", "-1"], "--seed"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    made: list[str], arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["simulate", "-o", str(tmp_path / "out"), *arguments]) == 2
    printed = capsys.readouterr().err
    assert said in printed and printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_case_is_written_from_its_file(made: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\n[[dates]]\ndate = 2024-05-06\n')
    assert (
        cli.run(["simulate", "--case", str(tmp_path / "mine.toml"), "-o", str(tmp_path / "out"), "-q"]) == 0
    )
    assert made == ["mine"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"case.json", "run.json"}
    assert cli.run(["simulate", "--case", str(tmp_path / "mine.toml"), "-o", str(tmp_path / "out")]) == 6
