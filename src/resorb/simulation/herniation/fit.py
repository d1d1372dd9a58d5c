"""Turn a form until the material that is there, beside all bone, has the extents and volume that were asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from resorb.anatomy import Structure, anatomy_index
from resorb.errors import UsageError
from resorb.simulation.herniation.columns import BONE, DISC
from resorb.simulation.herniation.forms import (
    FULLEST,
    LIFT_MM,
    SLIMMEST,
    Knobs,
    Space,
    bent,
    dome,
    fragment,
    fullness_for,
    mushroom,
    ridge,
    share_of_box,
)
from resorb.simulation.herniation.margin import Margin
from resorb.simulation.herniation.request import GAP_MM, ends
from resorb.simulation.herniation.room import Place
from resorb.simulation.herniation.tables import Float32
from resorb.simulation.phantom import Phantom, Window
from resorb.simulation.spec import HerniationSpec

TURNS = 14
TOLERANCE, GOOD = 0.05, 0.01
FORMS = {"bulge": ridge, "protrusion": dome, "extrusion": mushroom, "sequestration": fragment}
NECK_HEIGHT_SHARE = 0.8  # of the stretch of disc that an extrusion covers
LIFTED_MM = 0.6  # a fragment behind a body lies on its wall
ROUND_MM = 2.0  # around the form, where its surface may come to lie while it is turned


@dataclass(frozen=True, eq=False)
class Site:
    """The voxels around a place, with what may not be displaced material.

    Attributes:
        window: of the fine grid.
        space: the voxels' coordinates.
        closed: mm, positive where bone or another disc would be entered.
    """

    window: Window
    space: Space
    closed: Float32
    pitch_mm: float


@dataclass(frozen=True)
class Sizes:
    """What a form measures, mm and mm3; `low` and `high` are its ends along the spine."""

    depth: float
    width: float
    low: float
    high: float
    neck: float
    volume: float


def site_of(
    phantom: Phantom, margin: Margin, place: Place, spec: HerniationSpec, around_mm: float = ROUND_MM
) -> Site:
    """The voxels that a request's material can reach, and `around_mm` more."""
    low, high = ends(spec, place)
    window = _window(phantom, margin, place, spec, (min(low, place.lower), max(high, place.upper)), around_mm)
    along, cranial, behind = margin.unroll_window(phantom, window)
    zero = np.zeros((1, 1, 1), np.float32)
    space = Space(
        np.asarray((along - np.float32(place.along)) * np.float32(place.outward), np.float32),
        np.asarray(cranial - np.float32(place.middle), np.float32),
        behind,
        (zero, zero, zero),
    )
    return Site(window, space, _closed(phantom, window, spec), phantom.fine.pitch_mm)


def _window(
    phantom: Phantom,
    margin: Margin,
    place: Place,
    spec: HerniationSpec,
    tall: tuple[float, float],
    around_mm: float,
) -> Window:
    half, depth = (spec.width_mm or 0.0) / 2 + around_mm, (spec.depth_mm or 0.0) + around_mm
    along = place.along + np.linspace(-half, half, 25, dtype=np.float32)
    cranial = np.array([tall[0] - around_mm, tall[1] + around_mm], np.float32)
    behind = np.array([-3.0 - around_mm, depth], np.float32)
    world = np.stack(margin.roll(*np.meshgrid(along, cranial, behind, indexing="ij")), -1).reshape(-1, 3)
    return phantom.fine.window(world.min(0), world.max(0))


def _closed(phantom: Phantom, window: Window, spec: HerniationSpec) -> Float32:
    tissue = phantom.fine.tissue[window]
    disc = np.isin(tissue, DISC)
    own = disc & (phantom.anatomy[window] == anatomy_index(Structure.DISC, spec.level.upper))
    shut = np.isin(tissue, BONE) | (disc & ~own)
    pitch = phantom.fine.pitch_mm
    closed = pitch / 2 - ndimage.distance_transform_edt(~shut, sampling=pitch).astype(np.float32)
    if spec.type == "sequestration":
        off = ndimage.distance_transform_edt(~own, sampling=pitch).astype(np.float32)
        closed = np.maximum(closed, np.float32(GAP_MM + pitch / 2) - off)
    return np.asarray(closed, np.float32)


def surface(site: Site, spec: HerniationSpec, knobs: Knobs) -> Float32:
    """About the signed distance (mm) to the surface of a form, clipped to where it may be; exact on the surface."""
    value = np.maximum(FORMS[spec.type](site.space, knobs), site.closed)
    slope = np.sqrt(sum(np.square(part) for part in np.gradient(value, np.float32(site.pitch_mm))))
    return np.asarray(value / np.maximum(slope, np.float32(0.2)), np.float32)


def measure(site: Site, distance: Float32, place: Place) -> Sizes:
    """Extents and volume of the part behind the reference surface.

    A ball of radius -distance around a point inside lies inside as well, and the surface lies within
    `distance` of a point outside: so extents are known to a small part of a voxel.
    """
    pitch = np.float32(site.pitch_mm)
    near = (distance < pitch / 2) & (site.space.behind > 0)
    if not (near & (distance < 0)).any():
        return Sizes(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    margin = -np.maximum(distance[near], -pitch)
    out, up, behind = (part[near] for part in (site.space.out, site.space.up, site.space.behind))
    base = (behind < pitch) & (np.abs(up) < place.disc_height_mm / 2)
    wide = np.ptp([(out - margin)[base].min(), (out + margin)[base].max()]) if base.any() else 0.0
    share = np.clip(0.5 + margin / pitch, 0, 1) * np.clip(0.5 + behind / pitch, 0, 1)
    return Sizes(
        depth=float((behind + margin).max()),
        width=float((out + margin).max() - (out - margin).min()),
        low=float((up - margin).min()) + place.middle,
        high=float((up + margin).max()) + place.middle,
        neck=float(wide),
        volume=float(share.sum(dtype=np.float64)) * site.pitch_mm**3,
    )


def start(spec: HerniationSpec, place: Place, base_mm: float, pitch_mm: float) -> Knobs:
    """A first setting: the form without bending, in the middle of its range of fullness."""
    low, high = ends(spec, place)
    height, width, depth = high - low, spec.width_mm or 0.0, spec.depth_mm or 0.0
    near, neck = 0.0, spec.neck_mm or 0.0
    top, bottom = min(high, place.upper), max(low, place.lower)
    if spec.type == "extrusion":
        near = max(LIFT_MM, 1.6 * pitch_mm)  # a voxel of other tissue shows beside the neck
    elif spec.type == "sequestration":
        beside = low < place.upper + GAP_MM and high > place.lower - GAP_MM
        near = base_mm + GAP_MM + 0.3 if beside else LIFTED_MM
    return Knobs(
        out=0.0,
        up=(low + high) / 2 - place.middle,
        width=width,
        height=height,
        depth=depth,
        near=min(near, 0.6 * depth),
        neck=neck,
        neck_height=NECK_HEIGHT_SHARE * max(top - bottom, 1.0),
        neck_up=(top + bottom) / 2 - place.middle,
        fullness=2.0,
    )


def fit(
    site: Site, spec: HerniationSpec, place: Place, knobs: Knobs, seed: int, roughness: float
) -> tuple[Site, Knobs, Sizes]:
    """Turn the knobs until the material meets the request, or comes as near to it as it can.

    Raises:
        UsageError: nothing of it is left beside the bone.
    """
    site = replace(site, space=bent(site.space, knobs, seed, roughness, spec.type in {"bulge", "protrusion"}))
    low, high = ends(spec, place)
    best, best_sizes, least = knobs, None, np.inf
    for _ in range(TURNS):
        sizes = measure(site, surface(site, spec, knobs), place)
        worst = max(abs(asked / max(got, 1e-3) - 1) for _, asked, got in _pairs(spec, place, sizes))
        if worst < least:
            best, best_sizes, least = knobs, sizes, worst
        if sizes.volume <= 0 or least < GOOD:
            break
        knobs = _turned(knobs, spec, sizes, (low, high))
    if best_sizes is None or best_sizes.volume <= 0:
        raise UsageError(f"nothing of a {spec.type} fits at {spec.level} in the {spec.zone} zone")
    return site, best, best_sizes


def _turned(knobs: Knobs, spec: HerniationSpec, sizes: Sizes, reach: tuple[float, float]) -> Knobs:
    low, high = reach

    def scaled(value: float, asked: float | None, got: float) -> float:
        return value * float(np.clip((asked or got) / max(got, 1e-3), 0.7, 1.4))

    fullness = knobs.fullness
    if spec.volume_mm3 is not None:
        fullness = fullness_for(share_of_box(fullness) * spec.volume_mm3 / sizes.volume)
        fullness = 0.4 * knobs.fullness + 0.6 * fullness if fullness not in (SLIMMEST, FULLEST) else fullness
    return replace(
        knobs,
        width=scaled(knobs.width, spec.width_mm, sizes.width),
        height=scaled(knobs.height, high - low, sizes.high - sizes.low),
        up=knobs.up + ((low + high) - (sizes.low + sizes.high)) / 2,
        depth=scaled(knobs.depth, spec.depth_mm, sizes.depth),
        neck=scaled(knobs.neck, spec.neck_mm, sizes.neck) if spec.type == "extrusion" else knobs.neck,
        fullness=fullness,
    )


def _pairs(spec: HerniationSpec, place: Place, sizes: Sizes) -> list[tuple[str, float, float]]:
    """(name, asked, measured) of everything that was asked for."""
    low, high = ends(spec, place)
    pairs = [
        ("depth_mm", spec.depth_mm, sizes.depth),
        ("width_mm", spec.width_mm, sizes.width),
        ("height_mm", high - low, sizes.high - sizes.low),
        ("volume_mm3", spec.volume_mm3, sizes.volume),
    ]
    if spec.type == "extrusion":
        pairs.append(("neck_mm", spec.neck_mm, sizes.neck))
    if spec.migration_mm:
        reached = sizes.high - place.upper if spec.migration_mm > 0 else place.lower - sizes.low
        pairs.append(("migration_mm", abs(spec.migration_mm), reached))
    return [(name, asked, got) for name, asked, got in pairs if asked is not None]


def unmet(site: Site, spec: HerniationSpec, place: Place, sizes: Sizes) -> dict[str, float]:
    """By name, what the material measures where that is not what was asked for."""
    wrong = {}
    for name, asked, got in _pairs(spec, place, sizes):
        slack = 0.0 if name == "volume_mm3" else site.pitch_mm / 2
        if abs(asked - got) > max(TOLERANCE * asked, slack):
            wrong[name] = -got if name == "migration_mm" and (spec.migration_mm or 0) < 0 else got
    return wrong


def refuse(site: Site, spec: HerniationSpec, place: Place, knobs: Knobs, wrong: dict[str, float]) -> None:
    """Say what could not be met, and what can.

    Raises:
        UsageError: always.
    """
    what = f"{'an' if spec.type == 'extrusion' else 'a'} {spec.type} of these sizes"
    if "volume_mm3" in wrong and len(wrong) == 1:
        least, most = _volumes(site, spec, place, knobs)
        raise UsageError(
            f"{what} at {spec.level} cannot hold {spec.volume_mm3:.0f} mm3: "
            f"{least:.0f} to {most:.0f} mm3 is possible"
        )
    name = min(wrong, key=lambda key: key == "volume_mm3")
    raise UsageError(
        f"{what} does not fit at {spec.level}: {name} {getattr(spec, name):g} was asked for, "
        f"{wrong[name]:.1f} is possible there"
    )


def _volumes(site: Site, spec: HerniationSpec, place: Place, knobs: Knobs) -> tuple[float, float]:
    least, most = (
        measure(site, surface(site, spec, replace(knobs, fullness=fullness)), place).volume
        for fullness in (SLIMMEST, FULLEST)
    )
    return least, most
