"""Material and the tissue it pushed aside, integrated over the voxels of a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.simulation.implant.columns import Columns
from resorb.simulation.implant.scene import Float32, Scene, Window
from resorb.simulation.implant.shape import Material, free_share
from resorb.simulation.implant.texture import blur_voxels
from resorb.simulation.implant.warp import STILL_MM, Warp

INTO_DISC_MM = 2.0  # over this stretch the disc's own look passes into that of the material


@dataclass(frozen=True, eq=False)
class Painted:
    """What the voxels (i, j, k) of a window become.

    Attributes:
        window: the part of the scene's window.
        displaced: share of material behind the reference surface.
        covered: share of material, its transition into the disc included.
        depth: mm under the material's surface.
        tissue: grey of the tissue that was pushed aside.
        index: labels of it.
        moved: where it moved.
    """

    window: Window
    displaced: Float32
    covered: Float32
    depth: Float32
    tissue: Float32
    index: NDArray[np.int32]
    moved: NDArray[np.bool_]


def paint(scene: Scene, columns: Columns, material: Material, warp: Warp, window: Window) -> Painted:
    """Integrate material and moved tissue over the parts of every voxel.

    Args:
        window: the part of the scene's window in which something happens.
    """
    grey = scene.grey[window]
    shares = np.zeros((3, *grey.shape), np.float32)
    tissue, shift = (np.zeros(grey.shape, np.float32) for _ in range(2))
    coefficients = ndimage.spline_filter(grey, order=3, output=np.float32, mode="nearest")
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in grey.shape), indexing="ij"))
    # Voxels per mm along the frame's posterior axis.
    backwards = np.linalg.inv(scene.steps)[:, 1].astype(np.float32)[:, None, None, None]
    count = int(np.prod(scene.parts))
    for offset in scene.offsets():
        local = scene.local(offset)[(slice(None), *window)]
        along = columns.along(local)
        shares += _shares(scene, columns, material, local) / count
        moved = warp.at_rest(local, along) - along
        at = grid + backwards * moved
        tissue += ndimage.map_coordinates(coefficients, at, order=3, mode="nearest", prefilter=False) / count
        shift += moved / count
    index = _moved_labels(scene, window, np.rint(grid + backwards * shift).astype(np.intp))
    tissue = _softened(scene, tissue, shift)
    displaced, covered, depth = shares
    return Painted(window, displaced, covered, depth, tissue, index, np.abs(shift) > STILL_MM)


def _shares(scene: Scene, columns: Columns, material: Material, local: Float32) -> Float32:
    """(3, ...) share of material behind the reference surface, with its way into the disc, and depth inside it, mm."""
    behind, along = columns.behind(local), columns.along(local)
    fine = float(np.min(scene.image.spacing_mm / scene.parts))
    distance = material.inside(local, behind)
    inside = np.clip(0.5 - distance / fine, 0, 1)
    inside = inside * free_share(columns, local[0], local[2], along, fine)
    into = np.clip((along - columns.base.at(local[0], local[2])) / INTO_DISC_MM + 1, 0, 1)
    return np.stack([inside * np.clip(0.5 + behind / fine, 0, 1), inside * into, -distance])


def _softened(scene: Scene, tissue: Float32, shift: Float32) -> Float32:
    """Tissue that was squeezed, with its edges no sharper than the scan's own.

    Squeezing by a factor q makes an edge of blur s one of s / q: the rest, s * sqrt(1 - 1 / q**2), is put back.
    """
    axis = int(np.argmax(np.abs(scene.steps[1])))
    blur = blur_voxels(scene, axis)
    if blur == 0:
        return tissue
    squeezed = 1 + np.gradient(shift, axis=axis) / np.float32(scene.steps[1, axis])
    lost = np.clip(1 - 1 / np.maximum(squeezed, 1) ** 2, 0, 1)
    blurred = ndimage.gaussian_filter1d(tissue, blur, axis=axis, mode="nearest")
    return np.asarray(tissue + lost * (blurred - tissue), np.float32)


def _moved_labels(scene: Scene, window: Window, at: NDArray[np.intp]) -> NDArray[np.int32]:
    """Labels carried with the tissue; bone and disc stay, and grow nowhere."""
    start = np.array([part.start for part in window])[:, None, None, None]
    last = np.array(scene.index.shape)[:, None, None, None] - 1
    carried, here = scene.index[tuple(np.clip(at + start, 0, last))], scene.index[window]
    sac = STRUCTURE_STEP * int(Structure.THECAL_SAC)
    soft = np.isin(here // STRUCTURE_STEP, (0, sac // STRUCTURE_STEP))
    gives = np.isin(carried // STRUCTURE_STEP, (0, sac // STRUCTURE_STEP))
    return np.asarray(np.where(soft, np.where(gives, carried, 0), here), np.int32)
