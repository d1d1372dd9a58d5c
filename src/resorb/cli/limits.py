"""`resorb limits`: every threshold that is in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resorb.cli.options import Debug

if TYPE_CHECKING:
    from rich.table import Table

    from resorb.limits import Limits


def limits(
    file: Annotated[
        Path | None,
        typer.Option(
            "--limits", metavar="FILE", help="TOML file that overrides thresholds (docs/limits.md)."
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Print every threshold, what it decides, and where it comes from. Nothing is written.

    "unverified" marks a limit that no published source that was read confirms.

    **Examples**

    `resorb limits`

    `resorb limits --limits mine.toml`
    """
    from resorb import terminal
    from resorb.limits import load_limits

    found = load_limits(file)
    terminal.show(_table(found))
    if found.overrides:
        terminal.say(f"Overridden: {', '.join(found.overrides)}")
    terminal.say(f"Hash of these limits, as in run.json: {found.sha256}")


def _table(found: Limits) -> Table:
    from rich.table import Table

    table = Table("Limit", title="Limits in force", title_justify="left", show_lines=True)
    table.add_column("What it decides, and where it comes from", ratio=1)
    for name, one in found.entries.items():
        unit = "" if one.unit == "ratio" else f" {one.unit}"
        marks = [
            *(["yours"] if name in found.overrides else []),
            "verified" if one.verified else "unverified",
        ]
        table.add_row(
            f"{name}\n{one.value:.4g}{unit}\n{', '.join(marks)}",
            f"{one.meaning}\nSource: {one.source}",
            style="bold" if name in found.overrides else "",
        )
    return table
