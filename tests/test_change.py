"""Stored changes: what goes out comes back, what contradicts itself is refused, and what was done is never guessed."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from resorb.change import Between, Change, Dated, LevelChange, Track, Verdict, history_of
from resorb.errors import InputError
from resorb.reading import Quantity

SAME = Verdict(first=1, last=2, value="unchanged", words="unchanged")


def dated(number: int, day: date | None = None) -> Dated:
    return Dated(
        number=number, date=day, study_sha256=f"{number}" * 64, series="1", spacing_mm=(4.0, 0.5, 0.5)
    )


def volumes(*values: float | None) -> dict[str, tuple[Quantity, ...]]:
    return {"volume_mm3": tuple(Quantity(value=v, reason="" if v is not None else "cropped") for v in values)}


def track(identifier: str = "L4-L5-1", *values: float | None) -> Track:
    return Track(
        identifier=identifier,
        level="L4/L5",
        herniations=((1,), (1,)),
        quantities=volumes(*(values or (900.0, 300.0))),
        verdict=SAME,
    )


def change(**others: Any) -> Change:
    level = LevelChange(
        level="L4/L5", registered_by="vertebrae", quantities=volumes(900.0, 300.0), verdict=SAME
    )
    parts: dict[str, Any] = {
        "resorb_version": "1.2.3",
        "dates": (dated(1, date(2024, 1, 15)), dated(2, date(2024, 7, 18))),
        "levels": (level,),
        "tracks": (track(),),
    }
    return Change(**{**parts, **others})


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(one=numbers, two=numbers)
def test_what_is_written_comes_back(one: float | None, two: float | None) -> None:
    record = change(tracks=(track("a", one, two),))
    assert Change.from_json(record.to_json()) == record


def test_the_file_says_what_it_is() -> None:
    record = json.loads(change().to_json())
    assert (record["kind"], record["schema_version"]) == ("change", 1)
    assert "Research use only" in record["statement"]
    assert "not recovery" in record["not_recovery"] and "0.48" in record["not_recovery"]
    assert "tumour" in record["not_assessed"]


def test_a_level_is_found_by_name() -> None:
    assert change().at("L4/L5").registered_by == "vertebrae"
    with pytest.raises(KeyError, match="L5/S1"):
        change().at("L5/S1")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"dates": (dated(1),)}, "at least 2"),
        ({"dates": (dated(1), dated(3))}, "not numbered from 1"),
        ({"tracks": (track("a"), track("a"))}, "same identifier"),
        ({"dates": (dated(1), dated(2), dated(3))}, "2 values for 3 dates"),
    ],
)
def test_a_change_that_contradicts_itself_is_refused(others: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        change(**others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "not valid JSON"),
        ('{"kind": "reading"}', "not a resorb change"),
        ('{"kind": "change", "schema_version": 2}', "update resorb"),
        ('{"kind": "change", "schema_version": 1}', "invalid"),
    ],
)
def test_what_is_no_change_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Change.from_json(text)


def test_what_was_done_is_unknown_until_it_is_said() -> None:
    assert history_of((), "L4/L5", 1, 2) == "unknown"
    none = Between(first=1, last=2, history="none")
    assert history_of((none,), "L4/L5", 1, 2) == "none"
    assert history_of((none,), "L4/L5", 1, 3) == "unknown"  # nothing is said of the time after


def test_the_gravest_counts_and_only_at_its_disc() -> None:
    told = (
        Between(first=1, last=2, history="none"),
        Between(first=1, last=2, history="operated", levels=("L4/L5",)),
        Between(first=2, last=3, history="injected"),
    )
    assert history_of(told, "L4/L5", 1, 3) == "operated"
    assert history_of(told, "L5/S1", 1, 2) == "none"
    assert history_of(told, "L5/S1", 1, 3) == "injected"
    # That one disc was operated on says nothing of what was done to another.
    assert history_of(told[1:2], "L5/S1", 1, 2) == "unknown"


def test_between_speaks_of_neighbours() -> None:
    with pytest.raises(ValidationError, match="no neighbours"):
        Between(first=1, last=3, history="none")
