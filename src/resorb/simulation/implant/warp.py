"""How tissue in the canal makes way: along columns from the reference surface to the canal's back wall, never folding.

Ligament and dura in front of the sac are carried on the material, fat gives way to its sides; the sac between
them and the canal's back wall is compressed evenly; beyond the wall nothing moves. Around the material the
layer in front of the sac is stretched, as dura is draped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from resorb.simulation.herniation.tables import Table
from resorb.simulation.implant.columns import STEP_MM, Columns
from resorb.simulation.implant.scene import Float32, Scene

TENT_SLOPE = 0.9  # dura falls from the material's edge no steeper
MOST_STRETCH = 2.0  # of the layer in front of the sac, where it is draped
LEAST_FILM_MM = 0.4  # of ligament and dura that stay on the material
TRAPPED_SHARE = 0.6  # of the layer in front of the sac that may be seen between material and spine
PRESSED_MM = 2.0  # fat has given way where the material is this thick
LEAST_SAC_SHARE = 0.1
EVEN_MM, SOFTEN_MM = 0.6, 1.1
ROUND = ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), 2)  # 1 mm around
STILL_MM = 0.02


@dataclass(frozen=True, eq=False)
class Warp:
    """Pushing along columns, tables over (left, cranial), mm behind the columns' datum.

    Attributes:
        base: where the disc's own tissue or the wall of the body ends.
        near, front: where the material begins and ends; both at the base where there is none.
        film: where, at rest, the tissue lay that now lies on the material.
        sac, carried: where the sac begins at rest, and now.
        wall: where nothing moves any more.
    """

    base: Table
    near: Table
    front: Table
    film: Table
    sac: Table
    carried: Table
    wall: Table

    def at_rest(self, local: Float32, along: Float32) -> Float32:
        """Where the tissue at points (3, ...) of the frame lay at rest; it and `along` are mm behind the datum."""
        base, near, front, film, sac, carried, wall = (
            table.at(local[0], local[2])
            for table in (self.base, self.near, self.front, self.film, self.sac, self.carried, self.wall)
        )
        layer = film + (along - front) * (sac - film) / np.maximum(carried - front, 0.05)
        within = sac + (along - carried) * (wall - sac) / np.maximum(wall - carried, 0.05)
        rest = np.where(along < carried, layer, within)
        # In front of an overhanging fragment lies what lay in front of the sac; in the material's blurred edge
        # lies what lies on it.
        trapped = TRAPPED_SHARE * (sac - base)
        ahead = base + (along - base) * np.minimum(trapped / np.maximum(near - base, 0.05), 1)
        under = np.where(along < near, ahead, np.maximum(film - (front - along), np.minimum(base, along)))
        rest = np.where(along < front, under, rest)
        return np.asarray(np.where((along <= base) | (along >= wall), along, rest), np.float32)

    def moves(self, scene: Scene, columns: Columns) -> tuple[slice, slice, slice]:
        """The part of the scene's window in which something moves, one voxel more all around."""
        shifted = self.carried.values - self.sac.values > STILL_MM
        shifted |= self.front.values - self.base.values > STILL_MM
        a, c = np.nonzero(shifted)
        datum = columns.datum.values[a, c]
        corners = [
            np.stack([columns.left[a], datum + along, columns.cranial[c]])
            for along in (np.full(a.shape, -2.0), self.wall.values[a, c] + 1.0)
        ]
        index = scene.to_index(np.concatenate(corners, axis=1))
        low = np.floor(index.min(axis=1)).astype(int) - 1
        high = np.ceil(index.max(axis=1)).astype(int) + 2
        i, j, k = (
            slice(max(int(f), 0), max(min(int(e), n), 0))
            for f, e, n in zip(low, high, scene.grey.shape, strict=True)
        )
        return i, j, k


def push(columns: Columns, dura: Float32, near: Float32, last: Float32) -> Warp:
    """Make way for material.

    Args:
        columns: the level.
        dura: where the dark line in front of the sac lies, mm, over the columns.
        near, last: where the material begins and ends, mm; at the base where there is none.
    """
    base, sac, wall = columns.base.values, columns.sac.values, columns.wall.values
    layer = sac - base
    front = np.maximum(last, base)
    # Fat in front of the sac gives way to the sides: on the material lies the dura.
    pressed = _smooth(np.clip((front - base) / PRESSED_MM, 0, 1))
    film = base + pressed * (np.clip(dura, base, sac - LEAST_FILM_MM) - base)
    draped = _smooth(np.minimum(_tent(front - base), MOST_STRETCH * layer)) + base
    needed = np.maximum(np.maximum(draped, front) - film, 0)
    shift = _smooth(ndimage.grey_dilation(needed, footprint=ROUND), SOFTEN_MM)
    carried = np.clip(sac + shift, sac, np.maximum(wall - LEAST_SAC_SHARE * (wall - sac), sac))
    present = np.clip((last - base) / 0.5, 0, 1)
    return Warp(
        columns.base,
        columns.table(_smooth(base + present * (np.maximum(near, base) - base))),
        columns.table(np.minimum(front, carried)),
        columns.table(film),
        columns.sac,
        columns.table(carried),
        columns.wall,
    )


def _smooth(values: Float32, sigma_mm: float = EVEN_MM) -> Float32:
    return np.asarray(ndimage.gaussian_filter(values, sigma_mm / STEP_MM, mode="nearest"), np.float32)


def _tent(height: Float32) -> Float32:
    """The lowest surface over `height` that nowhere falls faster than the slope of draped dura."""
    reach = int(np.ceil(float(height.max()) / TENT_SLOPE / STEP_MM)) + 1
    side = np.arange(-reach, reach + 1) * STEP_MM
    cone = -TENT_SLOPE * np.hypot(side[:, None], side[None])
    return np.asarray(
        np.maximum(ndimage.grey_dilation(height, structure=cone, mode="nearest"), 0), np.float32
    )
