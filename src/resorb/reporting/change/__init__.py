"""The report of a change: a page, a figure, a course in time, a table, a letter and a PDF. Knows the nouns only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from resorb.change import Change
from resorb.reporting.section import Section
from resorb.timepoint import Timepoint

__all__ = ["report_change"]


def report_change(
    change: Change,
    timepoints: Sequence[Timepoint],
    folder: Path | str,
    *,
    same_day: str,
    dates_folder: str = "dates",
    further: Sequence[Section] = (),
    progress: Callable[[str, float], None] | None = None,
) -> None:
    """Write a change's files into an existing folder.

    They are `report.html`, `report.pdf` (where the extra `pdf` is installed), `figure.png` and `figure.svg`,
    `figure-plain.png` (arrows only), `course.png`, `course.svg`, `change.csv` and `letter.txt`. The same change gives
    the same bytes. There is no figure where no level has a frame on every date.

    Args:
        change: what was compared.
        timepoints: the dates, measured against the joint reference, in its order.
        folder: must exist; files of these names are replaced.
        same_day: what to ask about the same day where the canal is severely narrowed; shown with every alert.
        dates_folder: where the dates are stored, beside the page.
        further: sections of other steps, shown on the page before the audit; not printed.
        progress: called with what is being done and the fraction of the report that is done, in [0, 1].

    Raises:
        OSError: a file cannot be written.
    """
    # Drawing is imported when it is needed: the command line's help is instant.
    from resorb.reporting.change.report import Report

    Report(change, timepoints, same_day, dates_folder, tuple(further)).write(
        Path(folder), progress or (lambda _what, _fraction: None)
    )
