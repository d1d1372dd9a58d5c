"""Distances outward from surfaces whose distance is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.simulation.phantom import Phantom
from resorb.simulation.truth.frame import level_geometry
from resorb.simulation.truth.surface import Surface, make_surface
from resorb.study import FloatArray
from tests.simulation.truth.shapes import AT_REST, L45, spine


def rounded(half_width: float, half_length: float, tilt: float = 0.0) -> Phantom:
    """The box spine with elliptic rims, the upper one falling by `tilt` mm per mm to the back."""

    def ellipse(z: float, slope: float) -> FloatArray:
        angle = np.linspace(0, 2 * np.pi, 241)
        x, y = -half_width * np.sin(angle), half_length * (1 - np.cos(angle))
        return np.column_stack([x, y, z + slope * (y - half_length)])

    vertebrae = dict(spine().vertebrae)
    vertebrae["L4"] = replace(vertebrae["L4"], lower_rim=ellipse(5.0, tilt))
    vertebrae["L5"] = replace(vertebrae["L5"], upper_rim=ellipse(-5.0, -tilt))
    return replace(spine(), vertebrae=vertebrae)


def surface(phantom: Phantom) -> Surface:
    return make_surface(level_geometry(phantom, L45, AT_REST), -12.0, 12.0)


def test_round_a_cylinder_distance_is_the_radius() -> None:
    round_about = surface(rounded(20.0, 20.0))
    angle = np.radians(np.linspace(-85, 85, 60))
    for distance in (-1.0, -0.3, 0.3, 1.0, 4.0, 9.0):
        radius = 20.0 + distance
        points = np.column_stack([radius * np.sin(angle), radius * np.cos(angle) - 20, 0 * angle + 1.3])
        np.testing.assert_allclose(round_about.outward_mm(points), distance, atol=0.04)


@given(
    left=st.floats(-14, 14),
    posterior=st.floats(0.2, 8.0),
    cranial=st.floats(-9, 9),
    tilt=st.floats(-0.2, 0.2),
)
def test_behind_the_posterior_face_it_agrees_with_the_frame(
    left: float, posterior: float, cranial: float, tilt: float
) -> None:
    """`Frame.behind_mm` is of first order, so on a curved rim the two differ a little far behind it."""
    phantom = rounded(24.0, 17.0, tilt=round(tilt, 1))
    both = surface(phantom)
    frame = both.geometry.frame
    reference = float(both.reference(np.array([left]), np.array([cranial]))[0])
    point = np.array([[left, reference + posterior, cranial]])
    behind = float(frame.behind_mm(frame.to_world(point))[0])
    assert float(both.outward_mm(point)[0]) == pytest.approx(behind, rel=0.03, abs=0.05)
    grid = both.near_mm(np.array([left, left + 1]), np.array([point[0, 1]]), np.array([cranial, cranial + 1]))
    assert float(grid[0, 0, 0]) == pytest.approx(behind, abs=1e-4)


def test_around_a_corner_distance_is_to_the_edge() -> None:
    box = surface(spine())
    points = np.array(
        [[27.0, 4.0, 0.0], [-27.0, 4.0, 0.0], [30.0, -5.0, 1.0], [-30.0, -12.0, -2.0], [20.0, -3.0, 0.0]]
    )
    np.testing.assert_allclose(box.outward_mm(points), [5.0, 5.0, 6.0, 6.0, -3.0], atol=0.03)
    assert box.outside(points).tolist() == [True, True, True, True, False]


def test_the_margins_tiles_add_up_to_its_area() -> None:
    box = surface(spine())
    low, high = box.face_ends
    assert (low, high) == pytest.approx((-24, 24), abs=1e-3)
    # The face, and both sides to 6 mm in front of the middle.
    assert box.tile_mm2.sum() == pytest.approx(10 * (48 + 2 * 23), rel=0.01)
    np.testing.assert_allclose(np.linalg.norm(box.margin_normal, axis=-1), 1.0)


def test_sides_are_continuous_with_the_face() -> None:
    for phantom in (spine(), rounded(24.0, 17.0), rounded(24.0, 17.0, tilt=0.15)):
        step = np.linalg.norm(np.diff(surface(phantom).mesh, axis=0), axis=-1)
        assert step.max() < 1.0
