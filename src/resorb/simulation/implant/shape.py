"""The shape of displaced material behind a level's reference surface: what was asked for, as a signed distance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.errors import UsageError
from resorb.simulation.herniation.forms import (
    FULLEST,
    SLIMMEST,
    Knobs,
    Space,
    bent,
    dome,
    fragment,
    fullness_for,
    mushroom,
    ridge,
)
from resorb.simulation.herniation.tables import Table
from resorb.simulation.implant.columns import Columns
from resorb.simulation.implant.scene import Float32, Scene
from resorb.simulation.spec import HerniationSpec, Morphology, Zone
from resorb.study import FloatArray

PITCH_MM = 0.4
ROOM_MM = 4.0  # around the shape
VOLUME_TOLERANCE = 0.05
ROUNDS = 8  # of turning the knobs until the extents are those asked for
#: How far the middle of each zone lies from the midline, mm; from memory, unverified.
ZONE_MM: dict[Zone, float] = {
    "central": 0.0, "paracentral": 5.0, "subarticular": 9.0, "foraminal": 15.0, "extraforaminal": 23.0,
}  # fmt: skip
#: Usual depth, width and height, mm, where nothing was asked for; from memory, unverified.
USUAL: dict[Morphology, tuple[tuple[float, float], ...]] = {
    "bulge": ((2.5, 4.0), (26.0, 34.0), (7.0, 10.0)),
    "protrusion": ((4.0, 6.5), (11.0, 17.0), (8.0, 12.0)),
    "extrusion": ((5.5, 9.0), (10.0, 16.0), (12.0, 18.0)),
    "sequestration": ((5.0, 8.0), (8.0, 13.0), (9.0, 15.0)),
}
USUAL_BRIGHTNESS = (0.0, 0.5)
USUAL_FULLNESS = (2.0, 2.6)
NECK_SHARE = 0.65
MOST_OF_CANAL = 0.88  # of the way to the canal's back wall that material can take
MOST_CLIPPED = 0.05  # of the volume that bone may cut off
LEAST_BEYOND_MM = 1.0  # material that stands out less from what is there already changes nothing


@dataclass(frozen=True, eq=False)
class Material:
    """Displaced material.

    Attributes:
        distance: signed distance to its surface (negative inside), over (left, cranial, behind), mm.
        spec: the request with what was drawn filled in.
        truth: its quantities, from its own geometry.
    """

    distance: Table
    spec: HerniationSpec
    truth: dict[str, float]

    def inside(self, local: Float32, behind: Float32) -> Float32:
        """Signed distance (...) at points (3, ...) of the frame that lie (...) mm behind the surface."""
        return self.distance.at(local[0], local[2], behind)

    @property
    def axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        a, c, u = (
            low + PITCH_MM * np.arange(n)
            for low, n in zip(self.distance.low, self.distance.values.shape, strict=True)
        )
        return a, c, u


def form(scene: Scene, columns: Columns, spec: HerniationSpec, seed: int, roughness: float = 1.0) -> Material:
    """Give a request its shape.

    Args:
        scene, columns: the level.
        spec: the request; what it leaves out is drawn.
        seed: of what is drawn, and of the shape's irregularity.
        roughness: how far the surface departs from an exact superquadric; 0 not at all.

    Raises:
        UsageError: the request reaches beyond the scan, or the canal cannot hold it; the line names the limit.
    """
    rng = np.random.default_rng([seed, 1])
    filled = _fill(scene, columns, spec, rng)
    left = _middle(columns, filled)
    knobs = _knobs(scene, columns, filled, left, rng)
    axes = _axes(knobs, left)
    a, c, u = (part.astype(np.float32) for part in np.meshgrid(*axes, indexing="ij"))
    space = Space(a - np.float32(left), c, u, (np.float32(0),) * 3)  # type: ignore[arg-type]
    asked = (filled.depth_mm, filled.width_mm, filled.height_mm, filled.volume_mm3)
    distance = _drawn(space, knobs, filled, (seed, roughness))
    for _ in range(ROUNDS):
        got = _extents(distance, axes)
        knobs = _turned(knobs, asked, got, _volume(distance, u))
        distance = _drawn(space, knobs, filled, (seed, roughness))
    holds = _volume(distance, u)
    if filled.volume_mm3 and abs(holds / filled.volume_mm3 - 1) > VOLUME_TOLERANCE:
        raise UsageError(
            f"a {filled.type} {filled.depth_mm:.1f} mm deep, {filled.width_mm:.1f} mm wide and "
            f"{filled.height_mm:.1f} mm high holds {holds:.0f} mm3, not {filled.volume_mm3:.0f}: ask for other extents"
        )
    low = tuple(float(axis[0]) for axis in axes)
    material = Material(Table(distance, low, PITCH_MM), filled, {})
    return replace(material, truth=_truth(columns, material, a, c, u))


def _fill(scene: Scene, columns: Columns, spec: HerniationSpec, rng: np.random.Generator) -> HerniationSpec:
    usual = [float(rng.uniform(*limits)) for limits in USUAL[spec.type]]
    brightness, migration = float(rng.uniform(*USUAL_BRIGHTNESS)), float(rng.uniform(-1, 1))
    left = _middle(columns, spec)
    most = MOST_OF_CANAL * columns.depth_at(columns.wall, left, 0.0)
    depth = spec.depth_mm or min(usual[0], 0.8 * most)
    there = columns.depth_at(columns.base, left, 0.0)
    if depth > most:
        raise UsageError(
            f"a herniation {depth:.1f} mm deep does not fit at {spec.level}: the canal there holds {most:.1f} mm"
        )
    if depth < there + LEAST_BEYOND_MM:
        raise UsageError(
            f"the disc {spec.level} already stands {there:.1f} mm behind its reference: ask for a depth of "
            f"{there + LEAST_BEYOND_MM:.1f} mm or more"
        )
    height = spec.height_mm
    if height is None:
        height = usual[2] if spec.type in {"extrusion", "sequestration"} else _gap(scene) + 2.5
    width = spec.width_mm or usual[1]
    drawn = {"depth_mm": depth, "width_mm": width, "height_mm": height}
    if spec.brightness is None:
        drawn["brightness"] = brightness
    if spec.migration_mm is None and spec.type in {"extrusion", "sequestration"}:
        drawn["migration_mm"] = float(np.sign(migration)) * max(0.0, height - _gap(scene)) * 0.75
    if spec.type == "extrusion" and spec.neck_mm is None:
        drawn["neck_mm"] = NECK_SHARE * width
    return spec.model_copy(update=drawn)


def _gap(scene: Scene) -> float:
    """Distance between the two posterior corners in the midline, mm."""
    return float(np.linalg.norm(scene.frame.upper_corner - scene.frame.lower_corner))


def _middle(columns: Columns, spec: HerniationSpec) -> float:
    """How far to the left of the midline the material's middle lies, mm."""
    left = ZONE_MM[spec.zone] * {"left": 1.0, "right": -1.0, None: 0.0}[spec.side]
    if not columns.seen[0] < left < columns.seen[1]:
        raise UsageError(
            f"the {spec.zone} zone of {spec.level} is not in the scan: it reaches from {-columns.seen[0]:.0f} mm "
            f"right to {columns.seen[1]:.0f} mm left of the midline, {abs(left):.0f} mm are needed"
        )
    return left


def _knobs(
    scene: Scene, columns: Columns, spec: HerniationSpec, left: float, rng: np.random.Generator
) -> Knobs:
    width, height, depth = (spec.width_mm or 0.0), (spec.height_mm or 0.0), (spec.depth_mm or 0.0)
    migration = spec.migration_mm or 0.0
    half_gap = _gap(scene) / 2
    up = np.sign(migration) * (half_gap + abs(migration) - height / 2) if migration else 0.0
    fullness = float(rng.uniform(*USUAL_FULLNESS))
    if spec.volume_mm3:
        fullness = fullness_for(spec.volume_mm3 / (width * height * depth))
    near = 0.6 if spec.type == "sequestration" else 0.4 if spec.type == "extrusion" else 0.0
    if abs(up) > 2.0:  # a migrated body lies on the wall of a vertebra
        near += columns.depth_at(columns.base, left, float(up))
    return Knobs(
        out=0.0,
        up=float(up),
        width=width,
        height=height,
        depth=depth,
        near=near,
        neck=spec.neck_mm or 0.0,
        neck_height=max(2.5, min(0.8 * 2 * half_gap, 0.8 * height)),
        neck_up=float(np.clip(up, -0.3 * half_gap, 0.3 * half_gap)),
        fullness=fullness,
    )


def _axes(knobs: Knobs, left: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    def along(low: float, high: float) -> FloatArray:
        return np.arange(low - ROOM_MM, high + ROOM_MM, PITCH_MM)

    return (
        along(left - 0.6 * knobs.width, left + 0.6 * knobs.width),
        along(min(knobs.up - 0.6 * knobs.height, -3.0), max(knobs.up + 0.6 * knobs.height, 3.0)),
        along(0.0, 1.1 * knobs.depth),
    )


def _drawn(space: Space, knobs: Knobs, spec: HerniationSpec, lobes: tuple[int, float]) -> Float32:
    """Signed distance, mm, near the surface."""
    kind = {"bulge": ridge, "protrusion": dome, "extrusion": mushroom, "sequestration": fragment}[spec.type]
    lobed = bent(space, knobs, *lobes, spec.type in {"bulge", "protrusion"})
    value = kind(lobed, knobs)
    slope = np.sqrt(sum(np.square(g) for g in np.gradient(value, PITCH_MM)))
    return np.asarray(value / np.maximum(slope, 0.2), np.float32)


def _extents(distance: Float32, axes: tuple[FloatArray, ...]) -> tuple[float, float, float]:
    """Depth, width and height of what lies behind the reference surface, between grid points, mm."""
    behind = np.where(axes[2] >= 0, distance, np.float32(PITCH_MM))
    profiles = [behind.min(axis=(1, 2)), behind.min(axis=(0, 2)), behind.min(axis=(0, 1))]
    ends = [_crossings(axis, profile) for axis, profile in zip(axes, profiles, strict=True)]
    return ends[2][1], ends[0][1] - ends[0][0], ends[1][1] - ends[1][0]


def _crossings(axis: FloatArray, profile: NDArray[np.floating]) -> tuple[float, float]:
    """First and last place where a profile is 0, between its points."""
    inside = np.flatnonzero(profile < 0)
    if not len(inside):
        return 0.0, 0.0
    ends = []
    for at, beyond in ((inside[0], -1), (inside[-1], 1)):
        other = int(np.clip(at + beyond, 0, len(axis) - 1))
        share = -profile[at] / max(float(profile[other] - profile[at]), 1e-6)
        ends.append(float(axis[at] + share * (axis[other] - axis[at])))
    return ends[0], ends[1]


def _volume(distance: Float32, behind: Float32) -> float:
    return float(_coverage(distance, behind).sum() * PITCH_MM**3)


def _coverage(distance: Float32, behind: Float32) -> Float32:
    """Share of each point's cell that is material behind the reference surface."""
    inside = np.clip(0.5 - distance / np.float32(PITCH_MM), 0, 1)
    return np.asarray(inside * np.clip(0.5 + behind / np.float32(PITCH_MM), 0, 1), np.float32)


def _turned(
    knobs: Knobs, asked: tuple[float | None, ...], got: tuple[float, float, float], volume: float
) -> Knobs:
    """Knobs turned towards the extents and the volume that were asked for."""
    depth, width, height = (
        value * float(np.clip((want or have) / max(have, 0.1), 0.7, 1.4))
        for value, want, have in zip((knobs.depth, knobs.width, knobs.height), asked, got, strict=False)
    )
    fullness = knobs.fullness
    if asked[3]:
        fullness = float(np.clip(fullness * (asked[3] / max(volume, 1.0)) ** 1.5, SLIMMEST, FULLEST))
    return replace(knobs, depth=depth, width=width, height=height, fullness=fullness)


def free_share(columns: Columns, left: Float32, cranial: Float32, along: Float32, fine_mm: float) -> Float32:
    """Share of cells (...) of a size that bone leaves free in front of the canal's back wall and behind the bodies.

    Args:
        along: mm behind the columns' datum.
    """
    ahead = np.clip(0.5 + (columns.wall.at(left, cranial) - along) / fine_mm, 0, 1)
    past = np.clip(0.5 + (along - columns.base.at(left, cranial)) / fine_mm, 0, 1)
    return np.asarray(ahead * (1 - columns.on_bone.at(left, cranial) * (1 - past)), np.float32)


def _truth(columns: Columns, material: Material, a: Float32, c: Float32, u: Float32) -> dict[str, float]:
    """Quantities of the material that bone leaves.

    Raises:
        UsageError: the canal's back wall leaves too little of it.
    """
    asked = _coverage(material.distance.values, u)
    along = columns.to_along(a, c, u)
    cut = float(asked[along > columns.wall.at(a, c)].sum() / max(float(asked.sum()), 1e-6))
    if cut > MOST_CLIPPED:
        holds = columns.depth_at(columns.wall, *(float(x[asked > 0.5].mean()) for x in (a, c)))
        raise UsageError(
            f"{cut:.0%} of the herniation asked for at {material.spec.level} would lie in bone: the canal there is "
            f"{holds:.1f} mm deep; ask for less depth, width or height"
        )
    free = free_share(columns, a, c, along, PITCH_MM)
    left = asked * free * columns.slant.at(a, c)
    axes = material.axes
    kept = np.where(free >= 0.5, material.distance.values, np.float32(PITCH_MM))
    depth, width, height = _extents(kept, axes)
    apex = np.unravel_index(int(np.where(kept < 0, u, -np.inf).argmax()), u.shape)
    return {
        "depth_mm": depth,
        "width_mm": width,
        "height_mm": height,
        "volume_mm3": float(left.sum() * PITCH_MM**3),
        "apex_left_mm": float(axes[0][apex[0]]),
        "apex_cranial_mm": float(axes[1][apex[1]]),
    }


def reach(material: Material, columns: Columns) -> tuple[Float32, Float32]:
    """Where the material of every column begins and ends, mm behind the datum; both at the base where none is."""
    a, c = np.meshgrid(columns.left, columns.cranial, indexing="ij")
    u = np.arange(0.0, material.axes[2][-1], 0.5 * PITCH_MM)
    distance = material.distance.at(a[..., None], c[..., None], np.broadcast_to(u, (*a.shape, len(u))))
    inside = distance < 0
    ends = (u[inside.argmax(-1)], u[-1 - inside[..., ::-1].argmax(-1)])
    base = columns.base.values
    along = [
        np.where(inside.any(-1), np.maximum(columns.to_along(a, c, end), base), base)  # type: ignore[arg-type]
        for end in ends
    ]
    soft = ndimage.gaussian_filter(np.stack(along), (0, 0.7, 0.7), mode="nearest")
    return np.asarray(soft[0], np.float32), np.asarray(soft[1], np.float32)
