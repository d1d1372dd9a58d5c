"""What `benchmarks.accuracy` prints: one row per set, contrast and structure; margins; level names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from rich.table import Table as Printed

from benchmarks.common import console

Row = dict[str, str]


def print_tables(scores: list[Row], margins: list[Row], names: list[Row]) -> None:
    """Print the three tables of a run, and the scans that were refused, by name."""
    shown = console()
    shown.print(structures_table(scores))
    if margins:
        shown.print(margins_table(margins))
    shown.print(names_table(names))
    for row in names:
        who = f"{row['set']} {row['subject']} {row['contrast']}"
        if row["refused"]:
            shown.print(f"Refused: {who}: {row['refused']}", markup=False, soft_wrap=True)
        if row["wrong"]:
            doubted = f" (flagged: {row['doubts']})" if row["doubts"] else ""
            shown.print(f"Named wrong: {who}: {row['wrong']}{doubted}", markup=False, soft_wrap=True)


def structures_table(scores: list[Row]) -> Printed:
    """Dice and surface distances, and the worst case of each row."""
    printed = Printed("Set", "Contrast", "Slice mm", "Structure", "Region", "Cases", "Dice", "Worst",
                      "Dice, all voxels", "Surface mean mm", "95 % mm")  # fmt: skip
    for (collection, contrast, structure, region), rows in _groups(
        scores, "set", "contrast", "structure", "region"
    ):
        worst = min(rows, key=lambda row: _number(row["dice"], 0.0))
        thickness = sorted({row["slice_mm"] for row in rows}, key=float)
        printed.add_row(
            collection, contrast, "-".join(dict.fromkeys([thickness[0], thickness[-1]])), structure, region,
            str(len(rows)), _mean(rows, "dice", 3), f"{worst['dice'][:5]} ({worst['subject']})",
            _mean(rows, "dice_all", 3), _mean(rows, "mean_surface_mm", 2), _mean(rows, "p95_surface_mm", 2),
        )  # fmt: skip
    return printed


def margins_table(margins: list[Row]) -> Printed:
    """Distances of all points of all discs of a set together; herniated levels in a row of their own."""
    printed = Printed("Posterior margin", "Contrast", "Levels", "Discs", "Cases", "Median mm", "95 % mm",
                      "Worst disc, 95 % mm", "Slices", "Missed")  # fmt: skip
    for (collection, contrast, graded), rows in _groups(margins, "set", "contrast", "herniated"):
        median, high = np.percentile(pooled(rows), [50, 95])
        worst = max(rows, key=lambda row: float(row["p95_mm"]))
        printed.add_row(
            collection, contrast, "graded herniated" if graded == "1" else "others", str(len(rows)),
            str(len({row["subject"] for row in rows})), f"{median:.2f}", f"{high:.2f}",
            f"{float(worst['p95_mm']):.2f} ({worst['subject']} {worst['level']})",
            str(_sum(rows, "slices")), str(_sum(rows, "missed")),
        )  # fmt: skip
    return printed


def pooled(margins: Iterable[Row]) -> NDArray[np.float64]:
    """Every distance of some discs, mm."""
    pairs = [pair.split(":") for row in margins for pair in row["distances_mm"].split()]
    values, counts = (np.array(column, float) for column in zip(*pairs, strict=True))
    return np.asarray(np.repeat(values, counts.astype(int)))


def names_table(names: list[Row]) -> Printed:
    """Studies named right, among those whose names are not doubted; studies flagged and refused."""
    printed = Printed("Level names", "Contrast", "Studies", "Refused", "Flagged", "Unflagged, with names told",
                      "of them right", "Levels right")  # fmt: skip
    for (collection, contrast), rows in _groups(names, "set", "contrast"):
        read = [row for row in rows if not row["refused"]]
        flagged = [row for row in read if row["doubts"]]
        told = [row for row in read if not row["doubts"] and int(row["levels"])]
        right = [row for row in told if not row["wrong"]]
        printed.add_row(
            collection, contrast, str(len(rows)), str(len(rows) - len(read)),
            f"{len(flagged)} ({_percent(len(flagged), len(rows))})", str(len(told)),
            f"{len(right)} ({_percent(len(right), len(told))})", f"{_sum(read, 'right')} of {_sum(read, 'levels')}",
        )  # fmt: skip
    return printed


def _groups(rows: Iterable[Row], *columns: str) -> list[tuple[tuple[str, ...], list[Row]]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in columns), []).append(row)
    order: Callable[[tuple[tuple[str, ...], list[Row]]], tuple[str, ...]] = lambda item: item[0][:2]  # noqa: E731
    return sorted(groups.items(), key=order)


def _number(text: str, otherwise: float) -> float:
    return float(text) if text not in ("", "nan") else otherwise


def _mean(rows: Iterable[Row], column: str, places: int) -> str:
    values = [float(row[column]) for row in rows if row[column] not in ("", "nan")]
    return f"{np.mean(values):.{places}f}" if values else ""


def _sum(rows: Iterable[Row], column: str) -> int:
    return sum(int(row[column]) for row in rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
