"""Reading and writing records: YAML and JSON, with the line of everything that is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node, SequenceNode

from resorb.clinic.base import Location
from resorb.clinic.record import SCHEMA_VERSION, Course
from resorb.errors import InputError, UsageError

#: A course of hundreds of visits is far smaller.
MAX_BYTES = 5_000_000
#: So many faults are named at once.
MAX_FAULTS = 10
YAML_TAG = "tag:yaml.org,2002:"
#: What JSON may hold inside a string, and YAML not: its escapes, and characters outside printable ASCII.
ODD = re.compile(r"[^\x20-\x7e\n]")
ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")


@dataclass(frozen=True)
class Lines:
    """Where each part of a record stands in its file.

    Attributes:
        name: of the file, as the user typed it.
        at: the line, from 1, of each part by its keys and positions.
    """

    name: str
    at: dict[Location, int]

    def of(self, where: Location) -> int:
        """The line of a part; of the nearest part around it where it is missing itself."""
        place: Location = ()
        for step in where:
            # A validator names the kind of a treatment on the way, which is no step of the file.
            if (*place, step) in self.at:
                place = (*place, step)
        return self.at[place]


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
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"the record {path} cannot be read: {(error.strerror or 'unreadable').lower()}"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"the record {path} is not text in UTF-8; save it as UTF-8") from error
    if len(raw) > MAX_BYTES:
        raise InputError(f"the record {path} is larger than {MAX_BYTES // 1_000_000} MB: is it a course?")
    return parse_course(text, str(path), is_json=path.suffix.lower() == ".json")


def parse_course(text: str, name: str, *, is_json: bool = False) -> Record:
    """Read a record from its text; `name` stands for the file in messages.

    Raises:
        InputError: as `read_course`.
    """
    given = _json(text, name) if is_json else None
    lines = Lines(name, {})
    root = _compose(_plain(text) if is_json else text, name)
    value = _value(root, (), lines, set())
    value = given if is_json else value
    if not isinstance(value, dict) or value.get("kind", "course") != "course":
        raise InputError(f"{name} is not the record of a course: it starts with `kind: course`")
    version = value.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(
            f"{name} has schema version {version}, newer than this resorb knows ({SCHEMA_VERSION}): update resorb"
        )
    try:
        return Record(Course.model_validate_json(json.dumps(value)), lines)
    except ValidationError as error:
        raise InputError(_faults(error, lines)) from error


def write_course(course: Course, path: Path) -> None:
    """Write a record as YAML, or as JSON where the name ends in `.json`; what was not given is left out.

    Raises:
        UsageError: the name ends in something else.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() == ".json":
        path.write_text(course.to_json(), encoding="utf-8")
    elif path.suffix.lower() in {".yaml", ".yml"}:
        text = yaml.safe_dump(json.loads(course.to_json()), sort_keys=False, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
    else:
        raise UsageError(f"{path} is neither .yaml nor .json: choose one of them")


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"{name}{line}: not valid JSON: {str(error).split(':')[0]}") from error


def _plain(text: str) -> str:
    """JSON as YAML takes it, with the same lines. Its tree only gives those; the values come from `json`."""
    return ODD.sub("?", ESCAPE.sub("?", text.replace("\t", " ").replace("\r\n", "\n")))


def _compose(text: str, name: str) -> Node:
    """The tree of a YAML text (JSON is YAML), with the line of every node.

    `libyaml` does the parsing where PyYAML was built with it: ten times as fast.
    """
    try:
        root: Node | None = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(error.problem or error.context or "unreadable").split())
        raise InputError(f"{name}{line}: not valid YAML: {problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{name} is not valid YAML: {str(error).splitlines()[0]}") from error
    if root is None:
        raise InputError(f"{name} is empty")
    return root


def _value(node: Node, where: Location, lines: Lines, seen: set[int]) -> Any:
    """The plain value of a node; `lines` gains the lines of all its parts."""
    line = node.start_mark.line + 1
    lines.at.setdefault(where, line)
    if id(node) in seen:
        raise InputError(f"{lines.name}, line {line}: YAML anchors are not read; write the value out")
    seen.add(id(node))
    if isinstance(node, MappingNode):
        return dict(_pairs(node, where, lines, seen))
    if isinstance(node, SequenceNode):
        return [_value(child, (*where, n), lines, seen) for n, child in enumerate(node.value)]
    return _scalar(node.tag.removeprefix(YAML_TAG), str(node.value))


def _pairs(node: MappingNode, where: Location, lines: Lines, seen: set[int]) -> Iterator[tuple[str, Any]]:
    met: set[str] = set()
    for key, child in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in met:
            raise InputError(f"{lines.name}, line {line}: `{name}` is given twice")
        met.add(name)
        lines.at[(*where, name)] = line
        yield name, _value(child, (*where, name), lines, seen)


def _scalar(kind: str, text: str) -> Any:
    """A plain value; dates, and numbers in odder notations (octal, base 60), stay text for the record to judge."""
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("yes", "true", "on")
    if kind == "int" and re.fullmatch(r"[-+]?(0|[1-9]\d*)", text):
        return int(text)
    if kind == "float" and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text):
        return float(text)
    return text


def _faults(error: ValidationError, lines: Lines) -> str:
    faults = sorted({(lines.of(e["loc"]), _fault(e, lines)) for e in error.errors(include_url=False)})
    said = [f"line {line}: {text}" for line, text in faults[:MAX_FAULTS]]
    more = f"; and {len(faults) - MAX_FAULTS} more" if len(faults) > MAX_FAULTS else ""
    return f"{lines.name}, {'; '.join(said)}{more}"


def _fault(error: ErrorDetails, lines: Lines) -> str:
    """One fault in words. The value is quoted only where it is short and plain."""
    known = {step for place in lines.at for step in place[-1:]}
    missing = error["type"] == "missing"
    steps = [step for step in error["loc"] if isinstance(step, str) and (missing or step in known)]
    key = steps[-1] if steps else "record"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if error["type"] == "missing":
        return f"`{key}` is missing"
    if error["type"] == "extra_forbidden":
        return f"unknown key `{key}`"
    given = error.get("input")
    shown = f" (given: {given})" if isinstance(given, int | float | bool) else ""
    return f"`{key}`: {message}{shown}"
