"""Fit one vertebra of one date to another: first its outlines, then images and, with less weight, outlines together.

Images tell its place to a fraction of a voxel, from left to right too; outlines keep it where an image says little.
Both ways are fitted at once, each date's voxels to the other date, so that neither is favoured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from resorb.comparison.halfway import motion_about
from resorb.comparison.registration_patch import BLUR_MM, Patch
from resorb.registration import moved
from resorb.study import FloatArray

POINTS = 2500  # per date, of the image and of the outline
COARSE_MM, COARSE_POINTS = 2.0, 800  # of the first look
MOST_TRIED = 2  # of the beginnings, those that look most alike
ASIDE_MM = (-6.0, -3.0, 3.0, 6.0)  # where else a body cut by the field is looked for
DEPTH_MM = 5.0  # deeper in the bone the image says little about its place
NEAR_OUTLINE_MM, OUTLINE_REACH_MM = 2.0, 4.0
#: A misfit beyond these counts less than squared: mm between outlines, standard deviations between grey values.
ROBUST_MM, ROBUST_SD = 0.5, 0.5
OUTLINE_WEIGHT = 0.3  # of outlines beside images
ARM_MM = 25.0  # a turn moves the edge of a vertebra by this times its angle
STEP_MM = 0.1  # of finite differences
MAX_EVALUATIONS = 15
ENOUGH_MM, ENOUGH_SHARE = 1e-3, 1e-4  # the fit ends at smaller steps, or smaller gains

Misfit = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Fitted:
    """How a vertebra of one date lies on another.

    Attributes:
        motion: (4, 4) from the first date's world to the second's.
        outlines: (4, 4) the same from the outlines alone.
        likeness: correlation of the grey values that lie on each other, mean of both ways.
        cut: the field of a date ends before the body does.
    """

    motion: FloatArray
    outlines: FloatArray
    likeness: float
    cut: bool


def fit(first: Patch, second: Patch, starts: Sequence[FloatArray]) -> Fitted:
    """Fit a vertebra of one date to another.

    Args:
        starts: (4, 4) each, from the first date's world to the second's, one of them right to several millimetres
            and degrees; the one that fits best is used.
    """
    coarse, fine = _Views(first, second, COARSE_MM, COARSE_POINTS), _Views(first, second, BLUR_MM, POINTS)
    pair = min((_Pair(fine, start) for start in starts), key=_Pair.farness)
    outlines = pair.motion(_best(pair.outline_misfit, np.zeros(6)))
    begins = [outlines, *starts]
    if first.cut or second.cut:  # its outline misleads, above all from side to side
        begins += [_aside(outlines, second, way) for way in ASIDE_MM]
    rough = sorted((_Pair(coarse, begin) for begin in begins), key=lambda one: -one.likeness(np.zeros(6)))
    tried = []
    for one in rough[:MOST_TRIED]:
        steps = _best(one.misfit, np.zeros(6))
        tried.append((one.likeness(steps), one.motion(steps)))
    pair = _Pair(fine, max(tried, key=lambda found: found[0])[1])
    found = _best(pair.misfit, np.zeros(6))
    return Fitted(pair.motion(found), outlines, pair.likeness(found), first.cut or second.cut)


def _aside(motion: FloatArray, second: Patch, way_mm: float) -> FloatArray:
    """A motion, and then some way across the second date's slices."""
    ways = second.image.directions
    across = ways[:, second.image.axis_towards((1.0, 0.0, 0.0))]
    return motion_about(second.centre, np.zeros(3), way_mm * across) @ motion


def shift_between(first: Patch, second: Patch, motion: FloatArray) -> tuple[FloatArray, float]:
    """How far (3,), mm, the images want to be shifted after a motion, without a turn; and their correlation then."""
    pair = _Pair(_Views(first, second, BLUR_MM, POINTS), motion)

    def steps(shift: FloatArray) -> FloatArray:
        return np.concatenate([np.zeros(3), shift])

    found = _best(lambda at: pair.grey_misfit(steps(at)), np.zeros(3))
    return found, pair.likeness(steps(found))


def _best(misfit: Misfit, begin: FloatArray) -> FloatArray:
    """The steps (n,) of the smallest misfit near a beginning, with a robust loss."""

    def slopes(at: FloatArray) -> FloatArray:
        here = misfit(at)
        return np.stack([(misfit(at + STEP_MM * one) - here) / STEP_MM for one in np.eye(len(at))], axis=1)

    found = optimize.least_squares(
        misfit,
        begin,
        jac=slopes,
        loss="soft_l1",
        max_nfev=MAX_EVALUATIONS,
        xtol=ENOUGH_MM,
        ftol=ENOUGH_SHARE,
    )
    return np.asarray(found.x)


@dataclass(frozen=True, eq=False)
class _Way:
    """What of one date is looked for on the other.

    Attributes:
        places: (n, 3) world points of the one date; values: (n,) what is there.
        other: the date that they are looked for on; field: its values.
        counts: of the other date, where there is anything to compare with.
    """

    places: FloatArray
    values: NDArray[np.float32]
    other: Patch
    field: NDArray[np.float32]
    counts: NDArray[np.float32]

    def found(self, motion: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,) the values that the other date has at the places moved there, and (n,) whether they count."""
        index = self.other.image.to_index(moved(motion, self.places)).T
        values: FloatArray = ndimage.map_coordinates(self.field, index, order=1, mode="nearest")
        return values, ndimage.map_coordinates(self.counts, index, order=1, mode="constant")


@dataclass(frozen=True, eq=False)
class _Views:
    """Two patches, and what of each is looked for on the other.

    Attributes:
        blur_mm: of both images; points: at most, per date.
    """

    first: Patch
    second: Patch
    blur_mm: float
    points: int

    @cached_property
    def outlines(self) -> tuple[_Way, _Way]:
        def way(here: Patch, there: Patch) -> _Way:
            index = self._sample((np.abs(here.distance) < NEAR_OUTLINE_MM) & here.seen)
            places, values = here.image.to_world(index), here.distance[tuple(index.T)]
            return _Way(places, values, there, there.distance, there.seen.astype(np.float32))

        return way(self.first, self.second), way(self.second, self.first)

    @cached_property
    def images(self) -> tuple[_Way, _Way]:
        first = self.first.blurred_to(self.second, self.blur_mm)
        second = self.second.blurred_to(self.first, self.blur_mm)

        def way(here: Patch, grey: NDArray[np.float32], there: Patch, field: NDArray[np.float32]) -> _Way:
            index = self._sample(here.rigid & (here.distance > -DEPTH_MM))
            places = here.image.to_world(index)
            return _Way(places, grey[tuple(index.T)], there, field, there.rigid.astype(np.float32))

        return way(self.first, first, self.second, second), way(self.second, second, self.first, first)

    def _sample(self, mask: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Voxel indices (n, 3) of a mask, drawn at random but the same every time."""
        index = np.argwhere(mask)
        if len(index) <= self.points:
            return index
        chosen = np.random.default_rng(0).choice(len(index), self.points, replace=False)
        return np.asarray(index[np.sort(chosen)])


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two dates and the motions near a start between them: a turn times `ARM_MM` and a shift, mm."""

    views: _Views
    start: FloatArray

    def motion(self, steps: FloatArray) -> FloatArray:
        centre = moved(self.start, self.views.first.centre)
        return motion_about(centre, steps[:3] / ARM_MM, steps[3:]) @ self.start

    def farness(self) -> float:
        """How far the outlines lie from each other at the start, mm; what is out of the field counts as far."""
        ways = zip(self.views.outlines, self._both(np.zeros(6)), strict=True)
        out = 1.0 - float(np.mean([way.found(motion)[1].mean() for way, motion in ways]))
        return ROBUST_MM * float(np.mean(np.abs(self.outline_misfit(np.zeros(6))))) + OUTLINE_REACH_MM * out

    def misfit(self, steps: FloatArray) -> FloatArray:
        """Of images and outlines together."""
        return np.concatenate([self.grey_misfit(steps), OUTLINE_WEIGHT * self.outline_misfit(steps)])

    def outline_misfit(self, steps: FloatArray) -> FloatArray:
        """How far from the other's outline each date's own lies, in units of `ROBUST_MM`."""
        missed = []
        for way, motion in zip(self.views.outlines, self._both(steps), strict=True):
            values, counts = way.found(motion)
            missed.append(counts * np.clip(values - way.values, -OUTLINE_REACH_MM, OUTLINE_REACH_MM))
        return np.concatenate(missed) / ROBUST_MM

    def grey_misfit(self, steps: FloatArray) -> FloatArray:
        """Differences of grey values, each date's in its own standard deviations, in units of `ROBUST_SD`."""
        return (
            np.concatenate([weight * (one - other) for one, other, weight in self._greys(steps)]) / ROBUST_SD
        )

    def likeness(self, steps: FloatArray) -> float:
        return float(np.mean([np.mean(weight**2 * one * other) for one, other, weight in self._greys(steps)]))

    def _both(self, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
        motion = self.motion(steps)
        return motion, np.asarray(np.linalg.inv(motion))

    def _greys(self, steps: FloatArray) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """Per way, both dates' values with mean 0 and variance 1, and the root of their weight, 1 on average."""
        found = []
        for way, motion in zip(self.views.images, self._both(steps), strict=True):
            values, counts = way.found(motion)
            weight = counts / max(float(counts.mean()), 1e-6)
            found.append((_standard(way.values, weight), _standard(values, weight), np.sqrt(weight)))
        return found


def _standard(values: NDArray[Any], weight: FloatArray) -> FloatArray:
    centred = values - float(np.mean(weight * values))
    return np.asarray(centred / max(float(np.sqrt(np.mean(weight * centred**2))), 1e-6))
