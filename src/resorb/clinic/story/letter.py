"""The course as plain text for a letter: red flags first, then the course, then what is not known."""

from __future__ import annotations

from collections.abc import Iterator

from resorb.clinic.agreement import Comparison
from resorb.clinic.record import Course
from resorb.clinic.review import Review
from resorb.clinic.story.clause import sentence
from resorb.clinic.story.doubts import (
    contradiction_words,
    mimic_words,
    not_asked_words,
    opinion_words,
)
from resorb.clinic.story.flags import NO_FLAG, alarms
from resorb.clinic.story.story import Story
from resorb.clinic.story.treatments import treatment_words

PATIENTS = {"male": "man", "female": "woman"}


def letter(course: Course, review: Review, story: Story) -> str:
    """Paragraphs separated by blank lines; no line is broken within one."""
    paragraphs = [
        *([f"RED FLAG. {alarm.text}" for alarm in alarms(review.red_flags)] or [NO_FLAG]),
        *(f"From the comparison of the images: {line}" for line in review.image_alerts),
        f"{review.safety_net} {not_asked_words(review)}".strip(),
        " ".join(contradiction_words(review)),
        " ".join(filter(None, [_opening(course), story.text, story.not_recovery, sentence(story.further)])),
        f"Note in the record: {course.note}" if course.note else "",
        " ".join(treatment_sentences(course)),
        " ".join([*story.not_compared, *story.disagreements]),
        " ".join(map(comparison_words, review.comparisons)) or opinion_words(review),
        " ".join(mimic_words(review)),
        rescan_words(review),
        review.statement,
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def comparison_words(comparison: Comparison) -> str:
    """What the examination and the images of one time say about the root, with their dates."""
    said = " ".join(comparison.words)
    return f"Examination of {comparison.visit_date} and images of {comparison.study_date}: {said}"


def rescan_words(review: Review) -> str:
    """When a second MRI would tell most, or why no date is suggested, with the caution."""
    rescan = review.rescan
    when = f"on or about {rescan.date}" if rescan.date else "no date is suggested"
    return f"A further MRI: {when} ({rescan.reason}). {rescan.caution}"


def treatment_sentences(course: Course) -> Iterator[str]:
    """What was done and taken, one sentence each."""
    for treatment in course.treatments:
        name, dates, details = treatment_words(treatment)
        text = f"{name}, {dates}"
        yield f"{text[:1].upper()}{text[1:]}{f': {details}' if details else ''}."


def _opening(course: Course) -> str:
    patient, onset = course.patient, course.onset
    who = PATIENTS.get(patient.sex, "patient")
    age = "" if patient.age_years is None else f"{patient.age_years:g}-year-old "
    about = "about " if onset.approximate else ""
    how = "; ".join(part for part in (onset.mode or "", onset.circumstance) if part)
    leg = f", leg symptoms from {onset.leg_symptoms_date}" if onset.leg_symptoms_date else ""
    article = "An" if age.startswith(("8", "11-", "18-")) else "A"
    return f"{article} {age}{who}; onset {about}{onset.date}{f' ({how})' if how else ''}{leg}."
