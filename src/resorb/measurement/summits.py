"""Parts a level's displaced material into its disc's own bulge and the herniations that stand out from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from resorb.limits import Limits
from resorb.measurement.material import PITCH_MM, Material, pieces
from resorb.measurement.shape import Mask
from resorb.study import FloatArray

BIN_DEG = 1.5  # of the profile round the disc: half a millimetre
SMOOTHING_DEG = 3.0  # a millimetre, so that an outline's noise makes no summits
SEEN_SHARE = 0.5  # of the cells near the surface in a direction, or the field ends there
NEAR_MM = (-1.0, 3.0)  # of the surface
FOOT_SHARE, FOOT_MM = 0.1, 0.5  # a herniation begins so far above the bulge beside it
# A bulge is level where the profile falls by less over this turn (3 mm), below half of what stands out.
LEVEL_DEG, LEVEL_MM, LEVEL_SHARE = 9.0, 0.35, 0.5
HIGHEST_FOOT = 0.35  # of a herniation's depth
ASIDE_MM3 = 100.0  # beside the face, a smaller summit is within the error of the rims
FREE_MM3 = 30.0  # a free fragment smaller than this is a stray of the outline


@dataclass(frozen=True, eq=False)
class Part:
    """One herniation on the grid of its level.

    Attributes:
        cells: (l, p, z) bool; everything displaced that belongs to it, cells at its edge included.
        turns: between which directions from the disc's axis it lies (`Surface.turn_deg`).
        foot_mm: how far the bulge beside it reaches outside the reference.
    """

    cells: Mask
    turns: tuple[float, float]
    foot_mm: float


def split(material: Material, limits: Limits, slice_mm: float) -> tuple[Part, ...]:
    """The herniations of a level, from right to left, then from above downwards.

    A herniation is a summit of the profile of depth round the disc that stands out from what lies on both its sides
    by the limit `focal_prominence` and is as deep as `displaced_depth`; from foot to foot all that hangs together with
    it outside the reference surface belongs to it. Where two meet, the lowest place between them parts them. What the
    field cuts, or what goes on round the side to the front, is not known to fall again, and is no summit.

    Args:
        material: of the level.
        limits: thresholds.
        slice_mm: distance between the sagittal slices.
    """
    grid, reach = material.grid, material.reach
    numbers = pieces((material.share > 0) & (grid.outward > -PITCH_MM))
    taken = np.zeros(reach.shape, bool)
    first_deg = float(np.floor(grid.turn_deg.min() / BIN_DEG)) * BIN_DEG
    bins = np.floor((grid.turn_deg - first_deg) / BIN_DEG).astype(np.intp)
    start, profile = _profile(material, bins)
    found: list[Part] = []
    for summit in _summits(profile, limits):
        first, last = (place + start for place in summit.foot)
        window = (bins >= first) & (bins <= last)
        deepest = np.unravel_index(int(np.argmax(np.where(window & ~taken, reach, 0.0))), reach.shape)
        if numbers[deepest] == 0:
            continue
        turns = first_deg + first * BIN_DEG, first_deg + (last + 1) * BIN_DEG
        foot = min(summit.foot_mm, HIGHEST_FOOT * float(reach[deepest]))
        for number in _gathered(numbers, window, material, int(numbers[deepest]), limits):
            cells = window & (numbers == number) & ~taken
            if not _trusted(cells, material, limits, slice_mm):
                continue
            taken |= cells
            found.append(Part(cells, turns, foot))
    return tuple(sorted(found, key=lambda part: _place(part, material)))


def _trusted(cells: Mask, material: Material, limits: Limits, slice_mm: float) -> bool:
    """Whether a summit is no error of the rims: on the sides, where those are seen poorly, more is asked of it.

    There the rims lie between two slices, and the outlines of a thick slice that holds bone in part are drawn with or
    without it: they are off by up to half the distance between slices.
    """
    low, high = material.grid.surface.face
    left = material.grid.local[cells][:, 0]
    if np.mean((left >= low) & (left <= high)) > 0.5:
        return True
    volume = float(material.share[cells].sum(dtype=np.float64)) * PITCH_MM**3
    return (
        volume >= ASIDE_MM3
        and float(material.reach[cells].max()) >= limits["displaced_depth"] + 0.5 * slice_mm
    )


def _profile(material: Material, bins: NDArray[np.intp]) -> tuple[int, FloatArray]:
    """(first bin, depth (n,) by direction), of the directions in which the field shows the disc's edge."""
    outward = material.grid.outward
    near = (outward > NEAR_MM[0]) & (outward < NEAR_MM[1])
    count = int(bins.max()) + 1
    cells = np.bincount(bins[near], minlength=count)
    seen = np.bincount(bins[near & material.seen], minlength=count)
    there = np.flatnonzero(seen > SEEN_SHARE * np.maximum(cells, 1))
    if not len(there):
        return 0, np.zeros(1)
    depth = np.zeros(count)
    inside = material.reach > 0
    np.maximum.at(depth, bins[inside], material.reach[inside].astype(np.float64))
    first, last = int(there[0]), int(there[-1])
    return first, ndimage.gaussian_filter1d(depth[first : last + 1], SMOOTHING_DEG / BIN_DEG, mode="nearest")


@dataclass(frozen=True)
class _Summit:
    foot: tuple[int, int]
    foot_mm: float


def _summits(profile: FloatArray, limits: Limits) -> list[_Summit]:
    """Summits of a profile, the highest first."""
    peaks, about = signal.find_peaks(
        profile, height=limits["displaced_depth"], prominence=limits["focal_prominence"]
    )
    found = []
    for n in np.argsort(-profile[peaks], kind="stable"):
        peak = int(peaks[n])
        bases = int(about["left_bases"][n]), int(about["right_bases"][n])
        first, last = (_foot(profile, peak, base) for base in bases)
        # A higher summit has its own foot: the lowest place towards it parts the two.
        for other in (int(p) for p in peaks if p != peak):
            if first <= other < peak:
                first = other + int(np.argmin(profile[other:peak]))
            elif peak < other <= last:
                last = peak + int(np.argmin(profile[peak : other + 1]))
        found.append(_Summit((first, last), float(max(profile[first], profile[last]))))
    return found


def _foot(profile: FloatArray, peak: int, base: int) -> int:
    """Where a summit begins on one side: just above the lowest place there, or where a level bulge begins."""
    low = float(profile[base])
    stands = float(profile[peak]) - low
    foot = low + max(FOOT_SHARE * stands, FOOT_MM)
    step = 1 if base > peak else -1
    at = peak
    while at != base and profile[at + step] > foot:
        at += step
        ahead = profile[at::step][: round(LEVEL_DEG / BIN_DEG) + 1]
        if profile[at] < low + LEVEL_SHARE * stands and profile[at] - ahead.min() < LEVEL_MM:
            break
    return at


def _gathered(
    numbers: NDArray[np.int32], window: Mask, material: Material, own: int, limits: Limits
) -> list[int]:
    """Numbers of the pieces within a summit's feet that are herniations of their own; its deepest piece first."""
    volume = PITCH_MM**3
    others = [int(n) for n in np.unique(numbers[window]) if n not in (0, own)]
    large = [
        n
        for n in others
        if float(material.share[window & (numbers == n)].sum()) * volume >= FREE_MM3
        and float(material.reach[window & (numbers == n)].max()) >= limits["displaced_depth"]
    ]
    return [own, *large]


def _place(part: Part, material: Material) -> tuple[float, float]:
    cells = np.argwhere(part.cells)
    return (
        round(float(material.grid.axes[0][cells[:, 0]].mean()), 1),
        -float(material.grid.axes[2][cells[:, 2]].mean()),
    )
