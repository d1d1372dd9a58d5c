"""The tables of `benchmarks/measurement.py`: goals met or missed, intervals, and, apart, what people reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.table import Table as Printed

from benchmarks.agreement import (
    ac1,
    counts,
    icc_agreement,
    interval_by_subject,
    kappa,
    limits_of_agreement,
    pooled_sd,
)
from benchmarks.common import console
from benchmarks.measurement_rows import EXTRA, ORIGIN, QUANTITIES, WHOLE, value
from benchmarks.phantoms import ACQUISITIONS
from resorb.simulation.truth.classes import MORPHOLOGIES
from resorb.study import FloatArray

LARGE_MM3 = 300.0
ZONES = ("central", "paracentral", "subarticular", "foraminal", "extraforaminal")
MSU = {"msu_size": ("1", "2", "3"), "msu_zone": ("A", "B", "C")}
NOT_SAID = "not said"
THIN = ACQUISITIONS[0]
HOLDS = (0.92, 0.98)

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Figure:
    """One number of a table.

    Attributes:
        number: judged against the goal; the larger the better only where `more`.
        shown: in words.
        count: over how many rows; missing: how many more have no value, or not on both sides.
    """

    number: float
    shown: str
    count: int
    missing: int = 0


@dataclass(frozen=True)
class Goal:
    """One line of the table of goals.

    Attributes:
        measured: the figure of some rows.
        given, segmented: the goal with true masks and with a model's, in thin slices and in thick ones.
        more: the larger the better.
        chosen: the rows that count.
    """

    name: str
    measured: Callable[[Rows], Figure | None]
    given: tuple[float, float]
    segmented: tuple[float, float]
    more: bool = False
    chosen: Callable[[Rows], Rows] = list

    def goal(self, given: bool, acquisition: str) -> float:
        return (self.given if given else self.segmented)[0 if acquisition == THIN else 1]

    def met(self, figure: Figure, goal: float) -> bool:
        return figure.number >= goal if self.more else figure.number <= goal


def lumbar(rows: Rows) -> Rows:
    """Rows of levels below a lumbar body, or whose study was refused."""
    return [row for row in rows if row["level"][:1] in ("L", "")]


def levels(rows: Rows) -> Rows:
    """The rows of whole levels."""
    return [row for row in rows if row["herniation"] == WHOLE]


def herniations(rows: Rows) -> Rows:
    """The rows of herniations that are there."""
    return [row for row in rows if row["herniation"] not in (WHOLE, EXTRA, "")]


def displaced(rows: Rows) -> Rows:
    """Levels at which something is displaced, by the truth."""
    return [row for row in levels(rows) if row["morphology true"] not in ("", "none")]


def paired(rows: Rows, name: str) -> tuple[FloatArray, Rows]:
    """(n, 2) measured and true numbers, and whose they are."""
    whose = [row for row in rows if value(row, name) is not None and value(row, f"{name} true") is not None]
    numbers = [(float(row[name]), float(row[f"{name} true"])) for row in whose]
    return np.array(numbers, np.float64).reshape(-1, 2), whose


def depth(wanted: Rows) -> Figure | None:
    """The farther limit of agreement, mm."""
    pairs, _ = paired(wanted, "depth_mm")
    if len(pairs) < 2:
        return None
    found = limits_of_agreement(pairs[:, 0] - pairs[:, 1])
    farther = max(abs(found.low), abs(found.high))
    return Figure(farther, f"{found.low:+.2f} to {found.high:+.2f} mm", len(pairs), len(wanted) - len(pairs))


def volume(rows: Rows) -> Figure | None:
    """The farther limit of agreement of the relative error, of true volumes from `LARGE_MM3`."""
    wanted = [row for row in rows if (value(row, "volume_mm3 true") or 0.0) >= LARGE_MM3]
    pairs, _ = paired(wanted, "volume_mm3")
    if len(pairs) < 2:
        return None
    share = pairs[:, 0] / pairs[:, 1] - 1.0
    found = limits_of_agreement(share)
    shown = f"{found.low:+.0%} to {found.high:+.0%}, half within {np.median(np.abs(share)):.0%}"
    return Figure(max(abs(found.low), abs(found.high)), shown, len(pairs), len(wanted) - len(pairs))


def area(wanted: Rows) -> Figure | None:
    """ICC(2,1) of the area."""
    pairs, whose = paired(wanted, "area_mm2")
    if len(pairs) < 3:
        return None
    return _with_interval(lambda part: icc_agreement(pairs[part]), whose, len(wanted) - len(pairs))


def morphology(rows: Rows) -> Figure | None:
    """Kappa over every level; a level without a class counts as a disagreement."""
    return _classes(levels(rows), "morphology", (*MORPHOLOGIES, NOT_SAID), kappa, missing_too=True)


def zone(rows: Rows) -> Figure | None:
    """Kappa over the herniations that were found."""
    return _classes(herniations(rows), "zone", ZONES, kappa)


def msu(name: str) -> Callable[[Rows], Figure | None]:
    """Gwet's AC1 of an MSU class over the herniations that were found."""
    return lambda rows: _classes(herniations(rows), name, MSU[name], ac1)


def held(rows: Rows) -> Figure | None:
    """Share of all stated intervals that hold the truth."""
    return _held(rows, QUANTITIES)


def _held(rows: Rows, names: Sequence[str]) -> Figure | None:
    inside = [within for name in names for row in rows if (within := holds(row, name)) is not None]
    if not inside:
        return None
    share = float(np.mean(inside))
    return Figure(share, f"{share:.1%}", len(inside))


def holds(row: dict[str, str], name: str) -> bool | None:
    """Whether a stated interval holds the truth; None without either, and where nothing was there and nothing seen."""
    true, low, high = (value(row, f"{name}{what}") for what in (" true", " low", " high"))
    if true is None or low is None or high is None or (true == 0.0 and value(row, name) == 0.0):
        return None
    return low - 1e-3 <= true <= high + 1e-3


def _classes(
    rows: Rows,
    name: str,
    classes: Sequence[str],
    statistic: Callable[[FloatArray], float],
    *,
    missing_too: bool = False,
) -> Figure | None:
    known = [row for row in rows if row[f"{name} true"]]
    used = known if missing_too else [row for row in known if row[name]]
    if len(used) < 2:
        return None
    said, true = [row[name] or NOT_SAID for row in used], [row[f"{name} true"] for row in used]

    def of(part: Sequence[int] | FloatArray) -> float:
        chosen = np.asarray(part, np.intp)
        return statistic(counts([said[n] for n in chosen], [true[n] for n in chosen], classes))

    missing = sum(not row[name] for row in known)
    return _with_interval(of, used, missing)


def _with_interval(statistic: Callable[..., float], rows: Rows, missing: int) -> Figure:
    whole = statistic(np.arange(len(rows)))
    low, high = interval_by_subject(statistic, [row["case"] for row in rows])
    return Figure(whole, f"{whole:.3f} ({low:.2f}-{high:.2f})", len(rows), missing)


GOALS = (
    Goal("depth, 95 % limits of agreement", depth, (0.7, 0.7), (1.2, 1.2), chosen=herniations),
    Goal("the same, whole level", depth, (0.7, 0.7), (1.2, 1.2), chosen=displaced),
    Goal(
        f"volume from {LARGE_MM3:.0f} mm3, the same", volume, (0.10, 0.20), (0.18, 0.30), chosen=herniations
    ),
    Goal("the same, whole level", volume, (0.10, 0.20), (0.18, 0.30), chosen=displaced),
    Goal("area, ICC (95 % by patient)", area, (0.97, 0.97), (0.92, 0.92), more=True, chosen=herniations),
    Goal("the same, whole level", area, (0.97, 0.97), (0.92, 0.92), more=True, chosen=displaced),
    Goal("morphology, kappa", morphology, (0.90, 0.90), (0.81, 0.81), more=True),
    Goal("zone, kappa", zone, (0.95, 0.95), (0.85, 0.85), more=True),
    Goal("MSU size, AC1", msu("msu_size"), (0.93, 0.93), (0.86, 0.86), more=True),
    Goal("MSU zone, AC1", msu("msu_zone"), (0.93, 0.93), (0.84, 0.84), more=True),
)
REPEATABILITY_MM = {True: 0.15, False: 0.3}


def print_tables(rows: Rows, masks: str, *, given: bool) -> None:
    """Print every table of one kind of masks.

    Args:
        rows: of measurement.csv.
        masks: what they were measured on, in words.
        given: true masks, not a model's.
    """
    out, rows = console(), lumbar(rows)
    out.print(f"\nSimulated studies, masks: {masks}", style="bold", markup=False)
    out.print(_goals(rows, given))
    out.print(_by_zone(rows))
    out.print(_repeatability(rows, given))
    out.print(_intervals(rows))
    out.print(_confusion(rows))
    refused = [row for row in rows if row["missing"] and row["herniation"] in ("", WHOLE)]
    for row in refused:
        out.print(
            f"Not measured: case {row['case']} {row['level']}, {row['acquisition']}: {row['missing']}",
            markup=False,
        )


def _goals(rows: Rows, given: bool) -> Printed:
    table = Printed("Quantity", "Acquisition", "Goal", "Measured", "n (missing)", "Met", title="Goals")
    for goal in GOALS:
        for acquisition in ACQUISITIONS:
            figure = goal.measured(goal.chosen([row for row in rows if row["acquisition"] == acquisition]))
            if figure is None:
                continue
            wanted = goal.goal(given, acquisition)
            met = "yes" if goal.met(figure, wanted) else "no"
            amount = f"{figure.count} ({figure.missing})"
            table.add_row(goal.name, acquisition, f"{wanted:g}", figure.shown, amount, met)
    return table


def _by_zone(rows: Rows) -> Printed:
    """Depth and volume of herniations by their true zone: which of them carry the error."""
    table = Printed(
        "True zone", "Acquisition", "n (missing)", "Depth mm", "n (missing)", "Volume", title="By zone"
    )
    for zone_ in ZONES:
        for acquisition in ACQUISITIONS:
            own = [
                row
                for row in herniations(rows)
                if row["zone true"] == zone_ and row["acquisition"] == acquisition
            ]
            found = [measured(own) for measured in (depth, volume)]
            cells = [("", "") if f is None else (f"{f.count} ({f.missing})", f.shown) for f in found]
            table.add_row(zone_, acquisition, *cells[0], *cells[1])
    return table


def _repeatability(rows: Rows, given: bool) -> Printed:
    """Frames of one level, seen in other voxels, slices and poses."""
    known = [
        row for row in levels(rows) if row[f"origin {ORIGIN[0]}"] and row["acquisition"] != ACQUISITIONS[-1]
    ]
    table = Printed(
        "Axis", "Goal mm", "SD within a level, mm", "Mean error, mm", "n", "Met", title="Frame's origin"
    )
    for axis in ORIGIN:
        errors = np.array([float(row[f"origin {axis}"]) for row in known])
        if len(errors):
            spread = pooled_sd(errors, [(row["case"], row["level"]) for row in known])
            met = "yes" if spread <= REPEATABILITY_MM[given] else "no"
            name = axis.removesuffix("_mm")
            table.add_row(
                name,
                f"{REPEATABILITY_MM[given]:g}",
                f"{spread:.3f}",
                f"{errors.mean():+.3f}",
                str(len(errors)),
                met,
            )
    return table


def _intervals(rows: Rows) -> Printed:
    """Per quantity, of levels and of herniations: the share of intervals that hold the truth."""
    table = Printed(
        "Quantity", "Of", *ACQUISITIONS, "n", "92-98 %", title="Stated 95 % intervals that hold the truth"
    )
    for kind, chosen in (("level", levels(rows)), ("herniation", herniations(rows))):
        for name in QUANTITIES:
            whole = _held(chosen, (name,))
            if whole is not None:
                table.add_row(name, kind, *_held_by(chosen, (name,)), str(whole.count), _inside(whole))
    whole = held(rows)
    if whole is not None:
        table.add_row("all", "", *_held_by(rows, QUANTITIES), str(whole.count), _inside(whole), style="bold")
    return table


def _held_by(rows: Rows, names: Sequence[str]) -> list[str]:
    found = [_held([row for row in rows if row["acquisition"] == name], names) for name in ACQUISITIONS]
    return ["" if figure is None else figure.shown for figure in found]


def _inside(figure: Figure) -> str:
    return "yes" if HOLDS[0] <= figure.number <= HOLDS[1] else "no"


def _confusion(rows: Rows) -> Printed:
    """What discs of each morphology were taken for, and how many herniations were missed or made up."""
    classes = (*MORPHOLOGIES, NOT_SAID)
    of_three = [row for row in rows if row["acquisition"] in ACQUISITIONS]
    known = [row for row in levels(of_three) if row["morphology true"]]
    table = Printed("True", *classes, title="Morphology of levels, all acquisitions")
    if known:
        seen = counts(
            [r["morphology true"] for r in known], [r["morphology"] or NOT_SAID for r in known], classes
        )
        for name, numbers in zip(MORPHOLOGIES, seen, strict=False):
            table.add_row(name, *(f"{number:.0f}" for number in numbers))
    there = herniations(of_three)
    missed, extra = sum(bool(r["missing"]) for r in there), sum(r["herniation"] == EXTRA for r in of_three)
    table.caption = f"Herniations: {len(there)}, not found {missed}, found where there is none {extra}"
    return table
