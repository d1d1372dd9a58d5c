"""What is shown: a bar on a terminal only, tables that fit, paths that stay whole."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import threading

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
        progress("Segmenting", 0.5)
    assert "Segmenting" in screen.getvalue()
    assert not capsys.readouterr().out


@pytest.mark.parametrize(("stream", "quiet"), [(_Terminal(), True), (io.StringIO(), False)])
def test_no_bar_when_quiet_or_not_on_a_terminal(
    stream: io.StringIO, quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with terminal.progress_bar(quiet) as progress:
        progress("Segmenting", 0.5)
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


def test_an_interrupt_that_was_swallowed_is_raised_at_the_next_step() -> None:
    before = signal.getsignal(signal.SIGINT)
    with terminal.progress_bar(quiet=True) as progress:
        progress("one", 0.1)
        with contextlib.suppress(KeyboardInterrupt):  # as a callback during an import does
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress("two", 0.2)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_that_is_not_the_main_one_may_show_progress() -> None:
    said: list[str] = []

    def work() -> None:
        with terminal.progress_bar(quiet=True) as progress:
            progress("one", 0.5)
            said.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == ["done"]
