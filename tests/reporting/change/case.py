"""Two dates of the spine of boxes whose change is known: half of the material gone, the patient lying otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
from scipy.spatial.transform import Rotation

from resorb.anatomy import Level
from resorb.change import (
    Between,
    Change,
    Dated,
    Difference,
    Event,
    History,
    LevelChange,
    Rate,
    Track,
    Verdict,
)
from resorb.frame import Frame
from resorb.reading import HERNIATION_QUANTITIES, Herniation, PlaneExtent, Quantity
from resorb.study import FloatArray, Volume
from resorb.timepoint import Timepoint
from tests.reporting import spine

#: mm3 by construction: 7 x 4 x 8 mm, then the cranial half of it.
FIRST_MM3, LAST_MM3 = 224.0, 112.0
ERRORS = "an author's outlines; 3 patients on one scanner"
WORDS = "L4/L5 left: it has shrunk by 50 % (41 to 59), from 224 mm³ to 112 mm³, beyond measurement error."
ALERT = "L4/L5: severe canal compromise. Ask the same day about bladder and bowel."
SAME_DAY = "New numbness between the legs: go to an emergency department the same day."
#: Where the patient lies on the second date, against the first.
POSE = np.eye(4)
POSE[:3, :3] = Rotation.from_euler("xyz", (4.0, -3.0, 6.0), degrees=True).as_matrix()
POSE[:3, 3] = (11.0, -23.0, 8.0)


def known(value: float | None, low: float | None = None, high: float | None = None) -> Quantity:
    reason = "" if value is not None else "CSF is clipped"
    return Quantity(
        value=value, low=low, high=high, reason=reason, method="by construction", source="sagittal"
    )


def herniation() -> Herniation:
    values: dict[str, object] = {name: known(8.0) for name in HERNIATION_QUANTITIES}
    values["volume_mm3"] = known(FIRST_MM3)
    values |= {"number": 1, "apex": (-5.0, -4.0, 1.0), "centre": (-5.0, -3.0, 1.0), "continuous": True}
    values["axial"] = PlaneExtent(base_mm=known(7.0), extent_mm=known(7.0))
    values["sagittal"] = PlaneExtent(base_mm=known(8.0), extent_mm=known(8.0))
    return Herniation.model_validate(values)


def with_herniation(point: Timepoint) -> Timepoint:
    discs = tuple(
        disc.model_copy(update={"herniations": (herniation(),)}) if disc.level == "L4/L5" else disc
        for disc in point.reading.discs
    )
    return replace(point, reading=point.reading.model_copy(update={"discs": discs}))


def moved(point: Timepoint, pose: FloatArray) -> Timepoint:
    """The same date with the patient lying elsewhere; the frames go with him."""

    def volume(one: Volume) -> Volume:
        return Volume(one.data, pose @ one.affine)

    def frame(one: Frame) -> Frame:
        return replace(one, origin=pose[:3, :3] @ one.origin + pose[:3, 3], axes=one.axes @ pose[:3, :3].T)

    sagittal = replace(point.study.sagittal, stacks=(volume(point.study.sagittal.volume),))
    return replace(
        point,
        study=replace(point.study, series=(sagittal,), sagittal=sagittal),
        anatomy=replace(point.anatomy, labels=volume(point.anatomy.labels)),
        displaced=volume(point.displaced),
        frames={level: frame(one) for level, one in point.frames.items()},
    )


def halved(point: Timepoint) -> Timepoint:
    """The caudal half of the displaced material gone, and no herniation found any more."""
    points = point.displaced.to_world(np.moveaxis(np.indices(point.displaced.shape), 0, -1))
    gone = (point.displaced.data > 0) & (points[..., 2] < 1.0)
    displaced = point.displaced.with_data(np.where(gone, 0, point.displaced.data).astype(np.uint8))
    discs = tuple(disc.model_copy(update={"flags": (), "apex": None}) for disc in point.reading.discs)
    return replace(point, displaced=displaced, reading=point.reading.model_copy(update={"discs": discs}))


def timepoints() -> tuple[Timepoint, Timepoint]:
    """In thin slices, so that both dates show the very same plane."""
    shape, affine = spine.grid((45, 150, 120), (1.0, 1.0, 1.0))
    first = with_herniation(spine.timepoint(shape, affine))
    return first, moved(halved(spine.timepoint(shape, affine)), POSE)


def change(history: History | None = "unknown", **changes: object) -> Change:
    days = (date(2024, 1, 15), date(2024, 7, 18))
    verdict = Verdict(first=1, last=2, value="regressed", words=WORDS, reasons=("Looked at with 3 levels.",))
    values: dict[str, object] = {
        "resorb_version": "0.1.0",
        "sentence": WORDS,
        "error_source": ERRORS,
        "dates": tuple(
            Dated(
                number=n,
                date=day,
                days=float((day - days[0]).days),
                study_sha256=f"{n}" * 64,
                series=f"series 3: {spine.HOSTILE}",
                spacing_mm=(4.0, 1.0, 1.0),
                segmented_by="by construction",
            )
            for n, day in enumerate(days, start=1)
        ),
        "between": (Between(first=1, last=2, history=history),) if history else (),
        "levels": tuple(_level(level, verdict) for level in spine.LEVELS),
        "tracks": (_track(verdict),),
        "warnings": (f"the outlines differ {spine.HOSTILE}",),
    }
    return Change.model_validate(values | changes)


def differences() -> tuple[Difference, ...]:
    return (
        Difference(
            quantity="volume_mm3",
            first=1,
            last=2,
            absolute=known(-112.0, -132.0, -92.0),
            relative=known(-0.5, -0.59, -0.41),
            smallest_detectable=40.0,
            beyond_error=True,
        ),
    )


def _track(verdict: Verdict) -> Track:
    return Track(
        identifier="5f3a",
        level="L4/L5",
        side="left",
        herniations=((1,), ()),
        events=(Event(date=2, kind="vanished", words="it is no longer found"),),
        quantities={
            "volume_mm3": (known(FIRST_MM3, 204.0, 244.0), known(LAST_MM3, 92.0, 132.0)),
            "t2_ratio": (known(0.4), known(None)),
        },
        differences=differences(),
        verdict=verdict,
        course=(Rate(quantity="volume_mm3", per_month=known(-18.4), half_life_reason="two dates only"),),
    )


def _level(level: Level, verdict: Verdict) -> LevelChange:
    there = level == spine.DISPLACED
    same = Verdict(first=1, last=2, value="unchanged", words=f"{level}: unchanged within measurement error.")
    values = (known(FIRST_MM3), known(LAST_MM3)) if there else (known(30.0), known(31.0))
    return LevelChange(
        level=str(level),
        registered_by="vertebrae",
        registration_error_mm=0.41,
        quantities={"volume_mm3": values},
        differences=differences() if there else (),
        verdict=verdict if there else same,
    )
