from __future__ import annotations

from dataclasses import replace

from resorb.mechanism import finding, fit, next_scan, scan_words
from resorb.mechanism.words import EXPLORATORY, TWO_DATES, model_words
from tests.mechanism.cases import DAYS, fitted, steady


def test_two_dates_say_first_what_they_cannot_tell_and_name_nothing() -> None:
    found = finding(fitted("retraction", 2))
    assert found.sentences[0] == TWO_DATES
    assert found.verdict is None


def test_a_named_reason_says_its_probability_and_what_does_not_fit() -> None:
    found = finding(fitted("retraction"))
    assert found.verdict in {"retraction", None}
    assert found.sentences[0].startswith(("Of the explanations", "Open:"))
    assert "Degradation and dehydration alone do not explain the data" in " ".join(found.sentences)
    assert found.sentences[-1] == EXPLORATORY


def test_what_is_open_lists_what_fits_about_equally() -> None:
    found = finding(fitted("shrinkage"))
    if found.verdict is None:
        assert found.sentences[0].startswith("Open:")
    assert "dehydration" in found.sentences[0]


def test_growth_is_named_as_what_no_mechanism_can_do() -> None:
    found = finding(fit(steady(1.0, 1.6, 2.2, 3.0)))
    assert found.verdict is None
    assert found.sentences[0].startswith("None of these fits")
    assert "rose again" in found.sentences[0]


def test_moderate_growth_is_named_too() -> None:
    found = finding(fit(steady(1.0, 1.15, 1.3, 1.5)))
    assert found.verdict is None and not found.explained
    assert "grew" in found.sentences[0] or "rose again" in found.sentences[0]


def test_a_sample_that_is_too_small_is_said_to_be_rough() -> None:
    found = fitted("retraction")
    assert "Rough" not in " ".join(finding(found).sentences)
    likeliest = replace(found.shrinking[0][0], effective=12.0)
    others = tuple(one for one in found.models if one.model != likeliest.model)
    assert "Rough" in " ".join(finding(replace(found, models=(likeliest, *others))).sentences)


def test_nothing_to_explain() -> None:
    found = finding(fit(steady(1.0, 1.02, 0.97, 1.01)))
    assert found.verdict is None
    assert "there is no shrinkage to explain" in found.sentences[0]


def test_recovery_is_always_ruled_out() -> None:
    for found in (
        finding(fitted("erosion")),
        finding(fitted("erosion", 2)),
        finding(fit(steady(1.0, 2.0, 3.0))),
    ):
        assert "not recovery" in found.sentences[-1]


def test_the_next_date_has_one_sentence_with_its_reason() -> None:
    words = scan_words(next_scan(fitted("erosion", 2)), DAYS[1])
    assert "because by then the" in words and words.count(". ") == 0
    assert "No later date" in scan_words(None, 0.0)


def test_models_are_read_as_words() -> None:
    assert model_words("retraction + degradation") == "retraction and degradation together"
    assert model_words("retraction + dehydration + degradation").count(",") == 1
