"""How well two raters, or a measurement and the truth, agree: small functions, tested against published examples."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.study import FloatArray

BOOTSTRAPS = 2000
Z95 = 1.959964


@dataclass(frozen=True)
class Limits:
    """Mean difference and 95 % limits of agreement (Bland and Altman, Lancet 1986;1:307)."""

    bias: float
    low: float
    high: float
    count: int


def limits_of_agreement(differences: FloatArray) -> Limits:
    """Of at least two differences (n,)."""
    bias, spread = float(np.mean(differences)), float(np.std(differences, ddof=1))
    return Limits(bias, bias - Z95 * spread, bias + Z95 * spread, len(differences))


def icc_agreement(ratings: FloatArray) -> float:
    """Intraclass correlation ICC(2,1): two-way random effects, absolute agreement, one rating.

    Shrout and Fleiss, Psychol Bull 1979;86:420.

    Args:
        ratings: (subjects, raters).
    """
    subjects, raters = ratings.shape
    grand = ratings.mean()
    between = raters * np.sum((ratings.mean(axis=1) - grand) ** 2) / (subjects - 1)
    across = subjects * np.sum((ratings.mean(axis=0) - grand) ** 2) / (raters - 1)
    rest = ratings - ratings.mean(axis=1, keepdims=True) - ratings.mean(axis=0) + grand
    error = np.sum(rest**2) / ((subjects - 1) * (raters - 1))
    below = between + (raters - 1) * error + raters * (across - error) / subjects
    return float((between - error) / below)


def counts(first: Sequence[Hashable], second: Sequence[Hashable], classes: Sequence[Hashable]) -> FloatArray:
    """(classes, classes) how often the first rater said the row and the second the column."""
    place = {name: n for n, name in enumerate(classes)}
    table = np.zeros((len(classes), len(classes)))
    for a, b in zip(first, second, strict=True):
        table[place[a], place[b]] += 1
    return table


def kappa(table: FloatArray, weights: FloatArray | None = None) -> float:
    """Cohen's kappa of a table of counts (Cohen, Educ Psychol Meas 1960;20:37); weighted: Psychol Bull 1968;70:213.

    Args:
        table: (classes, classes).
        weights: of disagreement, same shape, 0 on the diagonal; None counts every disagreement as 1.

    Returns:
        NaN where both raters used one class alone.
    """
    apart = 1.0 - np.eye(len(table)) if weights is None else weights
    share = table / table.sum()
    expected = float(np.sum(apart * np.outer(share.sum(axis=1), share.sum(axis=0))))
    return float("nan") if expected == 0 else 1.0 - float(np.sum(apart * share)) / expected


def linear(classes: int) -> FloatArray:
    """Weights of disagreement between ordered classes: distance."""
    return np.asarray(np.sqrt(quadratic(classes)))


def quadratic(classes: int) -> FloatArray:
    """Weights of disagreement between ordered classes: squared distance."""
    place = np.arange(classes, dtype=np.float64)
    return np.asarray((place[:, None] - place) ** 2)


def ac1(table: FloatArray) -> float:
    """Gwet's AC1 of a table of counts of all classes that could be given (Gwet, Br J Math Stat Psychol 2008;61:29)."""
    share = table / table.sum()
    agreed = float(np.trace(share))
    use = 0.5 * (share.sum(axis=0) + share.sum(axis=1))
    chance = float(np.sum(use * (1.0 - use))) / (len(table) - 1)
    return (agreed - chance) / (1.0 - chance)


def interval_by_subject(
    statistic: Callable[[NDArray[np.intp]], float], subjects: Sequence[str]
) -> tuple[float, float]:
    """95 % interval of a statistic when other subjects are drawn, by bootstrap.

    Args:
        statistic: of some of the rows, given by their places; NaN where it has no value.
        subjects: whose each row is.

    Returns:
        The interval; NaN where nothing that was drawn has a value.
    """
    rng = np.random.default_rng(0)
    names = np.unique(subjects)
    members = [np.flatnonzero(np.asarray(subjects) == name) for name in names]
    drawn = [
        statistic(np.concatenate([members[n] for n in rng.integers(len(names), size=len(names))]))
        for _ in range(BOOTSTRAPS)
    ]
    if np.isnan(drawn).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def pooled_sd(values: FloatArray, groups: Sequence[Hashable]) -> float:
    """Standard deviation within groups, pooled; NaN where no group has two values."""
    squares, free = 0.0, 0
    members: dict[Hashable, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        members.setdefault(group, []).append(float(value))
    for own in members.values():
        squares += float(np.sum((np.array(own) - np.mean(own)) ** 2))
        free += len(own) - 1
    return float(np.sqrt(squares / free)) if free else float("nan")
