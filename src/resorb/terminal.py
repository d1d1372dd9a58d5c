"""What the command line shows: tables, and the progress bar."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from resorb.loading import Choice
from resorb.pipeline import Listing
from resorb.pipeline import Progress as Report
from resorb.reading import Quantity, Reading
from resorb.study import Series

if TYPE_CHECKING:
    from resorb.clinic.report.record import CourseReport
    from resorb.simulation.truth import StudyTruth

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
    table = Table("Level", title="Disc material behind the reference line", title_justify="left")
    for header in ("Depth mm", "Area mm²", "Volume mm³", "Slip mm"):
        table.add_column(header, justify="right")
    table.add_column("Flags")
    for disc in reading.discs:
        numbers = (disc.depth_mm, disc.area_mm2, disc.volume_mm3, disc.slip_mm)
        cells = [_cell(n, places) for n, places in zip(numbers, (1, 0, 0, 1), strict=True)]
        table.add_row(disc.level, *cells, ", ".join(disc.flags), style="bold" if disc.displaced else "")
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


def show_course(report: CourseReport) -> None:
    """Print a course in short: what must not wait first, then the sentence, then what to doubt."""
    from resorb.clinic.story.flags import NO_FLAG, alarms

    for line in [f"RED FLAG  {alarm.text}" for alarm in alarms(report.review.red_flags)] or [NO_FLAG]:
        say(line)
    say(report.review.safety_net)
    for line in (report.story.text, report.story.not_recovery):
        if line:
            say(line)
    lines = [f"line {one.line}: {one.words}" for one in report.review.contradictions]
    lines += [*report.story.not_compared, *report.story.disagreements, *report.review.warnings, *report.notes]
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
