"""How far a difference may be off: its 95 % interval, and the least that such scans tell from none.

The error of one date has a part that does not depend on the size of what is measured and one that is a share of it;
both grow with the distance of the slices. Between thin and thick slices comes what the two show differently of the
same thing. Where something has changed, an outline that is too large on both dates makes the change too large as well:
an error that is a share of the change. It widens the interval of a change, and has no part in telling a change from
none, since where nothing changed there is none of it.

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
from dataclasses import dataclass
from functools import cache
from importlib import resources

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
        gain: standard deviation that a difference has besides as a share of itself.
    """

    spreads: tuple[Spread, ...]
    freedom: float
    pairs: int = 0
    apart: float = 0.0
    gain: float = 0.0

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
        estimated: it is an estimate for such outlines, which were not imaged repeatedly.
        matching: the table of dates whose sequences match; None where those were not tabulated apart.
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
    assert matching is None or isinstance(matching, dict)
    return Table(
        made_with=str(entries["made_with"]),
        registration_mm=float(str(entries["registration_mm"])),
        quantities={
            name: Repeatability(
                tuple(Spread(**spread) for spread in one["spreads"]),
                one["freedom"],
                one["pairs"],
                one.get("apart", 0.0),
                one.get("gain", 0.0),
            )
            for name, one in quantities.items()
        },
        estimated=bool(entries.get("estimated", False)),
        matching=None if matching is None else parse_table(matching),
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


def apart_sd(first: Measured, last: Measured) -> float:
    """Standard deviation that the difference of two dates has because their slices differ; 0 where not tabulated.

    Where they were measured in two ways, that of the poorer one.
    """
    known = [one.repeated for one in (first, last) if one.repeated is not None]
    return max((one.apart_sd(first.slice_mm, last.slice_mm) for one in known), default=0.0)


def gain_of(*dates: Measured) -> float:
    """Standard deviation that a change between these dates has as a share of itself; 0 where not tabulated."""
    return max((one.repeated.gain for one in dates if one.repeated is not None), default=0.0)


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
    # Errors as they would be had nothing changed decide what is detectable; as they are, the interval.
    errors = [m.sd() for m in (first, last)]
    unchanged = [m.sd(one) for m in (first, last)]
    if None in errors:
        plain = Quantity(value=round(change, _DECIMALS), method=ABSOLUTE)
        return Compared(Difference(quantity=name, first=first.date, last=last.date, absolute=plain))
    freedom = min(m.freedom for m in (first, last))
    factor = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom))
    apart, gain = apart_sd(first, last), gain_of(first, last) * change
    before, after = (float(error or 0.0) for error in errors)
    sd = math.hypot(before, after, apart)
    smallest = factor * math.hypot(*(float(error or 0.0) for error in unchanged), apart)
    p_value = float(2 * stats.t.sf(abs(change) / sd, freedom)) if sd > 0 else float(change == 0)
    difference = Difference(
        quantity=name,
        first=first.date,
        last=last.date,
        absolute=_bounded(change, factor * sd, factor * gain),
        relative=_relative((one, two), (before**2, after**2 + apart**2), gain, factor),
        smallest_detectable=round(smallest, _DECIMALS),
        beyond_error=bool(p_value < 1 - CONFIDENCE and abs(change) > smallest),
    )
    return Compared(difference, p_value)


def _missing(name: str, first: Measured, last: Measured) -> Difference:
    which = [m for m in (first, last) if m.quantity.value is None]
    reason = "; ".join(dict.fromkeys(f"date {m.date}: {m.quantity.reason}" for m in which))
    return Difference(
        quantity=name, first=first.date, last=last.date, absolute=Quantity(value=None, reason=reason)
    )


def _bounded(change: float, random: float, gain: float) -> Quantity:
    """A change with its interval; see `spread_about`."""
    low, high = spread_about(change, random, gain)
    return Quantity(
        value=round(change, _DECIMALS),
        low=round(low, _DECIMALS),
        high=round(high, _DECIMALS),
        method=ABSOLUTE,
    )


def spread_about(change: float, random: float, gain: float) -> tuple[float, float]:
    """The interval of a change, or of its rate.

    Args:
        random: half the width of its interval from the errors of the dates.
        gain: the same from the error that is a share of the change.
    """
    reach = math.hypot(random, gain)
    return _same_sign(change, (change - random, change + random), (change - reach, change + reach))


def _same_sign(change: float, random: tuple[float, float], whole: tuple[float, float]) -> tuple[float, float]:
    """The whole interval of a change, ended at none where the random one excludes it.

    Outlines that are too large or too small make a change larger or smaller, and never turn a loss into a gain.
    """
    low, high = whole
    if change > 0 and random[0] > 0:
        return max(low, 0.0), high
    if change < 0 and random[1] < 0:
        return low, min(high, 0.0)
    return low, high


def _relative(
    values: tuple[float, float], variances: tuple[float, float], gain: float, factor: float
) -> Quantity | None:
    """Change as a share of the first value, with Fieller's interval of the ratio of two values.

    Fieller 1954 (J R Stat Soc B 16, 175-185). None where the first value is not told from nothing: the interval
    then has no end. What is less than nothing is nothing: a loss is at most the whole.

    Args:
        gain: standard deviation of the change because it is off as a share of itself.
    """
    one, two = values
    if one <= 0:
        return None
    g = factor**2 * variances[0] / one**2
    if g >= 1:
        return None
    ratio = two / one

    def interval(last: float) -> tuple[float, float]:
        reach = factor / one * float(np.sqrt(last * (1 - g) + ratio**2 * variances[0]))
        low, high = (max((ratio + sign * reach) / (1 - g), 0.0) - 1 for sign in (-1, 1))
        return min(low, ratio - 1), max(high, ratio - 1)

    low, high = _same_sign(ratio - 1, interval(variances[1]), interval(variances[1] + gain**2))
    return Quantity(
        value=round(ratio - 1, _DECIMALS),
        low=round(low, _DECIMALS),
        high=round(high, _DECIMALS),
        method=RELATIVE,
    )
