"""`resorb mechanism`: which proposed mechanisms could have produced a change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resorb.cli.options import Debug, Overwrite, Quiet
from resorb.cli.printing import RESEARCH


def mechanism(
    change: Annotated[
        Path,
        typer.Argument(metavar="CHANGE", help="change.json, or the folder that `resorb compare` made."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to make; without it nothing is written."),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Weigh three proposed mechanisms of shrinkage on what was measured. Exploratory, for research.

    DIR will hold report.html, mechanism.png, mechanism.svg, mechanism.json and run.json.

    **Example**

    `resorb mechanism change/change.json -o mechanism`

    **Exit codes**: 0 done, whatever was found; 1 our fault; 2 wrong usage; 3 change unreadable or invalid; 6 cannot
    write; 130 interrupted.
    """
    from resorb import explaining, terminal

    record = explaining.mechanism(change, output, overwrite=overwrite)
    if quiet:
        return
    for one in record.herniations:
        terminal.say(f"{one.name}:")
        for sentence in (f"not fitted: {one.reason}",) if one.reason else one.sentences[:-1]:
            terminal.say(f"  {sentence}")
        for note in one.notes:
            terminal.say(f"  Note: {note}")
        if one.next_scan is not None:
            terminal.say(f"  {one.next_scan.words}")
    if not record.herniations:
        terminal.say("No herniation was followed in this comparison.")
    terminal.say(record.exploratory)
    if output is not None:
        terminal.say(f"Report: {output / explaining.REPORT_FILE}")
    terminal.say(RESEARCH)
