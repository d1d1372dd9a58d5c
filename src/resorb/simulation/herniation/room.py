"""How much a place behind or beside a disc can hold, between the margin and the bone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resorb.errors import UsageError
from resorb.simulation.herniation.columns import Fan, sample
from resorb.simulation.herniation.margin import Margin
from resorb.simulation.herniation.tables import Float32, axis
from resorb.simulation.phantom import Phantom, Side
from resorb.simulation.spec import HerniationSpec

#: What is left of the tissue behind material, however hard it is pressed, mm: of a sac that is pressed in the
#: midline, and of one that can give way to the other side, or of a root: conventions of resorb.
SAC_REMAINDER_MM, SIDE_REMAINDER_MM = 3.0, 1.5
PARACENTRAL_SHARE = 0.48  # of the way from the midline to the facet's medial edge
BEHIND_MM = 2.5  # a zone is where material lies, half its usual depth behind the margin
LOOK_MM = 1.5  # the column of a herniation is as wide as this to each side
MOST_BULGE_MM, MOST_BULGE_SHIFT_MM = 60.0, 8.0  # along the margin
OFF_PEDICLE_MM = 2.0  # what lies in the lateral recess is centred this far from the pedicle
LEAST_DEPTH_MM = 2.0  # a place that holds less than this holds none
BULGE_SHARE = 0.25  # of the circumference, above which displaced disc is a bulge (nomenclature v2.0)
NEXT_RIM_MM = 2.0  # migrated material stays this far from the next disc
SACRAL_REACH_MM = 24.0  # down the sacral canal


@dataclass(frozen=True)
class Place:
    """Where a herniation leaves its disc.

    Attributes:
        along: on the margin, mm from the posterior midline, positive to the left.
        outward: +1 where away from the midline is positive along the margin, else -1.
        lower, upper: heights (cranial, mm) of the two rims there.
        name: of the space behind it, in words.
    """

    along: float
    outward: float
    lower: float
    upper: float
    name: str

    @property
    def disc_height_mm(self) -> float:
        return self.upper - self.lower

    @property
    def middle(self) -> float:
        return (self.upper + self.lower) / 2


@dataclass(frozen=True)
class Room:
    """The largest herniation of a type that fits at a place, mm.

    Attributes:
        circumference_mm: of the disc.
        base_mm: how far the disc itself stands out there.
        up_mm, down_mm: how far material can migrate beyond the upper and the lower corner.
    """

    depth_mm: float
    width_mm: float
    circumference_mm: float
    base_mm: float
    up_mm: float
    down_mm: float


def place_of(phantom: Phantom, margin: Margin, spec: HerniationSpec) -> Place:
    """The place of a request's zone and side, from the facets and pedicles of the level."""
    side: Side = spec.side or "left"
    sign = 1.0 if side == "left" else -1.0
    left = sign * _left_of_zone(phantom, margin, spec, side) if spec.side else 0.0
    along = margin.along_at_left(left, BEHIND_MM)
    if spec.type == "bulge":  # it goes round half the disc: its side says where it is fuller
        along = float(np.clip(along / 2, -MOST_BULGE_SHIFT_MM, MOST_BULGE_SHIFT_MM))
    lower, upper = margin.corners(along)
    name = {"foraminal": "foramen", "extraforaminal": "space beside the disc"}.get(spec.zone, "canal")
    return Place(along, sign, lower, upper, name)


def _left_of_zone(phantom: Phantom, margin: Margin, spec: HerniationSpec, side: Side) -> float:
    """How far from the midline (mm) the middle of a zone lies."""
    level = spec.level
    sign = 1.0 if side == "left" else -1.0

    def aside(point: object) -> float:
        return sign * float((np.asarray(point) - margin.origin) @ margin.axes[0])

    facet = aside(phantom.facets[level][0 if side == "left" else 1])
    known = [phantom.vertebrae[name].pedicles.get(side) for name in (level.upper, level.lower)]
    pedicles = [pedicle for pedicle in known if pedicle is not None]
    medial = float(np.mean([aside(pedicle.medial) for pedicle in pedicles]))
    lateral = float(np.mean([aside(pedicle.lateral) for pedicle in pedicles]))
    medial = max(medial, facet)
    return {
        "central": 0.0,
        "paracentral": PARACENTRAL_SHARE * facet,
        "subarticular": min((facet + medial) / 2, medial - OFF_PEDICLE_MM),
        "foraminal": (medial + lateral) / 2,
        "extraforaminal": lateral + 2.0,
    }[spec.zone]


def room_at(
    phantom: Phantom, margin: Margin, place: Place, spec: HerniationSpec, look: tuple[float, float]
) -> Room:
    """What the place can hold, for material whose middle part lies between two heights (cranial, mm)."""
    fan = Fan(place.along, 0.0, np.inf, np.inf)
    near = axis(-LOOK_MM, LOOK_MM, 0.5).astype(np.float32)
    heights = axis(*look, 0.5).astype(np.float32)
    columns = sample(phantom, margin, fan, near, heights, phantom.fine.pitch_mm)
    depth = float(columns.wall.min()) - (SAC_REMAINDER_MM if spec.zone == "central" else SIDE_REMAINDER_MM)
    around = margin.length_mm
    if spec.type == "bulge":
        width = MOST_BULGE_MM
    else:
        aside = axis(0.0, BULGE_SHARE * around, 0.5).astype(np.float32)
        level = np.array([np.mean(look)], np.float32)
        free = [_free(phantom, margin, fan, sign * aside, level, min(1.5, depth)) for sign in (1.0, -1.0)]
        width = min(2 * min(free), BULGE_SHARE * around)
    up, down = migration_room(phantom, margin, place, spec)
    return Room(
        depth_mm=max(depth, 0.0),
        width_mm=width,
        circumference_mm=around,
        base_mm=float(columns.base[len(near) // 2, len(heights) // 2]),
        up_mm=up,
        down_mm=down,
    )


def migration_room(
    phantom: Phantom, margin: Margin, place: Place, spec: HerniationSpec
) -> tuple[float, float]:
    """How far (mm) material can migrate beyond the upper and the lower corner.

    In the canal the next disc ends it, in and beside a foramen the pedicles above and below do.
    """
    above, below = (_body_height(phantom, name) for name in (spec.level.upper, spec.level.lower))
    room = [above - NEXT_RIM_MM, below - NEXT_RIM_MM]
    if place.name != "canal":
        side: Side = "left" if place.outward > 0 else "right"
        upper = phantom.vertebrae[spec.level.upper].pedicles.get(side)
        lower = phantom.vertebrae[spec.level.lower].pedicles.get(side)
        if upper is not None:
            height = float((upper.bottom - margin.origin) @ margin.axes[2])
            room[0] = min(room[0], max(height - place.upper, 0.0))
        if lower is not None:
            height = float((lower.top - margin.origin) @ margin.axes[2])
            room[1] = min(room[1], max(place.lower - height, 0.0))
    return room[0], room[1]


def _free(
    phantom: Phantom, margin: Margin, fan: Fan, aside: Float32, level: Float32, behind_mm: float
) -> float:
    """How far aside (mm) no bone stands within `behind_mm` of the margin."""
    columns = sample(phantom, margin, fan, aside, level, phantom.fine.pitch_mm)
    blocked = columns.wall[:, 0] < behind_mm
    return float(abs(aside[blocked.argmax()]) if blocked.any() else abs(aside[-1]))


def _body_height(phantom: Phantom, name: str) -> float:
    wall = phantom.vertebrae[name].wall
    height = float(np.linalg.norm(wall[0] - wall[-1]))
    return min(height, SACRAL_REACH_MM) if name == "S1" else height


def check_room(spec: HerniationSpec, place: Place, room: Room) -> None:
    """Refuse what cannot fit.

    Raises:
        UsageError: depth, width or migration are larger than the place can hold; the line says by how much.
    """
    where = f"does not fit at {spec.level}: the {place.name} holds at most"
    kind = f"{'an' if spec.type == 'extrusion' else 'a'} {spec.type}"
    if room.depth_mm < LEAST_DEPTH_MM:
        raise UsageError(f"{kind} {where} {room.depth_mm:.1f} mm of depth there")
    if spec.depth_mm is not None and spec.depth_mm > room.depth_mm:
        raise UsageError(f"{kind} of {spec.depth_mm:g} mm depth {where} {room.depth_mm:.1f} mm there")
    if spec.width_mm is not None and spec.width_mm > room.width_mm:
        raise UsageError(f"{kind} of {spec.width_mm:g} mm width {where} {room.width_mm:.1f} mm there")
    least = BULGE_SHARE * room.circumference_mm
    if spec.type == "bulge" and spec.width_mm is not None and spec.width_mm <= least:
        raise UsageError(
            f"a bulge of {spec.width_mm:g} mm width is no bulge at {spec.level}: it needs more than a quarter "
            f"of the circumference, {least:.1f} mm"
        )
    far = spec.migration_mm or 0.0
    limit = room.up_mm if far > 0 else room.down_mm
    if abs(far) > limit:
        end = "the next disc is reached" if place.name == "canal" else f"the {place.name} ends"
        raise UsageError(f"a migration of {far:g} mm does not fit at {spec.level}: {end} at {limit:.1f} mm")
