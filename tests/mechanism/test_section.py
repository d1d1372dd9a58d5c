from __future__ import annotations

from pathlib import Path

import pytest

from resorb.mechanism import MechanismRecord, explain
from resorb.mechanism.figure import draw, write_figure
from resorb.mechanism.section import MechanismSection
from tests.mechanism.cases import change


@pytest.fixture(scope="module")
def record() -> MechanismRecord:
    return explain(change())


def test_the_section_is_folded_and_marked_exploratory(record: MechanismRecord) -> None:
    section = MechanismSection(record)
    html = str(section.html())
    assert "exploratory" in section.title
    assert html.index("Exploratory, for research") < html.index("<details>")
    assert "not recovery" in html
    assert "no advice to scan" in html
    assert "<details>" not in MechanismSection(record, folded=False).html()


def test_names_from_files_are_escaped(record: MechanismRecord) -> None:
    one = record.herniations[0].model_copy(update={"name": "<script>"})
    html = MechanismSection(record.model_copy(update={"herniations": (one,)})).html()
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_the_figure_shows_every_measured_value(record: MechanismRecord) -> None:
    figure = draw(record)
    volume = figure.axes[0]
    assert volume.get_ylabel() == "displaced volume (mm³)"
    (points,) = volume.containers
    assert list(points[0].get_ydata()) == pytest.approx([900.0, 603.0, 404.01])
    widths = [bar.get_window_extent().width for bar in figure.axes[3].patches]
    assert sum(widths) == pytest.approx(figure.axes[3].get_window_extent().width, rel=1e-3)


def test_the_same_record_gives_the_same_picture(record: MechanismRecord, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert write_figure(record, tmp_path / "a") == write_figure(record, tmp_path / "b")
    assert (tmp_path / "a/mechanism.png").read_bytes() == (tmp_path / "b/mechanism.png").read_bytes()


def test_without_a_fit_there_is_no_figure(tmp_path: Path) -> None:
    record = explain(change(unknown=True))
    assert write_figure(record, tmp_path) == ""
    assert not list(tmp_path.iterdir())
    assert "Not fitted" in MechanismSection(record).html()
