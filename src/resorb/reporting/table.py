"""`levels.csv`: one row per level, units in the headers, empty cells for what is missing."""

from __future__ import annotations

import csv
import io

from resorb.reading import QUANTITIES, DiscReading, Quantity, Reading

LIST_SEPARATOR = "; "
HEADER: tuple[str, ...] = (
    "level",
    "flags",
    "side",
    "confidence",
    *(f"{name}{suffix}" for name in QUANTITIES for suffix in ("", "_low", "_high")),
    "missing_because",
)


def levels_csv(reading: Reading) -> str:
    """The reading as CSV (UTF-8, commas, line feeds), from the uppermost level downwards.

    Numbers are unrounded. `<quantity>_low` and `_high` are the bounds of the 95 % interval, empty until
    calibrated. `missing_because` says why a quantity's cell is empty: `depth_mm: cropped; ...`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for disc in reading.discs:
        quantities = {name: quantity(disc, name) for name in QUANTITIES}
        numbers = [n for q in quantities.values() for n in (q.value, q.low, q.high)]
        missing = [f"{name}: {q.reason}" for name, q in quantities.items() if q.value is None]
        writer.writerow(
            [
                disc.level,
                LIST_SEPARATOR.join(disc.flags),
                disc.side or "",
                _cell(disc.confidence),
                *map(_cell, numbers),
                LIST_SEPARATOR.join(missing),
            ]
        )
    return text.getvalue()


def quantity(disc: DiscReading, name: str) -> Quantity:
    """One of the `QUANTITIES` of a level, by name."""
    value = getattr(disc, name)
    if not isinstance(value, Quantity):
        raise KeyError(name)
    return value


def _cell(value: float | None) -> str:
    return "" if value is None else repr(float(value))
