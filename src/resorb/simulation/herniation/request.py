"""What a request leaves open, drawn from what is usual at that level and fits at that place."""

from __future__ import annotations

import numpy as np

from resorb.errors import UsageError
from resorb.simulation.herniation.margin import Margin
from resorb.simulation.herniation.room import (
    Place,
    Room,
    check_room,
    migration_room,
    place_of,
    room_at,
)
from resorb.simulation.phantom import Phantom
from resorb.simulation.spec import HerniationSpec

#: Usual sizes, mm: conventions of resorb, chosen so that volumes fall into the published 400-1,400 mm3
#: of herniations that were followed, and below for contained ones.
DEPTH_MM = {
    "bulge": (1.5, 3.0),
    "protrusion": (3.0, 6.0),
    "extrusion": (5.0, 12.0),
    "sequestration": (5.0, 9.0),
}
WIDTH_MM = {"protrusion": (11.0, 19.0), "extrusion": (9.0, 17.0), "sequestration": (8.0, 14.0)}
BULGE_WIDTH_SHARE = (0.3, 0.42)  # of the circumference
DOME_HEIGHT_SHARE = (0.75, 0.95)  # of the disc's height there
FRAGMENT_HEIGHT_MM = (8.0, 14.0)
MIGRATION_MM = (2.0, 9.0)
DOWNWARDS = 0.65  # share of migrations that go down: from memory, unverified
NECK_SHARE = (0.5, 0.75)
GAP_MM = 1.6  # of other tissue between a sequestration and the disc it came from
UPPER_LEVELS_SHARE = 0.85  # above L4/L5 the canal holds smaller ones
#: Share of water-rich nucleus by the disc's degeneration grade.
BRIGHTNESS = {1: (0.4, 0.7), 2: (0.4, 0.7), 3: (0.25, 0.5), 4: (0.15, 0.35), 5: (0.05, 0.2)}
BEYOND_BASE_MM = 2.0  # what is drawn stands out beyond a disc that bulges by itself
IN_CANAL_MM = 1.5  # above and below the disc, room in the canal counts as well: the laminae overhang
ROOM_SHARE = 0.9  # what is drawn keeps this far from the limit
MIN_HEIGHT_MM = 2.0


def complete(
    phantom: Phantom, margin: Margin, spec: HerniationSpec, seed: int, smaller: float = 1.0
) -> tuple[HerniationSpec, Place, Room]:
    """The request with everything but its volume filled in, and where it goes.

    Args:
        smaller: scale of the depth and width that are drawn.

    Raises:
        UsageError: it does not fit there, or contradicts its type.
    """
    rng = np.random.default_rng([seed, 1])
    names = ("depth", "width", "height", "migration", "way", "neck", "light")
    draws = dict(zip(names, rng.random(len(names)), strict=True))
    place = place_of(phantom, margin, spec)
    kind = spec.type
    if kind in {"bulge", "protrusion"}:
        height, migration = (
            spec.height_mm or place.disc_height_mm * _draw(*DOME_HEIGHT_SHARE, draws["height"]),
            0.0,
        )
    else:
        height, migration = _reach(spec, place, migration_room(phantom, margin, place, spec), draws)
    filled = spec.model_copy(update={"height_mm": round(height, 2), "migration_mm": migration})
    room = room_at(phantom, margin, place, filled, _middle_part(filled, place))
    check_room(filled, place, room)
    depth, width = _across(spec, room, draws, smaller)
    light = spec.brightness
    if light is None:
        light = _draw(*BRIGHTNESS[phantom.discs[spec.level].grade or 3], draws["light"])
    neck = spec.neck_mm
    if kind == "extrusion":
        neck = neck or round(width * _draw(*NECK_SHARE, draws["neck"]), 2)
    elif kind != "sequestration":
        neck = neck or width
    filled = filled.model_copy(
        update={"depth_mm": depth, "width_mm": width, "neck_mm": neck, "brightness": light}
    )
    check_room(filled, place, room)
    _check_type(filled, place)
    return filled, place, room


def _across(spec: HerniationSpec, room: Room, draws: dict[str, float], smaller: float) -> tuple[float, float]:
    """Depth and width."""
    kind = spec.type
    share = 1.0 if spec.level.upper in {"L4", "L5", "L6"} else UPPER_LEVELS_SHARE
    depth, width = spec.depth_mm, spec.width_mm or (spec.neck_mm if kind == "protrusion" else None)
    if depth is None:
        low, high = DEPTH_MM[kind]
        stands_out = room.base_mm + BEYOND_BASE_MM if kind != "sequestration" else 0.0
        depth = _draw(low, high, draws["depth"], smaller * share, ROOM_SHARE * room.depth_mm)
        depth = max(depth, min(stands_out, round(ROOM_SHARE * room.depth_mm, 2)))
    if width is None and kind == "bulge":
        low, high = BULGE_WIDTH_SHARE
        around = room.circumference_mm
        width = _draw(low * around, high * around, draws["width"], 1.0, room.width_mm)
    elif width is None:
        low, high = WIDTH_MM[kind]
        width = _draw(low, high, draws["width"], smaller * share, room.width_mm)
        width = max(width, 1.15 * (spec.neck_mm or 0.0))
    return depth, width


def _middle_part(spec: HerniationSpec, place: Place) -> tuple[float, float]:
    """Heights (cranial, mm) between which the room for a request counts."""
    low, high = ends(spec, place)
    beyond = IN_CANAL_MM if place.name == "canal" and spec.type != "sequestration" else -IN_CANAL_MM / 2
    if spec.type == "sequestration":
        quarter = (high - low) / 4
        return low + quarter, high - quarter
    return place.lower - beyond, place.upper + beyond


def ends(spec: HerniationSpec, place: Place) -> tuple[float, float]:
    """Heights (cranial, mm) of the caudal and the cranial end that were asked for."""
    height, far = spec.height_mm or 0.0, spec.migration_mm or 0.0
    if far > 0:
        return place.upper + far - height, place.upper + far
    if far < 0:
        return place.lower + far, place.lower + far + height
    return place.middle - height / 2, place.middle + height / 2


def _draw(low: float, high: float, at: float, share: float = 1.0, most: float = np.inf) -> float:
    """Between low and high, kept below what fits."""
    top = min(high * share, most)
    bottom = min(low * share, top)
    return round(float(bottom + (top - bottom) * at), 2)


def _reach(
    spec: HerniationSpec, place: Place, free_mm: tuple[float, float], draws: dict[str, float]
) -> tuple[float, float]:
    """Height and migration of an extrusion or sequestration."""
    disc = place.disc_height_mm
    free = spec.type == "sequestration"
    height, migration = spec.height_mm, spec.migration_mm
    if migration is None:
        way = -1.0 if draws["way"] < DOWNWARDS else 1.0
        if place.name == "foramen" or free_mm[0 if way > 0 else 1] < MIGRATION_MM[0]:
            way = 1.0 if free_mm[0] >= free_mm[1] else -1.0
        most = ROOM_SHARE * free_mm[0 if way > 0 else 1]
        if free:
            tall = height or _draw(*FRAGMENT_HEIGHT_MM, draws["height"], 1.0, max(most - GAP_MM - 2, 5.0))
            migration = way * min(tall + GAP_MM + _draw(0.5, 5.0, draws["migration"]), most)
        elif height is None:
            migration = way * _draw(*MIGRATION_MM, draws["migration"], 1.0, most)
        else:
            migration = way * max(0.0, height - disc * (0.5 + 0.5 * draws["migration"]))
    far = abs(migration)
    if height is None and free:
        height = max(min(_draw(*FRAGMENT_HEIGHT_MM, draws["height"]), far - GAP_MM - 0.5), 4.0)
    elif height is None:
        height = far + max(disc * _draw(0.55, 0.95, draws["height"]), MIN_HEIGHT_MM + 0.1)
    return round(height, 2), round(migration, 2)


def _check_type(spec: HerniationSpec, place: Place) -> None:
    """Refuse numbers that contradict the type (combined task force nomenclature v2.0)."""
    depth, width, height = spec.depth_mm or 0.0, spec.width_mm or 0.0, spec.height_mm or 0.0
    neck, far, disc = spec.neck_mm, abs(spec.migration_mm or 0.0), place.disc_height_mm
    name, level = f"{'an' if spec.type == 'extrusion' else 'a'} {spec.type}", spec.level
    if spec.type in {"bulge", "protrusion"}:
        if height > disc:
            raise UsageError(
                f"{name} of {height:g} mm height does not stay at disc height at {level}: "
                f"the disc is {disc:.1f} mm high there; make it an extrusion, or lower it"
            )
        if neck is not None and abs(neck - width) > 0.05 * width:
            raise UsageError(
                f"{name} is widest at its base: ask for width_mm {width:g} or neck_mm {neck:g}, not both"
            )
    if spec.type == "extrusion" and neck is not None:
        if neck > width or (neck > 0.95 * width and height <= disc):
            raise UsageError(
                f"an extrusion of {width:g} mm width at disc height has a neck narrower than its body: "
                f"neck_mm {neck:g} must be below {0.95 * width:.1f}"
            )
        least = far + MIN_HEIGHT_MM
        if height < least:
            raise UsageError(
                f"an extrusion that migrates {far:g} mm is at least {least:.1f} mm high: height_mm is {height:g}"
            )
        most = disc + 2 * far
        if height > most + 0.01:
            raise UsageError(
                f"an extrusion of {height:g} mm height that migrates {far:g} mm does not exist at {level}: "
                f"at most {most:.1f} mm is possible there"
            )
    if spec.type == "sequestration" and depth < 2.0:
        raise UsageError(f"a sequestration of {depth:g} mm depth is too thin: at least 2 mm is possible")
