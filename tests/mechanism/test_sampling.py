from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from resorb.mechanism.sampling import normal_scores, sample
from resorb.study import FloatArray


@pytest.mark.parametrize("sd", [1.0, 0.15])
def test_evidence_and_posterior_of_a_normal_problem_are_those_on_paper(sd: float) -> None:
    seen = np.array([1.2, -0.7, 0.4])

    def log_likelihood(scores: FloatArray) -> FloatArray:
        return np.asarray(stats.norm(scores, sd).logpdf(seen).sum(axis=1))

    found = sample(log_likelihood, 3)
    assert found.log_evidence == pytest.approx(stats.norm(0, np.hypot(1, sd)).logpdf(seen).sum(), abs=0.03)
    drawn = found.resampled(2000)
    assert drawn.mean(axis=0) == pytest.approx(seen / (1 + sd**2), abs=0.05)
    assert drawn.std(axis=0) == pytest.approx(np.full(3, sd / np.hypot(1, sd)), rel=0.1)
    assert found.effective > 500


def test_two_far_apart_explanations_are_both_found() -> None:
    def log_likelihood(scores: FloatArray) -> FloatArray:
        near = [stats.norm(scores[:, 0], 0.15).logpdf(place) for place in (-1.5, 1.5)]
        return np.asarray(np.logaddexp(*near))

    drawn = sample(log_likelihood, 2).resampled(2000)[:, 0]
    assert np.mean(drawn > 0) == pytest.approx(0.5, abs=0.05)


def test_the_same_input_gives_the_same_numbers() -> None:
    def log_likelihood(scores: FloatArray) -> FloatArray:
        return np.asarray(-np.square(scores - 1).sum(axis=1))

    first, again = sample(log_likelihood, 4), sample(log_likelihood, 4)
    assert first.log_evidence == again.log_evidence
    assert np.array_equal(first.resampled(100), again.resampled(100))


def test_scores_are_standard_normal() -> None:
    scores = normal_scores(2048, 3, 1)
    assert stats.kstest(scores[:, 1], "norm").pvalue > 0.1
    assert np.corrcoef(scores.T) == pytest.approx(np.eye(3), abs=0.03)
