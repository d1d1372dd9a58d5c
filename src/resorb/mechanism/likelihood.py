"""How likely the data are under a prediction: linear and Gaussian in the values of the first date, which drop out.

A model predicts each quantity as a ratio to its true value on the first date. That value is unknown too (it was
measured with error once), but the data depend on it linearly: it is integrated out in closed form, and drawn from its
exact posterior where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from resorb.mechanism.kinetics import QUANTITIES, Ratios
from resorb.mechanism.observations import Observations, Observed
from resorb.mechanism.priors import Priors
from resorb.study import FloatArray

LEVEL_SD = 2.0  # of the prior of a first value, in units of what was measured first: as good as flat


class Likelihood:
    """Of one herniation's observations; values are in units of the first that was measured of their quantity.

    Errors of different dates are independent; those of one outline are not.

    Attributes:
        names: the quantities that were measured at least twice.
        units: (q,) what one unit is.
        months: (t,) since the first date.
        values: (t, q), 0 where nothing was measured; precision: (t, q, q), 0 there too.
        count: how many values there are.
    """

    def __init__(self, observed: Observations, priors: Priors) -> None:
        self.months = np.array(observed.months)
        self.names = tuple(
            name for name in QUANTITIES if sum(one is not None for one in observed.measured.get(name, ())) > 1
        )
        self.units = np.array([_first(observed, name) for name in self.names])
        columns = [observed.measured[name] for name in self.names]
        there = np.array([[one is not None for one in dated] for dated in zip(*columns, strict=True)])
        self.values = self._table(columns, lambda one: one.value)
        sds = self._table(columns, lambda one: one.sd)
        self.count = int(there.sum())
        self.precision = np.zeros((*there.shape, len(self.names)))
        self._log_det = 0.0
        for date, seen in enumerate(there):
            if seen.any():
                covariance = _covariance(self.names, sds[date], priors, later=date > 0)[np.ix_(seen, seen)]
                self.precision[date][np.ix_(seen, seen)] = np.linalg.inv(covariance)
                self._log_det += float(np.linalg.slogdet(covariance)[1])
        self._weighted = np.einsum("tqr,tr->tq", self.precision, self.values)
        self._square = float((self.values * self._weighted).sum())

    def _table(
        self, columns: list[tuple[Observed | None, ...]], of: Callable[[Observed], float]
    ) -> FloatArray:
        dated = zip(*columns, strict=True)
        table = np.array([[0.0 if one is None else of(one) for one in row] for row in dated])
        return np.asarray(table / self.units)

    def stack(self, ratios: Ratios) -> FloatArray:
        """(m, t, q) the predicted ratios, in the order of the names."""
        return np.stack([ratios[name] for name in self.names], axis=-1)

    def log_density(self, predicted: FloatArray, scale: FloatArray) -> FloatArray:
        """(m,) log probability density of the data.

        Args:
            predicted: (m, t, q) ratios.
            scale: (m,) of the errors.
        """
        precision, shift = self._normal(predicted, scale)
        lower = np.linalg.cholesky(precision)
        half = np.linalg.solve(lower, shift[..., None])[..., 0]
        n, q = self.count, len(self.names)
        square = self._square / scale**2 + q / LEVEL_SD**2 - np.square(half).sum(axis=1)
        log_det = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
        constant = self._log_det + 2 * n * np.log(scale) + 2 * q * np.log(LEVEL_SD) + n * np.log(2 * np.pi)
        return np.asarray(-0.5 * (square + log_det + constant))

    def levels(self, predicted: FloatArray, scale: FloatArray, scores: FloatArray) -> FloatArray:
        """(m, q) true first values, one draw for each set of parameters from standard normal scores (m, q)."""
        precision, shift = self._normal(predicted, scale)
        mean = np.linalg.solve(precision, shift[..., None])[..., 0]
        upper = np.swapaxes(np.linalg.cholesky(precision), 1, 2)
        return np.asarray(mean + np.linalg.solve(upper, scores[..., None])[..., 0])

    def misfit(self, predicted: FloatArray, levels: FloatArray) -> FloatArray:
        """(m,) squared, error-weighted distance of the data from a prediction: chi-squared of `count` if it is true."""
        rest = self.values - predicted * levels[:, None, :]
        return np.asarray(np.einsum("mtq,tqr,mtr->m", rest, self.precision, rest, optimize=True))

    def _normal(self, predicted: FloatArray, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Precision (m, q, q) of the first values, and precision times mean (m, q)."""
        q = len(self.names)
        precision = np.zeros((len(predicted), q, q))
        for date, own in enumerate(self.precision):
            ratios = predicted[:, date]
            precision += ratios[:, :, None] * own * ratios[:, None, :]
        shift = (predicted * self._weighted).sum(axis=1)
        precision = precision / scale[:, None, None] ** 2 + np.eye(q) / LEVEL_SD**2
        return precision, np.asarray(shift / scale[:, None] ** 2 + 1.0 / LEVEL_SD**2)


def _covariance(names: tuple[str, ...], sds: FloatArray, priors: Priors, *, later: bool) -> FloatArray:
    """(q, q) of measuring on one date and, after the first, of what the reduced formulas are off by."""
    outlined = np.isin(names, priors.of_one_outline)
    correlation = np.where(outlined[:, None] & outlined, priors.error_correlation, 0.0)
    np.fill_diagonal(correlation, 1.0)
    off = np.array([priors.discrepancy[name] for name in names]) if later else np.zeros(len(names))
    return np.asarray(correlation * sds[:, None] * sds + np.diag(off**2))


def _first(observed: Observations, name: str) -> float:
    """The first positive value of a quantity; 1 where there is none."""
    values = (one.value for one in observed.measured[name] if one is not None)
    return next((value for value in values if value > 0), 1.0)
