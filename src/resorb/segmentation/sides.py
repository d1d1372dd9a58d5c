"""The sides of vertebral bodies, which a thick slice holds by half and a network cuts short.

Where a body is cut short its rim lies too far in front, and the disc beside it seems to bulge; docs/model.md tells by
how much. So to the sides of the canal's middle, bodies grow up to where a body is still likely. In the middle they
stay: there the posterior wall is well seen, and the corner that slips and depths are measured from is not to be moved.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure
from resorb.segmentation.model import Segmentation
from resorb.segmentation.resampling import YIELDING
from resorb.segmentation.rim import ROUNDING_MM
from resorb.study import FloatArray, Volume
from resorb.voxels import box_of, index_of

#: From the canal's middle to either side. Chosen with `resampling.BODY_ODDS` on simulated patients that are not
#: scored; docs/model.md tells what else was tried.
BESIDE_MM = 8.0
MIN_HEIGHT_MM = 20.0  # of sac, from which it tells how the spine leans
TOUCHING = np.ones((3, 3, 3))


def with_whole_sides(found: Segmentation) -> Segmentation:
    """The same with the sides of bodies whole.

    Args:
        found: of a sagittal stack, in sagittal order; unchanged where it shows no sac, or does not tell where a body
            is likely.
    """
    middle = _middle_of_canal(found.structures)
    if found.likely_body is None or middle is None:
        return found
    own = found.structures.data
    away_mm = np.abs(np.arange(len(own))[:, None] - middle) * float(found.structures.spacing_mm[0])
    aside = away_mm > BESIDE_MM + ROUNDING_MM
    yielding = np.logical_or.reduce([own == one for one in YIELDING])
    likely = found.likely_body & yielding & aside[:, :, None]
    side = _grown(own == Structure.VERTEBRAL_BODY, likely)
    return replace(found.with_structure(side, Structure.VERTEBRAL_BODY), likely_body=None)


def _grown(body: NDArray[np.bool_], likely: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is likely and hangs together with a body."""
    side = np.zeros(body.shape, bool)
    if (box := box_of(body | likely)) is not None:
        pieces, count = ndimage.label(body[box] | likely[box], structure=TOUCHING)
        holds = np.zeros(count + 1, bool)
        holds[pieces[body[box]]] = True
        side[box] = holds[pieces] & ~body[box]
    return side


def _middle_of_canal(structures: Volume) -> FloatArray | None:
    """(rows,) slice in which the middle of the sac lies, on a straight line; None without a sac."""
    index = index_of(structures.data == Structure.THECAL_SAC)
    if not len(index):
        return None
    straight = np.ptp(index[:, 1]) * float(structures.spacing_mm[1]) > MIN_HEIGHT_MM
    line = np.polynomial.Polynomial.fit(index[:, 1], index[:, 0], 1 if straight else 0)
    return np.asarray(line(np.arange(structures.shape[1])), np.float64)
