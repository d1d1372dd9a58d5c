"""Arithmetic of the questionnaires, against the worked examples of their forms and the published SAS algorithm."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from resorb.clinic.scores import (
    Odi,
    Questionnaire,
    Rmdq,
    SciaticaBothersomeness,
    Scores,
    Sf36BodilyPain,
    Sf36PhysicalFunctioning,
)


def _score(kind: type[Questionnaire], *items: Any) -> float | None:
    return kind.model_validate({"items": items}).score().value


def test_odi_worked_examples_of_the_form() -> None:
    # The form itself: 16 of 50 is 32 %; with one section missed 16 of 45 is 35.5 %.
    assert _score(Odi, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0) == pytest.approx(32.0)
    assert _score(Odi, 2, 2, 2, 2, 2, 2, 2, None, 2, 0) == pytest.approx(35.5, abs=0.06)


def test_odi_ends_of_the_scale_and_nothing_answered() -> None:
    assert _score(Odi, *[0] * 10) == 0.0
    assert _score(Odi, *[5] * 10) == 100.0
    assert _score(Odi, *[None] * 9, 5) == 100.0
    empty = Odi.model_validate({"items": (None,) * 10}).score()
    assert empty.value is None and empty.reason == "no section answered" and empty.answered == 0


def test_rmdq_counts_ticks_and_takes_a_blank_for_no() -> None:
    assert _score(Rmdq, *[True] * 17, *[False] * 7) == 17.0
    assert _score(Rmdq, *[True] * 17, *[None] * 7) == 17.0
    assert _score(Rmdq, *[False] * 24) == 0.0
    assert _score(Rmdq, *[None] * 24) is None


def test_bothersomeness_is_a_sum_and_is_not_guessed() -> None:
    assert _score(SciaticaBothersomeness, 6, 6, 6, 6) == 24.0
    assert _score(SciaticaBothersomeness, 4, 3, 2, 5) == 14.0
    missing = SciaticaBothersomeness.model_validate({"items": (6, None, 6, 6)}).score()
    assert missing.value is None and missing.reason == "1 of 4 items missing"


@pytest.mark.parametrize(
    ("items", "value"),
    [
        ([1] * 10, 0.0),
        ([3] * 10, 100.0),
        ([2] * 10, 50.0),
        ([3, 3, 3, 3, 3, None, None, None, None, None], 100.0),
        ([1, 2, 3, 1, 2, None, None, None, None, None], 40.0),  # mean 1.8: raw 18
        ([3, 3, 3, 3] + [None] * 6, None),
        ([None] * 10, None),
    ],
)
def test_physical_functioning_and_the_half_scale_rule(items: list[int | None], value: float | None) -> None:
    assert _score(Sf36PhysicalFunctioning, *items) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("pain", "interference", "value"),
    [
        (1, 1, 100.0),  # 6 + 6
        (2, 1, 84.0),  # 5.4 + 5: not bothered counts fully only without any pain
        (3, 2, 62.0),  # 4.2 + 4
        (4, 3, 41.0),  # 3.1 + 3
        (5, 4, 22.0),  # 2.2 + 2
        (6, 5, 0.0),  # 1 + 1
        (1, 2, 80.0),  # 6 + 4
        (3, None, 64.0),  # 4.2 twice
        (None, 2, 75.0),  # 4.75 twice
        (None, 3, 50.0),
        (None, None, None),
    ],
)
def test_bodily_pain_by_the_published_recoding(
    pain: int | None, interference: int | None, value: float | None
) -> None:
    expected = None if value is None else pytest.approx(value)
    assert _score(Sf36BodilyPain, pain, interference) == expected


@pytest.mark.parametrize(
    ("kind", "items"),
    [
        (Odi, [6] + [0] * 9),
        (Odi, [0] * 9),
        (Rmdq, [True] * 23),
        (Rmdq, [2] * 24),
        (SciaticaBothersomeness, [7, 0, 0, 0]),
        (Sf36PhysicalFunctioning, [0] * 10),
        (Sf36BodilyPain, [7, 1]),
        (Sf36BodilyPain, [1, 6]),
    ],
)
def test_answers_off_the_form_are_refused(kind: type[Questionnaire], items: list[int]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate({"items": tuple(items)})


def test_totals_are_taken_over_within_the_scale() -> None:
    stated = Rmdq(total=18).score()
    assert (stated.value, stated.stated, stated.answered) == (18.0, True, None)
    with pytest.raises(ValidationError, match="the scale ends at 24"):
        Rmdq(total=25)
    with pytest.raises(ValidationError, match="give items, total or both"):
        Odi()


def test_every_score_carries_scale_rule_and_source() -> None:
    scores = Scores(odi=Odi(total=10), rmdq=Rmdq(total=3), sf36_bodily_pain=Sf36BodilyPain(total=62))
    assert [score.name for score in scores.all()] == ["odi", "rmdq", "sf36_bodily_pain"]
    assert all(score.source and score.rule and score.high > score.low for score in scores.all())
    assert [score.better for score in scores.all()] == ["low", "low", "high"]
