"""Stored comparisons of the studies of a course, and what the record lets their verdicts be called."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from resorb.change import Change, Difference, History, LevelChange, Track, Verdict, history_of
from resorb.clinic.base import Location
from resorb.clinic.record import Course
from resorb.clinic.treatment import Intervention, disc_history
from resorb.errors import InputError
from resorb.reading import Quantity

#: Stored comparisons by their position in the record.
Changes = Mapping[int, Change]
VOLUME = "volume_mm3"
GRAVITY: tuple[Intervention, ...] = ("none", "unknown", "injected", "operated")
DONE: tuple[Intervention, ...] = ("injected", "operated")
SIDES = ("left", "right", "midline")
UNKNOWN = Quantity(value=None, reason="not part of the comparison")


@dataclass(frozen=True)
class Followed:
    """One herniation, or a level's displaced material where no herniation was found, through a comparison.

    Attributes:
        number: position of the comparison in the record.
        identifier: of the track; empty for a level.
        days: per date; None where neither the comparison nor the record knows it.
        studies: per date, the position of its study in the record; None where the record has none of that day.
        found: per date, whether a herniation was found.
        volumes: per date, mm3, behind the reference surface that all dates share.
        difference: of the volume between the dates of the verdict.
        told: what the comparison was told about operations and injections between these dates.
        listed: the same as the record has it.
    """

    number: int
    identifier: str
    level: str
    side: str | None
    days: tuple[date | None, ...]
    studies: tuple[int | None, ...]
    found: tuple[bool, ...]
    volumes: tuple[Quantity, ...]
    difference: Difference | None
    verdict: Verdict
    told: History
    listed: Intervention

    @property
    def place(self) -> str:
        """`L4/L5 left`."""
        return f"{self.level} {self.side}" if self.side in SIDES else self.level

    @property
    def where(self) -> Location:
        """Of the comparison, in the record."""
        return ("changes", self.number)

    @property
    def first(self) -> date | None:
        """Of the verdict."""
        return self.days[self.verdict.first - 1]

    @property
    def last(self) -> date | None:
        """Of the verdict."""
        return self.days[self.verdict.last - 1]

    @property
    def history(self) -> Intervention:
        """What decides which words are allowed: the graver of both; only the record can say that there was none."""
        return self.listed if self.told == "unknown" else max(self.listed, self.told, key=GRAVITY.index)

    @property
    def untold(self) -> bool:
        """The record lists an operation or injection between the dates that the comparison was not told of."""
        return self.listed in DONE and self.told != self.listed

    @property
    def unlisted(self) -> bool:
        """The comparison was told of an operation or injection that the record does not list."""
        return self.told in DONE and self.listed not in DONE


def read_changes(course: Course, folder: Path) -> dict[int, Change]:
    """The stored comparisons that a course names, by their position.

    Args:
        folder: of the record, from which the paths start.

    Raises:
        InputError: a comparison cannot be read, or is none; the path is named.
    """
    found: dict[int, Change] = {}
    for n, name in enumerate(course.changes):
        path = change_file(folder, name)
        try:
            found[n] = Change.from_json(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"the comparison {path} cannot be read; run `resorb compare` on those studies"
            ) from error
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    return found


def change_file(folder: Path, name: str) -> Path:
    """The file of a comparison that a record names by its folder or by itself."""
    path = folder / name
    return path / "change.json" if path.is_dir() else path


def follow(course: Course, changes: Changes, herniated: Collection[str] = ()) -> tuple[Followed, ...]:
    """Every herniation that a comparison follows, each once: in the comparison that reaches furthest.

    Args:
        herniated: levels that a report or a reading calls so; where a comparison found no herniation there, all
            displaced material of the level is followed instead.
    """
    found: dict[tuple[str, str], Followed] = {}
    for n in sorted(changes):
        for one in _of_change(course, n, changes[n], herniated):
            key = (one.identifier, "" if one.identifier else one.level)
            found[key] = max(one, found.get(key, one), key=_reach)
    tracked = {one.level for one in found.values() if one.identifier}
    return tuple(one for one in found.values() if one.identifier or one.level not in tracked)


def _reach(one: Followed) -> tuple[date, int]:
    return one.last or date.min, len(one.days)


def _of_change(course: Course, n: int, change: Change, herniated: Collection[str]) -> Iterator[Followed]:
    for track in change.tracks:
        yield _followed(course, n, change, track)
    for level in change.levels:
        if level.level in herniated:
            yield _followed(course, n, change, level)


def _followed(course: Course, n: int, change: Change, one: Track | LevelChange) -> Followed:
    studies = tuple(_study(course, dated.date) for dated in change.dates)
    days = tuple(dated.date for dated in change.dates)
    verdict = one.verdict
    between = (days[verdict.first - 1], days[verdict.last - 1])
    told = history_of(change.between, one.level, verdict.first, verdict.last)
    return Followed(
        number=n,
        identifier=one.identifier if isinstance(one, Track) else "",
        level=one.level,
        side=one.side if isinstance(one, Track) else None,
        days=days,
        studies=studies,
        found=tuple(map(bool, one.herniations)) if isinstance(one, Track) else (False,) * len(days),
        volumes=one.quantities.get(VOLUME, (UNKNOWN,) * len(days)),
        difference=next(
            (
                d
                for d in one.differences
                if (d.quantity, d.first, d.last) == (VOLUME, verdict.first, verdict.last)
            ),
            None,
        ),
        verdict=verdict,
        told=told,
        listed=_listed(course, one.level, between),
    )


def _study(course: Course, day: date | None) -> int | None:
    return next((n for n, s in enumerate(course.studies) if s.date == day and s.modality == "MR"), None)


def _listed(course: Course, level: str, between: tuple[date | None, date | None]) -> Intervention:
    first, last = between
    if first is None or last is None:
        return "unknown"
    return disc_history(course.treatments, level, (first, last), course.treatments_complete)
