from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from resorb.clinic.consistency import Contradiction, contradictions
from resorb.clinic.files import parse_course
from resorb.clinic.imaging import ImagingFinding, ImagingStudy
from resorb.clinic.record import Course, Onset, Visit
from resorb.clinic.review import review
from resorb.clinic.scores import Odi, Rmdq, Scores
from resorb.clinic.treatment import Dose, OpioidTreatment, Physiotherapy
from tests.clinic.courses import DAY, course, leg_pain, reflex, sensation, sign, strength, visit

MODEL = (Path(__file__).parents[2] / "examples" / "model_case.yaml").read_text("utf-8")
START, END = date(2024, 3, 10), date(2024, 4, 10)


def _only(given: Course, **more: Any) -> Contradiction:
    (found,) = contradictions(given, **more)
    return found


def test_the_model_case_is_consistent() -> None:
    assert review(parse_course(MODEL, "model_case.yaml")).contradictions == ()


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (course(visit(day=date(2024, 2, 1))), "impossible", "the visit on 2024-02-01 lies before the onset"),
        (
            course(onset=Onset(date=date(2024, 3, 1), leg_symptoms_date=date(2024, 2, 1))),
            "impossible",
            "leg symptoms began on 2024-02-01, before the onset",
        ),
        (course(visit(), visit()), "doubt", "two visits bear the date"),
        (
            course(studies=(ImagingStudy(date=date(2024, 1, 1)),)),
            "doubt",
            "the study on 2024-01-01 lies before",
        ),
        (
            course(treatments=(Physiotherapy(start=date(2024, 1, 1)),)),
            "doubt",
            "starts on 2024-01-01, before",
        ),
        (
            course(visit(strength=(strength("hip_flexion", 4), strength("hip_flexion", 5)))),
            "contradiction",
            "hip flexion left is given twice",
        ),
        (
            course(visit(reflexes=(reflex("achilles", "absent"), reflex("achilles", "normal")))),
            "contradiction",
            "achilles reflex left is given twice",
        ),
        (
            course(visit(tests=(sign("slump"), sign("slump", result="negative")))),
            "contradiction",
            "slump left is given twice",
        ),
        (
            course(visit(sensation=(sensation("L5"), sensation("L5", "normal")))),
            "contradiction",
            "sensation L5 left is given twice",
        ),
        (
            course(visit({"saddle_sensation": "normal"}, perianal_sensation="absent")),
            "contradiction",
            "the finding counts",
        ),
        (
            course(visit({"pain": (leg_pain(),)}, tests=(sign("crossed_straight_leg_raise", "left"),))),
            "doubt",
            "which is the one without pain",
        ),
        (
            course(visit({"pain": (leg_pain(),)}), visit({"pain": (leg_pain(side="right"),)}, day=END)),
            "doubt",
            "leg pain is on the right on 2024-04-10, and was on the left",
        ),
    ],
)
def test_what_cannot_be_is_named(given: Course, kind: str, said: str) -> None:
    found = _only(given)
    assert found.kind == kind
    assert said in found.words


def _scored(scores: Scores) -> Course:
    return course(Visit(date=DAY, scores=scores))


def test_a_total_is_held_against_its_answers() -> None:
    found = _only(_scored(Scores(odi=Odi(items=(2,) * 10, total=60))))
    assert "odi is given as 60, but the answers make 40.0" in found.words
    assert found.where == ("visits", 0, "scores", "odi", "total")
    rounded = Odi(items=(2, 2, 2, 2, 2, 2, 2, None, 2, 0), total=36)  # 35.56
    assert contradictions(_scored(Scores(odi=rounded, rmdq=Rmdq(total=3)))) == ()


def _opioid(*doses: Dose) -> Course:
    return course(treatments=(OpioidTreatment(drug="morphine", start=START, end=END, doses=doses),))


def test_doses_lie_within_their_treatment_and_do_not_overlap() -> None:
    outside = _only(_opioid(Dose(start=date(2024, 3, 5), end=END, daily_mg=10)))
    assert "outside the treatment's own dates" in outside.words
    overlapping = _opioid(Dose(start=START, end=END, daily_mg=10), Dose(start=END, end=END, daily_mg=5))
    assert "overlap" in _only(overlapping).words
    following = _opioid(
        Dose(start=START, end=date(2024, 3, 20), daily_mg=10),
        Dose(start=date(2024, 3, 21), end=END, daily_mg=5),
    )
    assert contradictions(following) == ()


def _finding(side: Any, source: str = "report", zone: Any = "paracentral") -> ImagingFinding:
    return ImagingFinding(level="L4/L5", zone=zone, side=side, source=source)


def test_sides_are_held_against_the_images() -> None:
    given = course(visit({"pain": (leg_pain(),)}, strength=(strength("great_toe_extension", 4),)))
    swapped = _only(given, findings=[(0, [_finding("right")])])
    assert swapped.kind == "contradiction"
    assert (
        "every symptom and sign is on the left, every herniation of the images on the right" in swapped.words
    )
    assert contradictions(given, [(0, [_finding("left")])]) == ()
    assert contradictions(given, [(0, [_finding("left"), _finding("right")])]) == ()
    assert contradictions(given, [(0, [_finding("midline", zone="central")])]) == ()
    both = course(visit({"pain": (leg_pain(),), "paresthesias": ({"side": "right"},)}))
    assert contradictions(both, [(0, [_finding("right")])]) == ()


def test_a_report_is_held_against_a_reading() -> None:
    found = _only(course(), findings=[(0, [_finding("left"), _finding("right", "resorb 0.1.0")])])
    assert "to the left by report, to the right by resorb 0.1.0" in found.words


@pytest.mark.parametrize(
    ("before", "after", "line_of"),
    [
        ("date: 2024-04-08", "date: 2023-04-08", "date: 2023-04-08"),
        ("level: L4/L5\n        zone: paracentral\n        side: left", None, "- date: 2024-01-15"),
    ],
)
def test_the_line_is_named(before: str, after: str | None, line_of: str) -> None:
    text = MODEL.replace(before, after or before.replace("left", "right"), 1)
    line = text[: text.index(line_of)].count("\n") + 1
    found = review(parse_course(text, "model_case.yaml")).contradictions
    assert line in {one.line for one in found}
