"""`resorb course`: the clinical course beside the images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resorb.cli.options import Debug, OutputPath, Overwrite, Quiet
from resorb.cli.printing import RESEARCH, print_pdf


def course(
    record: Annotated[
        Path,
        typer.Argument(metavar="RECORD", help="The course of one patient, YAML or JSON (docs/course.md)."),
    ],
    output: OutputPath,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Set a patient's course beside the images: red flags, time line, roots, outlook, in one report.

    DIR will hold report.html, report.pdf (extra `pdf`), timeline.png, timeline.svg, letter.txt, course.json,
    run.json.

    **Example**

    `resorb course patient.yaml -o patient-course`

    **Exit codes**: 0 done, whatever was found; 1 our fault; 2 wrong usage; 3 record or reading unreadable or
    invalid; 6 cannot write; 130 interrupted.
    """
    from resorb import joined, terminal

    with terminal.progress_bar(quiet) as progress:
        report = joined.course(record, output, overwrite=overwrite, progress=progress)
    if not quiet:
        terminal.show_course(report)
        terminal.say(f"Report: {output / joined.REPORT_FILE}")
        print_pdf(output / joined.PDF_FILE)
        terminal.say(RESEARCH)
