"""What several verbs print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resorb.timepoint import Timepoint

RESEARCH = "Research use only; not a medical device."


def print_pdf(path: Path) -> None:
    """Say where a PDF lies, or what is missing for it."""
    from resorb import terminal
    from resorb.reporting.pdf import NO_PDF

    terminal.say(f"PDF: {path}" if path.exists() else f"Note: {NO_PDF}")


def print_reading(timepoint: Timepoint, output: Path) -> None:
    """Print a reading's levels, what is in doubt, and where its report lies."""
    from resorb import terminal

    terminal.show(terminal.level_table(timepoint.reading))
    for doubt in (*timepoint.reading.doubts, *timepoint.reading.warnings):
        terminal.say(f"Note: {doubt}")
    terminal.say(f"Report: {output / 'report.html'}")
    terminal.say(RESEARCH)
