"""A clause and the entries of the record that it rests on."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from resorb.clinic.base import ClinicRecord, Location
from resorb.clinic.record import Course, Visit

Topic = Literal["imaging", "pain", "strength", "examination", "score", "treatment"]


class Datum(ClinicRecord):
    """One entry of the record.

    Attributes:
        date: of the visit, the study or the first day of the treatment.
        field: what was recorded, in words, e.g. "leg pain, left".
        value: as it was recorded, e.g. "NRS 9".
        where: its place in the record, by keys and positions (from 0).
        line: of the record's file, from 1; None where the record did not come from a file.
    """

    date: datetime.date
    field: str
    value: str
    where: Location
    line: int | None = None

    @property
    def place(self) -> str:
        """`visits 1, symptoms, pain 2`: positions count from 1, as people do."""
        words: list[str] = []
        for step in self.where:
            if isinstance(step, int):
                words[-1] += f" {step + 1}"
            else:
                words.append(step)
        return ", ".join(words)


class Clause(ClinicRecord):
    """What is said, without capital and full stop, and what it rests on; never empty."""

    topic: Topic
    words: str
    data: tuple[Datum, ...]


def visits_by_date(course: Course) -> list[tuple[int, Visit]]:
    """(position in the record, visit), in order of date."""
    return sorted(enumerate(course.visits), key=lambda item: item[1].date)


def sentence(clauses: Sequence[Clause]) -> str:
    """Clauses as one sentence."""
    text = "; ".join(clause.words for clause in clauses)
    return text[:1].upper() + text[1:] + "." if text else ""


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last


def in_order(data: Iterable[Datum]) -> Iterator[Datum]:
    """The newest first, each once."""
    return iter(sorted(dict.fromkeys(data), key=lambda datum: datum.date, reverse=True))
