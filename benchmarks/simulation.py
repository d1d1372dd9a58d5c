"""Time and peak memory of simulating a study, random cases, files and truth included."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table as Shown

from benchmarks.common import Table
from resorb import __version__

#: One case in a process of its own, so that its peak memory is its own; prints seconds and MiB.
CHILD = """
import resource, sys, time
from pathlib import Path
from resorb.simulation.draw import random_case
from resorb.simulation.files import write_case
case = random_case(int(sys.argv[1]), int(sys.argv[2]))
case = case.model_copy(update={"dates": case.dates[:1]})
since = time.perf_counter()
truth, = write_case(Path(sys.argv[3]), case)
seconds = time.perf_counter() - since
series = case.dates[0].series
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
names = "+".join(f"{one.sequence} {one.plane}" for one in series)
print(f"{seconds:.2f}|{peak:.0f}|{names}|{sum(len(one.focal) for one in truth.levels)}")
"""
COLUMNS = ("seed", "case", "resorb_version", "cores", "series", "herniations", "seconds", "peak_mib")


def main(
    count: Annotated[int, typer.Argument(min=1, help="How many random studies.")] = 20,
    seed: Annotated[int, typer.Option(help="Which.")] = 1,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for simulation.csv; rows there are kept.")
    ] = Path("out/bench"),
) -> None:
    """Simulate random studies of one date each; print a table, and append a row per study."""
    table = Table(output / "simulation.csv", COLUMNS, ("seed", "case", "resorb_version"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for number in range(1, count + 1):
        case = {"seed": seed, "case": number, "resorb_version": __version__}
        if table.holds(**case):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            arguments = [sys.executable, "-c", CHILD, str(seed), str(number), scratch]
            said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        seconds, peak, series, herniations = said.strip().split("|")
        table.append(
            {
                **case,
                "cores": cores,
                "series": series,
                "herniations": herniations,
                "seconds": seconds,
                "peak_mib": peak,
            }
        )
        print(f"{number}/{count}: {seconds} s, {time.strftime('%H:%M:%S')}", file=sys.stderr)
    _print(table, seed)


def _print(table: Table, seed: int) -> None:
    rows = [row for row in table.rows() if row["seed"] == str(seed)]
    shown = Shown("Series", title="Simulating one study, files and truth included", title_justify="left")
    for header in ("Studies", "Median s", "Worst s", "Peak MiB"):
        shown.add_column(header, justify="right")
    for series in sorted({row["series"] for row in rows}):
        seconds = [float(row["seconds"]) for row in rows if row["series"] == series]
        peak = max(float(row["peak_mib"]) for row in rows if row["series"] == series)
        shown.add_row(
            series, str(len(seconds)), f"{np.median(seconds):.1f}", f"{max(seconds):.1f}", f"{peak:.0f}"
        )
    Console(highlight=False).print(shown)


if __name__ == "__main__":
    typer.run(main)
