"""The error of differences between dates, fitted to repeat imaging.

Its variance is the sum of both dates' (a constant and a share of the value, by distance of slices) and of a share of
what truly changed, fitted under Student's t by maximum likelihood to pairs of like slices; widened where the fit would
hold fewer than 95 % of the errors, of pairs in which next to nothing changed above all, and to the upper bound of what
so few differences tell. What pairs of unlike slices err besides comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from resorb.comparison.error import CONFIDENCE, Repeatability, Spread

FREEDOMS = (3.0, 4.0, 6.0, 10.0, 30.0)
#: Differences of like slices, as many of unlike ones, and as many in which something changed, that a figure stands on.
FEWEST = 8
BASE_FLOOR, SHARE_FLOOR = 0.2, 1e-3  # of a standard deviation, as a share of the errors' own
GAIN_START, GAIN_RANGE = 0.2, (1e-3, 2.0)
LONG_TAILED, MANY = 10.0, 100  # degrees of freedom that fewer differences do not exceed
#: Shares of the errors that the intervals of those shares hold at least, and from how many errors on that is asked.
TAILS = ((0.95, 1), (0.99, 200))
UPPER = 0.9  # bound of the standard deviation, which few differences tell poorly
QUIET = 0.1  # nothing to speak of changed where it changed by less than this share of the mean of both values
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Differences:
    """Differences of one quantity between two dates.

    Attributes:
        first, last: (n,) values on the two dates; slices: (n, 2) distance of slices on both, mm.
        errors: (n,) measured less true difference.
    """

    first: Array
    last: Array
    slices: Array
    errors: Array

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
        return Differences(self.first[which], self.last[which], self.slices[which], self.errors[which])

    def random_variance(self, known: Repeatability) -> Array:
        """(n,) error variance that is tabulated of both dates' values."""
        return np.array(
            [
                known.variance(a, s[0]) + known.variance(b, s[1])
                for a, b, s in zip(self.first, self.last, self.slices, strict=True)
            ]
        )


def tabulated(found: Differences, *, alike: bool = False) -> Repeatability | None:
    """How well a quantity is repeated; None where too few differences tell.

    Args:
        alike: dates are of one protocol each, so that none have unlike slices.
    """
    unlike = found.chosen(~found.like)
    if np.count_nonzero(found.like) < FEWEST or (not alike and len(unlike) < FEWEST):
        return None
    known = fit(found.chosen(found.like))
    return replace(known, apart=0.0 if alike else excess(known, unlike), pairs=len(found))


def fit(found: Differences) -> Repeatability:
    """The spread of both dates, the share of what changed, and the degrees of freedom; of like slices."""
    kinds, errors = np.unique(found.slices), found.errors
    random = errors[found.quiet] if np.count_nonzero(found.quiet) >= FEWEST else errors
    scale = float(np.sqrt(np.mean(random**2))) or 1.0
    size = max(float(np.mean(np.abs([found.first, found.last]))), 1e-9)
    one_hot = (found.slices[:, :, None] == kinds).astype(float)
    squares = np.stack([found.first, found.last], axis=1)[:, :, None] ** 2 * one_hot
    changed = np.count_nonzero(~found.quiet) >= FEWEST

    def sds(parameters: Array) -> Array:
        base, share = np.split(np.exp(parameters[:-1]), 2)
        variance = (one_hot * base**2).sum(axis=(1, 2)) + (squares * share**2).sum(axis=(1, 2))
        gain = np.exp(parameters[-1]) if changed else 0.0
        return np.asarray(np.sqrt(variance + (gain * found.true) ** 2))

    def loss(parameters: Array, freedom: float) -> float:
        return -float(stats.t.logpdf(errors, freedom, scale=sds(parameters)).sum())

    start = [*np.full(len(kinds), scale / 2), *np.full(len(kinds), scale / size / 4), GAIN_START]
    floors = [*np.full(len(kinds), BASE_FLOOR * scale), *np.full(len(kinds), SHARE_FLOOR * scale / size)]
    bounds = [(np.log(low), np.log(low) + np.log(1e5)) for low in floors]
    bounds += [(float(np.log(GAIN_RANGE[0])), float(np.log(GAIN_RANGE[1])))]
    freedoms = [one for one in FREEDOMS if one <= LONG_TAILED or len(errors) >= MANY]
    fits = [optimize.minimize(loss, np.log(start), (freedom,), bounds=bounds) for freedom in freedoms]
    best = min(range(len(fits)), key=lambda n: float(fits[n].fun))
    base, share = np.split(np.exp(fits[best].x[:-1]), 2)
    gain = float(np.exp(fits[best].x[-1])) if changed else 0.0
    return _widened(Repeatability(_spreads(kinds, base, share), freedoms[best], gain=gain), found)


def _spreads(kinds: Array, base: Array, share: Array) -> tuple[Spread, ...]:
    """By distance of slices; thicker ones are never surer, whatever few differences say."""
    base, share = np.maximum.accumulate(base), np.maximum.accumulate(share)
    return tuple(Spread(float(k), float(b), float(s)) for k, b, s in zip(kinds, base, share, strict=True))


def _widened(known: Repeatability, found: Differences) -> Repeatability:
    """The same, so wide that it holds what it says, where nothing changed and over all."""
    # Holm's correction reads the tail: where there are enough errors to see it, it has to hold there too.
    quiet = found.chosen(found.quiet) if found.quiet.any() else found
    tails = [tail for tail, fewest in TAILS if len(quiet) >= fewest]
    over = np.abs(quiet.errors) / np.sqrt(quiet.random_variance(known))
    holds = max(np.quantile(over, tail) / stats.t.ppf(0.5 + tail / 2, known.freedom) for tail in tails)
    wider = max(float(holds), _few(len(found)))
    spreads = tuple(Spread(one.slice_mm, wider * one.base, wider * one.share) for one in known.spreads)
    known = replace(known, spreads=spreads, gain=_few(len(found)) * known.gain)
    # What the random error does not hold is left to the share of the change; of the measured one, which is known.
    missing = np.maximum((found.errors / known.factor) ** 2 - found.random_variance(known), 0.0)
    share = np.sqrt(missing) / np.maximum(np.abs(found.measured), 1e-9)
    if known.gain == 0.0:
        return known
    return replace(known, gain=max(known.gain, float(np.quantile(share, CONFIDENCE))))


def excess(known: Repeatability, found: Differences) -> float:
    """Standard deviation by which differences between unlike slices err besides; with it 19 of 20 lie within 95 %."""
    alike = found.random_variance(known) + (known.gain * found.measured) ** 2
    missing = (_few(len(found)) * found.errors / known.factor) ** 2 - alike
    return float(np.sqrt(max(np.quantile(missing, CONFIDENCE), 0.0)))


def _few(count: int) -> float:
    """Upper bound of a standard deviation that so many errors tell, over what they tell."""
    return float(np.sqrt(count / stats.chi2.ppf(1 - UPPER, count)))
