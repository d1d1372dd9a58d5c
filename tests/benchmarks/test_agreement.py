"""Measures of agreement against the examples that were published with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.agreement import (
    ac1,
    counts,
    icc_agreement,
    interval_by_subject,
    kappa,
    limits_of_agreement,
    pooled_sd,
    quadratic,
)


def test_the_icc_of_shrout_and_fleiss() -> None:
    """Table 2 and 4 of Psychol Bull 1979;86:420: six targets, four judges, ICC(2,1) = 0.29."""
    judged = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert icc_agreement(np.array(judged, float)) == pytest.approx(0.29, abs=0.005)


def test_a_constant_difference_lowers_the_icc() -> None:
    truth = np.arange(10.0)
    assert icc_agreement(np.column_stack([truth, truth])) == pytest.approx(1.0)
    assert icc_agreement(np.column_stack([truth, truth + 3.0])) < 0.75


def test_the_kappas_of_cohen_1968() -> None:
    """His example of three diagnoses, as shares of 200 patients: 0.49 unweighted, 0.35 with his weights."""
    table = np.array([[0.44, 0.07, 0.09], [0.05, 0.20, 0.05], [0.01, 0.03, 0.06]])
    weights = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]], float)
    assert kappa(table) == pytest.approx(0.49, abs=0.005)
    assert kappa(table, weights) == pytest.approx(0.35, abs=0.005)


def test_the_paradox_that_ac1_was_made_for() -> None:
    """Gwet's table of 125 subjects (118, 5, 2, 0): kappa about -0.02, AC1 0.94."""
    table = np.array([[118, 5], [2, 0]], float)
    assert kappa(table) == pytest.approx(-0.0234, abs=0.0005)
    assert ac1(table) == pytest.approx(0.941, abs=0.0005)


def test_one_class_alone_has_no_kappa() -> None:
    assert np.isnan(kappa(np.array([[5.0, 0.0], [0.0, 0.0]])))


@given(st.lists(st.sampled_from("ABC"), min_size=2, max_size=30))
def test_full_agreement_is_one(said: list[str]) -> None:
    table = counts(said, said, "ABC")
    assert table.sum() == len(said)
    assert ac1(table) == pytest.approx(1.0)
    value = kappa(table, quadratic(3))
    assert np.isnan(value) if len(set(said)) == 1 else value == pytest.approx(1.0)


def test_limits_of_agreement_hold_95_of_100() -> None:
    drawn = np.random.default_rng(1).normal(0.3, 0.5, 20000)
    limits = limits_of_agreement(drawn)
    inside = np.mean((drawn > limits.low) & (drawn < limits.high))
    assert limits.bias == pytest.approx(0.3, abs=0.02)
    assert inside == pytest.approx(0.95, abs=0.005)


def test_what_differs_between_groups_is_no_spread_within_them() -> None:
    assert pooled_sd(np.array([1.0, 1.0, 9.0, 9.0]), ["a", "a", "b", "b"]) == 0.0
    assert pooled_sd(np.array([0.0, 2.0, 10.0, 12.0]), ["a", "a", "b", "b"]) == pytest.approx(np.sqrt(2.0))
    assert np.isnan(pooled_sd(np.array([1.0, 2.0]), ["a", "b"]))


def test_rows_of_one_subject_are_drawn_together() -> None:
    """Copies of the rows of each subject leave the interval as wide as it was."""
    values = np.random.default_rng(2).normal(0, 1, 40)
    names = [str(n) for n in range(40)]
    once = interval_by_subject(lambda rows: float(values[rows].mean()), names)
    many = np.repeat(values, 5)
    again = interval_by_subject(lambda rows: float(many[rows].mean()), [n for n in names for _ in range(5)])
    assert again == pytest.approx(once, abs=0.02)
