"""A section of the course's page: a heading, a link target, and a template with the values put into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from resorb.templates import templates

PACKAGE = "resorb.clinic.report"  # whose templates


@dataclass(frozen=True)
class ClinicSection:
    """Satisfies the `Section` protocol of the page."""

    title: str
    anchor: str
    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def html(self) -> Markup:
        return Markup(templates(PACKAGE).get_template(self.template).render(self.values))
