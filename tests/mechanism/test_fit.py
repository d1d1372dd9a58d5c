from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from resorb.mechanism import Mechanism, fit, load_priors
from resorb.mechanism.fit import ERROR_SCALE, predicted
from resorb.mechanism.kinetics import Shape
from resorb.mechanism.likelihood import Likelihood
from resorb.mechanism.priors import Model, draw
from tests.mechanism.cases import NAMES, fitted, observed, steady


@pytest.mark.parametrize(
    ("way", "mechanism"), [("retraction", Mechanism.RETRACTION), ("erosion", Mechanism.DEGRADATION)]
)
def test_voxels_that_were_moved_one_way_are_explained_that_way(way: str, mechanism: Mechanism) -> None:
    found = fitted(way)
    likeliest, share = found.shrinking[0]
    assert likeliest.model.mechanisms == (mechanism,)
    assert share > 0.4
    assert found.takes_part(mechanism) > 0.9
    assert not found.none_fits


def test_shrinking_voxels_that_darken_are_explained_by_dehydration() -> None:
    found = fitted("shrinkage")
    assert found.takes_part(Mechanism.DEHYDRATION) > 0.95
    assert found.takes_part(Mechanism.RETRACTION) < 0.5


def test_probabilities_sum_to_one_and_start_from_their_priors() -> None:
    found = fitted("erosion")
    assert sum(one.probability for one in found.models) == pytest.approx(1.0)
    assert sum(one.prior for one in found.models) == pytest.approx(1.0)
    assert sum(share for _, share in found.shrinking) == pytest.approx(1.0)


def test_what_does_not_change_is_found_unchanged() -> None:
    assert fit(steady(1.0, 1.02, 0.97, 1.01)).unchanged > 0.8


def test_what_grows_is_explained_by_nothing() -> None:
    assert fit(steady(1.0, 1.6, 2.2, 3.0)).none_fits


def test_volumes_alone_tell_less_than_everything() -> None:
    alone = fit(observed("retraction", names=("volume_mm3",)))
    assert alone.shrinking[0][1] < 0.5
    assert alone.shrinking[0][1] < fitted("retraction").shrinking[0][1]
    assert not alone.none_fits


def test_fewer_dates_leave_more_open() -> None:
    assert fitted("erosion", 2).shrinking[0][1] < fitted("erosion").shrinking[0][1]


def test_the_evidence_is_the_mean_likelihood_over_the_prior() -> None:
    seen = observed("erosion", dates=3, names=("volume_mm3", "t2_ratio"))
    priors = load_priors()
    likelihood, shape = Likelihood(seen, priors), Shape.of(seen.first)
    model = Model((Mechanism.DEHYDRATION,))
    own = priors.of(model)
    given = draw(own, np.random.default_rng(5).standard_normal((60000, len(own))))
    logs = likelihood.log_density(predicted(likelihood, shape, model, given), given[ERROR_SCALE])
    brute = float(special.logsumexp(logs) - np.log(len(logs)))
    found = next(one for one in fit(seen).models if one.model == model)
    assert found.log_evidence == pytest.approx(brute, abs=0.05)


def test_posterior_intervals_are_narrower_than_the_prior_where_the_data_speak() -> None:
    one = fitted("erosion").shrinking[0][0]
    before = load_priors().parameters["erosion_speed"].interval()
    middle, low, high = one.interval("erosion_speed")
    assert low < middle < high
    assert high - low < 0.5 * (before[1] - before[0])
    # The voxels lost 2.08 mm in a year.
    assert 0.8 * 2.08 / 12 < middle < 1.6 * 2.08 / 12
    assert one.effective > 100


def test_the_same_observations_give_the_same_numbers() -> None:
    again = fit(observed("erosion"))
    assert [one.probability for one in again.models] == [one.probability for one in fitted("erosion").models]
    assert set(again.likelihood.names) == set(NAMES)
