"""`resorb fhir`: a course as a FHIR bundle, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resorb.cli.options import Debug, Quiet
from resorb.cli.printing import RESEARCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resorb.clinic.record import Course
    from resorb.fhir import Leftover

fhir = typer.Typer(
    help="Exchange a course by FHIR: R4B and R5, out and in. Nothing is sent anywhere.",
    rich_markup_mode="markdown",
)
Replace = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")]


@fhir.command("export")
def export(
    record: Annotated[
        Path,
        typer.Argument(metavar="RECORD", help="The course of one patient, YAML or JSON (docs/course.md)."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="JSON file to make.")],
    version: Annotated[str, typer.Option("--version", metavar="V", help="Of FHIR: R4B or R5.")] = "R5",
    identifiers: Annotated[
        bool,
        typer.Option(
            "--identifiers", help="With the pseudonym and the paths of files, which may name the patient."
        ),
    ] = False,
    overwrite: Replace = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a record as a FHIR bundle, and list what could not be carried over.

    **Example**

    `resorb fhir export patient.yaml -o bundle.json --version R4B`
    """
    from typing import cast

    from resorb import exchange
    from resorb.fhir.dialect import Version

    # An unknown version is refused where the versions are known.
    exported = exchange.export_course(
        record, output, cast(Version, version), identifiers=identifiers, overwrite=overwrite
    )
    if not quiet:
        _print(exported.course, exported.leftovers, f"Bundle: {output}")


@fhir.command("import")
def import_(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="FHIR JSON, R4B or R5, of one patient.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Record to make: .yaml or .json.")
    ],
    overwrite: Replace = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the course of a FHIR bundle as a record, and list what could not be carried over.

    **Example**

    `resorb fhir import bundle.json -o patient.yaml`
    """
    from resorb import exchange, terminal

    imported = exchange.import_bundle(bundle, output, overwrite=overwrite)
    if quiet:
        return
    _print(imported.course, imported.leftovers, f"Record: {output}")
    for one in imported.followed:
        terminal.say(
            f"Note: the herniation followed at {one.level} is not in the record, which names comparisons by path."
        )


def _print(course: Course, leftovers: Iterable[Leftover], made: str) -> None:
    from resorb import terminal
    from resorb.clinic.red_flags import SAFETY_NET, red_flags

    terminal.show_flags(red_flags(course))
    terminal.say(SAFETY_NET)
    for one in leftovers:
        terminal.say(f"Not carried over: {one.where}: {one.reason}{f' ({one.detail})' if one.detail else ''}")
    terminal.say(made)
    terminal.say(RESEARCH)
