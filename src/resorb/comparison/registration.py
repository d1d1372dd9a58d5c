"""Register the levels of any number of dates: each vertebra rigidly, then the level's own space.

Vertebrae are followed by their image and outline, and then put where the water of the discs says they are. A spine
bends from scan to scan, a vertebra does not. Where its vertebrae cannot be registered, a level's frames are laid on
each other instead, and the registration says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from resorb.anatomy import Level
from resorb.comparison.halfway import halfway, synchronised
from resorb.comparison.registration_fat import FatShift, fat_shift
from resorb.comparison.registration_patch import Patch, patch_of
from resorb.comparison.registration_vertebra import Fitted, fit
from resorb.errors import NotMeasurableError
from resorb.frame import Frame, Rim
from resorb.registration import Registration, moved
from resorb.study import FloatArray, turned
from resorb.timepoint import Timepoint

#: Each date is registered to this many of those that follow it, round in a ring; four dates are all paired.
NEIGHBOURS = 2
MIN_LIKENESS = 0.5
MAX_DISAGREEMENT_MM = 2.5  # of image and outline, where the whole body is in the field
MARGIN_MM = (-10.0, 0.0, 10.0)  # to the left of the midline, where errors at the posterior rim are judged
#: Slabs narrower than this cut all bodies on both sides. What that adds to the error, root mean square, mm, in all and
#: backwards, which is what moves material across the reference, from a width of the field on. By the slabs of simulated
#: patients who lay differently (exact outlines): of 22.5 mm up to 0.22 mm sideways and 0.16 mm backwards; of 13.5 mm up
#: to 1.8 and 0.6 mm. Real ones against themselves (benchmarks/slabs.py) stay below both.
NARROW_MM = 30.0
NARROW_ERRORS_MM = ((0.0, (2.0, 0.6)), (18.0, (0.3, 0.2)))
FAT_LEVELS = 6  # lowest, that tell how far marrow is displaced
#: Root mean square errors at the posterior disc margin, by benchmarks/registration.py: per mm that image and outline
#: disagree by; what remains where they agree, per mm of slice spacing; where only frames are laid on each other.
DISAGREEMENT_SHARE, AGREED_ERROR, FRAMES_ERROR_MM = 0.3, 0.04, 1.0

Pairs = dict[tuple[int, int], Fitted]


def register(timepoints: Sequence[Timepoint], level: Level) -> Registration:
    """Register one level of two or more dates of one patient; several at once are quicker by `register_levels`.

    Raises:
        NotMeasurableError: the level has no frame on some date.
    """
    return register_levels(timepoints, (level,))[level]


def register_levels(
    timepoints: Sequence[Timepoint], levels: Sequence[Level] | None = None
) -> dict[Level, Registration]:
    """Register levels of two or more dates of one patient, each vertebra once.

    Args:
        timepoints: the dates; their levels carry the same names.
        levels: which; those framed on every date if None.

    Raises:
        NotMeasurableError: a level asked for has no frame on some date.
    """
    shared = sorted(set.intersection(*(set(one.frames) for one in timepoints)))
    levels = shared if levels is None else levels
    for number, one in enumerate(timepoints, start=1):
        if missing := [str(level) for level in levels if level not in one.frames]:
            raise NotMeasurableError(f"{', '.join(missing)} cannot be compared: no frame on date {number}")
    fits: dict[str, Pairs | str] = {}
    for level in sorted({*levels, *shared[-FAT_LEVELS:]}):
        for vertebra in (level.upper, level.lower):
            if vertebra not in fits:
                fits[vertebra] = _vertebra(timepoints, vertebra, level)
    water = _water(timepoints, shared[-FAT_LEVELS:], fits)
    return {level: _level(timepoints, level, fits, water) for level in levels}


def _water(
    timepoints: Sequence[Timepoint], levels: Sequence[Level], fits: Mapping[str, Pairs | str]
) -> dict[tuple[int, int], FatShift]:
    """Per pair of dates, by how much marrow lies elsewhere than water; told by all levels together."""
    found = {}
    for i, j in _ring(len(timepoints)):
        motions = {}
        for level in levels:
            upper, lower = fits[level.upper], fits[level.lower]
            if not isinstance(upper, str) and not isinstance(lower, str):
                motions[level] = upper[i, j].motion, lower[i, j].motion
        found[i, j] = fat_shift(timepoints[i], timepoints[j], motions)
    return found


def _vertebra(timepoints: Sequence[Timepoint], vertebra: str, level: Level) -> Pairs | str:
    """A vertebra fitted between pairs of dates; in words why not, where it cannot be."""
    try:
        patches = [patch_of(one.study.sagittal.volume, one.anatomy, vertebra) for one in timepoints]
    except NotMeasurableError as error:
        return str(error)
    found: Pairs = {}
    for i, j in _ring(len(timepoints)):
        frames = timepoints[i].frames[level], timepoints[j].frames[level]
        fitted = fit(patches[i], patches[j], _starts(patches[i], patches[j], frames))
        if fitted.likeness < MIN_LIKENESS:
            return f"{vertebra} does not look alike on dates {i + 1} and {j + 1}"
        middle = patches[i].centre
        missed = _rms(moved(fitted.motion, middle) - moved(fitted.outlines, middle))
        if missed > MAX_DISAGREEMENT_MM and not fitted.cut:
            return f"image and outline of {vertebra} disagree by {missed:.1f} mm on dates {i + 1} and {j + 1}"
        found[i, j] = fitted
    return found


def _ring(count: int) -> list[tuple[int, int]]:
    """Which dates are registered to each other: the earlier first, each pair once."""
    pairs = {(n, (n + step) % count) for n in range(count) for step in range(1, NEIGHBOURS + 1)}
    return sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})


def _starts(first: Patch, second: Patch, frames: tuple[Frame, Frame]) -> list[FloatArray]:
    """Guesses: the bodies' middles or the frames' origins on each other, unturned; the frames on each other."""
    guesses = [np.eye(4), np.eye(4)]
    guesses[0][:3, 3] = second.centre - first.centre
    guesses[1][:3, 3] = frames[1].origin - frames[0].origin
    return [*guesses, np.asarray(np.linalg.inv(_into_local(frames[1])) @ _into_local(frames[0]))]


def _level(
    timepoints: Sequence[Timepoint],
    level: Level,
    fits: Mapping[str, Pairs | str],
    water: Mapping[tuple[int, int], FatShift],
) -> Registration:
    frames = [one.frames[level] for one in timepoints]
    centres = np.stack([frame.origin for frame in frames])
    upper, lower = fits[level.upper], fits[level.lower]
    if isinstance(upper, str) or isinstance(lower, str):
        laid = np.stack([_into_local(frame) for frame in frames])
        reason = "; ".join(one for one in (upper, lower) if isinstance(one, str))
        return Registration(
            level, *halfway(laid, laid, centres), FRAMES_ERROR_MM, "spine coordinates", reason
        )
    spacing = np.array([one.study.sagittal.slice_spacing_mm for one in timepoints])
    into, errors = [], []
    for pairs, margins in (
        (upper, [_margin(frame, frame.upper) for frame in frames]),
        (lower, [_margin(frame, frame.lower) for frame in frames]),
    ):
        motions = {pair: _shifted(one.motion, water[pair].shift) for pair, one in pairs.items()}
        into.append(synchronised(motions, centres))
        backwards = [frame.axes[1] for frame in frames]
        errors.append(_error_mm(pairs, water, into[-1], _Margins(margins, backwards, spacing)))
    extra = _narrow_error_mm(min(_width_mm(one) for one in timepoints))
    error, behind = np.sqrt(np.mean(np.square(errors), axis=0) + extra**2).tolist()
    return Registration(
        level, *halfway(into[0], into[1], centres), error, "vertebrae", behind_mm=min(behind, error)
    )


def _narrow_error_mm(width_mm: float) -> FloatArray:
    """(2,) what a narrow field adds to the error, in all and backwards."""
    if width_mm >= NARROW_MM:
        return np.zeros(2)
    return np.array([errors for width, errors in NARROW_ERRORS_MM if width_mm >= width][-1])


def _width_mm(one: Timepoint) -> float:
    """How far the field reaches across its slices."""
    image = one.study.sagittal.volume
    across = image.axis_towards((1.0, 0.0, 0.0))
    return float(image.shape[across] * image.spacing_mm[across])


@dataclass(frozen=True, eq=False)
class _Margins:
    """Where errors are judged, per date.

    Attributes:
        points: (m, 3) at the posterior margin; backwards: (3,) unit vector.
        spacing_mm: (n,) of the slices.
    """

    points: Sequence[FloatArray]
    backwards: Sequence[FloatArray]
    spacing_mm: FloatArray


def _error_mm(
    pairs: Pairs, water: Mapping[tuple[int, int], FatShift], into: FloatArray, seen: _Margins
) -> FloatArray:
    """Root mean square errors (2,) to be expected at the posterior margin: all, and backwards; over the pairs of dates.

    A share of what image and outline disagree by, what the pairs disagree by among each other, the error of the
    shift between marrow and water, and what remains where all agree.

    Args:
        into: (n, 4, 4) motions of the vertebra into one space, as the pairs together have it.
    """
    squares = []
    for (i, j), one in pairs.items():
        at, back = seen.points[i], seen.backwards[j]
        image = moved(one.motion, at)
        together = moved(np.asarray(np.linalg.inv(into[j]) @ into[i]), at)
        apart = DISAGREEMENT_SHARE * (image - moved(one.outlines, at))
        astray = together - image - water[i, j].shift
        # Which way marrow and water are apart, and what remains, is not known: the whole counts backwards too.
        rest = water[i, j].error_mm ** 2 + (AGREED_ERROR * float(seen.spacing_mm[[i, j]].max())) ** 2
        whole = _rms(apart) ** 2 + _rms(astray) ** 2 + rest
        backwards = float(np.mean((apart @ back) ** 2) + np.mean((astray @ back) ** 2)) + rest
        squares.append((whole, backwards))
    return np.asarray(np.sqrt(np.mean(squares, axis=0)))


def _shifted(motion: FloatArray, shift: FloatArray) -> FloatArray:
    result = motion.copy()
    result[:3, 3] += shift
    return result


def _rms(missed: FloatArray) -> float:
    """Root mean square length of vectors (n, 3)."""
    return float(np.sqrt(np.mean(np.sum(missed**2, axis=-1))))


def _margin(frame: Frame, rim: Rim) -> FloatArray:
    """(m, 3) points of a posterior rim near the midline, RAS+ mm."""
    left = np.array(MARGIN_MM)
    return frame.to_world(np.column_stack([left, *rim.corner(left)]))


def _into_local(frame: Frame) -> FloatArray:
    """(4, 4) from the world into a frame's local coordinates."""
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = frame.axes, -turned(frame.origin, frame.axes)
    return motion
