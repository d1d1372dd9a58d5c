"""Dates that were registered and measured against one reference in, a `Change` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resorb import __version__
from resorb.anatomy import Level
from resorb.change import Between, Change, Dated, Event, LevelChange, Track, Verdict
from resorb.comparison.cases import Cases, Subject
from resorb.comparison.course import published
from resorb.comparison.definitions import definitions
from resorb.comparison.error import Table, table_for
from resorb.comparison.finding import alerts, gravest, sentence
from resorb.comparison.follow import VOLUME, Scans, ThroughTime, level_through_time, tracks_through_time
from resorb.comparison.levels import patient_doubts
from resorb.comparison.matching import Followed, identifier, match
from resorb.comparison.shared import shared_fields
from resorb.comparison.verdict import BEYOND, BEYOND_ESTIMATED, judge
from resorb.errors import NotMeasurableError, UsageError
from resorb.limits import Limits, load_limits
from resorb.reading import Quantity
from resorb.registration import Registration
from resorb.timepoint import Timepoint

NOT_REGISTERED = "not registered"


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
    remeasured, shared = shared_fields(remeasured)
    discs = tuple({Level.parse(disc.level): disc for disc in one.reading.discs} for one in remeasured)
    width = min(_width_mm(one) for one in remeasured)
    scans = Scans(dates, discs, registrations, table or table_for(dates), width, shared)
    return _Comparison(Cases(scans, tuple(between), limits), match(remeasured)).change(timepoints)


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


def _width_mm(timepoint: Timepoint) -> float:
    """How far the field reaches from left to right."""
    image = timepoint.study.sagittal.volume.sagittal()
    return float(image.shape[0] * image.spacing_mm[0])


@dataclass(frozen=True, eq=False)
class _Comparison:
    cases: Cases
    followed: tuple[Followed, ...]

    @property
    def scans(self) -> Scans:
        return self.cases.scans

    def change(self, timepoints: Sequence[Timepoint]) -> Change:
        """Everything, judged."""
        levels = sorted(set().union(*(date.keys() for date in self.scans.discs)))
        whole = {level: level_through_time(self.scans, level) for level in levels}
        herniated = {piece.level for track in self.followed for piece in track.pieces}
        through = tracks_through_time(self.scans, self.followed)
        subjects = [Subject(*pair) for pair in zip(through, self.followed, strict=True)]
        subjects += [Subject(whole[level], None) for level in levels if level not in herniated]
        overall, steps = self._judged(subjects)
        tracks = tuple(
            self._track(one, overall[n], steps[n]) for n, one in enumerate(subjects) if one.track is not None
        )
        verdicts = dict(
            zip((one.level for one in subjects if one.track is None), overall[len(tracks) :], strict=True)
        )
        changes = tuple(
            self._level(level, whole[level], verdicts.get(level) or gravest(tracks, level))
            for level in levels
        )
        return Change(
            resorb_version=__version__,
            synthetic=any(one.reading.synthetic for one in timepoints),
            sentence=self._finding(tracks, changes),
            error_source=self.scans.error_source,
            alerts=alerts(self.scans),
            dates=self.scans.dates,
            between=self.cases.between,
            levels=changes,
            tracks=tracks,
            warnings=self._warnings(timepoints),
        )

    def _finding(self, tracks: Sequence[Track], changes: Sequence[LevelChange]) -> str:
        """The finding, of those levels that are judged."""
        judged = [one for one in changes if not self.cases.barred(Level.parse(one.level))]
        estimated = self.scans.table_of(1, len(self.scans.dates)).estimated
        return sentence(tracks, judged, BEYOND_ESTIMATED if estimated else BEYOND)

    def _judged(self, subjects: list[Subject]) -> tuple[list[Verdict], list[tuple[Verdict, ...]]]:
        """Verdicts of the first date to the last, and of neighbouring ones; each of the two one family."""
        last = len(self.scans.dates)
        pairs = self.scans.pairs()[1:]
        judged = judge([self.cases.of(one, *pair) for one in subjects for pair in pairs])
        steps = [judged[n * len(pairs) : (n + 1) * len(pairs)] for n in range(len(subjects))]
        overall = judge([self.cases.of(one, 1, last) for one in subjects])
        return [_recurred(one, own) for one, own in zip(overall, steps, strict=True)], steps

    def _track(self, subject: Subject, verdict: Verdict, steps: tuple[Verdict, ...]) -> Track:
        track, through = subject.track, subject.through
        assert track is not None
        volume = through.compared(VOLUME, verdict.first, verdict.last).difference
        classes = track.first.herniation.classes
        shared = self.scans.shared.get(track.level)
        in_part = shared is not None and shared.herniations
        return Track(
            identifier=identifier(track, [one.study_sha256 for one in self.scans.dates]),
            level=str(track.level),
            levels=tuple(str(level) for level in track.levels()),
            side=track.side,
            herniations=track.numbers(),
            events=tuple(_told(one, through.quantities[VOLUME], shared is None) for one in track.events),
            quantities=through.quantities,
            differences=through.differences(),
            verdict=verdict,
            steps=steps,
            # Published definitions speak of whole herniations.
            definitions=() if in_part else definitions(volume, verdict, self.cases.limits),
            course=through.course(),
            published=published(classes.morphology.value if classes is not None else None),
        )

    def _level(self, level: Level, through: ThroughTime, verdict: Verdict) -> LevelChange:
        registration = self.scans.registrations.get(level)
        return LevelChange(
            level=str(level),
            registered_by=NOT_REGISTERED if registration is None else registration.method,
            registration_error_mm=None if registration is None else round(registration.error_mm, 3),
            registration_behind_mm=None if registration is None else round(registration.across_margin_mm, 3),
            registration_reason=(
                "it has no frame on some date" if registration is None else registration.reason
            ),
            quantities=through.quantities,
            differences=through.differences(),
            verdict=verdict,
            course=through.course(),
        )

    def _warnings(self, timepoints: Sequence[Timepoint]) -> tuple[str, ...]:
        said = list(patient_doubts(timepoints, self.cases.limits))
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


def _told(event: Event, volumes: Sequence[Quantity], whole: bool) -> Event:
    """A date that does not show all of a level does not show that a herniation of it is gone."""
    if event.kind != "vanished" or (whole and volumes[event.date - 1].value is not None):
        return event
    return event.model_copy(update={"words": "not found, on images that do not tell whether it is gone"})


def _recurred(overall: Verdict, steps: tuple[Verdict, ...]) -> Verdict:
    """A herniation that came back in between is recurrent, whatever the two ends say, if they can be judged at all."""
    back = next((one for one in reversed(steps) if one.value == "recurrent"), None)
    if back is None or overall.value == "resolved" or overall.p_value is None:
        return overall
    return overall.model_copy(
        update={"value": "recurrent", "words": back.words, "reasons": (overall.words, *back.reasons)}
    )
