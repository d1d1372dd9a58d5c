"""`resorb compare`: two or more dates of one patient."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resorb.cli.options import Debug, LimitsFile, OutputPath, Overwrite, Quiet, Strict
from resorb.cli.printing import RESEARCH, print_pdf
from resorb.errors import UsageError

if TYPE_CHECKING:
    from resorb.anatomy import Level
    from resorb.change import History
    from resorb.comparing import Comparison

#: What a user may say was done, and what the record calls it.
BETWEEN: dict[str, History] = {
    "none": "none",
    "unknown": "unknown",
    "surgery": "operated",
    "injection": "injected",
}


def compare(
    studies: Annotated[
        list[Path],
        typer.Argument(
            metavar="STUDY STUDY [STUDY ...]",
            help="Two or more: NIfTI files, DICOM folders or zips, or folders that `resorb read` made.",
        ),
    ],
    output: OutputPath,
    dates: Annotated[
        list[str] | None,
        typer.Option(
            "--date",
            metavar="YYYY-MM-DD",
            help="Date of a study, where its headers have none: once for each, in their order.",
        ),
    ] = None,
    between: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="What was done to the disc between the dates: none, surgery, injection or unknown (taken for granted "
            "if nothing is said), and at which, e.g. surgery:L4/L5. Once for all, or for each interval in order.",
        ),
    ] = None,
    lowest_disc: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEVEL",
            help="Name of the lowest disc in the image, e.g. L5/S1, where the count is wrong: once for all studies, "
            "or for each in their order.",
        ),
    ] = None,
    limits: LimitsFile = None,
    recovery: Annotated[
        bool,
        typer.Option(
            "--recovery",
            help="Put synthetic herniations of known volume into these scans, and tell how much of them is found "
            "(takes minutes).",
        ),
    ] = False,
    strict: Strict = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare MRIs of one patient: what became of each herniation, and whether that is more than measurement error.

    DIR will hold report.html, report.pdf, figure.png, figure.svg, figure-plain.png, course.png, course.svg,
    change.json, change.csv, letter.txt, run.json, and in dates/ each date as it was measured.

    **Examples**

    `resorb compare january.zip july.zip -o change`

    `resorb compare first second -o change --between none`

    `resorb compare a.nii.gz b.nii.gz -o change --date 2024-01-15 --date 2024-07-18`

    **Exit codes**: 0 done, whatever was found; 1 our fault; 2 wrong usage; 3 input unreadable or invalid; 4 not lumbar
    T2 MRI; 5 refused under --strict; 6 cannot write; 130 interrupted.
    """
    from resorb import comparing, terminal
    from resorb.anatomy import Level

    said = [_between(one) for one in between or ()]
    options = comparing.CompareOptions(
        dates=tuple(_date(one) for one in dates or ()),
        between=tuple(what for what, _ in said),
        levels=tuple(level for _, level in said),
        lowest_disc=tuple(Level.parse(one) for one in lowest_disc or ()),
        limits=limits,
        strict=strict,
        recovery=recovery,
    )
    with terminal.progress_bar(quiet) as progress:
        comparison = comparing.compare(studies, output, options, overwrite=overwrite, progress=progress)
    if not quiet:
        print_comparison(comparison, output)


def print_comparison(comparison: Comparison, output: Path) -> None:
    """Print what must not wait, the finding, every level, what is in doubt, and where the report lies."""
    from resorb import terminal

    change = comparison.change
    for alert in change.alerts:
        terminal.say(alert)
    terminal.say(change.sentence)
    terminal.show(terminal.change_table(change))
    if change.recovery is not None:
        terminal.say(change.recovery.words)
    for note in (*change.warnings, *comparison.notes):
        terminal.say(f"Note: {note}")
    terminal.say(change.not_recovery)
    terminal.say(f"Report: {output / 'report.html'}")
    print_pdf(output / "report.pdf")
    terminal.say(RESEARCH)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--date {text} is no date: dates read like 2024-07-18") from error


def _between(text: str) -> tuple[History, Level | None]:
    from resorb.anatomy import Level

    what, _, level = text.partition(":")
    if what not in BETWEEN:
        raise UsageError(
            f"--between {text}: say {', '.join(BETWEEN)}, and a level if you like (surgery:L4/L5)"
        )
    return BETWEEN[what], Level.parse(level) if level else None
