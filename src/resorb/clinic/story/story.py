"""`Story`: the course in sentences. The first says images, leg pain and strength side by side."""

from __future__ import annotations

from collections.abc import Iterable

from resorb.clinic.base import ClinicRecord
from resorb.clinic.changes import Changes, follow
from resorb.clinic.record import Course
from resorb.clinic.story.changes import change_clauses
from resorb.clinic.story.clause import Clause, sentence
from resorb.clinic.story.examination import NOT_AGAIN, examination_clauses, strength_clauses
from resorb.clinic.story.imaging import (
    NOT_RECOVERY,
    Readings,
    disagreements,
    levels_of_interest,
    not_compared,
    reading_clauses,
    report_clauses,
    surgery_clauses,
)
from resorb.clinic.story.symptoms import pain_clauses, score_clauses
from resorb.written import Lines


class Story(ClinicRecord):
    """The course in clauses, each of which carries the entries of the record that it rests on.

    Attributes:
        main: what became of the herniation, or else what the images say; operations, leg pain, strength: the
            sentence to read first.
        further: strength that was not graded again, back pain, examination, questionnaires.
        images: every report and every reading, in order of date; then every comparison.
        not_recovery: stands beside `main` wherever images are in it; empty where none are.
        not_compared: which images were not compared, and what follows.
        disagreements: where a report and a reading of the same study differ.
    """

    main: tuple[Clause, ...]
    further: tuple[Clause, ...]
    images: tuple[Clause, ...]
    not_recovery: str
    not_compared: tuple[str, ...]
    disagreements: tuple[str, ...]

    @property
    def text(self) -> str:
        """The main clauses as one plain sentence."""
        return sentence(self.main)


def tell(
    course: Course, readings: Readings, lines: Lines | None = None, changes: Changes | None = None
) -> Story:
    """The story of a course.

    Args:
        readings: stored readings by the position of their study.
        changes: stored comparisons by their position.
        lines: of the file that the course was read from; every datum then carries its line.
    """
    followed = follow(course, changes or {}, levels_of_interest(course, readings))
    compared = list(change_clauses(followed))
    reports = list(report_clauses(course))
    images = [*reports, *reading_clauses(course, readings, followed), *compared]
    ends = [*reports[:1], *reports[1:][-1:], *reading_clauses(course, readings, followed, ends=True)]
    strength = list(strength_clauses(course))
    left_open = [clause for clause in strength if NOT_AGAIN in clause.words]
    main = [
        *(compared or sorted(ends, key=lambda clause: clause.data[0].date)),
        *surgery_clauses(course),
        *pain_clauses(course, "leg"),
        *(clause for clause in strength if clause not in left_open),
    ]
    further = [
        *left_open,
        *pain_clauses(course, "back"),
        *examination_clauses(course),
        *score_clauses(course),
    ]
    return Story(
        main=_with_lines(main, lines),
        further=_with_lines(further, lines),
        images=_with_lines(images, lines),
        not_recovery=NOT_RECOVERY if images else "",
        not_compared=not_compared(course, readings, followed),
        disagreements=disagreements(course, readings, followed),
    )


def _with_lines(clauses: Iterable[Clause], lines: Lines | None) -> tuple[Clause, ...]:
    if lines is None:
        return tuple(clauses)
    return tuple(
        clause.model_copy(
            update={
                "data": tuple(d.model_copy(update={"line": lines.of(d.where)}) for d in clause.data),
            }
        )
        for clause in clauses
    )
