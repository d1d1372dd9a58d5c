"""`CourseReport`: everything that the course's page says, as one stored record (`course.json`)."""

from __future__ import annotations

from typing import Literal

from resorb.clinic.base import ClinicRecord
from resorb.clinic.record import Course
from resorb.clinic.review import Review
from resorb.clinic.story.story import Story
from resorb.reading import NOT_ASSESSED, RESEARCH_USE
from resorb.stored import parse_stored

SCHEMA_VERSION = 1  # of this record; older ones are upgraded, newer ones refused


class CourseReport(ClinicRecord):
    """A course with its review and its story.

    Attributes:
        synthetic: a reading in it is of a simulated study.
        review: its red flags come first, here as everywhere.
        letter: plain text.
        notes: what could not be shown, and why.
        course: the record itself, which every `where` points into.
    """

    kind: Literal["course_report"] = "course_report"
    schema_version: Literal[1] = 1
    statement: str = RESEARCH_USE
    not_assessed: str = NOT_ASSESSED
    resorb_version: str
    record_sha256: str
    synthetic: bool
    review: Review
    story: Story
    letter: str
    notes: tuple[str, ...]
    course: Course

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> CourseReport:
        """Read a stored report.

        Raises:
            InputError: not JSON, no report of a course, made by a newer resorb, or invalid.
        """
        return parse_stored(cls, text, name="course report", version=SCHEMA_VERSION)
