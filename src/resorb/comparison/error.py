"""How far a difference may be off: its 95 % interval, and the least that such scans tell from none.

The error of one date has a part that does not depend on the size of what is measured and one that is a share of it;
both grow with the distance of the slices. Between thin and thick slices comes what the two show differently of the
same thing. Where something has changed, outlines err more than where nothing has, since what is left has another shape.
The interval of a difference has to hold whatever happened; whether a difference is told from none is judged by the
errors of dates between which nothing changed.

All are tabulated in `repeat.toml` from repeat imaging of simulated patients (`benchmarks/repeat.py`): the differences
of dates against what truly differs, all registered and measured against one reference surface as here; apart for dates
on one scanner with one protocol, on which outlines err more alike. They hold the error of a usual registration; where
the one at hand is worse, what goes beyond is added (`Scans.worse_mm` in `follow.py`), and nothing is counted twice. A
difference over its error follows Student's t, whose tails tell how often an outline goes astray.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from scipy import stats

from resorb.anatomy import is_given
from resorb.change import Dated, Difference
from resorb.reading import Quantity

CONFIDENCE = 0.95
ABSOLUTE = "last date less first, against one reference surface"
RELATIVE = "absolute difference over the first date's value"
#: Half the width of a 95 % interval over its standard deviation.
PER_SD = 2 * float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
_DECIMALS = 4


@dataclass(frozen=True)
class Spread:
    """The error of one date's value, at one distance of slices.

    Attributes:
        slice_mm: from slice to slice.
        base: standard deviation that does not depend on the value, in its unit.
        share: standard deviation as a share of the value.
    """

    slice_mm: float
    base: float
    share: float


@dataclass(frozen=True)
class Repeatability:
    """How well one quantity is repeated.

    Attributes:
        spreads: by distance of slices, thin ones first.
        freedom: degrees of freedom of Student's t.
        pairs: how many differences they were tabulated from.
        apart: standard deviation that a difference has besides between the thinnest of these slices and the thickest.
        quiet: the same of dates between which nothing changed; None where those were not tabulated apart.
    """

    spreads: tuple[Spread, ...]
    freedom: float
    pairs: int = 0
    apart: float = 0.0
    quiet: Repeatability | None = None

    def variance(self, value: float, slice_mm: float) -> float:
        """Error variance of one date's value."""
        at = [one.slice_mm for one in self.spreads]
        base, share = (
            float(np.interp(slice_mm, at, [getattr(one, name) for one in self.spreads]))
            for name in ("base", "share")
        )
        return base**2 + (share * value) ** 2

    def apart_sd(self, first_mm: float, last_mm: float) -> float:
        """Standard deviation that a difference has because slices are not as far from each other on both dates."""
        at = [one.slice_mm for one in self.spreads]
        differ = abs(float(np.diff(np.clip([first_mm, last_mm], at[0], at[-1]))[0]))
        return self.apart * differ / (at[-1] - at[0]) if differ else 0.0

    @property
    def factor(self) -> float:
        """Half the width of a 95 % interval over the standard deviation."""
        return float(stats.t.ppf(0.5 + CONFIDENCE / 2, self.freedom))


@dataclass(frozen=True)
class Table:
    """Repeatability by whose quantity it is ("herniation.volume_mm3", "level.volume_mm3").

    Attributes:
        made_with: what drew the outlines that it was tabulated from.
        registration_mm: typical registration error in it, across the disc's margin; a worse one widens every interval.
        estimated: too few patients stand behind it.
        matching: the table of dates whose sequences match, what it lacks taken from this one; None where those were
            not tabulated apart.
    """

    made_with: str
    registration_mm: float
    quantities: Mapping[str, Repeatability]
    estimated: bool = False
    matching: Table | None = None


@cache
def shipped(outlines: str) -> Table:
    """The table of repeat imaging for outlines of the embedded model (`model`) or given ones (`mask`)."""
    text = resources.files("resorb.comparison").joinpath("repeat.toml").read_text("utf-8")
    return parse_table(tomllib.loads(text)[outlines])


def table_for(dates: tuple[Dated, ...]) -> Table:
    """The table that fits what drew the outlines of all dates; of the embedded model's, unless all were given."""
    given = all(is_given(one.segmented_by) for one in dates)
    return shipped("mask" if given else "model")


def parse_table(entries: Mapping[str, object]) -> Table:
    """A table from its section of `repeat.toml`."""
    quantities, matching = entries["quantities"], entries.get("matching")
    assert isinstance(quantities, dict)
    known = {name: _repeatability(one) for name, one in quantities.items()}
    apart = None
    if isinstance(matching, dict):
        own = parse_table(matching)
        apart = replace(own, quantities={**known, **own.quantities})
    return Table(
        made_with=str(entries["made_with"]),
        registration_mm=float(str(entries["registration_mm"])),
        quantities=known,
        estimated=bool(entries.get("estimated", False)),
        matching=apart,
    )


def _repeatability(entry: Mapping[str, Any]) -> Repeatability:
    return Repeatability(
        spreads=tuple(Spread(**spread) for spread in entry["spreads"]),
        freedom=entry["freedom"],
        pairs=entry.get("pairs", 0),
        apart=entry.get("apart", 0.0),
        quiet=_repeatability(entry["quiet"]) if "quiet" in entry else None,
    )


@dataclass(frozen=True)
class Measured:
    """One quantity of one date with what its error hangs on.

    Attributes:
        slice_mm: distance of the slices it was measured on.
        extra_sd: error on top of the table, in the quantity's unit, from a registration worse than the table's.
        repeated: how well it is repeated; None where that was not tabulated.
    """

    date: int
    quantity: Quantity
    slice_mm: float
    repeated: Repeatability | None = None
    extra_sd: float = 0.0

    @property
    def freedom(self) -> float:
        """Degrees of freedom of its error; as many as you like where it was not tabulated."""
        return self.repeated.freedom if self.repeated is not None else np.inf

    def sd(self, value: float | None = None) -> float | None:
        """Standard deviation of the error of its value, or of another one on the same scan; None if not known."""
        value = self.quantity.value if value is None else value
        if value is None:
            return None
        if self.repeated is not None:
            return float(np.sqrt(self.repeated.variance(value, self.slice_mm) + self.extra_sd**2))
        low, high = self.quantity.low, self.quantity.high
        return None if low is None or high is None else (high - low) / PER_SD

    @property
    def quiet(self) -> Measured:
        """The same with the error of dates between which nothing changed."""
        known = self.repeated.quiet if self.repeated is not None else None
        return self if known is None else replace(self, repeated=known)


def apart_sd(first: Measured, last: Measured) -> float:
    """Standard deviation that the difference of two dates has because their slices differ; 0 where not tabulated.

    Where they were measured in two ways, that of the poorer one.
    """
    known = [one.repeated for one in (first, last) if one.repeated is not None]
    return max((one.apart_sd(first.slice_mm, last.slice_mm) for one in known), default=0.0)


@dataclass(frozen=True)
class Compared:
    """A difference with what verdicts need of it.

    Attributes:
        p_value: of no change, two-sided; None without an error.
    """

    difference: Difference
    p_value: float | None = None


def compare_values(name: str, first: Measured, last: Measured) -> Compared:
    """The difference of one quantity between two dates.

    Without repeat imaging of that quantity, the intervals of the two values stand in, as if their errors had nothing in
    common: wider than the truth. Without those either, the difference has no interval, and nothing is said of it.
    """
    one, two = first.quantity.value, last.quantity.value
    if one is None or two is None:
        return Compared(_missing(name, first, last))
    change = two - one
    errors = _errors(first, last)
    if errors is None:
        plain = Quantity(value=round(change, _DECIMALS), method=ABSOLUTE)
        return Compared(Difference(quantity=name, first=first.date, last=last.date, absolute=plain))
    # Errors as they would be had nothing changed decide what is told from none; as they are, the interval.
    quiet = min(errors, _errors(first.quiet, last.quiet) or errors, key=_reach)
    unchanged = [_errors(*dates, (one, one)) for dates in ((first, last), (first.quiet, last.quiet))]
    smallest = min(found.reach for found in unchanged if found is not None)
    p_value = (
        float(2 * stats.t.sf(abs(change) / quiet.sd, quiet.freedom)) if quiet.sd > 0 else float(change == 0)
    )
    told = p_value < 1 - CONFIDENCE and abs(change) > smallest
    variances = (errors.first**2, errors.last**2 + errors.apart**2)
    difference = Difference(
        quantity=name,
        first=first.date,
        last=last.date,
        absolute=_bounded(change, errors.reach, told),
        relative=_relative((one, two), variances, errors.factor, told),
        smallest_detectable=round(smallest, _DECIMALS),
        beyond_error=told,
    )
    return Compared(difference, p_value)


@dataclass(frozen=True)
class _Errors:
    """Standard deviations of the errors of a difference: of either date, and because their slices differ."""

    first: float
    last: float
    apart: float
    freedom: float

    @property
    def sd(self) -> float:
        return math.hypot(self.first, self.last, self.apart)

    @property
    def factor(self) -> float:
        return float(stats.t.ppf(0.5 + CONFIDENCE / 2, self.freedom))

    @property
    def reach(self) -> float:
        """Half the width of a 95 % interval."""
        return self.factor * self.sd


def _reach(errors: _Errors) -> float:
    return errors.reach


def _errors(
    first: Measured, last: Measured, values: tuple[float | None, float | None] = (None, None)
) -> _Errors | None:
    """The errors of a difference of what was measured, or of other values on the same scans; None if not known."""
    one, two = (date.sd(value) for date, value in zip((first, last), values, strict=True))
    if one is None or two is None:
        return None
    return _Errors(one, two, apart_sd(first, last), min(first.freedom, last.freedom))


def _missing(name: str, first: Measured, last: Measured) -> Difference:
    which = [m for m in (first, last) if m.quantity.value is None]
    reason = "; ".join(dict.fromkeys(f"date {m.date}: {m.quantity.reason}" for m in which))
    return Difference(
        quantity=name, first=first.date, last=last.date, absolute=Quantity(value=None, reason=reason)
    )


def _bounded(change: float, reach: float, told: bool) -> Quantity:
    low, high = same_sign(change, change - reach, change + reach, told)
    return Quantity(
        value=round(change, _DECIMALS),
        low=round(low, _DECIMALS),
        high=round(high, _DECIMALS),
        method=ABSOLUTE,
    )


def same_sign(change: float, low: float, high: float, told: bool) -> tuple[float, float]:
    """An interval of a change, ended at none where the change is told from none.

    That nothing changed was rejected by the error where nothing changed; the interval holds changes too, and is wider.
    """
    if not told:
        return low, high
    return (max(low, 0.0), high) if change > 0 else (low, min(high, 0.0))


def _relative(
    values: tuple[float, float], variances: tuple[float, float], factor: float, told: bool
) -> Quantity | None:
    """Change as a share of the first value, with Fieller's interval of the ratio of two values.

    Fieller 1954 (J R Stat Soc B 16, 175-185). None where the first value is not told from nothing: the interval
    then has no end. What is less than nothing is nothing: a loss is at most the whole.
    """
    one, two = values
    if one <= 0:
        return None
    g = factor**2 * variances[0] / one**2
    if g >= 1:
        return None
    ratio = two / one
    reach = factor / one * float(np.sqrt(variances[1] * (1 - g) + ratio**2 * variances[0]))
    low, high = (max((ratio + sign * reach) / (1 - g), 0.0) for sign in (-1, 1))
    low, high = same_sign(ratio - 1, min(low, ratio) - 1, max(high, ratio) - 1, told)
    return Quantity(
        value=round(ratio - 1, _DECIMALS),
        low=round(low, _DECIMALS),
        high=round(high, _DECIMALS),
        method=RELATIVE,
    )
