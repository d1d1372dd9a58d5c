from __future__ import annotations

import numpy as np
import pytest

from resorb.simulation.phantom import Window
from resorb.simulation.spine.texture import LEVELS, PERIOD, Lumps, Texture, stored


def drawn(seed: int = 1, sigma: tuple[float, float, float] = (1.0, 1.0, 6.0)) -> Texture:
    return Texture.draw(np.random.default_rng(seed), sigma)


def test_a_texture_has_mean_0_and_standard_deviation_1() -> None:
    block = drawn().block.astype(float) / LEVELS
    assert block.mean() == pytest.approx(0.0, abs=0.02)
    assert block.std() == pytest.approx(1.0, abs=0.02)


def test_it_is_smooth_along_the_fibres() -> None:
    block = drawn().block.astype(float)
    along = np.corrcoef(block[:, :, :-3].ravel(), block[:, :, 3:].ravel())[0, 1]
    across = np.corrcoef(block[:-3].ravel(), block[3:].ravel())[0, 1]
    # Noise smoothed with sigma s is correlated as exp(-d^2 / 4 s^2).
    assert along == pytest.approx(np.exp(-9 / 144), abs=0.05)
    assert across == pytest.approx(np.exp(-9 / 4), abs=0.05)


def test_it_repeats_without_a_seam() -> None:
    texture = drawn()
    window: Window = (slice(PERIOD[0] - 3, PERIOD[0] + 5), slice(2, 130), slice(100, 300))
    part = texture.on(window)
    assert part.shape == (8, 128, 200)
    assert part[3, 4, 28] == texture.block[0, 6, 0]
    whole = texture.on((slice(0, 200), slice(2, 130), slice(100, 300)))
    assert (whole[PERIOD[0] - 3 : PERIOD[0] + 5] == part).all()
    columns = texture.columns(slice(78, 84), np.array([5, 99]), np.array([7, 130]))
    assert columns.shape == (6, 2)
    assert columns[2, 1] == texture.block[0, 3, 2]


def test_lookup_is_by_what_the_integers_stand_for() -> None:
    texture = drawn()
    window: Window = (slice(0, 10), slice(0, 100), slice(0, 20))
    found = texture.looked_up(window, (stored() > 0.5).astype(np.uint8))
    assert (found == (texture.on(window) > 0.5 * LEVELS)).all()


def test_a_mixture_keeps_its_spread() -> None:
    mixed = Texture.mixed(drawn(1), drawn(2), 0.5)
    assert (mixed.block / LEVELS).std() == pytest.approx(1.0, abs=0.03)


def test_lumps_are_the_same_on_every_grid() -> None:
    box = np.array([-50.0, -40.0, -60.0]), np.array([50.0, 40.0, 60.0])

    def seen(pitch: float) -> np.ndarray:
        axes = tuple(np.arange(-30.0, 30.0, pitch) for _ in range(3))
        lumps = Lumps.draw(np.random.default_rng(3), (axes[0], axes[1], axes[2]), box)
        n = len(axes[0])
        return lumps.on((slice(0, n), slice(0, n), slice(0, n)))

    fine, coarse = seen(1.0), seen(2.0)
    assert np.abs(fine[::2, ::2, ::2] - coarse).max() < 1e-4
    assert fine.std() == pytest.approx(1.0, abs=0.35)
