"""From measured dates to a Change: closed-form herniations, with every history, in any number of dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from resorb.anatomy import Level
from resorb.change import Between, Change, History, LevelChange, Track
from resorb.comparison.compare import compare
from resorb.comparison.error import Repeatability, Spread, Table
from resorb.comparison.finding import NO_CHANGE
from resorb.comparison.verdict import BEYOND
from resorb.errors import NotMeasurableError, UsageError
from resorb.reading import Class, Quantity
from resorb.timepoint import Timepoint
from tests.comparison.points import L3L4, L4L5, L5S1, Bulk, registered, timepoint

DAYS = (date(2024, 1, 15), date(2024, 7, 18), date(2025, 1, 17), date(2025, 7, 20))
KNOWN = Repeatability((Spread(0.9, 25.0, 0.02), Spread(4.4, 60.0, 0.06)), freedom=10.0)
TABLE = Table(
    "a test", 0.4, {"herniation.volume_mm3": KNOWN, "level.volume_mm3": KNOWN, "herniation.depth_mm": KNOWN}
)


def changed(
    *found: Mapping[Level, Sequence[Bulk]], history: History = "none", slice_mm: float = 0.9, **others: Any
) -> Change:
    points = [
        timepoint(f"{n}" * 64, bulks, day=DAYS[n], slice_mm=slice_mm, **others)
        for n, bulks in enumerate(found)
    ]
    return compared(points, history)


def compared(points: Sequence[Timepoint], history: History = "none", **others: Any) -> Change:
    between = tuple(Between(first=n, last=n + 1, history=history) for n in range(1, len(points)))
    return compare(points, points, registered(points, **others), between, table=TABLE)


def only(change: Change) -> Track:
    (track,) = change.tracks
    return track


def test_a_herniation_that_lost_most_of_itself() -> None:
    change = changed({L4L5: [Bulk(1000.0)]}, {L4L5: [Bulk(280.0)]})
    track = only(change)
    assert (track.level, track.side, track.verdict.value) == ("L4/L5", "left", "regressed")
    assert change.sentence == track.verdict.words
    assert "shrunk by 72 % (6" in change.sentence and "beyond measurement error" in change.sentence
    assert [q.value for q in track.quantities["volume_mm3"]] == [1000.0, 280.0]
    assert {level.level: level.verdict.value for level in change.levels} == {
        "L3/L4": "unchanged",
        "L4/L5": "regressed",
        "L5/S1": "unchanged",
    }
    met = {one.name: one.met for one in track.definitions}
    assert met["at least 50 % smaller"] and met["more than 70 % smaller"] and not met["complete"]
    assert [one.days for one in change.dates] == [0.0, 185.0]
    assert {one.morphology for one in track.published} == {"extrusion"}


def test_what_is_stored_says_the_same() -> None:
    change = changed({L4L5: [Bulk(1000.0)]}, {L4L5: [Bulk(280.0)]})
    assert Change.from_json(change.to_json()) == change


@pytest.mark.parametrize(
    ("first", "last", "value"),
    [
        (1000.0, 1020.0, "unchanged"),
        (600.0, 1000.0, "grown"),
        (600.0, None, "resolved"),
        (None, 600.0, "new"),
        (70.0, None, "indeterminate"),
    ],
)
def test_verdicts(first: float | None, last: float | None, value: str) -> None:
    found = [{} if v is None else {L4L5: [Bulk(v)]} for v in (first, last)]
    assert only(changed(*found)).verdict.value == value


@pytest.mark.parametrize(("last", "share"), [(880.0, 0.02), (640.0, 0.12)])
def test_one_that_came_back_is_recurrent_though_the_ends_agree(last: float, share: float) -> None:
    """Or differ by more than a quarter, within the error."""
    known = Repeatability((Spread(0.9, 25.0, share),), freedom=10.0)
    table = replace(TABLE, quantities=dict.fromkeys(TABLE.quantities, known))
    found = [{L4L5: [Bulk(900.0)]}, {}, {L4L5: [Bulk(last)]}]
    points = [timepoint(f"{n}" * 64, bulks, day=DAYS[n]) for n, bulks in enumerate(found)]
    between = tuple(Between(first=n, last=n + 1, history="none") for n in (1, 2))
    track = only(compare(points, points, registered(points), between, table=table))
    assert track.verdict.value == "recurrent" and "come back" in track.verdict.words
    assert [step.value for step in track.steps] == ["resolved", "recurrent"]


def test_a_date_without_it_holds_nothing_up_to_what_could_be_missed() -> None:
    volume = only(changed({L4L5: [Bulk(600.0)]}, {})).quantities["volume_mm3"][1]
    assert (volume.value, volume.low) == (0.0, 0.0)
    assert volume.high == pytest.approx(2.228 * 25.0, abs=0.1)  # Student's t, 10 degrees of freedom
    assert only(changed({L4L5: [Bulk(600.0)]}, {})).quantities["depth_mm"][1].value is None


def test_a_rest_without_a_summit_is_known_by_what_the_level_lost() -> None:
    """Of 700 mm3, 200 are left, which no longer stand out: the level holds 500 mm3 less, its bulge cancels."""
    points = [
        timepoint("a" * 64, {L4L5: [Bulk(700.0)]}, day=DAYS[0]),
        timepoint("b" * 64, {}, day=DAYS[1], changed={L4L5: {"volume_mm3": Quantity(value=120.0 + 200.0)}}),
    ]
    track = only(compared(points))
    assert track.quantities["volume_mm3"][1].value == pytest.approx(200.0)
    assert track.verdict.value == "regressed"
    assert any("known by difference" in reason for reason in track.verdict.reasons)


def test_another_herniation_of_the_level_is_taken_off() -> None:
    """The left one shrinks from 600 to 500 and the right one, of 400, to 100, which no longer stand out."""
    left, right = Bulk(600.0, left=9.0, width_mm=8), Bulk(400.0, left=-9.0, width_mm=8)
    after = {L4L5: {"volume_mm3": Quantity(value=120.0 + 500.0 + 100.0)}}
    points = [
        timepoint("a" * 64, {L4L5: [right, left]}, day=DAYS[0]),
        timepoint("b" * 64, {L4L5: [Bulk(500.0, left=9.0, width_mm=8)]}, day=DAYS[1], changed=after),
    ]
    volumes = {t.side: [q.value for q in t.quantities["volume_mm3"]] for t in compared(points).tracks}
    assert volumes == {"left": [600.0, 500.0], "right": [400.0, pytest.approx(100.0)]}


def test_what_cannot_be_known_by_difference_is_not_taken_for_nothing() -> None:
    hidden = {L4L5: {"volume_mm3": Quantity(value=None, reason="behind metal")}}
    points = [
        timepoint("a" * 64, {L4L5: [Bulk(700.0)]}, day=DAYS[0]),
        timepoint("b" * 64, {}, day=DAYS[1], changed=hidden),
    ]
    track = only(compared(points))
    assert track.quantities["volume_mm3"][1].value is None
    assert track.verdict.value == "indeterminate" and "behind metal" in track.verdict.words
    assert [event.kind for event in track.events] == ["vanished"]
    assert "no longer" not in track.events[0].words


def test_a_cropped_date_does_not_show_that_a_herniation_is_gone() -> None:
    cropped = {L4L5: {"volume_mm3": Quantity(value=None, low=10.0, reason="cropped")}}
    points = [
        timepoint("a" * 64, {L4L5: [Bulk(700.0, width_mm=40.0)]}, day=DAYS[0], slice_mm=4.0),
        timepoint("b" * 64, {}, day=DAYS[1], slice_mm=4.0, changed=cropped),
    ]
    track = only(compared([marked(point) for point in points]))
    assert [event.kind for event in track.events] == ["vanished"]
    assert "do not tell whether it is gone" in track.events[0].words
    assert track.verdict.value != "resolved"


def test_a_level_in_which_a_herniation_could_hide_is_not_called_unchanged() -> None:
    """Registration off by 2 mm over a margin of 9 mm by the field's width: nothing can be said."""
    points = [timepoint(name * 64, {}, day=day, slice_mm=9.0) for name, day in zip("ab", DAYS, strict=False)]
    assert compared(points).at("L3/L4").verdict.value == "unchanged"
    poor = compared(points, error_mm=2.0).at("L3/L4").verdict
    assert poor.value == "indeterminate" and "could have come or gone unseen" in poor.words


def test_registration_counts_by_what_it_moves_across_the_margin_and_once() -> None:
    """As good as in repeat imaging it adds nothing; what is worse adds its excess over the material's base."""
    points = [
        timepoint(name * 64, {L4L5: [Bulk(1000.0)]}, day=day) for name, day in zip("ab", DAYS, strict=False)
    ]

    def smallest(error_mm: float, behind_mm: float | None = None) -> float:
        registrations = {
            level: replace(one, behind_mm=behind_mm)
            for level, one in registered(points, error_mm=error_mm).items()
        }
        (volume,) = [
            d
            for d in only(compare(points, points, registrations, table=TABLE)).differences
            if d.quantity == "volume_mm3"
        ]
        assert volume.smallest_detectable is not None
        return volume.smallest_detectable

    known = smallest(0.4)  # that of the table
    assert smallest(0.1) == known
    assert smallest(2.0, 0.4) == known
    base = np.pi / 4 * 14.0 * 14.0  # an ellipse as wide and high as the herniation
    added = np.sqrt(smallest(2.0) ** 2 - known**2) / KNOWN.factor
    assert added == pytest.approx(np.sqrt(2.0**2 - 0.4**2) * base, rel=1e-3)


def test_thick_slices_are_less_sure() -> None:
    """The same loss, beyond the error of 3D scans only."""
    found = ({L4L5: [Bulk(1000.0)]}, {L4L5: [Bulk(800.0)]})
    assert only(changed(*found)).verdict.value == "regressed"
    assert only(changed(*found, slice_mm=4.4)).verdict.value == "unchanged"


def test_a_poor_registration_is_less_sure_and_says_so() -> None:
    points = [
        timepoint(name * 64, {L4L5: [Bulk(volume)]}, day=day)
        for name, volume, day in zip("ab", (1000.0, 750.0), DAYS, strict=False)
    ]
    assert only(compared(points)).verdict.value == "regressed"
    poor = compared(points, error_mm=2.0, method="spine coordinates", reason="too few edges")
    assert only(poor).verdict.value != "regressed"
    assert any("spine coordinates" in reason for reason in only(poor).verdict.reasons)
    assert any("too few edges" in warning for warning in poor.warnings)


@pytest.mark.parametrize("history", ["unknown", "injected", "operated"])
def test_what_was_done_changes_the_words(history: History) -> None:
    change = changed({L4L5: [Bulk(1000.0)]}, {L4L5: [Bulk(100.0)]}, history=history)
    verdict = only(change).verdict
    assert verdict.value == ("indeterminate" if history == "operated" else "regressed")
    assert "spontan" not in change.to_json()
    assert "spontan" in changed({L4L5: [Bulk(1000.0)]}, {L4L5: [Bulk(100.0)]}).to_json()


def test_surgery_counts_at_its_own_disc() -> None:
    found = {L4L5: [Bulk(1000.0)], L5S1: [Bulk(1000.0)]}, {L4L5: [Bulk(300.0)], L5S1: [Bulk(300.0)]}
    points = [timepoint(f"{n}" * 64, bulks, day=DAYS[n]) for n, bulks in enumerate(found)]
    between = (
        Between(first=1, last=2, history="none"),
        Between(first=1, last=2, history="operated", levels=("L4/L5",)),
    )
    tracks = compare(points, points, registered(points), between, table=TABLE).tracks
    assert {track.level: track.verdict.value for track in tracks} == {
        "L4/L5": "indeterminate",
        "L5/S1": "regressed",
    }


def test_nothing_anywhere() -> None:
    change = changed({}, {})
    assert change.tracks == () and change.sentence == NO_CHANGE.format(beyond=BEYOND)


def test_what_cannot_be_judged_is_not_called_unchanged() -> None:
    unknown = {L5S1: {"volume_mm3": Quantity(value=None, low=50.0, reason="behind metal")}}
    points = [
        timepoint("a" * 64, {}, day=DAYS[0]),
        timepoint("b" * 64, {}, day=DAYS[1], changed=unknown),
    ]
    assert compared(points).sentence.endswith("It cannot be said of L5/S1.")


def test_an_estimated_error_is_named_once_and_in_the_sentence() -> None:
    points = [
        timepoint(name * 64, {L4L5: [Bulk(volume)]}, day=day)
        for name, volume, day in zip("ab", (1000.0, 280.0), DAYS, strict=False)
    ]
    table = replace(TABLE, estimated=True, made_with="exact outlines")
    change = compare(points, points, registered(points), table=table)
    assert "beyond the estimated measurement error" in change.sentence
    assert "The error is an estimate from few patients: exact outlines." in only(change).verdict.reasons


def test_a_rate_is_as_wide_as_the_difference_it_comes_from() -> None:
    track = only(changed({L4L5: [Bulk(1000.0)]}, {L4L5: [Bulk(280.0)]}))
    (rate,) = [one.per_month for one in track.course if one.quantity == "volume_mm3"]
    (whole,) = [one.absolute for one in track.differences if one.quantity == "volume_mm3"]
    months = 185 / 30.44
    assert (rate.low or 0.0) * months == pytest.approx(whole.low, rel=1e-3)
    assert (rate.high or 0.0) * months == pytest.approx(whole.high, rel=1e-3)


def test_dates_of_matching_sequences_are_judged_by_their_own_error() -> None:
    surer = Repeatability((Spread(0.9, 5.0, 0.01),), freedom=10.0)
    matching = replace(TABLE, made_with="one scanner", quantities=dict.fromkeys(TABLE.quantities, surer))
    table = replace(TABLE, matching=matching)
    facts: dict[str, str | float] = {
        "manufacturer": "ge",
        "acquisition": "3D",
        "te_ms": 100.0,
        "tr_ms": 3000.0,
    }

    def dates(facts: Mapping[str, str | float], *fields: float) -> list[Timepoint]:
        return [
            timepoint(
                name * 64, {L4L5: [Bulk(volume)]}, day=day, sequence={**facts, "field_strength_t": field}
            )
            for name, volume, day, field in zip("abc", (1000.0, 940.0, 930.0), DAYS, fields, strict=False)
        ]

    def found(*fields: float) -> Change:
        points = dates(facts, *fields)
        return compare(points, points, registered(points), table=table)

    alike, other = found(1.5, 1.5), found(1.5, 3.0)
    assert only(alike).verdict.value == "regressed" and alike.error_source == "one scanner"
    assert only(other).verdict.value == "unchanged" and other.error_source == "a test"
    # Of three dates each pair has its own.
    mixed = found(1.5, 1.5, 3.0)
    assert [step.value for step in only(mixed).steps] == ["regressed", "unchanged"]
    assert only(mixed).verdict.value == "unchanged" and mixed.error_source == "a test and one scanner"
    # Headers that leave the maker out, or outlines made otherwise, tell of no one scanner.
    bare = {name: fact for name, fact in facts.items() if name != "manufacturer"}
    first, last = dates(facts, 1.5, 1.5)
    redrawn = replace(last, reading=last.reading.model_copy(update={"segmented_by": "mask, another hand"}))
    for points in (dates(bare, 1.5, 1.5), [first, redrawn]):
        change = compare(points, points, registered(points), table=table)
        assert only(change).verdict.value == "unchanged" and change.error_source == "a test"


def test_what_is_known_by_difference_rests_on_all_dates() -> None:
    """The herniation is found on the second date, of another scanner, and taken from there to the third."""
    surer = Repeatability((Spread(0.9, 5.0, 0.01),), freedom=10.0)
    table = replace(TABLE, matching=replace(TABLE, quantities=dict.fromkeys(TABLE.quantities, surer)))
    facts: dict[str, str | float] = {
        "manufacturer": "ge",
        "acquisition": "3D",
        "te_ms": 100.0,
        "tr_ms": 3000.0,
    }
    found: list[Mapping[Level, Sequence[Bulk]]] = [{L4L5: [Bulk(1000.0)]}, {L4L5: [Bulk(900.0)]}, {}]
    points = [
        timepoint(name * 64, bulks, day=day, sequence={**facts, "field_strength_t": field})
        for name, bulks, day, field in zip("abc", found, DAYS, (1.5, 3.0, 1.5), strict=False)
    ]
    track = only(compare(points, points, registered(points), table=table))
    by_pair = {(d.first, d.last): d for d in track.differences if d.quantity == "volume_mm3"}
    assert "since date 2" in track.quantities["volume_mm3"][2].method
    assert (by_pair[1, 3].smallest_detectable or 0.0) > 2 * 25.0


def test_a_change_told_from_none_is_called_so_wherever_it_is_written() -> None:
    quiet = Repeatability((Spread(0.9, 10.0, 0.01),), freedom=10.0)
    table = replace(TABLE, quantities={n: replace(one, quiet=quiet) for n, one in TABLE.quantities.items()})
    points = [
        timepoint(name * 64, {L4L5: [Bulk(volume)]}, day=day)
        for name, volume, day in zip("ab", (1000.0, 930.0), DAYS, strict=False)
    ]
    track = only(compare(points, points, registered(points), table=table))
    assert track.verdict.value == "regressed" and "shrunk by 7 % (0 to 1" in track.verdict.words
    (rate,) = [one.per_month for one in track.course if one.quantity == "volume_mm3"]
    (whole,) = [one.absolute for one in track.differences if one.quantity == "volume_mm3"]
    assert whole.high == rate.high == 0.0
    assert (rate.low or 0.0) * 185 / 30.44 == pytest.approx(whole.low, rel=1e-3)
    (decreased,) = [one for one in track.definitions if one.name == "any decrease"]
    assert decreased.met and decreased.certain


def marked(point: Timepoint) -> Timepoint:
    """With displaced material of L4/L5 in every slice."""
    marks = np.zeros(point.displaced.shape, np.uint8)
    marks[:, 1, 1] = L4L5.ordinal
    return replace(point, displaced=point.displaced.with_data(marks))


def test_of_a_cropped_herniation_the_part_that_all_dates_show_is_compared() -> None:
    cropped = {L4L5: {"volume_mm3": Quantity(value=None, low=500.0, reason="cropped")}}
    wide: dict[str, Any] = {"width_mm": 40.0}
    points = [
        timepoint("a" * 64, {L4L5: [Bulk(1000.0, **wide)]}, day=DAYS[0], slice_mm=4.0),
        timepoint(
            "b" * 64, {L4L5: [Bulk(None, low=400.0, **wide)]}, day=DAYS[1], slice_mm=4.0, changed=cropped
        ),
    ]
    track = only(compared([marked(point) for point in points]))
    assert not track.definitions  # those speak of whole herniations
    assert track.verdict.value == "regressed"
    assert "mm that every date shows: it has shrunk by 60 %" in track.verdict.words
    assert any("what lies beyond is not known" in reason for reason in track.verdict.reasons)


def test_a_fragment_that_wandered_past_a_disc_is_no_growth_there() -> None:
    """20 mm below L4/L5 is 16 mm above L5/S1, to which it is counted on the second date."""
    free: dict[str, Any] = {"morphology": "sequestration", "volume_mm3": 500.0}
    change = changed({L4L5: [Bulk(cranial=-10.0, **free)]}, {L5S1: [Bulk(cranial=16.0, **free)]})
    track = only(change)
    assert (track.level, track.levels) == ("L4/L5", ("L4/L5", "L5/S1"))
    assert [event.kind for event in track.events] == ["migrated"]
    assert {level.level: level.verdict.value for level in change.levels} == dict.fromkeys(
        ("L3/L4", "L4/L5", "L5/S1"), "unchanged"
    )


def test_pieces_are_added_up() -> None:
    track = only(
        changed(
            {L4L5: [Bulk(1000.0, width_mm=16, height_mm=20)]},
            {L4L5: [Bulk(400.0, cranial=3.0, depth_mm=6), Bulk(200.0, cranial=-7.0, depth_mm=4)]},
        )
    )
    assert [q.value for q in track.quantities["volume_mm3"]] == [1000.0, 600.0]
    assert track.quantities["depth_mm"][1].value == 6.0
    assert track.herniations == ((1,), (1, 2))


def test_the_course_over_three_dates() -> None:
    track = only(changed({L4L5: [Bulk(1000.0)]}, {L4L5: [Bulk(500.0)]}, {L4L5: [Bulk(251.0)]}))
    (volume,) = [one for one in track.course if one.quantity == "volume_mm3"]
    assert volume.half_life_months is not None and volume.half_life_months.value is not None
    assert volume.half_life_months.value == pytest.approx(184 / 30.44, rel=0.05)
    assert [(step.first, step.last, step.value) for step in track.steps] == [
        (1, 2, "regressed"),
        (2, 3, "regressed"),
    ]
    spans = {(one.first, one.last) for one in track.differences}
    assert spans == {(1, 3), (1, 2), (2, 3)}


def test_signals_of_other_sequences_are_left_out() -> None:
    bright = {L4L5: {"t2_ratio": Quantity(value=0.3, low=0.25, high=0.35)}}
    facts: dict[str, str | float] = {
        "manufacturer": "siemens",
        "field_strength_t": 1.5,
        "tr_ms": 3000.0,
        "te_ms": 100.0,
    }
    points = [
        timepoint("a" * 64, {}, day=DAYS[0], sequence=facts, changed=bright),
        timepoint("b" * 64, {}, day=DAYS[1], sequence=facts, changed=bright),
        timepoint("c" * 64, {}, day=DAYS[2], sequence={**facts, "field_strength_t": 3.0}, changed=bright),
    ]
    level = compared(points).at("L4/L5")
    found = {(d.first, d.last): d.absolute for d in level.differences if d.quantity == "t2_ratio"}
    assert found[1, 2].value == 0.0
    assert found[1, 3].value is None and "field strength" in found[1, 3].reason
    assert all(one.quantity != "t2_ratio" for one in level.course)


def test_severe_canal_compromise_asks_for_symptoms_the_same_day() -> None:
    severe = {L4L5: {"canal_compromise": Class(value="severe")}}
    points = [
        timepoint(name * 64, {}, day=day, changed=severe) for name, day in zip("ab", DAYS, strict=False)
    ]
    (alert,) = compared(points).alerts
    for word in ("L4/L5", "same day", "bladder", "saddle", "urgent"):
        assert word in alert


def test_thoracic_levels_are_measured_not_judged() -> None:
    points = [
        timepoint(name * 64, {}, day=day, flags={L3L4: ["thoracic"]})
        for name, day in zip("ab", DAYS, strict=False)
    ]
    verdict = compared(points).at("L3/L4").verdict
    assert verdict.value == "indeterminate" and verdict.p_value is None


def test_a_level_that_was_not_registered_is_kept_and_says_so() -> None:
    points = [timepoint(name * 64, {}, day=day) for name, day in zip("ab", DAYS, strict=False)]
    registrations = registered(points)
    del registrations[L3L4]
    level: LevelChange = compare(points, points, registrations, table=TABLE).at("L3/L4")
    assert level.registered_by == "not registered" and level.registration_error_mm is None


def test_impossible_requests_are_refused() -> None:
    points = [timepoint(name * 64, {}) for name in "ab"]
    with pytest.raises(UsageError, match="two or more dates"):
        compare(points[:1], points[:1], registered(points[:1]), table=TABLE)
    with pytest.raises(NotMeasurableError, match="nothing can be compared"):
        compare(points, points, {}, table=TABLE)
    after = (Between(first=2, last=3, history="none"),)
    with pytest.raises(UsageError, match="after the last of 2 dates"):
        compare(points, points, registered(points), after, table=TABLE)


@pytest.mark.parametrize("last", [100.0, 980.0, 1500.0, None])
@pytest.mark.parametrize("history", ["none", "unknown", "injected", "operated"])
def test_no_word_of_recovery(last: float | None, history: History) -> None:
    change = changed({L4L5: [Bulk(1000.0)]}, {} if last is None else {L4L5: [Bulk(last)]}, history=history)
    said = " ".join(
        [change.sentence, *(w for t in change.tracks for w in (t.verdict.words, *t.verdict.reasons))]
    )
    for word in ("recover", "heal", "cured", "better", "improve"):
        assert word not in said.casefold()
