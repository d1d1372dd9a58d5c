"""What each model expects of a later scan, and when the next one would tell most about which model holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from resorb.mechanism.fit import ERROR_SCALE, Fit, ModelFit
from resorb.mechanism.kinetics import DAYS_PER_MONTH, predict
from resorb.mechanism.sampling import SEED
from resorb.study import FloatArray

AVERAGE = "all models"
#: Dates of a next scan that are weighed, months after the last.
CANDIDATES = (1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0, 18.0)
DRAWS_PER_MODEL, OUTCOMES = 100, 200
NEARLY_MOST = 0.9  # of the most expected: what a later date would add to that is not worth the wait
LEAST_SHARE = 0.005  # less likely models are left out of the design


@dataclass(frozen=True)
class Prediction:
    """One quantity on one date, in its unit: median and 95 % intervals.

    Attributes:
        model: its name, or `AVERAGE`.
        days: since the first date.
        low, high: of the true value; scan_low, scan_high: of what a scan would measure.
    """

    quantity: str
    model: str
    days: float
    median: float
    low: float
    high: float
    scan_low: float
    scan_high: float


@dataclass(frozen=True)
class NextScan:
    """The earliest date that is expected to tell nearly as much about the model as any other.

    Attributes:
        days: since the first date.
        bits: expected information about which model holds, of `entropy_bits` that are open.
        curve: (days, bits) of every date that was weighed.
        quantity: which differs most between the two likeliest models; expected: (model, value) of both.
    """

    days: float
    bits: float
    entropy_bits: float
    curve: tuple[tuple[float, float], ...]
    quantity: str
    expected: tuple[tuple[str, float], ...]


def forecast(fit: Fit, days: Sequence[float]) -> tuple[Prediction, ...]:
    """Every measured quantity on later (or any other) dates, under each model and under all, weighed.

    Args:
        days: since the first date.
    """
    months = np.array(days, dtype=np.float64) / DAYS_PER_MONTH
    rng = np.random.default_rng(SEED)
    each = [_outcomes(fit, one, months, rng) for one in fit.models]
    chances = [np.full(len(parts[0]), one.probability) for one, parts in zip(fit.models, each, strict=True)]
    mean, true, scanned = (np.concatenate([parts[n] for parts in each]) for n in range(3))
    alike = np.ones(len(each[0][0]))
    every = [(one.model.name, *parts, alike) for one, parts in zip(fit.models, each, strict=True)]
    every.append((AVERAGE, mean, true, scanned, np.concatenate(chances)))
    found = []
    for model, middles, values, scans, shares in every:
        for kind, quantity in enumerate(fit.likelihood.names):
            for n, day in enumerate(days):
                (middle,) = _quantiles(middles[:, n, kind], shares, (0.5,))
                low, high = _quantiles(values[:, n, kind], shares, (0.025, 0.975))
                scan_low, scan_high = _quantiles(scans[:, n, kind], shares, (0.025, 0.975))
                found.append(Prediction(quantity, model, float(day), middle, low, high, scan_low, scan_high))
    return tuple(found)


def next_scan(fit: Fit, candidates: Iterable[float] = CANDIDATES) -> NextScan | None:
    """The earliest date at which a scan is expected to tell nearly the most about the model; None: nothing is open.

    Expected information is the mutual information of the model and what the scan would measure (Lindley 1956, Ann Math
    Stat 27:986), by simulating scans under every model. It is no advice to scan.

    Args:
        candidates: months after the last date.
    """
    models = [one for one in fit.models if one.probability >= LEAST_SHARE]
    shares = np.array([one.probability for one in models])
    shares /= shares.sum()
    entropy = float(-(shares * np.log2(shares)).sum())
    if len(models) < 2:
        return None
    last = fit.observed.months[-1]
    curve = [(after, _information(fit, models, shares, last + after)) for after in candidates]
    most = max(bits for _, bits in curve)
    best, bits = next(one for one in curve if one[1] >= NEARLY_MOST * most)
    quantity, expected = _telling(fit, models[:2], last + best)
    days = tuple(((last + after) * DAYS_PER_MONTH, gain) for after, gain in curve)
    return NextScan((last + best) * DAYS_PER_MONTH, bits, entropy, days, quantity, expected)


def _outcomes(
    fit: Fit, one: ModelFit, months: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(draws, t, q) what the model predicts, true values, and what a scan would measure."""
    mean = _mean(fit, one, months)
    off, error = _spreads(fit, one)
    # What the formulas are off by lasts from date to date, and vanishes with the material.
    left = np.sqrt(np.clip(mean / (one.levels * fit.likelihood.units)[:, None, :], 0.0, 1.0))
    later = (months > 0)[None, :, None] * left
    apart = rng.standard_normal((2, len(mean), 1, mean.shape[2]))
    true = np.maximum(mean + later * off * apart[0], 0.0)
    return mean, true, true + error[:, None, :] * apart[1]


def _mean(fit: Fit, one: ModelFit, months: FloatArray) -> FloatArray:
    """(draws, t, q) what a model predicts, in the quantities' units."""
    ratios = predict(one.model.mechanisms, fit.shape, one.draws, months)
    whole = np.stack([ratios[name] for name in fit.likelihood.names], axis=-1)
    return np.asarray(whole * (one.levels * fit.likelihood.units)[:, None, :])


def _spreads(fit: Fit, one: ModelFit) -> tuple[FloatArray, FloatArray]:
    """(q,) of what the formulas are off by; (draws, q) of measuring, as it was measured so far."""
    names = fit.likelihood.names
    off = np.array([fit.priors.discrepancy[name] for name in names]) * fit.likelihood.units
    sds = np.array([np.mean([o.sd for o in fit.observed.measured[name] if o is not None]) for name in names])
    return off, np.asarray(one.draws[ERROR_SCALE][:, None] * sds)


def _information(fit: Fit, models: list[ModelFit], shares: FloatArray, month: float) -> float:
    """Expected information about the model of a scan at a month, bits."""
    rng = np.random.default_rng(
        SEED
    )  # the same numbers for every date: their differences are those of the date
    at = np.array([month])
    means, sds = [], []
    for one in models:
        off, error = _spreads(fit, one)
        means.append(_mean(fit, one, at)[:DRAWS_PER_MODEL, 0])
        sds.append(np.hypot(off, error[:DRAWS_PER_MODEL]))
    mean, sd = np.stack(means), np.stack(sds)
    counts = np.maximum(np.round(OUTCOMES * shares).astype(int), 4)
    total = 0.0
    for n, (count, share) in enumerate(zip(counts, shares, strict=True)):
        chosen = rng.integers(mean.shape[1], size=count)
        outcome = mean[n, chosen] + sd[n, chosen] * rng.standard_normal((count, mean.shape[2]))
        z = (outcome[:, None, None] - mean) / sd
        density = np.exp(-0.5 * np.square(z).sum(axis=-1) - np.log(sd).sum(axis=-1)).mean(axis=2) + 1e-300
        total += share * float(np.log2(density[:, n] / (density @ shares)).mean())
    return float(max(total, 0.0))


def _telling(fit: Fit, models: list[ModelFit], month: float) -> tuple[str, tuple[tuple[str, float], ...]]:
    """The quantity in which two models differ most on a date, against their spread, and what each expects."""
    drawn = [_mean(fit, one, np.array([month]))[:, 0] for one in models]
    middle = [np.median(values, axis=0) for values in drawn]
    variance = [
        values.var(axis=0) + np.square(_spreads(fit, one)[1].mean(axis=0))
        for values, one in zip(drawn, models, strict=True)
    ]
    kind = int(np.argmax(np.abs(middle[0] - middle[1]) / np.sqrt(variance[0] + variance[1])))
    expected = tuple((one.model.name, float(m[kind])) for one, m in zip(models, middle, strict=True))
    return fit.likelihood.names[kind], expected


def _quantiles(values: FloatArray, weights: FloatArray, at: tuple[float, ...]) -> list[float]:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    found = np.searchsorted(total, np.array(at) * total[-1]).clip(max=len(values) - 1)
    return [float(value) for value in values[order][found]]
