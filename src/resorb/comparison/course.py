"""The course of a quantity over all dates: its rate, its half-life, and published courses to set beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from resorb.change import Dated, PublishedCourse, Rate
from resorb.comparison.error import CONFIDENCE, same_sign
from resorb.reading import Quantity
from resorb.study import FloatArray

DAYS_PER_MONTH = 30.44
MIN_DATES = 3
#: A loss slower than this is told from none by no series of scans: a half-life of a hundred years.
SLOWEST_PER_MONTH = np.log(2) / 1200
LEAST_SQUARES = "weighted least squares over all dates"
EXPONENTIAL = "exponential loss fitted to all dates, weighted by their errors; a convention, no law"
#: Facts that must agree for signals to be compared.
SEQUENCE_FACTS = ("field_strength_t", "manufacturer", "acquisition", "fat_suppressed", "contrast_agent")
#: And times that must agree within a share of themselves.
SEQUENCE_TIMES = {"te_ms": 0.1, "tr_ms": 0.25}


def rate(
    name: str,
    dates: Sequence[Dated],
    values: Sequence[Quantity],
    sds: Sequence[float | None],
    freedom: float = np.inf,
    *,
    told: bool = False,
) -> Rate | None:
    """The rate of a quantity, and its half-life where it can be said; None where two dated values are missing.

    Args:
        values, sds: per date, the value and the standard deviation of its error; without the latter the rate has no
            interval, and there is no half-life.
        freedom: of Student's t, which the errors follow; that of the difference, so that both tell the same.
        told: the difference is told from none, and so is the rate, whose interval then ends there.
    """
    factor = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom))
    known = [
        (date.days / DAYS_PER_MONTH, value.value, sd)
        for date, value, sd in zip(dates, values, sds, strict=True)
        if date.days is not None and value.value is not None
    ]
    months = np.array([month for month, _, _ in known])
    if len(known) < 2 or np.ptp(months) == 0:
        return None
    measured = np.array([value for _, value, _ in known])
    errors = _errors([sd for _, _, sd in known])
    per_month = _slope(months, measured, errors, factor, told)
    half, why = _half_life(months, measured, errors, factor)
    return Rate(quantity=name, per_month=per_month, half_life_months=half, half_life_reason=why)


def _errors(sds: Sequence[float | None]) -> FloatArray | None:
    found = [sd for sd in sds if sd is not None and sd > 0]
    return np.array(found) if len(found) == len(sds) else None


def _slope(
    months: FloatArray, values: FloatArray, errors: FloatArray | None, factor: float, told: bool
) -> Quantity:
    weights = np.ones_like(values) if errors is None else 1.0 / errors**2
    middle = np.average(months, weights=weights)
    spread = float(np.sum(weights * (months - middle) ** 2))
    slope = float(np.sum(weights * (months - middle) * values)) / spread
    if errors is None:
        return Quantity(value=round(slope, 4), method=LEAST_SQUARES)
    reach = factor / np.sqrt(spread)
    low, high = same_sign(slope, slope - reach, slope + reach, told)
    return Quantity(value=round(slope, 4), low=round(low, 4), high=round(high, 4), method=LEAST_SQUARES)


def _half_life(
    months: FloatArray, values: FloatArray, errors: FloatArray | None, factor: float
) -> tuple[Quantity | None, str]:
    """(half-life in months, why there is none)."""
    if len(set(months.tolist())) < MIN_DATES:
        return None, f"a half-life needs {MIN_DATES} dates"
    if errors is None:
        return None, "the errors of the values are not known"
    if values[0] <= 0:
        return None, "nothing was there on the first date"
    start = (float(values[0]), 0.1)
    try:
        fitted, covariance = optimize.curve_fit(
            _exponential, months, values, p0=start, sigma=errors, absolute_sigma=True, maxfev=5000
        )
    except RuntimeError:
        return None, "no exponential fits"
    loss, sd = float(fitted[1]), float(np.sqrt(covariance[1, 1]))
    if not np.isfinite(sd) or loss - factor * sd <= SLOWEST_PER_MONTH:
        return None, "no loss that is known well enough"
    if _misfit(months, values, errors, fitted) < 1 - CONFIDENCE:
        return None, "the values do not follow an exponential loss"
    ends = [np.log(2) / (loss + sign * factor * sd) for sign in (1, -1)]
    return Quantity(
        value=round(np.log(2) / loss, 3), low=round(ends[0], 3), high=round(ends[1], 3), method=EXPONENTIAL
    ), ""


def _exponential(months: FloatArray, first: float, loss: float) -> FloatArray:
    return np.asarray(first * np.exp(-loss * np.clip(months, 0.0, None)))


def _misfit(months: FloatArray, values: FloatArray, errors: FloatArray, fitted: NDArray[np.float64]) -> float:
    """Probability of values this far off the fit, where it is right."""
    off = (values - _exponential(months, float(fitted[0]), float(fitted[1]))) / errors
    return float(stats.chi2.sf(float(np.sum(off**2)), max(len(values) - 2, 1)))


def sequences_differ(first: Dated, last: Dated) -> str:
    """Why signals of two dates may not be compared, in words; empty where they may."""
    for fact in SEQUENCE_FACTS:
        one, two = (str(date.sequence.get(fact, "unknown")).casefold() for date in (first, last))
        if one != two:
            return f"the sequences differ ({fact.replace('_', ' ')}: {one}, {two})"
        if one == "unknown" and fact == "field_strength_t":
            return "the sequences are not known"
    for fact, tolerance in SEQUENCE_TIMES.items():
        times = [date.sequence.get(fact) for date in (first, last)]
        if any(not isinstance(time, int | float) for time in times):
            return f"the sequences are not known ({fact.replace('_', ' ')})"
        one_ms, two_ms = (float(time) for time in times if time is not None)
        if abs(one_ms - two_ms) > tolerance * max(one_ms, two_ms):
            return f"the sequences differ ({fact.replace('_', ' ')}: {one_ms:g}, {two_ms:g})"
    return ""


@cache
def _published() -> tuple[PublishedCourse, ...]:
    text = resources.files("resorb.comparison").joinpath("published.toml").read_text("utf-8")
    return tuple(PublishedCourse(**entry) for entry in tomllib.loads(text)["course"])


def published(morphology: str | None) -> tuple[PublishedCourse, ...]:
    """How often herniations of a form regressed in published series; none for a form that is not known."""
    return tuple(one for one in _published() if one.morphology == morphology)
