from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.loss import WEIGHT_NEAR, partial_loss  # noqa: E402


def test_no_loss_for_a_class_that_is_admissible() -> None:
    logits = torch.full((1, 6, 4, 4), -20.0)
    logits[:, 3] = 20.0
    entropy, dice = partial_loss(logits, torch.full((1, 4, 4), 0b001001, dtype=torch.uint8))
    assert float(entropy) == pytest.approx(0.0, abs=1e-6)
    assert float(dice) == 0.0  # nothing is certain, so nothing is compared


def test_loss_for_a_class_that_is_not_admissible() -> None:
    logits = torch.full((1, 6, 4, 4), -20.0)
    logits[:, 4] = 20.0
    entropy, dice = partial_loss(logits, torch.full((1, 4, 4), 0b000010, dtype=torch.uint8))
    assert float(entropy) == pytest.approx(40.0, rel=1e-3)
    assert float(dice) > 0.9


def test_dice_ignores_voxels_where_the_class_is_uncertain() -> None:
    logits = torch.full((1, 6, 4, 4), -20.0)
    logits[:, 1] = 20.0
    bits = torch.full((1, 4, 4), 0b000011, dtype=torch.uint8)
    bits[0, 0] = 0b000010
    assert float(partial_loss(logits, bits)[1]) == pytest.approx(0.0, abs=1e-3)


def test_an_error_between_disc_and_sac_counts_more_than_one_elsewhere() -> None:
    bits = torch.full((1, 64, 64), 1, dtype=torch.uint8)
    bits[0, 20:30, 10:20], bits[0, 20:30, 20:30] = 1 << 4, 1 << 5

    def cost(row: int, column: int) -> float:
        logits = torch.full((1, 6, 64, 64), -20.0)
        for c in range(6):
            logits[:, c][bits == 1 << c] = 20.0
        logits[0, :, row, column] = torch.tensor([20.0, -20, -20, -20, -20, -20])
        logits[0, 0, row, column] -= 40.0 * (bits[0, row, column] == 1)
        logits[0, 1, row, column] += 40.0 * (bits[0, row, column] == 1)
        return float(partial_loss(logits, bits)[0])

    assert cost(25, 19) == pytest.approx((1 + WEIGHT_NEAR) * cost(60, 60), rel=1e-3)
