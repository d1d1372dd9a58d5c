"""Records that people write by hand: YAML and JSON, with the line of everything that is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node, SequenceNode

from resorb.anatomy import Level
from resorb.errors import InputError, UsageError

#: A place in a record, by keys and positions (from 0).
Location = tuple[str | int, ...]
#: A course of hundreds of visits is far smaller.
MAX_BYTES = 5_000_000
#: So many faults are named at once.
MAX_FAULTS = 10
#: Earlier dates are slips of the pen: no patient with an MRI was born before.
EARLIEST = date(1900, 1, 1)
YAML_TAG = "tag:yaml.org,2002:"
#: What JSON may hold inside a string, and YAML not: its escapes, and characters outside printable ASCII.
ODD = re.compile(r"[^\x20-\x7e\n]")
ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


class WrittenRecord(BaseModel):
    """A part of a record that a person writes: immutable, finite, exact types, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


def _iso(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _ISO.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"there is no {value} in the calendar") from error
    raise ValueError("a date reads YYYY-MM-DD, e.g. 2024-01-15")


def _plausible(value: date) -> date:
    if value < EARLIEST:
        raise ValueError(f"a date before {EARLIEST:%Y} cannot be right")
    return value


def _level_name(value: str) -> str:
    try:
        return str(Level.parse(value))
    except UsageError as error:
        raise ValueError(str(error)) from error


Day = Annotated[date, BeforeValidator(_iso), AfterValidator(_plausible)]
#: A disc level such as L4/L5, stored in that form.
LevelText = Annotated[str, AfterValidator(_level_name)]
#: Text that the writer chose. It must not name the patient.
Text = Annotated[str, Field(max_length=2000)]

Written = TypeVar("Written", bound=BaseModel)


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
class Kind:
    """A kind of record.

    Attributes:
        kind: the value of its field `kind`.
        what: "the record of a course" and the like, for messages.
        version: the newest schema version that is known.
        file: what its file is called in messages, e.g. "record".
    """

    kind: str
    what: str
    version: int
    file: str = "record"


def read_text(path: Path, kind: Kind) -> str:
    """The text of a record's file.

    Raises:
        InputError: it cannot be read, is not UTF-8, or is far too large.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            f"the {kind.file} {path} cannot be read: {(error.strerror or 'unreadable').lower()}"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"the {kind.file} {path} is not text in UTF-8; save it as UTF-8") from error
    if len(raw) > MAX_BYTES:
        raise InputError(
            f"the {kind.file} {path} is larger than {MAX_BYTES // 1_000_000} MB: is it a {kind.kind}?"
        )
    return text


def parse_written(
    model: type[Written], text: str, name: str, kind: Kind, *, is_json: bool = False
) -> tuple[Written, Lines]:
    """Read a record from its text, with the line of each of its parts; `name` stands for the file in messages.

    Raises:
        InputError: it is not YAML or JSON, repeats a key, was written by a newer resorb, or holds something
            impossible; every message names the line.
    """
    given = _json(text, name) if is_json else None
    lines = Lines(name, {})
    root = _compose(_plain(text) if is_json else text, name)
    value = _value(root, (), lines, set())
    value = given if is_json else value
    if not isinstance(value, dict) or value.get("kind", kind.kind) != kind.kind:
        raise InputError(f"{name} is not {kind.what}: it starts with `kind: {kind.kind}`")
    version = value.get("schema_version", kind.version)
    if isinstance(version, int) and version > kind.version:
        raise InputError(
            f"{name} has schema version {version}, newer than this resorb knows ({kind.version}): update resorb"
        )
    try:
        return model.model_validate_json(json.dumps(value)), lines
    except ValidationError as error:
        raise InputError(_faults(error, lines)) from error


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
