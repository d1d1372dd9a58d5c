from __future__ import annotations

import numpy as np
import pytest

from training.evaluate import dice, score, thick


def test_dice_of_known_overlap() -> None:
    one, other = np.zeros((2, 10), bool), np.zeros((2, 10), bool)
    one[0, :6] = True
    other[0, 3:9] = True
    assert dice(one, other) == pytest.approx(0.5)
    assert np.isnan(dice(one & False, other & False))


def test_what_a_set_does_not_label_is_not_held_against_the_model() -> None:
    found, truth, known = (np.zeros((1, 40, 40), bool) for _ in range(3))
    truth[0, :10, :10] = True
    found[0, :10] = True
    known[0, :, :10] = True
    result = score(found, truth, known, 1.0)
    assert result.known == 1.0 and result.raw < 1.0 and result.false_parts == 0


def test_a_separate_piece_counts_as_false() -> None:
    found, truth = np.zeros((1, 40, 40), bool), np.zeros((1, 40, 40), bool)
    truth[0, :10, :10] = found[0, :10, :10] = True
    found[0, 20:32, 20:32] = True
    assert score(found, truth, np.ones_like(truth), 1.0).false_parts == 1


def test_thick_slices_take_the_middle_label() -> None:
    volume = np.arange(12, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    mean, labels, spacing = thick(volume, volume.astype(np.uint16), (0.9, 0.5, 0.5))
    assert mean[:, 0, 0].tolist() == [3, 8] and labels[:, 0, 0].tolist() == [3, 8]
    assert spacing == pytest.approx((4.5, 0.5, 0.5))
