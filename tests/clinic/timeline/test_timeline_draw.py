"""The time line as drawn: values at their days, told apart in grey, nothing over anything else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from benchmarks.course import long_course, reading
from resorb.clinic.files import read_course
from resorb.clinic.record import Course
from resorb.clinic.symptoms import Pain
from resorb.clinic.timeline.draw import RC, draw, write_time_line
from resorb.clinic.timeline.tracks import Images, time_line
from resorb.clinic.treatment import Medicine
from resorb.reading import Quantity
from tests.clinic.courses import course, courses, leg_pain, visit

MODEL = Path(__file__).parents[3] / "examples" / "model_case.yaml"
ONSET = date(2023, 12, 18)
GREY = np.full((8, 8), 128, np.uint8)


def drawn(one: Course, readings: Any = None, images: Images | None = None) -> Figure:
    with rc_context(RC):
        figure = draw(time_line(one, readings or {}, images or {}))
        FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    return figure


@pytest.fixture(scope="module")
def model() -> Figure:
    return drawn(read_course(MODEL).course, images={0: GREY})


def panel(figure: Figure, name: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_label() == name)


def values(axes: Axes) -> dict[str, list[tuple[date, float]]]:
    """The lines with a name, as days and values."""
    return {
        str(line.get_label()): [
            (ONSET + timedelta(days=float(x)), float(y)) for x, y in np.asarray(line.get_xydata())
        ]
        for line in axes.lines
        if not str(line.get_label()).startswith("_")
    }


def test_pain_stands_at_its_days(model: Figure) -> None:
    days = (date(2024, 1, 10), date(2024, 4, 8), date(2024, 7, 15))
    assert values(panel(model, "pain")) == {
        "left leg": list(zip(days, (9, 3, 0), strict=True)),
        "back": list(zip(days, (5, 2, 1), strict=True)),
    }


def test_scores_stand_in_per_cent_of_their_scale(model: Figure) -> None:
    shown = values(panel(model, "scores"))
    assert [y for _, y in shown["ODI (of 100)"]] == [pytest.approx(100 * n / 45) for n in (29, 12, 3)]
    assert [y for _, y in shown["RMDQ (of 24)"]] == [75.0, pytest.approx(100 * 2 / 24)]
    assert [x for x, _ in shown["RMDQ (of 24)"]] == [date(2024, 1, 10), date(2024, 7, 15)]


def test_onset_visits_and_studies_are_marked(model: Figure) -> None:
    marks = values(panel(model, "events"))
    assert [x for x, _ in marks["onset"]] == [ONSET]
    assert [x for x, _ in marks["leg symptoms"]] == [date(2023, 12, 22)]
    assert [x for x, _ in marks["study"]] == [date(2024, 1, 15), date(2024, 7, 18)]
    assert len(marks["visit"]) == 3


def test_strength_has_a_row_per_weak_movement_with_its_grades(model: Figure) -> None:
    axes = panel(model, "strength")
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [
        "ankle dorsiflexion, left (L4, L5)",
        "ankle inversion, left (L4, L5)",
        "great toe extension, left (L5)",
        "hip abduction, left (L5)",
    ]
    grades = {
        (names[round(text.get_position()[1])], round(text.get_position()[0])): text.get_text()
        for text in axes.texts
    }
    toe = [
        grades[names[2], (day - ONSET).days]
        for day in (date(2024, 1, 10), date(2024, 4, 8), date(2024, 7, 15))
    ]
    assert toe == ["3", "4", "4"]
    assert len(grades) == 3 + 1 + 3 + 1


def test_treatments_are_bars_from_the_first_to_the_last_day(model: Figure) -> None:
    axes = panel(model, "treatments")
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["activity modification", "oxycodone (up to 45 MME/day)", "physiotherapy"]
    (bars,) = [one for one in axes.collections if isinstance(one, PatchCollection)]
    boxes = [path.get_extents() for path in bars.get_paths()]
    physiotherapy = next(box for box in boxes if box.y1 > 2)
    first, after = (date(2024, 1, 22) - ONSET).days, (date(2024, 6, 29) - ONSET).days
    assert (physiotherapy.x0, physiotherapy.x1) == (first, after)
    tapering = [box.height for box in boxes if 0.5 < box.y1 < 1.5]
    assert np.array(tapering) / tapering[0] == pytest.approx([1, 2 / 3, 1 / 3])


def test_a_study_without_a_picture_says_so(model: Figure) -> None:
    assert panel(model, "study 1").images
    assert [text.get_text() for text in panel(model, "study 2").texts] == ["no picture"]


def test_volumes_stand_with_their_intervals_and_a_cropped_one_as_a_lower_bound() -> None:
    one = long_course(2, 3)
    days = [study.date for study in one.studies]
    readings = {n: reading(day, 1000.0 - 300 * n) for n, day in enumerate(days)}
    (disc,) = readings[2].discs
    cropped = disc.model_copy(update={"volume_mm3": Quantity(value=None, low=250.0, reason="cropped")})
    readings[2] = readings[2].model_copy(update={"discs": (cropped,)})
    axes = panel(drawn(one, readings), "volumes")
    line = next(line for line in axes.lines if line.get_label() == "L4/L5")
    assert np.asarray(line.get_ydata()).tolist() == [1000.0, 700.0, 250.0]
    bars = [segment for container in axes.containers for segment in container[2][0].get_segments()]
    assert [[float(y) for y in bar[:, 1]] for bar in bars] == [[900.0, 1100.0], [600.0, 800.0]]
    legend = axes.get_legend()
    assert legend is not None and "lower bound" in [text.get_text() for text in legend.get_texts()]


def shown_texts(figure: Figure) -> Iterator[tuple[str, Bbox]]:
    """Every text that is drawn, with its box on paper."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    found = list(figure.texts)
    for axes in figure.axes:
        legend = axes.get_legend()
        found += [*axes.texts, axes.title, axes._left_title, *(legend.get_texts() if legend else ())]  # type: ignore[attr-defined]
        for axis in (axes.xaxis, axes.yaxis):
            found += [tick.label1 for tick in axis.get_major_ticks() if tick.label1.get_visible()]
    for text in found:
        if text.get_text() and text.get_visible():
            yield text.get_text(), text.get_window_extent(renderer)


@pytest.mark.parametrize("step_days", [1, 18, 60])
def test_no_text_lies_over_another_or_off_the_page(step_days: int) -> None:
    one = long_course(100, 10, step_days=step_days)
    readings = {n: reading(study.date, 900.0 - 70 * n) for n, study in enumerate(one.studies)}
    figure = drawn(one, readings, dict.fromkeys(range(10), GREY))
    texts = list(shown_texts(figure))
    assert len(texts) > 60
    for (a, box), (b, other) in combinations(texts, 2):
        apart = box.padded(-0.5)  # half a pixel: boxes are wider than their ink
        assert not apart.overlaps(other.padded(-0.5)), (a, b)
    width, height = figure.canvas.get_width_height()
    for text, box in texts:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text


def test_lines_differ_in_more_than_colour() -> None:
    both = (leg_pain(), leg_pain(side="right"), Pain(site="back", nrs=3))
    lines = panel(drawn(course(visit({"pain": both}))), "pain").lines
    assert len({(line.get_marker(), line.get_linestyle()) for line in lines}) == len(lines) == 3


def test_a_name_that_is_no_plain_text_is_drawn_as_it_is_or_with_question_marks() -> None:
    taken = [Medicine(start=ONSET, drug_class="other", drug=name) for name in ("$a$ b", "臨床 x")]
    axes = panel(drawn(course(treatments=tuple(taken))), "treatments")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["$a$ b", "?? x"]


@given(one=courses())
@settings(max_examples=5, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_schema_allows_is_drawn(one: Course) -> None:
    figure = drawn(one)
    assert panel(figure, "events").get_xlim()[0] < 0


def test_the_same_course_gives_the_same_bytes(tmp_path: Path) -> None:
    line = time_line(read_course(MODEL).course, {}, {0: GREY})
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        write_time_line(line, folder, synthetic=True)
    for name in ("timeline.png", "timeline.svg"):
        first, second = (folder / name for folder in folders)
        assert first.read_bytes() == second.read_bytes()
