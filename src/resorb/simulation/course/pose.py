"""How the patient lies on a date: every vertebra moves rigidly, what lies between them bends.

The map from the world of a date back to the phantom is the definition, not an approximation of one: bones are
carried by their own rigid transform, and every other point by the transforms of the bones around it, blended by
inverse distance (Shepard 1968, ACM National Conference, doi 10.1145/800186.810616).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE, Structure
from resorb.errors import UsageError
from resorb.simulation.phantom import Phantom
from resorb.simulation.spec import PoseSpec
from resorb.study import FloatArray, turned

FLEXION_SD_DEG, FLEXION_LIMIT_DEG = 1.0, 2.0  # from supine scan to supine scan
TURN_SD_DEG, SHIFT_SD_MM = 2.5, 5.0
LATTICE_MM = 2.0  # of the blend near the spine; beyond `REACH_MM` around it, the far lattice's
FAR_LATTICE_MM, REACH_MM, FAR_REACH_MM = 12.0, 10.0, 160.0
FELT_MM = 70.0  # near the spine, a bone further away than this moves nothing
STIFF_MM = 1.0  # around a bone everything moves with it
SHARPNESS = 3.0  # power of the inverse distance
TOLERANCE_MM, MAX_ROUNDS = 1e-4, 80
_BONE = (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM)


@dataclass(frozen=True, eq=False)
class _Lattice:
    """Displacements (3, x, y, z) in mm on a regular grid, interpolated linearly."""

    field: NDArray[np.float32]
    origin: FloatArray
    step_mm: float

    def at(self, points: FloatArray) -> FloatArray:
        """Displacements (n, 3) at points (n, 3); beyond the grid, those of its border."""
        index = ((points - self.origin) / self.step_mm).T
        return np.stack(
            [ndimage.map_coordinates(part, index, order=1, mode="nearest") for part in self.field], -1
        ).astype(np.float64)

    def holds(self, points: FloatArray) -> NDArray[np.bool_]:
        """Which points (n, 3) lie on the grid."""
        index = (points - self.origin) / self.step_mm
        return np.asarray(((index >= 0) & (index <= np.array(self.field.shape[1:]) - 1)).all(axis=-1))


@dataclass(frozen=True, eq=False)
class Pose:
    """The posture of one date.

    Attributes:
        flexion_deg: per level, as it was drawn.
        patient: (4, 4) the whole patient's rigid move, phantom's world -> date's world.
        bends: (4, 4) per vertebra, what flexion makes of it before the patient moves as a whole.
    """

    flexion_deg: dict[str, float]
    patient: FloatArray
    bends: dict[str, FloatArray]
    near: _Lattice | None
    far: _Lattice | None

    def vertebra(self, name: str) -> FloatArray:
        """(4, 4) rigid transform of a vertebra, phantom's world -> date's world; exact on its bone."""
        return np.asarray(self.patient @ self.bends[name])

    def to_rest(self, points: FloatArray) -> FloatArray:
        """Points (..., 3) of the date's world to where their tissue lies in the phantom, RAS+ mm."""
        shape = np.shape(points)
        bent = move(_inverse(self.patient), np.reshape(points, (-1, 3)))
        return np.asarray((bent + self._bend(bent)).reshape(shape))

    def from_rest(self, points: FloatArray) -> FloatArray:
        """Points (..., 3) of the phantom to the date's world; the inverse of `to_rest` to 0.0001 mm."""
        wanted = np.reshape(np.asarray(points, dtype=np.float64), (-1, 3))
        found = solve(wanted, lambda at: at + self._bend(at), TOLERANCE_MM)
        return np.asarray(move(self.patient, found).reshape(np.shape(points)))

    def _bend(self, points: FloatArray) -> FloatArray:
        if self.near is None or self.far is None:
            return np.zeros_like(points)
        moved = self.far.at(points)
        inside = self.near.holds(points)
        moved[inside] = self.near.at(points[inside])
        return moved


def lie(phantom: Phantom, spec: PoseSpec, seed: int) -> Pose:
    """The posture that is asked for; what is left out is drawn.

    Raises:
        UsageError: a level is asked to bend that the phantom does not have.
    """
    rng = np.random.default_rng([seed, 0x905E])
    if strange := set(spec.flexion_deg) - set(phantom.levels):
        names = ", ".join(str(level) for level in phantom.levels)
        raise UsageError(f"{min(strange)} cannot bend: the simulated spine has {names}")
    drawn = np.clip(rng.normal(0, FLEXION_SD_DEG, len(phantom.levels)), -FLEXION_LIMIT_DEG, FLEXION_LIMIT_DEG)
    flexion = {
        str(level): round(float(spec.flexion_deg.get(level, value)), 3)
        for level, value in zip(phantom.levels, drawn, strict=True)
    }
    turn, shift = rng.normal(0, TURN_SD_DEG, 3), rng.normal(0, SHIFT_SD_MM, 3)
    patient = rigid(
        turn if spec.turn_deg is None else np.array(spec.turn_deg),
        np.zeros(3),
        shift if spec.shift_mm is None else np.array(spec.shift_mm),
    )
    bends = _bends(phantom, flexion)
    if not any(flexion.values()):
        return Pose(flexion, patient, bends, None, None)
    distances = _bone_distances(phantom)
    box = phantom.fine.axes()
    low, high = (np.array([axis[end] for axis in box]) for end in (0, -1))
    near = _blend(bends, distances, (low - REACH_MM, high + REACH_MM), LATTICE_MM, FELT_MM)
    far = _blend(bends, distances, (low - FAR_REACH_MM, high + FAR_REACH_MM), FAR_LATTICE_MM, np.inf)
    return Pose(flexion, patient, bends, near, far)


def solve(
    wanted: FloatArray, mapping: Callable[[FloatArray], FloatArray], tolerance_mm: float, step: float = 1.0
) -> FloatArray:
    """Points (n, 3) that a mapping near the identity takes to the wanted ones, by fixed-point steps.

    Args:
        step: of each correction; smaller ones converge where the mapping stretches more.
    """
    found = wanted.copy()
    open_ = np.arange(len(wanted))
    for _ in range(MAX_ROUNDS):
        miss = wanted[open_] - mapping(found[open_])
        found[open_] += step * miss
        open_ = open_[np.abs(miss).max(axis=1, initial=0.0) > tolerance_mm]
        if not len(open_):
            break
    return found


def rigid(turn_deg: FloatArray, centre: FloatArray, shift_mm: FloatArray) -> FloatArray:
    """(4, 4) rotation by angles about the axes right, anterior, superior through a centre, then a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + shift_mm
    return matrix


def move(matrix: FloatArray, points: FloatArray) -> FloatArray:
    """Points (n, 3) moved by a (4, 4)."""
    return turned(points, matrix[:3, :3]) + matrix[:3, 3]


def _inverse(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _bends(phantom: Phantom, flexion: Mapping[str, float]) -> dict[str, FloatArray]:
    """Each vertebra turns on the one below, about the middle of the disc between them; the sacrum stays."""
    names = list(phantom.vertebrae)[::-1]
    bends = {names[0]: np.eye(4)}
    for below, above in pairwise(names):
        lower_rim = phantom.vertebrae[above].lower_rim
        if lower_rim is None:
            raise ValueError(f"{above} has no lower endplate, yet lies above {below}")
        centre = 0.5 * (lower_rim.mean(axis=0) + phantom.vertebrae[below].upper_rim.mean(axis=0))
        forwards = np.array([-flexion.get(f"{above}/{below}", 0.0), 0.0, 0.0])
        bends[above] = bends[below] @ rigid(forwards, centre, np.zeros(3))
    return bends


def _bone_distances(phantom: Phantom) -> dict[str, _Lattice]:
    """Distance to each vertebra's bone, mm, in the stretch of the spine that feels it."""
    every = max(round(LATTICE_MM / phantom.fine.pitch_mm), 1)
    sparse = phantom.anatomy[::every, ::every, ::every]
    bone = np.isin(sparse // STRUCTURE_STEP, [int(structure) for structure in _BONE])
    ordinals = np.where(bone, sparse % STRUCTURE_STEP, 0)
    step = phantom.fine.pitch_mm * every
    found = {}
    for name in phantom.vertebrae:
        here = ordinals == VERTEBRAE.index(name) + 1
        if not here.any():
            raise ValueError(f"{name} has landmarks but no bone on the fine grid")
        heights = np.flatnonzero(here.any(axis=(0, 1)))
        bottom = max(int(heights[0] - FELT_MM / step), 0)
        part = here[:, :, bottom : int(heights[-1] + FELT_MM / step) + 1]
        distance = ndimage.distance_transform_edt(~part, sampling=step).astype(np.float32)
        found[name] = _Lattice(distance[None], phantom.fine.origin + np.array([0, 0, bottom * step]), step)
    return found


def _blend(
    bends: Mapping[str, FloatArray],
    distances: Mapping[str, _Lattice],
    box: tuple[FloatArray, FloatArray],
    step_mm: float,
    felt_mm: float,
) -> _Lattice:
    """The displacement back to rest on a lattice over a box of the bent world."""
    shape = np.ceil((box[1] - box[0]) / step_mm).astype(int) + 1
    axes = [box[0][a] + step_mm * np.arange(shape[a]) for a in range(3)]
    total, moved = np.zeros(shape), np.zeros((3, *shape))

    def add(name: str) -> tuple[slice, FloatArray, FloatArray]:
        lattice = distances[name]
        high = lattice.origin + lattice.step_mm * (np.array(lattice.field.shape[1:]) - 1)
        reach = (axes[2] > lattice.origin[2] - felt_mm) & (axes[2] < high[2] + felt_mm)
        heights = slice(*(np.flatnonzero(reach)[[0, -1]] + [0, 1]))
        points = np.stack(np.meshgrid(axes[0], axes[1], axes[2][heights], indexing="ij"), -1).reshape(-1, 3)
        back = move(_inverse(bends[name]), points)
        # Beyond the grid of distances: as far again as the point lies outside it.
        outside = np.linalg.norm(back - np.clip(back, lattice.origin, high), axis=1)
        distance = lattice.at(back)[:, 0] + outside
        weight = (np.maximum(distance - STIFF_MM, 0.0) + 1e-2) ** -SHARPNESS
        weight *= np.clip(1.0 - (distance / felt_mm) ** 2, 1e-3, 1.0)  # a corner may be far from every bone
        way = np.moveaxis((weight[:, None] * (back - points)).reshape(*shape[:2], -1, 3), -1, 0)
        return heights, weight.reshape(*shape[:2], -1), way

    with ThreadPoolExecutor(max_workers=2) as pool:
        for heights, weight, way in pool.map(add, bends):  # added up in one order, whichever is ready first
            total[..., heights] += weight
            moved[..., heights] += way
    return _Lattice((moved / total).astype(np.float32), box[0], step_mm)
