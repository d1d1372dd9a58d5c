"""Timepoints of the closed-form spine as it lies on several dates."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from resorb.anatomy import Level
from resorb.framing import fit_frame
from resorb.registration import moved
from resorb.segmentation.levels import name_levels
from resorb.study import FloatArray, Volume
from resorb.timepoint import Timepoint
from tests import steps
from tests.spine import DISC_HEIGHT, Bump, sampled, study_of

L4L5 = Level("L4", "L5")
Triple = tuple[float, float, float]
NO_TURN: Triple = (0.0, 0.0, 0.0)
#: (left, posterior, cranial) to RAS+.
UPRIGHT = np.array([-1.0, -1.0, 1.0])


@cache
def date(
    angles: Triple = NO_TURN,
    shift: Triple = (0.0, 0.0, 0.0),
    bump: Bump | None = None,
    spacing: Triple = (2.0, 0.8, 0.8),
    axes: tuple[int, int, int] = (0, 1, 2),
    flips: tuple[bool, bool, bool] = (False, False, False),
) -> Timepoint:
    """The spine turned by angles (degrees) and shifted (mm), framed at L4/L5; nothing else is measured."""
    structures = sampled(bump, spacing=spacing, angles=angles, axes=axes, flips=flips)
    affine = structures.affine.copy()
    affine[:3, 3] += shift
    structures = Volume(structures.data, affine)
    study = study_of(structures)
    anatomy = name_levels(structures.sagittal(), None, source="closed form")
    anatomy = replace(
        anatomy, labels=structures.with_data(structures.from_sagittal(anatomy.labels.data).data)
    )
    near = replace(anatomy, labels=anatomy.labels.sagittal())
    blank = steps.timepoint(study, anatomy)
    return replace(blank, frames={L4L5: fit_frame(near, L4L5, slip_limit_mm=3.0)})


def placed(angles: Triple, shift: Triple) -> FloatArray:
    """(4, 4) from the upright spine to where it lies on such a date."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    motion[:3, 3] = shift
    return motion


def margin(angles: Triple, shift: Triple) -> FloatArray:
    """(6, 3) points of the posterior disc margin of L4/L5 on such a date, RAS+ mm."""
    local = [(left, 0.0, side * DISC_HEIGHT / 2) for left in (-10.0, 0.0, 10.0) for side in (-1, 1)]
    return moved(placed(angles, shift), np.array(local) * UPRIGHT)
