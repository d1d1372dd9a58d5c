"""A study and its anatomy in, a `Timepoint` out: every level framed and measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb import __version__
from resorb.anatomy import Anatomy, Level, Structure, anatomy_index
from resorb.errors import NotMeasurableError
from resorb.frame import Frame
from resorb.framing import fit_frame
from resorb.limits import Limits, load_limits
from resorb.measurement.displaced import Displaced, find_displaced, is_separate
from resorb.measurement.focal import prominence
from resorb.measurement.signal import t2_ratio
from resorb.reading import DiscReading, Point, Quantity, Reading
from resorb.study import FloatArray, Study, Volume
from resorb.timepoint import Timepoint

SAGITTAL = "sagittal"
#: Above this level discs are measured, not judged: rib joints look like displaced disc, and limits are lumbar.
FIRST_LUMBAR = Level("T12", "L1")
#: Voxels around the vertebrae of a level that are kept with it.
PAD = 8
#: Circumference of a lumbar disc from its anteroposterior length alone: an ellipse 1.4 times as wide as long.
WIDTH_OVER_LENGTH = 1.4


def measure(study: Study, anatomy: Anatomy, limits: Limits | None = None) -> Timepoint:
    """Measure every disc level of a study.

    A level whose frame cannot be fitted is kept in the reading, flagged `unmeasurable`, with the reason.

    Args:
        study: the study; its sagittal series is on the grid of the anatomy.
        anatomy: labels of that series.
        limits: thresholds; the built-in ones if None.
    """
    limits = limits or load_limits()
    image = study.sagittal.volume.sagittal()
    ordered = replace(anatomy, labels=anatomy.labels.sagittal())
    sac = ordered.structure(Structure.THECAL_SAC)

    frames: dict[Level, Frame] = {}
    discs: list[DiscReading] = []
    mask = np.zeros(image.shape, np.uint16)
    boxes = ndimage.find_objects(ordered.labels.data.astype(np.int32))
    for level in anatomy.levels:
        near, corner = _around(ordered, level, boxes)
        try:
            frame = fit_frame(near, level, slip_limit_mm=_slip_limit(level, limits))
        except NotMeasurableError as error:
            discs.append(_unmeasurable(near, level, str(error)))
            continue
        frames[level] = frame
        displaced, uncovered = find_displaced(near.disc(level), frame, near.labels)
        in_image = replace(displaced, index=displaced.index + corner, volume=image)
        mask[tuple(in_image.index.T)] = level.ordinal
        ratio = t2_ratio(image, sac, in_image, limits["clipped_share"])
        discs.append(_read(near, frame, displaced, uncovered, ratio, limits))

    reading = Reading(
        resorb_version=__version__,
        study_sha256=study.sha256,
        study_date=study.study_date,
        synthetic=study.synthetic,
        series=f"{study.sagittal.number}: {study.sagittal.description or study.sagittal.plane.value}",
        segmented_by=anatomy.source,
        level_naming=anatomy.naming.anchor,
        doubts=anatomy.naming.doubts,
        warnings=study.warnings + anatomy.warnings,
        discs=tuple(discs),
    )
    return Timepoint(study, anatomy, reading, study.sagittal.volume.from_sagittal(mask), frames)


def _around(
    anatomy: Anatomy, level: Level, boxes: list[tuple[slice, slice, slice] | None]
) -> tuple[Anatomy, NDArray[np.intp]]:
    """The part of the anatomy that a level is measured on, and the voxel index (3,) of its first corner.

    All slices, whose ends are the field's; of them the rows and columns of the two vertebrae and the disc, and the
    sac behind them: the rest of the spine would be searched through for each level again.

    Args:
        boxes: of every anatomy index from 1, as from `ndimage.find_objects`.
    """
    indices = [
        *(
            anatomy_index(s, v)
            for s in (Structure.VERTEBRAL_BODY, Structure.SACRUM)
            for v in (level.upper, level.lower)
        ),
        anatomy_index(Structure.DISC, level.upper),
    ]
    there = [box for n in indices if n <= len(boxes) and (box := boxes[n - 1]) is not None]
    sac = anatomy_index(Structure.THECAL_SAC)
    beside = [*there, *(box for box in boxes[sac - 1 : sac] if box is not None)]
    shape = anatomy.labels.shape
    rows, columns = (
        (
            max(0, min((box[axis].start for box in parts), default=0) - PAD),
            min(shape[axis], max((box[axis].stop for box in parts), default=0) + PAD),
        )
        for axis, parts in ((1, there), (2, beside))
    )
    corner = np.array([0, rows[0], columns[0]])
    affine = anatomy.labels.affine.copy()
    affine[:3, 3] = anatomy.labels.to_world(corner)
    part = Volume(anatomy.labels.data[:, slice(*rows), slice(*columns)], affine)
    return replace(anatomy, labels=part), corner


def _slip_limit(level: Level, limits: Limits) -> float:
    return limits["listhesis_anterior_sacral" if level.lower == "S1" else "listhesis_anterior"]


def _unmeasurable(anatomy: Anatomy, level: Level, why: str) -> DiscReading:
    """A level that has a disc but no frame: its volume, and why the rest is missing."""
    missing = Quantity(value=None, reason=why)
    return DiscReading(
        level=str(level),
        flags=("thoracic", "unmeasurable") if level < FIRST_LUMBAR else ("unmeasurable",),
        notes=(why,),
        confidence=anatomy.confidence.get(level),
        slip_mm=missing,
        disc_volume_mm3=_disc_volume(anatomy, level),
        disc_height_mm=missing,
        depth_mm=missing,
        area_mm2=missing,
        volume_mm3=missing,
        width_mm=missing,
        height_mm=missing,
        t2_ratio=missing,
    )


def _read(
    anatomy: Anatomy, frame: Frame, displaced: Displaced, uncovered: float, ratio: Quantity, limits: Limits
) -> DiscReading:
    depth = displaced.depth_mm
    floor = limits["extent_floor"]
    flags, notes = [], []
    thoracic = frame.level < FIRST_LUMBAR
    if thoracic:
        flags.append("thoracic")
    beyond = not thoracic and depth >= limits["displaced_depth"]
    if beyond:
        flags.append("displaced")
        spacing = float(displaced.volume.spacing_mm[0])
        peak = prominence(displaced.depth_by_slice_mm(), spacing, limits["focal_relative_depth"])
        widest = limits["focal_share"] * _circumference(anatomy, frame)
        deep, stands_out = depth >= limits["focal_depth"], peak.height_mm >= limits["focal_prominence"]
        if deep and stands_out and peak.width_mm < widest:
            flags.append("focal")
    slipped = (
        frame.slip_mm >= _slip_limit(frame.level, limits) or -frame.slip_mm >= limits["listhesis_posterior"]
    )
    if slipped:
        flags.append("listhesis")
    if slipped and uncovered >= limits["uncovered_volume"]:
        flags.append("uncovered")
        notes.append(
            f"{uncovered:.0f} mm3 of disc lie uncovered between the slipped corners, not counted as displaced"
        )
    if beyond and is_separate(anatomy.disc(frame.level), displaced):
        notes.append("the deepest piece is separate from its disc; it is counted to the nearest level")
    if displaced.cropped:
        flags.append("cropped")
    confidence = anatomy.confidence.get(frame.level)
    if confidence is not None and confidence < limits["low_confidence"]:
        flags.append("low_confidence")
    behind = displaced.around_apex(floor)
    local = displaced.local[behind]
    return DiscReading(
        level=str(frame.level),
        flags=tuple(flags),
        notes=tuple(notes),
        confidence=confidence,
        origin=_point(frame.origin),
        upper_corner=_point(frame.upper_corner),
        lower_corner=_point(frame.lower_corner),
        lower_corner_source=frame.lower.source,
        apex=_apex(displaced, frame) if beyond else None,
        slip_mm=_quantity(frame.slip_mm, "offset of the facing posterior corners in the midline"),
        disc_volume_mm3=_disc_volume(anatomy, frame.level),
        disc_height_mm=_height(frame),
        depth_mm=_depth(displaced),
        area_mm2=_area(displaced),
        volume_mm3=_whole(
            displaced.volume_mm3, displaced.cropped, "disc volume behind the reference surface"
        ),
        width_mm=_extent(local, 0, displaced, floor),
        height_mm=_extent(local, 2, displaced, floor),
        t2_ratio=ratio,
        side=_side(displaced, limits["focal_relative_depth"], limits["midline_half_width"])
        if beyond
        else None,
    )


def _quantity(value: float, method: str) -> Quantity:
    return Quantity(value=round(value, 3), method=method, source=SAGITTAL)


def _whole(value: float, cropped: bool, method: str) -> Quantity:
    """A quantity that needs the whole object: only a lower bound where the field cuts it."""
    if cropped:
        return Quantity(value=None, low=round(value, 3), method=method, source=SAGITTAL, reason="cropped")
    return _quantity(value, method)


def _depth(displaced: Displaced) -> Quantity:
    """Depth is whole unless the deepest point itself lies on the field's last slice."""
    depth = displaced.depth_by_slice_mm()
    deepest = int(np.argmax(depth))
    cropped = displaced.cropped and deepest in (0, len(depth) - 1)
    return _whole(displaced.depth_mm, cropped, "largest distance behind the reference surface")


def _area(displaced: Displaced) -> Quantity:
    area = displaced.by_slice_mm2()
    largest = int(np.argmax(area))
    cropped = displaced.cropped and largest in (0, len(area) - 1)
    return _whole(float(area[largest]), cropped, "largest sagittal section of displaced material")


def _extent(local: FloatArray, axis: int, displaced: Displaced, floor: float) -> Quantity:
    """Extent of displaced material along a local axis, with half a voxel at each end."""
    name = {0: "left-right", 2: "craniocaudal"}[axis]
    method = f"{name} extent of the deepest piece, where more than {floor:g} mm behind the reference surface"
    if not len(local):
        return Quantity(value=None, method=method, reason="nothing displaced")
    voxel = displaced.volume.spacing_mm[{0: 0, 2: 1}[axis]]
    extent = float(np.ptp(local[:, axis]) + voxel)
    return _whole(extent, axis == 0 and displaced.cropped, method)


def _circumference(anatomy: Anatomy, frame: Frame) -> float:
    """Circumference of the disc, mm: an ellipse (Ramanujan) over its length in the midline."""
    local = frame.to_local(anatomy.labels.to_world(np.argwhere(anatomy.disc(frame.level))))
    middle = local[(np.abs(local[:, 0]) < 5.0) & (local[:, 1] < 0), 1]
    a = (-float(np.quantile(middle, 0.02)) if len(middle) else 34.0) / 2
    b = WIDTH_OVER_LENGTH * a
    return float(np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b))))


def _disc_volume(anatomy: Anatomy, level: Level) -> Quantity:
    mask = anatomy.disc(level)
    edge = (
        anatomy.labels.spacing_mm[1]
        * anatomy.labels.spacing_mm[2]
        * max(int(mask[0].sum()), int(mask[-1].sum()))
    )
    volume = float(np.count_nonzero(mask) * anatomy.labels.voxel_volume_mm3)
    return _whole(volume, edge > 40.0, "volume of the disc mask, displaced material included")


def _height(frame: Frame) -> Quantity:
    if not np.isfinite(frame.disc_height_mm):
        return Quantity(value=None, reason="the endplates do not face each other")
    return _quantity(frame.disc_height_mm, "mean distance between the facing endplates, midline third")


def _apex(displaced: Displaced, frame: Frame) -> Point:
    return _point(frame.to_world(displaced.local[int(np.argmax(displaced.behind_mm))]))


def _side(displaced: Displaced, share: float, midline: float) -> Literal["left", "right", "midline"]:
    """Side of the centre of what is deeper than a share of the largest depth."""
    deep = displaced.behind_mm >= share * displaced.behind_mm.max()
    centre = float(displaced.local[deep, 0].mean())
    if abs(centre) <= midline:
        return "midline"
    return "left" if centre > 0 else "right"


def _point(point: FloatArray) -> Point:
    x, y, z = (round(float(v), 3) for v in point)
    return x, y, z
