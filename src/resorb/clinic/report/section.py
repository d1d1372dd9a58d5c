"""A section of the course's page: a heading, a link target, and a template with the values put into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def templates() -> Environment:
    """The templates of the clinical side. Autoescaping is on: every text of a record comes from a file."""
    return Environment(
        loader=PackageLoader("resorb.clinic.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@dataclass(frozen=True)
class ClinicSection:
    """Satisfies the `Section` protocol of the page."""

    title: str
    anchor: str
    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def html(self) -> Markup:
        return Markup(templates().get_template(self.template).render(self.values))
