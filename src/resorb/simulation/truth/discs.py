"""The disc itself: its heights between the endplates, and how much of its circumference stands out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.phantom import Phantom
from resorb.simulation.truth.frame import DatePose, LevelGeometry
from resorb.simulation.truth.material import BLUR_MM, carry, sample
from resorb.study import FloatArray

REACH_MM, STEP_MM = 20.0, 0.25  # along the columns in which the gap between the bodies is found
AHEAD_MM = np.arange(
    8.0, 26.0, 2.0
)  # of the posterior corners: where `resorb.framing` takes the disc's height
BESIDE_MM = np.arange(-9.0, 9.1, 3.0)
AROUND_MM = 1.0
HEIGHTS = (0.2, 0.35, 0.5, 0.65, 0.8)  # between the rims, where the margin is probed


@dataclass(frozen=True)
class Heights:
    """Heights of a disc in the midline, mm.

    Attributes:
        anterior, posterior: between the facing rims.
        middle: between the endplates, halfway from front to back.
        mean: between the endplates over the middle of the disc.
        index: mean of the first three over the disc's length from front to back.
    """

    anterior: float
    middle: float | None
    posterior: float
    mean: float | None
    index: float | None


def heights_of(phantom: Phantom, geometry: LevelGeometry, pose: DatePose) -> Heights:
    """Heights from the exact rims, and between the two bodies from labels (endplates are hollow)."""
    ends = [_middle_line(rim) for rim in (geometry.upper, geometry.lower)]
    anterior, posterior = (float(np.linalg.norm(ends[0][n] - ends[1][n])) for n in (1, 0))
    middle = _mean(_gaps(phantom, geometry, pose, np.array([geometry.middle])))
    mean = _mean(_gaps(phantom, geometry, pose, -AHEAD_MM))
    length = float(np.mean([np.linalg.norm(end[0] - end[1]) for end in ends]))
    index = None if middle is None else (anterior + middle + posterior) / 3.0 / length
    return Heights(anterior, middle, posterior, mean, index)


def circumference_mm(geometry: LevelGeometry) -> float:
    """Around the disc, along its rims; mean of the two."""
    around = [np.linalg.norm(np.diff(rim, axis=0), axis=1).sum() for rim in (geometry.upper, geometry.lower)]
    return float(np.mean(around))


def share_beyond(phantom: Phantom, geometry: LevelGeometry, pose: DatePose, floor_mm: float) -> float:
    """Share of the disc's circumference over which disc tissue reaches farther out than a floor."""
    count = 360
    upper, lower = (_round(rim, count) for rim in (geometry.upper, geometry.lower))
    along = np.roll(upper, -1, axis=0) - np.roll(upper, 1, axis=0)
    outward = np.column_stack([-along[:, 1], along[:, 0], np.zeros(count)])
    outward *= np.sign(np.sum(outward * (upper - upper.mean(axis=0)), axis=1).sum())
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    share = np.array(HEIGHTS)[None, :, None]
    points = lower[:, None] + (upper - lower)[:, None] * share + floor_mm * outward[:, None]
    rest = np.moveaxis(np.asarray(pose.to_rest(geometry.frame.to_world(points))), -1, 0)
    low, high = rest.reshape(3, -1).min(axis=1) - AROUND_MM, rest.reshape(3, -1).max(axis=1) + AROUND_MM
    window = phantom.fine.window(low, high)
    disc = phantom.anatomy[window] == anatomy_index(Structure.DISC, geometry.frame.level.upper)
    blurred = ndimage.gaussian_filter(disc.astype(np.float32), BLUR_MM / phantom.fine.pitch_mm, truncate=3.0)
    beyond = (sample(blurred, window, phantom, rest, 0.0) > 0.5).any(axis=1)
    weight = np.linalg.norm(along, axis=1)
    return float(weight[beyond].sum() / weight.sum())


def _mean(gaps: FloatArray) -> float | None:
    known = gaps[np.isfinite(gaps)]
    return float(known.mean()) if len(known) else None


def _middle_line(rim: FloatArray) -> FloatArray:
    """(2, 3) where a closed rim crosses the midline: at the back, and at the front."""
    front = int(np.argmin(rim[:, 1]))
    half = len(rim) // 8
    near = rim[max(front - half, 0) : front + half + 1]
    order = np.argsort(near[:, 0])
    at = [float(np.interp(0.0, near[order, 0], near[order, a])) for a in (1, 2)]
    return np.array([rim[0], [0.0, *at]])


def _round(rim: FloatArray, count: int) -> FloatArray:
    """(count, 3) evenly spaced points on a closed line."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(rim, axis=0), axis=1))])
    share = np.arange(count) / count * at[-1]
    return np.column_stack([np.interp(share, at, rim[:, a]) for a in range(3)])


def _gaps(phantom: Phantom, geometry: LevelGeometry, pose: DatePose, posterior: FloatArray) -> FloatArray:
    """(l, p) distance between the facing endplates in columns along the disc's axis, mm; NaN where one is missing."""
    order = np.argsort(posterior)
    cranial = np.arange(-REACH_MM, REACH_MM, STEP_MM) + STEP_MM / 2
    places = posterior[order] if len(posterior) > 1 else posterior + np.array([-1.0, 1.0])
    rest = carry(geometry, (BESIDE_MM, places, cranial), pose)
    flat = rest.reshape(3, -1)
    window = phantom.fine.window(flat.min(axis=1) - AROUND_MM, flat.max(axis=1) + AROUND_MM)
    level = geometry.frame.level
    edges = []
    for name, upper in ((level.upper, True), (level.lower, False)):
        structure = Structure.SACRUM if name == "S1" else Structure.VERTEBRAL_BODY
        body = (phantom.anatomy[window] == anatomy_index(structure, name)).astype(np.float32)
        share = sample(body, window, phantom, rest, 0.0)
        # Bone from the far end up to the edge: its length tells where the edge lies.
        bone = np.where((cranial > 0) == upper, share, 0.0).sum(axis=-1) * STEP_MM
        there = share[..., -1 if upper else 0] > 0.5
        edges.append(np.where(there, REACH_MM - bone, np.nan))
    return np.asarray(edges[0] + edges[1])
