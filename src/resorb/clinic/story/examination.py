"""What the examiner found last, against what was found before; what was not examined again is said to be so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from resorb.clinic.base import Side
from resorb.clinic.examination import Movement
from resorb.clinic.record import Course, Visit
from resorb.clinic.roots import FULL_STRENGTH
from resorb.clinic.story.clause import Clause, Datum, in_order, listed, visits_by_date

NOT_AGAIN = "was not graded again"
#: A finding with its name, its side, whether it is abnormal, and where it stands.
Found = tuple[str, bool, Datum]


@dataclass(frozen=True)
class Grades:
    """Every grade of one movement and side, in order of date."""

    movement: Movement
    side: Side
    grades: tuple[tuple[int, Datum], ...]

    @property
    def name(self) -> str:
        return self.movement.replace("_", " ")

    @property
    def last(self) -> tuple[int, Datum]:
        return self.grades[-1]

    @property
    def ever_weak(self) -> bool:
        return any(grade < FULL_STRENGTH for grade, _ in self.grades)

    @property
    def before(self) -> tuple[int, Datum] | None:
        """The lowest earlier grade; the newest of these."""
        return min(reversed(self.grades[:-1]), key=lambda one: one[0], default=None)


def all_grades(course: Course) -> tuple[Grades, ...]:
    """The grades of every movement and side that was examined, in the order in which they first appear."""
    found: dict[tuple[Movement, Side], list[tuple[int, Datum]]] = {}
    for n, visit in visits_by_date(course):
        lowest: dict[tuple[Movement, Side], tuple[int, Datum]] = {}
        for m, one in enumerate(visit.examination.strength):
            name = f"{one.movement.replace('_', ' ')}, {one.side}"
            where = ("visits", n, "examination", "strength", m)
            datum = Datum(date=visit.date, field=name, value=f"MRC {one.mrc}", where=where)
            key = (one.movement, one.side)
            lowest[key] = min(lowest.get(key, (one.mrc, datum)), (one.mrc, datum), key=lambda g: g[0])
        for key, grade in lowest.items():
            found.setdefault(key, []).append(grade)
    return tuple(Grades(movement, side, tuple(grades)) for (movement, side), grades in found.items())


def strength_clauses(course: Course) -> Iterator[Clause]:
    """Weakness that remains, the most severe first; then what is full again, and what was not graded again."""
    graded = all_grades(course)
    weak = [one for one in graded if one.ever_weak]
    latest = max((one.last[1].date for one in graded), default=None)
    known = sorted(((_state(one, latest == one.last[1].date), one) for one in weak), key=lambda item: item[0])
    for (_, words, side, day), group in groupby(known, key=lambda item: item[0]):
        movements = [one for _, one in group]
        data = [datum for one in movements for _, datum in filter(None, (one.last, one.before))]
        text = f"{words} ({listed(one.name for one in movements)}, {side}; {day})"
        yield Clause(topic="strength", words=text, data=tuple(in_order(data)))


def _state(one: Grades, graded_again: bool) -> tuple[int, str, Side, date]:
    """(order, words, side, date of the last grade): what can be said of one movement."""
    grade, datum = one.last
    previous = one.grades[-2][0] if len(one.grades) > 1 else None
    if not graded_again:
        order = 30
        words = f"{'weakness' if grade < FULL_STRENGTH else 'strength'} of grade {grade} {NOT_AGAIN}"
    elif grade == FULL_STRENGTH:
        order, words = 20, "strength is full again"
    elif previous is None:
        order, words = grade, f"weakness of grade {grade} was found"
    elif grade < previous:
        order, words = grade - 10, f"weakness has grown from grade {previous} to grade {grade}"
    else:
        order, words = grade, f"weakness of grade {grade} remains"
    return order, words, one.side, datum.date


def examination_clauses(course: Course) -> Iterator[Clause]:
    """Sensation, reflexes and nerve stretch tests that were abnormal at any visit."""
    found: dict[str, list[tuple[bool, Datum]]] = {}
    for n, visit in visits_by_date(course):
        for name, abnormal, datum in _findings(visit, n):
            found.setdefault(name, []).append((abnormal, datum))
    examined = max((one[-1][1].date for one in found.values()), default=None)
    for name, entries in found.items():
        wrong = [datum for is_wrong, datum in entries if is_wrong]
        last_is_wrong, last = entries[-1]
        if wrong:
            yield _examined(name, last, wrong, left_open=last_is_wrong and last.date != examined)


def _examined(name: str, last: Datum, abnormal: list[Datum], left_open: bool) -> Clause:
    earlier = [datum for datum in abnormal if datum.date < last.date]
    was = f", {earlier[-1].value} on {earlier[-1].date}" if earlier else ""
    open_ = ", and not examined again" if left_open else ""
    words = f"{name}: {last.value} on {last.date}{was}{open_}"
    return Clause(topic="examination", words=words, data=tuple(in_order([last, *earlier[-1:]])))


def _findings(visit: Visit, n: int) -> Iterator[Found]:
    exam, at = visit.examination, ("visits", n, "examination")
    for m, felt in enumerate(exam.sensation):
        name = f"sensation in {felt.dermatome}, {felt.side}"
        tested = {"light touch": felt.light_touch, "pinprick": felt.pinprick}
        value = ", ".join(f"{test} {result}" for test, result in tested.items() if result is not None)
        datum = Datum(date=visit.date, field=name, value=value, where=(*at, "sensation", m))
        yield name, felt.impaired, datum
    for m, reflex in enumerate(exam.reflexes):
        name = f"{reflex.reflex.replace('_', ' ')} reflex, {reflex.side}"
        datum = Datum(date=visit.date, field=name, value=reflex.grade, where=(*at, "reflexes", m))
        yield name, reflex.grade != "normal", datum
    for m, test in enumerate(exam.tests):
        name = f"{test.test.replace('_', ' ')}, {test.side}"
        angle = "" if test.angle_deg is None else f" at {test.angle_deg:g} degrees"
        datum = Datum(date=visit.date, field=name, value=f"{test.result}{angle}", where=(*at, "tests", m))
        yield name, test.result == "positive", datum
