"""The patients of `benchmarks.mechanism`: their laws of time, and that their sizes are those of the geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from benchmarks.common import Table
from benchmarks.mechanism import COLUMNS, KEY
from benchmarks.mechanism_courses import course_table
from benchmarks.mechanism_patients import Course, diffused, draw_patient, read_courses
from benchmarks.mechanism_population import PUBLISHED, SHAPES
from benchmarks.mechanism_tables import MODELS, show
from resorb import __version__
from resorb.mechanism import Mechanism


@pytest.fixture
def courses(tmp_path: Path) -> list[Course]:
    """Of a half sphere, on paper: eroded, shrunk and drawn back."""
    table = course_table(tmp_path)
    case = {"spine": 1, "level": "L4/L5", "type": "protrusion"}
    first = _sizes(1.0, 0.4) | {"layer_mm": 0.0}
    table.append({**case, "way": "first", "weight": 1, "remaining": 1, "darkened": 0, **first})
    table.append(
        {**case, "way": "dark", "weight": 1, "remaining": 1, "darkened": 1, **first, "t2_ratio": 0.1}
    )
    for way in ("retraction", "shrinkage", "erosion", "retraction+erosion"):
        for scale in (0.9, 0.7, 0.5, 0.3):
            layer = 8.0 * (1 - scale) if way == "erosion" else ""
            sizes = _sizes(scale, 0.4) | {"layer_mm": layer}
            table.append({**case, "way": way, "weight": 1, "remaining": scale**3, "darkened": 0, **sizes})
    table.append({**case, "way": "end"})
    return read_courses(table.path)


def _sizes(scale: float, ratio: float) -> dict[str, object]:
    return {
        "volume_mm3": 1072.0 * scale**3,
        "contact_mm2": 201.0 * scale**2,
        "depth_mm": 8.0 * scale,
        "width_mm": 16.0 * scale,
        "height_mm": 16.0 * scale,
        "centre_mm": 4.0 * scale,
        "t2_ratio": ratio,
    }


def test_a_state_between_two_is_read_between_them(courses: list[Course]) -> None:
    eroded = next(one for one in courses if one.way == "erosion")
    scale = np.array([0.8, 0.6])
    assert eroded.remaining_at("layer_mm", -8.0 * (1 - scale)) == pytest.approx(scale**3, abs=0.05)
    assert eroded.at("depth_mm", scale**3) == pytest.approx(8.0 * scale, rel=0.03)


def test_water_leaves_a_sphere_as_the_diffusion_equation_says() -> None:
    """Against a finite-volume solution of the equation, for a sphere of radius 1."""
    cells = 200
    edges = np.linspace(0, 1, cells + 1)
    volume, area = np.diff(edges**3) / 3, edges**2

    def flow(_time: float, water: np.ndarray) -> np.ndarray:
        slope = np.r_[0.0, np.diff(water), -2 * water[-1]] * cells
        return np.asarray(np.diff(area * slope) / volume)

    tau = np.array([0.02, 0.1, 0.3])
    solved = integrate.solve_ivp(flow, (0, 0.3), np.ones(cells), method="BDF", t_eval=tau, rtol=1e-6)
    left = 3 * volume @ solved.y
    assert diffused(tau) == pytest.approx(1 - left, abs=0.005)
    assert diffused(np.zeros(1))[0] == 0.0


@pytest.mark.parametrize("dates", [2, 4])
def test_a_patient_is_the_same_again_and_shrinks(courses: list[Course], dates: int) -> None:
    for seed in range(8):
        one, again = (draw_patient(courses, dates, seed) for _ in range(2))
        assert one.observed == again.observed
        assert one.true_months[0] == 0.0 and len(one.true_months) == dates + 1
        assert (np.diff(one.true["volume_mm3"]) <= 1e-9).all()
        assert len(one.observed.days) == dates
    pure = [draw_patient(courses, 4, seed).truth for seed in range(3)]
    assert pure == [(m,) for m in Mechanism]
    grown = draw_patient(courses, 4, 1, "growth").true["volume_mm3"]
    assert (np.diff(grown) > 0).all()


def test_errors_have_the_size_that_is_stated(courses: list[Course]) -> None:
    scores = []
    for seed in range(300):
        one = draw_patient(courses, 4, seed)
        first = one.observed.measured["volume_mm3"][0]
        assert first is not None
        scores.append((first.value - one.true["volume_mm3"][0]) / np.hypot(0.11 * 1072.0, 30.0))
    assert np.mean(scores) == pytest.approx(0.0, abs=0.15)
    assert np.std(scores) == pytest.approx(1.0, abs=0.12)


def test_the_tables_count_what_the_rows_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(tmp_path / "mechanism.csv", COLUMNS, KEY)
    for case in range(4):
        right = case < 3
        chances = dict.fromkeys(MODELS, 0.0) | {("degradation" if right else "retraction"): 0.95}
        table.append(
            {
                "case": case,
                "dates": 4,
                "unusual": "",
                "resorb_version": __version__,
                "truth": "degradation",
                "likeliest": "degradation" if right else "retraction",
                "probability": 0.95,
                "verdict": "degradation" if right else "retraction",
                "none_fits": 0,
                **chances,
                **dict.fromkeys(("volume_inside", "t2_inside", "volume_scan_inside", "t2_scan_inside"), 1),
                "amount_true": 2.0,
                "amount_fitted": 2.2,
                "seconds": 1.0,
            }
        )
    show(table.rows())
    said = capsys.readouterr().out
    assert "of these right" in said and "0.75" in said and "+0.10" in said


def test_published_rates_are_those_of_the_evidence() -> None:
    assert set(PUBLISHED) == set(SHAPES)
    assert (PUBLISHED["sequestration"].chiu_2015, PUBLISHED["sequestration"].gone) == (0.96, 0.43)
    assert PUBLISHED["protrusion"].zou_2023 == 0.3753
