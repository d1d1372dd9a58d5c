"""The error of differences between dates, fitted to repeat imaging.

Its variance is the sum of both dates' (a constant and a share of the value, by distance of slices), fitted under
Student's t by maximum likelihood to pairs of like slices, and widened where the fit would hold fewer than 95 % of the
errors, where something changed or where nothing did, and to the upper bound of what so few discs tell. What pairs of
unlike slices err besides comes on top. All differences tell the interval of a difference; those of pairs in which next
to nothing changed tell it from none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from resorb.comparison.error import CONFIDENCE, Repeatability, Spread

FREEDOMS = (3.0, 4.0, 6.0, 10.0, 30.0)
#: Differences between like slices, and as many between unlike ones, from which a quantity is tabulated.
FEWEST = 8
BASE_FLOOR, SHARE_FLOOR = 0.2, 1e-3  # of a standard deviation, as a share of the errors' own
LONG_TAILED, MANY = 10.0, 100  # degrees of freedom that differences of fewer discs do not exceed
#: Shares of the errors that the intervals of those shares hold at least, and from how many errors on that is asked.
TAILS = ((0.95, 1), (0.99, 100))
UPPER = 0.9  # bound of the standard deviation, which few discs tell poorly
QUIET = 0.1  # nothing to speak of changed where it changed by less than this share of the mean of both values
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Differences:
    """Differences of one quantity between two dates.

    Attributes:
        first, last: (n,) values on the two dates; slices: (n, 2) distance of slices on both, mm.
        errors: (n,) measured less true difference.
        of: (n,) of which disc or herniation; differences of the same one are not independent.
    """

    first: Array
    last: Array
    slices: Array
    errors: Array
    of: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.errors)

    @property
    def like(self) -> NDArray[np.bool_]:
        """(n,) whether both dates have slices as far from each other."""
        return np.asarray(self.slices[:, 0] == self.slices[:, 1])

    @property
    def measured(self) -> Array:
        """(n,) last less first date, as measured."""
        return self.last - self.first

    @property
    def true(self) -> Array:
        """(n,) what truly changed."""
        return self.measured - self.errors

    @property
    def quiet(self) -> NDArray[np.bool_]:
        """(n,) whether next to nothing changed."""
        return np.asarray(np.abs(self.true) <= QUIET * 0.5 * np.abs(self.first + self.last))

    def chosen(self, which: NDArray[np.bool_]) -> Differences:
        """Some of them."""
        return Differences(
            self.first[which], self.last[which], self.slices[which], self.errors[which], self.of[which]
        )

    @property
    def upper(self) -> float:
        """Upper bound of the errors' standard deviation over what they tell, as so many discs tell it."""
        count = len(np.unique(self.of))
        return float(np.sqrt(count / stats.chi2.ppf(1 - UPPER, count)))


def tabulated(found: Differences, *, alike: bool = False) -> Repeatability | None:
    """How well a quantity is repeated, over all and where nothing changed; None where too few differences tell.

    Args:
        alike: dates are of one protocol each, so that none have unlike slices.
    """
    known = _repeated(found, alike)
    return None if known is None else replace(known, quiet=_repeated(found.chosen(found.quiet), alike))


def _repeated(found: Differences, alike: bool) -> Repeatability | None:
    unlike = found.chosen(~found.like)
    if np.count_nonzero(found.like) < FEWEST or (not alike and len(unlike) < FEWEST):
        return None
    known = fit(found.chosen(found.like))
    return replace(known, apart=0.0 if alike else excess(known, unlike), pairs=len(found))


def fit(found: Differences) -> Repeatability:
    """The spread of both dates' errors and their degrees of freedom, from differences of like slices."""
    kinds, errors = np.unique(found.slices), found.errors
    scale = float(np.sqrt(np.mean(errors**2))) or 1.0
    size = max(float(np.mean(np.abs([found.first, found.last]))), 1e-9)
    one_hot = (found.slices[:, :, None] == kinds).astype(float)
    squares = np.stack([found.first, found.last], axis=1)[:, :, None] ** 2 * one_hot

    def sds(parameters: Array) -> Array:
        base, share = np.split(np.exp(parameters), 2)
        variance = (one_hot * base**2).sum(axis=(1, 2)) + (squares * share**2).sum(axis=(1, 2))
        return np.asarray(np.sqrt(variance))

    def loss(parameters: Array, freedom: float) -> float:
        return -float(stats.t.logpdf(errors, freedom, scale=sds(parameters)).sum())

    start = np.log([*np.full(len(kinds), scale / 2), *np.full(len(kinds), scale / size / 4)])
    floors = [*np.full(len(kinds), BASE_FLOOR * scale), *np.full(len(kinds), SHARE_FLOOR * scale / size)]
    lowest = np.log(floors)
    bounds = [(low, low + np.log(1e5)) for low in lowest]
    freedoms = [one for one in FREEDOMS if one <= LONG_TAILED or len(np.unique(found.of)) >= MANY]
    fits = [optimize.minimize(loss, start, (freedom,), bounds=bounds) for freedom in freedoms]
    best = min(range(len(fits)), key=lambda n: float(fits[n].fun))
    freedom = freedoms[best]
    # It has to hold those where nothing changed and those where something did. Holm's correction reads the tail: where
    # there are enough errors to see it, it has to hold there too.
    over = np.abs(errors) / sds(fits[best].x)
    parts = [over, *(over[part] for part in (found.quiet, ~found.quiet) if np.count_nonzero(part) >= FEWEST)]
    holds = [
        float(np.quantile(part, tail) / stats.t.ppf(0.5 + tail / 2, freedom))
        for part in parts
        for tail, fewest in TAILS
        if len(part) >= fewest
    ]
    base, share = np.split(np.exp(fits[best].x) * max(*holds, found.upper), 2)
    # Thicker slices are never surer, whatever few differences say.
    base, share = np.maximum.accumulate(base), np.maximum.accumulate(share)
    spreads = (Spread(float(k), float(b), float(s)) for k, b, s in zip(kinds, base, share, strict=True))
    return Repeatability(tuple(spreads), freedom)


def excess(known: Repeatability, found: Differences) -> float:
    """Standard deviation by which differences between unlike slices err besides; with it 19 of 20 lie within 95 %."""
    alike = [
        known.variance(a, s[0]) + known.variance(b, s[1])
        for a, b, s in zip(found.first, found.last, found.slices, strict=True)
    ]
    missing = (found.upper * found.errors / known.factor) ** 2 - np.array(alike)
    return float(np.sqrt(max(np.quantile(missing, CONFIDENCE), 0.0)))
