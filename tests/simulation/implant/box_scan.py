"""A noisy scan of the closed-form spine, with its labels: a ground on which evaluation implants are known."""

from __future__ import annotations

import numpy as np

from resorb.anatomy import Structure
from resorb.segmentation.levels import name_levels
from resorb.study import Volume
from tests.spine import sampled

#: Grey of background (fat), body, arch, sacrum, disc, sac.
GREY = np.array([150, 110, 110, 110, 60, 230], np.float32)
NOISE = 5.0


def box_scan(
    spacing: tuple[float, float, float] = (1.0, 0.6, 0.6),
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    axes: tuple[int, int, int] = (0, 1, 2),
    flips: tuple[bool, bool, bool] = (False, False, False),
    half_field: float = 14.0,
) -> tuple[Volume, Volume]:
    """(image, labels); a dark sheet stands in the middle of the sac, where roots would be.

    Storage order changes the order of the voxels only, never their grey.
    """
    structures = sampled(spacing=spacing, angles=angles, axes=axes, flips=flips, half_field=half_field)
    upright = structures.sagittal()
    anatomy = name_levels(upright, None, source="test")
    grey = GREY[upright.data]
    sac = upright.data == Structure.THECAL_SAC
    column = np.arange(upright.shape[2]).reshape(1, 1, -1)
    middle = round(float(np.argwhere(sac)[:, 2].mean()))
    grey[sac & (np.abs(column - middle) <= 1)] = 90
    grey += np.random.default_rng(7).normal(0, NOISE, grey.shape)
    image = structures.from_sagittal(np.rint(grey).astype(np.int16))
    return image, structures.from_sagittal(anatomy.labels.data)
