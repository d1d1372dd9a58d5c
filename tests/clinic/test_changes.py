"""Stored comparisons in a course: what the record lets their verdicts be called, and where both contradict."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from resorb.change import History, Outcome
from resorb.clinic.changes import Changes, follow, read_changes
from resorb.clinic.files import read_course
from resorb.clinic.imaging import ImagingFinding, ImagingStudy
from resorb.clinic.record import Course
from resorb.clinic.review import review
from resorb.clinic.story.story import tell
from resorb.clinic.timeline.tracks import time_line
from resorb.clinic.treatment import Injection, Surgery
from resorb.errors import InputError
from tests.clinic.compared import FIRST, LAST, change

MODEL = read_course(Path(__file__).parents[2] / "examples" / "model_case.yaml").course
BETWEEN = date(2024, 3, 1)
OPERATED = Surgery(date=BETWEEN, procedure="discectomy", level="L4/L5", side="left")
INJECTED = Injection(date=BETWEEN, route="intradiscal", level="L4/L5")


def model(*treatments: Surgery | Injection, complete: bool = True) -> Course:
    """The model case with its comparison named."""
    update = {
        "changes": ("compared",),
        "treatments": (*MODEL.treatments, *treatments),
        "treatments_complete": complete,
    }
    return MODEL.model_copy(update=update)


def main(course: Course, changes: Changes) -> str:
    return tell(course, {}, changes=changes).text


def test_the_sentence_of_the_design_is_said_with_its_numbers() -> None:
    text = main(model(), {0: change()}).replace("\N{MINUS SIGN}", "-")
    assert text.startswith(
        "The herniation at L4/L5 left has regressed (812 mm³ on 2024-01-15; 204 mm³ on 2024-07-18; difference "
        "-608 mm³, 95 % interval -708 to -508), without an operation on or an injection into the disc in between; "
        "left leg pain is gone"
    )
    assert text.endswith(
        "weakness of grade 4 remains (great toe extension and ankle dorsiflexion, left; 2024-07-15)."
    )


def test_the_verdict_is_traced_to_the_comparison_and_stands_beside_what_forbids_to_call_it_recovery() -> None:
    story = tell(model(), {}, changes={0: change()})
    assert story.main[0].data[0].where == ("changes", 0) and "regressed" in story.main[0].data[0].value
    assert "does not tell who has recovered" in story.not_recovery
    assert story.not_compared == ()


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("resolved", "is no longer found on the images"),
        ("regressed", "has regressed"),
        ("unchanged", "is unchanged within measurement error"),
        ("grown", "has grown"),
        ("new", "is new"),
        ("recurrent", "has come back"),
        ("indeterminate", "cannot be told from the images"),
    ],
)
def test_every_verdict_is_said_as_plainly(verdict: Outcome, words: str) -> None:
    text = main(model(), {0: change(verdict)})
    assert words in text.split(";")[0] and "recover" not in text


def test_only_what_is_resolved_is_called_less_than_scans_can_show() -> None:
    below = "204 mm³ on 2024-07-18, less than such scans can show;"
    assert below in main(model(), {0: change("resolved")})
    assert "such scans can show" not in main(model(), {0: change("regressed")})


@pytest.mark.parametrize("told", ["none", "unknown", "operated"])
def test_after_an_operation_there_is_no_verdict(told: History) -> None:
    course = model(OPERATED)
    text = main(course, {0: change("regressed", history=told)})
    assert "was operated on between the images" in text and "regressed" not in text
    found = review(course, changes={0: change("regressed", history=told)}).contradictions
    assert [one.where for one in found] == ([] if told == "operated" else [("changes", 0)])


@pytest.mark.parametrize(
    ("treatments", "complete", "told", "said"),
    [
        ((), True, "none", "without an operation"),
        ((), True, "unknown", "without an operation"),
        ((), False, "none", "is not known"),
        ((), False, "unknown", "is not known"),
        ((INJECTED,), True, "none", "after an injection into the disc"),
        ((), True, "injected", "after an injection into the disc"),
        ((), False, "operated", "was operated on"),
    ],
)
def test_the_graver_history_decides_and_only_the_record_can_say_that_nothing_was_done(
    treatments: tuple[Injection, ...], complete: bool, told: History, said: str
) -> None:
    assert said in main(model(*treatments, complete=complete), {0: change(history=told)})


def test_what_only_the_comparison_knows_is_a_contradiction() -> None:
    (found,) = review(model(), changes={0: change(history="operated")}).contradictions
    assert found.where == ("changes", 0) and "lists nothing" in found.words


def test_a_comparison_on_the_other_side_is_named_as_a_swap() -> None:
    found = review(model(), changes={0: change(side="right")}).contradictions
    words = " ".join(one.words for one in found)
    assert "herniated to the left by radiologist's report, to the right by comparison 1" in words
    alone = model().model_copy(update={"studies": tuple(ImagingStudy(date=day) for day in (FIRST, LAST))})
    (swapped, *_) = review(alone, changes={0: change(side="right")}).contradictions
    assert "may be swapped" in swapped.words


def test_images_that_the_record_does_not_have_are_named() -> None:
    (found,) = review(model(), changes={0: change(days=(FIRST, date(2024, 9, 1)))}).contradictions
    assert "2024-09-01" in found.words and found.kind == "contradiction"


def test_a_report_without_a_herniation_that_the_comparison_finds_is_a_disagreement() -> None:
    none = MODEL.studies[1].model_copy(update={"findings": ()})
    course = model().model_copy(update={"studies": (MODEL.studies[0], none)})
    (said,) = tell(course, {}, changes={0: change()}).disagreements
    assert "2024-07-18" in said and "The report stands" in said
    assert tell(course, {}, changes={0: change("resolved", volumes=(812, 0))}).disagreements == ()


def test_a_level_without_a_herniation_is_followed_where_a_report_calls_it_one() -> None:
    text = main(model(), {0: change("unchanged", tracked=False)})
    assert text.startswith(
        "Displaced disc material at L4/L5, where the comparison found no herniation, is unchanged"
    )
    (said,) = tell(model(), {}, changes={0: change("unchanged", tracked=False)}).disagreements
    assert "2024-01-15" in said and "found no herniation" in said
    bulge = ImagingFinding(level="L4/L5", morphology="bulge")
    studies = tuple(one.model_copy(update={"findings": (bulge,)}) for one in MODEL.studies)
    quiet = model().model_copy(update={"studies": studies})
    assert follow(quiet, {0: change(tracked=False)}) == ()


def test_of_several_comparisons_the_one_that_reaches_furthest_speaks() -> None:
    early = change("grown", days=(FIRST, date(2024, 4, 1)))
    (one,) = follow(model(), {0: early, 1: change("regressed")})
    assert (one.number, one.verdict.value) == (1, "regressed")


def test_images_outside_the_comparison_are_said_not_to_be_compared() -> None:
    third = ImagingStudy(date=date(2024, 12, 1))
    course = model().model_copy(update={"studies": (*MODEL.studies, third)})
    (said,) = tell(course, {}, changes={0: change()}).not_compared
    assert "2024-12-01" in said


def test_the_time_line_shows_the_volumes_with_their_intervals() -> None:
    (series,) = time_line(model(), {}, {}, follow(model(), {0: change()})).volumes
    assert series.name == "L4/L5 left, compared"
    assert [(p.day, p.value, p.low, p.high) for p in series.points] == [
        (FIRST, 812, 722, 902),
        (LAST, 204, 114, 294),
    ]


def test_alerts_of_the_comparison_stand_beside_the_red_flags() -> None:
    reviewed = review(model(), changes={0: change(alerts=("look at once",))})
    assert reviewed.image_alerts == ("look at once",)


def test_a_comparison_is_read_from_its_folder_or_named_where_it_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "compared").mkdir()
    with pytest.raises(InputError, match="resorb compare"):
        read_changes(model(), tmp_path)
    file = tmp_path / "compared" / "change.json"
    file.write_text(change().to_json())
    assert read_changes(model(), tmp_path) == {0: change()}
    by_file = model().model_copy(update={"changes": ("compared/change.json",)})
    assert read_changes(by_file, tmp_path) == {0: change()}
    file.write_text("{}")
    with pytest.raises(InputError, match=r"change\.json"):
        read_changes(model(), tmp_path)
