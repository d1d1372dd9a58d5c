from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.calibrate import calibrate, calibration_error  # noqa: E402
from training.prepared import Prepared  # noqa: E402


def test_error_of_a_perfect_and_of_a_boastful_forecaster() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1.0, 200_000)
    right = random.random(200_000) < sure
    assert calibration_error(sure, right) < 0.01
    assert calibration_error(np.full(1000, 0.95), np.arange(1000) < 700) == pytest.approx(0.25, abs=1e-9)


def boast(image: Any) -> Any:
    """Says one of two classes with logits three times too large; which, is written in the image."""
    logits = torch.full((1, 6, *image.shape[2:]), -60.0)
    logits[:, 0], logits[:, 1] = -3 * image[:, 1], 3 * image[:, 1]
    return logits


def test_the_temperature_undoes_what_was_exaggerated() -> None:
    random = np.random.default_rng(1)
    half = random.integers(0, 256, (3, 96, 96)).astype(np.uint8)
    logit = (half.astype(np.float64) - 128) / 128  # what the image says, as the network will see it
    body = random.random(half.shape) < 1 / (1 + np.exp(-2 * logit))
    stack = Prepared(
        "a", half, np.where(body, 2, 1).astype(np.uint8), 128.0, 128.0, 4.0, np.zeros((0, 3), np.int32)
    )
    found = calibrate(boast, [stack])
    assert found.temperature == pytest.approx(3.0, rel=0.1)
    assert found.error_after < 0.03 < found.error_before
