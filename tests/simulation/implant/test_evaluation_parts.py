from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from resorb.anatomy import Level
from resorb.simulation.implant.evaluation_growth import NEVER, Target, _march, grow, sizes
from resorb.simulation.implant.evaluation_push import push
from resorb.simulation.implant.evaluation_room import PITCH_MM, Room, room_behind
from resorb.simulation.implant.evaluation_texture import (
    Levels,
    levels_of,
    material,
)
from resorb.simulation.implant.scene import Scene, band_limited, read_scene, resolved_share
from resorb.study import Volume
from tests.simulation.implant.box_scan import NOISE, box_scan

TARGET = Target(volume_mm3=400.0, depth_mm=6.0, exit_mm=(0.0, 0.0))


@cache
def scene() -> Scene:
    return read_scene(*box_scan(), Level("L4", "L5"))


@cache
def room() -> Room:
    return room_behind(scene())


def test_the_room_is_the_spine_that_was_drawn() -> None:
    x, y, z = room().axes()
    # Posterior walls in one plane; the sac is a cylinder of 8 mm whose axis lies 12 mm behind it.
    flat = np.abs(x) < 8
    assert np.abs((room().behind_mm - y)[np.broadcast_to(flat, room().shape)]).max() < 0.5
    cylinder = np.broadcast_to((np.hypot(x, y - 12.0) < 7.0) & (np.abs(z) < 20), room().shape)
    assert room().sac[cylinder].all()
    assert room().bone[np.broadcast_to((y < -1.5) & (np.abs(z) > 7) & (np.abs(z) < 25), room().shape)].all()


@pytest.mark.parametrize("stretch", [(1.0, 1.0, 1.0), (2.0, 1.0, 0.5)])
def test_a_front_in_even_tissue_is_an_ellipsoid(stretch: tuple[float, float, float]) -> None:
    shape = (41, 41, 41)
    tear = np.zeros(shape, bool)
    tear[20, 20, 20] = True
    arrival = _march(np.ones(shape, np.float32), tear, np.array(stretch))
    offset = [
        PITCH_MM * (np.arange(41) - 20.0).reshape([-1 if b == a else 1 for b in range(3)]) / stretch[a]
        for a in range(3)
    ]
    exact = np.sqrt(offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2)
    # A front of first order is late by about a voxel near a point, and by a few percent along the diagonals.
    assert (np.abs(arrival - exact) < 0.06 * exact + 1.2 * PITCH_MM).all()


def test_a_front_does_not_pass_a_wall() -> None:
    speed = np.ones((20, 20, 20), np.float32)
    speed[10] = 1 / NEVER
    tear = np.zeros(speed.shape, bool)
    tear[3, 10, 10] = True
    arrival = _march(speed, tear, np.ones(3))
    assert arrival[12:].min() > 1e4 > arrival[:10].max()


def test_growth_reaches_volume_and_depth_and_keeps_out_of_bone() -> None:
    grown = grow(room(), TARGET, np.random.default_rng(5))
    assert grown.share.sum() * PITCH_MM**3 == pytest.approx(400.0, rel=0.01)
    assert sizes(room(), grown)[1] == pytest.approx(6.0, abs=0.5)
    assert not grown.share[room().bone | (room().behind_mm <= 0)].any()
    assert ndimage.label(grown.share > 0.5)[1] == 1


def test_the_push_keeps_bone_in_place_fades_away_and_folds_nothing() -> None:
    grown = grow(room(), TARGET, np.random.default_rng(5))
    field = push(room(), grown)
    length = np.linalg.norm(field, axis=0)
    assert length[ndimage.binary_erosion(room().fixed, iterations=2)].max() < 1e-3
    assert length[..., :4].max() < 0.5 and length[..., -4:].max() < 0.5
    # Behind the material tissue came from farther forward, by up to the depth of the material.
    outside = ndimage.binary_erosion(grown.share <= 0, iterations=2) & ~room().fixed
    assert -6.5 < field[1][outside].min() < -1.5
    slopes = np.stack([np.stack(np.gradient(part, PITCH_MM)) for part in field])
    volume = np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3))
    assert np.quantile(volume[outside], 0.005) > 0


def test_patches_have_the_grain_of_the_discs_they_come_from() -> None:
    share = np.zeros(scene().grey.shape, np.float32)
    share[8:20, 50:90, 60:90] = 1
    share[scene().bone | scene().disc] = 0
    made = material(scene(), share, Levels(60.0, 60.0), np.random.default_rng(2))
    deep = ndimage.binary_erosion(share > 0, iterations=4)
    assert made[deep].std() == pytest.approx(NOISE, rel=0.15)
    assert made[deep].mean() == pytest.approx(60.0, abs=1.5)


def test_the_levels_are_those_of_the_disc() -> None:
    levels = levels_of(scene(), 0.5)
    assert levels.core == pytest.approx(60.0, abs=6.0)
    assert levels.rim <= levels.core


def zero_filled(share: float) -> Volume:
    """White noise of which only the lowest part of the frequencies along the rows was measured."""
    noise = np.random.default_rng(0).normal(100, 20, (24, 96, 96))
    spectrum = np.fft.rfft(noise, axis=2)
    spectrum[..., int(share * spectrum.shape[2]) :] = 0
    return Volume(np.fft.irfft(spectrum, 96, axis=2), np.diag([1.0, 0.5, 0.5, 1.0]))


@pytest.mark.parametrize("share", [0.5, 0.75])
def test_what_a_scanner_filled_up_with_zeros_is_recognised(share: float) -> None:
    assert resolved_share(zero_filled(share), 2) == pytest.approx(share, abs=0.08)
    assert resolved_share(zero_filled(share), 1) > 0.95


def test_a_change_has_no_frequencies_that_the_scan_has_not() -> None:
    image = zero_filled(0.5)
    change = np.zeros(image.shape, np.float32)
    change[10:14, 40:60, 40:60] = 100
    limited = band_limited(change, image)
    power = np.abs(np.fft.rfft(np.concatenate([limited, limited[..., ::-1]], 2), axis=2)) ** 2
    before = np.abs(np.fft.rfft(np.concatenate([change, change[..., ::-1]], 2), axis=2)) ** 2
    high = int(0.65 * power.shape[2])
    assert power[..., high:].sum() < 1e-3 * before[..., high:].sum()
    assert limited.sum() == pytest.approx(change.sum(), rel=1e-3)
