"""A page as plain data: nothing said is lost, spaces are those of a browser, pictures are part of the page."""

from __future__ import annotations

import base64

import pytest

from resorb.reporting.markup import parse, pictures, plain

PIXEL = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()


def _page(body: str) -> str:
    return f"<!DOCTYPE html><html><head><title>no</title></head><body>{body}</body></html>"


def test_text_keeps_its_words_and_loses_the_spaces_of_the_source() -> None:
    body = parse(_page("\n<p>\n  one <strong> two</strong>\n three<br>\nfour &lt;five&gt;\n</p>\n"))
    (paragraph,) = plain(body)["inside"]
    one, two, three, new_line, four = paragraph["inside"]
    assert (one, three, four) == ("one ", " three", "four <five>")
    assert two["inside"] == [" two"] and new_line["tag"] == "br"
    assert body.text() == "one two three four <five>"


def test_what_only_a_screen_needs_is_left_out() -> None:
    page = _page('<label><input type="checkbox"> Outlines</label><svg><g><text>A</text></g></svg><p>kept</p>')
    body = parse(page)
    assert [one["tag"] for one in plain(body)["inside"]] == ["p"] and body.text() == "kept"


def test_pictures_become_files_and_others_are_refused() -> None:
    body = parse(_page(f'<img src="data:image/svg+xml;base64,{PIXEL}" alt="x"><img src="a.png">'))
    with pytest.raises(ValueError, match="part of it"):
        pictures(body)
    body = parse(_page(f'<img src="data:image/svg+xml;base64,{PIXEL}" alt="x">'))
    assert pictures(body) == {"picture-1.svg": base64.b64decode(PIXEL)}
    assert plain(body)["inside"][0]["src"] == "picture-1.svg"


def test_a_table_knows_its_columns_and_its_long_cells() -> None:
    rows = f"<tr><td>L5</td><td>{'a word ' * 100}</td><td>{'a word ' * 25}</td></tr><tr><td colspan='3'>x</td></tr>"
    body = parse(_page(f"<table><thead><tr><th>root</th><th>why</th><th>who</th></tr></thead>{rows}</table>"))
    (table,) = plain(body)["inside"]
    narrow, wide, middle = table["widths"]
    assert narrow == 0 and wide == pytest.approx(2 * middle, rel=0.03)
    cells = table["inside"][1]["inside"]
    assert [cell["long"] for cell in cells] == [False, True, False]


@pytest.mark.parametrize("page", [_page("<p>open"), "<html></html>", _page("<p><strong>x</p></strong>")])
def test_a_page_that_is_not_well_formed_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"closed|body"):
        parse(page)
