from __future__ import annotations

import pytest

from resorb.reading import Quantity
from resorb.reporting.change.course import positions
from resorb.reporting.change.words import beyond, history_words, percent, signed, span_words
from tests.reporting.change import case


@pytest.mark.parametrize(
    ("days", "words"), [(0, "0 days"), (1, "1 day"), (40, "40 days"), (185, "6 months"), (800, "2.2 years")]
)
def test_a_stretch_of_time_is_said_as_people_say_it(days: float, words: str) -> None:
    assert span_words(days) == words


def test_differences_carry_their_sign_and_interval() -> None:
    assert (
        signed("volume_mm3", case.known(-112.0, -132.0, -92.0))
        == "\N{MINUS SIGN}112 (\N{MINUS SIGN}132 to \N{MINUS SIGN}92)"
    )
    assert signed("depth_mm", case.known(0.26)) == "+0.3"
    assert signed("depth_mm", case.known(-0.04)) == "0.0"
    assert signed("depth_mm", Quantity(value=None, reason="cropped")) == "—"
    assert (
        percent(case.known(-0.5, -0.59, -0.41)) == "\N{MINUS SIGN}50 (\N{MINUS SIGN}59 to \N{MINUS SIGN}41) %"
    )
    assert percent(None) == "—"


def test_it_is_said_when_nothing_can_be_said() -> None:
    assert beyond(None) == "not known"
    (difference,) = case.differences()
    assert beyond(difference) == "yes"
    assert beyond(difference.model_copy(update={"beyond_error": False})) == "no"


def test_what_is_not_said_of_the_time_between_is_unknown() -> None:
    (line,) = history_words((), case.change(None))
    assert "not known" in line
    (line,) = history_words(case.change("none").between, case.change("none"))
    assert "spontaneous" not in line


def test_dates_stand_at_their_months_and_unknown_ones_at_their_numbers() -> None:
    assert positions(case.change()) == pytest.approx([0.0, 185 / 30.4375])
    unknown = tuple(one.model_copy(update={"days": None}) for one in case.change().dates)
    assert positions(case.change(dates=unknown)) == [1.0, 2.0]
