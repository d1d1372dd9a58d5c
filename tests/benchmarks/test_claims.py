"""Cases shared by processes: one works on each, and what a dead one left behind is taken over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.claims import append, claimed, read

COLUMNS = ("subject", "value")


def test_a_case_is_worked_on_once(tmp_path: Path) -> None:
    claim = tmp_path / "claims" / "61-0000"
    with claimed(claim) as mine:
        assert mine and claim.read_text() == str(os.getpid())
        with claimed(claim) as again:
            assert not again
    with claimed(claim) as later:
        assert later


def test_what_a_dead_process_held_is_free(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    claim = tmp_path / "61-0000"
    claim.write_text(dead.stdout.decode().strip())
    with claimed(claim) as mine:
        assert mine


def test_a_claim_is_given_back_when_work_fails(tmp_path: Path) -> None:
    claim = tmp_path / "61-0000"
    try:
        with claimed(claim):
            raise RuntimeError
    except RuntimeError:
        pass
    assert not claim.exists()


def test_rows_of_several_processes_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "repeat.csv"
    code = (
        "import sys; from pathlib import Path; from benchmarks.claims import append\n"
        "for n in range(20): append(Path(sys.argv[1]), ('subject', 'value'), "
        "[{'subject': sys.argv[2], 'value': n}] * 50)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    assert [one.wait() for one in running] == [0, 0]
    rows = read(path)
    assert len(rows) == 2000 and {row["subject"] for row in rows} == {"a", "b"}
    assert path.read_text().count("subject,value") == 1


def test_nothing_to_add_makes_no_file(tmp_path: Path) -> None:
    append(tmp_path / "repeat.csv", COLUMNS, [])
    assert read(tmp_path / "repeat.csv") == []
