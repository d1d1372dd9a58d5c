"""Soft Dice Confidence against closed forms and against the Dice with truths drawn from the probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from resorb.anatomy import Structure
from resorb.segmentation.confidence import expected_dice, soft_dice
from resorb.study import Volume

SHAPE = (6, 40, 60)


def disc(sharpness_mm: float) -> tuple[Volume, np.ndarray, np.ndarray, np.ndarray]:
    """(structures, probability, mask, probability of disc) of a block of disc with a border as blurred as asked for."""
    rows, columns = np.abs(np.arange(40) - 19.5), np.abs(np.arange(60) - 29.5)
    inside = np.minimum(8.0 - rows[:, None], 20.0 - columns[None])
    of_disc = np.broadcast_to(1 / (1 + np.exp(-inside / sharpness_mm)), SHAPE)
    structures = np.where(of_disc > 0.5, int(Structure.DISC), int(Structure.BACKGROUND)).astype(np.uint8)
    own = np.rint(np.maximum(of_disc, 1 - of_disc) * 255).astype(np.uint8)
    return Volume(structures, np.diag([-4.0, -0.5, -0.5, 1.0])), own, structures > 0, of_disc


def test_a_certain_outline_has_confidence_one_and_half_known_voxels_two_thirds() -> None:
    structures, _, mask, _ = disc(0.1)
    certain = np.full(SHAPE, 255, np.uint8)
    assert soft_dice(structures, certain, mask) == pytest.approx(1.0)
    half = np.where(mask, 128, 255).astype(np.uint8)
    assert soft_dice(structures, half, mask) == pytest.approx(2 * 0.502 / 1.502, abs=1e-3)
    assert soft_dice(structures, certain, np.zeros(SHAPE, bool)) == 0.0


@pytest.mark.parametrize("sharpness_mm", [0.2, 0.6, 1.0])
def test_it_is_the_dice_with_truths_drawn_from_the_probabilities(sharpness_mm: float) -> None:
    structures, own, mask, of_disc = disc(sharpness_mm)
    rng = np.random.default_rng(0)
    truths = (rng.random(SHAPE) < of_disc for _ in range(20))
    dice = np.mean([2 * (t & mask).sum() / (t.sum() + mask.sum()) for t in truths])
    assert soft_dice(structures, own, mask) == pytest.approx(dice, abs=0.01)


def test_less_certain_is_less_confident_and_stays_within_bounds() -> None:
    values = [expected_dice(*disc(s)[:3]) for s in (0.2, 0.6, 1.0, 3.0)]
    assert values == sorted(values, reverse=True)
    assert all(0.0 <= value <= 1.0 for value in values)
