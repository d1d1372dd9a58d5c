"""The fine grid a spine is painted on, window by window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.phantom import Tissues, Window
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

Field = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Canvas:
    """Tissues and anatomy that are painted over in turn.

    Attributes:
        fine: tissue and mix (x, y, z), painted in place.
        anatomy: uint16 (x, y, z) `anatomy_index`, painted in place.
    """

    fine: Tissues
    anatomy: NDArray[np.uint16]

    @classmethod
    def blank(cls, low: FloatArray, high: FloatArray, pitch_mm: float) -> Canvas:
        """A canvas of fat between two world points (3,), mm, rounded outwards to whole voxels."""
        first = np.floor(np.asarray(low) / pitch_mm)
        shape = tuple(int(n) for n in np.ceil(np.asarray(high) / pitch_mm) - first)
        affine = np.diag([pitch_mm, pitch_mm, pitch_mm, 1.0])
        affine[:3, 3] = (first + 0.5) * pitch_mm
        tissue = np.full(shape, Tissue.FAT, np.uint8)
        return cls(Tissues(tissue, np.zeros(shape, np.uint8), affine), np.zeros(shape, np.uint16))

    @property
    def pitch_mm(self) -> float:
        return self.fine.pitch_mm

    @property
    def shape(self) -> tuple[int, int, int]:
        x, y, z = self.fine.tissue.shape
        return x, y, z

    def window(self, low: FloatArray, high: FloatArray) -> Window:
        """The part of the grid between two world points (3,), clipped to the grid."""
        return self.fine.window(low, high)

    def about(self, points: FloatArray, margin_mm: float = 0.0) -> Window:
        """The part of the grid around world points (n, 3)."""
        return self.window(np.min(points, axis=0) - margin_mm, np.max(points, axis=0) + margin_mm)

    def world(self, window: Window) -> tuple[Field, Field, Field]:
        """World coordinates of a window, mm, shaped to broadcast: (x, 1, 1), (1, y, 1), (1, 1, z)."""
        x, y, z = (axis.astype(np.float32) for axis in self.fine.axes(window))
        return x[:, None, None], y[None, :, None], z[None, None, :]

    def local(self, window: Window, pose: FloatArray) -> tuple[Field, Field, Field]:
        """Coordinates (left, posterior, cranial) of a window's voxels in a pose's own frame, mm, each (x, y, z).

        Args:
            pose: (4, 4) rigid, own coordinates to world.
        """
        x, y, z = self.world(window)
        back = np.linalg.inv(pose).astype(np.float32)
        left, posterior, cranial = (row[0] * x + (row[1] * y + (row[2] * z + row[3])) for row in back[:3])
        return left, posterior, cranial

    def paint(
        self,
        window: Window,
        inside: NDArray[np.bool_] | Field,
        tissue: Tissue,
        *,
        mix: NDArray[np.uint8] | int = 0,
        anatomy: int | None = None,
        over: Iterable[Tissue] | None = None,
    ) -> NDArray[np.bool_]:
        """Paint where a mask holds, or a signed distance (mm) is not positive.

        Args:
            window: the part of the grid to paint in.
            inside: bool or float array of the window's shape.
            mix: share of the tissue's partner, 1/255; a number or an array of the window's shape.
            anatomy: `anatomy_index` to write; None leaves it as it is.
            over: only over these tissues; None over all.

        Returns:
            The mask (of the window's shape) of what was painted.
        """
        mask = inside if inside.dtype == np.bool_ else inside <= 0
        mask = np.asarray(mask, dtype=np.bool_)
        if over is not None:
            lookup = np.zeros(256, np.bool_)
            lookup[[int(t) for t in over]] = True
            mask = mask & lookup[self.fine.tissue[window]]
        np.copyto(self.fine.tissue[window], np.uint8(tissue), where=mask)
        np.copyto(self.fine.mix[window], np.asarray(mix, dtype=np.uint8), where=mask)
        if anatomy is not None:
            np.copyto(self.anatomy[window], np.uint16(anatomy), where=mask)
        return mask
