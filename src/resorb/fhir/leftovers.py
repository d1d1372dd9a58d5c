"""What could not be carried over: a typed list, so that nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
#: withheld: kept back unless asked for; no_field: the other side has no place for it; unknown_code: no code or unit
#: of it is known; impossible: the record allows no such value; repeated: given twice where there is room for one;
#: not_true: its status or modifier says that it did not happen or may not be relied on; inexact: a date without a day,
#: a bound instead of a value.
Reason = Literal["withheld", "no_field", "unknown_code", "impossible", "repeated", "not_true", "inexact"]


@dataclass(frozen=True)
class Leftover:
    """One thing that was not carried over.

    Attributes:
        where: its place: in the record (`studies[0].path`) or in the bundle, by position from 1
            (`entry 3 (Observation).valueQuantity`). It never holds the value, which may name the patient.
        detail: what would have been needed.
    """

    where: str
    reason: Reason
    detail: str = ""


class Unreadable(Exception):  # noqa: N818 - it never leaves the package: it becomes a Leftover
    """A resource that cannot become part of the record."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def unread(before: Any, after: Any, where: str) -> Iterator[str]:
    """The places of what is left of a resource after reading.

    Args:
        before: the resource as it came.
        after: the working copy, from which everything that was read has been taken out.
        where: the place of both.
    """
    if _empty(after):
        return
    if after == before or not isinstance(after, dict | list):
        yield where
    elif isinstance(after, dict):
        for key, value in after.items():
            yield from unread(before.get(key), value, f"{where}.{key}")
    else:
        # What was read is gone from a list, so that positions no longer tell which part remains.
        yield from (f"{where}[]" for one in after if not _empty(one))


def _empty(part: Any) -> bool:
    if isinstance(part, dict):
        return all(_empty(value) for value in part.values())
    return isinstance(part, list) and all(_empty(one) for one in part)
