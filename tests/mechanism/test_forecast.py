from __future__ import annotations

import pytest

from resorb.mechanism import Fit, forecast, next_scan
from resorb.mechanism.forecast import AVERAGE
from tests.mechanism.cases import DAYS, fitted


@pytest.fixture(scope="module")
def eroded() -> Fit:
    return fitted("erosion")


def test_the_past_is_predicted_within_its_interval(eroded: Fit) -> None:
    volumes = [p for p in forecast(eroded, DAYS) if p.model == AVERAGE and p.quantity == "volume_mm3"]
    for one, true in zip(volumes, (332.9, 233.0, 140.0, 66.8), strict=True):
        assert one.low < true < one.high
        assert one.scan_low < one.low < one.median < one.high < one.scan_high


def test_a_date_left_out_is_foretold() -> None:
    """From three dates of eroding voxels, the fourth."""
    found = forecast(fitted("erosion", 3), (365.0,))
    volume = next(p for p in found if p.model == AVERAGE and p.quantity == "volume_mm3")
    assert volume.low < 66.8 < volume.high
    assert volume.high < 233.0


def test_the_future_is_less_certain_than_the_past(eroded: Fit) -> None:
    near, far = (
        next(p for p in forecast(eroded, (day,)) if p.model == "dehydration" and p.quantity == "t2_ratio")
        for day in (365.0, 1500.0)
    )
    assert far.high - far.low > near.high - near.low


def test_every_model_and_quantity_is_predicted_and_nothing_below_zero(eroded: Fit) -> None:
    found = forecast(eroded, (700.0,))
    assert {p.model for p in found} == {one.model.name for one in eroded.models} | {AVERAGE}
    assert {p.quantity for p in found} == set(eroded.likelihood.names)
    assert all(0 <= p.low <= p.median <= p.high for p in found)


def test_no_scan_tells_more_than_is_open(eroded: Fit) -> None:
    scan = next_scan(eroded)
    assert scan is not None
    assert 0 <= scan.bits <= scan.entropy_bits
    most = max(bits for _, bits in scan.curve)
    earlier = [bits for days, bits in scan.curve if days < scan.days]
    assert scan.bits >= 0.9 * most > max(earlier, default=0.0)
    assert scan.days > DAYS[-1]


def test_a_third_date_is_worth_more_than_a_fifth() -> None:
    two, four = next_scan(fitted("retraction", 2)), next_scan(fitted("retraction"))
    assert two is not None and four is not None
    assert two.bits > four.bits
    assert two.entropy_bits > four.entropy_bits
