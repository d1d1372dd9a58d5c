"""Evaluation implants: how tissue gives way to a front that grows, as an elastic medium does.

At every increment the front moves outwards along its normal by what the arrival times say; the tissue beyond
follows by the harmonic vector field that takes this velocity on the front and none on bone. The sac is softer
than what surrounds it, so that it is mostly the sac that is squeezed. Following the velocity back in time tells
where the tissue of every place came from.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg

from resorb.simulation.implant.evaluation_growth import Grown
from resorb.simulation.implant.evaluation_room import PITCH_MM, Field, Mask, Room

INCREMENTS = 7
COARSE = 2  # the velocity is smooth: twice the pitch is enough for it
#: The dura is taut along the spine: what is pushed takes its neighbours along this much more, per axis of the room.
TAUT = (1.5, 1.0, 5.0)
#: Stiffness of the sac against fat, and of what lies behind the canal (flavum, facets' capsules).
SAC_STIFFNESS, BACK_STIFFNESS = 0.35, 3.0
#: The sac lifts off the posterior wall as easily as this; what lies on the wall fills the gap.
HOLD = 0.03
TOLERANCE = 2e-3


def push(room: Room, grown: Grown) -> Field:
    """Where the tissue of every place came from.

    Returns:
        (3, x, y, z) float32, in local mm, from a voxel's centre to where its tissue lay before; 0 on bone
        and far away. Inside the herniation it leads to the tear, and means nothing.
    """
    part = (slice(None, None, COARSE),) * 3
    arrival, fixed = grown.arrival[part], room.fixed[part] & ~grown.tear[part]
    step = PITCH_MM * COARSE
    speed = _front_velocity(arrival, step)
    links = _links(_stiffness(room)[part], step)
    times = np.linspace(0.0, grown.until, INCREMENTS + 1)
    place = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in arrival.shape), indexing="ij"))
    came_from = place.copy()
    velocities = []
    guess: Field | None = None
    for begin, end in pairwise(times):
        reached = (arrival <= 0.5 * (begin + end)) & ~fixed
        guess = _extend(speed, reached, fixed, links, guess)
        velocities.append(guess * np.float32((end - begin) / step))
    for velocity in reversed(velocities):
        came_from -= np.stack(
            [ndimage.map_coordinates(v, came_from, order=1, mode="nearest") for v in velocity]
        )
    came_from = _out_of(fixed, came_from)
    coarse = (came_from - place) * step
    index = [np.arange(n, dtype=np.float32) / COARSE for n in room.shape]
    fine = np.stack(np.meshgrid(*index, indexing="ij"))
    field = np.stack([ndimage.map_coordinates(c, fine, order=1, mode="nearest") for c in coarse])
    return field.astype(np.float32)


def _out_of(fixed: Mask, index: Field) -> Field:
    """Where a place would have come from inside bone or disc, the nearest place outside it; bone itself stays."""
    nearest = ndimage.distance_transform_edt(fixed, return_distances=False, return_indices=True)
    limits = np.array(fixed.shape).reshape(3, 1, 1, 1) - 1
    rounded = np.clip(np.rint(index), 0, limits).astype(np.intp)
    outside = nearest[:, rounded[0], rounded[1], rounded[2]].astype(np.float32)
    wrong = fixed[tuple(rounded)] & ~fixed
    return np.where(wrong, outside, index)


def _front_velocity(arrival: Field, step: float) -> Field:
    """Velocity of the front as it comes by, mm per unit of time: grad T / |grad T|^2."""
    gradient = np.stack([np.gradient(arrival, step, axis=a) for a in range(3)]).astype(np.float32)
    square = (gradient**2).sum(axis=0)
    velocity = gradient / np.maximum(square, 1e-4)
    size = np.linalg.norm(velocity, axis=0)
    usual = float(np.median(size[square > 1e-4]))
    return np.asarray(velocity * np.minimum(1.0, 3.0 * usual / np.maximum(size, 1e-6)))


def _stiffness(room: Room) -> Field:
    _, y, _ = room.axes()
    back = np.where(room.sac, y, -np.inf).max(axis=(0, 1))
    back = np.where(np.isfinite(back), back, np.nanmedian(np.where(np.isfinite(back), back, np.nan)))
    stiff = np.where(y > back.reshape(1, 1, -1), BACK_STIFFNESS, 1.0)
    stiff = np.where(room.sac, SAC_STIFFNESS, stiff)
    return np.where(room.behind_mm <= 0, HOLD, stiff).astype(np.float32)


def _links(stiffness: Field, step: float) -> sparse.csr_matrix:
    """The matrix of -div(k grad): conductances between neighbours are harmonic means; closed at the faces."""
    number = np.arange(stiffness.size).reshape(stiffness.shape)
    rows, columns, values = [], [], []
    for axis in range(3):
        ahead = [slice(None)] * 3
        after = [slice(None)] * 3
        ahead[axis], after[axis] = slice(None, -1), slice(1, None)
        a, b = number[tuple(ahead)].ravel(), number[tuple(after)].ravel()
        ka, kb = stiffness[tuple(ahead)].ravel(), stiffness[tuple(after)].ravel()
        k = TAUT[axis] * 2 * ka * kb / (ka + kb) / step**2
        rows += [a, b]
        columns += [b, a]
        values += [-k, -k]
    off = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (number.size, number.size)
    )
    return (off + sparse.diags(-np.asarray(off.sum(axis=1)).ravel())).tocsr()


def _extend(speed: Field, reached: Mask, fixed: Mask, links: sparse.csr_matrix, guess: Field | None) -> Field:
    """Velocity everywhere: that of the front where it has been, none on bone and at the ends, harmonic between."""
    held = reached | fixed
    for face in (np.s_[:, -1, :], np.s_[:, :, 0], np.s_[:, :, -1]):
        held[face] = True
    known = np.where(reached, speed, 0).astype(np.float32)
    free = np.flatnonzero(~held.ravel())
    if not len(free):
        return known
    rows = links[free]
    inner = rows[:, free]
    precondition = sparse.diags(1.0 / inner.diagonal())
    result = known.copy()
    for c in range(3):
        load = -(rows @ known[c].ravel())
        start = None if guess is None else guess[c].ravel()[free]
        solution, _ = cg(inner, load, x0=start, rtol=TOLERANCE, maxiter=150, M=precondition)
        result[c].ravel()[free] = solution
    return result
