"""A space halfway between any number of dates, which favours none of them.

Rotations are averaged as Karcher's mean (Moakher 2002, SIAM J Matrix Anal Appl 24, 1-16, doi
10.1137/S0895479801383877), positions where the level itself lies.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from resorb.registration import moved
from resorb.study import FloatArray

ROUNDS = 30
DONE = 1e-7  # radians and mm


def motion_about(centre: FloatArray, turn: FloatArray, shift: FloatArray) -> FloatArray:
    """(4, 4) rotation by a rotation vector (3,), radians, about a centre (3,), then a shift (3,), mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + shift
    return matrix


def steps_about(centre: FloatArray, motions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The inverse of `motion_about`: rotation vectors (..., 3), radians, and shifts (..., 3), mm, of the centre."""
    turn = Rotation.from_matrix(motions[..., :3, :3]).as_rotvec()
    return np.asarray(turn), motions[..., :3, :3] @ centre + motions[..., :3, 3] - centre


def synchronised(pairs: Mapping[tuple[int, int], FloatArray], centres: FloatArray) -> FloatArray:
    """Motions (n, 4, 4) of every date into one space that agree best with the motions of the pairs.

    Least squares of the turns and of the shifts by which the two ways into that space differ.

    Args:
        pairs: (4, 4) from the world of date i to that of date j, by (i, j); they connect all dates.
        centres: (n, 3) a point of the level in the world of each date, at which motions are compared.

    Raises:
        ValueError: a date is in no pair that leads to the others.
    """
    into = _chained(pairs, len(centres))
    incidence = np.zeros((len(pairs), len(centres)))
    for row, (i, j) in enumerate(pairs):
        incidence[row, i], incidence[row, j] = 1.0, -1.0
    solve = np.linalg.pinv(incidence)
    for _ in range(ROUNDS):
        centre = np.mean([moved(m, c) for m, c in zip(into, centres, strict=True)], axis=0)
        missed = np.stack([into[j] @ m @ np.linalg.inv(into[i]) for (i, j), m in pairs.items()])
        turns, shifts = (solve @ step for step in steps_about(centre, missed))
        into = np.stack([motion_about(centre, t, s) @ m for t, s, m in zip(turns, shifts, into, strict=True)])
        if max(np.abs(turns).max(), np.abs(shifts).max()) < DONE:
            break
    return into


def _chained(pairs: Mapping[tuple[int, int], FloatArray], count: int) -> FloatArray:
    """Motions into the world of the first date, along the shortest chains of pairs."""
    ways = {**pairs, **{(j, i): np.asarray(np.linalg.inv(m)) for (i, j), m in pairs.items()}}
    found = {0: np.eye(4)}
    while len(found) < count:
        more = {a: found[b] @ m for (a, b), m in ways.items() if b in found and a not in found}
        if not more:
            raise ValueError("the pairs do not connect all dates")
        found |= more
    return np.stack([found[i] for i in range(count)])


def halfway(
    upper: FloatArray, lower: FloatArray, centres: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lay the space that two vertebrae share halfway between all dates.

    Afterwards the disc is bent there as it is on average; the mean turn of the level into it is none, and the
    level's centre lies at the mean of where it lies on the dates. No date, and neither vertebra, is favoured.

    Args:
        upper, lower: (n, 4, 4) motions of each vertebra from the world of each date into any one space.
        centres: (n, 3) the level's centre in the world of each date.

    Returns:
        The motions of the upper and of the lower vertebra into the halfway space, and of the level as a whole,
        midway between the two; (n, 4, 4) each.
    """
    level = upper
    for _ in range(ROUNDS):
        places = [(moved(u, c), moved(v, c)) for u, v, c in zip(upper, lower, centres, strict=True)]
        centre = np.mean(places, axis=(0, 1))
        # How the upper vertebra is bent on the lower one against this space: on average, not at all. A bend and
        # its inverse have opposite steps, so that neither vertebra is favoured.
        bends = upper @ np.linalg.inv(lower)
        turn, shift = (step.mean(axis=0) for step in steps_about(centre, bends))
        shift = 0.5 * (shift - steps_about(centre, np.linalg.inv(bends))[1].mean(axis=0))
        back = motion_about(centre, -turn / 2, -shift / 2)
        upper, lower = back @ upper, np.linalg.inv(back) @ lower
        level = np.stack([midway(u, v, centre) for u, v in zip(upper, lower, strict=True)])
        whole_turn = steps_about(centre, level)[0].mean(axis=0)
        there = np.mean([moved(m, c) for m, c in zip(level, centres, strict=True)], axis=0)
        whole = motion_about(there, -whole_turn, centres.mean(axis=0) - there)
        upper, lower, level = whole @ upper, whole @ lower, whole @ level
        if max(np.abs(step).max() for step in (turn, shift, whole_turn)) < DONE:
            break
    return upper, lower, level


def midway(upper: FloatArray, lower: FloatArray, centre: FloatArray) -> FloatArray:
    """The motion midway between those of two vertebrae: what takes one to it takes it to the other."""
    turn, shift = steps_about(centre, upper @ np.linalg.inv(lower))
    half = Rotation.from_rotvec(turn / 2).as_matrix()
    return np.asarray(motion_about(centre, turn / 2, np.linalg.solve(np.eye(3) + half, shift)) @ lower)
