"""Signal voids at the spine that only metal makes: screws, rods, plates and their field inhomogeneity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import Structure
from resorb.segmentation import bounds
from resorb.study import FloatArray, Volume

GRID_MM = 1.0  # fine enough for voids of a centimetre
SLICE_STEP_MM = 2.0
ASIDE_MM = 22.0  # pedicles and facets lie within; lung, kidney and bowel gas beyond
BEHIND_MM = 20.0  # of the sac's back: laminae and the roots of the spinous processes
NEAR_BONE_MM = 3.0
SMOOTH_ROWS_MM = 40.0


def metal_like_void_mm(image: Volume, structures: NDArray[np.uint8]) -> float:
    """Radius (mm) of the largest circle without signal in a sagittal slice at the posterior half of the column.

    Looked for from the middle of the bodies to the laminae, beside what was segmented, where no air, vessel or
    thick ligament lies. Discs are left out, for worn ones are dark; so a cage within a disc space is not seen.

    Args:
        image: in sagittal order.
        structures: uint8 `Structure` values on the same grid.
    """
    stride = [max(1, round(GRID_MM / float(s))) for s in image.spacing_mm[1:]]
    across = float(image.spacing_mm[0])
    step = image.spacing_mm[1:] * stride
    small = structures[:, :: stride[0], :: stride[1]]
    sac, body = small == Structure.THECAL_SAC, small == Structure.VERTEBRAL_BODY
    per_slice = np.count_nonzero(sac, axis=(1, 2))
    has_body, has_sac = body.any(axis=(0, 2)), sac.any(axis=(0, 2))
    if np.count_nonzero(has_body & has_sac) < 10:
        return 0.0
    rows = np.arange(*(np.flatnonzero(has_body)[[0, -1]] + [0, 1]))
    front, back = _column(body.any(axis=0), sac.any(axis=0), rows)
    middle = np.average(np.arange(len(small)), weights=per_slice)
    slices = np.flatnonzero(np.abs(np.arange(len(small)) - middle) * across <= max(ASIDE_MM, across))
    grey = image.data[:, :: stride[0], :: stride[1]]
    limit = bounds.VOID_SHARE * _marrow(grey, body, rows, float(step[0]))
    columns = np.arange(small.shape[2])
    region = (columns >= front[:, None]) & (columns <= back[:, None] + BEHIND_MM / step[1])
    largest = 0.0
    for k in slices[:: max(1, round(SLICE_STEP_MM / across))]:
        dark = ndimage.uniform_filter(np.asarray(grey[k, rows], np.float32), 3) < limit[:, None]
        numbered, _ = ndimage.label(dark)
        behind = np.unique(numbered[:, -1])
        here = small[k, rows]
        dark &= region & (here != Structure.DISC) & ~np.isin(numbered, behind[behind > 0])
        if np.count_nonzero(dark) * step[0] * step[1] < np.pi * bounds.MIN_VOID_RADIUS_MM**2:
            continue
        radius = ndimage.distance_transform_edt(dark, sampling=step)
        bone = np.isin(here, (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS))
        if bone.any():
            off = ndimage.distance_transform_edt(~bone, sampling=step)
            largest = max(largest, float(radius[(off <= radius + NEAR_BONE_MM) | bone].max(initial=0.0)))
    return largest


def _column(
    body: NDArray[np.bool_], sac: NDArray[np.bool_], rows: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """Column of the middle of the bodies and of the sac's back at each row, from the slices taken together."""
    columns = np.arange(body.shape[1])
    with_body, with_sac = (np.flatnonzero(mask.any(axis=1)) for mask in (body, sac))
    centres = [float(columns[body[row]].mean()) for row in with_body]
    backs = [float(columns[sac[row]].max()) for row in with_sac]
    return np.interp(rows, with_body, centres), np.interp(rows, with_sac, backs)


def _marrow(
    grey: NDArray[np.generic], body: NDArray[np.bool_], rows: NDArray[np.intp], row_mm: float
) -> FloatArray:
    """Brightness of marrow at each row, smooth: a coil's sensitivity falls off along the spine."""
    with_body = rows[body[:, rows].any(axis=(0, 2))]
    found = np.array(
        [float(np.median(np.asarray(grey[:, row][body[:, row]], np.float32))) for row in with_body]
    )
    width = 2 * round(SMOOTH_ROWS_MM / row_mm / 2) + 1
    return np.asarray(ndimage.median_filter(np.interp(rows, with_body, found), width, mode="nearest"))
