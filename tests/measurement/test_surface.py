"""The reference surface round the posterior half of a disc, on rims of closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.anatomy import Level
from resorb.frame import Frame, Rim
from resorb.measurement.surface import surface_of
from resorb.study import FloatArray, Volume

#: Rims are circles about an axis 20 mm in front of the posterior corner, 10 mm apart.
RADIUS, HALF_HEIGHT = 20.0, 5.0


def circle(cranial: float) -> FloatArray:
    turn = np.linspace(0.0, 2 * np.pi, 361)
    return np.column_stack([RADIUS * np.sin(turn), RADIUS * (np.cos(turn) - 1.0), np.full(361, cranial)])


def rim(cranial: float, *, closed: bool = True) -> Rim:
    left = np.linspace(-19.0, 19.0, 77)
    return Rim(
        left,
        np.sqrt(RADIUS**2 - left**2) - RADIUS,
        np.full(77, cranial),
        (0.0, 0.0),
        "a test",
        (-19.0, 19.0),
        circle(cranial) if closed else None,
    )


def frame(*, closed: tuple[bool, bool] = (True, True)) -> Frame:
    upper, lower = rim(HALF_HEIGHT, closed=closed[0]), rim(-HALF_HEIGHT, closed=closed[1])
    axes = np.diag([-1.0, -1.0, 1.0])
    return Frame(Level("L4", "L5"), np.zeros(3), axes, upper, lower, 0.0, 0.0, 10.0, "a test")


@given(turn=st.floats(-88, 88), radius=st.floats(15, 30), cranial=st.floats(-8, 8))
def test_distance_from_a_cylinder(turn: float, radius: float, cranial: float) -> None:
    """Over the posterior face and round both sides alike: the distance from a round surface is known."""
    angle = np.radians(turn)
    point = np.array([[radius * np.sin(angle), radius * np.cos(angle) - RADIUS, cranial]])
    found = float(surface_of(frame()).outward_mm(point)[0])
    expected = radius - RADIUS
    # Of first order where the surface is oblique to the axes: right in sign, and in size near the surface.
    assert abs(found - expected) < 0.15 + 0.35 * abs(expected)
    if abs(expected) > 0.3:
        assert np.sign(found) == np.sign(expected)


def test_in_front_of_the_posterior_half_there_is_no_reference() -> None:
    surface = surface_of(frame())
    assert surface.middle == pytest.approx(-RADIUS, abs=0.01)
    assert surface.outward_mm(np.array([[25.0, -21.0, 0.0], [0.0, -45.0, 0.0]])).tolist() == [
        -np.inf,
        -np.inf,
    ]


def test_without_outlines_there_is_no_reference_beside_the_vertebrae() -> None:
    open_ended = surface_of(frame(closed=(False, False)))
    assert open_ended.circumference_mm is None
    assert open_ended.outward_mm(np.array([[24.0, -15.0, 0.0]]))[0] == -np.inf
    assert open_ended.outward_mm(np.array([[0.0, 3.0, 0.0]]))[0] == pytest.approx(3.0)


def test_one_rim_stands_for_both_where_the_other_is_not_seen() -> None:
    points = np.array([[24.0, -15.0, 0.0], [-22.0, -12.0, 2.0]])
    both = surface_of(frame()).outward_mm(points)
    for closed in ((True, False), (False, True)):
        np.testing.assert_allclose(surface_of(frame(closed=closed)).outward_mm(points), both, atol=0.05)


def test_the_circumference_is_that_of_the_rims() -> None:
    assert surface_of(frame()).circumference_mm == pytest.approx(2 * np.pi * RADIUS, rel=0.001)
    uneven = replace(frame(), lower=rim(-HALF_HEIGHT, closed=False))
    assert surface_of(uneven).circumference_mm == pytest.approx(2 * np.pi * RADIUS, rel=0.001)


@pytest.mark.parametrize(
    ("left", "posterior", "expected"), [(0, 5, 0), (7, -20, 90), (-7, -20, -90), (5, -15, 45)]
)
def test_directions_from_the_axis_of_the_disc(left: float, posterior: float, expected: float) -> None:
    assert surface_of(frame()).turn_deg(np.array([left, posterior, 1.0])) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("turn", [0.0, 30.0, 60.0, 85.0])
def test_sagittal_slices_go_outwards_less_the_farther_to_the_side(turn: float) -> None:
    """A cylinder's outward direction is known: of it, a sagittal slice holds the cosine of the turn."""
    angle = np.radians(turn)
    point = np.array([[(RADIUS + 1.0) * np.sin(angle), (RADIUS + 1.0) * np.cos(angle) - RADIUS, 0.0]])
    slices = Volume(np.zeros((2, 2, 2), np.uint8), np.diag([4.0, 1.0, 1.0, 1.0]))
    assert surface_of(frame()).in_slice(point, slices)[0] == pytest.approx(np.cos(angle), abs=0.06)
