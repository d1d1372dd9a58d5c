"""The same herniation across dates: truth is where a test put it, in a spine that lies differently each time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.anatomy import Level
from resorb.comparison.matching import Followed, identifier, match
from resorb.study import FloatArray
from tests.comparison.points import L3L4, L4L5, L5S1, Bulk, timepoint


def turned(degrees: float, shift: Sequence[float]) -> FloatArray:
    pose = np.eye(4)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    pose[1:3, 1:3] = [[cos, -sin], [sin, cos]]
    pose[:3, 3] = shift
    return pose


def kinds(track: Followed) -> list[tuple[int, str]]:
    return [(event.date, event.kind) for event in track.events]


@given(
    degrees=st.floats(-15, 15),
    shift=st.tuples(*[st.floats(-60, 60)] * 3),
    moved=st.floats(-4, 4),
    left=st.floats(-12, 12),
)
def test_the_same_one_is_found_however_the_patient_lies(
    degrees: float, shift: tuple[float, float, float], moved: float, left: float
) -> None:
    dates = (
        timepoint("a", {L4L5: [Bulk(left=left)]}),
        timepoint("b", {L4L5: [Bulk(300, left=left, cranial=moved)]}, pose=turned(degrees, shift)),
    )
    (track,) = match(dates)
    assert track.numbers() == ((1,), (1,)) and track.level == L4L5


def test_other_levels_and_sides_are_others() -> None:
    dates = (
        timepoint("a", {L4L5: [Bulk(left=8.0)], L5S1: [Bulk(left=-7.0)]}),
        timepoint("b", {L4L5: [Bulk(left=-9.0)], L5S1: [Bulk(left=-6.0)]}),
    )
    tracks = match(dates)
    assert [(t.level, t.numbers()) for t in tracks] == [
        (L4L5, ((), (1,))),
        (L4L5, ((1,), ())),
        (L5S1, ((1,), (1,))),
    ]
    assert [kinds(t) for t in tracks] == [[(2, "new")], [(2, "vanished")], []]
    assert [t.side for t in tracks] == ["right", "left", "right"]


def test_two_beside_each_other_keep_their_places() -> None:
    dates = (
        timepoint("a", {L4L5: [Bulk(left=-8.0, width_mm=8), Bulk(left=8.0, width_mm=8)]}),
        timepoint("b", {L4L5: [Bulk(left=9.0, width_mm=8), Bulk(left=-7.0, width_mm=8)]}),
    )
    assert {t.numbers() for t in match(dates)} == {((1,), (2,)), ((2,), (1,))}


def test_one_that_falls_apart_stays_one() -> None:
    dates = (
        timepoint("a", {L4L5: [Bulk(width_mm=16, height_mm=20)]}),
        timepoint("b", {L4L5: [Bulk(400, cranial=3.0), Bulk(200, cranial=-7.0)]}),
    )
    (track,) = match(dates)
    assert track.numbers() == ((1,), (1, 2))
    assert (2, "split") in kinds(track)


def test_two_that_become_one_are_followed_together() -> None:
    dates = (
        timepoint("a", {L4L5: [Bulk(400, left=3.0), Bulk(200, left=9.0)]}),
        timepoint("b", {L4L5: [Bulk(700, left=5.0, width_mm=18)]}),
    )
    (track,) = match(dates)
    assert track.numbers() == ((1, 2), (1,))
    assert kinds(track) == [(2, "merged")]


def test_a_fragment_that_wanders_has_migrated_even_past_a_disc() -> None:
    near = timepoint("a", {L4L5: [Bulk(cranial=-10.0, morphology="sequestration")]})
    same_disc = timepoint("b", {L4L5: [Bulk(cranial=-17.0, morphology="sequestration")]})
    # 20 mm below L4/L5 is 16 mm above L5/S1, to which it is counted now.
    next_disc = timepoint("c", {L5S1: [Bulk(cranial=16.0, morphology="sequestration")]})
    for later in (same_disc, next_disc):
        (track,) = match((near, later))
        assert kinds(track) == [(2, "migrated")]
        assert "downwards" in track.events[0].words


def test_one_that_comes_back_is_the_same() -> None:
    dates = (
        timepoint("a", {L4L5: [Bulk()]}),
        timepoint("b", {}),
        timepoint("c", {L4L5: [Bulk(600, left=7.0)]}),
    )
    (track,) = match(dates)
    assert track.numbers() == ((1,), (), (1,))
    assert kinds(track) == [(2, "vanished"), (3, "new")]
    assert "again" in track.events[1].words


@pytest.mark.parametrize("level", [L3L4, L4L5])
def test_identifiers_stay_when_dates_are_added(level: Level) -> None:
    first, second = timepoint("a" * 64, {level: [Bulk()]}), timepoint("b" * 64, {level: [Bulk(500)]})
    third = timepoint("c" * 64, {level: [Bulk(100)], L5S1: [Bulk()]})
    hashes = ["a" * 64, "b" * 64, "c" * 64]
    two = [identifier(t, hashes) for t in match((first, second))]
    three = [identifier(t, hashes) for t in match((first, second, third))]
    assert two == three[:1] and len(set(three)) == 2
    assert two[0].startswith(f"{level.upper}-{level.lower}-")
