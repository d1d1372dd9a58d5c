"""Whether what was segmented is a lumbar spine in a T2-weighted image: told from the voxels, for want of headers.

Contrast is recognised by what relaxation makes of tissues: CSF has the longest T1 and T2 of all, so that it is darker
than marrow where T1 weighs and brighter where T2 does; marrow, half of it fat, is brighter than muscle unless fat is
suppressed. Each is a ratio of robust figures in the same rows, so that neither the scanner's scale nor the fall-off of
a surface coil counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, Anatomy, Structure, anatomy_index
from resorb.errors import NotMeasurableError
from resorb.segmentation import bounds
from resorb.segmentation.metal import metal_like_void_mm
from resorb.study import FloatArray, Volume

ROW_STEP_MM, SLICE_STEP_MM = 3.0, 2.0  # rows and slices nearer to each other say the same
MIN_SAC_VOXELS, MIN_BODY_VOXELS = 3, 10  # of a row
MIN_ROWS = 8  # fewer rows with both tissues in them tell nothing
BESIDE_MM = 8.0  # from the sac's middle: slices that hold it and the bodies
MUSCLE_FROM_MM, MUSCLE_TO_MM = 9.0, 26.0  # to the side, where the erector muscles lie
MUSCLE_BEHIND_MM = (12.0, 32.0)  # of the sac's back
FAT_BEHIND_MM = (1.5, 20.0)  # of the sac's back: epidural and interspinous fat
MUSCLE_QUANTILE = 0.3  # muscle holds strands of fat: its own signal is the darker part

ANYWAY = "to measure it all the same, ask for it with --series"


@dataclass(frozen=True)
class Look:
    """Ratios of tissue signal; None where too little of either is in the field.

    Attributes:
        csf_to_marrow: 80th percentile of the sac to the median of the bodies.
        fat_to_csf: brightest behind the sac to the sac's median, median over rows.
        muscle_to_marrow: back muscle to the bodies' median, median over rows.
    """

    csf_to_marrow: float | None
    fat_to_csf: float | None
    muscle_to_marrow: float | None


def check_suitability(image: Volume, anatomy: Anatomy, *, asked_for: bool = False) -> tuple[str, ...]:
    """What a reader must know about an image before it is measured as lumbar T2, in words.

    Args:
        image: in sagittal order (`Volume.sagittal`).
        anatomy: found in it, labels in the same order.
        asked_for: the user named this series, or gave the label map: what would be refused is a warning.

    Raises:
        NotMeasurableError: it is not T2-weighted, or not a lumbar spine, and was not asked for.
    """
    structures = np.asarray(anatomy.labels.data // STRUCTURE_STEP, np.uint8)
    refusals, warnings = _shape(anatomy, structures)
    told = _contrast(look(image, structures))
    refusals, warnings = refusals + told[0], warnings + told[1]
    if refusals and not asked_for:
        raise NotMeasurableError(f"{refusals[0]}; {ANYWAY}")
    void_mm = metal_like_void_mm(image, structures)
    if void_mm >= bounds.MIN_VOID_RADIUS_MM:
        warnings.append(
            f"a signal void {2 * void_mm:.0f} mm wide lies at the spine, as metal makes: outlines near it are distorted"
        )
    return tuple(refusals + warnings)


def _contrast(seen: Look) -> tuple[list[str], list[str]]:
    """(refusals, warnings) from the look of the tissues."""
    csf, fat, muscle = seen.csf_to_marrow, seen.fat_to_csf, seen.muscle_to_marrow
    if csf is not None and csf < bounds.T1_CSF_TO_MARROW:
        if fat is not None and fat > bounds.T1_FAT_TO_CSF:
            return ["the image looks T1-weighted (CSF darker than marrow, fat bright), not T2"], []
        return ["the image does not look T2-weighted (CSF darker than marrow)"], []
    warnings = []
    if csf is not None and csf < bounds.FAINT_CSF_TO_MARROW:
        warnings.append("CSF is hardly brighter than marrow: the image is hardly T2-weighted")
    if muscle is not None and muscle > bounds.SUPPRESSED_MUSCLE_TO_MARROW:
        warnings.append(
            "fat looks suppressed (STIR, TIRM or fat saturation): the limits were made for T2 without it"
        )
    return [], warnings


def _shape(anatomy: Anatomy, structures: NDArray[np.uint8]) -> tuple[list[str], list[str]]:
    """(refusals, warnings) from the sizes and places of what was found, against those of a lumbar spine."""
    labels = anatomy.labels
    boxes = ndimage.find_objects(labels.data)
    discs = [_points(labels, boxes, anatomy_index(Structure.DISC, level.upper)) for level in anatomy.levels]
    centres = np.array([labels.to_world(points.mean(axis=0)) for points in discs])
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    step = float(np.quantile(steps, 0.75))  # the lower bodies: a field may hold many thoracic ones
    depth = float(np.median([_depth_mm(points, labels.spacing_mm) for points in discs]))
    along = centres[0] - centres[-1]
    tilt = float(np.degrees(np.arccos(min(1.0, abs(along[2]) / float(np.linalg.norm(along))))))
    body = np.mean([_body_between(labels, structures, a, b) for a, b in pairwise(centres)])
    if body < bounds.MIN_BODY_SHARE or tilt > bounds.MAX_TILT_DEGREES:
        return ["no column of vertebrae and discs was found: this does not look like a lumbar spine"], []
    sacrum = bool(np.any(structures == Structure.SACRUM))
    short = step < bounds.MIN_STEP_MM and not sacrum
    if short or step > bounds.MAX_STEP_MM or depth < bounds.MIN_DEPTH_MM:
        return [
            f"the vertebrae found are not of lumbar size (discs {step:.0f} mm apart and {depth:.0f} mm deep): "
            "another part of the spine, or wrong units"
        ], []
    if np.mean([_has_sac_behind(labels, structures, c) for c in centres]) < bounds.MIN_SAC_BEHIND:
        return ["hardly any thecal sac was found behind the discs: this does not look like lumbar T2 MRI"], []
    if not sacrum and step < bounds.DOUBTFUL_STEP_MM:
        return [], ["the vertebrae are short and no sacrum is in the field: is this the thoracic spine?"]
    return [], []


def _points(labels: Volume, boxes: list[tuple[slice, slice, slice]], index: int) -> NDArray[np.intp]:
    """(n, 3) voxels of one label."""
    box = boxes[index - 1]
    return np.asarray(np.argwhere(labels.data[box] == index) + [s.start for s in box])


def _depth_mm(voxels: NDArray[np.intp], spacing_mm: FloatArray) -> float:
    """Front to back, along the disc, in the slice that holds most of it."""
    slices, counts = np.unique(voxels[:, 0], return_counts=True)
    points = voxels[voxels[:, 0] == slices[np.argmax(counts)], 1:] * spacing_mm[1:]
    if len(points) < 3:
        return 0.0
    along = np.linalg.eigh(np.cov(points.T))[1][:, 1]
    return float(np.ptp(points @ along))


def _body_between(
    labels: Volume, structures: NDArray[np.uint8], above: FloatArray, below: FloatArray
) -> float:
    """Share of the middle of the way from disc to disc that leads through a vertebral body."""
    way = above + (below - above) * np.linspace(0.3, 0.7, 15)[:, None]
    index = np.clip(np.round(labels.to_index(way)).astype(int), 0, np.array(labels.shape) - 1)
    return float(np.mean(structures[tuple(index.T)] == Structure.VERTEBRAL_BODY))


def _has_sac_behind(labels: Volume, structures: NDArray[np.uint8], centre: FloatArray) -> bool:
    at = np.round(labels.to_index(centre)).astype(int)
    beside, behind = (round(BESIDE_MM / labels.spacing_mm[0]), round(45.0 / labels.spacing_mm[2]))
    part = structures[max(0, at[0] - beside) : at[0] + beside + 1, at[1], at[2] : at[2] + behind]
    return bool(np.any(part == Structure.THECAL_SAC))


def look(image: Volume, structures: NDArray[np.uint8]) -> Look:
    """Measure the ratios of tissue signal.

    Args:
        image: in sagittal order.
        structures: uint8 `Structure` values on the same grid.
    """
    across, down, back = (float(v) for v in image.spacing_mm)
    sac, body = structures == Structure.THECAL_SAC, structures == Structure.VERTEBRAL_BODY
    per_slice = np.count_nonzero(sac, axis=(1, 2))
    nothing = Look(None, None, None)
    if not per_slice.any():
        return nothing
    order = np.arange(len(structures))
    away = np.abs(order - np.average(order, weights=per_slice)) * across
    thin = max(1, round(SLICE_STEP_MM / across))
    near = np.flatnonzero(away <= max(BESIDE_MM, across))[::thin]
    aside = np.flatnonzero((away >= MUSCLE_FROM_MM) & (away <= MUSCLE_TO_MM))[::thin]
    found: list[tuple[float, float, float]] = []
    for row in range(0, structures.shape[1], max(1, round(ROW_STEP_MM / down))):
        in_sac, in_body = sac[near, row], body[near, row]
        if np.count_nonzero(in_sac) < MIN_SAC_VOXELS or np.count_nonzero(in_body) < MIN_BODY_VOXELS:
            continue
        grey, flank = (np.asarray(image.data[slices, row], np.float32) for slices in (near, aside))
        marrow, csf = float(np.median(grey[in_body])), float(np.median(grey[in_sac]))
        if min(marrow, csf) > 0:
            end = int(np.flatnonzero(in_sac.any(axis=0)).max())
            behind, muscle = (
                _behind(grey, end, FAT_BEHIND_MM, back),
                _behind(flank, end, MUSCLE_BEHIND_MM, back),
            )
            bright = float(np.quantile(grey[in_sac], 0.8))
            fat = float(np.median(behind.max(axis=1))) if behind.size else np.nan
            dark = float(np.quantile(muscle, MUSCLE_QUANTILE)) if muscle.size else np.nan
            found.append((bright / marrow, fat / csf, dark / marrow))
    return Look(*(_median(np.array(column)) for column in zip(*found, strict=True))) if found else nothing


def _behind(
    grey: NDArray[np.float32], end: int, reach_mm: tuple[float, float], back_mm: float
) -> NDArray[np.float32]:
    """The part of rows (slices, columns) that lies so far behind a column."""
    return grey[:, end + round(reach_mm[0] / back_mm) : end + round(reach_mm[1] / back_mm)]


def _median(values: FloatArray) -> float | None:
    """Of what could be measured; None where that is in too few rows."""
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) >= MIN_ROWS else None
