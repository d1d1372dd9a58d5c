"""`resorb limits`: every threshold, and what a user's file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from resorb import cli
from resorb.limits import load_limits
from tests.cli.said import Captured, error_line


def test_every_limit_is_printed_with_its_meaning_and_whether_it_is_verified(capsys: Captured) -> None:
    assert cli.run(["limits"]) == 0
    said = capsys.readouterr().out
    for name in load_limits().entries:
        assert name in said
    assert "unverified" in said and load_limits().sha256 in said
    assert "Overridden" not in said


def test_a_users_file_is_seen(tmp_path: Path, capsys: Captured) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("canal_mild = 0.25\n")
    assert cli.run(["limits", "--limits", str(mine)]) == 0
    said = capsys.readouterr().out
    assert "Overridden: canal_mild" in said and "0.25" in said and "yours, unverified" in said
    assert load_limits(mine).sha256 in said


@pytest.mark.parametrize(("text", "code"), [("no_such_limit = 1", 2), ("displaced_depth 3", 3)])
def test_a_wrong_file_is_refused(text: str, code: int, tmp_path: Path, capsys: Captured) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    assert cli.run(["limits", "--limits", str(mine)]) == code
    assert "mine.toml" in error_line(capsys)
