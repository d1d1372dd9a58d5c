"""`resorb read`: one MRI measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resorb.cli.options import Debug, LimitsFile, OutputPath, Overwrite, Quiet, Strict, StudyPath
from resorb.cli.printing import print_reading


def read(
    study: StudyPath,
    output: OutputPath,
    series: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Measure series N (see `resorb info`), not the one that would be chosen."
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Use this label map (NIfTI), made elsewhere, not the embedded model."
        ),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="S",
            help="How the label map is numbered: resorb, spider, spineps, totalspineseg, totalsegmentator.",
        ),
    ] = None,
    lowest_disc: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="Name of the lowest disc in the image, e.g. L5/S1, where the count is wrong.",
        ),
    ] = None,
    limits: LimitsFile = None,
    reader: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What a reader says of the levels (YAML or JSON, docs/masks.md)."),
    ] = None,
    strict: Strict = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find the levels of one lumbar MRI, measure each disc, and write a report.

    DIR will hold report.html, figure.png, figure.svg, levels.csv, reading.json, anatomy.nii.gz with
    anatomy.tsv, displaced.nii.gz, run.json, and anatomy_axial-N.nii.gz for axial stacks.

    **Examples**

    `resorb read patient.nii.gz -o patient`

    `resorb read dicom-folder -o patient --series 4 --strict`

    `resorb read patient.nii.gz -o patient --mask labels.nii.gz --scheme spineps`

    **Exit codes**: 0 done; 1 our fault; 2 wrong usage; 3 input unreadable or invalid; 4 not lumbar T2 MRI;
    5 refused under --strict; 6 cannot write; 130 interrupted.
    """
    from resorb import pipeline, terminal
    from resorb.anatomy import Level

    options = pipeline.Options(
        series=series,
        mask=mask,
        scheme=scheme,
        lowest_disc=Level.parse(lowest_disc) if lowest_disc is not None else None,
        limits=limits,
        strict=strict,
        reader=reader,
    )
    with terminal.progress_bar(quiet) as progress:
        timepoint = pipeline.read(study, output, options, overwrite=overwrite, progress=progress)
    if not quiet:
        print_reading(timepoint, output)
