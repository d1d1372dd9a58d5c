from __future__ import annotations

import pytest

from resorb.change import Difference
from resorb.reading import Quantity
from resorb.reporting.change.course import levels_followed, positions
from resorb.reporting.change.letter import letter
from resorb.reporting.change.words import (
    beyond,
    history_words,
    percent,
    signed,
    span_words,
    verdicts_told,
)
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


def test_a_level_that_changed_without_a_herniation_is_told_with_the_herniations() -> None:
    change = case.change()
    other = next(one for one in change.levels if one.level != "L4/L5")
    grown = other.verdict.model_copy(update={"value": "grown", "words": f"{other.level}: it has grown."})
    levels = tuple(
        one.model_copy(update={"verdict": grown}) if one is other else one for one in change.levels
    )
    assert verdicts_told(change) == [case.WORDS]
    assert verdicts_told(change.model_copy(update={"levels": levels})) == [case.WORDS, grown.words]
    assert grown.words in letter(change.model_copy(update={"levels": levels}))


def test_signals_of_different_sequences_get_no_line_between_them() -> None:
    change = case.change()
    level = change.at("L4/L5")
    signals = {**level.quantities, "t2_ratio": (case.known(0.3), case.known(0.2))}
    reason = Quantity(value=None, reason="the sequences differ")
    differ = Difference(quantity="t2_ratio", first=1, last=2, absolute=reason)
    for differences, drawn in (((), True), ((differ,), False)):
        own = level.model_copy(update={"quantities": signals, "differences": differences})
        ((_, shown),) = levels_followed(change.model_copy(update={"levels": (own,)}))
        assert ("t2_ratio" in shown) is drawn and "volume_mm3" in shown


def test_what_is_not_said_of_the_time_between_is_unknown() -> None:
    (line,) = history_words((), case.change(None))
    assert "not known" in line
    (line,) = history_words(case.change("none").between, case.change("none"))
    assert "spontaneous" not in line


def test_dates_stand_at_their_months_and_unknown_ones_at_their_numbers() -> None:
    assert positions(case.change()) == pytest.approx([0.0, 185 / 30.4375])
    unknown = tuple(one.model_copy(update={"days": None}) for one in case.change().dates)
    assert positions(case.change(dates=unknown)) == [1.0, 2.0]
