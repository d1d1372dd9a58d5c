"""Rates and half-lives against exponentials of closed form; signals only of matching sequences."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from resorb.change import Dated
from resorb.comparison.course import DAYS_PER_MONTH, published, rate, sequences_differ
from resorb.reading import Quantity

FACTS: dict[str, str | float] = {
    "manufacturer": "siemens",
    "field_strength_t": 1.5,
    "tr_ms": 3500.0,
    "te_ms": 100.0,
    "acquisition": "2D",
    "fat_suppressed": "no",
    "contrast_agent": "no",
}


def dates(*months: float | None, **facts: str | float) -> list[Dated]:
    start = date(2024, 1, 1)
    return [
        Dated(
            number=n,
            date=None if month is None else start + timedelta(days=month * DAYS_PER_MONTH),
            days=None if month is None else month * DAYS_PER_MONTH,
            study_sha256=f"{n}",
            series="1",
            spacing_mm=(4, 0.5, 0.5),
            sequence={**FACTS, **facts},
        )
        for n, month in enumerate(months, start=1)
    ]


def values(*numbers: float | None) -> list[Quantity]:
    return [Quantity(value=v, reason="" if v is not None else "cropped") for v in numbers]


def test_a_rate_of_two_dates_is_their_slope() -> None:
    found = rate("volume_mm3", dates(0, 6), values(1000.0, 400.0), [30.0, 40.0])
    assert found is not None and found.per_month.value == pytest.approx(-100.0)
    assert found.per_month.high == pytest.approx(-100 + 1.96 * 50 / 6, abs=0.01)
    assert found.half_life_months is None and found.half_life_reason == "a half-life needs 3 dates"


def test_the_half_life_of_an_exponential() -> None:
    months = np.array([0.0, 3.0, 6.0, 12.0])
    volumes = 1200.0 * 0.5 ** (months / 4.0)
    found = rate("volume_mm3", dates(*months), values(*volumes), [20.0] * 4)
    assert found is not None and found.half_life_months is not None
    half = found.half_life_months
    assert half.value == pytest.approx(4.0, abs=0.01)
    assert half.low is not None and half.high is not None and 3.5 < half.low < 4.0 < half.high < 4.6


def test_its_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    months = np.array([0.0, 4.0, 9.0])
    held = total = 0
    for _ in range(300):
        volumes = 1000.0 * 0.5 ** (months / 5.0) + rng.normal(0, 30.0, 3)
        found = rate("volume_mm3", dates(*months), values(*volumes), [30.0] * 3)
        assert found is not None
        if (half := found.half_life_months) is not None and half.low is not None and half.high is not None:
            total += 1
            held += half.low <= 5.0 <= half.high
    assert total > 270 and 0.9 <= held / total <= 0.99


@pytest.mark.parametrize(
    ("volumes", "sds", "why"),
    [
        ((1000.0, 990.0, 1010.0), [30.0] * 3, "no loss"),
        ((1000.0, 1300.0, 1700.0), [30.0] * 3, "no loss"),
        ((1000.0, 100.0, 900.0), [30.0] * 3, "no"),
        ((0.0, 500.0, 300.0), [30.0] * 3, "nothing was there"),
        ((1000.0, 500.0, 250.0), [None] * 3, "errors"),
    ],
)
def test_no_half_life_without_an_exponential_loss(
    volumes: tuple[float, ...], sds: list[float | None], why: str
) -> None:
    found = rate("volume_mm3", dates(0, 3, 6), values(*volumes), sds)
    assert found is not None and found.half_life_months is None and why in found.half_life_reason


def test_no_rate_without_two_dated_values() -> None:
    assert rate("volume_mm3", dates(0, None), values(1.0, 2.0), [1.0, 1.0]) is None
    assert rate("volume_mm3", dates(0, 3), values(1.0, None), [1.0, 1.0]) is None
    assert rate("volume_mm3", dates(0, 0), values(1.0, 2.0), [1.0, 1.0]) is None


@pytest.mark.parametrize(
    ("other", "word"),
    [
        ({"field_strength_t": 3.0}, "field strength"),
        ({"manufacturer": "ge"}, "manufacturer"),
        ({"te_ms": 80.0}, "te ms"),
        ({"acquisition": "3D"}, "acquisition"),
    ],
)
def test_signals_of_other_sequences_are_not_compared(other: dict[str, str | float], word: str) -> None:
    one, two = dates(0)[0], dates(0, **other)[0]
    assert word in sequences_differ(one, two)
    assert sequences_differ(one, one) == ""


def test_unknown_sequences_are_not_compared() -> None:
    bare = dates(0)[0].model_copy(update={"sequence": {}})
    assert "not known" in sequences_differ(bare, bare)


def test_published_courses_carry_their_limits() -> None:
    """Chiu et al. 2015 and Zou et al. 2023, as read in their abstracts."""
    shares = {one.source[:4]: one.share for one in published("sequestration") if "regressed" in one.what}
    assert shares == {"Chiu": 0.96, "Zou ": 0.8777}
    assert {one.share for one in published("bulge")} == {0.13, 0.1333}
    assert all("says nothing of this patient" in one.limits for one in published("extrusion"))
    assert published(None) == ()
