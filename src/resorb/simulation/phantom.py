"""A simulated body: tissues on a fine grid, whose they are, and the exact landmarks of every vertebra."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import Level
from resorb.simulation.spec import DiscSpec, HerniationSpec
from resorb.study import FloatArray

Side = Literal["left", "right"]
Window = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Tissues:
    """Tissues on an isotropic grid whose axes run right (x), anterior (y) and superior (z), as the world's.

    Attributes:
        tissue: uint8 (x, y, z) `Tissue` values.
        mix: uint8 (x, y, z), the share of the tissue's `PARTNER` in 1/255.
        affine: (4, 4) voxel indices to RAS+ mm; a multiple of the identity, and a shift.
    """

    tissue: NDArray[np.uint8]
    mix: NDArray[np.uint8]
    affine: FloatArray

    @property
    def pitch_mm(self) -> float:
        return float(self.affine[0, 0])

    @property
    def origin(self) -> FloatArray:
        """(3,) world position of the first voxel's centre, mm."""
        return self.affine[:3, 3]

    def axes(self, window: Window | None = None) -> tuple[FloatArray, FloatArray, FloatArray]:
        """World coordinates (mm) along x, y and z of the grid, or of a window of it."""
        shape = self.tissue.shape
        parts = window or (slice(None), slice(None), slice(None))
        x, y, z = (
            self.origin[a] + self.pitch_mm * np.arange(shape[a])[parts[a]].astype(np.float64)
            for a in range(3)
        )
        return x, y, z

    def window(self, low: FloatArray, high: FloatArray) -> Window:
        """The part of the grid between two world points (3,), clipped to the grid."""
        first = np.floor((np.asarray(low) - self.origin) / self.pitch_mm).astype(int)
        last = np.ceil((np.asarray(high) - self.origin) / self.pitch_mm).astype(int) + 1
        x, y, z = (
            slice(max(int(f), 0), max(min(int(e), n), 0))
            for f, e, n in zip(first, last, self.tissue.shape, strict=True)
        )
        return x, y, z


@dataclass(frozen=True, eq=False)
class Pedicle:
    """The borders of one pedicle: world points (3,), mm."""

    medial: FloatArray
    lateral: FloatArray
    top: FloatArray
    bottom: FloatArray


@dataclass(frozen=True, eq=False)
class Vertebra:
    """Exact landmarks of one vertebra, from the formulas it was drawn by, not from voxels.

    Attributes:
        name: of `VERTEBRAE`; S1 stands for the sacrum.
        pose: (4, 4) from the body's own (left, posterior, cranial) mm, origin at its centre, to the world.
        upper_rim, lower_rim: (n, 3) ring apophysis of the two endplates, a closed line from the posterior
            midline round by the left, osteophytes left out, world mm. The sacrum has no lower rim.
        wall: (m, 3) the posterior wall in the midline, from above downwards, corners included, world mm.
        pedicles: empty for the sacrum.
    """

    name: str
    pose: FloatArray
    upper_rim: FloatArray
    lower_rim: FloatArray | None
    wall: FloatArray
    pedicles: dict[Side, Pedicle] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Displaced:
    """Material that has left a disc, on a window of the fine grid.

    Attributes:
        window: the part of `Phantom.fine` it was drawn on, with room around it.
        distance: float32 signed distance to its surface, mm; negative inside. Where it joins the parent
            disc it reaches into the disc, so that no gap opens.
        mix: uint8, its share of water-rich nucleus in 1/255.
        exit_point: (3,) middle of its neck on the disc's margin, world mm.
        spec: what was asked for.
        number: of the herniation in its patient, from 1; the same on every date.
    """

    level: Level
    window: Window
    distance: NDArray[np.float32]
    mix: NDArray[np.uint8]
    exit_point: FloatArray
    spec: HerniationSpec
    number: int = 1


@dataclass(frozen=True, eq=False)
class Push:
    """How far tissue was pushed aside.

    Attributes:
        window: the part of `Phantom.fine` it holds in.
        to_rest: float32 (3, x, y, z), from a voxel's centre to where its tissue lay at rest, world mm.
    """

    window: Window
    to_rest: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Phantom:
    """A simulated body.

    Attributes:
        fine: the spine, at 0.5 mm.
        around: the whole trunk about it, coarser; where `fine` reaches, `fine` holds.
        anatomy: uint16 `anatomy_index` on the fine grid.
        vertebrae: by name, from above downwards, the sacrum (S1) last.
        facets: per level the medial edges of the left and right facet joints at disc height, world mm.
        discs: per level how its disc was made, everything drawn filled in.
        displaced: what left the discs.
        pushes: what it pushed aside, in the order it was done.
    """

    fine: Tissues
    around: Tissues
    anatomy: NDArray[np.uint16]
    vertebrae: dict[str, Vertebra]
    facets: dict[Level, tuple[FloatArray, FloatArray]]
    discs: dict[Level, DiscSpec]
    displaced: tuple[Displaced, ...] = ()
    pushes: tuple[Push, ...] = ()

    @property
    def levels(self) -> tuple[Level, ...]:
        return tuple(self.discs)

    def changed(
        self,
        fine: Tissues,
        anatomy: NDArray[np.uint16],
        displaced: tuple[Displaced, ...],
        pushes: tuple[Push, ...],
    ) -> Phantom:
        """The same body with other tissue in its canal."""
        return replace(self, fine=fine, anatomy=anatomy, displaced=displaced, pushes=pushes)
