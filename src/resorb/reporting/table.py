"""`levels.csv`: one row per level, units in the headers, empty cells for what is missing."""

from __future__ import annotations

import csv
import io

from resorb.reading import QUANTITIES, Class, DiscReading, Quantity, Reading
from resorb.reporting.class_words import OF_HERNIATION, OF_LEVEL

LIST_SEPARATOR = "; "
HEADER: tuple[str, ...] = (
    "level",
    "flags",
    "confidence",
    *OF_HERNIATION,
    "height_vertebra",
    "roots",
    *OF_LEVEL,
    "near_a_limit",
    "given_by",
    *(f"{name}{suffix}" for name in QUANTITIES for suffix in ("", "_low", "_high")),
    "missing_because",
)


def levels_csv(reading: Reading) -> str:
    """The reading as CSV (UTF-8, commas, line feeds), from the uppermost level downwards.

    Numbers are unrounded. `<quantity>_low` and `_high` are the bounds of the 95 % interval, empty until
    calibrated. Classes are those that name the level; `near_a_limit` lists those that the error of measurement could
    change, and `given_by` those that a reader gave: `morphology: A. Reader, 2024-03-01`. `missing_because` says why
    a quantity's cell is empty: `depth_mm: cropped; ...`.
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
                _cell(disc.confidence),
                *_classes(disc),
                *map(_cell, numbers),
                LIST_SEPARATOR.join(missing),
            ]
        )
    return text.getvalue()


def _classes(disc: DiscReading) -> list[str]:
    """The cells of the classes, in the header's order."""
    own = disc.classes
    found: dict[str, Class | None] = {
        **{name: getattr(own, name) if own else None for name in OF_HERNIATION},
        **{name: getattr(disc, name) for name in OF_LEVEL},
    }
    given = {name: one for name, one in found.items() if one is not None and one.value is not None}
    values = {name: one.value or "" for name, one in given.items()}
    values.setdefault("side", disc.side or "")
    return [
        *(values.get(name, "") for name in OF_HERNIATION),
        own.height_vertebra or "" if own else "",
        LIST_SEPARATOR.join(own.roots) if own else "",
        *(values.get(name, "") for name in OF_LEVEL),
        LIST_SEPARATOR.join(name for name, one in given.items() if one.near),
        LIST_SEPARATOR.join(f"{name}: {one.given_by}" for name, one in given.items() if one.given_by),
    ]


def quantity(disc: DiscReading, name: str) -> Quantity:
    """One of the `QUANTITIES` of a level, by name."""
    value = getattr(disc, name)
    if not isinstance(value, Quantity):
        raise KeyError(name)
    return value


def _cell(value: float | None) -> str:
    return "" if value is None else repr(float(value))
