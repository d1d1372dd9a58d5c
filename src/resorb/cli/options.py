"""The arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="NIfTI file, DICOM folder or zip of a DICOM folder.")
]
OutputPath = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Folder to make. It appears whole, or not at all when anything fails.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace DIR, if resorb made it and nobody added to it.")
]
LimitsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="TOML file that overrides thresholds (docs/limits.md).")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse, with exit code 5, when anything is in doubt.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
