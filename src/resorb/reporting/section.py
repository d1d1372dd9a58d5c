"""A part of a report. The page assembles sections and knows nothing else about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


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


@cache
def templates() -> Environment:
    """The package's templates. Autoescaping is on for all of them: series descriptions come from files."""
    return Environment(
        loader=PackageLoader("resorb.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@dataclass(frozen=True)
class TemplateSection:
    """A section whose body is a template and the values put into it."""

    title: str
    anchor: str
    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def html(self) -> Markup:
        return Markup(templates().get_template(self.template).render(self.values))
