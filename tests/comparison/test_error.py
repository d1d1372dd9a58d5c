"""Intervals of differences against repeated draws whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from resorb.comparison.error import Compared, Measured, Repeatability, Spread, compare_values, shipped
from resorb.reading import Quantity

THIN, THICK = Spread(1.0, 20.0, 0.03), Spread(4.0, 50.0, 0.10)
NORMAL = Repeatability((THIN, THICK), freedom=1e6)


def measured(date: int, value: float | None, slice_mm: float = 1.0, **others: float) -> Measured:
    quantity = Quantity(value=value, reason="" if value is not None else "cropped")
    return Measured(date, quantity, slice_mm, NORMAL, **others)


def test_errors_of_both_dates_add_up() -> None:
    found = compare_values("volume_mm3", measured(1, 1000.0), measured(2, 280.0, 4.0)).difference
    sd = np.sqrt(20**2 + 30**2 + 50**2 + 28**2)
    assert found.absolute.value == -720.0
    assert found.absolute.low == pytest.approx(-720 - 1.96 * sd, abs=0.1)
    assert found.absolute.high == pytest.approx(-720 + 1.96 * sd, abs=0.1)
    # Had nothing changed, the second date too would hold 1,000 mm3.
    assert found.smallest_detectable == pytest.approx(1.96 * np.sqrt(20**2 + 30**2 + 50**2 + 100**2), abs=0.1)
    assert found.beyond_error


def test_between_tabulated_slices_the_error_lies_between() -> None:
    sd = measured(1, 0.0, 2.5).sd()
    assert sd == pytest.approx(35.0)
    assert measured(1, 0.0, 9.0).sd() == pytest.approx(50.0)  # beyond the table, that of its end
    assert measured(1, 0.0, extra_sd=21.0).sd() == pytest.approx(29.0)


def test_between_thin_and_thick_slices_comes_what_they_show_differently() -> None:
    unlike = Repeatability((THIN, THICK), freedom=1e6, apart=80.0)
    for thick, besides in ((4.0, 80.0), (2.5, 40.0), (1.0, 0.0)):
        one, two = (
            Measured(n, Quantity(value=0.0), slice_mm, unlike) for n, slice_mm in ((1, 1.0), (2, thick))
        )
        found = compare_values("volume_mm3", one, two).difference
        sd = np.hypot(np.hypot(20.0, two.sd() or 0.0), besides)
        assert found.absolute.high == pytest.approx(1.96 * sd, abs=0.1)
        assert found.smallest_detectable == pytest.approx(1.96 * sd, abs=0.1)


def test_of_two_ways_of_measuring_the_poorer_one_tells_what_slices_show_differently() -> None:
    good, poor = (Repeatability((THIN, THICK), freedom=1e6, apart=apart) for apart in (10.0, 80.0))
    for first, last in ((good, poor), (poor, good)):
        pair = (
            Measured(n, Quantity(value=0.0), slice_mm, known)
            for n, slice_mm, known in ((1, 1.0, first), (2, 4.0, last))
        )
        found = compare_values("volume_mm3", *pair).difference
        assert found.absolute.high == pytest.approx(1.96 * np.sqrt(20**2 + 50**2 + 80**2), abs=0.1)


def test_what_tells_a_change_from_none_is_the_error_where_nothing_changed() -> None:
    quiet = Repeatability((Spread(1.0, 10.0, 0.01),), freedom=1e6)
    known = Repeatability((THIN,), freedom=1e6, quiet=quiet)

    def found(known: Repeatability, last: float) -> Compared:
        one, two = (Measured(n, Quantity(value=v), 1.0, known) for n, v in ((1, 1000.0), (2, last)))
        return compare_values("volume_mm3", one, two)

    told, usual, surest = (found(one, 940.0) for one in (known, replace(known, quiet=None), quiet))
    assert told.p_value == surest.p_value
    assert (told.p_value or 1.0) < 0.05 < (usual.p_value or 0.0)
    assert told.difference.smallest_detectable == surest.difference.smallest_detectable
    # The interval is that of any change; but what is told from none is not none.
    assert told.difference.absolute.low == usual.difference.absolute.low
    assert told.difference.absolute.high == 0.0 < (usual.difference.absolute.high or 0.0)
    assert told.difference.relative is not None and told.difference.relative.high == 0.0
    grown = found(known, 1060.0).difference
    assert grown.beyond_error and grown.absolute.low == 0.0
    assert grown.relative is not None and grown.relative.low == 0.0
    same = found(known, 1010.0).difference
    assert (
        not same.beyond_error
        and same.absolute == found(replace(known, quiet=None), 1010.0).difference.absolute
    )


@pytest.mark.parametrize(("one", "two"), [(1000.0, 1000.0), (1000.0, 300.0), (600.0, 30.0), (400.0, 700.0)])
def test_intervals_hold_the_truth_as_often_as_they_say(one: float, two: float) -> None:
    rng = np.random.default_rng(7)
    held = {"absolute": 0, "relative": 0}
    count = 1500
    for _ in range(count):
        values = [t + rng.normal(0, np.hypot(20, 0.03 * t)) for t in (one, two)]
        found = compare_values("volume_mm3", measured(1, values[0]), measured(2, values[1])).difference
        for name, truth in (("absolute", two - one), ("relative", two / one - 1)):
            interval = getattr(found, name)
            held[name] += interval.low <= truth <= interval.high
    for times in held.values():
        assert 0.93 <= times / count <= 0.97


def test_the_share_lost_has_its_interval() -> None:
    found = compare_values("volume_mm3", measured(1, 1000.0), measured(2, 280.0)).difference
    assert found.relative is not None and found.relative.value == pytest.approx(-0.72)
    assert found.relative.low is not None and found.relative.high is not None
    assert -0.77 < found.relative.low < -0.75 and -0.69 < found.relative.high < -0.67


def test_a_loss_is_never_more_than_the_whole() -> None:
    found = compare_values("volume_mm3", measured(1, 300.0), measured(2, 0.0)).difference
    assert found.relative is not None and found.relative.low == -1.0


def test_no_share_of_what_is_not_told_from_nothing() -> None:
    assert compare_values("volume_mm3", measured(1, 30.0), measured(2, 500.0)).difference.relative is None
    assert compare_values("volume_mm3", measured(1, 0.0), measured(2, 500.0)).difference.relative is None


def test_a_missing_value_says_why() -> None:
    found = compare_values("volume_mm3", measured(1, 500.0), measured(2, None))
    assert found.difference.absolute.value is None and found.p_value is None
    assert found.difference.absolute.reason == "date 2: cropped"
    assert found.difference.beyond_error is None


def test_without_repeat_imaging_the_values_own_intervals_stand_in() -> None:
    one, two = (
        Measured(n, Quantity(value=value, low=value - 1, high=value + 1), 1.0)
        for n, value in ((1, 8.0), (2, 5.0))
    )
    found = compare_values("height_mm", one, two).difference
    assert found.absolute.low == pytest.approx(-3 - np.sqrt(2), abs=1e-4) and found.beyond_error
    nothing = compare_values("height_mm", one, Measured(2, Quantity(value=5.0), 1.0))
    assert nothing.difference.absolute.low is None and nothing.difference.beyond_error is None


def test_the_false_alarm_rate_of_one_comparison_is_as_stated() -> None:
    rng = np.random.default_rng(3)
    values = 800 + rng.normal(0, np.hypot(20, 24), (1500, 2))
    alarms = [
        compare_values("volume_mm3", measured(1, a), measured(2, b)).difference.beyond_error
        for a, b in values
    ]
    assert 0.03 <= sum(map(bool, alarms)) / len(alarms) <= 0.065


@pytest.mark.parametrize("outlines", ["mask", "model"])
def test_the_shipped_table_grows_with_the_slices(outlines: str) -> None:
    table = shipped(outlines)
    for name in ("herniation.volume_mm3", "level.volume_mm3"):
        known = table.quantities[name]
        thin, thick = (known.variance(500.0, slice_mm) for slice_mm in (0.9, 4.4))
        assert 0 < thin < thick
        assert known.freedom >= 3


def test_dates_on_one_scanner_are_known_better_and_every_interval_holds_what_tells_a_change() -> None:
    table = shipped("model")
    assert table.matching is not None and set(table.matching.quantities) == set(table.quantities)
    for name in ("herniation.volume_mm3", "level.volume_mm3"):
        usual, alike = table.quantities[name], table.matching.quantities[name]
        assert usual.quiet is not None and alike.quiet is not None
        assert alike.variance(1000.0, 0.9) < usual.variance(1000.0, 0.9)
    for name, known in (*table.quantities.items(), *table.matching.quantities.items()):
        for one, two, slices in product(
            (0.1, 5.0, 1000.0), (0.0, 4.0, 700.0, 2000.0), ((0.9, 0.9), (0.9, 4.4))
        ):
            dates = (
                Measured(n, Quantity(value=value), mm, known)
                for n, value, mm in zip((1, 2), (one, two), slices, strict=True)
            )
            found = compare_values(name, *dates)
            low, high = found.difference.absolute.low, found.difference.absolute.high
            assert low is not None and high is not None and found.p_value is not None
            if low > 0 or high < 0:
                assert found.p_value < 0.05
