"""What lies behind a disc's margin, along columns: the disc's own tissue, then soft tissue, then bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.herniation.margin import Margin
from resorb.simulation.herniation.tables import Float32
from resorb.simulation.phantom import Phantom, Tissues
from resorb.simulation.tissue import Tissue

BONE = (Tissue.CORTEX, Tissue.MARROW, Tissue.ENDPLATE, Tissue.JOINT, Tissue.AIR)
DISC = (Tissue.ANNULUS, Tissue.NUCLEUS, Tissue.DISPLACED)
FLAVUM_FROM_MM = 5.0  # ligament farther behind the margin is flavum or facet capsule, held by bone
RIM_BONE_MM = 3.0  # bone nearer than this is the body's own wall or an osteophyte on its rim
REACH_MM = 28.0  # a column without bone ends here
IS_BONE = np.isin(np.arange(len(Tissue)), BONE)
IS_DISC = np.isin(np.arange(len(Tissue)), DISC)


@dataclass(frozen=True)
class Fan:
    """Directions that spread from a place on the margin, as tissue makes way to all sides of what pushes it.

    Attributes:
        along, cranial: the place, mm.
        spread_along, spread_cranial: distance (mm) at which the columns are twice as far apart as at the margin.
    """

    along: float
    cranial: float
    spread_along: float
    spread_cranial: float

    def enter(self, along: Float32, cranial: Float32, behind: Float32) -> tuple[Float32, Float32]:
        """The column (two coordinates, mm at the margin) that unrolled points lie on."""
        out = np.maximum(behind, 0)
        aside = (along - self.along) / (1 + out / self.spread_along)
        up = (cranial - self.cranial) / (1 + out / self.spread_cranial)
        return aside.astype(np.float32, copy=False), up.astype(np.float32, copy=False)

    def leave(self, aside: Float32, up: Float32, behind: Float32) -> tuple[Float32, Float32]:
        """(along, cranial) of points of columns."""
        out = np.maximum(behind, 0)
        along = self.along + aside * (1 + out / self.spread_along)
        cranial = self.cranial + up * (1 + out / self.spread_cranial)
        return along.astype(np.float32, copy=False), cranial.astype(np.float32, copy=False)


@dataclass(frozen=True, eq=False)
class Columns:
    """Tissue sampled along columns.

    Attributes:
        behind: (d,) mm behind the reference surface, evenly spaced from 0.
        tissue: uint8 (a, b, d).
        base: float32 (a, b) mm, where the disc's own tissue and the bone that joins it end.
        wall: float32 (a, b) mm, where bone or flavum begins behind that; `REACH_MM` where none does.
    """

    behind: Float32
    tissue: NDArray[np.uint8]
    base: Float32
    wall: Float32

    @property
    def step_mm(self) -> float:
        return float(self.behind[1])


def sample(
    phantom: Phantom, margin: Margin, fan: Fan, aside: Float32, up: Float32, step_mm: float
) -> Columns:
    """Sample the columns of a fan at all pairs of `aside` (a,) and `up` (b,), mm."""
    behind = np.arange(0.0, REACH_MM + step_mm, step_mm, dtype=np.float32)
    a, b, d = np.meshgrid(aside, up, behind, indexing="ij")
    along, cranial = fan.leave(a, b, d)
    tissue, own = _look_up(phantom, margin, along, cranial, d)
    fixed = IS_BONE[tissue] | ((tissue == Tissue.LIGAMENT) & (d > FLAVUM_FROM_MM)) | (IS_DISC[tissue] & ~own)
    at_margin = (IS_DISC[tissue] & own) | (IS_BONE[tissue] & (d < RIM_BONE_MM))
    last = at_margin.shape[-1] - at_margin[..., ::-1].argmax(-1)
    base = np.where(at_margin.any(-1), np.float32(step_mm) * last.astype(np.float32), np.float32(0))
    stopped = fixed & (d >= base[..., None])
    wall = np.where(stopped.any(-1), behind[stopped.argmax(-1)], np.float32(REACH_MM))
    return Columns(behind, tissue, base, wall)


def _look_up(
    phantom: Phantom, margin: Margin, along: Float32, cranial: Float32, behind: Float32
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Tissue of unrolled points, and whether it belongs to this disc; what lies off the grid counts as air."""
    index, inside = voxels_at(phantom.fine, margin.roll(along, cranial, behind))
    tissue = np.where(inside, phantom.fine.tissue[index], np.uint8(Tissue.AIR))
    own = phantom.anatomy[index] == anatomy_index(Structure.DISC, margin.unrolled.level.upper)
    return tissue, own


def voxels_at(
    grid: Tissues, world: tuple[Float32, ...]
) -> tuple[tuple[NDArray[np.intp], ...], NDArray[np.bool_]]:
    """The nearest voxel of each world point (clipped to the grid), and whether the point lies on the grid."""
    index = [
        np.rint((w - np.float32(o)) / np.float32(grid.pitch_mm)).astype(np.intp)
        for w, o in zip(world, grid.origin, strict=True)
    ]
    inside = np.ones(index[0].shape, np.bool_)
    for i, n in zip(index, grid.tissue.shape, strict=True):
        inside &= (i >= 0) & (i < n)
        np.clip(i, 0, n - 1, out=i)
    return tuple(index), inside
