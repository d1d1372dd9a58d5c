"""The quantities of a herniation, or of a level, over all dates, with the error that each carries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np

from resorb.anatomy import Level
from resorb.change import Dated, Difference, Rate
from resorb.comparison.course import rate, sequences_differ
from resorb.comparison.error import Compared, Measured, Table, apart_sd, compare_values
from resorb.comparison.matching import Followed, Seen
from resorb.comparison.shared import Shared
from resorb.reading import DiscReading, Quantity
from resorb.registration import Registration

VOLUME, T2, DEPTH = "volume_mm3", "t2_ratio", "depth_mm"
HERNIATION, LEVEL = "herniation", "level"
#: Of a herniation; volume is the sum of its pieces, depth the largest, the rest that of its largest piece.
TRACK_QUANTITIES = (
    VOLUME,
    DEPTH,
    "width_mm",
    "height_mm",
    "area_mm2",
    "contact_mm2",
    "canal_occupied",
    "cranial_migration_mm",
    "caudal_migration_mm",
    T2,
)
LEVEL_QUANTITIES = (
    VOLUME,
    "focal_volume_mm3",
    "bulge_volume_mm3",
    DEPTH,
    "canal_occupied",
    "sac_area_mm2",
    "disc_height_mm",
    "disc_height_index",
    "disc_volume_mm3",
    "slip_mm",
    T2,
)
#: Those whose course over time is given.
COURSES = (VOLUME, DEPTH, "canal_occupied", T2, "sac_area_mm2")
#: What headers have to tell before dates are taken to be of one scanner.
SCANNER = ("manufacturer", "acquisition")
NOT_FOUND = "no herniation stands out there"
BY_DIFFERENCE = "what the level lost"
NOT_MEASURED = "the level was not measured on that date"
#: Width of the disc's posterior margin, mm, over which a misplaced reference adds volume where no herniation is;
#: of a narrower field, the width that it shows.
MARGIN_WIDTH_MM = 40.0
USUAL_HEIGHT_MM = 10.0  # of a disc whose height was not measured


@dataclass(frozen=True, eq=False)
class Scans:
    """What all quantities of a comparison hang on.

    Attributes:
        dates: in order of time.
        discs: per date, the levels that were measured, against the joint frames.
        registrations: by level.
        table: of repeat imaging; `table_of` tells the one that fits.
        width_mm: of the narrowest field, from left to right.
        shared: of levels whose material reaches the edge of a field, the part that is compared.
    """

    dates: tuple[Dated, ...]
    discs: tuple[Mapping[Level, DiscReading], ...]
    registrations: Mapping[Level, Registration]
    table: Table
    width_mm: float = MARGIN_WIDTH_MM
    shared: Mapping[Level, Shared] = field(default_factory=dict)

    def slice_mm(self, date: int) -> float:
        """Distance of the slices on a date (numbers from 1)."""
        return self.dates[date - 1].spacing_mm[0]

    def matching(self, *dates: int) -> bool:
        """Whether all of these dates are known to be of matching sequences, and outlined the same way."""
        chosen = [self.dates[date - 1] for date in dates]
        told = all(fact in date.sequence for date in chosen for fact in SCANNER)
        alike = len({date.segmented_by for date in chosen}) == 1
        return told and alike and not any(sequences_differ(*pair) for pair in combinations(chosen, 2))

    def table_of(self, *dates: int) -> Table:
        """The table of repeat imaging that tells the error of differences between these dates."""
        apart = self.table.matching
        return apart if apart is not None and self.matching(*dates) else self.table

    @property
    def error_source(self) -> str:
        """What the tables that tell the errors of these dates were drawn from."""
        return " and ".join(dict.fromkeys(self.table_of(*pair).made_with for pair in self.pairs()))

    def worse_mm(self, level: Level, table: Table) -> float:
        """How far registration misplaces one date's reference surface, beyond what repeat imaging knows already.

        Dates that miss each other by e mm across the disc's margin move the surface by e against the material: a
        volume changes by e times the area that the material covers of it, a depth by e. The table was drawn from dates
        registered by the same code, so that its errors hold those of a registration as good as theirs
        (`Table.registration_mm`); only what goes beyond is added, as variance, half of it to each of two dates.
        """
        registration = self.registrations.get(level)
        if registration is None:
            return 0.0
        return float(np.sqrt(max(registration.across_margin_mm**2 - table.registration_mm**2, 0.0) / 2))

    def aside_mm3(self, level: Level, *, whole_level: bool) -> float:
        """Error of one date's volume from ends of the shared field that registration misplaces sideways."""
        registration, shared = self.registrations.get(level), self.shared.get(level)
        if registration is None or shared is None or not (whole_level or shared.herniations):
            return 0.0
        # Two ends, each off by the error of two dates, half of whose variance belongs to one.
        return registration.error_mm * shared.section_mm2

    def detectable_mm3(self, date: int, worse_mm3: float, whose: str, table: Table) -> float:
        """The least volume that is told from nothing on a date."""
        known = table.quantities[f"{whose}.{VOLUME}"]
        return known.factor * float(np.sqrt(known.variance(0.0, self.slice_mm(date)) + worse_mm3**2))

    def apart_mm3(self, dates: tuple[int, int], whose: str) -> float:
        """Reach to each side that a difference of volumes has because two dates' slices differ."""
        known = self.table_of(*dates).quantities[f"{whose}.{VOLUME}"]
        return known.factor * known.apart_sd(*(self.slice_mm(date) for date in dates))

    def pairs(self) -> list[tuple[int, int]]:
        """First and last date, then neighbouring ones where there are more than two."""
        count = len(self.dates)
        return [(1, count), *(pairwise(range(1, count + 1)) if count > 2 else ())]


@dataclass(frozen=True, eq=False)
class ThroughTime:
    """Quantities over all dates.

    Attributes:
        whose: of a herniation, or of a level.
        quantities: per name, one per date.
        area_mm2: over which a misplaced reference adds volume.
    """

    scans: Scans
    level: Level
    whose: str
    quantities: dict[str, tuple[Quantity, ...]]
    area_mm2: float

    def table(self, name: str, first: int, last: int) -> Table:
        """The table that tells the error of a quantity's difference between two dates."""
        scans, both = self.scans, (self.quantities[name][date - 1] for date in (first, last))
        if any(one.method.startswith(BY_DIFFERENCE) for one in both):
            # What is known by difference rests on a date that may be neither of the two.
            return scans.table_of(*(date.number for date in scans.dates))
        return scans.table_of(first, last)

    def measured(self, name: str, date: int, table: Table) -> Measured:
        """A quantity of one date with what its error hangs on."""
        worse = self.scans.worse_mm(self.level, table)
        moved = worse * self.area_mm2
        aside = self.scans.aside_mm3(self.level, whole_level=self.whose == LEVEL)
        volume = float(np.hypot(moved, aside))
        extra = {VOLUME: volume, "focal_volume_mm3": moved, DEPTH: worse}
        quantity = self.quantities[name][date - 1]
        whose = LEVEL if quantity.method.startswith(BY_DIFFERENCE) else self.whose
        known = table.quantities.get(f"{whose}.{name}")
        return Measured(date, quantity, self.scans.slice_mm(date), known, extra.get(name, 0.0))

    def detectable_mm3(self, date: int, table: Table) -> float:
        """The least volume that is told from nothing on a date, in the way in which it was measured there."""
        by_difference = self.quantities[VOLUME][date - 1].method.startswith(BY_DIFFERENCE)
        whose = LEVEL if by_difference else self.whose
        return self.scans.detectable_mm3(date, self.measured(VOLUME, date, table).extra_sd, whose, table)

    def compared(self, name: str, first: int, last: int) -> Compared:
        """The difference of a quantity between two dates."""
        if name == T2 and (why := self._signals_differ(first, last)):
            nothing = Quantity(value=None, reason=why)
            return Compared(Difference(quantity=T2, first=first, last=last, absolute=nothing))
        table = self.table(name, first, last)
        return compare_values(name, self.measured(name, first, table), self.measured(name, last, table))

    def differences(self) -> tuple[Difference, ...]:
        """Of every quantity, the first date against the last and neighbouring ones."""
        return tuple(
            self.compared(name, first, last).difference
            for first, last in self.scans.pairs()
            for name in self.quantities
        )

    def course(self) -> tuple[Rate, ...]:
        """Rates of those quantities whose course is given."""
        dates = self.scans.dates
        table = self.scans.table_of(*(date.number for date in dates))
        found = []
        for name in COURSES:
            if name not in self.quantities:
                continue
            if name == T2 and any(self._signals_differ(*pair) for pair in pairwise(range(1, len(dates) + 1))):
                continue
            measured = [self.measured(name, date.number, table) for date in dates]
            # What thin and thick slices show differently, shared between the two dates of a pair.
            there = [one for one in measured if one.quantity.value is not None]
            apart = max((apart_sd(*pair) for pair in combinations(there, 2)), default=0.0) / math.sqrt(2.0)
            sds = [None if (sd := one.sd()) is None else math.hypot(sd, apart) for one in measured]
            freedom = min(one.freedom for one in measured)
            told = len(dates) == 2 and bool(self.compared(name, 1, 2).difference.beyond_error)
            if (one := rate(name, dates, self.quantities[name], sds, freedom, told=told)) is not None:
                found.append(one)
        return tuple(found)

    def _signals_differ(self, first: int, last: int) -> str:
        return sequences_differ(self.scans.dates[first - 1], self.scans.dates[last - 1])


def level_through_time(scans: Scans, level: Level) -> ThroughTime:
    """All displaced material of a level over all dates."""
    missing = Quantity(value=None, reason=NOT_MEASURED)
    discs = [date.get(level) for date in scans.discs]
    quantities = {
        name: tuple(missing if disc is None else getattr(disc, name) for disc in discs)
        for name in LEVEL_QUANTITIES
    }
    heights = [q.value for q in quantities["disc_height_mm"] if q.value is not None]
    width = min(MARGIN_WIDTH_MM, scans.width_mm)
    return ThroughTime(scans, level, LEVEL, quantities, width * max(heights, default=USUAL_HEIGHT_MM))


def tracks_through_time(scans: Scans, tracks: Sequence[Followed]) -> list[ThroughTime]:
    """Every herniation over all dates, in their order."""
    found = [_found(scans, track) for track in tracks]
    for level in {track.level for track in tracks}:
        _fill_volumes(scans, [one for one in found if one.level == level])
    return found


def _found(scans: Scans, track: Followed) -> ThroughTime:
    """What was measured of it on those dates on which it was found."""
    level = track.level
    sizes = [2 * one.half_size_mm for one in track.pieces]
    area = float(np.pi / 4 * max(size[0] for size in sizes) * max(size[2] for size in sizes))
    quantities = {
        name: tuple(
            _of_pieces(name, pieces) if pieces else _absent(scans, level, number)
            for number, pieces in enumerate(track.seen, start=1)
        )
        for name in TRACK_QUANTITIES
    }
    return ThroughTime(scans, level, HERNIATION, quantities, area)


def _absent(scans: Scans, level: Level, date: int) -> Quantity:
    disc = scans.discs[date - 1].get(level)
    measured = disc is not None and "unmeasurable" not in disc.flags
    return Quantity(value=None, reason=NOT_FOUND if measured else NOT_MEASURED)


def _fill_volumes(scans: Scans, tracks: Sequence[ThroughTime]) -> None:
    """Volumes on dates on which a herniation of a level was not found.

    A small rest has no summit of its own, and is counted to the bulge. But all dates are measured against one
    reference, so what the level holds less (or more) than on a date with the herniation, other herniations taken off,
    is what the herniation lost: the bulge cancels. The error is that of all that the level holds, which is larger.
    """
    volumes = [list(one.quantities[VOLUME]) for one in tracks]
    known = [[q.value for q in own] for own in volumes]
    for date in range(1, len(scans.dates) + 1):
        absent = [n for n, own in enumerate(volumes) if own[date - 1].reason == NOT_FOUND]
        for source in {_nearest(known[n], date) for n in absent} - {0}:
            group = [n for n in absent if _nearest(known[n], date) == source]
            gone = _lost(scans, tracks[0].level, (source, date))
            for n, own in enumerate(known):
                one, two = own[source - 1], own[date - 1]
                if n not in group and one is not None and two is not None and gone.value is not None:
                    gone = gone.model_copy(update={"value": gone.value + two - one})
            before = sum(known[n][source - 1] or 0.0 for n in group)
            for n in group:
                share = (known[n][source - 1] or 0.0) / before if before else 1.0
                volumes[n][date - 1] = _rest(tracks[n], (source, date), gone, share)
    for track, volume in zip(tracks, volumes, strict=True):
        track.quantities[VOLUME] = tuple(volume)


def _nearest(known: Sequence[float | None], date: int) -> int:
    """The date nearest to another, the earlier of two, on which a volume is known; 0 for none."""
    there = [n for n, value in enumerate(known, start=1) if value is not None]
    return min(there, key=lambda n: (abs(n - date), n), default=0)


def _lost(scans: Scans, level: Level, dates: tuple[int, int]) -> Quantity:
    """What a level holds less on the second date than on the first."""
    discs = [scans.discs[date - 1].get(level) for date in dates]
    values = [Quantity(value=None, reason=NOT_MEASURED) if d is None else d.volume_mm3 for d in discs]
    missing = next((value for value in values if value.value is None), None)
    if missing is not None:
        return Quantity(value=None, reason=missing.reason)
    return Quantity(value=(values[0].value or 0.0) - (values[1].value or 0.0))


def _rest(track: ThroughTime, dates: tuple[int, int], gone: Quantity, share: float) -> Quantity:
    """The volume of a herniation on the second date, from that of the first and what its level lost since."""
    source, date = dates
    if gone.value is None:
        return Quantity(value=None, reason=f"{NOT_FOUND}; all that the level holds: {gone.reason}")
    left = max((track.quantities[VOLUME][source - 1].value or 0.0) - share * gone.value, 0.0)
    table = track.scans.table_of(source, date)
    moved = track.scans.worse_mm(track.level, table) * track.area_mm2
    worse = float(np.hypot(moved, track.scans.aside_mm3(track.level, whole_level=True)))
    reach = math.hypot(
        track.scans.detectable_mm3(date, worse, LEVEL, table), track.scans.apart_mm3((source, date), LEVEL)
    )
    return Quantity(
        value=round(left, 3),
        low=round(max(left - reach, 0.0), 3),
        high=round(left + reach, 3),
        method=f"{BY_DIFFERENCE} since date {source}, taken off its volume then",
    )


def _of_pieces(name: str, pieces: Sequence[Seen]) -> Quantity:
    found = [getattr(one.herniation, name) for one in pieces]
    if len(found) == 1:
        return Quantity.model_validate(found[0])
    if name == VOLUME:
        return _sum(found)
    if name == DEPTH:
        return Quantity.model_validate(max(found, key=lambda one: one.at_least or 0.0))
    largest = max(range(len(pieces)), key=lambda n: pieces[n].volume_mm3)
    return Quantity.model_validate(found[largest])


def _sum(parts: Sequence[Quantity]) -> Quantity:
    """The sum of pieces; a lower bound where one of them is."""
    total = sum(part.at_least or 0.0 for part in parts)
    method = f"sum of {len(parts)} pieces"
    cropped = [part for part in parts if part.value is None]
    if cropped:
        return Quantity(value=None, low=total, method=method, reason=cropped[0].reason)
    low, high = (
        float(np.sqrt(sum((getattr(p, end) - (p.value or 0.0)) ** 2 for p in parts)))
        if all(getattr(p, end) is not None for p in parts)
        else None
        for end in ("low", "high")
    )
    return Quantity(
        value=round(total, 3),
        low=None if low is None else round(total - low, 3),
        high=None if high is None else round(total + high, 3),
        method=method,
        source=parts[0].source,
    )
