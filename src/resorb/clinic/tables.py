"""The tables of the clinical side, read from `tables/*.toml`; every row carries its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

Row = Mapping[str, Any]
#: Every table, by the name of its file.
TABLES = (
    "myotomes",
    "dermatomes",
    "areas",
    "reflexes",
    "signs",
    "zones",
    "mimics",
    "red_flags",
    "outlook",
    "rescans",
    "opioids",
    "settling",
)
#: How a source says that no published text that was read confirms the row. Such a row is shown, and decides nothing.
UNVERIFIED = "unverified"


@cache
def table(name: str) -> tuple[Row, ...]:
    """The rows of one of `TABLES`, in the order of the file."""
    text = resources.files("resorb.clinic").joinpath("tables", f"{name}.toml").read_text("utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["row"]
    return tuple(rows)


def verified(row: Row) -> bool:
    """Whether a published source that was read confirms the row."""
    return UNVERIFIED not in str(row["source"])
