"""Reading and writing the record of a course: YAML and JSON, with the line of everything that is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from resorb.clinic.record import SCHEMA_VERSION, Course
from resorb.errors import UsageError
from resorb.written import Kind, Lines, parse_written, read_text

#: Line ends of Unicode: next line, line separator, paragraph separator.
LINE_ENDS = "\x85\u2028\u2029"
COURSE = Kind("course", "the record of a course", SCHEMA_VERSION)


@dataclass(frozen=True)
class Record:
    """A course with the lines of the file that it was read from."""

    course: Course
    lines: Lines


def read_course(path: Path) -> Record:
    """Read a record; anything but `.json` is read as YAML.

    Raises:
        InputError: the file cannot be read, is not YAML or JSON, repeats a key, was written by a newer resorb, or
            holds something impossible; every message names the line.
    """
    return parse_course(read_text(path, COURSE), str(path), is_json=path.suffix.lower() == ".json")


def parse_course(text: str, name: str, *, is_json: bool = False) -> Record:
    """Read a record from its text; `name` stands for the file in messages.

    Raises:
        InputError: as `read_course`.
    """
    return Record(*parse_written(Course, text, name, COURSE, is_json=is_json))


def write_course(course: Course, path: Path) -> None:
    """Write a record as YAML, or as JSON where the name ends in `.json`; what was not given is left out.

    Raises:
        UsageError: the name ends in something else.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() == ".json":
        path.write_text(course.to_json(), encoding="utf-8")
    elif path.suffix.lower() in {".yaml", ".yml"}:
        content = course.to_json()
        # A reader of YAML folds these into spaces unless they are written as escapes.
        plain = not any(end in content for end in LINE_ENDS)
        text = yaml.safe_dump(json.loads(content), sort_keys=False, allow_unicode=plain)
        path.write_text(text, encoding="utf-8")
    else:
        raise UsageError(f"{path} is neither .yaml nor .json: choose one of them")
