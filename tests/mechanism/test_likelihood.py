from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from resorb.mechanism import Observations, Observed, load_priors
from resorb.mechanism.likelihood import LEVEL_SD, Likelihood

SCALE = np.array([1.0, 1.4])


def _observed() -> Observations:
    """Two quantities of one outline and the T2 ratio, with gaps."""
    return Observations(
        (0.0, 100.0, 200.0),
        {
            "volume_mm3": (Observed(1000, 100), Observed(600, 80), Observed(300, 60)),
            "t2_ratio": (Observed(0.4, 0.04), None, Observed(0.2, 0.03)),
            "depth_mm": (Observed(8.0, 0.6), Observed(6.0, 0.6), None),
            "contact_mm2": (None, None, Observed(30.0, 5.0)),
        },
    )


def _direct() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values in units of their first, their covariance, and which quantity each is; written out by hand."""
    priors = load_priors()
    values = np.array([1.0, 0.6, 0.3, 1.0, 0.5, 1.0, 0.75])
    dates, kinds = [0, 1, 2, 0, 2, 0, 1], [0, 0, 0, 1, 1, 2, 2]
    sds = [0.1, 0.08, 0.06, 0.1, 0.075, 0.075, 0.075]
    off = [priors.discrepancy[name] for name in ("volume_mm3", "t2_ratio", "depth_mm")]
    covariance = np.zeros((7, 7))
    for i in range(7):
        for j in range(7):
            if i == j:
                covariance[i, i] = sds[i] ** 2 + (off[kinds[i]] ** 2 if dates[i] else 0.0)
            elif dates[i] == dates[j] and {kinds[i], kinds[j]} == {0, 2}:
                covariance[i, j] = priors.error_correlation * sds[i] * sds[j]
    return values, covariance, np.eye(3)[kinds]


def test_the_density_is_that_of_one_large_normal_distribution() -> None:
    likelihood = Likelihood(_observed(), load_priors())
    assert likelihood.names == ("volume_mm3", "t2_ratio", "depth_mm")
    ratios = np.array([[[1.0, 1.0, 1.0], [0.7, 0.8, 0.9], [0.4, 0.6, 0.8]]] * 2)
    flat = np.array([1.0, 0.7, 0.4, 1.0, 0.6, 1.0, 0.9])
    values, covariance, of_kind = _direct()
    design = flat[:, None] * of_kind
    for scale, found in zip(SCALE, likelihood.log_density(ratios, SCALE), strict=True):
        whole = covariance * scale**2 + LEVEL_SD**2 * design @ design.T
        assert found == pytest.approx(stats.multivariate_normal(design.sum(axis=1), whole).logpdf(values))


def test_true_first_values_are_drawn_from_their_posterior() -> None:
    likelihood = Likelihood(_observed(), load_priors())
    flat = np.array([1.0, 0.7, 0.4, 1.0, 0.6, 1.0, 0.9])
    values, covariance, of_kind = _direct()
    design = flat[:, None] * of_kind
    precision = design.T @ np.linalg.inv(covariance) @ design + np.eye(3) / LEVEL_SD**2
    shift = design.T @ np.linalg.inv(covariance) @ values + 1 / LEVEL_SD**2
    ratios = np.broadcast_to([[1.0, 1.0, 1.0], [0.7, 0.8, 0.9], [0.4, 0.6, 0.8]], (4000, 3, 3))
    drawn = likelihood.levels(ratios, np.ones(4000), np.random.default_rng(0).standard_normal((4000, 3)))
    assert drawn.mean(axis=0) == pytest.approx(np.linalg.solve(precision, shift), abs=0.01)
    assert np.cov(drawn.T) == pytest.approx(np.linalg.inv(precision), abs=0.002)


def test_the_misfit_is_chi_squared_of_what_was_measured() -> None:
    likelihood = Likelihood(_observed(), load_priors())
    ratios = np.array([[[1.0, 1.0, 1.0], [0.7, 0.8, 0.9], [0.4, 0.6, 0.8]]])
    values, covariance, _ = _direct()
    rest = values - np.array([1.0, 0.7, 0.4, 1.0, 0.6, 1.0, 0.9])
    found = likelihood.misfit(ratios, np.ones((1, 3)))
    assert found[0] == pytest.approx(rest @ np.linalg.inv(covariance) @ rest)
    assert likelihood.count == 7
