"""The frame's arithmetic on surfaces whose distances are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from resorb.anatomy import Level
from resorb.frame import WALL_HEIGHT_MM, Frame, Rim
from resorb.study import FloatArray

#: Rows left, posterior, cranial of an upright patient in RAS+.
UPRIGHT = np.array([[-1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])
HALF_HEIGHT, HALF_WIDTH = 5.0, 20.0


def rim(
    posterior: float, cranial: float, *, turn: float = 0.0, wall: tuple[float, float] = (0.0, 0.0)
) -> Rim:
    left = np.linspace(-HALF_WIDTH, HALF_WIDTH, 41)
    extent = (float(left[0]), float(left[-1]))
    return Rim(left, posterior + turn * left, np.full(41, cranial), wall, "a test", extent)


def frame(
    slip: float = 0.0,
    *,
    turn: float = 0.0,
    wall: tuple[float, float] = (0.0, 0.0),
    step_share: float = 0.0,
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Frame:
    """Corners 10 mm apart, the lower one `slip` mm behind the upper, bodies with walls of the given shape."""
    return Frame(
        level=Level("L4", "L5"),
        origin=np.array(origin),
        axes=UPRIGHT @ Rotation.from_euler("xyz", angles, degrees=True).as_matrix().T,
        upper=rim(-slip / 2, HALF_HEIGHT, turn=turn, wall=wall),
        lower=rim(slip / 2, -HALF_HEIGHT, turn=turn, wall=wall),
        slip_mm=slip,
        step_share=step_share,
        disc_height_mm=2 * HALF_HEIGHT,
        midline_source="a test",
    )


def behind(of: Frame, left: float, posterior: float, cranial: float) -> float:
    return float(of.behind_mm(of.to_world(np.array([left, posterior, cranial]))))


poses = st.tuples(*[st.floats(-180, 180)] * 3)
points = st.tuples(*[st.floats(-200, 200)] * 3)


@given(angles=poses, origin=points, world=points)
def test_to_local_undoes_to_world_and_keeps_lengths(
    angles: tuple[float, float, float], origin: tuple[float, float, float], world: tuple[float, float, float]
) -> None:
    posed = frame(angles=angles, origin=origin)
    local = posed.to_local(np.array(world))
    np.testing.assert_allclose(posed.to_world(local), world, atol=1e-9)
    assert np.linalg.norm(local) == pytest.approx(np.linalg.norm(np.subtract(world, origin)), abs=1e-9)


def test_local_coordinates_are_left_posterior_cranial() -> None:
    # RAS+: left is -x, posterior is -y, cranial is +z.
    assert frame(origin=(1.0, 2.0, 3.0)).to_local(np.array([-4.0, -5.0, 9.0])).tolist() == [5.0, 7.0, 6.0]


@pytest.mark.parametrize("cranial", [-12.0, -5.0, 0.0, 3.0, 5.0, 12.0])
@pytest.mark.parametrize("posterior", [-7.0, 0.0, 0.25, 6.0])
def test_behind_a_flat_surface_is_the_posterior_coordinate(posterior: float, cranial: float) -> None:
    for left in (-15.0, 0.0, 8.0):
        assert behind(frame(), left, posterior, cranial) == pytest.approx(posterior)


@pytest.mark.parametrize("slip", [-6.0, 2.0, 6.0])
def test_between_the_corners_distance_is_at_right_angles_to_the_line(slip: float) -> None:
    line = frame(slip)
    corners = np.array([[-slip / 2, HALF_HEIGHT], [slip / 2, -HALF_HEIGHT]])
    along = corners[1] - corners[0]
    normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    normal *= np.sign(normal[0])
    for fraction in (0.2, 0.5, 0.8):
        for distance in (-0.3, 0.0, 0.5):
            posterior, cranial = corners[0] + fraction * along + distance * normal
            assert behind(line, 0.0, posterior, cranial) == pytest.approx(distance, abs=1e-9)


@pytest.mark.parametrize("turn", [-0.4, 0.0, 0.3])
def test_a_rim_that_runs_obliquely_is_measured_at_right_angles(turn: float) -> None:
    oblique = frame(turn=turn)
    normal = np.array([-turn, 1.0]) / np.hypot(1.0, turn)
    for left in (-6.0, 0.0, 6.0):
        at = np.array([left, turn * left]) + 3.0 * normal
        assert behind(oblique, at[0], at[1], 0.0) == pytest.approx(3.0, abs=1e-9)


def test_behind_a_body_the_surface_is_its_wall() -> None:
    hollow = frame(wall=(-0.3, 0.01))
    for height in (2.0, 8.0, WALL_HEIGHT_MM):
        expected = -0.3 * height + 0.01 * height**2
        for cranial in (HALF_HEIGHT + height, -HALF_HEIGHT - height):
            assert behind(hollow, 0.0, expected, cranial) == pytest.approx(0.0, abs=1e-9)
            assert behind(hollow, 0.0, expected + 1.0, cranial) > 0.5
    # Beyond the stretch whose shape is known it goes on straight.
    end = -0.3 * WALL_HEIGHT_MM + 0.01 * WALL_HEIGHT_MM**2
    assert behind(hollow, 0.0, end, HALF_HEIGHT + WALL_HEIGHT_MM + 20.0) == pytest.approx(0.0, abs=1e-9)


def test_beside_the_vertebrae_nothing_is_behind() -> None:
    for left in (-HALF_WIDTH - 0.1, HALF_WIDTH + 0.1, 60.0):
        assert behind(frame(), left, 5.0, 0.0) == -np.inf
    assert behind(frame(), HALF_WIDTH, 5.0, 0.0) == pytest.approx(5.0)


def test_distances_do_not_depend_on_the_pose() -> None:
    world = np.random.default_rng(3).uniform(-15, 15, (200, 3))
    still = frame(3.0, turn=0.1, wall=(-0.2, 0.01))
    moved = frame(3.0, turn=0.1, wall=(-0.2, 0.01), angles=(20, -35, 110), origin=(40, -70, 12))
    np.testing.assert_allclose(
        moved.behind_mm(moved.to_world(still.to_local(world))), still.behind_mm(world), atol=1e-9
    )


@pytest.mark.parametrize("slip", [8.0, -8.0])
def test_a_slip_lays_disc_open_and_does_not_displace_it(slip: float) -> None:
    """Between the corners a stepped surface follows the more posterior one: what is ahead of it is uncovered."""
    stepped, plain = frame(slip, step_share=1.0), frame(slip)
    near_step = np.array([[0.0, 2.0, 3.0 * np.sign(slip)]])  # between the line and the step
    world = stepped.to_world(near_step)
    assert plain.behind_mm(world)[0] > 0
    assert stepped.behind_mm(world)[0] < 0
    assert stepped.uncovered_mm(world)[0] > 0
    beyond = stepped.to_world(np.array([[0.0, 6.5, 0.0]]))
    assert stepped.behind_mm(beyond)[0] == pytest.approx(2.5)
    assert stepped.uncovered_mm(beyond)[0] == -np.inf
    ahead = stepped.to_world(np.array([[0.0, -6.0, 0.0]]))
    assert stepped.uncovered_mm(ahead)[0] < 0


@given(slip=st.floats(-3, 3), turn=st.floats(-0.2, 0.2), angles=poses, origin=points)
def test_the_reference_line_runs_through_both_corners_and_lies_on_the_surface(
    slip: float, turn: float, angles: tuple[float, float, float], origin: tuple[float, float, float]
) -> None:
    posed = frame(slip, turn=turn, wall=(-0.2, 0.01), angles=angles, origin=origin)
    line = posed.reference_line(0.0)
    for corner in (posed.upper_corner, posed.lower_corner):
        assert np.linalg.norm(line - corner, axis=1).min() < 1e-6
    assert np.abs(posed.behind_mm(line)).max() < 1e-6
    heights = posed.to_local(line)[:, 2]
    assert (np.diff(heights) < 1e-9).all(), "from above downwards"
    assert heights[0] == pytest.approx(HALF_HEIGHT + 8.0) and heights[-1] == pytest.approx(-HALF_HEIGHT - 8.0)


def test_a_reference_line_to_the_side_stays_in_its_plane() -> None:
    oblique = frame(turn=0.2, angles=(5, 3, 12))
    local = oblique.to_local(oblique.reference_line(10.0))
    np.testing.assert_allclose(local[:, 0], 10.0, atol=1e-9)
    np.testing.assert_allclose(local[:, 1], 2.0, atol=1e-9)


def test_a_rim_goes_on_beyond_its_ends_as_at_its_end() -> None:
    curved = rim(0.0, 5.0, turn=0.1)
    at: FloatArray = np.array([-50.0, 50.0])
    posterior, cranial = curved.corner(at)
    assert posterior.tolist() == pytest.approx([-2.0, 2.0])
    assert cranial.tolist() == [5.0, 5.0]
    single = Rim(np.array([0.0]), np.array([1.0]), np.array([5.0]), (0.0, 0.0), "one slice")
    assert single.turn(at).tolist() == [0.0, 0.0]
