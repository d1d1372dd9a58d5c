"""Displaced material pressed into the spine: what lies between the disc's margin and the bone makes way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.herniation.columns import IS_BONE, IS_DISC, voxels_at
from resorb.simulation.herniation.margin import margin_of
from resorb.simulation.herniation.tables import Float32
from resorb.simulation.herniation.way import Way, way_of
from resorb.simulation.phantom import Displaced, Phantom, Push, Tissues, Window
from resorb.simulation.tissue import Tissue

COVER_MM = 0.7  # thickness of the dark outer annulus and ligament over contained material
CONTAINED = ("bulge", "protrusion")
THIN = (Tissue.DURA, Tissue.ROOT)
AROUND_SAC = (Tissue.EPIDURAL_FAT, Tissue.FAT, Tissue.VEIN, Tissue.LIGAMENT, Tissue.DISPLACED)
Index = tuple[NDArray[np.intp], ...]
COVERED = (Tissue.FAT, Tissue.EPIDURAL_FAT, Tissue.VEIN)


def press(phantom: Phantom, displaced: tuple[Displaced, ...]) -> Phantom:
    """Press displaced material into a spine, one after the other.

    Args:
        phantom: the spine at rest, on the grid that the material was drawn on.
        displaced: the material; none gives the spine back as it is.

    Returns:
        The spine with the material in it: tissue, mix and anatomy resampled (nearest) through the
        deformation, `displaced` and `pushes` filled.
    """
    fine = Tissues(phantom.fine.tissue.copy(), phantom.fine.mix.copy(), phantom.fine.affine)
    pressed = phantom.changed(fine, phantom.anatomy.copy(), (), ())
    for material in displaced:
        margin = margin_of(phantom, material.level)
        unrolled = margin.unroll_window(phantom, material.window)
        way = way_of(pressed, material, margin, unrolled)
        if way is not None:
            push = _push(pressed, way)
            _carry(pressed, way, push)
            pressed = replace(pressed, pushes=(*pressed.pushes, push))
        _paint(pressed, material, unrolled[2])
        if way is not None:
            _close(pressed, push)
    return replace(pressed, displaced=displaced)


def _push(phantom: Phantom, way: Way) -> Push:
    """The deformation of the voxels of a way's window."""
    to_rest = np.zeros((3, *(part.stop - part.start for part in way.window)), np.float32)
    where, shift = way.shift(way.to_rest, ~IS_BONE[phantom.fine.tissue[way.window]])
    to_rest[:, where] = shift
    for axis in (1, 2, 3):
        np.moveaxis(to_rest, axis, 0)[[0, -1]] = 0  # only a window cut off by the grid has any there
    return Push(way.window, to_rest)


def _carry(phantom: Phantom, way: Way, push: Push) -> None:
    """Resample tissue, mix and anatomy through a deformation. Bone and disc stay where they are, and grow nowhere."""
    thin = np.isin(phantom.fine.tissue[push.window], THIN)
    where, shift = way.shift(way.from_rest, thin)
    rest = _placed(push.window, where)
    now, _ = voxels_at(phantom.fine, _world(phantom, rest, shift))
    kept = [array[rest] for array in _arrays(phantom)]
    moved = np.any(push.to_rest != 0, axis=0)
    target = _placed(push.window, moved)
    source, _ = voxels_at(phantom.fine, _world(phantom, target, push.to_rest[:, moved]))
    held = IS_BONE | IS_DISC
    free = ~held[phantom.fine.tissue[source]] & ~held[phantom.fine.tissue[target]]
    source, target = (tuple(i[free] for i in side) for side in (source, target))
    for array in _arrays(phantom):
        array[target] = array[source]
    _restore(phantom, push.window, now, kept)


def _restore(phantom: Phantom, window: Window, now: Index, kept: list[NDArray[np.generic]]) -> None:
    """Put dura and roots back where resampling skipped a layer that is thinner than its shortening."""
    tissue = phantom.fine.tissue
    for thin in THIN:
        there = np.zeros([part.stop - part.start for part in window], np.bool_)
        there[...] = tissue[window] == thin
        near = ndimage.binary_dilation(there)
        local = tuple(
            np.clip(i - part.start, 0, n - 1) for i, part, n in zip(now, window, near.shape, strict=True)
        )
        lost = (kept[0] == thin) & ~near[local] & ~(IS_BONE | IS_DISC)[tissue[now]]
        lost &= tissue[now] != Tissue.ROOT
        place = tuple(i[lost] for i in now)
        for array, values in zip(_arrays(phantom), kept, strict=True):
            array[place] = values[lost]


def _close(phantom: Phantom, push: Push) -> None:
    """Close the dura where the grid is too coarse for it: no water touches what lies outside, beside dura."""
    tissue = phantom.fine.tissue[push.window]
    moved = np.any(push.to_rest != 0, axis=0)
    beside = ndimage.binary_dilation(tissue == Tissue.DURA, np.ones((3, 3, 3)))
    outside = ndimage.binary_dilation(np.isin(tissue, AROUND_SAC))
    hole = (tissue == Tissue.CSF) & moved & beside & outside
    tissue[hole], phantom.fine.mix[push.window][hole] = Tissue.DURA, 0


def _arrays(phantom: Phantom) -> tuple[NDArray[np.generic], ...]:
    return phantom.fine.tissue, phantom.fine.mix, phantom.anatomy


def _placed(window: Window, where: NDArray[np.bool_]) -> Index:
    """Indices on the whole grid of the voxels of a window."""
    return tuple(i + part.start for i, part in zip(np.nonzero(where), window, strict=True))


def _world(phantom: Phantom, index: Index, shift: Float32) -> tuple[Float32, ...]:
    """World points that lie `shift` (3, n) mm from voxels."""
    return tuple(
        np.asarray(origin + phantom.fine.pitch_mm * i + part, np.float32)
        for origin, i, part in zip(phantom.fine.origin, index, shift, strict=True)
    )


def _paint(phantom: Phantom, material: Displaced, behind: Float32) -> None:
    """Put material in place; what is contained keeps the outer annulus and the ligament over it."""
    fine, window = phantom.fine, material.window
    tissue, mix, anatomy = fine.tissue[window], fine.mix[window], phantom.anatomy[window]
    own = anatomy_index(Structure.DISC, material.level.upper)
    inside = (material.distance < 0) & ~IS_BONE[tissue]
    out = inside & ((behind > 0) | (anatomy != own))
    tissue[out], anatomy[out] = Tissue.DISPLACED, own
    mix[out] = material.mix[out]
    if material.spec.type != "bulge":  # it came through a tear in the annulus
        fissure = inside & ~out
        mix[fissure] = np.maximum(mix[fissure], material.mix[fissure])
    if material.spec.type in CONTAINED:
        cover = (material.distance >= 0) & (material.distance < COVER_MM) & (behind > 0)
        cover &= np.isin(tissue, COVERED)
        tissue[cover], mix[cover], anatomy[cover] = Tissue.LIGAMENT, 0, 0
