"""The exact frame on spines whose corners are known, and beside the frame that is fitted to masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from resorb.anatomy import Anatomy, Level, LevelNaming
from resorb.errors import UsageError
from resorb.framing import fit_frame
from resorb.simulation.phantom import Phantom
from resorb.simulation.truth import truth_frame
from resorb.study import FloatArray, Volume
from tests.simulation import toy
from tests.simulation.truth.shapes import AT_REST, L45, Lying, Stacked, spine


def moved(turn_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def slipped(by_mm: float) -> Stacked:
    """L4 and all above it moved forwards."""
    moves = {name: np.eye(4) for name in toy.NAMES}
    for name in ("L3", "L4"):
        moves[name] = moved((0, 0, 0), (0, by_mm, 0))
    return Stacked(moves)


def test_the_box_spine_has_its_corners_where_they_were_drawn() -> None:
    frame = truth_frame(spine(), L45, AT_REST)
    np.testing.assert_allclose(frame.origin, [0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(frame.axes, [[-1, 0, 0], [0, -1, 0], [0, 0, 1]], atol=1e-9)
    np.testing.assert_allclose(frame.upper_corner, [0, 0, 5], atol=1e-9)
    np.testing.assert_allclose(frame.lower_corner, [0, 0, -5], atol=1e-9)
    assert frame.slip_mm == pytest.approx(0) and frame.step_share == 0
    assert frame.disc_height_mm == pytest.approx(10)
    assert frame.upper.extent == pytest.approx((-24, 24))


@given(
    turn=st.tuples(*[st.floats(-40, 40)] * 3),
    shift=st.tuples(*[st.floats(-80, 80)] * 3),
)
def test_the_frame_moves_with_the_patient(
    turn: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    matrix = moved(turn, shift)
    still, posed = truth_frame(spine(), L45, AT_REST), truth_frame(spine(), L45, Lying(matrix))
    local = np.random.default_rng(1).uniform(-20, 20, (50, 3))
    expected = still.to_world(local) @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(posed.to_world(local), expected, atol=1e-9)
    np.testing.assert_allclose(
        posed.behind_mm(posed.to_world(local)), still.behind_mm(still.to_world(local)), atol=1e-9
    )


@pytest.mark.parametrize(("by_mm", "share"), [(-6.0, 0.0), (2.9, 0.0), (4.5, 0.5), (6.0, 1.0), (9.0, 1.0)])
def test_a_slip_is_measured_and_steps_beyond_its_limit(by_mm: float, share: float) -> None:
    frame = truth_frame(spine(), L45, slipped(by_mm))
    assert frame.slip_mm == pytest.approx(by_mm)
    assert frame.step_share == pytest.approx(share)


def test_the_sacral_limit_holds_at_the_sacrum() -> None:
    moves = {name: moved((0, 0, 0), (0, 6, 0)) for name in toy.NAMES}
    frame = truth_frame(spine(), Level("L5", "S1"), Stacked({**moves, "S1": np.eye(4)}))
    assert frame.slip_mm == pytest.approx(6) and frame.step_share == pytest.approx(0.2)


def test_flexion_turns_the_frame_by_half() -> None:
    moves = {name: np.eye(4) for name in toy.NAMES}
    for name in ("L3", "L4"):
        moves[name] = moved((-8, 0, 0), (0, 0, 0))  # forwards about the disc's posterior middle
    frame = truth_frame(spine(), L45, Stacked(moves))
    assert np.degrees(np.arctan2(frame.axes[2, 1], frame.axes[2, 2])) == pytest.approx(4.0)
    np.testing.assert_allclose(frame.axes @ frame.axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame.axes) == pytest.approx(1.0)


def test_a_hollow_wall_is_known_exactly() -> None:
    vertebra = spine().vertebrae["L5"]
    away = vertebra.wall[0, 2] - vertebra.wall[:, 2]
    wall = vertebra.wall + np.column_stack([0 * away, 0.28 * away - 0.01 * away**2, 0 * away])
    hollow = replace(spine(), vertebrae={**spine().vertebrae, "L5": replace(vertebra, wall=wall)})
    frame = truth_frame(hollow, L45, AT_REST)
    assert frame.lower.wall == pytest.approx((-0.28, 0.01), abs=0.01)
    assert frame.upper.wall == pytest.approx((0.0, 0.0), abs=1e-9)


def test_it_means_what_the_fitted_frame_means() -> None:
    """`resorb.framing` on the masks of the same spine finds the same frame to a fraction of a voxel."""
    phantom: Phantom = toy.phantom(1.0)
    volume = Volume(phantom.anatomy, phantom.fine.affine).sagittal()
    anatomy = Anatomy(volume, toy.LEVELS, LevelNaming("a test"), "a test", {})
    fitted = fit_frame(anatomy, L45, slip_limit_mm=3.0)
    exact = truth_frame(phantom, L45, AT_REST)
    assert np.linalg.norm(fitted.origin - exact.origin) < 0.35
    assert np.degrees(np.arccos(np.clip(np.sum(fitted.axes * exact.axes, axis=1), -1, 1))).max() < 1.0
    points = np.random.default_rng(2).uniform((-15, -12, -14), (15, 3, 14), (200, 3))
    assert np.abs(fitted.behind_mm(points) - exact.behind_mm(points)).max() < 0.6
    assert np.abs(np.mean(fitted.behind_mm(points) - exact.behind_mm(points))) < 0.3


def test_a_level_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="L2/L3 cannot be framed: the simulated spine has L3, L4"):
        truth_frame(spine(), Level("L2", "L3"), AT_REST)
