"""A page as PDF: the same words, tables and pictures in the same order, laid out on A4 by Typst.

Typst (https://typst.app) is a typesetting program that comes whole in the Python package `typst`; nothing is fetched.
What a page says reaches it as data, never as markup, so that no text of a record can be taken for a command.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources, util
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.font_manager import findfont, get_font

from resorb.errors import UsageError
from resorb.reading import RESEARCH_USE
from resorb.reporting.markup import Element, parse, pictures, plain

PACKAGE = "typst"
NO_PDF = f"no PDF: the package {PACKAGE} is missing; install it with pip install 'resorb[pdf]'"
TEMPLATE = "page.typ"
#: Of every file, so that the same page gives the same bytes: Typst's own default is the time of writing.
TIMESTAMP = 0
#: Wide in what it can show, and there with matplotlib; for letters that Typst's own fonts lack.
FALLBACK = "DejaVu Sans"


def pdf_available() -> bool:
    """Whether the extra `pdf` is installed."""
    return util.find_spec(PACKAGE) is not None


def write_pdf(page: str, path: Path) -> None:
    """Write a page as PDF.

    Every sheet carries the statement of research use, the page's line (whose or which date's it is), and what is
    simulated in it. Drawings within the page (inline `svg`) and controls are left out: a picture to keep is an `img`.
    The same page gives the same bytes; only where it holds letters that neither Libertinus nor DejaVu has do the
    fonts of the machine decide.

    Args:
        page: from `resorb.reporting.page.document`.

    Raises:
        UsageError: the package typst is not installed.
        OSError: the file cannot be written.
    """
    if not pdf_available():
        raise UsageError(NO_PDF)
    import typst

    body = parse(page)
    images = pictures(body)
    content = json.dumps(_content(body), ensure_ascii=False).encode()
    template = resources.files("resorb.reporting").joinpath("templates", TEMPLATE).read_bytes()
    # Its stubs do not know that it takes files by name.
    files: Any = {"main.typ": template, "page.json": content, **images}
    made: bytes = typst.compile(
        files,
        font_paths=[Path(matplotlib.get_data_path()) / "fonts" / "ttf"],
        ignore_system_fonts=not _foreign(body.text()),
        format="pdf",
        timestamp=TIMESTAMP,
    )
    path.write_bytes(made)


def _content(body: Element) -> dict[str, Any]:
    """What the template is given: the page, and what stands on every sheet of it."""
    header = next(one for one in body.all() if one.tag == "header")
    line = next((one for one in header.inside if isinstance(one, Element) and one.tag == "p"), None)
    title = next(one for one in header.all() if one.tag == "h1")
    return {
        "title": title.text(),
        "line": line.text() if line else "",
        "statement": RESEARCH_USE,
        "places": list(_places(body)),
        "fallback": FALLBACK,
        "body": plain(body),
    }


def _places(body: Element) -> Iterator[str]:
    """Where the links of the page lead to."""
    ids = {one.attributes["id"] for one in body.all() if "id" in one.attributes}
    links = (one.attributes.get("href", "") for one in body.all() if one.tag == "a")
    return iter(sorted({link.removeprefix("#") for link in links} & ids))


def _foreign(text: str) -> bool:
    """Whether a text has letters that the fonts at hand cannot show."""
    return any(ord(letter) not in _letters() for letter in set(text) if letter.isprintable())


@cache
def _letters() -> frozenset[int]:
    return frozenset(get_font(findfont(FALLBACK)).get_charmap())
