"""Posterior and evidence of a few parameters by quasi-Monte-Carlo importance sampling; repeatable to the bit.

Parameters are standard normal scores. Sobol points of the prior are followed by rounds of points of a Student
distribution fitted to what is known so far; all points are weighted together, as draws of the mixture of all proposals
(adaptive multiple importance sampling: Cornuet, Marin, Mira and Robert 2012, Scand J Stat 39:798, doi
10.1111/j.1467-9469.2011.00756.x). That needs no chain and no burn-in, and gives the evidence besides.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.stats import qmc

from resorb.study import FloatArray

FROM_PRIOR, PER_ROUND, ROUNDS = 2048, 1024, 3
TAIL = 5.0  # degrees of freedom of the proposals
WIDEN = 1.3  # covariance of a proposal against that of the points so far
ENOUGH = 120.0  # effective points to fit a proposal to; with fewer, weights are flattened first
SEED = 20240

LogLikelihood = Callable[[FloatArray], FloatArray]
Proposal = tuple[int, Callable[[FloatArray], FloatArray]]  # how many points, and their log density


@dataclass(frozen=True, eq=False)
class Sample:
    """Weighted points of a posterior.

    Attributes:
        scores: (n, p); weights: (n,) that sum to 1.
        log_evidence: log of the probability density of the data under the prior.
        effective: the number of equally weighted points that are worth as much.
    """

    scores: FloatArray
    weights: FloatArray
    log_evidence: float
    effective: float

    def resampled(self, count: int) -> FloatArray:
        """(count, p) equally weighted points, by systematic resampling."""
        at = (np.arange(count) + 0.5) / count
        chosen = np.searchsorted(np.cumsum(self.weights), at).clip(max=len(self.weights) - 1)
        # Neighbours in the list come from one proposal: a fixed shuffle makes any part of the result fair.
        return np.asarray(self.scores[np.random.default_rng(SEED).permutation(chosen)])


def sample(log_likelihood: LogLikelihood, parameters: int) -> Sample:
    """Weighted points of the posterior of some parameters with standard normal priors."""
    first = normal_scores(FROM_PRIOR, parameters, SEED)
    points, values = [first], [log_likelihood(first)]
    proposals: list[Proposal] = [(FROM_PRIOR, _log_normal)]
    for number in range(ROUNDS):
        scores, weights = np.concatenate(points), _weights(points, values, proposals)
        draw, density = _proposal(scores, weights, SEED + 1 + number)
        points.append(draw)
        values.append(log_likelihood(draw))
        proposals.append((PER_ROUND, density))
    log_weights = _weights(points, values, proposals)
    total = float(special.logsumexp(log_weights))
    weights = np.exp(log_weights - total)
    return Sample(
        np.concatenate(points),
        weights,
        total - float(np.log(len(weights))),
        float(1 / np.square(weights).sum()),
    )


def normal_scores(count: int, dimensions: int, seed: int) -> FloatArray:
    """(count, dimensions) scrambled Sobol points, as standard normal scores."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # counts that are no powers of 2 are only less even
        points = qmc.Sobol(dimensions, rng=np.random.default_rng(seed)).random(count)
    return np.asarray(special.ndtri(np.clip(points, 1e-12, 1 - 1e-12)))


def _weights(
    points: list[FloatArray],
    values: list[FloatArray],
    proposals: list[Proposal],
) -> FloatArray:
    """(n,) log weights against the mixture of all proposals so far."""
    scores, total = np.concatenate(points), sum(count for count, _ in proposals)
    mixture = special.logsumexp([np.log(n / total) + density(scores) for n, density in proposals], axis=0)
    return np.asarray(np.concatenate(values) + _log_normal(scores) - mixture)


def _proposal(
    scores: FloatArray, log_weights: FloatArray, seed: int
) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
    """Points of a Student distribution that has mean and covariance of weighted points, and its log density."""
    weights = _flattened(log_weights)
    mean = weights @ scores
    rest = scores - mean
    covariance = WIDEN * (rest * weights[:, None]).T @ rest + 1e-6 * np.eye(len(mean))
    lower = np.asarray(np.linalg.cholesky(covariance), np.float64)
    normal = normal_scores(PER_ROUND, len(mean) + 1, seed)
    chi2 = special.chdtri(TAIL, special.ndtr(-normal[:, -1]))
    draw = mean + normal[:, :-1] @ lower.T * np.sqrt(TAIL / chi2)[:, None]
    return draw, lambda at: _log_student(at, mean, lower)


def _log_student(at: FloatArray, mean: FloatArray, lower: FloatArray) -> FloatArray:
    """(n,) log density of a Student distribution at points (n, p), from the Cholesky factor of its shape."""
    p = len(mean)
    square = np.square(np.linalg.solve(lower, (at - mean).T)).sum(axis=0)
    norm = special.gammaln((TAIL + p) / 2) - special.gammaln(TAIL / 2) - 0.5 * p * np.log(TAIL * np.pi)
    return np.asarray(norm - np.log(np.diagonal(lower)).sum() - 0.5 * (TAIL + p) * np.log1p(square / TAIL))


def _flattened(log_weights: FloatArray) -> FloatArray:
    """Normalised weights, to the largest power of at most 1 that leaves enough effective points."""
    shifted = log_weights - log_weights.max()
    power = 1.0
    while True:
        weights = np.exp(power * shifted)
        weights /= weights.sum()
        if 1 / np.square(weights).sum() >= min(ENOUGH, len(weights) / 4) or power < 1e-3:
            return np.asarray(weights)
        power *= 0.8


def _log_normal(scores: FloatArray) -> FloatArray:
    return np.asarray(-0.5 * np.square(scores).sum(axis=1) - 0.5 * scores.shape[1] * np.log(2 * np.pi))
