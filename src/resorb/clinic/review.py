"""One course, reviewed: everything a report needs, in typed records, red flags first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

from resorb.clinic.agreement import Comparison, compare
from resorb.clinic.base import ClinicRecord, Side
from resorb.clinic.changes import Changes, follow
from resorb.clinic.consistency import Contradiction, contradictions
from resorb.clinic.files import Record
from resorb.clinic.imaging import ImagingFinding, findings_of
from resorb.clinic.imaging_roots import ImagingOpinion, imaging_opinion
from resorb.clinic.mimics import Mimic, mimics
from resorb.clinic.outlook import OutlookItem, Rescan, outlook, suggest_rescan
from resorb.clinic.record import Course, Visit
from resorb.clinic.red_flags import SAFETY_NET, RedFlag, not_asked, red_flags
from resorb.clinic.roots import RootOpinion, root_opinions
from resorb.clinic.scores import Score
from resorb.clinic.treatment import Intervention, MorphineEquivalent, disc_history, morphine_equivalent
from resorb.errors import InputError
from resorb.reading import RESEARCH_USE, Reading


class Pains(ClinicRecord):
    """Worst numeric ratings of one date; None where none was given."""

    back: float | None
    left_leg: float | None
    right_leg: float | None


class VisitReview(ClinicRecord):
    """One visit: what was reported and found, and what it points to.

    Attributes:
        not_asked: cauda equina questions and tests that the visit leaves open.
        opioids: morphine equivalents of that day.
    """

    date: date
    pain: Pains
    scores: tuple[Score, ...]
    opinions: tuple[RootOpinion, ...]
    mimics: tuple[Mimic, ...]
    not_asked: tuple[str, ...]
    opioids: MorphineEquivalent


class DiscHistory(ClinicRecord):
    """What was done to one disc between the first and the last study; only `none` allows the word spontaneous."""

    level: str
    first: date
    last: date
    history: Intervention


class Review(ClinicRecord):
    """A reviewed course. Its order is the order of every output.

    Attributes:
        red_flags: the gravest first; safety_net: always printed, most of all where there is none.
        image_alerts: what the comparisons of the images say must be looked into at once; beside the red flags.
        contradictions: what in the record cannot be right.
        comparisons: each imaging study with a known result against the nearest examined visit.
    """

    kind: Literal["course_review"] = "course_review"
    schema_version: Literal[1] = 1
    statement: str = RESEARCH_USE
    red_flags: tuple[RedFlag, ...]
    safety_net: str = SAFETY_NET
    image_alerts: tuple[str, ...] = ()
    contradictions: tuple[Contradiction, ...]
    visits: tuple[VisitReview, ...]
    imaging: tuple[ImagingOpinion, ...]
    comparisons: tuple[Comparison, ...]
    disc_histories: tuple[DiscHistory, ...]
    outlook: tuple[OutlookItem, ...]
    rescan: Rescan
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


def read_readings(course: Course, folder: Path) -> dict[int, Reading]:
    """The stored readings that a course names, by the position of their study.

    Args:
        folder: of the record, from which the paths start.

    Raises:
        InputError: a reading cannot be read, or is none; the path is named.
    """
    found: dict[int, Reading] = {}
    for n, study in enumerate(course.studies):
        if study.reading is None:
            continue
        path = folder / study.reading
        path = path / "reading.json" if path.is_dir() else path
        try:
            found[n] = Reading.from_json(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the reading {path} cannot be read; run `resorb read` on that study") from error
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    return found


def review(
    record: Record | Course,
    readings: Mapping[int, Reading] | None = None,
    changes: Changes | None = None,
) -> Review:
    """Review a course.

    Args:
        record: a course, or one with the lines of its file, which contradictions then carry.
        readings: stored readings by the position of their study; see `read_readings`.
        changes: stored comparisons by their position; see `resorb.clinic.changes.read_changes`.
    """
    course = record if isinstance(record, Course) else record.course
    readings, changes = readings or {}, changes or {}
    findings = _findings(course, readings)
    imaged = {
        n: tuple(imaging_opinion(f, course.studies[n].date) for f in _telling(found))
        for n, found in findings.items()
    }
    reviewed = {n: _visit(course, course.visits[n]) for n in _by_date(course)}
    flags = red_flags(course)
    herniated = [
        found for _, found in sorted(findings.items(), key=lambda i: course.studies[i[0]].date) if found
    ]
    faults = contradictions(course, tuple(findings.items()), follow(course, changes))
    if isinstance(record, Record):
        faults = tuple(one.model_copy(update={"line": record.lines.of(one.where)}) for one in faults)
    return Review(
        red_flags=flags,
        image_alerts=tuple(dict.fromkeys(line for one in changes.values() for line in one.alerts)),
        contradictions=faults,
        visits=tuple(reviewed.values()),
        imaging=tuple(one for opinions in imaged.values() for one in opinions),
        comparisons=_comparisons(course, reviewed, imaged),
        disc_histories=_histories(course, findings),
        outlook=outlook(course, herniated[0] if herniated else (), flags),
        rescan=suggest_rescan(course, bool(herniated), flags, gone=_gone(course, findings)),
        warnings=tuple(_warnings(course, readings, changes)),
    )


def _by_date(course: Course) -> list[int]:
    return sorted(range(len(course.visits)), key=lambda n: course.visits[n].date)


def _findings(course: Course, readings: Mapping[int, Reading]) -> dict[int, tuple[ImagingFinding, ...]]:
    """What report and reading describe, without levels named as normal; studies with neither are left out."""
    found: dict[int, tuple[ImagingFinding, ...]] = {}
    for n, study in sorted(enumerate(course.studies), key=lambda item: item[1].date):
        if study.findings is not None or n in readings:
            reading = findings_of(readings[n]) if n in readings else ()
            described = (*(study.findings or ()), *reading)
            found[n] = tuple(f for f in described if f.morphology != "none")
    return found


def _gone(course: Course, findings: Mapping[int, tuple[ImagingFinding, ...]]) -> bool:
    """Whether the newest MRI that anybody described shows no herniation."""
    described = [n for n in findings if course.studies[n].modality == "MR"]
    return bool(described) and not findings[max(described, key=lambda n: course.studies[n].date)]


def _telling(findings: tuple[ImagingFinding, ...]) -> list[ImagingFinding]:
    """Without findings that another one of the same level and side says more exactly."""
    return [
        f
        for f in findings
        if f.zone is not None
        or not any(g.level == f.level and g.zone is not None and f.side in (None, g.side) for g in findings)
    ]


def _visit(course: Course, visit: Visit) -> VisitReview:
    symptoms = visit.symptoms
    legs: tuple[Side, Side] = ("left", "right")
    left, right = (symptoms.worst_nrs("leg", side) for side in legs)
    return VisitReview(
        date=visit.date,
        pain=Pains(back=symptoms.worst_nrs("back"), left_leg=left, right_leg=right),
        scores=visit.scores.all(),
        opinions=root_opinions(visit),
        mimics=mimics(visit, diabetes=bool(course.patient.history.diabetes)),
        not_asked=not_asked(visit),
        opioids=morphine_equivalent(course.treatments, visit.date),
    )


def _comparisons(
    course: Course, visits: Mapping[int, VisitReview], imaged: Mapping[int, tuple[ImagingOpinion, ...]]
) -> tuple[Comparison, ...]:
    examined = [one for n, one in visits.items() if _examined(course.visits[n])]
    if not examined:
        return ()
    pairs = (
        (min(examined, key=lambda one: abs((one.date - day).days)), day, opinions)
        for day, opinions in ((course.studies[n].date, opinions) for n, opinions in imaged.items())
    )
    return tuple(compare((visit.date, visit.opinions), (day, opinions)) for visit, day, opinions in pairs)


def _examined(visit: Visit) -> bool:
    exam = visit.examination
    return bool(exam.strength or exam.reflexes or exam.sensation or exam.tests)


def _histories(course: Course, findings: Mapping[int, tuple[ImagingFinding, ...]]) -> tuple[DiscHistory, ...]:
    days = sorted(study.date for study in course.studies)
    if len(days) < 2:
        return ()
    between = (days[0], days[-1])
    levels = dict.fromkeys(f.level for found in findings.values() for f in found)
    return tuple(
        DiscHistory(
            level=level,
            first=between[0],
            last=between[1],
            history=disc_history(course.treatments, level, between, course.treatments_complete),
        )
        for level in levels
    )


def _warnings(course: Course, readings: Mapping[int, Reading], changes: Changes) -> list[str]:
    said = []
    if not course.treatments_complete:
        said.append(
            "The record does not say that every operation and injection is listed (treatments_complete): no change "
            "may be called spontaneous."
        )
    for n, reading in readings.items():
        day = course.studies[n].date
        if reading.study_date is not None and reading.study_date != day:
            said.append(
                f"The study of {day} names a reading of {reading.study_date}: one of the dates is wrong."
            )
        if reading.synthetic:
            said.append(f"The reading of {day} is of a synthetic study.")
    for n, change in changes.items():
        said += [f"Comparison {n + 1}: {line}" for line in change.warnings]
        if change.synthetic:
            said.append(f"Comparison {n + 1} is of synthetic studies.")
    if not course.visits:
        said.append("The record holds no visit: nothing was asked or examined.")
    return said
