"""Canal coordinates: how far along, behind and to the left of the anterior border of the bony canal a point lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from resorb.simulation.spine.plan import SpinePlan
from resorb.study import FloatArray

STEP_MM = 1.0
STEPS = 16  # towards the place that a point lies straight behind of; enough 20 mm behind a sharp bend
SMOOTH_MM, SMOOTH_NORMAL_MM = 2.5, 7.0  # of the border, and of the direction that is `behind` it


@dataclass(frozen=True, eq=False)
class Midline:
    """The anterior border of the canal in the midline, as the axis of curved coordinates (left, behind, along), mm.

    `behind` is measured at right angles to the border in the sagittal plane, `left` along the world's axis: the
    few degrees by which a scoliotic canal leans sideways are a shear, not a turn.

    Attributes:
        along: (n,) mm from the upper end, `STEP_MM` apart.
        points: (n, 3) world mm.
        normal: (n, 2) unit vectors (y, z) pointing behind.
        depth_mm, half_width_mm: (n,) of the bony canal.
        place: (n,) position along the vertebrae, as in `CanalPlan`.
    """

    along: FloatArray
    points: FloatArray
    normal: FloatArray
    depth_mm: FloatArray
    half_width_mm: FloatArray
    place: FloatArray

    @classmethod
    def of(cls, plan: SpinePlan) -> Midline:
        """The midline of a planned spine."""
        canal = plan.canal
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(canal.front, axis=0), axis=1))])
        along = np.arange(0.0, length[-1], STEP_MM)

        def even(values: FloatArray, sigma_mm: float = SMOOTH_MM) -> FloatArray:
            at = np.interp(along, length, values)
            # The ends go on as they run, so that smoothing does not pull them inwards.
            padded = np.pad(at, 40, mode="reflect", reflect_type="odd")
            return np.asarray(gaussian_filter1d(padded, sigma_mm / STEP_MM)[40:-40])

        points = np.column_stack([even(canal.front[:, axis]) for axis in range(3)])
        course = np.column_stack([even(canal.front[:, axis], SMOOTH_NORMAL_MM) for axis in (1, 2)])
        tangent = np.gradient(course, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        return cls(
            along=along,
            points=points,
            normal=np.column_stack([tangent[:, 1], -tangent[:, 0]]),
            depth_mm=even(canal.depth_mm),
            half_width_mm=even(canal.half_width_mm),
            place=np.interp(along, length, canal.place),
        )

    def along_at(self, place: FloatArray | float) -> FloatArray:
        """Where along the midline a place among the vertebrae is, mm."""
        return np.asarray(np.interp(place, self.place, self.along))

    def to_world(self, canal: FloatArray) -> FloatArray:
        """Canal coordinates (..., 3) to world points, mm."""
        left, behind, along = np.moveaxis(np.asarray(canal, dtype=np.float64), -1, 0)
        x, y, z = (np.interp(along, self.along, self.points[:, axis]) for axis in range(3))
        ny, nz = (np.interp(along, self.along, self.normal[:, axis]) for axis in range(2))
        return np.stack([x - left, y + behind * ny, z + behind * nz], axis=-1)

    def to_canal(self, world: FloatArray) -> FloatArray:
        """World points (..., 3) to canal coordinates (left, behind, along), mm."""
        world = np.asarray(world, dtype=np.float64)
        along, behind = self.project(world[..., 1], world[..., 2])
        left = np.interp(along, self.along, self.points[:, 0]) - world[..., 0]
        return np.stack([left, behind, along], axis=-1)

    def project(self, y: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(along, behind) of points of the sagittal plane, mm; both of the shape of y and z.

        The inverse of `to_world` as far as the canal and what lies behind it reach, 20 mm; beyond, and well in front
        of the border, where it bends round a point, a point may lie behind several places.
        """
        points = np.stack([y, z], axis=-1)
        along = self.along[cKDTree(self.points[:, 1:]).query(points)[1]]
        for _ in range(STEPS):
            along = np.clip(along + self._onward(points, along)[0], self.along[0], self.along[-1])
        onward, behind = self._onward(points, along)
        return along + onward, behind

    def _onward(self, points: FloatArray, along: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How far along and behind points (..., 2) lie, mm, seen from places (...) of the border."""
        at = np.stack([np.interp(along, self.along, self.points[:, axis]) for axis in (1, 2)], axis=-1)
        normal = np.stack([np.interp(along, self.along, self.normal[:, axis]) for axis in (0, 1)], axis=-1)
        offset = points - at
        onward = offset[..., 1] * normal[..., 0] - offset[..., 0] * normal[..., 1]
        return onward, np.sum(offset * normal, axis=-1)
