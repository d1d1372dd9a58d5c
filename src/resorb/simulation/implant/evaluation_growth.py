"""Evaluation implants: a herniation that grows out of a tear, by a front marching through uneven tissue.

The arrival time T of the front solves |grad T| = 1 / speed (Sethian, Proc Natl Acad Sci 1996;93:1591, fast
marching, here SimpleITK's), with a random smooth speed: quick through fat, slower into the sac, none through bone.
What the front has reached at a time is the herniation of a size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from resorb.errors import UsageError
from resorb.simulation.implant.evaluation_room import PITCH_MM, Field, Mask, Room
from resorb.study import FloatArray

#: Speed of the front in the sac against fat: the dura yields, but it resists.
SAC_SPEED = 0.6
#: Spread of the logarithm of the speed, at the scale of the lobes (mm) and at that of their surface.
LOBES = ((3.5, 0.38), (1.4, 0.15))
SURFACE_MM = 0.9  # surface tension: the front is smoothed at this scale
NEVER = np.float32(1e6)
ROUNDS = 5
DEPTH_TOLERANCE_MM = 0.25
VOLUME_TOLERANCE, UNMET_MM, UNMET_SHARE = 0.02, 1.0, 0.2  # what misses by more is refused
OVERSHOOT_MM = 0.4  # nothing grows deeper than this beyond what is asked
SIZE_TOLERANCE = 0.12  # of width and height
DRIFT_TOLERANCE_MM = 1.0
USUAL_HALF_MM = 4.5
DRIFT_MM = 8.0  # a wish to go this far speeds the front up e-fold on that side
FRAGMENT_SEED_MM = 2.0  # and grows from this far behind the reference: in front of the sac
NEAR_MM2 = 1.5  # squared distance: a fragment starts from all that is so much farther than the nearest place
FRAGMENT_GAP_MM = 1.2  # a sequestrum keeps this far from its disc


@dataclass(frozen=True)
class Target:
    """What to grow, in millimetres of the level's frame.

    Attributes:
        volume_mm3, depth_mm: of what lies behind the reference surface, bulge that was there included.
        depth_asked: the depth was asked for, and is no guess.
        width_mm, height_mm: None leaves them to the volume.
        exit_mm: (left, cranial) middle of the tear on the reference surface.
        drift_mm: how far the material wanders cranially (positive) or caudally behind the bodies.
        free: cut off from the disc.
        neck_mm: width of the tear.
        first: width and height to start from, where they are not asked for.
    """

    volume_mm3: float
    depth_mm: float
    exit_mm: tuple[float, float]
    depth_asked: bool = True
    width_mm: float | None = None
    height_mm: float | None = None
    drift_mm: float = 0.0
    free: bool = False
    neck_mm: float | None = None
    first: tuple[float, float] = (10.0, 8.0)


@dataclass(frozen=True, eq=False)
class Grown:
    """A herniation on the grid of its room.

    Attributes:
        arrival: when the front came by; `NEVER` where it did not.
        until: the time at which it was stopped.
        share: (x, y, z) how much of each voxel the material fills, behind the reference surface.
        tear: where it started.
    """

    arrival: Field
    until: float
    share: Field
    tear: Mask


def grow(room: Room, target: Target, rng: np.random.Generator) -> Grown:
    """Let material flow out of a tear until it has the volume and the depth asked for.

    The front marches on a grid whose axes are stretched to the proportions wanted; the stretch is corrected
    until depth, and width and height where they are asked for, come out.

    Raises:
        UsageError: the canal cannot hold it; names the limit.
    """
    free_way = _free_way(room, target)
    _refuse_impossible(room, target, free_way)
    speed = _speed(room, free_way, rng)
    width, height = target.width_mm or target.first[0], target.height_mm or target.first[1]
    stretch = np.array([width / 2, target.depth_mm, height / 2]) / target.depth_mm
    drift = target.drift_mm
    if target.free:  # then it says where the fragment lies, and not how far it reaches
        drift += np.sign(drift) * (half_space_mm(room) - height / 2)
    made: list[tuple[float, Grown]] = []
    for _ in range(ROUNDS):
        tear = _tear(room, target, free_way, drift)
        uneven = speed if target.free else _drifting(room, speed, drift)
        grown = _stop(room, _march(uneven, tear, stretch), free_way, tear, target)
        short, astray = _misfit(room, grown, target)
        worst = abs(short[1] - 1) * target.depth_mm / DEPTH_TOLERANCE_MM
        worst = max(worst, float(np.abs(short - 1).max()) / SIZE_TOLERANCE, abs(astray) / DRIFT_TOLERANCE_MM)
        made.append((worst, grown))
        if worst < 1:
            break
        stretch = np.clip(stretch * short, 0.2, 5.0)
        drift += 0.7 * astray
    best = min(made, key=lambda one: one[0])[1]
    _refuse_unmet(room, best, target)
    return best


def _free_way(room: Room, target: Target) -> Mask:
    """Where material may go: behind the reference, around the level, in the field, not into bone."""
    x, _, z = room.axes()
    near = (np.abs(x - target.exit_mm[0]) < 16.0) & (np.abs(z) < 25.0)
    inside = (
        (room.behind_mm > 0)
        & ~room.bone
        & room.seen
        & near
        & (room.behind_mm < target.depth_mm + OVERSHOOT_MM)
    )
    inside = inside & _canal(room)
    if target.free:
        own = room.disc | (room.behind_mm <= 0)
        inside &= ndimage.distance_transform_edt(~own, sampling=PITCH_MM) > FRAGMENT_GAP_MM
    return np.asarray(inside)


def _canal(room: Room) -> Mask:
    """Everything in front of the posterior border of the sac, and beside it as far."""
    y = room.axes()[1]
    place = np.where(room.sac, y, -np.inf).max(axis=1)
    border = np.where(np.isfinite(place), place, np.nan)
    rows = np.nanmedian(border, axis=0) if np.isfinite(border).any() else np.zeros(border.shape[1])
    known = np.isfinite(rows)
    rows = np.interp(np.arange(len(rows)), np.flatnonzero(known), rows[known])
    return np.asarray(np.broadcast_to(y < rows.reshape(1, 1, -1), room.shape))


def _refuse_impossible(room: Room, target: Target, free_way: Mask) -> None:
    level = room.frame.level
    x = room.axes()[0]
    if not (free_way & (np.abs(x - target.exit_mm[0]) <= 1.0)).any():
        low, high = (float(v) for v in room.axes()[0].ravel()[[0, -1]])
        raise UsageError(
            f"{level}: nothing can leave the disc {target.exit_mm[0]:.0f} mm to the left; the canal is seen from "
            f"{low:.0f} to {high:.0f} mm: ask for a place nearer to the midline"
        )
    deepest = room.depth_mm(target.exit_mm[0])
    if target.depth_mm > deepest - 1.0:
        raise UsageError(
            f"a herniation of {target.depth_mm:.1f} mm does not fit at {level}: the canal is {deepest:.1f} mm deep "
            f"there and 1 mm must stay: ask for at most {max(deepest - 1.0, 0):.1f} mm"
        )
    holds = 0.8 * float(np.count_nonzero(free_way)) * PITCH_MM**3
    if target.volume_mm3 > holds:
        raise UsageError(
            f"a herniation of {target.volume_mm3:.0f} mm3 and {target.depth_mm:.1f} mm does not fit at {level}: at "
            f"that depth the canal in the scan holds {holds:.0f} mm3: ask for less"
        )


def _speed(room: Room, free_way: Mask, rng: np.random.Generator) -> Field:
    rough = np.zeros(room.shape, np.float32)
    for scale_mm, spread in LOBES:
        noise = ndimage.gaussian_filter(
            rng.standard_normal(room.shape, dtype=np.float32), scale_mm / PITCH_MM
        )
        rough += spread * noise / noise.std()
    # The labels' borders are soft here: a front that jumps at a voxel's face would print them on the surface.
    sac = ndimage.gaussian_filter(room.sac.astype(np.float32), 1.0 / PITCH_MM)
    speed = np.exp(rough + np.log(SAC_SPEED) * sac)
    return np.where(free_way, speed, 1.0 / NEVER).astype(np.float32)


def _drifting(room: Room, speed: Field, drift_mm: float) -> Field:
    """The front runs quicker towards where the material wanders, along the posterior wall."""
    _, _, z = room.axes()
    bias = np.clip(drift_mm / DRIFT_MM, -2.0, 2.0) * np.tanh(z / 5.0)
    return np.asarray(speed * np.exp(bias), np.float32)


def _tear(room: Room, target: Target, free_way: Mask, drift_mm: float) -> Mask:
    """The gap in the disc's margin, or for a free fragment the place in the canal where it came to lie."""
    x, _, z = room.axes()
    left, cranial = target.exit_mm
    half = max((target.neck_mm or 0.45 * (target.width_mm or target.first[0])) / 2, 1.2)
    tall = float(np.clip(0.3 * room.frame.disc_height_mm, 1.0, 3.0))
    patch = ((x - left) / half) ** 2 + ((z - cranial) / tall) ** 2 < 1
    tear = patch & free_way & (room.behind_mm < 1.6 * PITCH_MM)
    if tear.any() and not target.free:
        return np.asarray(tear)
    behind, up = (FRAGMENT_SEED_MM, cranial + drift_mm) if target.free else (0.0, cranial)
    apart = (x - left) ** 2 + (z - up) ** 2 + (room.behind_mm - behind) ** 2
    apart = np.where(free_way, apart, np.inf)
    return np.asarray(apart <= apart.min() + NEAR_MM2)


def _march(speed: Field, tear: Mask, stretch: FloatArray) -> Field:
    """Arrival times of a front from the tear, through a grid whose spacing is 1 / stretch."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(speed.transpose(2, 1, 0)))
    image.SetSpacing([float(PITCH_MM / s) for s in stretch])
    seeds = [[int(i), int(j), int(k)] for i, j, k in np.argwhere(tear)]
    arrival = sitk.GetArrayFromImage(sitk.FastMarching(image, seeds, 1.0, float(NEVER))).transpose(2, 1, 0)
    return np.asarray(np.minimum(arrival, NEVER), np.float32)


def _stop(room: Room, arrival: Field, free_way: Mask, tear: Mask, target: Target) -> Grown:
    """The time at which the front has filled the volume, by bisection."""
    smooth = _under_tension(arrival, free_way)
    pace = np.sqrt(sum(g**2 for g in np.gradient(smooth)))
    pace = np.maximum(pace, 1e-3).astype(np.float32)  # time per voxel
    edge = np.clip(0.5 + room.behind_mm / PITCH_MM, 0, 1) * ndimage.gaussian_filter(
        free_way.astype(np.float32), 0.5
    )
    edge = np.where(free_way, np.maximum(edge, 0.5), 0).astype(np.float32)

    def share(until: float) -> Field:
        return np.asarray(np.clip(0.5 + (until - smooth) / pace, 0, 1) * edge, np.float32)

    low, high = 0.0, float(smooth[free_way].max())
    for _ in range(26):
        middle = 0.5 * (low + high)
        if share(middle).sum() * PITCH_MM**3 < target.volume_mm3:
            low = middle
        else:
            high = middle
    return Grown(smooth, high, share(high), tear)


def _under_tension(arrival: Field, free_way: Mask) -> Field:
    """Arrival times smoothed among the places the front may go to, so that the surface has no needles."""
    reach = np.where(free_way & (arrival < NEVER / 10), 1.0, 0.0).astype(np.float32)
    sigma = SURFACE_MM / PITCH_MM
    weight = ndimage.gaussian_filter(reach, sigma)
    smooth = ndimage.gaussian_filter(arrival * reach, sigma) / np.maximum(weight, 1e-4)
    last = float(smooth[reach > 0].max()) if reach.any() else 1.0
    return np.where(weight > 1e-3, smooth, last).astype(np.float32)


def _misfit(room: Room, grown: Grown, target: Target) -> tuple[FloatArray, float]:
    """By how much (width, depth, height) fall short, as factors, 1 where nothing was asked; and migration, in mm."""
    made = sizes(room, grown)
    asked = (target.width_mm, target.depth_mm, target.height_mm)
    short = np.array([1.0 if a is None else a / max(m, PITCH_MM) for a, m in zip(asked, made, strict=True)])
    astray = target.drift_mm - migration_mm(room, grown, target.drift_mm) if target.drift_mm else 0.0
    return short, astray


def _refuse_unmet(room: Room, grown: Grown, target: Target) -> None:
    level = room.frame.level
    volume, depth = grown.share.sum(dtype=np.float64) * PITCH_MM**3, sizes(room, grown)[1]
    if volume < (1 - VOLUME_TOLERANCE) * target.volume_mm3:
        raise UsageError(
            f"only {volume:.0f} of {target.volume_mm3:.0f} mm3 find room at {level}: ask for less, or for more depth"
        )
    if target.depth_asked and abs(depth - target.depth_mm) > max(UNMET_MM, UNMET_SHARE * target.depth_mm):
        raise UsageError(
            f"{target.volume_mm3:.0f} mm3 at {level} came out {depth:.1f} mm deep, not {target.depth_mm:.1f}: volume "
            "and depth do not go together, leave one of them out"
        )


def sizes(room: Room, grown: Grown) -> tuple[float, float, float]:
    """(width, depth, height) mm of what lies behind the reference surface, to the faces of its voxels."""
    inside = grown.share > 0.5
    if not inside.any():
        return 0.0, 0.0, 0.0
    spans = [np.flatnonzero(inside.any(axis=other)) for other in ((1, 2), (0, 1))]
    width, height = ((s[-1] - s[0] + 1) * PITCH_MM for s in spans)
    part = grown.share > 0.05
    depth = float((room.behind_mm + (grown.share - 0.5) * PITCH_MM)[part].max())
    return float(width), depth, float(height)


def migration_mm(room: Room, grown: Grown, towards: float) -> float:
    """How far the material reaches beyond the disc space above (towards > 0, positive) or below (negative)."""
    heights = np.flatnonzero((grown.share > 0.5).any(axis=(0, 1)))
    if not len(heights):
        return 0.0
    z = room.axes()[2].ravel()[heights]
    half = half_space_mm(room)
    return float(max(z.max() - half, 0.0) if towards > 0 else min(z.min() + half, 0.0))


def half_space_mm(room: Room) -> float:
    """Half the height of the disc space; of a usual one where it could not be measured."""
    half = room.frame.disc_height_mm / 2
    return float(half) if np.isfinite(half) else USUAL_HALF_MM


def first_depth_mm(volume_mm3: float, wide: float) -> float:
    """Depth of half an ellipsoid of a volume that is `wide` times as wide, and 1.4 times as high, as deep."""
    return float((volume_mm3 / (0.5 * wide * 1.4)) ** (1 / 3))
