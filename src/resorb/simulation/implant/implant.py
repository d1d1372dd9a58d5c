"""Put a herniation of known shape into a real scan, so that it looks as if it had been scanned there."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.simulation.herniation.tables import waves
from resorb.simulation.implant.columns import dura_line, read_columns
from resorb.simulation.implant.paint import Painted, paint
from resorb.simulation.implant.result import Implanted
from resorb.simulation.implant.scene import Float32, Scene, Window, band_limited, put_back, read_scene
from resorb.simulation.implant.shape import form, reach
from resorb.simulation.implant.texture import (
    DiscGrey,
    across,
    blur_voxels,
    disc_grey,
    fine_texture,
    transplant,
)
from resorb.simulation.implant.warp import push
from resorb.simulation.spec import HerniationSpec
from resorb.study import Volume

RIM_MM = 1.0  # the outer, fibrous shell is dark
MOTTLE, MOTTLE_MM = 0.12, 5.0  # coarse unevenness of the material, as a share of its grey
SEEN = 0.02  # less of a voxel is not painted
RINGING_MM = 1.0  # so far around a change the ringing of its edges is kept
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
    painted = paint(scene, columns, material, warp, near)
    covered = _blurred(scene, painted.covered)
    body = _body(scene, painted, disc_grey(scene, scene.grey, columns), material.spec.brightness or 0.0, seed)
    grain = _grain(scene, near, covered, rng)
    changed = (covered > SEEN) | painted.moved
    new = (1 - covered) * painted.tissue + covered * (body + grain)
    index = scene.index.copy()
    change = np.zeros(scene.grey.shape, np.float32)
    change[near] = np.where(changed, new - scene.grey[near], 0)
    grey = scene.grey + _as_scanned(scene, change, near, covered)
    own = STRUCTURE_STEP * int(Structure.DISC) + scene.level.ordinal
    index[near] = np.where(painted.displaced >= LABELLED, own, painted.index)
    share = np.zeros(grey.shape, np.float32)
    share[near] = painted.displaced
    seen = float(share.sum(dtype=np.float64)) * scene.image.voxel_volume_mm3
    truth = material.truth | {"seen_volume_mm3": seen}
    return put_back(image, labels, scene, (grey, index, share), truth)


def _as_scanned(scene: Scene, change: Float32, near: Window, covered: Float32) -> Float32:
    """A change no sharper than the scan resolves, and confined to where it was and what is next to it."""
    limited = band_limited(change, scene.image)
    # What little the scan holds beyond its band would shine through the material.
    limited[near] -= covered * (scene.grey - band_limited(scene.grey, scene.image))[near]
    away = ndimage.distance_transform_edt(change == 0, sampling=scene.image.spacing_mm)
    return np.asarray(limited * np.clip(2 - away / RINGING_MM, 0, 1), np.float32)


def _blurred(scene: Scene, share: Float32) -> Float32:
    """A share of voxels as the scanner sees it: blurred in the slice as the scan's own edges are."""
    sigma = [blur_voxels(scene, axis) for axis in range(3)]
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


def _grain(scene: Scene, near: Window, covered: Float32, rng: np.random.Generator) -> Float32:
    """The parent disc's own texture and noise, where there is material; moved tissue brings its own along."""
    texture, known = fine_texture(scene, scene.disc)
    wanted = np.zeros(scene.grey.shape, bool)
    wanted[near] = covered > SEEN
    found, _ = transplant(texture, known, wanted, rng)
    return found[near]
