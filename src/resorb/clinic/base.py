"""What every clinical record shares: strict validation, sides, roots, dates and yes-or-no answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from resorb.written import Day as Day
from resorb.written import LevelText as LevelText
from resorb.written import Location as Location
from resorb.written import Text as Text
from resorb.written import WrittenRecord

Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")
Root = Literal["L1", "L2", "L3", "L4", "L5", "S1", "S2", "S3", "S4", "S5"]


class ClinicRecord(WrittenRecord):
    """A part of a course."""


def _yes_or_no(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if value in ("yes", "no"):
        return value == "yes"
    raise ValueError("the answer is yes or no; leave it out where nobody asked")


#: `yes`, `no`, `true` or `false` in a file; None, everywhere, means that nobody asked or wrote it down.
YesNo = Annotated[
    bool,
    BeforeValidator(_yes_or_no),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no"]}]}),
]
#: A path, from the folder of the record.
PathText = Annotated[str, Field(min_length=1, max_length=2000)]
