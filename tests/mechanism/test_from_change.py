from __future__ import annotations

import pytest

from resorb.change import Difference, History
from resorb.errors import UsageError
from resorb.mechanism import Observations, Observed, assumed_sd, observations_of
from resorb.mechanism.from_change import of_track
from resorb.reading import Quantity
from tests.mechanism.cases import change


def _only(**given: bool | int | str) -> Observations:
    ((identifier, found),) = observations_of(change(**given))  # type: ignore[arg-type]
    assert identifier == "L4/L5-left-1"
    assert isinstance(found, Observations)
    return found


def _of(observed: Observations, quantity: str, date: int) -> Observed:
    found = observed.measured[quantity][date]
    assert found is not None
    return found


def test_a_track_becomes_observations_with_its_own_intervals() -> None:
    found = _only()
    assert found.name == "L4/L5 left" and found.days == (0.0, 100.0, 200.0) and not found.free
    volume = _of(found, "volume_mm3", 1)
    assert volume.value == pytest.approx(603.0)
    assert volume.sd == pytest.approx(60.3 / 1.959964)
    assert found.measured["t2_ratio"][0] is None
    assert "sac_area_mm2" not in found.measured


def test_the_parent_disc_is_the_disc_without_what_is_displaced_of_it() -> None:
    # The mask of the disc holds 12 000 mm3 and the herniation; 100 mm3 of bulge are displaced besides.
    parent = _of(_only(), "parent_mm3", 2)
    assert parent.value == pytest.approx(11900.0)


def test_errors_that_are_not_stated_are_assumed_and_a_note_says_so() -> None:
    found = _only(intervals=False)
    assert _of(found, "volume_mm3", 0).sd == pytest.approx(assumed_sd("volume_mm3", 900.0))
    assert any("errors were assumed for: displaced volume" in note for note in found.notes)


def test_a_fragment_without_contact_is_free() -> None:
    assert _only(free=True).free


@pytest.mark.parametrize(
    ("history", "words"), [("operated", "was operated on"), ("injected", "was injected")]
)
def test_nothing_is_fitted_to_a_disc_that_was_treated(history: History, words: str) -> None:
    ((_, found),) = observations_of(change(history=history))
    assert isinstance(found, UsageError)
    assert f"{words} between the dates" in str(found)


def test_an_unknown_history_is_fitted_with_a_note() -> None:
    assert any("It is not known whether" in note for note in _only(history="unknown").notes)
    assert not any("operated" in note for note in _only().notes)


def test_without_dates_nothing_can_be_fitted() -> None:
    ((_, found),) = observations_of(change(unknown=True))
    assert isinstance(found, UsageError)
    assert "a date is not known" in str(found)


def test_a_date_without_the_herniation_says_that_little_is_left() -> None:
    given = change()
    (track,) = given.tracks
    gone = Quantity(value=0.0, low=0.0, high=98.0, method="no herniation found there")
    volumes = (*track.quantities["volume_mm3"][:2], gone)
    left = track.model_copy(update={"quantities": {**track.quantities, "volume_mm3": volumes}})
    found = of_track(given, left)
    last = _of(found, "volume_mm3", 2)
    assert last.value == 0.0
    assert last.sd == pytest.approx(50.0, rel=1e-3)


def test_t2_ratios_that_may_not_be_compared_are_left_out() -> None:
    given = change()
    (track,) = given.tracks
    nothing = Quantity(value=None, reason="the echo times differ")
    apart = Difference(quantity="t2_ratio", first=2, last=3, absolute=nothing)
    found = of_track(given, track.model_copy(update={"differences": (apart,)}))
    assert "t2_ratio" not in found.measured
    assert "T2 ratios were left out: the echo times differ." in found.notes
