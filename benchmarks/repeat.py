"""Repeat imaging of simulated patients, from which `resorb.comparison` knows the error of a difference.

Each patient is scanned on three dates, lying differently, by several protocols; nothing changes from the first to the
second date, something does to the third. The error of a difference is what was measured less what truly differs. Its
variance is fitted as the sum of both dates' (a constant and a share of the value, by distance of slices) under
Student's t by maximum likelihood to pairs of one protocol, and widened where the fit would hold fewer than 95 % of the
errors, and to the upper bound of what so few differences tell. What pairs of two protocols err besides comes on top.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table as Printed
from scipy import optimize, stats

from benchmarks.claims import claimed
from benchmarks.common import Table, clear_errors, console, progress_bar
from benchmarks.compared import Pair, Segment, compared, rows
from benchmarks.pairs import REPEAT_SEED, Patients
from resorb import __version__, segment
from resorb.anatomy import Anatomy
from resorb.comparison.error import CONFIDENCE, Repeatability, Spread
from resorb.errors import ResorbError, UsageError
from resorb.study import Study

KEY = ("subject", "outlines", "resorb_version")
COLUMNS = (
    *(*KEY, "dates", "protocols", "slice_first_mm", "slice_last_mm", "what", "level", "number"),
    *("first", "last", "true_first", "true_last", "low", "high", "verdict", "registration_mm"),
)
VALUES = ("first", "last", "true_first", "true_last")
FREEDOMS = (3.0, 4.0, 6.0, 10.0, 30.0)
#: Differences between like slices, and as many between unlike ones, from which a quantity is tabulated.
FEWEST = 8
BASE_FLOOR, SHARE_FLOOR = 0.2, 1e-3  # of a standard deviation, as a share of the errors' own
MIN_PATIENTS = 10  # fewer do not tell how patients differ: their table is an estimate
LONG_TAILED, MANY = 10.0, 100  # degrees of freedom that fewer differences do not exceed
#: Shares of the errors that the intervals of those shares hold at least, and from how many errors on that is asked.
TAILS = ((0.95, 1), (0.99, 200))
UPPER = 0.9  # bound of the standard deviation, which few differences tell poorly
#: By how much the embedded model's outlines of one patient are taken to differ between dates: less than half of their
#: median distance to a reader's (docs/model.md), most of which they have in common. What that adds to the error of a
#: date: a constant, and a share (volume: over an outline of 5 V^(2/3) mm2, 500 mm2 of 1,000 mm3).
OUTLINE_MM = 0.2
WIDER = {
    "volume_mm3": (25.0, 0.10),
    "depth_mm": (0.3, 0.0),
    "sac_area_mm2": (6.0, 0.03),
    "canal_occupied": (0.02, 0.05),
}
Array = NDArray[np.float64]


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


def fit(
    first: Array, last: Array, slices: Array, errors: Array
) -> tuple[list[tuple[float, float, float]], float]:
    """((slice_mm, base, share) by distance of slices, degrees of freedom) of the errors (n,) of differences.

    Args:
        first, last: (n,) values on the two dates; slices: (n, 2) distance of slices on both, mm.
    """
    kinds = np.unique(slices)
    scale = float(np.sqrt(np.mean(errors**2))) or 1.0
    size = max(float(np.mean(np.abs([first, last]))), 1e-9)
    one_hot = (slices[:, :, None] == kinds).astype(float)
    squares = np.stack([first, last], axis=1)[:, :, None] ** 2 * one_hot

    def sds(parameters: Array) -> Array:
        base, share = np.exp(parameters[: len(kinds)]), np.exp(parameters[len(kinds) :])
        variance = (one_hot * base**2).sum(axis=(1, 2)) + (squares * share**2).sum(axis=(1, 2))
        return np.asarray(np.sqrt(variance))

    def loss(parameters: Array, freedom: float) -> float:
        return -float(stats.t.logpdf(errors, freedom, scale=sds(parameters)).sum())

    start = np.log([*np.full(len(kinds), scale / 2), *np.full(len(kinds), scale / size / 4)])
    floors = [*np.full(len(kinds), BASE_FLOOR * scale), *np.full(len(kinds), SHARE_FLOOR * scale / size)]
    lowest = np.log(floors)
    bounds = [(low, low + np.log(1e5)) for low in lowest]
    freedoms = [one for one in FREEDOMS if one <= LONG_TAILED or len(errors) >= MANY]
    fits = [optimize.minimize(loss, start, (freedom,), bounds=bounds) for freedom in freedoms]
    best = min(range(len(fits)), key=lambda n: float(fits[n].fun))
    freedom = freedoms[best]
    # Holm's correction reads the tail: where there are enough errors to see it, it has to hold there too.
    tails = [tail for tail, fewest in TAILS if len(errors) >= fewest]
    over = np.abs(errors) / sds(fits[best].x)
    holds = max(np.quantile(over, tail) / stats.t.ppf(0.5 + tail / 2, freedom) for tail in tails)
    base, share = np.split(np.exp(fits[best].x) * max(float(holds), _few(len(errors))), 2)
    # Thicker slices are never surer, whatever few differences say.
    base, share = np.maximum.accumulate(base), np.maximum.accumulate(share)
    return [(float(k), float(b), float(s)) for k, b, s in zip(kinds, base, share, strict=True)], freedom


def excess(known: Repeatability, values: Array, slices: Array, errors: Array) -> float:
    """Standard deviation by which differences between unlike slices err besides; with it 19 of 20 lie within 95 %.

    Args:
        known: of like slices.
        values, slices: (n, 2) of both dates; errors: (n,) of the differences.
    """
    alike = [
        sum(known.variance(value, mm) for value, mm in zip(*one, strict=True))
        for one in zip(values, slices, strict=True)
    ]
    missing = (_few(len(errors)) * errors / known.factor) ** 2 - np.array(alike)
    return float(np.sqrt(max(np.quantile(missing, CONFIDENCE), 0.0)))


def _few(count: int) -> float:
    """Upper bound of a standard deviation that so many errors tell, over what they tell."""
    return float(np.sqrt(count / stats.chi2.ppf(1 - UPPER, count)))


def tabulate(found: Sequence[Mapping[str, str]], outlines: str) -> str:
    """The section of `repeat.toml` of one kind of outlines."""
    chosen = [row for row in found if row["outlines"] == outlines]
    registration = [float(row["registration_mm"]) for row in chosen if row["registration_mm"]]
    patients = len({row["subject"] for row in chosen})
    drawn = {"mask": "exact outlines", "model": "the embedded model's outlines"}[outlines]
    lines = [
        f"[{outlines}]",
        f'made_with = "{drawn}; simulated patients: {patients}, 3 dates each"',
        f"registration_mm = {np.median(registration):.2f}",
        f"estimated = {'true' if patients < MIN_PATIENTS else 'false'}",
    ]
    for what in sorted({row["what"] for row in chosen}):
        own = [row for row in chosen if row["what"] == what]
        numbers = np.array([[float(row[name]) for name in VALUES] for row in own])
        slices = np.array([[float(row["slice_first_mm"]), float(row["slice_last_mm"])] for row in own])
        same = slices[:, 0] == slices[:, 1]
        if min(np.count_nonzero(same), np.count_nonzero(~same)) < FEWEST:
            continue
        first, last, true_first, true_last = numbers.T
        errors = (last - first) - (true_last - true_first)
        spreads, freedom = fit(first[same], last[same], slices[same], errors[same])
        known = Repeatability(tuple(Spread(*one) for one in spreads), freedom)
        apart = excess(known, numbers[~same, :2], slices[~same], errors[~same])
        listed = ", ".join(
            f"{{ slice_mm = {s:g}, base = {b:.4g}, share = {share:.4g} }}" for s, b, share in spreads
        )
        lines += [
            "",
            f'[{outlines}.quantities."{what}"]',
            f"spreads = [{listed}]",
            f"freedom = {freedom:g}",
            f"apart = {apart:.4g}",
            f"pairs = {len(numbers)}",
        ]
    return "\n".join(lines) + "\n"


def estimate(exact_section: str) -> str:
    """A section for the embedded model from that of exact outlines, until its own were compared (`WIDER`)."""
    table = tomllib.loads(exact_section)["mask"]
    lines = [
        "[model]",
        f'made_with = "an estimate: {table["made_with"]}; widened for outlines that differ by {OUTLINE_MM:g} mm"',
        f"registration_mm = {table['registration_mm']:.2f}",
        "estimated = true",
    ]
    for what, one in table["quantities"].items():
        base, share = WIDER.get(what.partition(".")[2], (None, None))
        if base is None or share is None:
            continue
        listed = ", ".join(
            f"{{ slice_mm = {at['slice_mm']:g}, base = {np.hypot(at['base'], base):.4g}, "
            f"share = {np.hypot(at['share'], share):.4g} }}"
            for at in one["spreads"]
        )
        lines += [
            "",
            f'[model.quantities."{what}"]',
            f"spreads = [{listed}]",
            f"freedom = {min(one['freedom'], LONG_TAILED):g}",
            f"apart = {one['apart']:g}",
            f"pairs = {one['pairs']}",
        ]
    return "\n".join(lines) + "\n"


def main(
    count: Annotated[int, typer.Argument(min=1, help="How many simulated patients.")] = 20,
    outlines: Annotated[str, typer.Option(help="What outlines them: mask (exact), model, or both.")] = "both",
    kept: Annotated[Path, typer.Option(help="Folder of simulated patients; made where missing.")] = Path(
        "out/pairs"
    ),
    mixed: Annotated[bool, typer.Option(help="Pairs of different protocols too.")] = True,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for repeat.csv; rows there are kept.")
    ] = Path("out/bench"),
    seed: Annotated[int, typer.Option(help="Of the patients; not that of the benchmark.")] = REPEAT_SEED,
    write: Annotated[Path | None, typer.Option(help="The table is written here (repeat.toml).")] = None,
) -> None:
    """Scan simulated patients repeatedly, compare the dates, and tabulate how far differences are off."""
    kinds = ("mask", "model") if outlines == "both" else (outlines,)
    table = Table(output / "repeat.csv", COLUMNS, KEY)
    with clear_errors():
        if write is not None and not mixed:
            raise UsageError("a table needs pairs of two protocols too: leave --no-mixed out")
        collect(table, Patients(kept, seed, count), kinds, mixed)
    found = of_this_version(table)
    present = [kind for kind in ("mask", "model") if any(row["outlines"] == kind for row in found)]
    if write is not None and "mask" in present:
        exact_section = tabulate(found, "mask")
        model = tabulate(found, "model") if "model" in present else estimate(exact_section)
        write.write_text(f"{HEADER}{exact_section}\n{model}", encoding="utf-8")
    printed = Printed("Outlines", "Quantity", "Differences", "2.5 to 97.5 % of errors")
    for kind in present:
        for what in sorted({row["what"] for row in found}):
            errors = [error_of(row) for row in found if row["outlines"] == kind and row["what"] == what]
            if errors:
                low, high = np.quantile(errors, (0.025, 0.975))
                printed.add_row(kind, what, str(len(errors)), f"{low:.3g} to {high:.3g}")
    console().print(printed)


HEADER = """\
# How far differences between dates are off, by repeat imaging of simulated patients; written by benchmarks/repeat.py.
# base and share: standard deviation of one date's error, in the quantity's unit and as a share of its value, by the
# distance of the slices; freedom: of Student's t; apart: standard deviation that differences between the thinnest and
# the thickest of these slices have besides; pairs: differences that it was tabulated from.

"""


def error_of(row: Mapping[str, str]) -> float:
    """What was measured to differ, less what truly does."""
    return (float(row["last"]) - float(row["first"])) - (float(row["true_last"]) - float(row["true_first"]))


if __name__ == "__main__":
    typer.run(main)
