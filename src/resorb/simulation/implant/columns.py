"""What lies behind a level's reference surface, followed backwards along columns: base, sac, back wall."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure
from resorb.errors import UsageError
from resorb.simulation.herniation.tables import Table
from resorb.simulation.implant.scene import Float32, Scene
from resorb.study import FloatArray

STEP_MM = 0.5
REACH_MM = 28.0  # a column ends here
BONE_BASE_MM = 5.0  # bone that begins farther back than this is no posterior wall
BEHIND_SAC_MM = 1.5  # dura and fat behind the labelled sac that still give way
SMOOTH_MM = 1.2
BASE_SMOOTH_MM = 0.9
DATUM_MM = 2.0
UP_MM = 30.0
LEAST_WALL_MM = 2.0
DURA_BEFORE_MM, DURA_AFTER_MM = 2.0, 0.6  # around the labelled front of the sac


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns that run backwards from the reference surface; all tables are over (left, cranial), mm.

    Attributes:
        reference, slant: a point lies (posterior - reference) / slant mm behind the surface.
        datum: a smoothed reference (a slip's has a step). What follows is how far behind it, along the frame's
            posterior axis, mm:
        base: where the disc's own tissue, or the body's wall, ends.
        sac: where the thecal sac begins; where there is none, as in the nearest column that has one.
        thick: how much sac there is; 0 where there is none.
        wall: where nothing gives way any more.
        on_bone: 1 where the column begins on a body, 0 where on a disc.
        seen: half-open range of positions to the left, mm, that the scan and both bodies cover.
    """

    reference: Table
    slant: Table
    datum: Table
    base: Table
    sac: Table
    thick: Table
    wall: Table
    on_bone: Table
    seen: tuple[float, float]

    @property
    def left(self) -> FloatArray:
        return np.asarray(self.base.low[0] + STEP_MM * np.arange(self.base.values.shape[0]))

    @property
    def cranial(self) -> FloatArray:
        return np.asarray(self.base.low[1] + STEP_MM * np.arange(self.base.values.shape[1]))

    def behind(self, local: Float32) -> Float32:
        """Distance (...) behind the reference surface of points (3, ...) of the frame, mm."""
        reference, slant = (table.at(local[0], local[2]) for table in (self.reference, self.slant))
        return np.asarray((local[1] - reference) / slant, np.float32)

    def along(self, local: Float32) -> Float32:
        """How far behind the datum points (3, ...) of the frame lie, mm."""
        return np.asarray(local[1] - self.datum.at(local[0], local[2]), np.float32)

    def to_along(self, left: Float32, cranial: Float32, behind: Float32) -> Float32:
        """How far behind the datum points lie that are given by their distance behind the reference surface, mm."""
        reference, slant, datum = (t.at(left, cranial) for t in (self.reference, self.slant, self.datum))
        return np.asarray(reference + slant * behind - datum, np.float32)

    def depth_at(self, table: Table, left: float, cranial: float) -> float:
        """How far behind the reference surface a table's point lies at one place, mm."""
        at = np.array([left], np.float32), np.array([cranial], np.float32)
        zero = self.to_along(*at, np.zeros(1, np.float32))
        return float((table.at(*at) - zero)[0] / self.slant.at(*at)[0])

    def table(self, values: NDArray[np.floating]) -> Table:
        """Another table over the same columns."""
        return replace(self.base, values=np.asarray(values, np.float32))


def read_columns(scene: Scene) -> Columns:
    """Follow the columns of a level backwards through the labels of its scene.

    Raises:
        UsageError: no canal was found behind the disc.
    """
    corner = scene.local()[0]
    low, high = max(float(corner.min()), -40.0), min(float(corner.max()), 40.0)
    rims = (scene.frame.upper.extent, scene.frame.lower.extent)
    seen = (float(max(low, rims[0][0], rims[1][0])), float(min(high, rims[0][1], rims[1][1])))
    left = np.arange(low - 4.0, high + 4.0, STEP_MM)
    cranial = np.arange(-UP_MM, UP_MM, STEP_MM)
    behind = np.arange(-0.5, REACH_MM, STEP_MM)
    reference, slant = _reference(scene, np.clip(left, seen[0] + 0.01, seen[1] - 0.01), cranial)
    a, c, u = np.meshgrid(left, cranial, behind, indexing="ij")
    datum = _smooth(reference, DATUM_MM)
    points = np.stack([a, datum[..., None] + u, c])
    disc, bone, sac = (
        scene.look_up(mask, points).astype(bool)
        for mask in (scene.disc, scene.bone, scene.structure(Structure.THECAL_SAC))
    )
    joined = np.logical_and.accumulate(disc | (bone & (u < BONE_BASE_MM)) | (u < 0), -1)
    base = STEP_MM * joined[..., 1:].sum(-1)
    stop = bone & ~joined
    wall = np.where(stop.any(-1), behind[stop.argmax(-1)], np.inf) - 0.5 * STEP_MM
    last = np.where(sac.any(-1), behind[-1 - sac[..., ::-1].argmax(-1)] + BEHIND_SAC_MM, np.inf)
    wall = _filled(np.minimum(wall, last))
    wall = np.maximum(_smooth(wall, SMOOTH_MM), LEAST_WALL_MM)
    found = np.where(sac.any(-1), behind[sac.argmax(-1)] - 0.5 * STEP_MM, np.inf)
    front = _filled(np.where(np.isfinite(found).any(), found, wall))
    thick = np.where(np.isfinite(found), np.maximum(wall - front, 0), 0)
    base = np.minimum(_smooth(base, BASE_SMOOTH_MM), wall - 0.5 * LEAST_WALL_MM)
    front = np.clip(_smooth(front, SMOOTH_MM), base + STEP_MM, wall)

    def table(values: NDArray[np.floating]) -> Table:
        return Table(np.asarray(values, np.float32), (float(left[0]), float(cranial[0])), STEP_MM)

    on_bone = _smooth(np.any((bone & joined)[..., :3], axis=-1), BASE_SMOOTH_MM)
    return Columns(
        table(reference),
        table(slant),
        table(datum),
        table(base),
        table(front),
        table(thick),
        table(wall),
        table(on_bone),
        seen,
    )


def dura_line(scene: Scene, columns: Columns) -> Float32:
    """How far behind the datum the dark line in front of the sac lies in every column, mm."""
    a, c = np.meshgrid(columns.left, columns.cranial, indexing="ij")
    steps = np.arange(-DURA_BEFORE_MM, DURA_AFTER_MM, 0.5 * STEP_MM)
    behind = np.maximum(columns.sac.values[..., None] + steps, columns.base.values[..., None])
    posterior = columns.datum.values[..., None] + behind
    points = np.stack(np.broadcast_arrays(a[..., None], posterior, c[..., None]))
    darkest = scene.grey_at(scene.grey, points).argmin(axis=-1)
    found = np.take_along_axis(behind, darkest[..., None], axis=-1)[..., 0]
    return np.asarray(_smooth(found, BASE_SMOOTH_MM), np.float32)


def _reference(scene: Scene, left: FloatArray, cranial: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Posterior position of the reference surface (a, c), and what a mm behind it is along the posterior axis."""
    a, c = np.meshgrid(left, cranial, indexing="ij")
    near, far = (
        scene.frame.behind_mm(scene.frame.to_world(np.stack([a, np.full_like(a, p), c], -1)))
        for p in (0.0, 1.0)
    )
    slant = 1.0 / (far - near)
    return -near * slant, slant


def _filled(wall: FloatArray) -> FloatArray:
    """Columns without a wall get that of the nearest column that has one."""
    open_ends = ~np.isfinite(wall)
    if open_ends.all():
        raise UsageError("no canal was found behind the disc: the labels hold neither sac nor arches there")
    nearest = ndimage.distance_transform_edt(open_ends, return_distances=False, return_indices=True)
    return np.asarray(wall[tuple(nearest)])


def _smooth(values: NDArray[np.floating] | NDArray[np.bool_], sigma_mm: float) -> FloatArray:
    return np.asarray(ndimage.gaussian_filter(values.astype(np.float64), sigma_mm / STEP_MM, mode="nearest"))
