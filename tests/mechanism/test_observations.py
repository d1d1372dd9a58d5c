from __future__ import annotations

import math

import pytest

from resorb.errors import UsageError
from resorb.mechanism import Observations, Observed, assumed_sd

ONE = Observed(500.0, 50.0)


def test_the_error_of_a_value_without_one_is_a_share_and_a_floor() -> None:
    assert assumed_sd("volume_mm3", 1000.0) == pytest.approx(math.hypot(110.0, 30.0))
    assert assumed_sd("depth_mm", 8.0) == assumed_sd("depth_mm", 2.0) > 0


def test_days_become_months_and_later_dates_are_counted() -> None:
    observed = Observations((0.0, 30.4375, 91.3125), {"volume_mm3": (ONE, None, ONE)})
    assert observed.months == pytest.approx((0.0, 1.0, 3.0))
    assert observed.later_dates == 1
    assert observed.first == {"volume_mm3": 500.0}


@pytest.mark.parametrize(
    ("days", "measured", "words"),
    [
        ((0.0, 10.0), {"volume_mm3": (ONE, None)}, "a volume is needed on the first date, and on one more"),
        ((0.0, 10.0), {"volume_mm3": (None, ONE)}, "a volume is needed on the first date, and on one more"),
        ((0.0, 10.0), {"t2_ratio": (ONE, ONE)}, "a volume is needed"),
        ((0.0, 10.0), {"volume": (ONE, ONE)}, "unknown quantity 'volume'"),
        ((0.0, 10.0), {"volume_mm3": (ONE,)}, "one entry per date"),
        ((5.0, 10.0), {"volume_mm3": (ONE, ONE)}, "start from 0 and ascend"),
        ((0.0, 0.0), {"volume_mm3": (ONE, ONE)}, "start from 0 and ascend"),
        ((0.0, 10.0), {"volume_mm3": (ONE, Observed(1.0, 0.0))}, "errors above 0"),
        ((0.0, 10.0), {"volume_mm3": (ONE, Observed(math.nan, 1.0))}, "must be finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_words(
    days: tuple[float, ...], measured: dict[str, tuple[Observed | None, ...]], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        Observations(days, measured, name="L4/L5 left")
