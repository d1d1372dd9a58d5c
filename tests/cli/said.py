"""What a command said."""

from __future__ import annotations

import pytest

Captured = pytest.CaptureFixture[str]


def error_line(capsys: Captured) -> str:
    """What was said on stderr: exactly one line, without traceback, box or colour."""
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.endswith("\n")
    assert said.startswith("resorb: ")
    assert "Traceback" not in said and "│" not in said and "\x1b" not in said
    return said
