"""What is shown: a bar on a terminal only, tables that fit, paths that stay whole."""

from __future__ import annotations

import io
import sys

import pytest

from resorb import terminal
from resorb.reading import Quantity
from tests import steps


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_is_drawn_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress_bar(quiet=False) as progress:
        assert progress is not None
        progress("Segmenting", 0.5)
    assert "Segmenting" in screen.getvalue()
    assert not capsys.readouterr().out


@pytest.mark.parametrize(("stream", "quiet"), [(_Terminal(), True), (io.StringIO(), False)])
def test_no_bar_when_quiet_or_not_on_a_terminal(
    stream: io.StringIO, quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with terminal.progress_bar(quiet) as progress:
        assert progress is None
    assert not stream.getvalue()


def test_a_line_is_neither_wrapped_nor_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    line = "Report: " + "long/" * 40 + "[bold]report.html"
    terminal.say(line)
    assert capsys.readouterr().out == line + "\n"


def test_a_cropped_number_is_a_lower_bound_and_a_missing_one_a_dash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cropped = Quantity(value=None, low=120.0, reason="cropped")
    disc = steps.disc(steps.L4L5, None).model_copy(update={"volume_mm3": cropped})
    study = steps.study()
    terminal.show(terminal.level_table(steps.timepoint(study, steps.anatomy(study), disc).reading))
    row = next(line for line in capsys.readouterr().out.splitlines() if "L4/L5" in line)
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells[1:5] == ["-", "-", "≥ 120", "-"]
