"""Dates without images: frames in a column, herniations wherever a test puts them, and registrations that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from resorb.anatomy import Anatomy, Level, LevelNaming
from resorb.frame import Frame, Rim
from resorb.reading import (
    HERNIATION_QUANTITIES,
    QUANTITIES,
    Class,
    Classes,
    DiscReading,
    Herniation,
    PlaneExtent,
    Quantity,
    Reading,
)
from resorb.registration import Method, Registration
from resorb.study import Contrast, FloatArray, Plane, Series, Study, Volume
from resorb.timepoint import Timepoint

L3L4, L4L5, L5S1 = (Level.parse(name) for name in ("L3/L4", "L4/L5", "L5/S1"))
LEVELS = (L3L4, L4L5, L5S1)
PITCH_MM = 36.0
MISSING = Quantity(value=None, reason="not part of this test")
UPRIGHT = np.array([[-1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])  # left, posterior, cranial in RAS+


@dataclass(frozen=True)
class Bulk:
    """A herniation to be: where its middle lies (left, posterior, cranial mm from the frame), and its sizes."""

    volume_mm3: float | None = 1000.0
    left: float = 6.0
    cranial: float = 0.0
    depth_mm: float = 8.0
    width_mm: float = 14.0
    height_mm: float = 14.0
    morphology: str = "extrusion"
    reason: str = "cropped"
    low: float | None = None


def classes(morphology: str, side: str) -> Classes:
    blank = Class(value=None, reason="not part of this test")
    return Classes(
        morphology=Class(value=morphology),
        msu_size=blank,
        msu_zone=blank,
        zone=blank,
        side=Class(value=side),
        height_level=blank,
    )


def frame(level: Level, pose: FloatArray) -> Frame:
    rim = Rim(np.array([-20.0, 20.0]), np.zeros(2), np.zeros(2), (0.0, 0.0), "a test")
    origin = np.array([0.0, 0.0, -PITCH_MM * LEVELS.index(level), 1.0])
    return Frame(
        level=level,
        origin=(pose @ origin)[:3],
        axes=UPRIGHT @ pose[:3, :3].T,
        upper=rim,
        lower=rim,
        slip_mm=0.0,
        step_share=0.0,
        disc_height_mm=9.0,
        midline_source="a test",
    )


def herniation(number: int, bulk: Bulk, where: Frame) -> Herniation:
    numbers: dict[str, Any] = dict.fromkeys(HERNIATION_QUANTITIES, MISSING)
    for name in ("depth_mm", "width_mm", "height_mm"):
        numbers[name] = Quantity(value=getattr(bulk, name))
    numbers["volume_mm3"] = Quantity(
        value=bulk.volume_mm3, low=bulk.low, reason="" if bulk.volume_mm3 is not None else bulk.reason
    )
    world = where.to_world(np.array([bulk.left, bulk.depth_mm / 2, bulk.cranial]))
    centre = (float(world[0]), float(world[1]), float(world[2]))
    side = "midline" if abs(bulk.left) <= 2 else "left" if bulk.left > 0 else "right"
    plane = PlaneExtent(base_mm=MISSING, extent_mm=MISSING)
    return Herniation(
        number=number,
        apex=centre,
        centre=centre,
        continuous=bulk.morphology != "sequestration",
        axial=plane,
        sagittal=plane,
        classes=classes(bulk.morphology, side),
        **numbers,
    )


def disc(level: Level, herniations: Sequence[Herniation], *flags: str, **others: Any) -> DiscReading:
    numbers: dict[str, Any] = dict.fromkeys(QUANTITIES, MISSING)
    bulge = 120.0
    focal = sum(one.volume_mm3.at_least or 0.0 for one in herniations)
    numbers["volume_mm3"] = Quantity(value=bulge + focal)
    numbers["focal_volume_mm3"] = Quantity(value=focal)
    numbers["bulge_volume_mm3"] = Quantity(value=bulge)
    return DiscReading(level=str(level), flags=flags, herniations=tuple(herniations), **{**numbers, **others})


def timepoint(
    name: str,
    found: Mapping[Level, Sequence[Bulk]],
    *,
    day: date | None = None,
    pose: FloatArray | None = None,
    slice_mm: float = 0.9,
    sequence: dict[str, str | float] | None = None,
    changed: Mapping[Level, Mapping[str, Any]] | None = None,
    flags: Mapping[Level, Sequence[str]] | None = None,
) -> Timepoint:
    """One date; `changed` replaces quantities of a level, `flags` adds flags."""
    pose = np.eye(4) if pose is None else pose
    affine = np.array([[-slice_mm, 0, 0, 0], [0, 0, -0.5, 0], [0, -0.5, 0, 0], [0, 0, 0, 1.0]])
    image = Volume(np.zeros((4, 6, 6), np.int16), affine)
    series = Series(1, (image,), Plane.SAGITTAL, Contrast.T2, sequence=sequence or {})
    study = Study((series,), series, None, (), (), day, name, synthetic=False)
    frames = {level: frame(level, pose) for level in LEVELS}
    discs = [
        disc(
            level,
            [herniation(n, bulk, frames[level]) for n, bulk in enumerate(found.get(level, ()), start=1)],
            *(flags or {}).get(level, ()),
            **(changed or {}).get(level, {}),
        )
        for level in LEVELS
    ]
    reading = Reading(
        resorb_version="0",
        study_sha256=name,
        study_date=day,
        series="series 1",
        segmented_by="mask, a test",
        level_naming="the sacrum",
        discs=tuple(discs),
    )
    blank = image.with_data(np.zeros(image.shape, np.uint16))
    anatomy = Anatomy(blank, LEVELS, LevelNaming("the sacrum"), "mask, a test", {})
    return Timepoint(study, anatomy, reading, blank, frames)


def registered(
    points: Sequence[Timepoint], *, error_mm: float = 0.2, method: Method = "vertebrae", reason: str = ""
) -> dict[Level, Registration]:
    """Registrations of every level; the motions themselves are of no account here."""
    motions = np.stack([np.eye(4)] * len(points))
    return {
        level: Registration(level, motions, motions, motions, error_mm, method, reason) for level in LEVELS
    }


def doubted(point: Timepoint, doubt: str) -> Timepoint:
    naming = LevelNaming("the sacrum", (doubt,))
    return replace(point, anatomy=replace(point.anatomy, naming=naming))
