"""What published cohorts say about patients like this one, and when a second MRI tells most.

Every figure is a group's, with its denominator, time, definition and source. No individual probability is given:
no published model for treatment without surgery prints the terms that one would need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from resorb.clinic.base import ClinicRecord
from resorb.clinic.imaging import ImagingFinding, Morphology
from resorb.clinic.record import Course
from resorb.clinic.red_flags import RedFlag
from resorb.clinic.tables import Row, table
from resorb.clinic.treatment import OpioidTreatment, Surgery

DAYS_PER_WEEK = 7.0
DAYS_PER_MONTH = 30.4375  # mean of the Gregorian calendar
Topic = Literal["recovery", "motor", "sensory", "resorption", "surgery", "imaging", "predictor", "prevalence"]
GROUP = "A figure of a group: it does not say what will happen to this patient."
NO_HERNIATION = (
    "No herniation on images is recorded of this patient: if the complaints have another cause, these figures are not "
    "about them."
)
OPEN_FLAG = "A red flag is open: deal with it first; these cohorts do not describe such patients."
NO_WAITING = "a red flag is open: assess now, with MRI as that requires"
GONE = "the newest MRI describes no herniation any more; complaints, not a date, decide on another"
NO_REPEAT = (
    "A second MRI answers a question of treatment, not of recovery: at 1 year MRI did not tell who had recovered "
    "(AUC 0.48, el Barzouhi 2013). New or growing weakness, or any cauda equina sign: at once, whatever the date."
)


class OutlookItem(ClinicRecord):
    """One published figure.

    Attributes:
        statement: the figure, with its own words.
        denominator: of whom; time: after how long; definition: what was counted.
        does_not_apply: what differs between this patient and the cohort, or is not known; never empty.
    """

    id: str
    topic: Topic
    statement: str
    population: str
    denominator: str
    time: str
    definition: str
    source: str
    does_not_apply: tuple[str, ...]


class Rescan(ClinicRecord):
    """When a second MRI would tell most.

    Attributes:
        date: None where none is suggested; `reason` says why.
    """

    date: date | None
    reason: str
    source: str
    caution: str = NO_REPEAT


@dataclass(frozen=True)
class _Patient:
    """What the cohorts are held against."""

    weeks: float | None
    lowest_mrc: int | None
    sensory_loss: bool
    stretch: bool
    opioid: bool
    herniation: bool
    morphologies: frozenset[Morphology]
    operated: date | None
    open_flag: bool


def outlook(
    course: Course, findings: Sequence[ImagingFinding], flags: Sequence[RedFlag]
) -> tuple[OutlookItem, ...]:
    """The figures of `tables/outlook.toml` that are about such patients, in the order of the table.

    Args:
        findings: of the first imaging study that describes a herniation.
        flags: red flags of the course.
    """
    patient = _facts(course, findings, flags)
    keys = ("id", "topic", "statement", "population", "denominator", "time", "definition", "source")
    return tuple(
        OutlookItem(**{key: row[key] for key in keys}, does_not_apply=tuple(_limits(row, patient)))
        for row in table("outlook")
        if _about(row, patient)
    )


def suggest_rescan(
    course: Course, herniation: bool, flags: Sequence[RedFlag] = (), *, gone: bool = False
) -> Rescan:
    """The next published decision point after everything in the record (4 and 10.5 months after the onset).

    Args:
        herniation: an imaging study of the course describes one.
        flags: red flags of the course; none is made to wait for a date.
        gone: the newest MRI that was described shows none any more.
    """
    if any(
        flag.urgency == "same_day_emergency" or (flag.urgency == "urgent" and flag.latest) for flag in flags
    ):
        return Rescan(date=None, reason=NO_WAITING, source="resorb: a red flag comes before every schedule")
    studies = sorted(study.date for study in course.studies if study.modality == "MR")
    if not studies or not herniation:
        return Rescan(date=None, reason="no MRI with a herniation is recorded", source="resorb")
    if any(isinstance(t, Surgery) for t in course.treatments):
        return Rescan(
            date=None, reason="after an operation the published decision points do not apply", source="resorb"
        )
    if gone:
        return Rescan(date=None, reason=GONE, source="resorb: what vanished needs no date to be looked for")
    last = max([*studies, *(visit.date for visit in course.visits)])
    for row in table("rescans"):
        day = course.onset.date + timedelta(days=round(row["months"] * DAYS_PER_MONTH))
        if day > last:
            guess = "; the onset is a guess, and so is this date" if course.onset.approximate else ""
            reason = f"{row['months']:g} months after the onset: {row['words']}{guess}"
            return Rescan(date=day, reason=reason, source=row["source"])
    return Rescan(
        date=None,
        reason="the record reaches beyond the last published decision point, 10.5 months after the onset",
        source=table("rescans")[-1]["source"],
    )


def _facts(course: Course, findings: Sequence[ImagingFinding], flags: Sequence[RedFlag]) -> _Patient:
    exams = [visit.examination for visit in course.visits]
    grades = [strength.mrc for exam in exams for strength in exam.strength]
    first = min((visit.date for visit in course.visits), default=None)
    began = course.onset.leg_symptoms_date or course.onset.date
    return _Patient(
        weeks=None if first is None else (first - began).days / DAYS_PER_WEEK,
        lowest_mrc=min(grades, default=None),
        sensory_loss=any(one.impaired for exam in exams for one in exam.sensation),
        stretch=any(
            one.test == "straight_leg_raise" and one.result == "positive"
            for exam in exams
            for one in exam.tests
        ),
        opioid=any(isinstance(t, OpioidTreatment) for t in course.treatments),
        herniation=bool(findings),
        morphologies=frozenset(f.morphology for f in findings if f.morphology is not None),
        operated=min((t.date for t in course.treatments if isinstance(t, Surgery)), default=None),
        open_flag=any(flag.urgency == "same_day_emergency" for flag in flags),
    )


def _about(row: Row, patient: _Patient) -> bool:
    """Whether a row speaks of such a patient; a morphology that nobody gave leaves all of them in."""
    if row.get("weakness") and (patient.lowest_mrc is None or patient.lowest_mrc == 5):
        return False
    needed = ("sensory_loss", "stretch", "opioid", "herniation")
    if any(row.get(key) and not getattr(patient, key) for key in needed):
        return False
    if "morphology" in row:
        return patient.herniation and (not patient.morphologies or row["morphology"] in patient.morphologies)
    return True


def _limits(row: Row, patient: _Patient) -> Iterator[str]:
    if patient.open_flag:
        yield OPEN_FLAG
    if not patient.herniation:
        yield NO_HERNIATION
    low, high = row.get("duration_weeks", (None, None))
    if low is not None and patient.weeks is None:
        yield "The cohort was chosen by the duration of symptoms; no visit of this patient is recorded."
    elif low is not None and patient.weeks is not None and not low <= patient.weeks <= high:
        span = f"{low} weeks or more" if high >= 1000 else f"{low} to {high} weeks"
        yield f"The cohort had symptoms for {span}; this patient was first seen after {patient.weeks:.1f} weeks."
    if row.get("operated") is False and patient.operated is not None:
        yield f"The cohort was not operated; this patient was, on {patient.operated}."
    if "mrc" in row and patient.lowest_mrc is not None:
        worst, best = row["mrc"]
        if not worst <= patient.lowest_mrc <= best:
            yield f"The cohort's grades were MRC {worst} to {best}; this patient's lowest is {patient.lowest_mrc}."
    if "setting" in row:
        yield f"The cohort was seen in {row['setting']}; a record does not say where its patient comes from."
    if "morphology" in row and not patient.morphologies:
        yield "No report or reading gives this patient's morphology; the figures of all are listed."
    yield GROUP
