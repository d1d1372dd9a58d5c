"""`change.csv`: one row per herniation or level and pair of dates, units in the headers, empty for what is missing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from resorb.change import Change, Difference, LevelChange, Track, Verdict
from resorb.reading import HERNIATION_QUANTITIES, QUANTITIES, Quantity

#: Every quantity that a herniation or a level may have, in the order of the columns.
NAMES: tuple[str, ...] = tuple(dict.fromkeys((*QUANTITIES, *HERNIATION_QUANTITIES)))
_BOUNDS = ("", "_low", "_high")
_PARTS: tuple[str, ...] = (
    *(f"_first{bound}" for bound in _BOUNDS),
    *(f"_last{bound}" for bound in _BOUNDS),
    *(f"_change{bound}" for bound in _BOUNDS),
    *(f"_change_share{bound}" for bound in _BOUNDS),
    "_smallest_detectable",
    "_beyond_error",
)
HEADER: tuple[str, ...] = (
    "what",
    "identifier",
    "level",
    "side",
    "first",
    "last",
    "first_date",
    "last_date",
    "days",
    "verdict",
    *(f"{name}{part}" for name in NAMES for part in _PARTS),
    "missing_because",
)


def change_csv(change: Change) -> str:
    """The change as CSV (UTF-8, commas, line feeds): herniations first, then levels; every compared pair of dates.

    Numbers are unrounded and in the unit that the header names; `_change_share` is a ratio (-0.72 for a loss of
    72 %). `_low` and `_high` bound the 95 % interval. `verdict` is empty for pairs that were not judged.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for track in change.tracks:
        writer.writerows(
            _rows(change, track, ["herniation", track.identifier, track.level, track.side or ""])
        )
    for level in change.levels:
        writer.writerows(_rows(change, level, ["level", level.level, level.level, ""]))
    return text.getvalue()


def _rows(change: Change, one: Track | LevelChange, head: list[str]) -> Iterator[list[str]]:
    verdicts = {(v.first, v.last): v for v in (*(one.steps if isinstance(one, Track) else ()), one.verdict)}
    pairs = dict.fromkeys([*verdicts, *((d.first, d.last) for d in one.differences)])
    for first, last in sorted(pairs, key=lambda pair: (pair[0] - pair[1], pair[0])):
        found = {d.quantity: d for d in one.differences if (d.first, d.last) == (first, last)}
        yield [
            *head,
            *_dates(change, first, last, verdicts.get((first, last))),
            *_cells(one, found, first, last),
        ]


def _dates(change: Change, first: int, last: int, verdict: Verdict | None) -> list[str]:
    one, other = change.dates[first - 1], change.dates[last - 1]
    days = "" if one.days is None or other.days is None else f"{other.days - one.days:g}"
    return [
        str(first),
        str(last),
        one.date.isoformat() if one.date else "",
        other.date.isoformat() if other.date else "",
        days,
        verdict.value if verdict else "",
    ]


def _cells(one: Track | LevelChange, found: dict[str, Difference], first: int, last: int) -> list[str]:
    cells, reasons = [], []
    for name in NAMES:
        values = one.quantities.get(name)
        difference = found.get(name)
        ends = (values[first - 1], values[last - 1]) if values else (None, None)
        for quantity in (
            *ends,
            difference.absolute if difference else None,
            difference.relative if difference else None,
        ):
            cells += _quantity(quantity)
        detectable = difference.smallest_detectable if difference else None
        cells.append("" if detectable is None else repr(detectable))
        told = difference.beyond_error if difference else None
        cells.append("" if told is None else ("yes" if told else "no"))
        reasons += [f"{name}: {q.reason}" for q in ends if q is not None and q.value is None]
    return [*cells, "; ".join(dict.fromkeys(reasons))]


def _quantity(quantity: Quantity | None) -> list[str]:
    numbers = (None,) * 3 if quantity is None else (quantity.value, quantity.low, quantity.high)
    return ["" if one is None else repr(float(one)) for one in numbers]
