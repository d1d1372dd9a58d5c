"""Pairs of dates of a simulated patient, compared as a user's are, beside what is true of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.pairs import PROTOCOLS, Subject
from resorb import measure
from resorb.anatomy import Anatomy, Level
from resorb.change import Between, Change, LevelChange, Track
from resorb.comparison.compare import compare
from resorb.comparison.error import Table
from resorb.comparison.joint import joint_frames
from resorb.comparison.levels import agree_on_levels
from resorb.comparison.registration import register_levels
from resorb.comparison.shared import METHOD
from resorb.errors import NotMeasurableError
from resorb.reading import Quantity
from resorb.simulation.truth.record import FocalTruth, LevelTruth
from resorb.study import Study
from resorb.timepoint import Timepoint

#: Less than this of a herniation is not there.
GONE_MM3 = 20.0
#: A measured herniation is the true one whose middle lies nearest, if not farther away than this.
SAME_MM = 15.0
Segment = Callable[[Study, Anatomy], Anatomy]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two dates of one patient, compared.

    Attributes:
        dates: which, from 0; protocols: of each.
        points: measured against the joint reference.
        seconds: of registering, measuring again and comparing.
    """

    subject: Subject
    dates: tuple[int, int]
    protocols: tuple[str, str]
    change: Change
    points: tuple[Timepoint, Timepoint]
    seconds: float

    @property
    def changed(self) -> bool:
        return self.dates[1] == 2

    def level(self, name: str) -> tuple[LevelTruth, LevelTruth]:
        """What is true of a level on both dates."""
        first, last = (self.subject.truths[date].at(name) for date in self.dates)
        return first, last

    def focal(self, date: int) -> dict[int, tuple[str, FocalTruth]]:
        """(level, truth) of the herniations that are there on a date of the pair (0 or 1), by number."""
        truth = self.subject.truths[self.dates[date]]
        return {
            one.number: (level.level, one)
            for level in truth.levels
            for one in level.focal
            if (one.sizes.volume_mm3.value or 0.0) > GONE_MM3
        }

    def numbers(self, track: Track) -> tuple[set[int], set[int]]:
        """Per date, the true herniations that the pieces of a track are."""
        found: list[set[int]] = []
        for date, numbers in enumerate(track.herniations):
            disc = self.points[date].disc(Level.parse(track.level))
            pieces = [one for one in disc.herniations if one.number in numbers]
            found.append({n for piece in pieces if (n := self._nearest(date, piece.centre)) is not None})
        return found[0], found[1]

    def _nearest(self, date: int, centre: tuple[float, float, float]) -> int | None:
        away = {
            number: float(np.linalg.norm(np.subtract(centre, one.sizes.centre)))
            for number, (_, one) in self.focal(date).items()
            if one.sizes.centre is not None
        }
        best = min(away, key=lambda number: away[number], default=None)
        return best if best is not None and away[best] <= SAME_MM else None


def compared(
    subject: Subject, segment: Segment, *, mixed: bool = True, table: Table | None = None
) -> Iterator[Pair]:
    """The first date of a patient against the others, by every pair of protocols.

    Args:
        segment: what outlines a study, given the exact outlines; these themselves, or the model.
        mixed: pairs of two different protocols too.
        table: of repeat imaging, in place of the shipped one.
    """
    points = {
        (date, protocol): measure(study, segment(study, exact))
        for date, scans in enumerate(subject.scans)
        for protocol, (study, exact) in scans.items()
    }
    for date in range(1, len(subject.scans)):
        for first, last in product(PROTOCOLS, repeat=2):
            if first != last and not mixed:
                continue
            one, two = points[0, first], points[date, last]
            since = time.perf_counter()
            try:
                again, change = compare_two(one, two, table)
            except NotMeasurableError:
                continue
            seconds = time.perf_counter() - since
            yield Pair(subject, (0, date), (first, last), change, again, seconds)


def compare_two(
    one: Timepoint, two: Timepoint, table: Table | None
) -> tuple[tuple[Timepoint, Timepoint], Change]:
    """Agree on levels, register, measure against the joint reference, compare; nothing was done in between."""
    points, _ = agree_on_levels((one, two))
    registrations = register_levels(points)
    frames = joint_frames(points, registrations)
    again = tuple(
        measure(point.study, point.anatomy, frames=own) for point, own in zip(points, frames, strict=True)
    )
    between = (Between(first=1, last=2, history="none"),)
    return (again[0], again[1]), compare(points, again, registrations, between, table=table)


@dataclass(frozen=True)
class Row:
    """One quantity of a level or a herniation in one pair: as measured, and as it truly is.

    Attributes:
        what: "level.volume_mm3", "herniation.depth_mm", ...; number: of the true herniation, 0 for a level.
        low, high: stated 95 % interval of the difference; NaN without one.
    """

    what: str
    level: str
    number: int
    first: float
    last: float
    true_first: float
    true_last: float
    low: float
    high: float
    verdict: str


#: Whose truth is a size of the material, and whose one of the level. A bulge that nothing changed differs by nothing.
SIZES = ("depth_mm", "width_mm", "height_mm", "area_mm2", "contact_mm2")
OF_LEVEL = ("sac_area_mm2", "canal_occupied", "disc_height_mm", "disc_height_index")


def rows(pair: Pair) -> Iterator[Row]:
    """Every quantity that was measured on both dates of a pair and whose truth is known."""
    for level in pair.change.levels:
        if level.level.startswith("T"):
            continue
        one, two = pair.level(level.level)
        focal = (one.focal_volume_mm3.value or 0.0, two.focal_volume_mm3.value or 0.0)
        known = {"volume_mm3": focal, "focal_volume_mm3": focal, "bulge_volume_mm3": (0.0, 0.0)}
        known |= {name: _both(getattr(one, name), getattr(two, name)) for name in OF_LEVEL}
        if one.focal or two.focal:
            known["depth_mm"] = _both(one.sizes.depth_mm, two.sizes.depth_mm)
        else:
            known["depth_mm"] = (0.0, 0.0)
        yield from _rows("level", level, level.level, 0, known)
    there = pair.focal(0), pair.focal(1)
    for track in pair.change.tracks:
        numbers = set.union(*pair.numbers(track))
        if len(numbers) != 1 or not all(numbers <= set(date) for date in there):
            continue
        number = numbers.pop()
        ends = [date[number][1].sizes for date in there]
        known = {
            name: _both(getattr(ends[0], name), getattr(ends[1], name)) for name in ("volume_mm3", *SIZES)
        }
        yield from _rows("herniation", track, track.level, number, known)


def _both(one: Quantity, two: Quantity) -> tuple[float, float]:
    return (
        np.nan if one.value is None else one.value,
        np.nan if two.value is None else two.value,
    )


def _rows(
    whose: str,
    subject: LevelChange | Track,
    level: str,
    number: int,
    known: Mapping[str, tuple[float, float]],
) -> Iterator[Row]:
    stated = {one.quantity: one for one in subject.differences if (one.first, one.last) == (1, 2)}
    for name, truth in known.items():
        one, two = subject.quantities.get(name, (None, None))
        if (
            one is None
            or two is None
            or one.value is None
            or two.value is None
            or not np.isfinite(truth).all()
            or any(METHOD in quantity.method for quantity in (one, two))
        ):
            continue  # of a part that all dates show, the truth is not known
        difference = stated[name].absolute if name in stated else None
        low = difference.low if difference is not None else None
        high = difference.high if difference is not None else None
        yield Row(
            f"{whose}.{name}",
            level,
            number,
            one.value,
            two.value,
            *truth,
            np.nan if low is None else low,
            np.nan if high is None else high,
            subject.verdict.value,
        )
