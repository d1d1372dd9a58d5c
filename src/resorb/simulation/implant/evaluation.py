"""A herniation put into a real scan, for evaluation only: grown, pushed and textured unlike the training generator's.

A model that is trained on the one is tested on the other, and so does not meet its own fingerprints.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.implant.evaluation_growth import (
    Grown,
    Target,
    first_depth_mm,
    grow,
    migration_mm,
    sizes,
)
from resorb.simulation.implant.evaluation_push import push
from resorb.simulation.implant.evaluation_room import PITCH_MM, Field, Room, room_behind
from resorb.simulation.implant.evaluation_texture import levels_of, material
from resorb.simulation.implant.result import Implanted
from resorb.simulation.implant.scene import Scene, band_limited, put_back, read_scene
from resorb.simulation.spec import HerniationSpec, Morphology, Zone
from resorb.study import Volume

#: Distance of the zones' middles from the midline, mm, as shares of a canal 24 mm wide: central, paracentral,
#: subarticular (CTF nomenclature v2.0; the shares are resorb's).
ZONE_MM: dict[Zone, float] = {
    "central": 0.0,
    "paracentral": 4.5,
    "subarticular": 8.5,
    "foraminal": 14.0,
    "extraforaminal": 20.0,
}
SPREAD_MM = 1.0  # of the place of the tear about the middle of its zone, half of it from above to below
#: Depth (mm), and width against depth, where they are not asked for; resorb's own.
USUAL: dict[Morphology, tuple[float, float]] = {
    "bulge": (3.5, 6.0),
    "protrusion": (5.5, 2.2),
    "extrusion": (7.5, 1.5),
    "sequestration": (6.5, 1.4),
}
USUAL_DRIFT_MM: dict[Morphology, float] = {"extrusion": 5.0, "sequestration": 9.0}
BRIGHTNESS = (0.0, 0.5)
BEYOND_MM = 2.0  # a herniation stands out this far from what bulges already, where no depth is asked for
UNMOVED_MM = 0.02
DEEP_IN_BONE_MM = 1.0  # from here on bone keeps its pixels: nearer to its face they see what lies beside it


def implant_for_evaluation(image: Volume, labels: Volume, spec: HerniationSpec, seed: int) -> Implanted:
    """Put a herniation into a scan.

    Args:
        image: the scan, T2-weighted, in any orientation and of any slice thickness.
        labels: `anatomy_index` values on the same grid.
        spec: what to put in; what is left out is drawn from the seed.
        seed: another one makes another shape; the same one the same bytes.

    Returns:
        The scan, its labels, the share of every voxel that is displaced material, and its truth: `depth_mm`,
        `width_mm`, `height_mm`, `volume_mm3`, `migration_mm` behind the reference surface, on the fine grid.

    Raises:
        UsageError: the level is not in the scan, the place is outside the field, or the canal cannot hold what
            is asked; the message names the limit.
    """
    rng = np.random.default_rng([seed, spec.level.ordinal])
    scene = read_scene(image, labels, spec.level)
    room = room_behind(scene)
    target = target_of(spec, room, rng)
    grown = grow(room, target, rng)
    brightness = spec.brightness if spec.brightness is not None else float(rng.uniform(*BRIGHTNESS))
    changed = _paint(scene, room, grown, brightness, rng)
    return put_back(image, labels, scene, changed, _truth(room, grown, target))


def target_of(spec: HerniationSpec, room: Room, rng: np.random.Generator) -> Target:
    """The request in millimetres of the level's frame, with everything filled in."""
    depth, wide = USUAL[spec.type]
    sign = {"left": 1.0, "right": -1.0, None: 0.0}[spec.side]
    left = sign * ZONE_MM[spec.zone] + float(rng.normal(0, SPREAD_MM))
    cranial = float(rng.normal(0, SPREAD_MM / 2))
    volume, depth_mm = spec.volume_mm3, spec.depth_mm
    factor = float(rng.uniform(0.85, 1.15))
    if depth_mm is None:
        depth_mm = first_depth_mm(volume, wide) if volume is not None else depth * factor
        depth_mm = max(depth_mm, room.bulge_mm(left) + BEYOND_MM * factor)
        depth_mm = min(depth_mm, 0.9 * room.depth_mm(left))
    width = spec.width_mm or wide * depth_mm * factor
    height = spec.height_mm or 1.4 * depth_mm
    drift = spec.migration_mm or 0.0
    if spec.migration_mm is None and spec.type in USUAL_DRIFT_MM:
        drift = float(rng.choice([-1, 1])) * USUAL_DRIFT_MM[spec.type] * factor
    return Target(
        volume_mm3=volume if volume is not None else 0.5 * width * depth_mm * height,
        depth_mm=depth_mm,
        exit_mm=(left, cranial),
        depth_asked=spec.depth_mm is not None,
        width_mm=spec.width_mm if volume is not None else width,
        height_mm=spec.height_mm,
        drift_mm=drift,
        free=spec.type == "sequestration",
        neck_mm=spec.neck_mm,
        first=(width, height + 0.5 * abs(drift)),
    )


def _paint(
    scene: Scene, room: Room, grown: Grown, brightness: float, rng: np.random.Generator
) -> tuple[Field, np.ndarray, Field]:
    """Grey values, labels and displaced share in the window."""
    centres = scene.local()
    share = np.zeros(scene.grey.shape, np.float32)
    offsets = list(scene.offsets())
    for offset in offsets:
        share += room.at(grown.share, scene.local(offset)) / len(offsets)
    share = np.where(scene.bone, 0, share)
    moved = np.stack([room.at(part, centres) for part in push(room, grown)])
    still = (np.linalg.norm(moved, axis=0) < UNMOVED_MM) | scene.bone
    moved[:, still] = 0
    origin = scene.to_index(centres + moved)
    pulled = np.where(still, scene.grey, ndimage.map_coordinates(scene.grey, origin, order=3, mode="nearest"))
    stuff = material(scene, share, levels_of(scene, brightness), rng)
    change = (pulled - scene.grey) * (1 - share) + (stuff - scene.grey) * share
    deep = ndimage.distance_transform_edt(scene.bone, sampling=scene.image.spacing_mm)
    change = band_limited(change, scene.image) * np.clip(2 - deep / DEEP_IN_BONE_MM, 0, 1)
    return (scene.grey + change).astype(np.float32), _relabel(scene, origin, share), share


def _relabel(scene: Scene, origin: Field, share: Field) -> np.ndarray:
    """Labels follow the tissue; bone and discs stay, and where material fills half a voxel it is disc."""
    followed = ndimage.map_coordinates(scene.index, origin, order=0, mode="nearest")
    sac = anatomy_index(Structure.THECAL_SAC)
    stays = scene.bone | scene.structure(Structure.DISC)
    result = np.where(stays | ~np.isin(followed, [0, sac]), scene.index, followed)
    return np.where(share > 0.5, anatomy_index(Structure.DISC, scene.level.upper), result)


def _truth(room: Room, grown: Grown, target: Target) -> dict[str, float]:
    width, depth, height = sizes(room, grown)
    return {
        "depth_mm": depth,
        "width_mm": width,
        "height_mm": height,
        "volume_mm3": float(grown.share.sum(dtype=np.float64)) * PITCH_MM**3,
        "migration_mm": migration_mm(room, grown, target.drift_mm) if target.drift_mm else 0.0,
    }
