"""`resorb info`: what is in a study, and which series would be used."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from resorb.cli.options import Debug, StudyPath


def info(
    study: StudyPath,
    series: Annotated[
        int | None, typer.Option(metavar="N", help="Show what would be used if series N were asked for.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
    debug: Debug = False,
) -> None:
    """Say what is in a study, which series would be used, and why. Nothing is written.

    **Examples**

    `resorb info patient.nii.gz`

    `resorb info dicom-folder --json`
    """
    from resorb import pipeline, terminal

    listing = pipeline.info(study, series=series)
    if json_:
        print(json.dumps(terminal.listing_record(listing), indent=2))
    else:
        terminal.show_listing(listing)
    if listing.refusal is not None:
        raise listing.refusal
