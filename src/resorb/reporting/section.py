"""A part of a report. The page assembles sections and knows nothing else about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from markupsafe import Markup

from resorb.templates import templates

PACKAGE = "resorb.reporting"  # whose templates


class Section(Protocol):
    """What a page needs to know of a part of it: a heading, a link target, and the body."""

    @property
    def title(self) -> str:
        """The heading, plain text."""

    @property
    def anchor(self) -> str:
        """The `id` in the page; unique, lower case, no spaces."""

    def html(self) -> Markup:
        """The body below the heading; everything that came from a file is escaped already."""


@dataclass(frozen=True)
class TemplateSection:
    """A section whose body is a template and the values put into it."""

    title: str
    anchor: str
    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def html(self) -> Markup:
        return Markup(templates(PACKAGE).get_template(self.template).render(self.values))
