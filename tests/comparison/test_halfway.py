from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from resorb.comparison.halfway import halfway, motion_about, steps_about, synchronised
from resorb.registration import moved
from resorb.study import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, count: int, turn_deg: float = 12.0, shift_mm: float = 30.0) -> FloatArray:
    rng = np.random.default_rng(seed)
    motions = np.tile(np.eye(4), (count, 1, 1))
    motions[:, :3, :3] = Rotation.from_rotvec(
        np.radians(rng.uniform(-turn_deg, turn_deg, (count, 3)))
    ).as_matrix()
    motions[:, :3, 3] = rng.uniform(-shift_mm, shift_mm, (count, 3))
    return motions


@given(SEEDS)
def test_a_motion_and_its_steps_are_each_others_inverse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre, motion = rng.uniform(-200, 200, 3), drawn(seed, 1, turn_deg=80.0)[0]
    np.testing.assert_allclose(motion_about(centre, *steps_about(centre, motion)), motion, atol=1e-9)


def test_a_motion_about_a_centre_turns_as_the_matrix_exponential_does() -> None:
    x, y, z = 0.2, -0.3, 0.1
    motion = motion_about(np.array([10.0, 20.0, 30.0]), np.array([x, y, z]), np.zeros(3))
    np.testing.assert_allclose(motion[:3, :3], expm([[0, -z, y], [z, 0, -x], [-y, x, 0]]), atol=1e-12)
    np.testing.assert_allclose(moved(motion, np.array([10.0, 20.0, 30.0])), [10.0, 20.0, 30.0])


@given(SEEDS, st.integers(2, 6))
def test_pairs_that_agree_are_met_exactly(seed: int, count: int) -> None:
    into = drawn(seed, count)
    ring = [(n, (n + 1) % count) for n in range(count if count > 2 else 1)]
    pairs = {(a, b): np.asarray(np.linalg.inv(into[b]) @ into[a]) for a, b in ring}
    found = synchronised(pairs, np.zeros((count, 3)))
    for a in range(count):
        for b in range(count):
            relative = np.linalg.inv(found[b]) @ found[a]
            np.testing.assert_allclose(relative, np.linalg.inv(into[b]) @ into[a], atol=1e-6)


def test_pairs_that_disagree_share_the_disagreement() -> None:
    """Three shifts round a ring that do not add up to none: each is missed by a third of what is left over."""

    def shift(x: float) -> FloatArray:
        return motion_about(np.zeros(3), np.zeros(3), np.array([x, 0.0, 0.0]))

    found = synchronised({(0, 1): shift(1.0), (1, 2): shift(1.0), (2, 0): shift(1.0)}, np.zeros((3, 3)))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        missed = (np.linalg.inv(found[b]) @ found[a])[0, 3] - 1.0
        assert missed == pytest.approx(-1.0, abs=1e-5)


def test_dates_that_no_pair_connects_are_refused() -> None:
    with pytest.raises(ValueError, match="connect"):
        synchronised({(0, 1): np.eye(4)}, np.zeros((3, 3)))


def test_between_turns_about_one_axis_lies_their_mean() -> None:
    """The level of three dates, turned about one axis by 5, 20 and 50 degrees: the space lies at 25."""
    angles = np.radians([5.0, 20.0, 50.0])
    turned = np.stack([motion_about(np.zeros(3), np.array([0, 0, a]), np.zeros(3)) for a in angles])
    back = np.asarray(np.linalg.inv(turned))
    _, _, level = halfway(back, back, np.zeros((3, 3)))
    turns, _ = steps_about(np.zeros(3), level)
    np.testing.assert_allclose(turns[:, 2], angles.mean() - angles, atol=1e-6)


@given(SEEDS, st.integers(2, 5))
def test_the_halfway_space_favours_no_date_and_no_vertebra(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    upper = drawn(seed, count)
    bends = drawn(seed + 1, count, turn_deg=3.0, shift_mm=1.0)
    lower = bends @ upper
    centres = rng.uniform(-50, 50, (count, 3))
    up, low, level = halfway(upper, lower, centres)
    # What was between two dates is still there.
    for motions, found in ((upper, up), (lower, low)):
        before, after = (np.linalg.inv(m[1]) @ m[0] for m in (motions, found))
        np.testing.assert_allclose(after, before, atol=1e-6)
    # On average the level is not turned, the disc not bent, and its centre stays.
    turns = Rotation.from_matrix(level[:, :3, :3]).as_rotvec()
    np.testing.assert_allclose(turns.mean(axis=0), 0.0, atol=1e-6)
    bent = [Rotation.from_matrix(u[:3, :3] @ v[:3, :3].T).as_rotvec() for u, v in zip(up, low, strict=True)]
    np.testing.assert_allclose(np.mean(bent, axis=0), 0.0, atol=1e-6)
    # Another order of the dates, or of the vertebrae, gives the same space.
    order = rng.permutation(count)
    again, _, _ = halfway(upper[order], lower[order], centres[order])
    np.testing.assert_allclose(again, up[order], atol=1e-5)
    other, _, whole = halfway(lower, upper, centres)
    np.testing.assert_allclose(other, low, atol=1e-5)
    np.testing.assert_allclose(whole, level, atol=1e-5)


@given(SEEDS)
def test_the_world_in_which_a_date_is_given_does_not_matter(seed: int) -> None:
    upper, lower = drawn(seed, 3), drawn(seed, 3)
    anywhere = drawn(seed + 7, 1)[0]
    centres = np.zeros((3, 3))
    expected = halfway(upper, lower, centres)
    found = halfway(anywhere @ upper, anywhere @ lower, centres)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
