"""What the time line shows, apart from how it is drawn: dated values, grades, bars and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from resorb.clinic.base import SIDES
from resorb.clinic.changes import Followed
from resorb.clinic.imaging import ImagingStudy
from resorb.clinic.record import Course
from resorb.clinic.red_flags import red_flags
from resorb.clinic.story.clause import visits_by_date
from resorb.clinic.story.examination import Grades, all_grades
from resorb.clinic.story.flags import alarms
from resorb.clinic.story.imaging import MODALITIES, levels_of_interest, studies_by_date
from resorb.clinic.story.symptoms import SCORE_NAMES
from resorb.clinic.story.treatments import treatment_name
from resorb.clinic.tables import table
from resorb.clinic.treatment import Injection, OpioidTreatment, Surgery, Treatment, morphine_equivalent
from resorb.reading import Reading

#: Grey or colour pictures (rows, columns) or (rows, columns, 3), uint8, by the position of their study.
Images = Mapping[int, NDArray[np.uint8]]
#: Longer names of medicines are cut.
MAX_NAME = 34


@dataclass(frozen=True)
class Point:
    """A value on a day.

    Attributes:
        value: None where only `low` is known, a lower bound.
        low, high: its 95 % interval; None where it was not calibrated.
        marked: drawn filled; an open mark is a volume that was not flagged as a herniation.
    """

    day: date
    value: float | None
    low: float | None = None
    high: float | None = None
    marked: bool = True


@dataclass(frozen=True)
class Series:
    """Values of one kind in order of date."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class GradeRow:
    """The MRC grades of one movement and side."""

    name: str
    grades: tuple[tuple[date, int], ...]


@dataclass(frozen=True)
class Bar:
    """A treatment, or one dose of it, from its first to its last day.

    Attributes:
        end: None while it goes on.
        height: of the bar, in (0, 1]: the dose against the highest of that medicine.
    """

    start: date
    end: date | None
    height: float = 1.0


@dataclass(frozen=True)
class TreatmentRow:
    """Every time that one treatment was given: bars, or single days."""

    name: str
    bars: tuple[Bar, ...] = ()
    days: tuple[date, ...] = ()


@dataclass(frozen=True, eq=False)
class StudyMark:
    """A study, with its picture where there is one."""

    day: date
    name: str
    image: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class TimeLine:
    """Everything on the time line.

    Attributes:
        alarms: what the red flags of the course call for, the gravest first.
        scores: in per cent of their scale; `scores` low is good, `abilities` high is good.
        strength: movements that were weak at any visit; `full` names those that never were.
        operations: on the spine, whatever the level.
        volumes: material behind the reference line, mm3; of a comparison, each herniation against one reference for
            all dates; of readings, each date for itself.
    """

    alarms: tuple[str, ...]
    onset: date
    approximate: bool
    leg: date | None
    visits: tuple[date, ...]
    studies: tuple[StudyMark, ...]
    pain: tuple[Series, ...]
    scores: tuple[Series, ...]
    abilities: tuple[Series, ...]
    strength: tuple[GradeRow, ...]
    full: tuple[str, ...]
    treatments: tuple[TreatmentRow, ...]
    operations: tuple[date, ...]
    volumes: tuple[Series, ...]

    @property
    def first(self) -> date:
        """The earliest day on the axis; treatments that began before it are cut there."""
        return min([self.onset, *self.visits, *(study.day for study in self.studies)])

    @property
    def last(self) -> date:
        """The latest day of anything on the axis."""
        ends = [bar.end or bar.start for row in self.treatments for bar in row.bars]
        single = [day for row in self.treatments for day in row.days]
        return max([self.onset, *self.visits, *(study.day for study in self.studies), *ends, *single])


def time_line(
    course: Course, readings: Mapping[int, Reading], images: Images, followed: Sequence[Followed] = ()
) -> TimeLine:
    """Collect what a course holds.

    Args:
        readings: stored readings by the position of their study.
        images: small pictures by the position of their study.
        followed: herniations of the stored comparisons; their volumes stand in place of those of the readings.
    """
    grades = all_grades(course)
    return TimeLine(
        alarms=tuple(alarm.action for alarm in alarms(red_flags(course))),
        onset=course.onset.date,
        approximate=course.onset.approximate,
        leg=course.onset.leg_symptoms_date,
        visits=tuple(visit.date for _, visit in visits_by_date(course)),
        studies=tuple(_mark(study, images.get(n)) for n, study in studies_by_date(course)),
        pain=_some(_pain(course)),
        scores=_some(_scores(course, "low")),
        abilities=_some(_scores(course, "high")),
        strength=tuple(_row(one) for one in sorted(grades, key=_by_root) if one.ever_weak),
        full=tuple(sorted(f"{one.name}, {one.side}" for one in grades if not one.ever_weak)),
        treatments=_treatments(course.treatments),
        operations=tuple(one.date for one in course.treatments if isinstance(one, Surgery)),
        volumes=_some([*_compared(followed), *_volumes(course, readings, followed)]),
    )


def _mark(study: ImagingStudy, image: NDArray[np.uint8] | None) -> StudyMark:
    return StudyMark(study.date, MODALITIES[study.modality], image)


def _some(series: Iterable[Series]) -> tuple[Series, ...]:
    return tuple(one for one in series if one.points)


def _pain(course: Course) -> Iterable[Series]:
    for name, site, side in (
        *((f"{side} leg", "leg", side) for side in SIDES),
        ("back", "back", None),
    ):
        rated = []
        for _, visit in visits_by_date(course):
            asked_and_none = visit.symptoms.pain == ()
            nrs = (
                0.0 if asked_and_none else visit.symptoms.worst_nrs("leg" if site == "leg" else "back", side)
            )
            rated += [] if nrs is None else [Point(visit.date, nrs)]
        if any(point.value for point in rated):
            yield Series(name, tuple(rated))


def _scores(course: Course, better: str) -> Iterable[Series]:
    for name, words in SCORE_NAMES.items():
        points, scale = [], 0.0
        for _, visit in visits_by_date(course):
            for score in visit.scores.all():
                if score.name == name and score.better == better and score.value is not None:
                    points.append(Point(visit.date, 100.0 * score.value / score.high))
                    scale = score.high
        yield Series(f"{words} (of {scale:g})", tuple(points))


def _roots(one: Grades) -> tuple[str, ...]:
    return next(tuple(row["roots"]) for row in table("myotomes") if row["movement"] == one.movement)


def _by_root(one: Grades) -> tuple[tuple[str, ...], str, str]:
    """L1 to S5 happen to stand in the order of the alphabet."""
    return _roots(one), one.name, one.side


def _row(one: Grades) -> GradeRow:
    name = f"{one.name}, {one.side} ({', '.join(_roots(one))})"
    return GradeRow(name, tuple((datum.date, grade) for grade, datum in one.grades))


def _treatments(treatments: Iterable[Treatment]) -> tuple[TreatmentRow, ...]:
    """One row per kind or medicine, in order of their first day."""
    rows: dict[str, list[Treatment]] = {}
    for one in sorted(treatments, key=_start):
        rows.setdefault(_name(one), []).append(one)
    return tuple(_treatment_row(name, given) for name, given in rows.items())


def _start(treatment: Treatment) -> date:
    return treatment.date if isinstance(treatment, Surgery | Injection) else treatment.start


def _name(treatment: Treatment) -> str:
    level = treatment.level if isinstance(treatment, Surgery | Injection) else None
    name = treatment_name(treatment) + (f" {level}" if level else "")
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def _treatment_row(name: str, given: list[Treatment]) -> TreatmentRow:
    bars: list[Bar] = []
    days: list[date] = []
    highest = 0.0
    for one in given:
        if isinstance(one, Surgery | Injection):
            days.append(one.date)
            continue
        doses = getattr(one, "doses", ())
        top = max((dose.daily_mg for dose in doses), default=0.0)
        bars += [Bar(d.start, d.end or one.end, d.daily_mg / top) for d in doses if top and d.daily_mg]
        bars += [] if top else [Bar(one.start, one.end)]
        if isinstance(one, OpioidTreatment):
            highest = max([highest, *(morphine_equivalent([one], dose.start).mme for dose in one.doses)])
    name = f"{name} (up to {highest:g} MME/day)" if highest else name
    return TreatmentRow(name, tuple(bars), tuple(days))


def _compared(followed: Sequence[Followed]) -> Iterable[Series]:
    for one in followed:
        points = [
            Point(day, volume.value, volume.low, volume.high, found)
            for day, volume, found in zip(one.days, one.volumes, one.found, strict=True)
            if day is not None and volume.at_least is not None
        ]
        yield Series(f"{one.place}, compared", tuple(points))


def _volumes(
    course: Course, readings: Mapping[int, Reading], followed: Sequence[Followed]
) -> Iterable[Series]:
    for level in levels_of_interest(course, readings):
        points = []
        compared = {n for one in followed if one.level == level for n in one.studies}
        for n, study in studies_by_date(course):
            for disc in readings[n].discs if n in readings and n not in compared else ():
                volume = disc.volume_mm3
                if disc.level == level and volume.at_least is not None:
                    points.append(Point(study.date, volume.value, volume.low, volume.high, disc.displaced))
        yield Series(level, tuple(points))
