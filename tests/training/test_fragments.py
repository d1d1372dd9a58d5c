"""Patients made to show what outlines miss: material behind the sacrum, on every voxel known."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from resorb.anatomy import Level
from training import fragments
from training.harmonise import DISC, SACRUM
from training.prepared import Prepared


@pytest.fixture(scope="module")
def stacks() -> list[Prepared]:
    return list(islice(fragments.stacks(0), fragments.TURNS))


@pytest.mark.slow
def test_every_stack_holds_displaced_disc_and_says_so_of_every_voxel(stacks: list[Prepared]) -> None:
    for stack in stacks:
        assert stack.collection == fragments.COLLECTION
        assert not stack.axial
        assert len(stack.marks)
        assert np.all(np.bitwise_count(stack.admissible) == 1)
        at = stack.admissible[tuple(stack.marks.T)]
        assert np.mean(at == DISC) > 0.95


@pytest.mark.slow
def test_some_of_it_lies_behind_the_body_of_s1(stacks: list[Prepared]) -> None:
    """With sacrum in front of it in its own row, where few usual patients have any."""
    behind = 0
    for stack in stacks:
        for number, row, column in stack.marks:
            behind += bool(np.any(stack.admissible[number, row, :column] == SACRUM))
    assert behind > 50


def test_most_of_the_rest_is_asked_for_beside_the_canal() -> None:
    random = np.random.default_rng(1)
    asked = [fragments._aside(Level("L3", "L4"), random).zone for _ in range(200)]
    assert np.mean([zone in ("foraminal", "extraforaminal") for zone in asked]) > 0.7


@pytest.mark.slow
def test_a_number_gives_the_same_stacks(stacks: list[Prepared]) -> None:
    again = next(iter(fragments.stacks(0)))
    np.testing.assert_array_equal(again.image, stacks[0].image)
    np.testing.assert_array_equal(again.admissible, stacks[0].admissible)
