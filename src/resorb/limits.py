"""Every threshold, read from `limits.toml`, each with unit and source; a user's file overrides any by name."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

from resorb.errors import InputError, UsageError


@dataclass(frozen=True)
class Limit:
    """One threshold.

    Attributes:
        value, unit: the number and what it is in (`mm`, `mm2`, `mm3`, `1/mm`, `ratio`).
        source: where it comes from.
        verified: a published source that was read confirms it.
        meaning: what it decides.
    """

    name: str
    value: float
    unit: str
    source: str
    verified: bool
    meaning: str


@dataclass(frozen=True)
class Limits:
    """All thresholds in force.

    Attributes:
        entries: by name.
        overrides: names that a user's file changed.
    """

    entries: Mapping[str, Limit]
    overrides: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> float:
        return self.entries[name].value

    @cached_property
    def sha256(self) -> str:
        """Hash over names and values, which decides whether a stored reading may be used again."""
        text = "\n".join(f"{name}={limit.value!r}" for name, limit in sorted(self.entries.items()))
        return hashlib.sha256(text.encode()).hexdigest()


def load_limits(path: Path | None = None) -> Limits:
    """The built-in limits, with those of a user's TOML file (`name = value`) in their place.

    Raises:
        InputError: the file cannot be read or is not TOML.
        UsageError: it names an unknown limit, or gives something that is no finite number >= 0.
    """
    built_in = tomllib.loads(resources.files("resorb").joinpath("limits.toml").read_text("utf-8"))
    entries = {name: Limit(name=name, **table) for name, table in built_in.items()}
    if path is None:
        return Limits(entries)
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"the limits file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the limits file {path} is not valid TOML: {error}") from error
    for name, value in given.items():
        if name not in entries:
            raise UsageError(f"unknown limit {name!r} in {path}; known are {', '.join(sorted(entries))}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise UsageError(f"limit {name!r} in {path} must be a number of {entries[name].unit}, 0 or more")
        old = entries[name]
        entries[name] = Limit(name, float(value), old.unit, f"user file ({old.source})", False, old.meaning)
    return Limits(entries, tuple(sorted(given)))
