"""Several dates, composed: read or load each -> register -> joint reference -> measure again -> compare -> report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path

from resorb import __version__
from resorb.anatomy import Level
from resorb.change import Between, Change, History
from resorb.clinic.red_flags import SAFETY_NET
from resorb.comparison.compare import compare as compare_dates
from resorb.comparison.joint import joint_frames
from resorb.comparison.levels import agree_on_levels
from resorb.comparison.registration import register_levels
from resorb.errors import NotMeasurableError, UsageError
from resorb.explaining import change_sections
from resorb.limits import Limits, load_limits
from resorb.measurement import measure
from resorb.output import output_errors, output_folder
from resorb.pipeline import Clock, Options, Progress, doubts, measured, refuse_doubts, write_run
from resorb.reporting.change import report_change
from resorb.segmentation import segment
from resorb.segmentation.model import EmbeddedModel
from resorb.timepoint import Timepoint
from resorb.timepoint_folder import MODEL, Kept, is_timepoint, read_timepoint, write_timepoint

CHANGE_FILE = "change.json"
#: Holds a folder per date, numbered in order of time, each of which `compare` takes in place of its study.
DATES_FOLDER = "dates"
MIN_DATES = 2
NO_DATES = "no study says its date: they are taken in the order in which they were given"

#: Where each step's share of the whole begins, as measured on two studies; used for the progress bar only.
_SHARES = {
    "dates": (0.0, 0.7),
    "register": (0.7, 0.8),
    "measure again": (0.8, 0.86),
    "compare": (0.86, 0.88),
    "report": (0.88, 1.0),
}


@dataclass(frozen=True)
class CompareOptions:
    """What can be asked of a comparison.

    Attributes:
        dates: of the studies, in the order in which they are given, in place of those of their headers.
        between: what was done to the discs between neighbouring dates in order of time; one holds for all.
        levels: the disc that each of `between` speaks of; None: any disc. As many as `between`, or none.
        lowest_disc: the name of the lowest disc in each study, in the order in which they are given; one holds
            for all.
        limits: a TOML file whose values override those of limits.toml.
        strict: refuse, and write nothing, where anything is in doubt.
    """

    dates: tuple[date, ...] = ()
    between: tuple[History, ...] = ()
    levels: tuple[Level | None, ...] = ()
    lowest_disc: tuple[Level, ...] = ()
    limits: Path | None = None
    strict: bool = False


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was compared, and what it was measured on.

    Attributes:
        timepoints: the dates in order of time, each measured against the joint reference.
        notes: what was taken from storage, and what of it had to be made again and why.
    """

    change: Change
    timepoints: tuple[Timepoint, ...]
    notes: tuple[str, ...]


def compare(
    studies: Sequence[Path | str | Timepoint],
    output: Path | str | None = None,
    options: CompareOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two or more dates of one patient; what `resorb compare` does.

    Args:
        studies: studies as `read` takes them, folders that `read` made, or what `read` returned; in any order
            where their dates are known.
        output: folder that will hold change.json, change.csv, report.html, report.pdf (with the extra `pdf`),
            figure.png, figure.svg, course.png, course.svg, letter.txt, run.json, and in dates/ each date as it was
            measured. Whole or nothing. None: nothing is written.
        overwrite: replace an output folder that resorb made.

    Raises:
        UsageError: fewer than two studies, or options that do not fit their number.
        InputError: a study, a stored date or the limits cannot be read, or are invalid.
        NotMeasurableError: a study is no lumbar T2 MRI, or no level could be measured on every date.
        StrictRefusal: something is in doubt and `options.strict` is set.
        OutputError: the output cannot be written.
    """
    options = options or CompareOptions()
    _check(options, len(studies))
    clock = Clock(progress, _SHARES)
    if output is None:
        return _compared(studies, options, load_limits(options.limits), clock)
    output = Path(output)
    inputs = tuple(Path(one) for one in studies if not isinstance(one, Timepoint))
    inputs += (options.limits,) if options.limits else ()
    with output_folder(output, overwrite=overwrite, inputs=inputs) as folder:
        return compare_into(folder, output, studies, options, clock)


def compare_into(
    folder: Path,
    target: Path,
    studies: Sequence[Path | str | Timepoint],
    options: CompareOptions,
    clock: Clock,
) -> Comparison:
    """The same into an existing folder; `target` is its name in messages."""
    limits = load_limits(options.limits)
    comparison = _compared(studies, options, limits, clock)
    with output_errors(target):
        with clock.step("report", "Drawing") as inner:
            report_change(
                comparison.change,
                comparison.timepoints,
                folder,
                same_day=SAFETY_NET,
                further=change_sections(comparison.change),
                progress=inner,
            )
            (folder / CHANGE_FILE).write_text(comparison.change.to_json(), encoding="utf-8")
            for number, one in enumerate(comparison.timepoints, start=1):
                (place := folder / DATES_FOLDER / str(number)).mkdir(parents=True)
                write_timepoint(place, one, limits, __version__)
        write_run(folder, _facts(comparison, options), limits, clock)
    return comparison


def _check(options: CompareOptions, count: int) -> None:
    if count < MIN_DATES:
        raise UsageError("a comparison needs two or more studies; `resorb read` measures one")
    if options.dates and len(options.dates) != count:
        raise UsageError(
            f"{len(options.dates)} --date for {count} studies: give one for each, in their order"
        )
    if len(options.between) not in (0, 1, count - 1):
        raise UsageError(
            f"{len(options.between)} --between for {count} studies: give one for all, or {count - 1}, in order of time"
        )
    if len(options.lowest_disc) not in (0, 1, count):
        raise UsageError(
            f"{len(options.lowest_disc)} --lowest-disc for {count} studies: give one for all, or {count}"
        )


def _compared(
    studies: Sequence[Path | str | Timepoint], options: CompareOptions, limits: Limits, clock: Clock
) -> Comparison:
    with clock.step("dates", "Reading") as tell:
        taken = [
            _taken(one, options, n, limits, _part(tell, n, len(studies))) for n, one in enumerate(studies)
        ]
    ordered, said = _in_order([point for point, _ in taken], options.dates)
    with clock.step("register", "Registering"):
        points, renamed = agree_on_levels(ordered)
        registrations = register_levels(points)
        if not registrations:
            raise NotMeasurableError("no disc level could be framed on every date: nothing can be compared")
    with clock.step("measure again", "Measuring"):
        frames = joint_frames(points, registrations)
        again = tuple(
            measure(one.study, one.anatomy, limits, frames=own)
            for one, own in zip(points, frames, strict=True)
        )
    with clock.step("compare", "Comparing"):
        change = compare_dates(points, again, registrations, _between(options, len(points)), limits)
        change = change.model_copy(update={"warnings": (*change.warnings, *said, *renamed)})
    if options.strict:
        doubtful = [f"date {n}: {doubt}" for n, one in enumerate(points, start=1) for doubt in doubts(one)]
        refuse_doubts([*doubtful, *change.warnings])
    return Comparison(change, again, tuple(note for _, note in taken if note))


def _part(tell: Progress, number: int, count: int) -> Progress:
    """Progress within one of several equal parts."""
    return lambda what, done: tell(what, (number + done) / count)


def _taken(
    study: Path | str | Timepoint, options: CompareOptions, place: int, limits: Limits, progress: Progress
) -> tuple[Timepoint, str]:
    """One date, read or loaded, and a note where it came from storage."""
    if isinstance(study, Timepoint):
        return study, ""
    names = options.lowest_disc
    lowest = names[place if len(names) > 1 else 0] if names else None
    path = Path(study)
    if not is_timepoint(path):
        return measured(path, Options(lowest_disc=lowest), limits, Clock(progress)), ""
    return _loaded(read_timepoint(path), lowest, limits, place + 1)


def load_timepoint(folder: Path | str, limits: Limits | None = None) -> Timepoint:
    """Load a folder that `resorb read` made, drawn and measured again as far as it is out of date.

    Outlines are drawn again where another version of the embedded model drew them, and the numbers are always
    measured again: that takes a second, and is certain to fit these limits and this version.

    Raises:
        InputError: a file of it is missing, damaged or not as it was written.
    """
    return _loaded(read_timepoint(Path(folder)), None, limits or load_limits(), 1)[0]


def _loaded(kept: Kept, lowest: Level | None, limits: Limits, number: int) -> tuple[Timepoint, str]:
    study, by = kept.study, kept.anatomy.source
    why = [kept.outdated(EmbeddedModel().source)]
    if lowest is not None and lowest != max(kept.anatomy.levels):
        if not by.startswith(MODEL):
            raise UsageError(
                f"study {number} was outlined by {by}: read it again with --lowest-disc {lowest} and its label map"
            )
        why.append(f"its lowest disc is said to be {lowest}")
    if again := "; ".join(filter(None, why)):
        anatomy = segment(study, lowest_disc=lowest or kept.lowest_named, asked_for=True)
        return measure(
            study, anatomy, limits
        ), f"study {number}: outlined again from its stored images ({again})"
    changed = kept.remeasured(__version__, limits)
    note = f"measured again ({changed})" if changed else "nothing had to be made again"
    return measure(study, kept.anatomy, limits), f"study {number}: its stored outlines were used; {note}"


def _in_order(
    points: Sequence[Timepoint], given: tuple[date, ...]
) -> tuple[tuple[Timepoint, ...], tuple[str, ...]]:
    """The dates in order of time, and what has to be said about it."""
    notes = []
    if given:
        for n, (point, day) in enumerate(zip(points, given, strict=True), start=1):
            stored = point.study.study_date
            if stored not in (None, day):
                notes.append(f"study {n} is taken to be of {day}, as was said; its headers say {stored}")
        points = [_dated(point, day) for point, day in zip(points, given, strict=True)]
    days = [point.study.study_date for point in points]
    if any(day is None for day in days):
        if any(day is not None for day in days):
            missing = ", ".join(str(n) for n, day in enumerate(days, start=1) if day is None)
            raise UsageError(
                f"study {missing} has no date in its headers: give --date for every study, in order"
            )
        return tuple(points), (NO_DATES, *_same_images(points))
    known = sorted(range(len(points)), key=lambda n: (points[n].study.study_date or date.min, n))
    ordered = tuple(points[n] for n in known)
    for n, (one, other) in enumerate(pairwise(ordered), start=1):
        if one.study.study_date == other.study.study_date and one.study.sha256 != other.study.sha256:
            notes.append(f"dates {n} and {n + 1} are of the same day: in the order in which they were given")
    return ordered, (*_same_images(ordered), *notes)


def _same_images(points: Sequence[Timepoint]) -> list[str]:
    """Which dates are one study given twice: nothing can have changed between them."""
    pairs = combinations(enumerate(points, start=1), 2)
    return [
        f"dates {n} and {m} are the same images"
        for (n, one), (m, other) in pairs
        if one.study.sha256 == other.study.sha256
    ]


def _dated(point: Timepoint, day: date) -> Timepoint:
    reading = point.reading.model_copy(update={"study_date": day})
    return replace(point, study=replace(point.study, study_date=day), reading=reading)


def _between(options: CompareOptions, count: int) -> tuple[Between, ...]:
    if not options.between:
        return ()
    histories = options.between if len(options.between) == count - 1 else options.between * (count - 1)
    levels = options.levels or (None,) * len(options.between)
    levels = levels if len(levels) == count - 1 else levels * (count - 1)
    return tuple(
        Between(first=n, last=n + 1, history=history, levels=(str(level),) if level else ())
        for n, (history, level) in enumerate(zip(histories, levels, strict=True), start=1)
    )


def _facts(comparison: Comparison, options: CompareOptions) -> Mapping[str, object]:
    points = comparison.timepoints
    return {
        "input_sha256": [one.study.sha256 for one in points],
        "series": [one.study.sagittal.number for one in points],
        "segmented_by": [one.anatomy.source for one in points],
        "notes": list(comparison.notes),
        "options": {
            "dates": [day.isoformat() for day in options.dates],
            "between": list(options.between),
            "levels": [str(level) if level else None for level in options.levels],
            "lowest_disc": [str(level) for level in options.lowest_disc],
            "limits": options.limits is not None,
            "strict": options.strict,
        },
    }
