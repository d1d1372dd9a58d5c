from __future__ import annotations

import json
from datetime import date
from importlib import resources

import pytest
from pydantic import ValidationError

from resorb.clinic.record import Course, Onset, Patient, json_schema
from tests.clinic.courses import course


def test_the_published_schema_is_current() -> None:
    stored = resources.files("resorb.clinic").joinpath("course.schema.json").read_text("utf-8")
    assert json.loads(stored) == json_schema()


def test_none_and_an_empty_list_stay_apart_in_json() -> None:
    stored = json.loads(course(studies=()).to_json())
    assert stored["studies"] == []
    assert "patient" not in stored or "age_years" not in stored["patient"]
    assert "note" not in stored


def test_there_is_no_room_for_a_name() -> None:
    with pytest.raises(ValidationError):
        Patient(pseudonym="Jane Doe")
    with pytest.raises(ValidationError):
        Patient.model_validate({"name": "Jane"})


@pytest.mark.parametrize("day", ["2024-02-30", "15.01.2024", "20240115", 20240115, 1705276800, "1812-01-01"])
def test_a_date_is_a_day_of_the_calendar(day: object) -> None:
    with pytest.raises(ValidationError):
        Onset.model_validate_json(json.dumps({"date": day}))


def test_yes_and_no_are_taken_and_numbers_are_not() -> None:
    assert Onset.model_validate_json('{"date": "2024-01-15", "approximate": "yes"}').approximate is True
    for answer in ('"maybe"', "1", "0", '"y"'):
        with pytest.raises(ValidationError):
            Onset.model_validate_json(f'{{"date": "2024-01-15", "approximate": {answer}}}')


def test_a_course_reads_back_what_it_wrote() -> None:
    one = course(patient=Patient(age_years=57), treatments_complete=True)
    assert Course.model_validate_json(one.to_json()) == one
    assert one.onset.date == date(2024, 3, 1)
