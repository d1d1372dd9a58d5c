"""How far two scanners displace the fat of marrow differently against the water of discs (chemical shift).

Fat precesses slower than water and so appears displaced along the readout, by up to a pixel or two. Vertebrae,
registered by their marrow, carry along the difference between the scanners' displacements; what is measured behind
them is water. It is the same all over an image: each disc, compared with its two vertebrae, tells it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from resorb.anatomy import Level
from resorb.comparison.halfway import midway
from resorb.comparison.registration_patch import disc_patch_of
from resorb.comparison.registration_vertebra import shift_between
from resorb.errors import NotMeasurableError
from resorb.registration import moved
from resorb.study import FloatArray
from resorb.timepoint import Timepoint

MIN_LIKENESS = 0.3  # of a disc on both dates
#: Root mean square of how differently two scanners displace marrow, before any image tells: of sequences and
#: bandwidths as in benchmarks/registration.py, either readout direction.
USUAL_MM = 0.4
LEVEL_ERROR_MM = 0.2  # of one disc that looks the same on both dates, at least
OUTLIER_MM = 0.4  # a disc that disagrees with the others by this counts half


@dataclass(frozen=True, eq=False)
class FatShift:
    """What is to be added to motions that follow marrow, so that they follow water.

    Attributes:
        shift: (3,) mm in the world of the second date, in the plane of its slices; 0 where it could not be told.
        error_mm: its root mean square error.
    """

    shift: FloatArray
    error_mm: float


def fat_shift(
    first: Timepoint, second: Timepoint, motions: Mapping[Level, tuple[FloatArray, FloatArray]]
) -> FatShift:
    """Compare the discs of two dates with the motions of their vertebrae.

    Args:
        motions: per level, (4, 4) of the upper and the lower vertebra from the first date's world to the second's.
    """
    found = []
    for level, (upper, lower) in motions.items():
        try:
            discs = [
                disc_patch_of(d.study.sagittal.volume, d.anatomy, d.frames[level]) for d in (first, second)
            ]
        except NotMeasurableError:
            continue
        motion = midway(upper, lower, moved(upper, discs[0].centre))
        shift, likeness = shift_between(discs[0], discs[1], motion)
        if likeness >= MIN_LIKENESS:
            found.append((shift, likeness**2 / max(1.0 - likeness**2, 0.1)))
    if not found:
        return FatShift(np.zeros(3), USUAL_MM)
    image = second.study.sagittal.volume
    across = image.directions[:, image.axis_towards((1.0, 0.0, 0.0))]
    shifts, clear = np.array([one for one, _ in found]), np.array([weight for _, weight in found])
    shifts -= np.outer(shifts @ across, across)  # readout runs within the slices
    return _pooled(shifts, clear)


def _pooled(shifts: FloatArray, clear: FloatArray) -> FatShift:
    """Mean of the discs' shifts (n, 3), weighted by how clearly each was seen (n,), drawn towards none by its error."""
    weight, mean = clear, np.zeros(3)
    for _ in range(5):
        mean = np.average(shifts, axis=0, weights=weight)
        missed = np.linalg.norm(shifts - mean, axis=1)
        weight = clear / (1.0 + (missed / OUTLIER_MM) ** 2)
    error2 = np.sum(weight**2 * (missed**2 + LEVEL_ERROR_MM**2)) / np.sum(weight) ** 2
    trust = USUAL_MM**2 / (USUAL_MM**2 + error2)
    return FatShift(trust * mean, float(np.sqrt(trust * error2)))
