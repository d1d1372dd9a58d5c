from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from resorb.clinic.imaging import ImagingFinding, ImagingStudy
from resorb.clinic.outlook import (
    GROUP,
    NO_HERNIATION,
    OPEN_FLAG,
    OutlookItem,
    outlook,
    suggest_rescan,
)
from resorb.clinic.record import Course, Onset
from resorb.clinic.red_flags import red_flags
from resorb.clinic.treatment import Surgery
from tests.clinic.courses import course, sensation, strength, visit

EXTRUSION = ImagingFinding(level="L4/L5", zone="paracentral", side="left", morphology="extrusion")
ONSET = date(2024, 3, 1)


def _items(given: Course, *findings: ImagingFinding) -> dict[str, OutlookItem]:
    return {item.id: item for item in outlook(given, findings, red_flags(given))}


def test_figures_are_those_that_were_published() -> None:
    items = _items(course(visit(strength=(strength("great_toe_extension", 4),))), EXTRUSION)
    assert "70 % of extrusions" in items["regression_extrusion"].statement
    assert "15 % of extrusions vanished" in items["complete_extrusion"].statement
    assert "38 % were still weak at 1 year, 25 % at 2 years" in items["suri_motor"].statement
    assert items["suri_motor"].denominator.startswith("95 ")
    assert "AUC 0.48" in items["mri_and_recovery"].statement
    assert "39 %" in items["peul_crossover"].statement


def test_every_item_says_what_does_not_apply_and_none_is_a_probability_of_the_patient() -> None:
    for item in _items(course(visit()), EXTRUSION).values():
        assert item.does_not_apply[-1] == GROUP
        assert item.denominator and item.time and item.definition and item.source
        assert not re.search(r"\b(your|this patient's) (chance|probability|risk)", item.statement)


def test_rows_are_chosen_by_what_the_patient_has() -> None:
    nothing = _items(course(visit(strength=(strength("great_toe_extension", 5),))))
    assert not {"suri_motor", "suri_sensory", "regression_all", "regression_extrusion"} & set(nothing)
    numb = _items(course(visit(sensation=(sensation("L5"),))))
    assert "suri_sensory" in numb and "suri_motor" not in numb
    assert {"regression_extrusion"} == {
        name for name in _items(course(visit()), EXTRUSION) if re.fullmatch("regression_(?!all).*", name)
    }


def test_without_a_morphology_all_are_listed_and_that_is_said() -> None:
    items = _items(course(visit()), ImagingFinding(level="L4/L5"))
    shown = [item for name, item in items.items() if re.fullmatch("regression_(?!all).*", name)]
    assert len(shown) == 4
    assert all(
        "No report or reading gives this patient's morphology" in item.does_not_apply[0] for item in shown
    )


@pytest.mark.parametrize(
    ("day", "said"),
    [(date(2024, 3, 20), "this patient was first seen after 2.7 weeks"), (date(2024, 5, 1), None)],
)
def test_the_duration_is_held_against_the_cohort(day: date, said: str | None) -> None:
    limits = " ".join(_items(course(visit(day=day)))["peul_recovery"].does_not_apply)
    assert (said in limits) if said else "first seen" not in limits


def test_grade_and_operation_are_held_against_the_cohort() -> None:
    weak = course(
        visit(strength=(strength("great_toe_extension", 4),)),
        treatments=(Surgery(date=date(2024, 4, 1), procedure="discectomy"),),
    )
    items = _items(weak, EXTRUSION)
    assert "MRC 0 to 3; this patient's lowest is 4" in " ".join(items["dubourg"].does_not_apply)
    assert "this patient was, on 2024-04-01" in " ".join(items["regression_extrusion"].does_not_apply)


def test_an_open_emergency_stands_before_every_figure() -> None:
    items = _items(course(visit({"bladder": "retention"})))
    assert items
    assert all(item.does_not_apply[0] == OPEN_FLAG for item in items.values())


def _scanned(*days: date, **given: Any) -> Course:
    return course(studies=tuple(ImagingStudy(date=day) for day in days), **given)


@pytest.mark.parametrize(
    ("studied", "suggested"),
    [
        ([date(2024, 3, 10)], date(2024, 7, 1)),  # four months after 1 March
        ([date(2024, 3, 10), date(2024, 7, 20)], date(2025, 1, 15)),  # ten and a half
        ([date(2024, 3, 10), date(2025, 6, 1)], None),
    ],
)
def test_the_next_decision_point(studied: list[date], suggested: date | None) -> None:
    rescan = suggest_rescan(_scanned(*studied), herniation=True)
    assert rescan.reason and rescan.source and "not of recovery" in rescan.caution
    if suggested is None:
        assert rescan.date is None
    else:
        assert rescan.date is not None
        assert abs((rescan.date - suggested).days) <= 1


def test_what_is_no_longer_seen_gets_no_date() -> None:
    gone = suggest_rescan(_scanned(date(2024, 3, 10), date(2024, 7, 20)), herniation=True, gone=True)
    assert gone.date is None and "no herniation any more" in gone.reason
    assert "cauda equina sign: at once" in gone.caution


def test_no_second_mri_without_a_herniation_or_after_an_operation() -> None:
    assert suggest_rescan(_scanned(date(2024, 3, 10)), herniation=False).date is None
    assert suggest_rescan(_scanned(), herniation=True).date is None
    operated = _scanned(
        date(2024, 3, 10), treatments=(Surgery(date=date(2024, 4, 1), procedure="discectomy"),)
    )
    assert suggest_rescan(operated, herniation=True).date is None


@pytest.mark.parametrize(
    ("symptoms", "waits"),
    [({"bladder": "altered"}, False), ({"pain_unmanageable": True}, False), ({"night_pain": True}, True)],
)
def test_no_date_is_suggested_while_a_red_flag_is_open(symptoms: dict[str, Any], waits: bool) -> None:
    given = course(visit(symptoms), studies=(ImagingStudy(date=date(2024, 3, 10)),))
    rescan = suggest_rescan(given, herniation=True, flags=red_flags(given))
    assert (rescan.date is not None) == waits
    assert waits or rescan.reason.startswith("a red flag is open")


def test_a_guessed_onset_makes_a_guessed_date() -> None:
    rescan = suggest_rescan(
        _scanned(date(2024, 3, 10), onset=Onset(date=ONSET, approximate=True)), herniation=True
    )
    assert "guess" in rescan.reason


def test_without_a_herniation_on_images_every_figure_says_so() -> None:
    seen = course(visit(strength=(strength("great_toe_extension", 4),)))
    assert all(NO_HERNIATION in item.does_not_apply for item in _items(seen).values())
    assert not any(NO_HERNIATION in item.does_not_apply for item in _items(seen, EXTRUSION).values())
