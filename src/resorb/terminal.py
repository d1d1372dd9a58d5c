"""What the command line shows: tables, and the progress bar."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

# What is only named in types costs a second to import, and no verb needs all of it.
if TYPE_CHECKING:
    from resorb.change import Change, LevelChange, Track
    from resorb.clinic.red_flags import RedFlag
    from resorb.clinic.report.record import CourseReport
    from resorb.loading import Choice
    from resorb.pipeline import Listing
    from resorb.pipeline import Progress as Report
    from resorb.reading import Quantity, Reading
    from resorb.simulation.truth import StudyTruth
    from resorb.study import Series

INFO_SCHEMA_VERSION = 1
#: The quantities that are read, with their names in the truth and their headers.
TRUTH_HEADERS = {
    "depth_mm": ("depth_mm", "Depth mm"),
    "area_mm2": ("sagittal_area_mm2", "Sagittal mm²"),
    "volume_mm3": ("volume_mm3", "Volume mm³"),
}


def say(line: str) -> None:
    """Print a line on stdout as it is, without markup or wrapping: paths stay whole."""
    Console(soft_wrap=True, highlight=False).print(Text(line))


def show(table: Table) -> None:
    """Print a table on stdout."""
    Console(highlight=False).print(table)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Report]:
    """A progress bar on stderr, where that is a terminal; Ctrl-C ends what is done at the latest at its next step."""
    with _interruptible() as check:
        if quiet or not sys.stderr.isatty():
            yield lambda _name, _fraction: check()
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("Starting", total=1.0)

            def report(name: str, fraction: float) -> None:
                check()
                bar.update(task, description=name, completed=fraction)

            yield report


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """Ctrl-C raises KeyboardInterrupt at once, and again whenever the function that is given is called.

    Python drops what is raised inside some callbacks, those that run while a module is imported among them; then the
    first time is lost.
    """
    pressed = threading.Event()

    def note(_signal: int, _frame: FrameType | None) -> None:
        pressed.set()
        raise KeyboardInterrupt

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # it alone may say what a signal does
        yield check
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def level_table(reading: Reading) -> Table:
    """The levels of a reading, in short."""
    from resorb.reporting.class_words import class_name

    table = Table("Level", title="Disc material behind the reference line", title_justify="left")
    for header in ("Depth mm", "Area mm²", "Volume mm³", "Slip mm"):
        table.add_column(header, justify="right")
    table.add_column("Class")
    table.add_column("Flags")
    for disc in reading.discs:
        numbers = (disc.depth_mm, disc.area_mm2, disc.volume_mm3, disc.slip_mm)
        cells = [_cell(n, places) for n, places in zip(numbers, (1, 0, 0, 1), strict=True)]
        style = "bold" if disc.displaced else ""
        table.add_row(disc.level, *cells, class_name(disc), ", ".join(disc.flags), style=style)
    return table


def truth_table(reading: Reading, truth: StudyTruth) -> Table:
    """The truth of a simulated study beside what was measured, per level."""
    table = Table("\nLevel", title="Simulated study: the truth, and what was read", title_justify="left")
    for _, header in TRUTH_HEADERS.values():
        table.add_column(f"{header}\ntrue", justify="right")
        table.add_column("\nread", justify="right")
    table.add_column("Side\ntrue")
    table.add_column("\nread")
    known = {level.level: level for level in truth.levels}
    for disc in reading.discs:
        level = known.get(disc.level)
        cells = []
        for name, (of_truth, _) in TRUTH_HEADERS.items():
            true: Quantity | None = getattr(level.sizes, of_truth) if level else None
            cells += [_cell(true, 1) if true else "-", _cell(getattr(disc, name), 1)]
        focal = level is not None and bool(level.focal)
        side = (level.classes.side.value or "-", disc.side or "-") if level and focal else ("", "")
        table.add_row(disc.level, *cells, *side, style="bold" if focal else "")
    return table


def change_table(change: Change) -> Table:
    """What became of every herniation (bold) and of every whole level, in short."""
    from resorb.change import Track

    table = Table("\nLevel", title="Disc material behind the reference line, mm³", title_justify="left")
    for one in change.dates:
        table.add_column(f"\n{one.name}", justify="right")
    table.add_column("Change\n(95 %)", justify="right", no_wrap=True)
    table.add_column("\nVerdict")
    parts: tuple[Track | LevelChange, ...] = (*change.tracks, *change.levels)
    for part in parts:
        volumes = part.quantities.get("volume_mm3", ())
        cells = [_cell(q, 0) for q in volumes] or ["-"] * len(change.dates)
        name, style = part.level, ""
        if isinstance(part, Track):
            name, style = f"{part.level} {part.side or 'herniation'}", "bold"
        table.add_row(name, *cells, _difference(part), part.verdict.value, style=style)
    return table


def change_truth_table(change: Change, truths: Sequence[StudyTruth]) -> Table:
    """The truth of two simulated dates beside what was measured: displaced material per level, and what it lost."""
    table = Table(
        "\nLevel", title="Simulated course: the truth, and what was read, mm³", title_justify="left"
    )
    for name in ("First", "Last", "Change"):
        table.add_column(f"{name}\ntrue", justify="right")
        table.add_column("\nread", justify="right")
    table.add_column("\nVerdict")
    first, last = ({one.level: one for one in truth.levels} for truth in (truths[0], truths[-1]))
    for level in change.levels:
        read = level.quantities.get("volume_mm3", ())
        if level.level not in first or level.level not in last or not read:
            continue
        true = [date[level.level].sizes.volume_mm3 for date in (first, last)]
        lost = _cell_of([one.value for one in true])
        cells = [_cell(true[0], 0), _cell(read[0], 0), _cell(true[1], 0), _cell(read[-1], 0)]
        style = "bold" if first[level.level].focal else ""
        changed = _difference(level).partition(" (")[0]
        table.add_row(level.level, *cells, lost, changed, level.verdict.value, style=style)
    return table


def _difference(part: Track | LevelChange) -> str:
    """The difference in volume that the verdict is about, with its interval."""
    ends = (part.verdict.first, part.verdict.last)
    for one in part.differences:
        if one.quantity == "volume_mm3" and (one.first, one.last) == ends and one.absolute.value is not None:
            low, high = one.absolute.low, one.absolute.high
            bounds = "" if low is None or high is None else f" ({low:+.0f} to {high:+.0f})"
            return f"{one.absolute.value:+.0f}{bounds}"
    return "-"


def _cell_of(ends: list[float | None]) -> str:
    first, last = ends
    return "-" if first is None or last is None else f"{last - first:+.0f}"


def simulated_table(title: str, truth: StudyTruth) -> Table:
    """What is true of one date of a simulated patient."""
    table = Table("Level", title=title, title_justify="left")
    for header in ("Depth mm", "Volume mm³", "Canal", "Sac mm²"):
        table.add_column(header, justify="right")
    for header in ("Morphology", "Where", "Roots"):
        table.add_column(header)
    for level in truth.levels:
        found = level.classes
        where = " ".join(word for word in (found.side.value, found.zone.value) if word)
        table.add_row(
            level.level,
            _cell(level.sizes.depth_mm, 1),
            _cell(level.sizes.volume_mm3, 0),
            _cell(level.canal_occupied, 2),
            _cell(level.sac_area_mm2, 0),
            found.morphology.value or "-",
            where,
            ", ".join(found.roots),
            style="bold" if level.focal else "",
        )
    return table


def show_flags(flags: Sequence[RedFlag]) -> None:
    """Print what must not wait; it comes first wherever a course is printed."""
    from resorb.clinic.story.flags import NO_FLAG, alarms

    for line in [f"RED FLAG  {alarm.text}" for alarm in alarms(flags)] or [NO_FLAG]:
        say(line)


def show_course(report: CourseReport) -> None:
    """Print a course in short: what must not wait first, then the sentence, then what to doubt."""
    from resorb.clinic.story.doubts import mimic_words, not_asked_words

    show_flags(report.review.red_flags)
    for line in report.review.image_alerts:
        say(f"FROM THE IMAGES  {line}")
    say(f"{report.review.safety_net} {not_asked_words(report.review)}".strip())
    for line in (report.story.text, report.story.not_recovery):
        if line:
            say(line)
    lines = [f"line {one.line}: {one.words}" for one in report.review.contradictions]
    lines += [
        *mimic_words(report.review),
        *report.story.not_compared,
        *report.story.disagreements,
        *report.review.warnings,
        *report.notes,
    ]
    for line in lines:
        say(f"Note: {line}")


def show_listing(listing: Listing) -> None:
    """Print what is in a study, what would be used and why."""
    table = Table("Series", "Plane", "Contrast", title="Series", title_justify="left")
    table.add_column("Slices", justify="right")
    table.add_column("Voxel mm")
    table.add_column("Used as")
    for series in listing.contents.series:
        table.add_row(
            str(series.number),
            series.plane.value,
            series.contrast.value,
            " + ".join(str(n) for n in _slices(series)),
            " x ".join(f"{s:.2g}" for s in series.volume.spacing_mm),
            _use(series, listing.choice),
        )
    show(table)
    if listing.choice is not None:
        for line in listing.choice.lines:
            say(line)
    for warning in _warnings(listing):
        say(f"Note: {warning}")


def listing_record(listing: Listing) -> dict[str, object]:
    """The same as plain data, for `resorb info --json`."""
    contents, choice = listing.contents, listing.choice
    return {
        "kind": "info",
        "schema_version": INFO_SCHEMA_VERSION,
        "study_sha256": contents.sha256,
        "study_date": contents.study_date.isoformat() if contents.study_date else None,
        "synthetic": contents.synthetic,
        "sagittal": choice.sagittal.number if choice else None,
        "axial": choice.axial.number if choice and choice.axial else None,
        "choice": list(choice.lines) if choice else [],
        "warnings": _warnings(listing),
        "refusal": str(listing.refusal) if listing.refusal else None,
        "series": [
            {
                "number": series.number,
                "plane": series.plane.value,
                "contrast": series.contrast.value,
                "why": series.why,
                "stacks": [
                    {"shape": list(v.shape), "spacing_mm": [round(float(s), 4) for s in v.spacing_mm]}
                    for v in series.stacks
                ],
                "faults": list(series.faults),
                "sequence": series.sequence,
            }
            for series in contents.series
        ],
    }


def _warnings(listing: Listing) -> list[str]:
    return [*listing.contents.warnings, *(listing.choice.warnings if listing.choice else ())]


def _slices(series: Series) -> list[int]:
    normal = {"sagittal": (1, 0, 0), "coronal": (0, 1, 0), "axial": (0, 0, 1)}[series.plane.value]
    return [volume.shape[volume.axis_towards(normal)] for volume in series.stacks]


def _use(series: Series, choice: Choice | None) -> str:
    if choice is None:
        return ""
    if series is choice.sagittal:
        return "sagittal T2"
    return "axial T2" if series is choice.axial else ""


def _cell(quantity: Quantity, places: int) -> str:
    """The value; its lower bound where it is cropped; a dash where it is missing."""
    if quantity.value is not None:
        return f"{quantity.value:.{places}f}"
    return "-" if quantity.low is None else f"≥ {quantity.low:.{places}f}"
