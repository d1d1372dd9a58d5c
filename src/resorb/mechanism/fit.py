"""Which mechanisms, alone or together, could have produced what was measured: Bayesian, and it may say: none of them.

Models are weighed by how well they predicted the data before seeing them (their evidence), which charges each for what
it could also have explained. Whether the best of them fits at all is asked apart, by posterior prediction: how often
data made by the model itself would be as far from it as the data are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from resorb.mechanism.kinetics import Mechanism, Shape, predict
from resorb.mechanism.likelihood import Likelihood
from resorb.mechanism.observations import Observations
from resorb.mechanism.priors import Model, Prior, Priors, draw, load_priors
from resorb.mechanism.sampling import SEED, normal_scores, sample
from resorb.study import FloatArray

DRAWS = 1000  # kept of each model's posterior
ERROR_SCALE = "error_scale"
#: Below this posterior predictive probability a model does not fit; a convention.
MISFIT = 0.01


@dataclass(frozen=True, eq=False)
class ModelFit:
    """One model's posterior.

    Attributes:
        prior, probability: of the model, before and after the data; over all models they sum to 1.
        draws: (DRAWS,) of each of its parameters.
        levels: (DRAWS, q) of the true first values, in the likelihood's units.
        p_value: posterior predictive: how often data of the model itself would be as far from it, at the errors stated.
        effective: size of the sample behind the draws.
    """

    model: Model
    prior: float
    probability: float
    log_evidence: float
    draws: Mapping[str, FloatArray]
    levels: FloatArray
    p_value: float
    effective: float

    @property
    def fits(self) -> bool:
        return self.p_value >= MISFIT

    def interval(self, parameter: str, share: float = 0.95) -> tuple[float, float, float]:
        """Median, and the ends of the central interval, of a parameter."""
        ends = (0.5, 0.5 - share / 2, 0.5 + share / 2)
        middle, low, high = np.quantile(self.draws[parameter], ends).tolist()
        return middle, low, high


@dataclass(frozen=True, eq=False)
class Fit:
    """All models of one herniation, the likeliest first."""

    observed: Observations
    shape: Shape
    likelihood: Likelihood
    priors: Priors
    models: tuple[ModelFit, ...]

    @property
    def unchanged(self) -> float:
        """Probability that nothing changed."""
        return sum(one.probability for one in self.models if not one.model.mechanisms)

    @property
    def shrinking(self) -> tuple[tuple[ModelFit, float], ...]:
        """The models with a mechanism, each with its probability given that the material shrank."""
        total = max(1.0 - self.unchanged, 1e-300)
        return tuple((one, one.probability / total) for one in self.models if one.model.mechanisms)

    def takes_part(self, mechanism: Mechanism) -> float:
        """Probability that a mechanism takes part, alone or with others, given that the material shrank."""
        return sum(share for one, share in self.shrinking if mechanism in one.model.mechanisms)

    @property
    def none_fits(self) -> bool:
        """No model would often produce data as far from it as these."""
        return not any(one.fits for one in self.models)


def fit(observed: Observations, priors: Priors | None = None) -> Fit:
    """Fit every model to one herniation; about a second. The same observations give the same numbers.

    Args:
        observed: two or more dates; quantities may be missing.
        priors: those of `priors.toml` if None.
    """
    priors = priors or load_priors()
    shape = Shape.of(observed.first, free=observed.free)
    likelihood = Likelihood(observed, priors)
    chances = priors.models(free=observed.free)
    fits = {model: _fit_model(model, shape, likelihood, priors) for model in chances}
    logs = np.array([np.log(chances[model]) + fits[model].log_evidence for model in chances])
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    found = [
        replace(one, prior=chances[model], probability=float(share))
        for (model, one), share in zip(fits.items(), shares, strict=True)
    ]
    found.sort(key=lambda one: -one.probability)
    return Fit(observed, shape, likelihood, priors, tuple(found))


def predicted(
    likelihood: Likelihood, shape: Shape, model: Model, given: Mapping[str, FloatArray]
) -> FloatArray:
    """(m, t, q) what a model predicts of every date and quantity, as ratios."""
    return likelihood.stack(predict(model.mechanisms, shape, given, likelihood.months))


def _fit_model(model: Model, shape: Shape, likelihood: Likelihood, priors: Priors) -> ModelFit:
    own: tuple[Prior, ...] = priors.of(model)

    def log_likelihood(scores: FloatArray) -> FloatArray:
        given = draw(own, scores)
        return likelihood.log_density(predicted(likelihood, shape, model, given), given[ERROR_SCALE])

    found = sample(log_likelihood, len(own))
    draws = draw(own, found.resampled(DRAWS))
    ratios = predicted(likelihood, shape, model, draws)
    levels = likelihood.levels(ratios, draws[ERROR_SCALE], normal_scores(DRAWS, len(likelihood.names), SEED))
    misfit = likelihood.misfit(ratios, levels)
    p_value = float(stats.chi2.sf(misfit, likelihood.count).mean())
    return ModelFit(model, 0.0, 0.0, found.log_evidence, draws, levels, p_value, found.effective)
