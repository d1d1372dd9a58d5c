"""Displaced disc material as a solid: `fill` completes a request, `displace` gives it its shape."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.simulation.herniation.beside import cut_off
from resorb.simulation.herniation.fit import Site, fit, refuse, site_of, start, surface, unmet
from resorb.simulation.herniation.forms import Knobs, Space
from resorb.simulation.herniation.margin import Margin, margin_of
from resorb.simulation.herniation.request import complete
from resorb.simulation.herniation.room import Place
from resorb.simulation.herniation.tables import Float32, waves
from resorb.simulation.phantom import Displaced, Phantom
from resorb.simulation.spec import HerniationSpec

ROOM_MM = 8.0  # around the material
SMALLER = (1.0, 0.85, 0.7, 0.55)
GIVE = 0.25  # what was drawn may come out this much different where bone is in the way
USUAL_FULLNESS = (1.9, 2.7)
RIM_MM = 1.2  # the outer, fibrous shell is dark
TEXTURE, TEXTURE_MM = 0.18, 7.0


def fill(spec: HerniationSpec, phantom: Phantom, seed: int) -> HerniationSpec:
    """Draw what is left out of a request from usual ranges, limited by the room there is.

    Args:
        spec: the request; what it holds is kept.
        seed: what is drawn depends on it alone; give `displace` the same.

    Returns:
        The request with depth, width, height, volume, migration, neck (but for a sequestration) and brightness.

    Raises:
        UsageError: the level is not in the phantom, or the request cannot be met there; the line names the limit.
    """
    if None not in (spec.depth_mm, spec.width_mm, spec.height_mm, spec.volume_mm3, spec.migration_mm):
        margin = margin_of(phantom, spec.level)
        return complete(phantom, margin, spec, seed)[0]
    return _formed(phantom, spec, seed, 1.0).spec


def displace(
    phantom: Phantom,
    spec: HerniationSpec,
    seed: int,
    *,
    roughness: float = 1.0,
    beside: tuple[Displaced, ...] = (),
) -> Displaced:
    """The solid shape of displaced material, in a phantom at rest.

    Args:
        phantom: the spine.
        spec: the request; what it leaves out is drawn as `fill` draws it.
        seed: of what is left out, and of the shape's irregularity.
        roughness: how far the surface departs from an exact superquadric; 0 not at all.
        beside: material that is in the same phantom already; the new one meets it, and does not overlap it.

    Returns:
        The material. Depth, width, height, migration, neck and volume are those that were asked for,
        within 5 % or half a voxel; less the little (at most 5 % of its volume) that lies in earlier material.

    Raises:
        UsageError: the level is not in the phantom, the request cannot be met there, or earlier material is in
            its place; the line names the limit.
    """
    formed = _formed(phantom, spec, seed, roughness)
    wide = site_of(phantom, formed.margin, formed.place, formed.spec, ROOM_MM)
    near = formed.site.window
    part = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(near, wide.window, strict=True))
    distance = np.full(wide.space.out.shape, phantom.fine.pitch_mm, np.float32)
    distance[part] = surface(formed.site, formed.spec, formed.knobs)
    if beside:
        distance = cut_off(phantom, formed.margin, wide.window, distance, beside)
    distance = _far(_whole(distance, phantom.fine.pitch_mm), phantom.fine.pitch_mm)
    place = formed.place
    return Displaced(
        level=spec.level,
        window=wide.window,
        distance=distance,
        mix=_mix(wide.space, distance, formed.spec.brightness or 0.0, seed),
        exit_point=formed.margin.point(place.along, place.middle + formed.knobs.neck_up, 0.0),
        spec=formed.spec,
    )


@dataclass(frozen=True, eq=False)
class Formed:
    """A request that has been given its form."""

    margin: Margin
    place: Place
    site: Site
    knobs: Knobs
    spec: HerniationSpec


def _formed(phantom: Phantom, spec: HerniationSpec, seed: int, roughness: float) -> Formed:
    """The form of a request. What was drawn gives way where it does not fit; what was asked for does not."""
    margin = margin_of(phantom, spec.level)
    for smaller in SMALLER:
        filled, place, room = complete(phantom, margin, spec, seed, smaller)
        knobs = start(filled, place, room.base_mm, phantom.fine.pitch_mm)
        if filled.volume_mm3 is None:
            knobs = replace(knobs, fullness=np.random.default_rng([seed, 2]).uniform(*USUAL_FULLNESS))
        site = site_of(phantom, margin, place, filled)
        site, knobs, sizes = fit(site, filled, place, knobs, seed, roughness)
        wrong = unmet(site, filled, place, sizes)
        asked = [
            name
            for name, got in wrong.items()
            if getattr(spec, name) is not None
            or abs(got / getattr(filled, name) - 1) > GIVE
            or (name == "depth_mm" and got > room.depth_mm)
        ]
        if not asked and (smaller == SMALLER[-1] or not wrong):
            break
        if asked and (smaller == SMALLER[-1] or None not in (spec.depth_mm, spec.width_mm)):
            refuse(site, filled, place, knobs, {name: wrong[name] for name in asked})
    measured = {name: round(value, 2) for name, value in wrong.items()}
    volume = filled.volume_mm3 or round(sizes.volume, 1)
    return Formed(margin, place, site, knobs, filled.model_copy(update={"volume_mm3": volume, **measured}))


def _whole(distance: Float32, pitch_mm: float) -> Float32:
    """Without crumbs that bone has cut off."""
    pieces, count = ndimage.label(distance < 0)
    if count > 1:
        largest = np.bincount(pieces.ravel())[1:].argmax() + 1
        distance[(pieces > 0) & (pieces != largest)] = pitch_mm / 2
    return distance


def _far(distance: Float32, pitch_mm: float) -> Float32:
    """Signed distance everywhere, from one that is about exact near the surface."""
    inner = distance < 0
    band = np.abs(distance) < 0.75 * pitch_mm
    for outside in (True, False):
        of = inner if outside else ~inner
        far, (i, j, k) = ndimage.distance_transform_edt(~of, sampling=pitch_mm, return_indices=True)
        reached = far.astype(np.float32) + (1 if outside else -1) * distance[i, j, k].clip(
            -pitch_mm, pitch_mm
        )
        rest = ~band & ~of
        distance = np.where(rest, reached if outside else -reached, distance)
    return distance


def _mix(space: Space, distance: Float32, brightness: float, seed: int) -> NDArray[np.uint8]:
    """Share of nucleus in 1/255: a dark fibrous rim around brighter, marbled material."""
    at = (space.out, space.up, space.behind)
    scaled = [np.asarray(part / np.float32(TEXTURE_MM), np.float32) for part in at]
    coarse = waves((seed, 11), scaled)
    fine = waves((seed, 12), [np.asarray(2.5 * part, np.float32) for part in scaled])
    marbled = 1 + np.float32(TEXTURE) * (0.7 * coarse + 0.5 * fine)
    depth = np.clip(-distance / np.float32(RIM_MM), 0, 1)
    share = brightness * marbled * (0.25 + 0.75 * depth)
    return np.asarray(np.rint(255 * np.clip(share, 0, 1)), np.uint8)
