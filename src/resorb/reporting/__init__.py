"""The report of one date: a page, a figure and a table. Knows the nouns only, and no other step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resorb.timepoint import Timepoint

__all__ = ["report"]

#: Side of the large picture of the worst level.
FIGURE_MM = 75.0


def report(
    timepoint: Timepoint, folder: Path | str, *, progress: Callable[[str, float], None] | None = None
) -> None:
    """Write `report.html`, `figure.png`, `figure.svg` and `levels.csv` into an existing folder.

    The same timepoint gives the same bytes.

    Args:
        timepoint: a measured date; `anatomy` and `displaced` lie on the grid of its sagittal series.
        folder: must exist; files of these names are replaced.
        progress: called with what is being done and the fraction of the report that is done, in [0, 1].

    Raises:
        OSError: a file cannot be written.
    """
    # Drawing is imported when it is needed: the command line's help is instant.
    from resorb.reporting import figure, page, sections
    from resorb.reporting.picture import Pictures
    from resorb.reporting.table import levels_csv

    folder, tell = Path(folder), progress or (lambda _what, _fraction: None)
    reading, pictures = timepoint.reading, Pictures(timepoint)
    worst = pictures.focus

    (folder / "levels.csv").write_text(levels_csv(reading), encoding="utf-8")
    tell("figure", 0.05)
    main = pictures.large(worst, FIGURE_MM, sections.LARGE_PIXEL_MM)
    overview = pictures.overview(worst, FIGURE_MM, sections.OVERVIEW_PIXEL_MM)
    files = folder / "figure.png", folder / "figure.svg"
    with ThreadPoolExecutor(1) as thread:
        drawn = thread.submit(figure.write_figure, reading, main, overview, *files)
        tell("page", 0.15)
        parts = (
            sections.finding(timepoint),
            sections.large(pictures, main, overview),
            sections.levels(pictures),
            sections.classes(reading),
            sections.table(reading),
            sections.method(timepoint),
            sections.limits(reading),
        )
        (folder / "report.html").write_text(page.page(reading, parts), encoding="utf-8")
        tell("figure", 0.7)
        drawn.result()
    tell("figure", 1.0)
