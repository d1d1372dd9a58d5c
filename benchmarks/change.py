"""How right `resorb.comparison` is: simulated patients scanned again, lying differently.

Of each patient the first date is compared with the second, on which nothing has changed, and with the third: one
herniation of 1,000 mm3 has lost a quarter, others have shrunk, vanished or grown; on several scanners, and on one.
False alarms, limits of agreement, power, intervals that hold the truth, herniations matched right, time and memory. The
patients are others than those of repeat imaging (`benchmarks/repeat.py`).
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed

from benchmarks.common import Table, clear_errors, console
from benchmarks.compared import Pair
from benchmarks.pairs import BENCHMARK_SEED, Patients
from benchmarks.repeat import (
    COLUMNS,
    KEY,
    error_of,
    of_this_version,
    pairs_of,
    rows_of,
    scanners_of,
    table_rows,
    title,
    unclaimed,
)
from resorb import __version__

PAIRS = (
    *(*KEY, "dates", "protocols", "alarms", "power", "found", "there"),
    *("matched", "seconds", "peak_mib"),
)
QUIET = ("unchanged", "indeterminate")
LOST = ("regressed", "resolved")
POWER = 1  # the number of the herniation that lost a quarter
LARGE_MM3 = 500.0
VISIBLE_MM3 = 150.0  # a herniation of less need not be found
Rows = Sequence[Mapping[str, str]]


def collect(pairs: Table, differences: Table, patients: Patients, kinds: Sequence[str], mixed: bool) -> None:
    """Append every pair of those patients that are not there yet, nor being worked on by another process."""
    for name, kind in unclaimed(pairs, patients, kinds):
        of_patient = list(pairs_of(patients, name, kind, mixed))
        differences.extend([row for pair in of_patient for row in table_rows(pair, kind)])
        pairs.extend([_judged(pair, kind) for pair in of_patient])


def _judged(pair: Pair, outlines: str) -> dict[str, object]:
    """One pair: what was called changed, what became of the herniation that lost a quarter, and what was matched."""
    verdicts = [*(one.verdict for one in pair.change.levels), *(one.verdict for one in pair.change.tracks)]
    numbers = [pair.numbers(track) for track in pair.change.tracks]
    visible = [
        {n for n, (_, one) in pair.focal(date).items() if (one.sizes.volume_mm3.value or 0.0) >= VISIBLE_MM3}
        for date in (0, 1)
    ]
    power = [
        track.verdict.value for track, own in zip(pair.change.tracks, numbers, strict=True) if POWER in own[0]
    ]
    seen = [set().union(*(own[date] for own in numbers)) & visible[date] for date in (0, 1)]
    per_mib = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "subject": pair.subject.name,
        "outlines": outlines,
        "dates": f"{pair.dates[0]}-{pair.dates[1]}",
        "protocols": " - ".join(pair.protocols),
        "resorb_version": __version__,
        "alarms": sum(one.value not in QUIET for one in verdicts),
        "power": (power[0] if power else "not found") if pair.changed and POWER in visible[0] else "",
        "found": sum(len(date) for date in seen),
        "there": sum(len(date) for date in visible),
        "matched": _matched(numbers, seen[0] & seen[1]),
        "seconds": f"{pair.seconds:.2f}",
        "peak_mib": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mib:.0f}",
    }


def _matched(numbers: Sequence[tuple[set[int], set[int]]], both: set[int]) -> str:
    """Whether every herniation found on both dates is one track, alone; empty where there was none."""
    if not both:
        return ""
    together = all(any(n in one and n in two for one, two in numbers) for n in both)
    alone = all(len(one | two) <= 1 for one, two in numbers)
    return "yes" if together and alone else "no"


def main(
    count: Annotated[int, typer.Argument(min=1, help="How many simulated patients.")] = 20,
    outlines: Annotated[str, typer.Option(help="What outlines them: mask (exact), model, or both.")] = "both",
    kept: Annotated[Path, typer.Option(help="Folder of simulated patients; made where missing.")] = Path(
        "out/pairs"
    ),
    mixed: Annotated[
        bool, typer.Option(help="Pairs of different protocols too, where scanners differ.")
    ] = True,
    scanners: Annotated[str, typer.Option(help="Patients on several scanners, on one, or both.")] = "both",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for change.csv and differences.csv; rows are kept.")
    ] = Path("out/bench"),
) -> None:
    """Compare dates of simulated patients; print a table, and append a row per pair."""
    kinds = ("mask", "model") if outlines == "both" else (outlines,)
    pairs = Table(output / "change.csv", PAIRS, KEY)
    differences = Table(output / "differences.csv", COLUMNS, KEY)
    with clear_errors():
        chosen_scanners = scanners_of(scanners)
        for one_scanner in chosen_scanners:
            patients = Patients(kept, BENCHMARK_SEED, count, one_scanner)
            collect(pairs, differences, patients, kinds, mixed and not one_scanner)
    columns = [(kind, one_scanner) for one_scanner in chosen_scanners for kind in kinds]
    printed = Printed("What", "Goal", *(title(*column) for column in columns))
    judged, measured = (of_this_version(table) for table in (pairs, differences))
    chosen = [(rows_of(judged, *column), rows_of(measured, *column)) for column in columns]
    for what, goal, figure in FIGURES:
        printed.add_row(what, goal, *(figure(*rows) for rows in chosen))
    console().print(printed)


def _share(hits: Sequence[bool]) -> str:
    if not hits:
        return "no case"
    return f"{100 * np.mean(np.asarray(hits, float)):.0f} % of {len(hits)}"


def _same(row: Mapping[str, str], protocol: str) -> bool:
    return row["protocols"] == f"{protocol} - {protocol}"


def _alarms(pairs: Rows, _: Rows) -> str:
    return _share([row["alarms"] != "0" for row in pairs if row["dates"] == "0-1"])


def _power(protocol: str) -> Callable[[Rows, Rows], str]:
    return lambda pairs, _: _share(
        [row["power"] in LOST for row in pairs if row["power"] and _same(row, protocol)]
    )


def _halved(protocol: str) -> Callable[[Rows, Rows], str]:
    def figure(_: Rows, rows: Rows) -> str:
        lost_half = [
            row
            for row in rows
            if row["what"] == "herniation.volume_mm3"
            and _same(row, protocol)
            and float(row["true_first"]) >= max(LARGE_MM3, 2 * float(row["true_last"]))
        ]
        return _share([row["verdict"] in LOST for row in lost_half])

    return figure


def _agreement(protocol: str) -> Callable[[Rows, Rows], str]:
    def figure(_: Rows, rows: Rows) -> str:
        errors = [
            error_of(row) for row in rows if row["what"] == "herniation.volume_mm3" and _same(row, protocol)
        ]
        if len(errors) < 2:
            return "no case"
        reach = 1.96 * float(np.std(errors, ddof=1))
        return f"{np.mean(errors):+.0f} ± {reach:.0f} mm3 ({len(errors)})"

    return figure


def _holds(what: str, dates: str = "") -> Callable[[Rows, Rows], str]:
    def figure(_: Rows, rows: Rows) -> str:
        return _share(
            [
                float(row["low"]) <= float(row["true_last"]) - float(row["true_first"]) <= float(row["high"])
                for row in rows
                if row["what"].endswith(what)
                and row["dates"].endswith(dates)
                and np.isfinite(float(row["low"]))
            ]
        )

    return figure


def _found(pairs: Rows, _: Rows) -> str:
    there = sum(int(row["there"]) for row in pairs)
    return f"{100 * sum(int(row['found']) for row in pairs) / max(there, 1):.0f} % of {there}"


def _matching(pairs: Rows, _: Rows) -> str:
    return _share([row["matched"] == "yes" for row in pairs if row["matched"]])


def _worst(name: str, unit: str) -> Callable[[Rows, Rows], str]:
    return lambda pairs, _: f"{max((float(row[name]) for row in pairs), default=0.0):.0f} {unit}"


#: What is printed, its goal, and how it follows from the rows of pairs and of differences.
FIGURES: tuple[tuple[str, str, Callable[[Rows, Rows], str]], ...] = (
    ("unchanged pairs with a false alarm at any level", "at most 5 %", _alarms),
    ("volume change, bias and 95 % limits of agreement, 3D twice", "± 90 mm3", _agreement("3D")),
    ("the same, 4 mm twice", "", _agreement("4 mm")),
    ("1,000 mm3 that lost 25 % called regressed, 3D twice", "95 %", _power("3D")),
    ("the same, 4 mm twice", "80 %", _power("4 mm")),
    (
        f"{LARGE_MM3:.0f} mm3 or more that lost half or more, not all, and are followed: called so, 3D twice",
        "",
        _halved("3D"),
    ),
    ("the same, 4 mm twice", "", _halved("4 mm")),
    ("95 % intervals of volume change that hold the truth", "92-98 %", _holds("volume_mm3")),
    (
        "the same, of herniations on the first and the third date",
        "92-98 %",
        _holds("herniation.volume_mm3", "0-2"),
    ),
    ("95 % intervals of all changes that hold the truth", "92-98 %", _holds("")),
    (f"herniations of {VISIBLE_MM3:.0f} mm3 or more found", "", _found),
    ("pairs in which all that were found are matched right", "98 %", _matching),
    ("longest time to register, measure again and compare", "", _worst("seconds", "s")),
    ("peak memory, of all", "1 GB", _worst("peak_mib", "MiB")),
)


if __name__ == "__main__":
    typer.run(main)
