"""Take the displaced material of a level out of a real scan, as if it had never left its disc."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, Level, Structure
from resorb.simulation.implant.columns import Columns, read_columns
from resorb.simulation.implant.relief import Mask, Relief, find_material, relieve
from resorb.simulation.implant.result import Implanted
from resorb.simulation.implant.scene import Float32, Scene, put_back, read_scene
from resorb.simulation.implant.texture import (
    IN_PLANE,
    Split,
    across,
    disc_grey,
    edge_voxels,
    noise_sigma,
    split,
    transplant,
)
from resorb.study import Volume

CSF_QUANTILE = 0.8  # of the sac's grey: roots are darker
LINE_MM = 1.0  # thickness of the ligament that is drawn behind the disc
SOFT_VOXELS = 0.8  # of the change's outline
SEAM_MM, SEAM_VOXELS = 1.0, 1.2  # around where the new tissue ends
SEEN = 0.02


def remove(image: Volume, labels: Volume, level: Level, displaced: Volume | None = None) -> Implanted:
    """Take the displaced material of a level away.

    The sac is stretched forwards over its place; where that would stretch it too far, its tissue is taken
    from above and below, as fat in front of it is. A thin dark ligament closes the disc.

    Args:
        image: the scan, in any orientation, of any real dtype.
        labels: `anatomy_index` labels on the same grid.
        level: the level.
        displaced: share of displaced material in every voxel; None takes the disc behind its reference.

    Returns:
        The scan without the material; `displaced` and `truth` say what was taken out.

    Raises:
        UsageError: the level is not in the scan, or nothing is displaced there.
    """
    scene = read_scene(image, labels, level)
    columns = read_columns(scene)
    given = None if displaced is None else np.asarray(displaced.sagittal().data[scene.window], np.float32)
    parts = split(scene.grey, noise_sigma(scene.grey, scene.bone), across(scene))
    disc = disc_grey(scene, parts.smooth, columns)
    sac = parts.smooth[scene.structure(Structure.THECAL_SAC)]
    csf = float(np.quantile(sac, CSF_QUANTILE)) if sac.size else float(parts.smooth.max())
    material = find_material(scene, columns, parts.smooth, given, (disc.annulus, csf))
    relief = relieve(scene, columns, material)
    local = scene.local()
    share = relief.share.at(local[0], local[2]) * _inside(scene, columns, relief, local)
    # Between fat, dura and sac the tissue changes within a voxel.
    thirds = [scene.local(np.array([0.0, 0.0, part])) for part in (-1 / 3, 0.0, 1 / 3)]
    tissue = np.mean([_tissue(scene, relief, parts.smooth, points) for points in thirds], axis=0)
    line = _line(scene, columns, relief, local)
    tissue = tissue + line * (disc.rim - tissue)
    noise = _noise(scene, parts, material)
    grey = np.where(share > SEEN, (1 - share) * scene.grey + share * (tissue + noise), scene.grey)
    index = _labels(scene, relief, local, share)
    out = material & scene.disc if given is None else given > 0.5
    taken = out.astype(np.float32) if given is None else given
    return put_back(image, labels, scene, (grey, index, taken), _truth(scene, columns, out, local))


def _inside(scene: Scene, columns: Columns, relief: Relief, local: Float32) -> Float32:
    """1 between the disc's new end and the canal's back wall, off bone, with soft ends."""
    along = columns.along(local)
    begins = relief.base.at(local[0], local[2])
    ends = relief.wall.at(local[0], local[2])
    bone = ndimage.gaussian_filter(scene.bone.astype(np.float32), (0, 0.5, 0.5))
    between = np.clip(along - begins + 0.5, 0, 1) * np.clip(ends - along + 1.5, 0, 1)
    soft = ndimage.gaussian_filter(between, (0, SOFT_VOXELS, SOFT_VOXELS))
    return np.asarray(soft * np.clip(1 - 2 * bone, 0, 1), np.float32)


def _tissue(scene: Scene, relief: Relief, smooth: Float32, local: Float32) -> Float32:
    """Grey of the freed canal: the sac stretched, or what lies above and below it."""
    along = relief.columns.along(local)
    there, ratio = relief.stretched(local, along)
    point = np.stack([local[0], local[1] + there - along, local[2]])
    stretched = scene.grey_at(smooth, point)
    (upper, lower), weight = relief.alike(local, along)
    alike = weight * scene.grey_at(smooth, upper)
    alike = alike + (1 - weight) * scene.grey_at(smooth, lower)
    fill = relief.filled(local, along, ratio)
    past = along - relief.wall.at(local[0], local[2])
    tissue = np.where(past < 0, fill * alike + (1 - fill) * stretched, smooth)
    # Where the new tissue ends, an edge as blurred as the scan's own.
    freed, shut = (table.at(local[0], local[2]) for table in (relief.freed, relief.shut))
    seam = np.maximum(
        np.exp(-np.square(past / SEAM_MM)), shut * np.exp(-np.square((along - freed) / SEAM_MM))
    )
    blurred = ndimage.gaussian_filter(tissue, (0, SEAM_VOXELS, SEAM_VOXELS))
    return np.asarray(tissue + seam * (blurred - tissue), np.float32)


def _line(scene: Scene, columns: Columns, relief: Relief, local: Float32) -> Float32:
    """Share of the dark line of annulus and ligament that closes the disc."""
    along = columns.along(local) - relief.base.at(local[0], local[2])
    inside = np.clip(0.5 + (LINE_MM / 2 - np.abs(along - LINE_MM / 2)) / 0.5, 0, 1)
    sigma = [edge_voxels(scene)] * 3
    sigma[across(scene) or 0] = 0.0
    return np.asarray(ndimage.gaussian_filter(inside, sigma), np.float32)


def _noise(scene: Scene, parts: Split, material: Mask) -> Float32:
    """Noise in place, and under the material that was taken out the sac's own."""
    sac = ndimage.binary_erosion(scene.structure(Structure.THECAL_SAC) & ~material, IN_PLANE, iterations=2)
    found, where = transplant(parts.noise, sac, material, np.random.default_rng(0))
    return np.where(where, found, parts.noise)


def _labels(scene: Scene, relief: Relief, local: Float32, share: Float32) -> Float32:
    """Sac where the sac begins now, nothing between it and the disc."""
    along = relief.columns.along(local)
    own = scene.disc | scene.structure(Structure.BACKGROUND, Structure.THECAL_SAC)
    freed = relief.freed.at(local[0], local[2])
    there, _ = relief.stretched(local, along)
    point = np.stack([local[0], local[1] + there - along, local[2]])
    carried = scene.look_up(scene.structure(Structure.THECAL_SAC), point).astype(bool)
    sac = carried | (scene.disc & (along >= freed))
    new = np.where((along >= freed) & sac, STRUCTURE_STEP * int(Structure.THECAL_SAC), 0)
    return np.where(own & (share > 0.5), new, scene.index)


def _truth(scene: Scene, columns: Columns, out: Mask, local: Float32) -> dict[str, float]:
    """Quantities of the material that was taken out, from its mask."""
    behind = columns.behind(local)[out]
    size = scene.image.voxel_volume_mm3
    return {
        "depth_mm": float(behind.max()) if behind.size else 0.0,
        "volume_mm3": float(np.count_nonzero(behind > 0) * size),
    }
