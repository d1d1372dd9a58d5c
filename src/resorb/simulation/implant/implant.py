"""Put a herniation of known shape into a real scan, so that it looks as if it had been scanned there."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.simulation.herniation.tables import waves
from resorb.simulation.implant.columns import dura_line, read_columns
from resorb.simulation.implant.paint import Painted, paint
from resorb.simulation.implant.result import Implanted
from resorb.simulation.implant.scene import Float32, Scene, Window, put_back, read_scene
from resorb.simulation.implant.shape import form, reach
from resorb.simulation.implant.texture import (
    DiscGrey,
    across,
    disc_grey,
    edge_voxels,
    fine_texture,
    noise_sigma,
    split,
    transplant,
)
from resorb.simulation.implant.warp import push
from resorb.simulation.spec import HerniationSpec
from resorb.study import Volume

RIM_MM = 1.0  # the outer, fibrous shell is dark
MOTTLE, MOTTLE_MM = 0.12, 5.0  # coarse unevenness of the material, as a share of its grey
SEEN = 0.02  # less of a voxel is not painted
LABELLED = 0.5  # share of a voxel that gives it its label


def implant(
    image: Volume, labels: Volume, spec: HerniationSpec, seed: int, *, roughness: float = 1.0
) -> Implanted:
    """Put a herniation into a scan.

    Args:
        image: the scan, in any orientation, of any real dtype.
        labels: `anatomy_index` labels on the same grid.
        spec: what is asked for; what it leaves out is drawn.
        seed: of what is drawn, of the shape's irregularity and of its texture.
        roughness: how far the surface departs from an exact superquadric; 0 not at all.

    Returns:
        The scan with the herniation in it. Voxels in which nothing moved keep their value to the bit. `truth`
        holds what lies behind the reference surface; `seen_volume_mm3` of it lies within the scan.

    Raises:
        UsageError: the level is not in the scan, the place asked for is outside it, or the canal cannot hold
            the herniation; the line names the limit.
    """
    scene = read_scene(image, labels, spec.level)
    columns = read_columns(scene)
    material = form(scene, columns, spec, seed, roughness)
    warp = push(columns, dura_line(scene, columns), *reach(material, columns))
    rng = np.random.default_rng([seed, 3])
    near = warp.moves(scene, columns)
    sigma = noise_sigma(scene.grey, scene.bone)
    parts = split(scene.grey[near], sigma, across(scene))
    smooth = scene.grey.copy()
    smooth[near] = parts.smooth
    painted = paint(scene, columns, material, warp, (near, parts.smooth))
    covered = _blurred(scene, painted.covered)
    body = _body(scene, painted, disc_grey(scene, smooth, columns), material.spec.brightness or 0.0, seed)
    grain = _grain(scene, near, covered, parts.noise, rng)
    changed = (covered > SEEN) | painted.moved
    new = (1 - covered) * painted.tissue + covered * body + grain
    grey, index = scene.grey.copy(), scene.index.copy()
    grey[near] = np.where(changed, new, grey[near])
    own = STRUCTURE_STEP * int(Structure.DISC) + scene.level.ordinal
    index[near] = np.where(painted.displaced >= LABELLED, own, painted.index)
    share = np.zeros(grey.shape, np.float32)
    share[near] = painted.displaced
    seen = float(share.sum(dtype=np.float64)) * scene.image.voxel_volume_mm3
    truth = material.truth | {"seen_volume_mm3": seen}
    return put_back(image, labels, scene, (grey, index, share), truth)


def _blurred(scene: Scene, share: Float32) -> Float32:
    """A share of voxels as the scanner sees it: blurred in the slice as the scan's own edges are."""
    sigma = [edge_voxels(scene)] * 3
    sigma[across(scene) or 0] = 0.0
    return np.asarray(ndimage.gaussian_filter(share, sigma, mode="nearest"), np.float32)


def _body(scene: Scene, painted: Painted, disc: DiscGrey, brightness: float, seed: int) -> Float32:
    """Grey of the material: a dark rim around what the posterior annulus looks like, or brighter."""
    core = disc.annulus + brightness * max(disc.nucleus - disc.annulus, 0.0)
    rim = min(disc.rim, core)
    local = scene.local()[(slice(None), *painted.window)]
    mottle = 1 + np.float32(MOTTLE) * waves((seed, 5), [part / np.float32(MOTTLE_MM) for part in local])
    shell = np.exp(-np.square(np.clip(painted.depth, 0, None) / np.float32(RIM_MM)))
    return np.asarray(core * mottle + shell * (rim - core * mottle), np.float32)


def _grain(scene: Scene, near: Window, covered: Float32, noise: Float32, rng: np.random.Generator) -> Float32:
    """Noise: in place where tissue was moved, the parent disc's own texture where there is material."""
    texture, known = fine_texture(scene.grey, scene.disc)
    wanted = np.zeros(scene.grey.shape, bool)
    wanted[near] = covered > SEEN
    found, where = transplant(texture, known, wanted, rng)
    share = np.where(where[near], covered, 0)
    mixed = share * found[near] + (1 - share) * noise
    return np.asarray(mixed / np.sqrt(share**2 + (1 - share) ** 2), np.float32)
