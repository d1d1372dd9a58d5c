"""Several dates, composed: read or load each -> register -> joint reference -> measure again -> compare -> report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
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
from resorb.opening import Opened, in_order, opened
from resorb.output import output_errors, output_folder
from resorb.pipeline import Clock, Progress, doubts, refuse_doubts, write_run
from resorb.reporting.change import report_change
from resorb.timepoint import Timepoint
from resorb.timepoint_folder import read_timepoint, write_timepoint

CHANGE_FILE = "change.json"
#: Holds a folder per date, numbered in order of time, each of which `compare` takes in place of its study.
DATES_FOLDER = "dates"
MIN_DATES = 2

#: Where each step's share of the whole begins, as measured on two studies; used for the progress bar only.
_SHARES = {
    "open": (0.0, 0.05),
    "dates": (0.05, 0.7),
    "register": (0.7, 0.8),
    "measure again": (0.8, 0.86),
    "compare": (0.86, 0.88),
    "report": (0.88, 1.0),
}
#: The same with the recovery check, which takes most of the time.
_SHARES_RECOVERY = {
    "open": (0.0, 0.01),
    "dates": (0.01, 0.14),
    "register": (0.14, 0.16),
    "measure again": (0.16, 0.18),
    "compare": (0.18, 0.19),
    "recovery": (0.19, 0.97),
    "report": (0.97, 1.0),
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
        recovery: put synthetic herniations into these scans, and tell how much of them is found (minutes).
    """

    dates: tuple[date, ...] = ()
    between: tuple[History, ...] = ()
    levels: tuple[Level | None, ...] = ()
    lowest_disc: tuple[Level, ...] = ()
    limits: Path | None = None
    strict: bool = False
    recovery: bool = False


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
    clock = Clock(progress, _SHARES_RECOVERY if options.recovery else _SHARES)
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
        with clock.step("report", "Drawing") as inner, ThreadPoolExecutor(1) as thread:
            # Packing the dates' images leaves the interpreter to whatever draws.
            written = thread.submit(_write_dates, folder / DATES_FOLDER, comparison.timepoints, limits)
            report_change(
                comparison.change,
                comparison.timepoints,
                folder,
                same_day=SAFETY_NET,
                further=change_sections(comparison.change),
                progress=inner,
            )
            (folder / CHANGE_FILE).write_text(comparison.change.to_json(), encoding="utf-8")
            written.result()
        write_run(folder, _facts(comparison, options), limits, clock)
    return comparison


def _write_dates(folder: Path, timepoints: Sequence[Timepoint], limits: Limits) -> None:
    """Write each date as it was measured, into a folder of its number."""
    for number, one in enumerate(timepoints, start=1):
        (place := folder / str(number)).mkdir(parents=True)
        write_timepoint(place, one, limits, __version__)


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
    # Every input is looked at before the first is outlined: what is wrong with one is said at once.
    with clock.step("open", "Loading"):
        dates, said = in_order(_opened(studies, options.lowest_disc), options.dates)
    with clock.step("dates", "Reading") as tell:
        taken = [one.measured(limits, _part(tell, n, len(dates))) for n, one in enumerate(dates)]
    with clock.step("register", "Registering"):
        points, renamed = agree_on_levels([point for point, _ in taken])
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
    if options.recovery:
        # The simulator is imported when it is asked for: nobody else waits for it.
        from resorb.recovered import unknown
        from resorb.recovery import recover

        with clock.step("recovery", "Implanting") as tell:
            try:
                found = recover(again, limits, progress=tell)
            except NotMeasurableError as error:
                found = unknown(str(error))
        change = change.model_copy(update={"recovery": found})
    return Comparison(change, again, tuple(note for _, note in taken if note))


def _opened(studies: Sequence[Path | str | Timepoint], lowest: Sequence[Level]) -> list[Opened]:
    """Every study; `lowest` names the lowest disc of all, or of each."""
    names = lowest if len(lowest) > 1 else tuple(lowest) * len(studies)
    return [opened(one, n, names[n - 1] if names else None) for n, one in enumerate(studies, start=1)]


def _part(tell: Progress, number: int, count: int) -> Progress:
    """Progress within one of several equal parts."""
    return lambda what, done: tell(what, (number + done) / count)


def load_timepoint(folder: Path | str, limits: Limits | None = None) -> Timepoint:
    """Load a folder that `resorb read` made, drawn and measured again as far as it is out of date.

    Outlines are drawn again where another version of the embedded model drew them, and the numbers are always
    measured again: that takes a second, and is certain to fit these limits and this version.

    Raises:
        InputError: a file of it is missing, damaged or not as it was written.
    """
    kept = read_timepoint(Path(folder))
    return Opened(1, kept, kept.study.study_date).measured(
        limits or load_limits(), lambda _name, _done: None
    )[0]


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
            "recovery": options.recovery,
        },
    }
