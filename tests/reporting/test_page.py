from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resorb.reading import DiscReading, Quantity, Reading
from resorb.reporting import report
from tests.reporting import spine

VOID = {"meta", "link", "img", "br", "input", "hr"}


class Tags(HTMLParser):
    """Every start tag with its attributes, the text, and whether the tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def written(folder: Path, record: Reading | None = None) -> str:
    report(spine.timepoint(record=record), folder)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("page"))


def test_nothing_is_fetched_and_nothing_runs(html: str) -> None:
    page = Tags(html)
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"src", "href", "xlink:href", "action", "srcset"}:
                assert value is not None and value.startswith(("data:image/png;base64,", "#"))
    assert "http" not in re.sub(r"http-equiv|http://example\.org", "", html)
    assert "@import" not in html
    used = set(re.findall(r"url\(([^)]*)\)", html))
    assert used == {f"#{name}" for name in re.findall(r'<pattern id="([^"]*)"', html)} != set()


def test_a_hostile_series_description_stays_text(html: str) -> None:
    page = Tags(html)
    assert "<script>" not in html
    assert "img" not in {tag for tag, _ in page.tags}
    assert page.text.count(spine.HOSTILE) == 2


def test_every_level_has_a_picture_and_a_row(html: str) -> None:
    page = Tags(html)
    pictures = [
        attributes["aria-label"] or ""
        for tag, attributes in page.tags
        if tag == "svg" and "role" in attributes
    ]
    for level in map(str, spine.LEVELS):
        assert any(alt.startswith(level) for alt in pictures)
        assert f'<th scope="row">{level}</th>' in html
    assert len(pictures) == len(spine.LEVELS) + 2


def test_it_is_accessible(html: str) -> None:
    page = Tags(html)
    assert ("html", {"lang": "en"}) in page.tags
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {f"#{name}" for name in ids}
    assert all(a["href"] in anchors for tag, a in page.tags if tag == "a")
    for _, attributes in page.tags:
        assert attributes.get("role") != "img" or attributes.get("aria-label")
    assert any(tag == "input" and a.get("type") == "checkbox" for tag, a in page.tags)


def test_a_missing_value_shows_a_dash_and_its_reason(tmp_path: Path) -> None:
    lost = spine.disc(spine.LEVELS[0], slip_mm=Quantity(value=None, reason="the rim is out of the field"))
    html = written(tmp_path, spine.reading((lost, *spine.reading().discs[1:])))
    assert re.search(r'<td class="number" title="the rim is out of the field">—<sup>', html)
    assert "not measured: the rim is out of the field" in html


def test_limits_and_doubts_are_said(html: str) -> None:
    text = Tags(html).text
    record = spine.reading()
    for wanted in (record.statement, record.not_assessed, "The count may be off", "no 95 % intervals"):
        assert wanted.lower() in text.lower()
    assert record.resorb_version in text
    assert "SYNTHETIC" not in text


def test_a_synthetic_study_says_so(tmp_path: Path) -> None:
    assert "SYNTHETIC" in Tags(written(tmp_path, spine.reading(synthetic=True))).text


UNMEASURED = spine.disc(spine.LEVELS[0], depth_mm=Quantity(value=None, reason="no frame"))


@pytest.mark.parametrize("discs", [(), (UNMEASURED,)])
def test_a_reading_without_measured_levels_still_makes_a_page(
    tmp_path: Path, discs: tuple[DiscReading, ...]
) -> None:
    text = Tags(written(tmp_path, spine.reading(discs))).text
    assert "No level could be measured" in text
