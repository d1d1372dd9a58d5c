"""The sections of the course's page, red flags first."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from resorb.clinic.changes import Followed
from resorb.clinic.report.record import CourseReport
from resorb.clinic.report.section import ClinicSection
from resorb.clinic.review import Review, VisitReview
from resorb.clinic.story.clause import Clause, Datum, visits_by_date
from resorb.clinic.story.doubts import contradiction_words, mimic_words, not_asked_words
from resorb.clinic.story.flags import NO_FLAG, alarms
from resorb.clinic.story.imaging import MODALITIES, studies_by_date
from resorb.clinic.story.symptoms import SCORE_NAMES
from resorb.clinic.story.treatments import treatment_words

TOPICS = {
    "recovery": "Recovery",
    "motor": "Strength",
    "sensory": "Sensation",
    "resorption": "What becomes of the herniation",
    "surgery": "Operated after all",
    "imaging": "Images and recovery",
    "predictor": "What was associated with the outcome",
    "prevalence": "How common it is",
}
VERDICTS = {
    "agree": "findings and images agree",
    "partly": "findings and images agree in part",
    "disagree": "findings and images do not agree",
    "other_side": "the roots agree, the side does not",
    "not_comparable": "not comparable",
}
HISTORIES = {
    "none": "no operation and no injection into the disc, and the list is said to be complete",
    "injected": "injected: no change may be called spontaneous",
    "operated": "operated: no change may be called spontaneous, and later images show an operated disc",
    "unknown": "not known (the list is not said to be complete): no change may be called spontaneous",
}


def sections(
    report: CourseReport,
    figure: str,
    quoted: Mapping[int, Sequence[str]],
    followed: Sequence[Followed] = (),
) -> tuple[ClinicSection, ...]:
    """Every section of the page, in order.

    Args:
        figure: the time line as SVG.
        quoted: the finding of each stored reading in its own report's words, by the position of its study.
        followed: the herniations of the stored comparisons.
    """
    numbers = _numbers(report)
    return (
        flags(report.review),
        words(report, numbers),
        time_line(figure),
        images(report, numbers, quoted, followed),
        roots(report.review),
        outlook(report.review),
        scores(report),
        treatments(report),
        sources(numbers),
        doubts(report),
        ClinicSection("Limits", "limits", "limits.html", {"report": report}),
    )


def flags(review: Review) -> ClinicSection:
    """What must not wait; and, always, what the absence of a flag does not mean."""
    values = {
        "alarms": alarms(review.red_flags),
        "image_alerts": review.image_alerts,
        "no_flag": NO_FLAG,
        "safety_net": review.safety_net,
        "not_asked": not_asked_words(review),
    }
    return ClinicSection("Red flags", "red-flags", "flags.html", values)


def words(report: CourseReport, numbers: Mapping[Datum, int]) -> ClinicSection:
    """The course in sentences, each clause with the numbers of the entries that it rests on."""
    story, review = report.story, report.review
    values = {
        "main": _marked(story.main, numbers),
        "further": _marked(story.further, numbers),
        "not_recovery": story.not_recovery,
        "open": (
            *contradiction_words(review),
            *mimic_words(review),
            *story.not_compared,
            *story.disagreements,
        ),
        "note": report.course.note,
        "doubts": len(review.contradictions) + len(review.warnings) + len(report.notes),
    }
    return ClinicSection("The course in words", "words", "words.html", values)


def time_line(figure: str) -> ClinicSection:
    """The figure, as a picture that carries everything in it."""
    uri = "data:image/svg+xml;base64," + base64.b64encode(figure.encode()).decode("ascii")
    return ClinicSection("Time line", "time-line", "timeline.html", {"figure": uri})


def images(
    report: CourseReport,
    numbers: Mapping[Datum, int],
    quoted: Mapping[int, Sequence[str]],
    followed: Sequence[Followed],
) -> ClinicSection:
    """Each study: what its report says, what its reading says in its own words, and its note; then what was compared.

    The words of a comparison that was not told of an operation or an injection are not repeated.
    """
    studies = [
        {
            "name": f"{MODALITIES[study.modality]} of {study.date}",
            "clauses": _marked(_at(report.story.images, n), numbers),
            "quoted": quoted.get(n, ()),
            "note": study.note,
        }
        for n, study in studies_by_date(report.course)
    ]
    trends = [clause for clause in report.story.images if len(clause.data) > 1 or _compared(clause)]
    values = {
        "studies": studies,
        "trends": _marked(trends, numbers),
        "verdicts": [(one.place, one.verdict) for one in followed if not one.untold],
    }
    return ClinicSection("Images", "images", "images.html", values)


def roots(review: Review) -> ClinicSection:
    """What the findings point to, what the images can reach, and what would settle a difference."""
    pointing = [visit for visit in review.visits if visit.opinions or visit.mimics]
    compared = {one.visit_date for one in review.comparisons}
    shown = [visit for visit in pointing if visit in (pointing[0], pointing[-1]) or visit.date in compared]
    values = {
        "comparisons": review.comparisons,
        "verdicts": VERDICTS,
        "imaging": review.imaging,
        "visits": shown,
        "detailed": pointing[:1],
        "hidden": len(pointing) - len(shown),
    }
    return ClinicSection("Roots: findings against images", "roots", "roots.html", values)


def outlook(review: Review) -> ClinicSection:
    """Published figures with denominator, time and source; what holds for all of them is said once."""
    items = review.outlook
    common = [
        line
        for line in dict.fromkeys(line for item in items for line in item.does_not_apply)
        if all(line in item.does_not_apply for item in items)
    ]
    rows = [
        (item.topic, {"item": item, "limits": [line for line in item.does_not_apply if line not in common]})
        for item in items
    ]
    topics = [(words, [row for of, row in rows if of == topic]) for topic, words in TOPICS.items()]
    values = {"topics": [one for one in topics if one[1]], "common": common, "rescan": review.rescan}
    return ClinicSection("Outlook: what cohorts say", "outlook", "outlook.html", values)


def scores(report: CourseReport) -> ClinicSection:
    """Pain, questionnaires and opioids of every visit, why a score is missing, and the notes of the record."""
    review = report.review
    given = {score.name: score for visit in review.visits for score in visit.scores}
    names = [name for name in SCORE_NAMES if name in given]
    rows = [(visit, [_score(visit, name) for name in names]) for visit in review.visits]
    values = {
        "rows": rows,
        "missing": [
            f"{SCORE_NAMES[name]} of {visit.date}: {reason}"
            for visit, cells in rows
            for name, (_, reason) in zip(names, cells, strict=True)
            if reason
        ],
        "notes": [
            (visit.date, note)
            for _, visit in visits_by_date(report.course)
            for note in (visit.note, visit.symptoms.note, visit.examination.note)
            if note
        ],
        "names": [(SCORE_NAMES[name], given[name]) for name in names],
        "opioids": any(visit.opioids.mme or visit.opioids.incomplete for visit in review.visits),
        "opioid_source": next((v.opioids.source for v in review.visits if v.opioids.source), ""),
    }
    return ClinicSection("Scores", "scores", "scores.html", values)


def treatments(report: CourseReport) -> ClinicSection:
    """What was done and taken, and what that means for a change between the images."""
    values = {
        "rows": [(treatment_words(treatment), treatment.note) for treatment in report.course.treatments],
        "histories": report.review.disc_histories,
        "words": HISTORIES,
    }
    return ClinicSection("Treatments", "treatments", "treatments.html", values)


def sources(numbers: Mapping[Datum, int]) -> ClinicSection:
    """Every entry of the record that a clause rests on."""
    return ClinicSection("What each clause rests on", "sources", "sources.html", {"numbers": numbers})


def doubts(report: CourseReport) -> ClinicSection:
    """Contradictions in the record, with their lines; warnings; what could not be shown."""
    values = {
        "contradictions": report.review.contradictions,
        "warnings": (*report.review.warnings, *report.notes),
    }
    return ClinicSection("Contradictions and warnings", "doubts", "doubts.html", values)


def _numbers(report: CourseReport) -> dict[Datum, int]:
    """Footnote numbers from 1, in the order in which the page mentions the entries."""
    story = report.story
    data = dict.fromkeys(d for clause in (*story.main, *story.further, *story.images) for d in clause.data)
    return {datum: n for n, datum in enumerate(data, start=1)}


def _marked(
    clauses: Sequence[Clause], numbers: Mapping[Datum, int]
) -> list[tuple[str, list[tuple[int, Datum]]]]:
    return [(clause.words, [(numbers[datum], datum) for datum in clause.data]) for clause in clauses]


def _compared(clause: Clause) -> bool:
    return any(datum.where[0] == "changes" for datum in clause.data)


def _at(clauses: Sequence[Clause], study: int) -> list[Clause]:
    """The clauses that rest on one study alone."""
    return [
        clause for clause in clauses if {datum.where[:2] for datum in clause.data} == {("studies", study)}
    ]


def _score(visit: VisitReview, name: str) -> tuple[str, str]:
    """(cell, why it is empty)."""
    score = next((one for one in visit.scores if one.name == name), None)
    if score is None:
        return "", ""
    return ("—", score.reason) if score.value is None else (f"{round(score.value, 1):g}", "")
