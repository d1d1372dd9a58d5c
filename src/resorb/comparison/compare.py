"""Dates that were registered and measured against one reference in, a `Change` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resorb import __version__
from resorb.anatomy import Level
from resorb.change import Between, Change, Dated, Event, LevelChange, Outcome, Track, Verdict, history_of
from resorb.comparison.course import published
from resorb.comparison.definitions import definitions
from resorb.comparison.error import Table, table_for
from resorb.comparison.follow import (
    DEPTH,
    VOLUME,
    Scans,
    ThroughTime,
    level_through_time,
    tracks_through_time,
)
from resorb.comparison.levels import patient_doubts
from resorb.comparison.matching import Followed, identifier, match
from resorb.comparison.verdict import BEYOND, BEYOND_ESTIMATED, Case, judge
from resorb.errors import NotMeasurableError, UsageError
from resorb.limits import Limits, load_limits
from resorb.reading import DiscReading, Quantity
from resorb.registration import Registration
from resorb.timepoint import Timepoint

THORACIC = "above the lumbar spine"
NOT_REGISTERED = "not registered"
NO_CHANGE = "No herniation was found on any date, and no level changed {beyond}."
SEVERE = (
    "{level}: the displaced material fills most of the spinal canal on {date} (severe canal compromise). Ask the same "
    "day about bladder, bowel, saddle sensation and leg weakness: any of them needs urgent care, whatever the change."
)
#: The gravest first: which of several verdicts stands for a level, and which is told first.
_GRAVITY: tuple[Outcome, ...] = (
    "new",
    "recurrent",
    "grown",
    "regressed",
    "resolved",
    "indeterminate",
    "unchanged",
)


def compare(
    timepoints: Sequence[Timepoint],
    remeasured: Sequence[Timepoint],
    registrations: Mapping[Level, Registration],
    between: Sequence[Between] = (),
    limits: Limits | None = None,
    *,
    table: Table | None = None,
) -> Change:
    """Compare two or more dates of one patient.

    Args:
        timepoints: the dates in order of time, each measured for itself; the same names for the same levels.
        remeasured: the same, measured against the joint frames of `resorb.comparison.joint`.
        registrations: by level, as from `resorb.comparison.registration`.
        between: what was done to the discs between neighbouring dates; what is not said is unknown.
        limits: thresholds; the built-in ones if None.
        table: of repeat imaging; the shipped one if None.

    Raises:
        UsageError: fewer than two dates, or `between` speaks of dates that are not there.
        NotMeasurableError: no level was registered.
    """
    if len(timepoints) < 2 or len(remeasured) != len(timepoints):
        raise UsageError("a comparison needs two or more dates, each measured against the joint reference")
    if not registrations:
        raise NotMeasurableError("no disc level could be framed on every date: nothing can be compared")
    if any(one.last > len(timepoints) for one in between):
        raise UsageError(f"something is said to have been done after the last of {len(timepoints)} dates")
    limits = limits or load_limits()
    dates = _dates(remeasured)
    discs = tuple({Level.parse(disc.level): disc for disc in one.reading.discs} for one in remeasured)
    scans = Scans(dates, discs, registrations, table or table_for(dates))
    return _Comparison(scans, tuple(between), limits, match(remeasured)).change(timepoints)


def _dates(timepoints: Sequence[Timepoint]) -> tuple[Dated, ...]:
    first = timepoints[0].reading.study_date
    return tuple(
        Dated(
            number=number,
            date=one.reading.study_date,
            days=float((one.reading.study_date - first).days) if one.reading.study_date and first else None,
            study_sha256=one.study.sha256,
            series=one.reading.series,
            spacing_mm=_spacing(one),
            sequence=dict(one.study.sagittal.sequence),
            segmented_by=one.reading.segmented_by,
        )
        for number, one in enumerate(timepoints, start=1)
    )


def _spacing(timepoint: Timepoint) -> tuple[float, float, float]:
    across, down, back = (round(float(mm), 4) for mm in timepoint.study.sagittal.volume.sagittal().spacing_mm)
    return across, down, back


@dataclass(frozen=True, eq=False)
class _Subject:
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


@dataclass(frozen=True, eq=False)
class _Comparison:
    scans: Scans
    between: tuple[Between, ...]
    limits: Limits
    followed: tuple[Followed, ...]

    def change(self, timepoints: Sequence[Timepoint]) -> Change:
        """Everything, judged."""
        levels = sorted(set().union(*(date.keys() for date in self.scans.discs)))
        whole = {level: level_through_time(self.scans, level) for level in levels}
        herniated = {piece.level for track in self.followed for piece in track.pieces}
        through = tracks_through_time(self.scans, self.followed)
        subjects = [_Subject(*pair) for pair in zip(through, self.followed, strict=True)]
        subjects += [_Subject(whole[level], None) for level in levels if level not in herniated]
        overall, steps = self._judged(subjects)
        tracks = tuple(
            self._track(one, overall[n], steps[n]) for n, one in enumerate(subjects) if one.track is not None
        )
        verdicts = dict(
            zip((one.level for one in subjects if one.track is None), overall[len(tracks) :], strict=True)
        )
        changes = tuple(
            self._level(level, whole[level], verdicts.get(level) or _gravest(tracks, level))
            for level in levels
        )
        return Change(
            resorb_version=__version__,
            synthetic=any(one.reading.synthetic for one in timepoints),
            sentence=self._finding(tracks, changes),
            error_source=self.scans.table.made_with,
            alerts=self._alerts(),
            dates=self.scans.dates,
            between=self.between,
            levels=changes,
            tracks=tracks,
            warnings=self._warnings(timepoints),
        )

    def _finding(self, tracks: Sequence[Track], changes: Sequence[LevelChange]) -> str:
        """The finding, of those levels that are judged."""
        judged = [one for one in changes if not self._barred(Level.parse(one.level))]
        return _sentence(tracks, judged, BEYOND_ESTIMATED if self.scans.table.estimated else BEYOND)

    def _judged(self, subjects: list[_Subject]) -> tuple[list[Verdict], list[tuple[Verdict, ...]]]:
        """Verdicts of the first date to the last, and of neighbouring ones; each of the two one family."""
        last = len(self.scans.dates)
        pairs = self.scans.pairs()[1:]
        judged = judge([self._case(one, *pair) for one in subjects for pair in pairs])
        steps = [judged[n * len(pairs) : (n + 1) * len(pairs)] for n in range(len(subjects))]
        overall = judge([self._case(one, 1, last) for one in subjects])
        return [_recurred(one, own) for one, own in zip(overall, steps, strict=True)], steps

    def _case(self, subject: _Subject, first: int, last: int) -> Case:
        level = subject.level
        one, two = (subject.through.measured(VOLUME, date) for date in (first, last))
        bulge = self.scans.discs[last - 1].get(level)
        return Case(
            name=subject.name,
            dates=(self.scans.dates[first - 1], self.scans.dates[last - 1]),
            volume=subject.through.compared(VOLUME, first, last),
            values=(one.quantity, two.quantity),
            found=(subject.found(first), subject.found(last)),
            found_before=any(subject.found(date) for date in range(1, first)),
            history=history_of(self.between, str(level), first, last),
            detectable_mm3=tuple(subject.through.detectable_mm3(date) for date in (first, last)),
            informative=self.limits["unchanged_informative"],
            bulge=bulge.bulge_volume_mm3 if bulge is not None else None,
            deeper=self._deeper(subject, first, last),
            estimated=self.scans.table.estimated,
            barred=self._barred(level),
            notes=self._notes(level),
        )

    def _deeper(self, subject: _Subject, first: int, last: int) -> bool:
        if subject.track is not None:
            return True
        return bool(subject.through.compared(DEPTH, first, last).difference.beyond_error)

    def _barred(self, level: Level) -> str:
        discs = [disc for date in self.scans.discs if (disc := date.get(level)) is not None]
        return THORACIC if any("thoracic" in disc.flags for disc in discs) else ""

    def _notes(self, level: Level) -> tuple[str, ...]:
        notes = []
        registration = self.scans.registrations.get(level)
        if registration is None:
            notes.append("The level could not be registered between the dates.")
        elif registration.method != "vertebrae":
            notes.append(
                f"Its vertebrae could not be registered ({registration.reason}): spine coordinates stand in, and the "
                "error is larger."
            )
        unsure = [
            self.scans.dates[n].name
            for n, date in enumerate(self.scans.discs)
            if level in date and "low_confidence" in date[level].flags
        ]
        if self.scans.table.estimated:
            made = f"an estimate: {self.scans.table.made_with.removeprefix('an estimate: ')}"
            notes.append(f"The error is {made}.")
        if unsure:
            notes.append(f"Its outlines are uncertain on {', '.join(unsure)}.")
        return tuple(notes)

    def _track(self, subject: _Subject, verdict: Verdict, steps: tuple[Verdict, ...]) -> Track:
        track, through = subject.track, subject.through
        assert track is not None
        volume = through.compared(VOLUME, verdict.first, verdict.last).difference
        classes = track.first.herniation.classes
        return Track(
            identifier=identifier(track, [one.study_sha256 for one in self.scans.dates]),
            level=str(track.level),
            levels=tuple(str(level) for level in track.levels()),
            side=track.side,
            herniations=track.numbers(),
            events=tuple(_told(one, through.quantities[VOLUME]) for one in track.events),
            quantities=through.quantities,
            differences=through.differences(),
            verdict=verdict,
            steps=steps,
            definitions=definitions(volume, verdict, self.limits),
            course=through.course(),
            published=published(classes.morphology.value if classes is not None else None),
        )

    def _level(self, level: Level, through: ThroughTime, verdict: Verdict) -> LevelChange:
        registration = self.scans.registrations.get(level)
        return LevelChange(
            level=str(level),
            registered_by=NOT_REGISTERED if registration is None else registration.method,
            registration_error_mm=None if registration is None else round(registration.error_mm, 3),
            registration_reason=(
                "it has no frame on some date" if registration is None else registration.reason
            ),
            quantities=through.quantities,
            differences=through.differences(),
            verdict=verdict,
            course=through.course(),
        )

    def _alerts(self) -> tuple[str, ...]:
        last, name = self.scans.discs[-1], self.scans.dates[-1].name
        return tuple(
            SEVERE.format(level=level, date=name) for level, disc in sorted(last.items()) if _severe(disc)
        )

    def _warnings(self, timepoints: Sequence[Timepoint]) -> tuple[str, ...]:
        said = list(patient_doubts(timepoints, self.limits))
        for number, one in enumerate(timepoints, start=1):
            said += [f"date {number}: {doubt}" for doubt in (*one.reading.doubts, *one.reading.warnings)]
        makers = {one.segmented_by for one in self.scans.dates}
        if len(makers) > 1:
            said.append(f"the outlines were not all made the same way: {'; '.join(sorted(makers))}")
        said += [
            f"{level} was registered by spine coordinates only: {one.reason}"
            for level, one in sorted(self.scans.registrations.items())
            if one.method != "vertebrae"
        ]
        return tuple(dict.fromkeys(said))


def _severe(disc: DiscReading) -> bool:
    return disc.canal_compromise is not None and disc.canal_compromise.value == "severe"


def _told(event: Event, volumes: Sequence[Quantity]) -> Event:
    """A date that does not show all of a level does not show that a herniation of it is gone."""
    if event.kind != "vanished" or volumes[event.date - 1].value is not None:
        return event
    return event.model_copy(update={"words": "not found, on images that do not tell whether it is gone"})


def _recurred(overall: Verdict, steps: tuple[Verdict, ...]) -> Verdict:
    """A herniation that came back in between is recurrent, whatever the two ends say."""
    back = next((one for one in reversed(steps) if one.value == "recurrent"), None)
    if back is None or overall.value in ("indeterminate", "resolved"):
        return overall
    return overall.model_copy(
        update={"value": "recurrent", "words": back.words, "reasons": (overall.words, *back.reasons)}
    )


def _gravest(tracks: Sequence[Track], level: Level) -> Verdict:
    return min(
        (track.verdict for track in tracks if str(level) in (track.level, *track.levels)),
        key=lambda v: _GRAVITY.index(v.value),
    )


def _sentence(tracks: Sequence[Track], levels: Sequence[LevelChange], beyond: str) -> str:
    """The largest herniation's verdict, and how many others there are; else the gravest of the levels.

    Args:
        beyond: how a change beyond its error is called.
    """
    if tracks:
        most = max(tracks, key=lambda one: max(q.at_least or 0.0 for q in one.quantities[VOLUME]))
        others = len(tracks) - 1
        more = f" {others} other herniation{'s' if others > 1 else ''} followed." if others else ""
        return f"{most.verdict.words}{more}"
    changed = [one.verdict for one in levels if one.verdict.value not in ("unchanged", "indeterminate")]
    if changed:
        return min(changed, key=lambda v: _GRAVITY.index(v.value)).words
    if any(one.verdict.value == "unchanged" for one in levels):
        open_ = [one.level for one in levels if one.verdict.value == "indeterminate"]
        left = f" It cannot be said of {', '.join(open_)}." if open_ else ""
        return NO_CHANGE.format(beyond=beyond) + left
    return "No herniation was found on any date; whether a level changed cannot be said."
