"""Verdicts: what may be said, what must not, and how often chance is taken for change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from resorb.change import Dated, History
from resorb.comparison.error import Measured, Repeatability, Spread, compare_values
from resorb.comparison.verdict import Case, holm, judge
from resorb.reading import Quantity

KNOWN = Repeatability((Spread(1.0, 20.0, 0.02),), freedom=1e6)
DATES = (
    Dated(number=1, study_sha256="a", series="1", spacing_mm=(1, 1, 1)),
    Dated(number=2, study_sha256="b", series="1", spacing_mm=(1, 1, 1)),
)


def case(one: float | None, two: float | None, known: Repeatability = KNOWN, **others: Any) -> Case:
    values = tuple(Quantity(value=v, reason="" if v is not None else "cropped") for v in (one, two))
    ends = [Measured(n, value, 1.0, known) for n, value in enumerate(values, start=1)]
    found = others.pop("found", (True, True))
    return Case(
        name="L4/L5 left",
        dates=DATES,
        volume=compare_values("volume_mm3", *ends),
        values=(values[0], values[1]),
        found=found,
        detectable_mm3=(40.0, 40.0),
        **others,
    )


def words(one: float | None, two: float | None, **others: Any) -> tuple[str, str]:
    (verdict,) = judge([case(one, two, **others)])
    return verdict.value, verdict.words


def test_the_main_sentence() -> None:
    assert words(1000.0, 280.0) == (
        "regressed",
        "L4/L5 left: it has shrunk by 72 % (68 to 76), from 1,000 mm³ to 280 mm³, beyond measurement error.",
    )


def test_growth_is_said_as_plainly() -> None:
    value, said = words(500.0, 700.0)
    assert value == "grown"
    assert said.startswith("L4/L5 left: it has grown by 40 % (") and "beyond measurement error" in said


@pytest.mark.parametrize(
    ("volumes", "others", "value"),
    [
        ((1000.0, 1030.0), {}, "unchanged"),
        ((600.0, 0.0), {"found": (True, False)}, "resolved"),
        ((600.0, 30.0), {}, "resolved"),
        # What does not stand out from the bulge any more, but is there, has not resolved.
        ((600.0, 200.0), {"found": (True, False)}, "regressed"),
        ((200.0, 600.0), {"found": (False, True)}, "grown"),
        ((600.0, 590.0), {"found": (True, False)}, "unchanged"),
        # A third less, not beyond an error that leaves half as the least that would have been seen.
        ((120.0, 80.0), {"informative": 1.0, "notable": 0.25}, "indeterminate"),
        ((120.0, 160.0), {"informative": 1.0, "notable": 0.25}, "indeterminate"),
        ((120.0, 100.0), {"informative": 1.0, "notable": 0.25}, "unchanged"),
        ((0.0, 500.0), {"found": (False, True)}, "new"),
        ((0.0, 500.0), {"found": (False, True), "found_before": True}, "recurrent"),
        ((0.0, 50.0), {"found": (False, True)}, "indeterminate"),
        ((50.0, 0.0), {"found": (True, False)}, "indeterminate"),
        (
            (80.0, 70.0),
            {},
            "indeterminate",
        ),  # scans that would not show its loss do not show that it is unchanged
        ((None, 500.0), {}, "indeterminate"),
        ((150.0, 450.0), {"found": (False, False)}, "grown"),
        ((150.0, 450.0), {"found": (False, False), "deeper": False}, "indeterminate"),
        ((150.0, 160.0), {"found": (False, False)}, "unchanged"),
        # 57 mm3 can be told from none: scans that do not show less than 50 mm3 say nothing of none.
        ((150.0, 160.0), {"found": (False, False), "informative_mm3": 60.0}, "unchanged"),
        ((150.0, 160.0), {"found": (False, False), "informative_mm3": 50.0}, "indeterminate"),
        # Of what is seen in part only, nothing is called gone.
        ((600.0, 0.0), {"found": (True, False), "part": "in the 20 mm that every date shows"}, "regressed"),
        ((500.0, 100.0), {"barred": "above the lumbar spine"}, "indeterminate"),
        ((1000.0, 100.0), {"history": "operated"}, "indeterminate"),
    ],
)
def test_what_became_of_it(
    volumes: tuple[float | None, float | None], others: dict[str, Any], value: str
) -> None:
    assert words(*volumes, **others)[0] == value


def test_the_remaining_bulge_is_stated() -> None:
    _, said = words(600.0, 0.0, found=(True, False), bulge=Quantity(value=130.0))
    assert "no longer seen" in said and "bulges by 130 mm³" in said


def test_what_is_left_of_a_resolved_one_is_stated_with_its_interval() -> None:
    left = (Quantity(value=600.0), Quantity(value=20.0, low=0.0, high=60.0))
    (verdict,) = judge([replace(case(600.0, 20.0, found=(True, False)), values=left)])
    assert "now 20 mm³ (0 to 60), which such scans cannot tell from none" in verdict.words


def test_what_is_still_found_is_not_said_to_be_seen_no_longer() -> None:
    value, said = words(600.0, 30.0, found=(True, True))
    assert value == "resolved" and "no longer seen" not in said and "now 30 mm³" in said


@pytest.mark.parametrize(
    ("volumes", "found"),
    [
        ((1000.0, 280.0), (True, True)),
        ((500.0, 700.0), (True, True)),
        ((600.0, 0.0), (True, False)),
        ((0.0, 500.0), (False, True)),
        ((1000.0, 1030.0), (True, True)),
    ],
)
def test_an_estimated_error_is_called_that_in_the_sentence_itself(
    volumes: tuple[float, float], found: tuple[bool, bool]
) -> None:
    assert "the estimated measurement error" in words(*volumes, found=found, estimated=True)[1]
    assert "estimated" not in words(*volumes, found=found)[1]


@pytest.mark.parametrize("history", ["unknown", "injected", "operated"])
@pytest.mark.parametrize("two", [0.0, 200.0, 1600.0, 990.0])
def test_spontaneous_is_said_of_nothing_else(history: History, two: float) -> None:
    (verdict,) = judge([case(1000.0, two, history=history)])
    said = " ".join([verdict.words, *verdict.reasons]).casefold()
    for word in ("spontan", "resorb ", "resorbed", "recover", "heal"):
        assert word not in said.replace("which resorb does not read", "")


def test_spontaneous_where_nothing_was_done() -> None:
    (verdict,) = judge([case(1000.0, 200.0, history="none")])
    assert any("spontaneous" in reason for reason in verdict.reasons)


def test_an_operated_disc_is_not_judged_and_says_why() -> None:
    (verdict,) = judge([case(1000.0, 0.0, history="operated")])
    assert verdict.value == "indeterminate" and verdict.p_value is None
    assert "contrast" in verdict.reasons[0] and "1,000 mm³ before" in verdict.words


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03], [1.0, 1.0, 1.0]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([], []) == ()


def test_weighted_holm_by_hand() -> None:
    """Over their weights .05, .002 and .0075: the second comes first, with the weight of all, 7."""
    assert holm([0.05, 0.004, 0.03], [1.0, 2.0, 4.0]) == pytest.approx((0.05, 0.004 * 7 / 2, 0.03 * 5 / 4))
    # What comes later is no smaller than what came before, and nothing exceeds 1.
    assert holm([0.02, 0.05, 0.9], [2.0, 4.0, 1.0]) == pytest.approx((0.07, 0.07, 0.9))
    assert holm([0.9, 0.8], [1.0, 1.0]) == (1.0, 1.0)


def test_a_weight_hangs_on_the_mean_of_both_dates_and_on_nothing_else() -> None:
    """What is found hangs on chance, and so does which date holds more."""
    same = [
        case(*volumes, found=found).weight
        for volumes in ((1000.0, 0.0), (0.0, 1000.0), (500.0, 500.0))
        for found in ((True, True), (True, False), (False, False))
    ]
    assert set(same) == {400.0}
    assert case(150.0, 150.0).weight == case(0.0, 0.0).weight == 100.0


def test_a_herniation_is_not_held_back_by_discs_that_have_nothing_to_lose() -> None:
    """Two standard errors and a half: p = .012, too much for one of six alike, not for the only herniation."""
    one = case(1000.0, 900.0)
    bare = [case(150.0, 150.0, found=(False, False)) for _ in range(5)]
    assert 5 * (one.volume.p_value or 0.0) > 0.05
    assert judge([one, *bare])[0].value == "regressed"


def test_what_is_beyond_error_alone_may_be_chance_among_many() -> None:
    one = case(1000.0, 910.0)
    assert one.volume.difference.beyond_error
    assert judge([one])[0].value == "regressed"
    many = judge([one, *[case(1000.0, 1000.0) for _ in range(6)]])
    assert many[0].value == "indeterminate" and "chance" in many[0].reasons[0]
    assert {verdict.value for verdict in many[1:]} == {"unchanged"}


@pytest.mark.parametrize(
    ("true", "sd", "found_from"),
    [
        ((120.0, 200.0, 90.0, 300.0, 1000.0), 20.0, 250.0),
        ((80.0, 120.0, 90.0, 70.0, 110.0), 20.0, 100.0),
        ((300.0,) * 5, 120.0, 500.0),
    ],
)
def test_a_pair_in_which_nothing_changed_rarely_alarms(
    true: tuple[float, ...], sd: float, found_from: float
) -> None:
    """Whatever is found is found by what is measured: chance that makes a herniation must not earn it more weight."""
    rng = np.random.default_rng(11)
    alarms, tries = 0, 3000
    known = Repeatability((Spread(1.0, sd, 0.0),), freedom=1e6)
    for _ in range(tries):
        values = np.abs(np.array(true)[:, None] + rng.normal(0, sd, (5, 2)))
        found = judge([case(a, b, known, found=(a > found_from, b > found_from)) for a, b in values])
        alarms += any(verdict.value not in ("unchanged", "indeterminate") for verdict in found)
    assert alarms / tries <= 0.058  # 5 % and twice its standard error


def test_a_level_that_could_hide_a_herniation_is_not_called_unchanged() -> None:
    value, said = words(150.0, 160.0, found=(False, False), informative_mm3=50.0)
    assert value == "indeterminate"
    assert "a herniation of 50 mm³ could have come or gone unseen" in said


def test_a_part_is_called_a_part() -> None:
    _, said = words(1000.0, 280.0, part="in the 20 mm that every date shows")
    assert said.startswith("L4/L5 left, in the 20 mm that every date shows: it has shrunk by 72 %")
