"""What is judged: each herniation, and each level without one, on two dates, with what weakens its verdict."""

from __future__ import annotations

from dataclasses import dataclass

from resorb.anatomy import Level
from resorb.change import Between, history_of
from resorb.comparison.error import Table
from resorb.comparison.follow import DEPTH, VOLUME, Scans, ThroughTime
from resorb.comparison.matching import Followed
from resorb.comparison.verdict import Case
from resorb.limits import Limits
from resorb.reading import DiscReading

THORACIC = "above the lumbar spine"
PART = "in the {width:.0f} mm that every date shows"
BEYOND_FIELD = (
    "Its material reaches the edge of a date's field: what lies beyond is not known, and not compared."
)


@dataclass(frozen=True, eq=False)
class Subject:
    """A herniation, or a level without one, over all dates."""

    through: ThroughTime
    track: Followed | None

    @property
    def level(self) -> Level:
        return self.through.level

    @property
    def name(self) -> str:
        side = self.track.side if self.track is not None else None
        return f"{self.level} {side}" if side in ("left", "right") else str(self.level)

    def found(self, date: int) -> bool:
        """Whether a herniation was found on a date."""
        return self.track is not None and bool(self.track.seen[date - 1])

    def deeper(self, first: int, last: int) -> bool:
        """Whether a level without a herniation changed in depth too, beyond its error."""
        if self.track is not None:
            return True
        return bool(self.through.compared(DEPTH, first, last).difference.beyond_error)


@dataclass(frozen=True, eq=False)
class Cases:
    """What the cases of a comparison hang on.

    Attributes:
        between: what was done to the discs between neighbouring dates.
    """

    scans: Scans
    between: tuple[Between, ...]
    limits: Limits

    def of(self, subject: Subject, first: int, last: int) -> Case:
        """A herniation or level on two dates (numbers from 1)."""
        level, through, scans = subject.level, subject.through, self.scans
        table, volumes = through.table(VOLUME, first, last), through.quantities[VOLUME]
        bulge = scans.discs[last - 1].get(level)
        return Case(
            name=subject.name,
            dates=(scans.dates[first - 1], scans.dates[last - 1]),
            volume=through.compared(VOLUME, first, last),
            values=(volumes[first - 1], volumes[last - 1]),
            found=(subject.found(first), subject.found(last)),
            found_before=any(subject.found(date) for date in range(1, first)),
            history=history_of(self.between, str(level), first, last),
            detectable_mm3=tuple(through.detectable_mm3(date, table) for date in (first, last)),
            informative=self.limits["unchanged_informative"],
            informative_mm3=self.limits["unchanged_informative_volume"],
            notable=self.limits["unchanged_notable"],
            bulge=bulge.bulge_volume_mm3 if bulge is not None else None,
            deeper=subject.deeper(first, last),
            estimated=table.estimated,
            part=self._part(subject),
            barred=self.barred(level),
            notes=self._notes(subject, table),
        )

    def barred(self, level: Level) -> str:
        """Why a level is not judged at all; empty where it is."""
        return THORACIC if any("thoracic" in disc.flags for disc in self._discs(level).values()) else ""

    def _part(self, subject: Subject) -> str:
        """Which part of it is compared; empty where all of it is."""
        shared = self.scans.shared.get(subject.level)
        if shared is None or (subject.track is not None and not shared.herniations):
            return ""
        return PART.format(width=shared.width_mm)

    def _notes(self, subject: Subject, table: Table) -> tuple[str, ...]:
        notes, level = [], subject.level
        registration = self.scans.registrations.get(level)
        if registration is None:
            notes.append("The level could not be registered between the dates.")
        elif registration.method != "vertebrae":
            notes.append(
                f"Its vertebrae could not be registered ({registration.reason}): spine coordinates stand in, and the "
                "error is larger."
            )
        if table.estimated:
            notes.append(f"The error is an estimate from few patients: {table.made_with}.")
        if self._part(subject):
            notes.append(BEYOND_FIELD)
        unsure = [name for name, disc in self._discs(level).items() if "low_confidence" in disc.flags]
        if unsure:
            notes.append(f"Its outlines are uncertain on {', '.join(unsure)}.")
        return tuple(notes)

    def _discs(self, level: Level) -> dict[str, DiscReading]:
        """A level's readings by the name of their date."""
        pairs = zip(self.scans.dates, self.scans.discs, strict=True)
        return {date.name: discs[level] for date, discs in pairs if level in discs}
