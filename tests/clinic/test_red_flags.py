from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from resorb.clinic.files import read_course
from resorb.clinic.imaging import ImagingStudy
from resorb.clinic.record import Course, History, Onset, Patient
from resorb.clinic.red_flags import SAFETY_NET, RedFlag, not_asked, red_flags
from resorb.clinic.scores import Odi, Rmdq, Scores
from tests.clinic.courses import course, leg_pain, reflex, sensation, sign, strength, visit

VIGNETTES = sorted((Path(__file__).parent / "vignettes").glob("*.yaml"))
LATER = date(2024, 6, 1)


def _flags(symptoms: dict[str, Any] | None = None, **examination: Any) -> list[RedFlag]:
    return list(red_flags(course(visit(symptoms, **examination))))


# Every value of every question that is not normal, and every test of the sacral roots.
@pytest.mark.parametrize(
    ("symptoms", "examination", "flag"),
    [
        ({"bladder": "altered"}, {}, "bladder"),
        ({"bladder": "retention"}, {}, "bladder"),
        ({"bladder": "incontinence"}, {}, "bladder"),
        ({"bowel": "altered"}, {}, "bowel"),
        ({"bowel": "incontinence"}, {}, "bowel"),
        ({"saddle_sensation": "reduced"}, {}, "saddle"),
        ({"saddle_sensation": "absent"}, {}, "saddle"),
        ({"sexual_function": "reduced"}, {}, "sexual"),
        ({"sexual_function": "lost"}, {}, "sexual"),
        ({"pain": (leg_pain(), leg_pain(side="right", nrs=1))}, {}, "bilateral_pain"),
        ({}, {"perianal_sensation": "reduced"}, "perianal"),
        ({}, {"perianal_sensation": "absent"}, "perianal"),
        ({}, {"sensation": (sensation("S4"),)}, "perianal"),
        ({}, {"rectal_tone": "reduced"}, "rectal_tone"),
        ({}, {"rectal_tone": "absent"}, "rectal_tone"),
        ({}, {"post_void_residual_ml": 101.0}, "residual"),
        ({}, {"post_void_residual_ml": 600.0}, "residual"),
        (
            {},
            {"strength": (strength("hip_flexion", 4), strength("ankle_plantarflexion", 4, "right"))},
            "bilateral_weakness",
        ),
        ({}, {"sensation": (sensation("L5"), sensation("S1", side="right"))}, "bilateral_sensation"),
        ({"paresthesias": ({"side": "left"}, {"side": "right"})}, {}, "bilateral_sensation"),
    ],
)
def test_any_cauda_equina_sign_is_an_emergency(
    symptoms: dict[str, Any], examination: dict[str, Any], flag: str
) -> None:
    (found,) = _flags(symptoms, **examination)
    assert (found.id, found.urgency) == (flag, "same_day_emergency")
    assert found.action.startswith("Same-day emergency")
    assert "weeks" not in found.action and "hours" not in found.action  # no countdown


@pytest.mark.parametrize(
    ("symptoms", "examination", "flag", "urgency"),
    [
        ({"pain_unmanageable": True}, {}, "pain", "urgent"),
        ({"weakness_progressing": True}, {}, "progressive", "urgent"),
        ({}, {"strength": (strength("ankle_dorsiflexion", 3),)}, "severe", "urgent"),
        ({}, {"strength": (strength("ankle_dorsiflexion", 0),)}, "severe", "urgent"),
        ({}, {"reflexes": (reflex("patellar", "clonus"),)}, "cord", "urgent"),
        ({}, {"tests": (sign("plantar_response"),)}, "cord", "urgent"),
        ({"fever": True}, {}, "fever", "urgent"),
        ({"unexplained_weight_loss": True}, {}, "weight_loss", "prompt"),
        ({"night_pain": True}, {}, "night_pain", "prompt"),
        ({}, {"spinal_tenderness": True}, "tenderness", "prompt"),
    ],
)
def test_other_flags(symptoms: dict[str, Any], examination: dict[str, Any], flag: str, urgency: str) -> None:
    (found,) = _flags(symptoms, **examination)
    assert (found.id, found.urgency) == (flag, urgency)
    assert found.action and found.source


def test_ordinary_radiculopathy_raises_none() -> None:
    assert not _flags(
        {"pain": (leg_pain(),), "bladder": "normal", "bowel": "constipation", "fever": False},
        strength=(strength("great_toe_extension", 4),),
        sensation=(sensation("L5"),),
        post_void_residual_ml=100.0,
    )


def test_what_was_known_before_and_how_it_began() -> None:
    def ids(history: dict[str, Any], trauma: str = "none", age: float = 50) -> set[str]:
        onset = Onset.model_validate({"date": date(2024, 3, 1), "trauma": trauma})
        return {
            f.id
            for f in red_flags(
                course(patient=Patient(age_years=age, history=History(**history)), onset=onset)
            )
        }

    assert ids({"cancer": True}) == {"cancer"}
    for name in ("immunosuppression", "intravenous_drug_use", "recent_infection"):
        assert ids({name: True}) == {"infection_risk"}
    assert ids({}, "major") == {"trauma"}
    assert ids({}, "minor") == set()
    assert ids({}, "minor", age=70) == {"trauma"}
    assert ids({"osteoporosis": True}, "minor") == {"trauma"}
    assert ids({"long_term_corticosteroids": True}, "minor") == {"trauma"}


def test_weakness_that_grows_between_visits_whatever_their_order() -> None:
    first = visit(strength=(strength("hip_abduction", 5), strength("ankle_dorsiflexion", 4)))
    second = visit(day=LATER, strength=(strength("hip_abduction", 4), strength("ankle_dorsiflexion", 4)))
    for visits in ((first, second), (second, first)):
        (flag,) = red_flags(course(*visits))
        assert flag.id == "progressive" and flag.date == LATER
        assert "MRC 5 on 2024-03-20, now 4" in flag.finding
    assert not red_flags(course(first, visit(day=LATER, strength=(strength("ankle_dorsiflexion", 5),))))


def test_the_gravest_comes_first_and_an_earlier_one_stays() -> None:
    first = visit({"saddle_sensation": "reduced", "night_pain": True})
    last = visit({"saddle_sensation": "normal", "pain_unmanageable": True}, day=LATER)
    flags = red_flags(course(first, last, patient=Patient(history=History(cancer=True))))
    assert [(f.id, f.latest) for f in flags] == [
        ("saddle", False),
        ("pain", True),
        ("cancer", True),
        ("night_pain", False),
    ]


@pytest.mark.parametrize("path", VIGNETTES, ids=lambda path: path.stem)
def test_neither_scores_nor_images_soften_a_flag(path: Path) -> None:
    given = read_course(path).course
    perfect = Scores(odi=Odi(total=0), rmdq=Rmdq(total=0))
    softened: Course = given.model_copy(
        update={
            "visits": tuple(one.model_copy(update={"scores": perfect}) for one in given.visits),
            "studies": (ImagingStudy(date=LATER, findings=()),),
        }
    )
    assert red_flags(softened) == red_flags(given)


def test_what_was_not_asked_is_listed_and_nothing_is_excluded() -> None:
    assert not_asked(visit()) == (
        "bladder",
        "bowel",
        "saddle_sensation",
        "sexual_function",
        "perianal_sensation",
    )
    assert not_asked(visit({"bladder": "normal"}, perianal_sensation="normal")) == (
        "bowel",
        "saddle_sensation",
        "sexual_function",
    )
    assert "does not mean that there is none" in SAFETY_NET
    assert "same day" in SAFETY_NET
