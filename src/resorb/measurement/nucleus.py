"""Signal of a disc's nucleus against CSF, for its degeneration grade."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resorb.frame import Frame
from resorb.reading import Quantity
from resorb.study import FloatArray, Volume

MIDDLE_MM = 5.0  # slices at most so far from the midline
ALONG = (0.25, 0.75)  # of the disc's length from front to back, where the nucleus lies
CORE = (0.25, 0.75)  # of the disc's height there
COLUMN_MM = 2.0
REACH_MM = 25.0  # CSF at most so far above or below the disc, so that coil shading cancels
CSF_QUANTILE = 0.75  # the brightest quarter of the sac is CSF between the roots
FEWEST = 20
METHOD = "mean signal of the middle of the disc over the brightest quarter of the sac near it"


def nucleus_ratio(image: Volume, disc: NDArray[np.intp], sac: NDArray[np.bool_], frame: Frame) -> Quantity:
    """Mean signal of the middle of a disc over that of CSF beside it, in the slices next to the midline.

    Args:
        image: the T2 volume, in sagittal order.
        disc: (n, 3) voxels of the disc.
        sac: (i, j, k) mask of the thecal sac.
        frame: of the level.
    """
    local = frame.to_local(image.to_world(disc)) if len(disc) else np.zeros((0, 3))
    middle = np.abs(local[:, 0]) <= max(MIDDLE_MM, 0.75 * float(image.spacing_mm[0]))
    core = _core(local[middle])
    if np.count_nonzero(core) < FEWEST:
        return Quantity(value=None, reason="the middle of the disc is too small for a signal")
    chosen = disc[middle]
    rows = float(np.median(chosen[:, 1]))
    reach = REACH_MM / float(image.spacing_mm[1])
    slices = np.unique(chosen[:, 0])
    band = slice(max(0, int(rows - reach)), int(rows + reach) + 1)
    csf = image.data[slices, band][sac[slices, band]].astype(np.float64)
    if len(csf) < FEWEST:
        return Quantity(value=None, reason="no CSF beside the disc")
    bright = float(csf[csf >= np.quantile(csf, CSF_QUANTILE)].mean())
    if bright <= 0:
        return Quantity(value=None, reason="no bright CSF beside the disc")
    tissue = float(image.data[tuple(chosen[core].T)].astype(np.float64).mean())
    return Quantity(value=round(tissue / bright, 4), method=METHOD, source="sagittal")


def _core(local: FloatArray) -> NDArray[np.bool_]:
    """(n,) which points lie in the middle of a disc, from front to back and in height."""
    found = np.zeros(len(local), bool)
    inside = local[:, 1] <= 0  # what is displaced is no nucleus
    if not inside.any():
        return found
    front, back = np.quantile(local[inside, 1], (0.02, 0.98))
    along = (local[:, 1] - front) / max(back - front, 1e-6)
    columns = np.round(local[:, 1] / COLUMN_MM)
    for column in np.unique(columns[inside]):
        here = inside & (columns == column) & (along > ALONG[0]) & (along < ALONG[1])
        if here.any():
            low, high = local[here, 2].min(), local[here, 2].max()
            share = (local[:, 2] - low) / max(high - low, 1e-6)
            found |= here & (share > CORE[0]) & (share < CORE[1])
    return found
