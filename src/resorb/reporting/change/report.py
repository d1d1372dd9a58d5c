"""Every file of a change's report, written into a folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from matplotlib.figure import Figure

from resorb.anatomy import Level
from resorb.change import Change, LevelChange, Track
from resorb.reporting import paper
from resorb.reporting.change import sections
from resorb.reporting.change.course import draw_course
from resorb.reporting.change.figure import draw_figure
from resorb.reporting.change.letter import letter
from resorb.reporting.change.panels import Panels
from resorb.reporting.change.table import change_csv
from resorb.reporting.page import Heading, document
from resorb.reporting.pdf import pdf_available, write_pdf
from resorb.reporting.section import Section
from resorb.timepoint import Timepoint

#: So many herniations get pictures of their own on the page; the first of them is the figure.
MOST_PICTURES = 3
FIGURE, PLAIN_FIGURE, COURSE = "figure", "figure-plain", "course"
TITLE = "Change of a lumbar disc herniation"
COURSE_ALT = "Volume over time with 95 % intervals; the numbers are in the tables."


@dataclass(frozen=True, eq=False)
class Report:
    """What `report_change` writes; see there."""

    change: Change
    timepoints: Sequence[Timepoint]
    same_day: str
    dates_folder: str
    further: tuple[Section, ...] = ()

    def write(self, folder: Path, tell: Callable[[str, float], None]) -> None:
        """Write every file.

        Raises:
            OSError: a file cannot be written.
        """
        paragraph = letter(self.change)
        (folder / "change.csv").write_text(change_csv(self.change), encoding="utf-8")
        (folder / "letter.txt").write_text(paragraph, encoding="utf-8")
        tell("figure", 0.05)
        figures = self._write_figures(folder)
        tell("course", 0.5)
        course = self._write_course(folder)
        tell("page", 0.6)
        finding = sections.finding(self.change, self.same_day)
        table = sections.table(self.change)
        rest = (
            course,
            sections.error(self.change),
            *sections.recovery(self.change),
            sections.levels(self.change),
            sections.limits(self.change),
        )
        audit = sections.audit(self.change, paragraph, self.dates_folder)
        pictures = (sections.pictures(panels) for panels in self._shown)
        page = document(self._heading, (finding, *pictures, table, *rest, *self.further, audit))
        (folder / "report.html").write_text(page, encoding="utf-8")
        if pdf_available():
            tell("PDF", 0.8)
            # The table fits below the finding, on the first sheet; the figure fills most of the next.
            printed = document(replace(self._heading, outlines=False), (finding, table, *figures, *rest))
            write_pdf(printed, folder / "report.pdf")
        tell("page", 1.0)

    def _write_figures(self, folder: Path) -> list[Section]:
        """Write the figure of the first herniation; every herniation's as a section for print."""
        printed: list[Section] = []
        for number, panels in enumerate(self._shown, start=1):
            figure = draw_figure(panels)
            svg = _svg(figure)
            if number == 1:
                paper.save(figure, folder / f"{FIGURE}.png")
                (folder / f"{FIGURE}.svg").write_bytes(svg)
                paper.save(draw_figure(panels, outlines=False), folder / f"{PLAIN_FIGURE}.png")
            title = f"Before and after: {panels.name}"
            printed.append(sections.picture(title, f"figure-{number}", svg, title))
        return printed

    def _write_course(self, folder: Path) -> Section:
        figure = draw_course(self.change)
        svg = _svg(figure)
        paper.save(figure, folder / f"{COURSE}.png")
        (folder / f"{COURSE}.svg").write_bytes(svg)
        return sections.picture("Course in time", "course", svg, COURSE_ALT)

    @cached_property
    def _shown(self) -> tuple[Panels, ...]:
        """What gets pictures of its own."""
        subjects = sections.subjects_shown(self.change, MOST_PICTURES)
        return tuple(self._panels(one) for one in subjects if self._framed(one))

    def _panels(self, one: Track | LevelChange) -> Panels:
        level = self.change.at(one.level)
        return Panels(self.change, self.timepoints, level, one if isinstance(one, Track) else None)

    def _framed(self, one: Track | LevelChange) -> bool:
        """Whether a level has a frame on every date, without which there is no common plane."""
        level = Level.parse(one.level)
        return all(level in point.frames for point in self.timepoints)

    @property
    def _heading(self) -> Heading:
        return Heading(
            title="Lumbar MRI comparison",
            heading=TITLE,
            line=f"MRI of {' and '.join(one.name for one in self.change.dates)}",
            synthetic="SYNTHETIC studies, not a patient" if self.change.synthetic else "",
            statement=self.change.statement,
            outlines=bool(self._shown),
        )


def _svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    paper.save_svg(figure, file)
    return file.getvalue()
