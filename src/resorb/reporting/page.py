"""`report.html`: sections assembled into one self-contained page that a clinician reads in a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resorb.reading import Reading
from resorb.reporting.section import PACKAGE, Section
from resorb.reporting.svg import hatched, outline_css
from resorb.templates import templates


@dataclass(frozen=True)
class Heading:
    """What stands above the sections.

    Attributes:
        title: of the window.
        heading: of the page.
        line: below it, which patient's or which date's page it is.
        synthetic: what is simulated, in words; empty for a patient.
        statement: what the page is for.
        outlines: the page's pictures carry outlines that can be hidden.
    """

    title: str
    heading: str
    line: str
    synthetic: str
    statement: str
    outlines: bool


def page(reading: Reading, sections: Sequence[Section]) -> str:
    """The page of one study."""
    date = reading.study_date.isoformat() if reading.study_date else "date unknown"
    heading = Heading(
        title=f"Lumbar MRI reading · {date}",
        heading="Lumbar disc reading",
        line=f"MRI of {date}",
        synthetic="SYNTHETIC study, not a patient" if reading.synthetic else "",
        statement=reading.statement,
        outlines=True,
    )
    return document(heading, sections)


def document(heading: Heading, sections: Sequence[Section]) -> str:
    """A whole page; needs no network, no script and no font that the reader lacks."""
    values = {"outline_css": outline_css(), "hatches": hatched()}
    return templates(PACKAGE).get_template("page.html").render(heading=heading, sections=sections, **values)
