"""Repeat imaging of simulated patients, from which `resorb.comparison` knows the error of a difference.

Each patient is scanned on three dates, lying differently, by several protocols; nothing changes from the first to the
second date, something does to the third. The error of a difference is what was measured less what truly differs
(`benchmarks/repeat_fit.py`). Each date is on another scanner; the same patients on one scanner throughout tell how far
dates with matching sequences are off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed

from benchmarks.claims import claimed
from benchmarks.common import Table, clear_errors, console, progress_bar
from benchmarks.compared import Pair, Segment, compared, rows
from benchmarks.pairs import ONE, REPEAT_SEED, Patients
from benchmarks.repeat_fit import Differences, tabulated
from resorb import __version__, segment
from resorb.anatomy import Anatomy
from resorb.comparison.error import Repeatability
from resorb.errors import ResorbError, UsageError
from resorb.study import Study

KEY = ("subject", "outlines", "resorb_version")
COLUMNS = (
    *(*KEY, "dates", "protocols", "slice_first_mm", "slice_last_mm", "what", "level", "number"),
    *("first", "last", "true_first", "true_last", "low", "high", "verdict", "registration_mm"),
)
MIN_PATIENTS = 10  # fewer do not tell how patients differ: their table is an estimate
DRAWN = {"mask": "exact outlines", "model": "the embedded model's outlines"}
#: Whether the dates of a patient are on one scanner, by what the user asks for.
SCANNERS = {"several": (False,), "one": (True,), "both": (False, True)}


def exact(_study: Study, outlines: Anatomy) -> Anatomy:
    """The exact outlines stay."""
    return outlines


def by_model(study: Study, _outlines: Anatomy) -> Anatomy:
    """The embedded model outlines the study."""
    return segment(study)


SEGMENT: dict[str, Segment] = {"mask": exact, "model": by_model}


def collect(table: Table, patients: Patients, kinds: Sequence[str], mixed: bool) -> None:
    """Append the differences of every patient that is not there yet, nor being worked on by another process."""
    for name, kind in unclaimed(table, patients, kinds):
        pairs = pairs_of(patients, name, kind, mixed)
        table.extend([row for pair in pairs for row in table_rows(pair, kind)])


def unclaimed(table: Table, patients: Patients, kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(patient, outlines) of every case that is not done, claimed while it is worked on; all of a patient together.

    Args:
        table: of the cases that are done, by `KEY`, asked again before each; claims lie beside it.
    """
    claims = table.path.parent / "claims"
    cases = [(name, kind) for name in patients.names for kind in kinds]
    with progress_bar() as bar:
        for name, kind in bar.track(cases, description="Comparing"):
            with claimed(claims / f"{name}-{kind}") as mine:
                if mine and not table.holds(subject=name, outlines=kind, resorb_version=__version__):
                    yield name, kind


def of_this_version(table: Table) -> list[dict[str, str]]:
    """The rows of a table of `KEY` that this version of resorb made."""
    return [row for row in table.rows() if row["resorb_version"] == __version__]


def rows_of(rows: Sequence[Mapping[str, str]], outlines: str, one_scanner: bool) -> list[Mapping[str, str]]:
    """Those of one kind of outlines, of patients on one scanner or on several."""
    return [
        row for row in rows if row["outlines"] == outlines and row["subject"].endswith(ONE) == one_scanner
    ]


def scanners_of(asked: str) -> tuple[bool, ...]:
    """Whether the patients are on one scanner throughout, for each kind that is asked for.

    Raises:
        UsageError: no such kind.
    """
    if asked not in SCANNERS:
        raise UsageError(f"--scanners is {', '.join(SCANNERS)}, not '{asked}'")
    return SCANNERS[asked]


def title(outlines: str, one_scanner: bool) -> str:
    """How such rows are called in a table."""
    return f"{outlines}, one scanner" if one_scanner else outlines


def pairs_of(patients: Patients, name: str, outlines: str, mixed: bool) -> Iterator[Pair]:
    """The pairs of a patient; none, and a line that says why, where he cannot be made or measured."""
    try:
        yield from compared(patients.subject(name), SEGMENT[outlines], mixed=mixed)
    except ResorbError as error:
        typer.echo(f"{name} was left out: {error}", err=True)


def table_rows(pair: Pair, outlines: str) -> Iterator[dict[str, object]]:
    """The rows of one pair, as they are stored."""
    slices = [date.spacing_mm[0] for date in pair.change.dates]
    errors = {one.level: one.registration_behind_mm for one in pair.change.levels}
    for row in rows(pair):
        yield {
            "subject": pair.subject.name,
            "outlines": outlines,
            "resorb_version": __version__,
            "dates": f"{pair.dates[0]}-{pair.dates[1]}",
            "protocols": " - ".join(pair.protocols),
            "slice_first_mm": slices[0],
            "slice_last_mm": slices[1],
            **row.__dict__,
            "registration_mm": errors[row.level],
        }


def tabulate(found: Sequence[Mapping[str, str]], outlines: str) -> str:
    """The section of `repeat.toml` of one kind of outlines, with that of matching sequences where there are any."""
    several, one = (rows_of(found, outlines, one_scanner) for one_scanner in (False, True))
    known = {what: tabulated(_differences(several, what)) for what in _quantities(several)}
    lines = _section(outlines, DRAWN[outlines], several, known)
    if one:
        # Dates of one protocol have like slices: what unlike ones err besides is that of several scanners.
        alike = {
            what: _apart_as(on_several, on_one)
            for what, on_several in known.items()
            if on_several and (on_one := tabulated(_differences(one, what), alike=True))
        }
        lines += ["", *_section(f"{outlines}.matching", f"{DRAWN[outlines]} on one scanner", one, alike)]
    return "\n".join(lines) + "\n"


def _apart_as(several: Repeatability, one: Repeatability) -> Repeatability:
    """What one scanner tells, with what unlike slices err besides on several."""
    quiet = (several.quiet or several).apart
    return replace(one, apart=several.apart, quiet=one.quiet and replace(one.quiet, apart=quiet))


def _quantities(rows: Sequence[Mapping[str, str]]) -> list[str]:
    return sorted({row["what"] for row in rows})


def _differences(rows: Sequence[Mapping[str, str]], what: str) -> Differences:
    own = [row for row in rows if row["what"] == what]
    first, last = (np.array([float(row[name]) for row in own]) for name in ("first", "last"))
    slices = np.array([[float(row["slice_first_mm"]), float(row["slice_last_mm"])] for row in own])
    errors = np.array([error_of(row) for row in own])
    discs = np.array([f"{row['subject']} {row['level']} {row['number']}" for row in own])
    return Differences(first, last, slices.reshape(-1, 2), errors, discs)


def _section(
    name: str, drawn: str, rows: Sequence[Mapping[str, str]], known: Mapping[str, Repeatability | None]
) -> list[str]:
    registration = [float(row["registration_mm"]) for row in rows if row["registration_mm"]]
    patients = len({row["subject"] for row in rows})
    lines = [
        f"[{name}]",
        f'made_with = "{drawn}; simulated patients: {patients}, 3 dates each"',
        f"registration_mm = {np.median(registration):.2f}",
        f"estimated = {'true' if patients < MIN_PATIENTS else 'false'}",
    ]
    for what, one in known.items():
        if one is None:
            continue
        lines += ["", f'[{name}.quantities."{what}"]', *_entries(one)]
        if one.quiet is not None:
            lines += [f'[{name}.quantities."{what}".quiet]', *_entries(one.quiet)]
    return lines


def _entries(one: Repeatability) -> list[str]:
    listed = ", ".join(
        f"{{ slice_mm = {at.slice_mm:g}, base = {at.base:.4g}, share = {at.share:.4g} }}"
        for at in one.spreads
    )
    return [
        f"spreads = [{listed}]",
        f"freedom = {one.freedom:g}",
        f"apart = {one.apart:.4g}",
        f"pairs = {one.pairs}",
    ]


def sections(text: str) -> dict[str, str]:
    """The sections of a `repeat.toml` by whose outlines they are of, without what stands above them."""
    parts = re.split(r"^\[(mask|model)\]$", text, flags=re.MULTILINE)
    return {kind: f"[{kind}]{body.rstrip()}\n" for kind, body in zip(parts[1::2], parts[2::2], strict=True)}


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
        Path, typer.Option("--output", "-o", help="Folder for repeat.csv; rows there are kept.")
    ] = Path("out/bench"),
    seed: Annotated[int, typer.Option(help="Of the patients; not that of the benchmark.")] = REPEAT_SEED,
    write: Annotated[
        Path | None,
        typer.Option(
            help="The table is written here (repeat.toml); of outlines that were not compared it stays as it is."
        ),
    ] = None,
) -> None:
    """Scan simulated patients repeatedly, compare the dates, and tabulate how far differences are off."""
    kinds = ("mask", "model") if outlines == "both" else (outlines,)
    table = Table(output / "repeat.csv", COLUMNS, KEY)
    with clear_errors():
        chosen = scanners_of(scanners)
        if write is not None and (not mixed or len(chosen) < 2):
            raise UsageError("a table needs pairs of two protocols, of one scanner and of several")
        for one_scanner in chosen:
            patients = Patients(kept, seed, count, one_scanner)
            collect(table, patients, kinds, mixed and not one_scanner)
    found = of_this_version(table)
    present = [kind for kind in kinds if any(row["outlines"] == kind for row in found)]
    if write is not None:
        stored = sections(write.read_text("utf-8")) if write.exists() else {}
        stored |= {kind: tabulate(found, kind) for kind in present}
        write.write_text(HEADER + "\n".join(stored[kind] for kind in sorted(stored)), encoding="utf-8")
    printed = Printed("Outlines", "Quantity", "Differences", "2.5 to 97.5 % of errors")
    for kind, one_scanner in product(present, chosen):
        own = rows_of(found, kind, one_scanner)
        for what in _quantities(own):
            errors = [error_of(row) for row in own if row["what"] == what]
            low, high = np.quantile(errors, (0.025, 0.975))
            printed.add_row(title(kind, one_scanner), what, str(len(errors)), f"{low:.3g} to {high:.3g}")
    console().print(printed)


HEADER = """\
# How far differences between dates are off, by repeat imaging of simulated patients; written by benchmarks/repeat.py.
# base and share: standard deviation of one date's error, in the quantity's unit and as a share of its value, by the
# distance of the slices; freedom: of Student's t; apart: standard deviation that differences between the thinnest and
# the thickest of these slices have besides; pairs: differences that it was tabulated from. quiet: the same of dates
# between which nothing changed. matching: of dates on one scanner with one protocol.

"""


def error_of(row: Mapping[str, str]) -> float:
    """What was measured to differ, less what truly does."""
    return (float(row["last"]) - float(row["first"])) - (float(row["true_last"]) - float(row["true_first"]))


if __name__ == "__main__":
    typer.run(main)
