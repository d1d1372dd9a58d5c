"""Signal of displaced material against the CSF of the same slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resorb.measurement.displaced import Displaced
from resorb.reading import Quantity
from resorb.study import Volume

MIN_CSF_VOXELS = 25
CSF_QUANTILE = 0.75  # the upper quarter of the sac is CSF between the roots
NEAR_MM = 25.0  # CSF as near to the disc as this, so that coil shading cancels
CSF_CONTRAST = (
    1.3  # CSF no brighter than this multiple of the sac's darkest tenth is a flow void, or crowded out
)
CORE_MM = 0.5  # nearer to the reference surface a voxel may hold body or ligament


def t2_ratio(image: Volume, sac: NDArray[np.bool_], displaced: Displaced, clipped_share: float) -> Quantity:
    """Mean signal of displaced material over that of CSF in the same slices (0 dark, 1 as bright as CSF).

    Compared only between matching sequences. Missing, with the reason, where nothing is displaced, or where
    the CSF of the slices is clipped or absent.

    Args:
        image: the T2 volume, in sagittal order.
        sac: (i, j, k) mask of the thecal sac.
        displaced: the material.
        clipped_share: share of sac voxels at the image's maximum from which CSF counts as clipped.
    """
    core = displaced.behind_mm > CORE_MM
    if np.count_nonzero(core) < 8:
        return Quantity(value=None, reason="too little displaced material for a signal")
    index = displaced.index[core]
    slices = np.unique(index[:, 0])
    row = float(np.median(index[:, 1]))
    reach = NEAR_MM / image.spacing_mm[1]
    low, high = max(0, int(row - reach)), int(row + reach) + 1
    near = sac[slices, low:high]
    values = image.data[slices, low:high][near].astype(np.float64)
    if len(values) < MIN_CSF_VOXELS:
        return Quantity(value=None, reason="no CSF in the slices of the displaced material")
    if float(np.mean(values >= float(image.data.max()))) > clipped_share:
        return Quantity(value=None, reason="CSF signal is clipped at the image's maximum")
    csf = float(values[values >= np.quantile(values, CSF_QUANTILE)].mean())
    tissue = float(image.data[tuple(index.T)].astype(np.float64).mean())
    if csf < CSF_CONTRAST * float(np.quantile(values, 0.1)) or csf <= tissue:
        return Quantity(value=None, reason="no bright CSF in these slices (flow void or filled sac)")
    return Quantity(
        value=round(tissue / csf, 4),
        method="mean signal over the brightest quarter of the sac near the disc, same slices",
        source="sagittal",
    )
