"""A page as plain data: its elements and texts, and its pictures apart; what the PDF is laid out from."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

#: Elements that hold nothing, and so have no end.
VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
#: What only a screen needs; drawings within the page are the screen's, a picture to keep is an `img`.
LEFT_OUT = frozenset({"head", "label", "svg"})
#: Elements that stand in a line of text; all others are blocks.
CELLS = frozenset({"td", "th"})
INLINE = frozenset({"a", "br", "code", "em", "span", "strong", "sup"})
#: Attributes that the layout needs.
KEPT = ("colspan", "scope", "href", "id", "alt", "src")
#: A cell with more letters may be torn apart between two sheets; a column of shorter cells is as wide as these.
LONG, SHORT = 600, 16
DATA_URI = re.compile(r"data:image/(svg\+xml|png|jpeg);base64,(.*)", re.DOTALL)
SUFFIXES = {"svg+xml": "svg", "png": "png", "jpeg": "jpg"}


@dataclass
class Element:
    """One element with what it holds, in order."""

    tag: str
    attributes: dict[str, str]
    inside: list[Element | str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    def all(self) -> Iterator[Element]:
        """This element, and every one within it."""
        yield self
        for one in self.inside:
            if isinstance(one, Element):
                yield from one.all()

    def text(self) -> str:
        """Its text, spaces as a reader sees them."""
        parts = (one if isinstance(one, str) else one.text() for one in self.inside)
        return " ".join("".join(parts).split())


def parse(page: str) -> Element:
    """The `body` of a page of `document`.

    Raises:
        ValueError: an element is not closed, or there is no body.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    if len(reader.open) > 1:
        raise ValueError(f"<{reader.open[-1].tag}> is not closed")
    body = next((one for one in reader.open[0].all() if one.tag == "body"), None)
    if body is None:
        raise ValueError("a page has a body")
    return body


def pictures(body: Element) -> dict[str, bytes]:
    """The data of every picture by the name of a file, which its element then carries as `src`.

    Raises:
        ValueError: a picture is not part of the page.
    """
    found: dict[str, bytes] = {}
    for image in (one for one in body.all() if one.tag == "img"):
        match = DATA_URI.fullmatch(image.attributes.get("src", ""))
        if match is None:
            raise ValueError("a picture of a page is part of it: a data: URI of SVG, PNG or JPEG")
        kind, data = match.groups()
        name = f"picture-{len(found) + 1}.{SUFFIXES[kind]}"
        try:
            found[name] = base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ValueError("a picture of a page is not base64") from error
        image.attributes["src"] = name
    return found


def plain(element: Element) -> dict[str, Any]:
    """An element as JSON holds it: `tag`, `class`, `inside`, and the attributes that the layout needs.

    Spaces are as a browser shows them: one between words, none at the edges of a block. A table has its `widths`, a
    cell whether it is `long`.
    """
    made: dict[str, Any] = {key: element.attributes[key] for key in KEPT if key in element.attributes}
    made |= {"tag": element.tag, "class": element.classes}
    if element.tag == "table":
        made["widths"] = _widths(element)
    elif element.tag in CELLS:
        made["long"] = len(element.text()) > LONG
    made["inside"] = [one if isinstance(one, str) else plain(one) for one in _spaced(element)]
    return made


def _widths(table: Element) -> list[float]:
    """The share of each column in the width that is left; 0 for one that is as wide as its longest cell."""
    rows = [[one for one in row.all() if one.tag in CELLS] for row in table.all() if row.tag == "tr"]
    lengths = [[len(cell.text()) for cell in row if "colspan" not in cell.attributes] for row in rows]
    count = max(len(row) for row in lengths)
    columns = list(zip(*(row for row in lengths if len(row) == count), strict=True))
    # Twice the text needs less than twice the width: the root keeps narrow columns readable.
    return [0.0 if max(column) <= SHORT else round(sum(column) ** 0.5, 2) for column in columns]


def _spaced(element: Element) -> list[Element | str]:
    """What an element holds, without spaces beside blocks and at its own edges if it is a block."""
    found = [re.sub(r"\s+", " ", one) if isinstance(one, str) else one for one in element.inside]
    block = element.tag not in INLINE
    said: list[Element | str] = []
    for n, one in enumerate(found):
        if isinstance(one, str):
            before = found[n - 1] if n else None
            after = found[n + 1] if n + 1 < len(found) else None
            one = one.lstrip() if _edge(before, block) else one
            one = one.rstrip() if _edge(after, block) else one
            if not one:
                continue
        said.append(one)
    return said


def _edge(beside: Element | str | None, block: bool) -> bool:
    """Whether a space beside it is none: at the edge of a block, at a block, at a new line."""
    if beside is None:
        return block
    return isinstance(beside, Element) and (beside.tag not in INLINE or beside.tag == "br")


class _Reader(HTMLParser):
    """The tree of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden or tag in LEFT_OUT:
            self._hidden += [tag] if tag not in VOID else []
            return
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._hidden and tag not in LEFT_OUT:
            self.open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if self._hidden[-1] == tag:
                self._hidden.pop()
        elif self.open[-1].tag == tag:
            self.open.pop()
        else:
            raise ValueError(f"<{self.open[-1].tag}> is not closed")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.open[-1].inside.append(data)
