"""Evaluation implants: displaced material made of patches of the scan's own discs.

Patches of disc tissue, noise and all, are laid over one another at random (texture synthesis by sampling, after
Efros and Freeman, SIGGRAPH 2001), so that grain and its correlation are the scan's; the level they stand on runs
from a dark rim to the core and meets the parent disc's own at the neck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure
from resorb.simulation.implant.evaluation_room import Field, Mask
from resorb.simulation.implant.scene import Scene
from resorb.study import Volume
from resorb.voxels import box_of

PATCH_MM = (3.0, 4.5, 4.5)
SMALLEST_PATCH_MM = 2.0
GRAIN_MM = 1.6  # what varies more slowly than this is level, not grain
MARGIN_MM = 2.5  # the dark line along the disc's margin is looked for this near to the reference surface
RIM_MM = 1.6  # thickness of the dark rim: outer annulus and ligament
RIM_SPREAD = 0.5  # of the logarithm of that thickness
NECK_MM = 1.5  # over this length the level gives way to the parent disc's
ENDPLATE_MM = 1.0  # no patch is cut nearer to the disc's edge, whose lines it would carry along
CROWDED = 40  # so many places to cut patches from are enough


@dataclass(frozen=True)
class Levels:
    """Grey values of the rim and the core of displaced material."""

    rim: float
    core: float


def levels_of(scene: Scene, brightness: float) -> Levels:
    """Grey values that fit the parent disc.

    Args:
        brightness: 0 as dark as its annulus, 1 as its nucleus.
    """
    inside = ndimage.binary_erosion(scene.disc)
    values = scene.grey[inside if np.count_nonzero(inside) > 50 else scene.disc]
    middle, bright = (float(v) for v in np.percentile(values, [35, 92]))
    # Outer annulus and ligament: the dark line along the disc's posterior margin.
    edge = ndimage.binary_dilation(scene.disc, iterations=2) & ~scene.structure(Structure.THECAL_SAC)
    behind = scene.frame.behind_mm(scene.frame.to_world(np.moveaxis(scene.local().astype(np.float64), 0, -1)))
    edge &= np.abs(behind) < MARGIN_MM
    dark = float(np.percentile(scene.grey[edge] if edge.any() else values, 12))
    return Levels(rim=dark, core=max(dark, middle + brightness * (bright - middle)))


def material(scene: Scene, share: Field, levels: Levels, rng: np.random.Generator) -> Field:
    """Grey values of displaced material in the window, wherever there is some.

    Args:
        scene: the window it is put in.
        share: how much of each voxel it fills.
        levels: of its rim and core.
    """
    spacing = scene.image.spacing_mm
    near = ndimage.binary_dilation(share > 0, iterations=2)
    box = box_of(near) or ()
    filled = share[box]
    # The neck is no border: the rim runs round the outside only.
    body = (filled > 0.5) | scene.disc[box]
    inner = np.asarray(ndimage.distance_transform_edt(body, sampling=spacing))
    uneven = ndimage.gaussian_filter(rng.standard_normal(filled.shape), 2.0 / spacing)
    thick = RIM_MM * np.exp(RIM_SPREAD * uneven / max(float(uneven.std()), 1e-6))
    level = levels.rim + (levels.core - levels.rim) * np.clip((inner - 0.4) / thick, 0, 1)
    grey, disc = scene.grey[box], scene.disc[box].astype(np.float32)
    level = ndimage.gaussian_filter(level, 0.5 / spacing)
    sigma = NECK_MM / spacing
    pull = ndimage.gaussian_filter((ndimage.gaussian_filter(grey, 0.5 / spacing) - level) * disc, sigma)
    weight = ndimage.gaussian_filter(disc, sigma) + ndimage.gaussian_filter(filled, sigma)
    level = level + pull / np.maximum(weight, 1e-3)
    result = np.zeros(share.shape, np.float32)
    result[box] = level + _grain(scene, filled.shape, rng)
    return result


def _grain(scene: Scene, shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """Disc texture without its slow changes, of any shape: random patches, blended so that its spread is kept."""
    image, disc, grey = scene.image, scene.structure(Structure.DISC), scene.grey
    sigma = GRAIN_MM / image.spacing_mm
    mask = disc.astype(np.float32)
    slow = ndimage.gaussian_filter(grey * mask, sigma) / np.maximum(
        ndimage.gaussian_filter(mask, sigma), 1e-3
    )
    fine = grey - slow
    flat = ndimage.distance_transform_edt(disc, sampling=image.spacing_mm) > ENDPLATE_MM
    size, corners = _places(flat if flat.any() else disc, image)
    window = np.ones(size)
    for axis, n in enumerate(size):
        window = window * np.sin(np.pi * (np.arange(n) + 1) / (n + 1)).reshape(
            [-1 if a == axis else 1 for a in range(3)]
        )
    total = np.zeros([n + 2 * s for n, s in zip(shape, size, strict=True)], np.float32)
    square = np.zeros_like(total)
    steps = [range(0, t - s + 1, max(1, s // 2)) for t, s in zip(total.shape, size, strict=True)]
    for start in np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 3):
        corner = corners[rng.integers(len(corners))]
        patch = fine[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))]
        for axis in range(3):  # a mirrored patch has the same grain
            if rng.random() < 0.5:
                patch = np.flip(patch, axis)
        place = tuple(slice(a, a + s) for a, s in zip(start, size, strict=True))
        total[place] += window * patch
        square[place] += window**2
    grain = total / np.sqrt(np.maximum(square, 1e-6))
    return np.asarray(grain[tuple(slice(s, s + n) for s, n in zip(size, shape, strict=True))])


def _places(disc: Mask, image: Volume) -> tuple[tuple[int, ...], NDArray[np.intp]]:
    """A size of patch, in voxels, and the corners of the patches of that size that lie in disc."""
    for shrink in (1.0, 0.75, 0.5, 0.35):
        size = tuple(
            max(1, round(max(p * shrink, min(p, SMALLEST_PATCH_MM)) / s))
            for p, s in zip(PATCH_MM, image.spacing_mm, strict=True)
        )
        share = ndimage.uniform_filter(
            disc.astype(np.float32), size, origin=[-(s // 2) + (s + 1) % 2 for s in size]
        )
        room = tuple(n - s + 1 for n, s in zip(disc.shape, size, strict=True))
        if min(room) < 1:
            continue
        corners = np.argwhere(share[tuple(slice(0, n) for n in room)] > 0.97)
        if len(corners) >= CROWDED:
            return size, corners
    size = (1, 1, 1)
    return size, np.argwhere(disc)
