"""The dates of a comparison: opened and put in order before the minutes of outlining, then each measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path

from resorb import __version__
from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.limits import Limits
from resorb.loading import load
from resorb.measurement import measure
from resorb.pipeline import Progress
from resorb.segmentation import segment
from resorb.segmentation.model import EmbeddedModel
from resorb.study import Study
from resorb.timepoint import Timepoint
from resorb.timepoint_folder import MODEL, Kept, is_timepoint, read_timepoint

NO_DATES = "no study says its date: they are taken in the order in which they were given"


@dataclass(frozen=True, eq=False)
class Opened:
    """One date that can be read.

    Attributes:
        number: of the study, from 1 in the order in which they were given.
        found: its images; with them its outlines where it was stored; all of it where it was in memory.
        day: of its scan, as far as that is known.
        lowest: the name of its lowest disc, where the user said it.
    """

    number: int
    found: Study | Kept | Timepoint
    day: date | None
    lowest: Level | None = None

    @property
    def study(self) -> Study:
        return self.found if isinstance(self.found, Study) else self.found.study

    def measured(self, limits: Limits, progress: Progress) -> tuple[Timepoint, str]:
        """The date, outlined and measured as far as it is not yet, and a note where it came from storage."""
        point, note = self._measured(limits, progress)
        if point.study.study_date != self.day:
            point = _dated(point, self.day)
        return point, note

    def _measured(self, limits: Limits, progress: Progress) -> tuple[Timepoint, str]:
        found = self.found
        if isinstance(found, Timepoint):
            return found, ""
        if isinstance(found, Study):
            anatomy = segment(found, lowest_disc=self.lowest, progress=progress)
            return measure(found, anatomy, limits), ""
        why = [found.outdated(EmbeddedModel().source)]
        if self._renamed(found):
            why.append(f"its lowest disc is said to be {self.lowest}")
        if again := "; ".join(filter(None, why)):
            lowest = self.lowest or found.lowest_named
            anatomy = segment(found.study, lowest_disc=lowest, asked_for=True, progress=progress)
            note = f"study {self.number}: outlined again from its stored images ({again})"
            return measure(found.study, anatomy, limits), note
        changed = found.remeasured(__version__, limits)
        made = f"measured again ({changed})" if changed else "nothing had to be made again"
        note = f"study {self.number}: its stored outlines were used; {made}"
        return measure(found.study, found.anatomy, limits), note

    def check(self) -> None:
        """Refuse what cannot be done with it.

        Raises:
            UsageError: another lowest disc is asked of outlines that the embedded model did not draw.
        """
        if isinstance(self.found, Kept) and self._renamed(self.found):
            by = self.found.anatomy.source
            if not by.startswith(MODEL):
                raise UsageError(
                    f"study {self.number} was outlined by {by}: read it again with --lowest-disc {self.lowest} and its "
                    "label map"
                )

    def _renamed(self, kept: Kept) -> bool:
        return self.lowest is not None and self.lowest != max(kept.anatomy.levels)


def opened(study: Path | str | Timepoint, number: int = 1, lowest: Level | None = None) -> Opened:
    """Open one study, stored date or date in memory; nothing is outlined or measured yet.

    Raises:
        InputError: it cannot be read, or is invalid.
        NotMeasurableError: it is no lumbar T2 MRI, by its headers.
        UsageError: `lowest` contradicts outlines that stand.
    """
    if isinstance(study, Timepoint):
        return Opened(number, study, study.study.study_date, lowest)
    path = Path(study)
    found = read_timepoint(path) if is_timepoint(path) else load(path)
    day = found.study.study_date if isinstance(found, Kept) else found.study_date
    one = Opened(number, found, day, lowest)
    one.check()
    return one


def in_order(dates: Sequence[Opened], given: Sequence[date]) -> tuple[tuple[Opened, ...], tuple[str, ...]]:
    """The dates in order of time, and what has to be said about it.

    Args:
        given: the day of each, in place of those of their headers; empty for these.

    Raises:
        UsageError: some dates are known and others not.
    """
    notes = []
    if given:
        for one, day in zip(dates, given, strict=True):
            if one.day not in (None, day):
                notes.append(
                    f"study {one.number} is taken to be of {day}, as was said; its headers say {one.day}"
                )
        dates = [replace(one, day=day) for one, day in zip(dates, given, strict=True)]
    if any(one.day is None for one in dates):
        if any(one.day is not None for one in dates):
            missing = ", ".join(str(one.number) for one in dates if one.day is None)
            raise UsageError(
                f"study {missing} has no date in its headers: give --date for every study, in order"
            )
        return tuple(dates), (NO_DATES, *_same_images(dates))
    ordered = tuple(sorted(dates, key=lambda one: (one.day or date.min, one.number)))
    for n, (one, other) in enumerate(pairwise(ordered), start=1):
        if one.day == other.day and one.study.sha256 != other.study.sha256:
            notes.append(f"dates {n} and {n + 1} are of the same day: in the order in which they were given")
    return ordered, (*_same_images(ordered), *notes)


def _same_images(dates: Sequence[Opened]) -> list[str]:
    """Which dates are one study given twice: nothing can have changed between them."""
    pairs = combinations(enumerate(dates, start=1), 2)
    return [
        f"dates {n} and {m} are the same images"
        for (n, one), (m, other) in pairs
        if one.study.sha256 == other.study.sha256
    ]


def _dated(point: Timepoint, day: date | None) -> Timepoint:
    reading = point.reading.model_copy(update={"study_date": day})
    return replace(point, study=replace(point.study, study_date=day), reading=reading)
