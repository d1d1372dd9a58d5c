from __future__ import annotations

import numpy as np
import pytest

from resorb.simulation.spine.bone import Bone, BoneLook
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.marbling import marbled
from resorb.simulation.tissue import Tissue

LOW, HIGH = np.array([-20.0, -20.0, -20.0]), np.array([20.0, 20.0, 20.0])


def test_a_blank_canvas_covers_its_box_and_is_symmetric() -> None:
    canvas = Canvas.blank(LOW, HIGH, 0.5)
    assert canvas.shape == (80, 80, 80)
    x, _, _ = canvas.fine.axes()
    np.testing.assert_allclose(x, -x[::-1])
    assert (canvas.fine.tissue == Tissue.FAT).all()


def test_own_coordinates_undo_the_pose() -> None:
    canvas = Canvas.blank(LOW, HIGH, 2.0)
    pose = np.array([[0, -1, 0, 3.0], [-1, 0, 0, 4.0], [0, 0, -1, 5.0], [0, 0, 0, 1]])
    window = canvas.window(np.array([0.0, 0, 0]), np.array([8.0, 8, 8]))
    own = np.stack(canvas.local(window, pose), axis=-1)
    world = own @ pose[:3, :3].T + pose[:3, 3]
    for axis, values in enumerate(canvas.fine.axes(window)):
        np.testing.assert_allclose(np.moveaxis(world[..., axis], axis, 0)[:, 0, 0], values, atol=1e-5)


def test_painting_keeps_to_mask_window_and_tissues() -> None:
    canvas = Canvas.blank(LOW, HIGH, 1.0)
    window = canvas.window(np.array([-5.0, -5, -5]), np.array([5.0, 5, 5]))
    shape = canvas.fine.tissue[window].shape
    half = np.zeros(shape, np.bool_)
    half[: shape[0] // 2] = True
    canvas.paint(window, half, Tissue.MUSCLE, mix=40, anatomy=7)
    painted = canvas.paint(window, np.full(shape, -1.0, np.float32), Tissue.CSF, over=(Tissue.FAT,))
    assert (painted == ~half).all()
    assert (canvas.anatomy[window][half] == 7).all() and (canvas.fine.mix[window][half] == 40).all()
    assert (canvas.fine.tissue == Tissue.CSF).sum() == (~half).sum()
    assert (canvas.fine.tissue == Tissue.MUSCLE).sum() == half.sum()


@pytest.mark.parametrize("semi", [(6.0, 6.0, 6.0), (3.0, 5.0, 8.0)])
def test_a_rod_has_the_volume_of_its_ends_and_its_length(semi: tuple[float, float, float]) -> None:
    canvas = Canvas.blank(LOW, HIGH, 0.5)
    bone = Bone(canvas, np.array([LOW, HIGH]), 0.0)
    bone.rod(np.eye(4), [[-8, 0, 0], [8, 0, 0]], semi)
    volume = (bone.distance <= 0).sum() * 0.125
    expected = 4 / 3 * np.pi * np.prod(semi) + 16 * np.pi * semi[1] * semi[2]
    assert volume == pytest.approx(expected, rel=0.02)


def test_carving_takes_away_and_other_bones_are_spared() -> None:
    canvas = Canvas.blank(LOW, HIGH, 1.0)
    canvas.anatomy[:10] = 103
    bone = Bone(canvas, np.array([LOW, HIGH]), 0.0)
    bone.rod(np.eye(4), [[0, 0, 0], [0, 0, 0]], (15, 15, 15))
    above = canvas.window(np.array([-20.0, -20, 0.6]), HIGH)
    bone.carve(above, np.full(canvas.fine.tissue[above].shape, -5.0, np.float32))
    bone.paint(BoneLook(anatomy=204, body=104, cortex_mm=1.0, fat=0.5), [1])
    assert (canvas.anatomy[:10] == 103).all()
    assert not (canvas.anatomy[above] == 204).any()
    assert (canvas.anatomy == 204).sum() > 4000


def test_marbling_is_repeatable_and_of_unit_spread() -> None:
    canvas = Canvas.blank(LOW, HIGH, 0.5)
    window = canvas.window(LOW, HIGH)
    first, second = (marbled(canvas, window, 4.0, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert abs(first.mean()) < 0.3 and 0.4 < first.std() < 1.2
    assert np.abs(np.diff(first, axis=0)).max() < 1.0  # smooth
