"""How a canal looks without its displaced material: where that lies in every column, and where the sac then begins.

What the material hides cannot be seen, so it is taken from above and below: the front of the sac runs
straight on from there, and so do the roots in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.errors import UsageError
from resorb.simulation.herniation.tables import Table
from resorb.simulation.implant.columns import BEHIND_SAC_MM, REACH_MM, STEP_MM, Columns
from resorb.simulation.implant.scene import Float32, Scene
from resorb.study import FloatArray

Mask = NDArray[np.bool_]

BULGE_MM = 0.3  # the disc stands this far behind its reference afterwards
LAYER_MM = 1.0  # ligament and dura in front of the sac, at least
ATTACHED_MM = 2.0  # dark tissue this near to the material may belong to it
DARK_SHARE = 0.35  # of the way from disc to CSF, below which tissue is dark
DRAPED_MM = 4.0  # above and below the material, where dura was draped over it
ASIDE_MM = 3.0
EVEN_MM = 1.5
LEAST_MM = 0.6  # material thinner than this is left
SAC_MM = 3.0  # a sac that is thinner is pressed shut
SEARCH_MM = 10.0
FILL_FROM, FILL_TO = 1.5, 2.3  # stretched more than this, the sac is taken from above and below


@dataclass(frozen=True, eq=False)
class Relief:
    """A canal that has been freed, tables over (left, cranial), mm behind the columns' datum.

    Attributes:
        share: 1 where a column is freed, 0 where it stays.
        base: where the disc ends afterwards.
        sac, freed: where the sac begins in the scan, and afterwards.
        shut: 1 where the sac is pressed shut.
        wall: where the canal ends; where no sac is left, behind the material.
        above, below: cranial mm of the untouched places that the column is rebuilt from.
    """

    columns: Columns
    share: Table
    base: Table
    sac: Table
    freed: Table
    shut: Table
    wall: Table
    above: Table
    below: Table

    def filled(self, local: Float32, along: Float32, ratio: Float32) -> Float32:
        """Share of tissue at points that comes from above and below: in front of the sac, and where it would tear."""
        far = np.clip((ratio - FILL_FROM) / (FILL_TO - FILL_FROM), 0, 1)
        freed, shut = self.freed.at(local[0], local[2]), self.shut.at(local[0], local[2])
        return np.asarray(np.where(along < freed, 1.0, np.maximum(far, shut)), np.float32)

    def stretched(self, local: Float32, along: Float32) -> tuple[Float32, Float32]:
        """Where the sac's tissue at points lies in the scan, mm behind the datum, and how much it is stretched."""
        sac, freed, wall = (t.at(local[0], local[2]) for t in (self.sac, self.freed, self.wall))
        ratio = (wall - freed) / np.maximum(wall - sac, 0.1)
        there = sac + (along - freed) / np.maximum(ratio, 1.0)
        return np.where((along >= freed) & (along < wall), there, along).astype(np.float32), ratio

    def alike(self, local: Float32, along: Float32) -> tuple[tuple[Float32, Float32], Float32]:
        """Points (3, ...) above and below that lie alike between base, sac and wall, and the weight of the upper."""
        base, freed, wall, above, below = (
            t.at(local[0], local[2]) for t in (self.base, self.freed, self.wall, self.above, self.below)
        )
        in_layer = along < freed
        share = np.where(
            in_layer,
            (along - base) / np.maximum(freed - base, 0.1),
            (along - freed) / np.maximum(wall - freed, 0.1),
        )
        points = []
        for cranial in (above, below):
            b, s, w, datum = (
                t.at(local[0], cranial)
                for t in (self.columns.base, self.columns.sac, self.columns.wall, self.columns.datum)
            )
            there = np.where(in_layer, b + share * (s - b), s + share * np.maximum(w - BEHIND_SAC_MM - s, 0))
            points.append(np.stack([local[0], datum + there, cranial]).astype(np.float32))
        weight = np.clip((local[2] - below) / np.maximum(above - below, 0.1), 0, 1)
        return (points[0], points[1]), np.asarray(weight, np.float32)


def find_material(
    scene: Scene, columns: Columns, smooth: Float32, displaced: Float32 | None, greys: tuple[float, float]
) -> Mask:
    """The displaced material of a level in its scene's window.

    Masks tend to leave displaced material out: dark tissue that is attached to it, near it, belongs to it.

    Args:
        smooth: the scan without its noise.
        displaced: share of displaced material in the window; None takes the disc behind its reference surface.
        greys: of the disc and of CSF.

    Raises:
        UsageError: there is none.
    """
    local = scene.local()
    behind, along = columns.behind(local), columns.along(local)
    inside = (behind > BULGE_MM) & (along < columns.wall.at(local[0], local[2])) & ~scene.bone
    seed = (scene.disc | (displaced > 0.5 if displaced is not None else scene.disc)) & inside
    if not np.any(seed & (behind > LEAST_MM)):
        raise UsageError(f"nothing is displaced at {scene.level}: there is nothing to take out")
    off = ndimage.distance_transform_edt(~seed, sampling=scene.image.spacing_mm)
    dark = smooth < greys[0] + DARK_SHARE * (greys[1] - greys[0])
    attached = ndimage.binary_propagation(seed, mask=seed | (dark & inside & (off < ATTACHED_MM)))
    one_voxel = np.ones((1, 3, 3), bool)
    return np.asarray(ndimage.binary_dilation(attached, one_voxel) & inside)


def relieve(scene: Scene, columns: Columns, material: Mask) -> Relief:
    """How the columns of a level look without the material."""
    a, c = np.meshgrid(columns.left, columns.cranial, indexing="ij")
    along = np.arange(0.0, REACH_MM, STEP_MM)
    points = np.stack(
        np.broadcast_arrays(a[..., None], columns.datum.values[..., None] + along, c[..., None])
    )
    found = scene.look_up(material, points).astype(bool)
    last = np.where(found.any(-1), along[-1 - found[..., ::-1].argmax(-1)] + 0.5 * STEP_MM, 0.0)
    flat = columns.to_along(
        a.astype(np.float32), c.astype(np.float32), np.full(a.shape, BULGE_MM, np.float32)
    )
    on_bone = columns.on_bone.values
    base = on_bone * np.minimum(columns.base.values, flat + 1.0) + (1 - on_bone) * flat
    touched = last > base + LEAST_MM
    sac = columns.sac.values
    # Where the sac is pressed shut, what lies behind the material is ligament, and stays.
    shut = _even(columns.thick.values < SAC_MM)
    wall = columns.wall.values + shut * (
        np.clip(last + 0.5, base + SAC_MM, columns.wall.values) - columns.wall.values
    )
    near = _range(columns, touched)
    share = _even((c > near[0] - 1.0) & (c < near[1] + 1.0) & _beside(touched))
    low, high = _to_sac(columns, near)
    ends = [Table(sac, columns.sac.low, STEP_MM).at(a, end) for end in (low, high)]
    part = np.clip((c - low) / np.maximum(high - low, 0.1), 0, 1)
    straight = np.minimum(ends[0] + part * (ends[1] - ends[0]), sac)
    freed = sac + share * (np.maximum(straight, base + LAYER_MM) - sac)
    freed = np.minimum(freed, wall - 0.5)
    return Relief(
        columns,
        columns.table(share),
        columns.table(base),
        columns.sac,
        columns.table(np.minimum(freed, sac)),
        columns.table(shut),
        columns.table(wall),
        columns.table(high),
        columns.table(low),
    )


def _range(columns: Columns, touched: Mask) -> tuple[FloatArray, FloatArray]:
    """Cranial mm (a, c) between which the columns of each sagittal plane are rebuilt, dura draped over included."""
    wide = ndimage.binary_dilation(touched, np.ones((2 * int(ASIDE_MM / STEP_MM) + 1, 1)))
    planes = np.flatnonzero(wide.any(axis=1))
    last = wide.shape[1] - 1
    first = np.interp(np.arange(len(wide)), planes, wide[planes].argmax(axis=1))
    final = np.interp(np.arange(len(wide)), planes, last - wide[planes, ::-1].argmax(axis=1))
    ends = []
    for index, sign in ((first, -1.0), (final, 1.0)):
        smooth = ndimage.gaussian_filter1d(index, EVEN_MM / STEP_MM, mode="nearest")
        cranial = columns.cranial[0] + STEP_MM * smooth + sign * DRAPED_MM
        ends.append(np.clip(cranial, columns.cranial[0], columns.cranial[-1])[:, None] + np.zeros(wide.shape))
    return ends[0], ends[1]


def _to_sac(columns: Columns, near: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Moves the ends of the range to where the sac is open, in each sagittal plane, as far as `SEARCH_MM`."""
    open_sac = columns.thick.values >= SAC_MM
    c = np.broadcast_to(columns.cranial, open_sac.shape)
    ends = []
    for end, sign in zip(near, (-1.0, 1.0), strict=True):
        beyond = (c - end) * sign
        far = np.where(open_sac & (beyond >= 0) & (beyond < SEARCH_MM), beyond, np.inf).min(axis=1)
        moved = ndimage.gaussian_filter1d(np.where(np.isfinite(far), far, 0.0), EVEN_MM / STEP_MM)
        ends.append(end + sign * moved[:, None])
    return ends[0], ends[1]


def _beside(touched: Mask) -> Mask:
    """The sagittal planes that hold material, and those next to them."""
    planes = ndimage.binary_dilation(touched.any(axis=1), iterations=int(ASIDE_MM / STEP_MM))
    return np.asarray(planes[:, None] & np.ones(touched.shape, bool))


def _even(mask: Mask) -> Float32:
    return np.asarray(
        ndimage.gaussian_filter(mask.astype(np.float32), EVEN_MM / STEP_MM, mode="nearest"), np.float32
    )
