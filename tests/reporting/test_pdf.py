"""The PDF of a page, read by PDFium: the same words in the same order, and on every sheet the statement."""

from __future__ import annotations

import re
from pathlib import Path

import pypdfium2
import pytest
from markupsafe import Markup

from resorb.errors import UsageError
from resorb.reading import RESEARCH_USE
from resorb.reporting import pdf
from resorb.reporting.page import Heading, document
from resorb.reporting.pdf import write_pdf
from resorb.reporting.section import Section
from tests.reporting.test_page import Tags

HOSTILE = '#panic("x") $ x $ <a> @b [c] \\ *d* _e_ `f` // g'


class Fixed:
    """A section whose body is given."""

    def __init__(self, title: str, body: str) -> None:
        self.title, self.anchor, self._body = title, title.lower().replace(" ", "-"), body

    def html(self) -> Markup:
        # A space between the elements, so that their words are apart in the page's text too.
        return Markup(self._body.replace("><", "> <"))


def _page(*sections: Section) -> str:
    heading = Heading(
        "Window", "Course of p-1", "p-1; onset 2024-03-01", "SYNTHETIC images", RESEARCH_USE, False
    )
    return document(heading, sections)


def _rows(count: int) -> str:
    rows = "".join(
        f"<tr><th scope='row'>row {n}</th><td>{'long words ' * 30}</td></tr>" for n in range(count)
    )
    head = "<thead><tr><th scope='col'>name</th><th scope='col'>text of it</th></tr></thead>"
    return f"<table><caption>All rows.</caption>{head}<tbody>{rows}</tbody></table>"


@pytest.fixture(scope="module")
def page() -> str:
    return _page(
        Fixed(
            "Red flags",
            '<div class="alarm"><p class="finding">Same-day emergency</p><ul><li>bladder</li></ul></div>',
        ),
        Fixed("In words", '<p>Said<sup><a href="#note-1">1</a></sup>; <a href="#gone">and</a> more.</p>'),
        Fixed("A table", _rows(60)),
        Fixed("Notes", f'<ol class="notes columns"><li id="note-1">note {Markup.escape(HOSTILE)}</li></ol>'),
        Fixed("Terms", "<dl><dt>Series</dt><dd>series 1<br> of two</dd></dl>"),
    )


@pytest.fixture(scope="module")
def made(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    write_pdf(page, path)
    return path


def sheets(path: Path) -> list[str]:
    """The text of each sheet, as PDFium reads it."""
    with pypdfium2.PdfDocument(path) as read:
        return [" ".join(sheet.get_textpage().get_text_bounded().split()) for sheet in read]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def test_every_word_of_the_page_is_in_the_pdf_in_the_same_order(page: str, made: Path) -> None:
    said = iter(words(" ".join(sheets(made))))
    text = Tags(page).text
    for word in words(text[text.index("Course of p-1") :]):
        assert word in said, f"{word} is missing, or out of order"


def test_the_statement_and_the_line_of_the_page_stand_on_every_sheet(made: Path) -> None:
    found = sheets(made)
    assert len(found) > 2
    for n, sheet in enumerate(found, start=1):
        assert RESEARCH_USE in sheet and "p-1; onset 2024-03-01" in sheet and "SYNTHETIC images" in sheet
        assert f"{n} of {len(found)}" in sheet
    assert found[0].index("Same-day emergency") < found[0].index("In words")
    assert all("name text of it" in sheet for sheet in found[:2]), "a table's head is repeated"


def test_no_row_is_torn_apart_between_two_sheets(made: Path) -> None:
    for sheet in sheets(made):
        for row in re.split(r"row \d+ ", sheet)[1:]:
            assert row.startswith("long words " * 29)


def test_text_is_never_taken_for_a_command(made: Path) -> None:
    (said,) = re.findall(r"Notes note (.*) Terms", " ".join(sheets(made)))
    assert words(said)[: len(words(HOSTILE))] == words(HOSTILE)


def test_the_same_page_gives_the_same_bytes_without_a_time_of_writing(
    page: str, made: Path, tmp_path: Path
) -> None:
    write_pdf(page, tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == made.read_bytes()
    with pypdfium2.PdfDocument(made) as read:
        facts = read.get_metadata_dict()
    assert facts["Title"] == "Course of p-1" and not facts["CreationDate"] and not facts["ModDate"]


def test_without_typst_it_is_said_by_name(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "pdf_available", lambda: False)
    with pytest.raises(UsageError, match=r"typst is missing.*resorb\[pdf\]"):
        write_pdf(page, tmp_path / "x.pdf")
    assert not (tmp_path / "x.pdf").exists()
