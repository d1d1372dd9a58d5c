"""`report.html`: sections assembled into one self-contained page that a clinician reads in a minute."""

from __future__ import annotations

from collections.abc import Sequence

from resorb.reading import Reading
from resorb.reporting.scene import STYLES, Kind
from resorb.reporting.section import Section, templates
from resorb.reporting.svg import outline_css


def page(reading: Reading, sections: Sequence[Section]) -> str:
    """The whole page; needs no network, no script and no font that the reader lacks."""
    date = reading.study_date.isoformat() if reading.study_date else "date unknown"
    return (
        templates()
        .get_template("page.html")
        .render(
            date=date,
            synthetic=reading.synthetic,
            statement=reading.statement,
            sections=sections,
            outline_css=outline_css(),
            hatch=STYLES[Kind.DISPLACED],
        )
    )
