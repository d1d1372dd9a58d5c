"""A study and its anatomy in, a `Timepoint` out: every level framed and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb import __version__
from resorb.anatomy import Anatomy, Level, Structure, anatomy_index
from resorb.errors import NotMeasurableError
from resorb.frame import Frame
from resorb.framing import fit_frame
from resorb.limits import Limits, load_limits
from resorb.measurement.classes import DiscState, degeneration, sac_narrowing
from resorb.measurement.displaced import Displaced
from resorb.measurement.herniations import all_displaced, herniations_of
from resorb.measurement.intervals import with_intervals
from resorb.measurement.level import LevelScene, scene_of
from resorb.measurement.nearness import with_nearness
from resorb.measurement.nucleus import nucleus_ratio
from resorb.measurement.record import disc_record, slip_limit, unmeasurable
from resorb.measurement.signal import t2_ratio
from resorb.reading import DiscReading, Quantity, Reading
from resorb.study import Study, Volume
from resorb.timepoint import Timepoint
from resorb.voxels import index_of

#: Voxels around the vertebrae of a level that are kept with it.
PAD = 8


def measure(
    study: Study,
    anatomy: Anatomy,
    limits: Limits | None = None,
    *,
    frames: Mapping[Level, Frame] | None = None,
) -> Timepoint:
    """Measure every disc level of a study.

    A level whose frame cannot be fitted is kept in the reading, flagged `unmeasurable`, with the reason.

    Args:
        study: the study; its sagittal series is on the grid of the anatomy, its axial stacks on those of
            `anatomy.axial`.
        anatomy: labels of those series.
        limits: thresholds; the built-in ones if None.
        frames: levels named here are measured against these, in place of a frame fitted to this date alone (the
            joint reference of several dates).
    """
    limits = limits or load_limits()
    given = frames or {}
    image = study.sagittal.volume.sagittal()
    ordered = replace(anatomy, labels=anatomy.labels.sagittal())
    signal = _Signal(image, ordered.structure(Structure.THECAL_SAC), limits)

    found: dict[Level, Frame] = {}
    discs: list[DiscReading] = []
    mask = np.zeros(image.shape, np.uint8)
    boxes = ndimage.find_objects(ordered.labels.data)
    for level in anatomy.levels:
        near, corner = _around(ordered, level, boxes)
        try:
            frame = given.get(level) or fit_frame(near, level, slip_limit_mm=slip_limit(level, limits))
        except NotMeasurableError as error:
            discs.append(unmeasurable(near, level, str(error)))
            continue
        found[level] = frame
        scene = scene_of(ordered, near, frame, limits)
        mask[tuple((scene.displaced.index + corner).T)] = level.ordinal
        discs.append(_read(scene, signal, corner))

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
    reading = with_intervals(reading, anatomy, image.spacing_mm)
    reading = with_nearness(reading, image.spacing_mm, limits)
    return Timepoint(study, anatomy, reading, study.sagittal.volume.from_sagittal(mask), found)


class _Signal:
    """The T2 ratio of displaced material that is given on a part of the image."""

    def __init__(self, image: Volume, sac: NDArray[np.bool_], limits: Limits) -> None:
        self._image, self._sac, self._clipped = image, sac, limits["clipped_share"]

    def of(self, displaced: Displaced, corner: NDArray[np.intp]) -> Quantity:
        in_image = replace(displaced, index=displaced.index + corner, volume=self._image)
        return t2_ratio(self._image, self._sac, in_image, self._clipped)

    def nucleus(self, scene: LevelScene, corner: NDArray[np.intp]) -> Quantity:
        disc = index_of(scene.anatomy.disc(scene.frame.level)) + corner
        return nucleus_ratio(self._image, disc, self._sac, scene.frame)


def _read(scene: LevelScene, signal: _Signal, corner: NDArray[np.intp]) -> DiscReading:
    herniations = herniations_of(scene)
    ratios = [signal.of(one.displaced(), corner) for one in herniations]
    disc = disc_record(scene, all_displaced(scene), herniations, (signal.of(scene.displaced, corner), ratios))
    nucleus = signal.nucleus(scene, corner)
    state = DiscState(nucleus.value, disc.disc_height_mm.value, reason=nucleus.reason)
    sac = disc.sac_area_mm2
    return disc.model_copy(
        update={
            "degeneration": degeneration(state, scene.limits),
            "sac_narrowing": sac_narrowing(sac.value, scene.limits, reason=sac.reason),
        }
    )


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
