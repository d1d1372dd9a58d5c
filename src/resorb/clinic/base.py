"""What every clinical record shares: strict validation, sides, roots, dates and yes-or-no answers."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from resorb.anatomy import Level
from resorb.errors import UsageError

Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")
Root = Literal["L1", "L2", "L3", "L4", "L5", "S1", "S2", "S3", "S4", "S5"]
#: Earlier dates are slips of the pen: no patient with an MRI was born before.
EARLIEST = date(1900, 1, 1)
#: A place in a record, by keys and positions (from 0).
Location = tuple[str | int, ...]
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


class ClinicRecord(BaseModel):
    """A part of a course: immutable, finite, exact types, without unknown keys."""

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


def _yes_or_no(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if value in ("yes", "no"):
        return value == "yes"
    raise ValueError("the answer is yes or no; leave it out where nobody asked")


def _level_name(value: str) -> str:
    try:
        return str(Level.parse(value))
    except UsageError as error:
        raise ValueError(str(error)) from error


Day = Annotated[date, BeforeValidator(_iso), AfterValidator(_plausible)]
#: `yes`, `no`, `true` or `false` in a file; None, everywhere, means that nobody asked or wrote it down.
YesNo = Annotated[
    bool,
    BeforeValidator(_yes_or_no),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no"]}]}),
]
#: A disc level such as L4/L5, stored in that form.
LevelText = Annotated[str, AfterValidator(_level_name)]
#: Text that the writer chose. It must not name the patient.
Text = Annotated[str, Field(max_length=2000)]
#: A path, from the folder of the record.
PathText = Annotated[str, Field(min_length=1, max_length=2000)]
