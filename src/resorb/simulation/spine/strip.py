"""The columns of voxels that lie along the canal, with their canal coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.midline import Midline
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray


@dataclass(frozen=True, eq=False)
class Strip:
    """Columns of voxels, left to right, along the canal: those whose (y, z) lies near enough behind its border.

    Attributes:
        x: slice of the grid.
        y, z: (m,) indices of the columns.
        world_x: (nx, 1) mm.
        along, behind: (m,) canal coordinates of the columns, mm.
    """

    x: slice
    y: NDArray[np.intp]
    z: NDArray[np.intp]
    world_x: Field
    along: FloatArray
    behind: FloatArray

    @classmethod
    def of(cls, canvas: Canvas, midline: Midline, half_mm: float, reach_mm: tuple[float, float]) -> Strip:
        """The columns up to `half_mm` beside the midline, and from `reach_mm[0]` to `reach_mm[1]` behind it."""
        _, y, z = canvas.fine.axes()
        near = _near(midline, y, z, reach_mm)
        iy, iz = np.nonzero(near)
        along, behind = midline.project(y[iy], z[iz])
        inside = (behind > reach_mm[0]) & (behind < reach_mm[1])
        inside &= (along >= midline.along[0]) & (along <= midline.along[-1])
        low, high = midline.points.min(axis=0) - half_mm, midline.points.max(axis=0) + half_mm
        x = canvas.window(low, high)[0]
        world_x = canvas.fine.axes()[0][x].astype(np.float32)
        return cls(x, iy[inside], iz[inside], world_x[:, None], along[inside], behind[inside])

    def where(self, columns: NDArray[np.bool_]) -> Strip:
        """Some of the columns (m,)."""
        return Strip(
            self.x, self.y[columns], self.z[columns], self.world_x, self.along[columns], self.behind[columns]
        )

    def left(self, midline: Midline) -> Field:
        """(nx, m) mm to the left of the canal's midline."""
        middle = np.interp(self.along, midline.along, midline.points[:, 0]).astype(np.float32)
        return np.asarray(middle - self.world_x)

    def paint(
        self, canvas: Canvas, mask: NDArray[np.bool_], tissue: Tissue, mix: NDArray[np.uint8] | int = 0
    ) -> None:
        """Paint where the mask (nx, m) holds."""
        at = (self.x, self.y, self.z)
        canvas.fine.tissue[at] = np.where(mask, np.uint8(tissue), canvas.fine.tissue[at])
        canvas.fine.mix[at] = np.where(mask, np.asarray(mix, np.uint8), canvas.fine.mix[at])


def _near(midline: Midline, y: FloatArray, z: FloatArray, reach_mm: tuple[float, float]) -> NDArray[np.bool_]:
    """(y, z) mask of the band around the border, a little too wide, so that few points need projecting."""
    order = np.argsort(midline.points[:, 2])
    border = np.interp(z, midline.points[order, 2], midline.points[order, 1])
    steep = np.interp(z, midline.points[order, 2], -midline.normal[order, 0])
    far = 1.0 / np.maximum(steep, 0.35)
    low = border - reach_mm[1] * far - 3.0
    high = border - reach_mm[0] * far + 3.0
    return np.asarray((y[:, None] > low) & (y[:, None] < high))
