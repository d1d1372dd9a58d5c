"""The same herniation on every date: found by level, side and position in the spine's own coordinates.

Positions are local to the joint frames, which carry one reference into each date's world: the same place of the
spine has the same coordinates on all dates, however the patient lay. Pairs are assigned at the lowest total cost
(`scipy.optimize.linear_sum_assignment`), date after date; a herniation that was gone may so come back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from resorb.anatomy import Level
from resorb.change import Event
from resorb.reading import Herniation
from resorb.study import FloatArray
from resorb.timepoint import Timepoint

#: Farther apart than this, two are not the same; a large one's middle moves more as it changes, and a fragment wanders.
GATE_MM = 12.0
GATE_PER_SIZE = 0.5
#: Cost, mm, of having changed sides, or the disc that it is counted to: possible, but the unlikelier reading.
SIDE_COST_MM, LEVEL_COST_MM = 4.0, 3.0
MIDLINE_MM = 2.0
#: A piece whose middle lies within another's extent, and this much around it, was part of it.
PIECE_MARGIN_MM = 3.0
#: From here on, a herniation that moved along the canal has migrated; less is within the error of its middle.
MIGRATED_MM = 5.0
IDENTIFIER_DIGITS = 10


@dataclass(frozen=True, eq=False)
class Seen:
    """One herniation on one date.

    Attributes:
        date: number of the date, from 1.
        level: that it is counted to; herniation: as it was measured against the joint frame.
        centres: (3,) left, posterior, cranial mm of its middle, in the joint frame of its own level and of the levels
            beside it.
    """

    date: int
    level: Level
    herniation: Herniation
    centres: Mapping[Level, FloatArray]

    @property
    def centre(self) -> FloatArray:
        """(3,) its middle in the frame of its own level."""
        return self.centres[self.level]

    @property
    def half_size_mm(self) -> FloatArray:
        """(3,) half its extent to the left and right, and up and down; depth counts whole."""
        sizes = (self.herniation.width_mm, self.herniation.depth_mm, self.herniation.height_mm)
        width, depth, height = (quantity.at_least or 0.0 for quantity in sizes)
        return np.array([width / 2, depth, height / 2])

    @property
    def volume_mm3(self) -> float:
        return self.herniation.volume_mm3.at_least or 0.0


@dataclass(eq=False)
class Followed:
    """One herniation through time: what was seen of it per date (index 0 is the first), in one piece or several."""

    seen: list[list[Seen]]
    events: list[Event] = field(default_factory=list)

    @property
    def pieces(self) -> list[Seen]:
        return [one for date in self.seen for one in date]

    @property
    def first(self) -> Seen:
        """Its largest piece on the date on which it was first seen."""
        return max(next(date for date in self.seen if date), key=lambda one: one.volume_mm3)

    @property
    def last_known(self) -> list[Seen]:
        return next(date for date in reversed(self.seen) if date)

    @property
    def level(self) -> Level:
        return self.first.level

    @property
    def side(self) -> str | None:
        """left, right or midline, where it was first seen."""
        classes = self.first.herniation.classes
        return classes.side.value if classes is not None and classes.side.value else _side(self.first.centre)

    def levels(self) -> tuple[Level, ...]:
        """Per date, the level that its largest piece is counted to; that of the first date where it is not found."""
        return tuple(
            max(date, key=lambda one: one.volume_mm3).level if date else self.level for date in self.seen
        )

    def numbers(self) -> tuple[tuple[int, ...], ...]:
        """Per date, the numbers of its pieces in the reading of that level."""
        return tuple(
            tuple(sorted(one.herniation.number for one in date if one.level == level))
            for date, level in zip(self.seen, self.levels(), strict=True)
        )


def identifier(followed: Followed, studies: Sequence[str]) -> str:
    """The level, and a hash of the study on which the herniation was first seen and of its number there.

    Dates that are added later do not change it.

    Args:
        studies: sha256 of the study of each date.
    """
    first = followed.first
    text = f"{studies[first.date - 1]}:{first.level}:{first.herniation.number}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:IDENTIFIER_DIGITS]
    return f"{first.level.upper}-{first.level.lower}-{digest}"


def match(timepoints: Sequence[Timepoint]) -> tuple[Followed, ...]:
    """Follow every herniation through all dates.

    Args:
        timepoints: measured against joint frames; in order of time, with the same names for the same levels.

    Returns:
        From above downwards, then from right to left.
    """
    tracks: list[Followed] = []
    for number, timepoint in enumerate(timepoints, start=1):
        found = _seen(timepoint, number)
        _extend(tracks, found, number)
    for track in tracks:
        track.events = _events(track)
    return tuple(sorted(tracks, key=lambda track: (track.level, float(track.first.centre[0]))))


def _seen(timepoint: Timepoint, number: int) -> list[Seen]:
    found = []
    for disc in timepoint.reading.discs:
        level = Level.parse(disc.level)
        if level not in timepoint.frames:
            continue
        near = [other for other in timepoint.frames if other == level or _beside(level, other)]
        for one in disc.herniations:
            centre = np.array(one.centre, dtype=np.float64)
            centres = {other: timepoint.frames[other].to_local(centre) for other in near}
            found.append(Seen(number, level, one, centres))
    return found


def _extend(tracks: list[Followed], found: list[Seen], number: int) -> None:
    """Add one date to the tracks."""
    before = [(track, track.last_known) for track in tracks]
    for track in tracks:
        track.seen.append([])
    cost = np.array([[min(_cost(old, one) for old in known) for one in found] for _, known in before])
    taken: set[int] = set()
    if cost.size:
        rows, columns = _assigned(cost)
        for row, column in zip(rows, columns, strict=True):
            before[row][0].seen[-1].append(found[column])
            taken.add(column)
    for column, one in enumerate(found):  # split: the rest of what was one piece
        if column in taken:
            continue
        whole = next(
            (t for t, known in before if t.seen[-1] and any(_within(one, old) for old in known)), None
        )
        if whole is not None:
            whole.seen[-1].append(one)
        else:
            empty: list[list[Seen]] = [[] for _ in range(number - 1)]
            tracks.append(Followed([*empty, [one]]))
    for track, known in before:  # merged: two that are now one become one track
        if track.seen[-1] or not track.seen[-2]:
            continue
        for other, _ in before:
            now = other.seen[-1]
            if other is not track and other in tracks and any(_within(o, n) for n in now for o in known):
                other.seen = [[*a, *b] for a, b in zip(other.seen, track.seen, strict=True)]
                tracks.remove(track)
                break


def _assigned(cost: FloatArray) -> tuple[list[int], list[int]]:
    """Rows and columns of pairs at the lowest total cost; a pair that costs more than the gate (1) is none."""
    tracks, herniations = cost.shape
    # To stay alone costs half a gate on either side, so that two that belong together never do.
    alone = np.full((tracks + herniations, tracks + herniations), 0.5)
    alone[:tracks, :herniations] = np.where(cost <= 1.0, cost, 1e6)
    alone[tracks:, herniations:] = 0.0
    rows, columns = linear_sum_assignment(alone)
    pairs = [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if r < tracks and c < herniations]
    return [r for r, _ in pairs], [c for _, c in pairs]


def _cost(old: Seen, new: Seen) -> float:
    """Distance of two middles in units of how far the same one's may lie apart; above 1 it is another."""
    shared = [level for level in old.centres if level in new.centres and level in (old.level, new.level)]
    if not shared:
        return np.inf
    distance = min(float(np.linalg.norm(old.centres[level] - new.centres[level])) for level in shared)
    level = shared[0]
    sides = {_side(old.centres[level]), _side(new.centres[level])}
    distance += SIDE_COST_MM if {"left", "right"} <= sides else 0.0
    distance += LEVEL_COST_MM if old.level != new.level else 0.0
    reach = max(float(np.max(old.half_size_mm)), float(np.max(new.half_size_mm)))
    return distance / (GATE_MM + GATE_PER_SIZE * reach)


def _within(piece: Seen, whole: Seen) -> bool:
    """Whether a piece's middle lies within the extent of another one."""
    if whole.level not in piece.centres:
        return False
    away = np.abs(piece.centres[whole.level] - whole.centre)
    return bool((away <= whole.half_size_mm + PIECE_MARGIN_MM).all())


def _beside(level: Level, other: Level) -> bool:
    return level.upper == other.lower or level.lower == other.upper


def _side(centre: FloatArray) -> str:
    left = float(centre[0])
    return "midline" if abs(left) <= MIDLINE_MM else "left" if left > 0 else "right"


def _events(track: Followed) -> list[Event]:
    """What happened to the pieces, from the second date on."""
    events: list[Event] = []
    for number, (before, now) in enumerate(zip(track.seen, track.seen[1:], strict=False), start=2):
        if not before and now:
            again = any(track.seen[: number - 2])
            words = "seen again where it had been before" if again else "seen for the first time"
            events.append(Event(date=number, kind="new", words=words))
        elif before and not now:
            events.append(Event(date=number, kind="vanished", words="no longer seen"))
        elif before and now:
            events += _pieces(before, now, number)
    return events


def _pieces(before: list[Seen], now: list[Seen], number: int) -> list[Event]:
    events = []
    if len(now) > len(before):
        events.append(
            Event(date=number, kind="split", words=f"in {len(now)} pieces, before in {len(before)}")
        )
    if len(now) < len(before):
        events.append(
            Event(date=number, kind="merged", words=f"in {_count(len(now))}, before in {len(before)} pieces")
        )
    old, new = (max(date, key=lambda one: one.volume_mm3) for date in (before, now))
    level = old.level if old.level in new.centres else new.level
    if level in old.centres:
        way = float(new.centres[level][2] - old.centres[level][2])
        if abs(way) >= MIGRATED_MM:
            where = "upwards" if way > 0 else "downwards"
            words = f"its middle lies {abs(way):.0f} mm farther {where}"
            events.append(Event(date=number, kind="migrated", words=words))
    return events


def _count(pieces: int) -> str:
    return "one piece" if pieces == 1 else f"{pieces} pieces"
