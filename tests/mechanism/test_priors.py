from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from resorb.mechanism import Mechanism
from resorb.mechanism.kinetics import QUANTITIES
from resorb.mechanism.priors import ANY, Model, draw, load_priors
from resorb.mechanism.sampling import normal_scores


def test_every_assumption_says_where_it_comes_from() -> None:
    priors = load_priors()
    for prior in priors.parameters.values():
        assert prior.unit and prior.meaning
        assert "declared assumption" in prior.source or "doi" in prior.source, prior.name
        assert prior.mechanism in {ANY, *Mechanism}
    assert set(priors.sources) == {"models", "discrepancy", "error", "assumed_error"}
    assert all("declared assumption" in source for source in priors.sources.values())
    assert set(priors.discrepancy) == set(priors.assumed_error) == set(QUANTITIES)


def test_draws_have_the_distributions_that_are_named() -> None:
    priors = load_priors()
    every = tuple(priors.parameters.values())
    drawn = draw(every, normal_scores(4096, len(every), 3))
    for prior in every:
        n = prior.numbers
        named = {
            "lognormal": lambda n=n: stats.lognorm(n["spread"], scale=n["median"]),
            "uniform": lambda n=n: stats.uniform(n["low"], n["high"] - n["low"]),
            "exponential": lambda n=n: stats.expon(scale=n["mean"]),
            "normal": lambda n=n: stats.norm(n["mean"], n["spread"]),
            "beta": lambda n=n: stats.beta(n["a"], n["b"]),
        }[prior.distribution]()
        assert stats.kstest(drawn[prior.name], named.cdf).pvalue > 0.05, prior.name
        assert prior.interval() == pytest.approx(named.interval(0.95)), prior.name


def test_no_mechanism_is_favoured_and_probabilities_sum_to_one() -> None:
    models = load_priors().models()
    assert sum(models.values()) == pytest.approx(1.0)
    assert len(models) == 8
    assert len({round(models[Model((m,))], 9) for m in Mechanism}) == 1


def test_a_free_fragment_cannot_retract() -> None:
    models = load_priors().models(free=True)
    assert sum(models.values()) == pytest.approx(1.0)
    assert not any(Mechanism.RETRACTION in model.mechanisms for model in models)
    assert models[Model(())] == load_priors().models()[Model(())]


def test_a_model_has_the_parameters_of_its_mechanisms_and_no_others() -> None:
    priors = load_priors()
    names = {prior.name for prior in priors.of(Model((Mechanism.DEGRADATION,)))}
    assert names == {"erosion_speed", "erosion_lag", "resistant_share", "rim_signal", "error_scale"}
    assert {prior.name for prior in priors.of(Model(()))} == {"error_scale"}
    assert np.isclose(sum(priors.shares[k] for k in ("one", "two", "three")), 1.0)
