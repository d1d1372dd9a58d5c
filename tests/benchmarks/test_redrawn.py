"""Predicted disc against two drawings of closed form."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.redrawn import predicted, scores
from training.outlines import Herniation, material

SPACING = (4.0, 0.5, 0.5)  # slice, column, row
SHAPE = (3, 60, 60)
CORNERS = np.array([[20.0, 20.0], [20.0, 36.0]])


def drawn(depth: float) -> Herniation:
    """A rectangle in the middle slice, `depth` voxels behind a line that runs straight down."""
    margin = np.array([[20.0, 22.0], [20.0 + depth, 22.0], [20.0 + depth, 34.0], [20.0, 34.0]])
    return Herniation("1", "L4/L5", "", {1: CORNERS}, {1: margin}, {})


def test_what_both_readers_drew_is_found_and_agrees() -> None:
    pair = drawn(10.2), drawn(10.2)
    disc = material(pair[0], SHAPE, SPACING)
    disc[:, 5:20, 20:37] = True  # the disc itself, before the line
    found = scores(disc, pair, SPACING)
    assert (found["recall"], found["dice_1"], found["dice_2"], found["readers_dice"]) == ("1.000",) * 4
    assert found["predicted_mm3"] == found["drawn_mm3"]


def test_half_of_it_gives_the_dice_of_halves() -> None:
    pair = drawn(10.2), drawn(10.2)
    whole = material(pair[0], SHAPE, SPACING)
    disc = whole.copy()
    disc[:, 26:] = False  # 5 of 10 columns
    found = scores(disc, pair, SPACING)
    assert float(found["recall"]) == pytest.approx(0.5, abs=0.06)
    assert float(found["dice_1"]) == pytest.approx(2 / 3, abs=0.06)


def test_disc_far_from_the_drawing_is_not_counted_to_it() -> None:
    one = drawn(10.2)
    mask = material(one, SHAPE, SPACING)
    disc = mask.copy()
    disc[1, 55:, 20:30] = True  # 12 mm behind it
    assert (predicted(disc, one, mask, SPACING) == mask).all()
