"""Where things go on paper: apart, in order, inside the page, as near to their day as that allows."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from benchmarks.course import long_course
from resorb.clinic.imaging import ImagingStudy
from resorb.clinic.timeline.draw import draw
from resorb.clinic.timeline.layout import MARGIN_MM, WIDTH_MM, layout, spaced, spread
from resorb.clinic.timeline.tracks import time_line
from tests.clinic.courses import course, visit


@given(st.lists(st.floats(0, 100), min_size=1, max_size=10).map(sorted), st.floats(0.5, 10))
def test_positions_are_apart_in_order_and_inside(wanted: list[float], step: float) -> None:
    placed = spread(wanted, step, (0.0, 100.0))
    assert all(np.diff(placed) >= step - 1e-9)
    assert placed[0] >= 0 and placed[-1] <= 100 + 1e-9
    if all(np.diff(wanted) >= step):
        assert placed == pytest.approx(wanted)


def test_positions_are_the_nearest_possible() -> None:
    wanted = np.array([10.0, 11.0, 12.0, 40.0, 41.0])
    apart = [{"type": "ineq", "fun": lambda x, n=n: x[n + 1] - x[n] - 5} for n in range(4)]
    best = minimize(lambda x: float(((x - wanted) ** 2).sum()), wanted, constraints=apart).x
    assert spread(wanted.tolist(), 5.0, (0.0, 100.0)) == pytest.approx(best, abs=1e-3)


def test_of_too_many_the_first_and_the_last_are_shown() -> None:
    assert spaced(3, 10) == (0, 1, 2)
    assert spaced(0, 10) == ()
    shown = spaced(101, 11)
    assert shown == tuple(range(0, 101, 10))


@pytest.mark.parametrize("pictures", [True, False])
@pytest.mark.parametrize("studies", [1, 10, 40])
def test_names_and_pictures_stay_on_the_page_and_apart(studies: int, pictures: bool) -> None:
    grey = np.zeros((8, 8), np.uint8)
    line = time_line(long_course(5, studies), {}, {n: grey for n in range(studies) if pictures})
    plan = layout(line)
    assert plan.shown[0] == 0 and plan.shown[-1] == studies - 1
    assert (plan.picture_mm > 0) == pictures
    left = np.array(plan.left_mm)
    assert left.min() >= MARGIN_MM - 1e-9 and left.max() + plan.slot_mm <= WIDTH_MM - MARGIN_MM + 1e-9
    assert (np.diff(left) > plan.slot_mm).all()
    assert len(plan.shown) == min(studies, 11 if pictures else 10)  # so many of 22 or 23 mm fit


def test_panels_follow_each_other_and_only_those_with_values_are_there() -> None:
    plan = layout(time_line(long_course(3, 1), {}, {}))
    assert [panel.name for panel in plan.panels] == [
        "events",
        "pain",
        "scores",
        "abilities",
        "strength",
        "treatments",
    ]
    ends = [panel.top_mm + panel.height_mm for panel in plan.panels]
    assert all(panel.top_mm > end for panel, end in zip(plan.panels[1:], ends, strict=False))
    assert ends[-1] < plan.height_mm
    study = ImagingStudy(date=date(2024, 3, 20))
    assert [p.name for p in layout(time_line(course(studies=(study,)), {}, {})).panels] == ["events"]


def test_red_flags_have_room_at_the_head_above_everything() -> None:
    quiet, loud = course(), course(visit({"bladder": "retention", "pain_unmanageable": True}))
    line = time_line(loud, {}, {})
    assert line.alarms[0].startswith("Same-day emergency") and len(line.alarms) == 2
    with_head, without = layout(line), layout(time_line(quiet, {}, {}))
    assert without.head_mm == 0 < with_head.head_mm
    assert with_head.panels[0].top_mm - without.panels[0].top_mm == pytest.approx(with_head.head_mm)
    # The longest action fits the width at its size: the text ends inside the figure.
    figure = draw(line)
    texts = [text for text in figure.texts if text.get_text().startswith("RED FLAG. ")]
    assert [text.get_text() for text in texts] == [f"RED FLAG. {action}" for action in line.alarms]
    for text in texts:
        assert text.get_window_extent().x1 < figure.bbox.x1
