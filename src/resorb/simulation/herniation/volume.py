"""The displaced volume of a solid shape: what of it lies behind its disc's reference surface, beside all bone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.simulation.herniation.margin import Margin
from resorb.simulation.herniation.tables import Float32
from resorb.simulation.phantom import Phantom, Window

CELL_MM = 0.5  # volumes are counted in cells of this size, between which a coarser grid is interpolated
BONE = (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM)
Index = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, eq=False)
class Cells:
    """The voxels of a window that hold displaced material.

    Attributes:
        index: three (n,) indices into the window.
        share: (n,) how much of each is displaced material, above 0 and at most 1.
        pitch_mm: of the grid.
    """

    index: Index
    share: Float32
    pitch_mm: float

    @property
    def volume_mm3(self) -> float:
        return float(self.share.sum(dtype=np.float64)) * self.pitch_mm**3


def displaced_cells(phantom: Phantom, margin: Margin, window: Window, distance: Float32) -> Cells:
    """The displaced part of a shape.

    Args:
        phantom: the spine at rest.
        margin: of the shape's disc.
        window: of the fine grid.
        distance: signed distance to the shape's surface on that window, mm.
    """
    fine = phantom.fine
    structure = phantom.anatomy[window] // STRUCTURE_STEP
    free = ~np.isin(structure, [int(bone) for bone in BONE])
    near = np.argwhere(free & (distance < CELL_MM / 2 + fine.pitch_mm / 2)).T
    share = np.zeros(near.shape[1], np.float32)
    first = np.array([axis[0] for axis in fine.axes(window)])
    for offset in product((-0.25, 0.25), repeat=3):
        at = near + np.array(offset)[:, None]
        shape = ndimage.map_coordinates(distance, at, order=1, mode="nearest", output=np.float32)
        here = np.flatnonzero(shape < CELL_MM / 2)
        x, y, z = first[:, None] + fine.pitch_mm * at[:, here]
        behind = margin.unroll(x, y, z)[2]
        # A cell that both surfaces cut is taken as cut by two parallel ones.
        share[here] += np.maximum(_inside(shape[here]) + _inside(-behind) - 1, 0) / 8
    kept = share > 0
    i, j, k = near[:, kept]
    return Cells((i, j, k), share[kept], fine.pitch_mm)


def _inside(distance: Float32) -> Float32:
    """Share of a cell inside a surface, from the signed distance of its centre."""
    return np.asarray(np.clip(0.5 - distance / np.float32(CELL_MM), 0, 1), np.float32)
