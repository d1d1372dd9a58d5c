from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from resorb.clinic.files import read_course
from resorb.clinic.imaging import ImagingFinding, ImagingStudy
from resorb.clinic.record import Course
from resorb.clinic.review import Review, read_readings, review
from resorb.clinic.symptoms import Symptoms
from resorb.errors import InputError
from resorb.reading import QUANTITIES, RESEARCH_USE, DiscReading, Quantity, Reading
from tests.clinic.courses import course, courses, sensation, strength, visit

MODEL = Path(__file__).parents[2] / "examples" / "model_case.yaml"
IMAGED = date(2024, 3, 25)


@pytest.fixture(scope="module")
def model() -> Review:
    return review(read_course(MODEL))


def test_the_model_case_is_l5_from_both_sides_in_agreement(model: Review) -> None:
    first = model.visits[0]
    assert [(one.side, one.words) for one in first.opinions] == [("left", "L5")]
    assert [one.words for one in model.imaging] == ["L5 left"]
    assert model.comparisons[0].verdict == "agree"
    assert first.mimics == ()


def test_the_model_case_six_months_later(model: Review) -> None:
    last = model.visits[-1]
    assert (last.pain.left_leg, last.pain.back) == (0.0, 1.0)
    weak = {p.words for one in last.opinions for p in one.pointers}
    assert weak == {
        "great toe extension (extensor hallucis longus) MRC 4",
        "ankle dorsiflexion (anterior leg compartment) MRC 4",
    }
    assert [one.study_date for one in model.comparisons] == [date(2024, 1, 15)], (
        "the second MRI has no findings"
    )
    assert last.opioids.mme == 0.0
    assert model.visits[0].opioids.mme == pytest.approx(45.0)  # 30 mg of oxycodone


def test_the_model_case_was_not_operated_and_its_scores_fall(model: Review) -> None:
    assert [(one.level, one.history) for one in model.disc_histories] == [("L4/L5", "none")]
    odi = [next(s.value for s in one.scores if s.name == "odi") for one in model.visits]
    assert odi == [pytest.approx(100 * n / 45) for n in (29, 12, 3)]


def test_a_severe_deficit_of_the_first_visit_stays_in_sight(model: Review) -> None:
    (flag,) = model.red_flags
    assert (flag.id, flag.latest) == ("severe", False)


def test_red_flags_come_first_and_json_reads_back(model: Review) -> None:
    stored = json.loads(model.to_json())
    first = ["kind", "schema_version", "statement", "red_flags", "safety_net", "image_alerts"]
    assert list(stored)[:6] == first
    assert stored["statement"] == RESEARCH_USE
    assert Review.model_validate_json(model.to_json()) == model


@given(one=courses())
@settings(max_examples=15, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_schema_allows_is_reviewed(one: Course) -> None:
    reviewed = review(one)
    assert Review.model_validate_json(reviewed.to_json()) == reviewed
    assert {flag.date for flag in reviewed.red_flags} <= {None, *(seen.date for seen in one.visits)}


def test_another_mri_is_suggested_only_while_the_newest_one_that_was_described_shows_a_herniation() -> None:
    seen, gone = (ImagingFinding(level="L4/L5", side="left"),), ()
    first = ImagingStudy(date=date(2024, 3, 10), findings=seen)
    for last, suggested in ((seen, True), (gone, False), (None, True)):
        later = ImagingStudy(date=date(2024, 7, 20), findings=last)
        # The order in the file does not matter; a study that nobody described says nothing.
        rescan = review(course(visit(), studies=(later, first))).rescan
        assert (rescan.date is not None) == suggested


def test_a_level_named_as_normal_is_no_herniation() -> None:
    normal = ImagingFinding(level="L4/L5", morphology="none", source="report")
    reviewed = review(_with_reading("first", normal))
    assert reviewed.imaging == ()
    assert reviewed.comparisons[0].verdict == "not_comparable"


def test_a_course_without_visits_or_studies_is_reviewed_too() -> None:
    empty = review(course())
    assert empty.visits == () and empty.comparisons == ()
    assert empty.safety_net
    assert any("no visit" in said for said in empty.warnings)
    assert any("may be called spontaneous" in said for said in empty.warnings)


def test_visits_are_put_in_order_and_the_nearest_examined_one_is_compared() -> None:
    l5: dict[str, Any] = {"strength": (strength("great_toe_extension", 4),), "sensation": (sensation("L5"),)}
    far = visit(day=date(2024, 8, 1), **l5)
    near = visit(day=date(2024, 4, 1), **l5)
    asked_only = visit(day=IMAGED).model_copy(update={"symptoms": Symptoms(bladder="normal")})
    study = ImagingStudy(
        date=IMAGED, findings=(ImagingFinding(level="L4/L5", zone="paracentral", side="left"),)
    )
    reviewed = review(course(far, asked_only, near, studies=(study,)))
    assert [one.date for one in reviewed.visits] == [IMAGED, near.date, far.date]
    assert [one.visit_date for one in reviewed.comparisons] == [near.date]


def _reading(side: str, day: date = IMAGED) -> Reading:
    disc = DiscReading.model_validate(
        {
            "level": "L4/L5",
            "flags": ("displaced", "focal"),
            "side": side,
            **{name: Quantity(value=1.0) for name in QUANTITIES},
        }
    )
    return Reading(
        resorb_version="0.1.0",
        study_sha256="0",
        study_date=day,
        series="1",
        segmented_by="mask",
        level_naming="sacrum",
        discs=(disc,),
    )


def _with_reading(path: str, *findings: ImagingFinding) -> Course:
    l5 = visit(strength=(strength("great_toe_extension", 4),), sensation=(sensation("L5"),))
    return course(l5, studies=(ImagingStudy(date=IMAGED, reading=path, findings=findings or None),))


def test_stored_readings_are_found_beside_the_record(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "reading.json").write_text(_reading("left").to_json(), encoding="utf-8")
    for path in ("first", "first/reading.json"):
        case = _with_reading(path)
        reviewed = review(case, read_readings(case, tmp_path))
        assert [one.words for one in reviewed.imaging] == ["L5 left or L4 left"]
        assert reviewed.comparisons[0].verdict == "agree"
        assert any("in which zone" in one.words for one in reviewed.comparisons[0].would_settle)


def test_a_report_says_the_zone_that_a_reading_leaves_open() -> None:
    told = ImagingFinding(level="L4/L5", zone="paracentral", side="left", source="report")
    reviewed = review(_with_reading("first", told), {0: _reading("left")})
    assert [one.words for one in reviewed.imaging] == ["L5 left"]
    swapped = review(_with_reading("first", told), {0: _reading("right")})
    assert any("to the left by report" in one.words for one in swapped.contradictions)


def test_a_reading_of_another_date_is_noticed() -> None:
    reviewed = review(_with_reading("first"), {0: _reading("left", date(2023, 1, 1))})
    assert any("one of the dates is wrong" in said for said in reviewed.warnings)


def test_readings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    case = _with_reading("none")
    with pytest.raises(InputError, match="none cannot be read; run `resorb read`"):
        read_readings(case, tmp_path)
    (tmp_path / "none").write_text("{}")
    with pytest.raises(InputError, match="none: this JSON file is not a resorb reading"):
        read_readings(case, tmp_path)
