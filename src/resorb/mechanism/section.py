"""The folded section of a report: exploratory, closed until it is opened."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from markupsafe import Markup

from resorb.mechanism.kinetics import DAYS_PER_MONTH
from resorb.mechanism.record import HerniationRecord, MechanismRecord
from resorb.mechanism.words import model_words, shown
from resorb.templates import templates

PACKAGE = "resorb.mechanism"  # whose templates


@dataclass(frozen=True)
class MechanismSection:
    """Satisfies the `Section` protocol of the page.

    Attributes:
        figure: the SVG of `write_figure`; empty for none.
        folded: closed until it is opened.
    """

    record: MechanismRecord
    figure: str = ""
    folded: bool = True
    title: str = "Why might it have shrunk? (exploratory)"
    anchor: str = "mechanism"

    def html(self) -> Markup:
        values = {
            "record": self.record,
            "figure": _uri(self.figure) if self.figure else "",
            "folded": self.folded,
            "herniations": [(one, _rows(one), _ahead(one)) for one in self.record.herniations],
        }
        return Markup(templates(PACKAGE).get_template("mechanism.html").render(values))


def _uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _rows(one: HerniationRecord) -> list[tuple[str, str, str, str]]:
    """Model, probability before and after the data, whether it fits."""
    return [
        (
            model_words(model.name),
            f"{model.prior:.2f}",
            f"{model.probability:.2f}",
            "yes" if model.fits else "no",
        )
        for model in one.models
    ]


def _ahead(one: HerniationRecord) -> tuple[str, list[tuple[str, str, str]]]:
    """The last predicted date in words, and per model what volume and T2 ratio are expected on it."""
    if not one.predictions:
        return "", []
    last = max(p.days for p in one.predictions)
    rows: dict[str, dict[str, str]] = {}
    for p in one.predictions:
        if p.days == last:
            interval = (
                f"{shown(p.quantity, p.median)} ({shown(p.quantity, p.low)} to {shown(p.quantity, p.high)})"
            )
            rows.setdefault(p.model, {})[p.quantity] = interval
    found = [
        (model_words(model), cells.get("volume_mm3", "not measured"), cells.get("t2_ratio", "not measured"))
        for model, cells in rows.items()
    ]
    return f"{last / DAYS_PER_MONTH:.0f} months after the first scan", found
