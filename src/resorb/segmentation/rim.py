"""The dark rim of displaced disc material: outer annulus and ligament, which readers draw with it.

Labels of ordinary discs end inside that rim (in SPIDER 1 to 3 mm before the visible margin, docs/accuracy.md), and a
network that learned from them leaves it out of herniations too, where it is a quarter of the volume. So what has come
well behind the vertebral bodies is taken up to where disc is still likely, though not the likeliest, and dark: half a
pixel of bright sac, or the fat beside it, is no rim however likely the network, which sees edges blurred, finds it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure
from resorb.segmentation.model import Segmentation
from resorb.study import FloatArray, Volume
from resorb.voxels import box_of

#: Disc farther than this behind the bodies' posterior wall is displaced, not the bulge that ordinary discs have: from
#: 2 mm on, the margins of ungraded validation discs moved (median distance to the readers' .47 -> .99 mm).
CORE_MM = 3.0
#: How far the rim reaches around it (`resampling.LIKELY_ODDS` says how it was chosen).
REACH_MM = 3.0
ROUNDING_MM = 1e-3  # a distance of whole pixels is the same whatever a file rounds of their size
#: It is no brighter than the material that it surrounds by more than this share of what the sac is brighter. Chosen
#: like `LIKELY_ODDS`: real herniations agree as well as without a limit (Dice .80; .80 with 0.2), and volumes in
#: 4 mm slices of simulated patients that are not scored are off by 45 % instead of 57 % (median of 12).
MAX_BRIGHTER = 0.33
TOUCHING = np.ones((3, 3), bool)  # pixels of one piece touch, if by their corners
#: The wall is this percentile of where the bodies end over so many mm of height: their corners, which stand out
#: farthest but which a network rounds off, and neither a vein's entry nor an osteophyte.
WALL_PERCENTILE, WALL_HEIGHT_MM = 80.0, 16.0
MIN_WALL_ROWS_MM = 10.0


def with_rims(found: Segmentation, image: Volume) -> Segmentation:
    """The same with the rims of displaced material as disc.

    Args:
        found: of a sagittal stack, in sagittal order; unchanged where it does not tell where disc is likely.
        image: what it was found in, in the same order. Where the sac is no brighter than discs, or there is none, any
            rim is dark enough.
    """
    if found.likely_disc is None:
        return found
    rim = _rims(found.structures, found.likely_disc, image.data)
    return replace(found.with_structure(rim, Structure.DISC), likely_disc=None)


def _rims(structures: Volume, likely: NDArray[np.bool_], image: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Mask (slices, rows, columns) of the voxels to be added."""
    rim = np.zeros(structures.shape, bool)
    sac = _brightness(image, structures.data)
    row_mm, column_mm = (float(mm) for mm in structures.spacing_mm[1:])
    columns = np.arange(structures.shape[2])
    for k, own in enumerate(structures.data):
        disc = own == Structure.DISC
        if not disc.any():
            continue
        wall = _posterior_wall(own, row_mm)
        if wall is None:
            continue
        behind = (columns[None] - wall[:, None]) * column_mm
        core = disc & (behind > CORE_MM + ROUNDING_MM)
        if core.any():
            near = _around(core, row_mm, column_mm)
            away, nearest = ndimage.distance_transform_edt(
                ~core[near], sampling=(row_mm, column_mm), return_indices=True
            )
            within = (behind[near] > ROUNDING_MM) & (away <= REACH_MM + ROUNDING_MM)
            dark = image[k][near] <= _limits(core[near], image[k][near], sac)[tuple(nearest)]
            rim[k][near] = likely[k][near] & ~disc[near] & within & dark
    return rim


def _brightness(image: NDArray[np.generic], structures: NDArray[np.uint8]) -> float:
    """Median of the sac; infinite, so that it limits no rim, without a sac or where that is no brighter than discs."""
    sac, disc = (
        image[structures == structure].astype(np.float64)
        for structure in (Structure.THECAL_SAC, Structure.DISC)
    )
    if not sac.size or not disc.size or np.median(sac) <= np.median(disc):
        return np.inf
    return float(np.median(sac))


def _limits(core: NDArray[np.bool_], image: NDArray[np.generic], sac: float) -> FloatArray:
    """(rows, columns) how bright the rim of each piece of displaced material may be, at the pixels of its own."""
    pieces, count = ndimage.label(core, TOUCHING)
    own = np.asarray(ndimage.median(image, pieces, np.arange(count) + 1))
    return np.asarray((own + MAX_BRIGHTER * np.maximum(sac - own, 0.0))[pieces - 1])


def _around(core: NDArray[np.bool_], row_mm: float, column_mm: float) -> tuple[slice, slice]:
    """Rows and columns of all that the rim of a mask can reach."""
    rows, columns = box_of(core) or (slice(0, 0), slice(0, 0))
    down, across = (int(np.ceil(REACH_MM / mm)) for mm in (row_mm, column_mm))
    return (
        slice(max(0, rows.start - down), rows.stop + down),
        slice(max(0, columns.start - across), columns.stop + across),
    )


def _posterior_wall(own: NDArray[np.uint8], row_mm: float) -> FloatArray | None:
    """(rows,) column of the bodies' posterior wall, carried on past the discs; None without enough of it."""
    bone = (own == Structure.VERTEBRAL_BODY) | (own == Structure.SACRUM)
    rows = np.flatnonzero(bone.any(axis=1))
    if len(rows) * row_mm < MIN_WALL_ROWS_MM:
        return None
    last = bone.shape[1] - 1 - bone[rows, ::-1].argmax(axis=1)
    wall = np.interp(np.arange(len(bone)), rows, last)
    size = 2 * round(WALL_HEIGHT_MM / row_mm / 2) + 1
    return np.asarray(ndimage.percentile_filter(wall, WALL_PERCENTILE, size=size, mode="nearest"))
