"""Cases shared by processes: one works on each, and what a dead one left behind is taken over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.claims import claimed


def test_a_case_is_worked_on_once(tmp_path: Path) -> None:
    claim = tmp_path / "claims" / "61-0000"
    with claimed(claim) as mine:
        assert mine
        with claimed(claim) as again:
            assert not again
    with claimed(claim) as later:
        assert later


def test_what_a_killed_process_held_is_free(tmp_path: Path) -> None:
    claim = tmp_path / "61-0000"
    code = (
        "import sys, time; from pathlib import Path; from benchmarks.claims import claimed\n"
        "with claimed(Path(sys.argv[1])) as mine: print(mine, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(claim)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"True\n"
        with claimed(claim) as mine:
            assert not mine
        other.kill()
    with claimed(claim) as mine:
        assert mine


def test_a_claim_is_given_back_when_work_fails(tmp_path: Path) -> None:
    claim = tmp_path / "61-0000"
    with pytest.raises(RuntimeError), claimed(claim):
        raise RuntimeError
    with claimed(claim) as mine:
        assert mine
