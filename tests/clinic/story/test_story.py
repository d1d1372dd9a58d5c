"""The sentences of a course: what they say, what they never say, and what they rest on."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.course import reading
from resorb.clinic.files import read_course
from resorb.clinic.imaging import ImagingFinding, ImagingStudy
from resorb.clinic.record import Course
from resorb.clinic.story.story import Story, tell
from resorb.clinic.symptoms import Pain
from resorb.clinic.treatment import Surgery
from resorb.reading import Quantity, Reading
from tests.clinic.courses import course, courses, leg_pain, sensation, sign, strength, visit

MODEL = Path(__file__).parents[3] / "examples" / "model_case.yaml"
ONE, TWO, THREE = date(2024, 3, 20), date(2024, 6, 20), date(2024, 9, 20)
#: Nothing in a record without a comparison supports these words.
FORBIDDEN = re.compile(
    r"regress|resorb(ed|s|ing)|resorption|resolv|spontan|vanish|shr[aiu]nk|heal|smaller|larger"
)


@pytest.fixture(scope="module")
def model() -> Story:
    record = read_course(MODEL)
    return tell(record.course, {}, record.lines)


def test_the_model_case_is_told_in_one_sentence(model: Story) -> None:
    assert model.text == (
        "The MRI report of 2024-01-15 describes a left paracentral extrusion at L4/L5 (compression of the root); "
        "left leg pain is gone (NRS 0 on 2024-07-15, NRS 9 on 2024-01-10); "
        "weakness of grade 4 remains (great toe extension and ankle dorsiflexion, left; 2024-07-15)."
    )
    assert "does not tell who has recovered" in model.not_recovery
    (said,) = model.not_compared
    assert "not compared" in said and "No change of the herniation is claimed" in said


def test_each_clause_leads_to_the_line_of_the_record_that_it_rests_on(model: Story) -> None:
    lines = MODEL.read_text("utf-8").splitlines()
    pain = next(clause for clause in model.main if clause.topic == "pain")
    assert [(d.date, d.value) for d in pain.data] == [
        (date(2024, 7, 15), "NRS 0"),
        (date(2024, 1, 10), "NRS 9"),
    ]
    written = {d.value: lines[d.line - 1] for d in pain.data if d.line}
    assert "nrs: 0" in written["NRS 0"] and "nrs: 9" in written["NRS 9"]
    weak = next(clause for clause in model.main if clause.topic == "strength")
    for datum in weak.data:
        assert datum.line is not None
        assert f"mrc: {datum.value.removeprefix('MRC ')}" in lines[datum.line - 1]
        assert datum.field.split(",")[0].replace(" ", "_") in lines[datum.line - 1]
    assert pain.data[0].place == "visits 3, symptoms, pain 2, nrs"


def test_what_was_not_graded_again_is_said_to_be_so(model: Story) -> None:
    (clause,) = [clause for clause in model.further if clause.topic == "strength"]
    assert clause.words == (
        "weakness of grade 4 was not graded again (hip abduction and ankle inversion, left; 2024-01-10)"
    )


@given(one=courses())
@settings(max_examples=25, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_without_readings_no_word_for_a_change_of_the_images_is_used_and_all_is_traced(one: Course) -> None:
    story = tell(one, {})
    stored = one.model_dump()
    for clause in (*story.main, *story.further, *story.images):
        assert not FORBIDDEN.search(clause.words), clause.words
        assert "recover" not in clause.words
        assert clause.data
        for datum in clause.data:
            part: Any = stored
            for step in datum.where:
                part = part[step]  # KeyError: the trace leads nowhere
            assert datum.line is None
    assert bool(story.not_recovery) == bool(story.images)
    assert bool(story.not_compared) == (len(one.studies) > 1)


def imaged(*days: date, **given: Any) -> Course:
    return course(studies=tuple(ImagingStudy(date=day) for day in days), **given)


def test_two_intervals_apart_support_smaller_and_larger() -> None:
    course_ = imaged(ONE, TWO)
    for first, second, word in ((900, 300, "smaller"), (300, 900, "larger")):
        story = tell(course_, {0: reading(ONE, first), 1: reading(TWO, second)})
        assert story.main[-1].words == f"at L4/L5 the measured volume is {word} on {TWO} than on {ONE}"
        assert {datum.where for datum in story.main[-1].data} == {("studies", n, "reading") for n in (0, 1)}
        assert "nothing more" in story.not_compared[0]
    assert "volume behind the line 300 mm³ (95 % interval 200 to 400)" in story.main[0].words


def _uncalibrated(of: Reading) -> Reading:
    (disc,) = of.discs
    bare = Quantity(value=disc.volume_mm3.value)
    return of.model_copy(update={"discs": (disc.model_copy(update={"volume_mm3": bare}),)})


def test_overlapping_or_missing_intervals_support_no_word() -> None:
    touching = {0: reading(ONE, 500), 1: reading(TWO, 301)}
    bare = {0: _uncalibrated(reading(ONE, 2000)), 1: _uncalibrated(reading(TWO, 10))}
    for readings in (touching, bare):
        story = tell(imaged(ONE, TWO), readings)
        assert not FORBIDDEN.search(story.text)
        assert "no word for the difference" in story.not_compared[1]


def test_of_many_readings_the_sentence_compares_the_ends_and_the_images_every_pair() -> None:
    readings = {
        n: reading(day, volume) for n, (day, volume) in enumerate([(ONE, 900), (TWO, 950), (THREE, 200)])
    }
    story = tell(imaged(ONE, TWO, THREE), readings)
    assert f"smaller on {THREE} than on {ONE}" in story.text
    assert [c.words for c in story.images if len(c.data) > 1] == [
        f"at L4/L5 the measured volume is smaller on {THREE} than on {TWO}"
    ]


def test_a_report_and_a_reading_that_differ_are_both_said_and_the_report_stands() -> None:
    reported = ImagingFinding(level="L5/S1", side="right", morphology="protrusion", source="report")
    study = ImagingStudy(date=ONE, findings=(reported,))
    found = reading(ONE, 500)
    (disc,) = found.discs
    flat = disc.model_copy(update={"level": "L5/S1", "flags": ()})
    story = tell(course(studies=(study,)), {0: found.model_copy(update={"discs": (disc, flat)})})
    missed, more = story.disagreements
    assert "L5/S1: the report describes a herniation, resorb read no focal" in missed
    assert "L4/L5: resorb read focal displaced disc material that the report does not describe" in more
    assert all("The report stands" in line for line in story.disagreements)


def test_displaced_material_is_called_focal_only_where_the_reading_does() -> None:
    found = reading(ONE, 500)
    (disc,) = found.discs
    study = ImagingStudy(date=ONE, findings=(ImagingFinding(level="L4/L5", source="report"),))
    for flags, words in (
        (("displaced", "focal"), "displaced disc material that is focal"),
        (("displaced",), "displaced disc material not shown to be focal"),
        ((), "no displaced disc material"),
    ):
        one = found.model_copy(update={"discs": (disc.model_copy(update={"flags": flags}),)})
        assert f"resorb read {words} at L4/L5 on {ONE}" in tell(course(studies=(study,)), {0: one}).text


def test_an_operation_stands_in_the_sentence() -> None:
    operated = Surgery(date=TWO, procedure="discectomy", level="L4/L5")
    story = tell(imaged(ONE, THREE, treatments=(operated,)), {0: reading(ONE, 900), 1: reading(THREE, 100)})
    assert f"operated on {TWO} (discectomy at L4/L5)" in story.text


def said(*visits: Any) -> list[str]:
    story = tell(course(*visits), {})
    return [clause.words for clause in (*story.main, *story.further)]


TOE = "great_toe_extension"


@pytest.mark.parametrize(
    ("grades", "words"),
    [
        ((4,), "weakness of grade 4 was found"),
        ((3, 4), "weakness of grade 4 remains"),
        ((4, 4), "weakness of grade 4 remains"),
        ((4, 2), "weakness has grown from grade 4 to grade 2"),
        ((5, 4), "weakness has grown from grade 5 to grade 4"),
        ((3, 5), "strength is full again"),
        ((0, 0), "weakness of grade 0 remains"),
    ],
)
def test_strength_in_words(grades: tuple[int, ...], words: str) -> None:
    days = (ONE, TWO)
    visits = [visit(day=day, strength=(strength(TOE, mrc),)) for day, mrc in zip(days, grades, strict=False)]
    day = days[len(grades) - 1]
    assert said(*visits) == [f"{words} (great toe extension, left; {day})"]


def test_strength_that_was_never_less_than_full_is_not_mentioned() -> None:
    assert said(visit(strength=(strength(TOE, 5),))) == []


@pytest.mark.parametrize(
    ("later", "words"),
    [
        ((leg_pain(nrs=0),), f"left leg pain is gone (NRS 0 on {TWO}, NRS 6 on {ONE})"),
        ((), f"left leg pain is gone (asked, and none on {TWO}, NRS 6 on {ONE})"),
        ((leg_pain(nrs=8),), f"left leg pain is rated 8 of 10 on {TWO} (NRS 6 on {ONE})"),
        ((Pain(site="back", nrs=0),), f"left leg pain is not listed on {TWO} (NRS 6 on {ONE})"),
        (
            (Pain(site="leg", side="left"),),
            f"left leg pain is there on {TWO}, without a rating (NRS 6 on {ONE})",
        ),
        (None, f"left leg pain is rated 6 of 10 on {ONE}"),
    ],
)
def test_leg_pain_in_words(later: Any, words: str) -> None:
    first = visit({"pain": (leg_pain(),)}, day=ONE)
    assert said(first, visit({"pain": later}, day=TWO)) == [words]


def test_signs_that_are_left_open_are_said_to_be_so() -> None:
    first = visit(day=ONE, sensation=(sensation("L5"),), tests=(sign("straight_leg_raise"),))
    second = visit(day=TWO, tests=(sign("straight_leg_raise", result="negative"),))
    assert said(first, second) == [
        f"sensation in L5, left: light touch reduced on {ONE}, and not examined again",
        f"straight leg raise, left: negative on {TWO}, positive on {ONE}",
    ]
