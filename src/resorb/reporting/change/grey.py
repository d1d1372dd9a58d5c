"""One grey scale for images of different scanners: the same tissue in the same grey on every date.

Landmarks of tissue are put on fixed greys, with straight lines between them, as in histogram standardisation (Nyul and
Udupa 1999, Magn Reson Med 42, 1072-1081); here the landmarks come from the outlines, so that no bright coil or large
background moves them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.study import FloatArray, Volume

#: Where each landmark is shown, from black (0) to white (1): what is dark in discs and bodies, marrow, CSF.
DARK, MARROW, CSF = 0.06, 0.42, 0.90
#: Per cent of the values of discs and bodies, and of the sac (CSF with roots), taken as dark and as CSF.
DARK_PERCENT, CSF_PERCENT = 1.0, 80.0
#: Marrow lies at least this share of the way from dark to CSF, and at most its complement; else it is no landmark.
MARROW_WITHIN = 0.12
#: Where nothing was outlined: per cent of all values shown as black and as white.
BLACK_PERCENT, WHITE_PERCENT = 1.0, 99.0
MIN_VOXELS = 50


@dataclass(frozen=True, eq=False)
class GreyScale:
    """Image values at `knots` are shown as `greys` in [0, 1], in between and beyond by straight lines.

    Attributes:
        matched: dark tissue, marrow and CSF stand on their fixed greys; else the scale is of this image alone.
    """

    knots: FloatArray
    greys: FloatArray
    matched: bool

    def __call__(self, values: FloatArray) -> NDArray[np.uint8]:
        """Pixels (...) in 0-255 of image values (...)."""
        shown = np.interp(values, self.knots, self.greys)
        return np.asarray(np.rint(np.clip(shown, 0.0, 1.0) * 255), dtype=np.uint8)


def grey_scale(image: Volume, labels: Volume | None) -> GreyScale:
    """The scale of one image from the tissue outlined in it.

    Args:
        image: a series or stack.
        labels: anatomy indices on its grid, or None.
    """
    finite = np.isfinite(image.data)
    found = _landmarks(image, labels, finite) if labels is not None else None
    if found is None:
        whole = image.data[finite] if finite.any() else np.zeros(1)
        low, high = np.percentile(whole, (BLACK_PERCENT, WHITE_PERCENT))
        return GreyScale(np.array([low, max(high, low + 1e-6)], dtype=float), np.array([0.0, 1.0]), False)
    dark, marrow, csf = found
    share = (marrow - dark) / (csf - dark)
    knots, greys = [dark, csf], [DARK, CSF]
    matched = MARROW_WITHIN < share < 1 - MARROW_WITHIN
    if matched:
        knots, greys = [dark, marrow, csf], [DARK, MARROW, CSF]
    # Beyond the outer landmarks the nearest line goes on to black and to white.
    first = (knots[1] - knots[0]) / (greys[1] - greys[0])
    last = (knots[-1] - knots[-2]) / (greys[-1] - greys[-2])
    knots = [knots[0] - greys[0] * first, *knots, knots[-1] + (1 - greys[-1]) * last]
    return GreyScale(np.array(knots), np.array([0.0, *greys, 1.0]), matched)


def _landmarks(image: Volume, labels: Volume, finite: NDArray[np.bool_]) -> tuple[float, float, float] | None:
    """Values of dark tissue, marrow and CSF; None where they cannot be told or are out of order."""
    structure = labels.data // STRUCTURE_STEP
    bone = image.data[np.isin(structure, [Structure.VERTEBRAL_BODY, Structure.SACRUM]) & finite]
    disc = image.data[(structure == Structure.DISC) & finite]
    sac = image.data[(structure == Structure.THECAL_SAC) & finite]
    if min(bone.size, sac.size) < MIN_VOXELS:
        return None
    dark = float(np.percentile(np.concatenate([bone, disc]), DARK_PERCENT))
    csf = float(np.percentile(sac, CSF_PERCENT))
    return (dark, float(np.median(bone)), csf) if csf > dark else None
