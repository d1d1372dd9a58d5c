"""A small spine of boxes, on any grid, whose geometry the tests know: truth for what the report draws."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import Anatomy, Level, LevelNaming, Structure, anatomy_index
from resorb.frame import Frame, Rim
from resorb.reading import QUANTITIES, DiscReading, Quantity, Reading
from resorb.study import Contrast, FloatArray, Plane, Series, Study, Volume
from resorb.timepoint import Timepoint

HEIGHT_MM = 36.0  # from one disc to the next
LEVELS = (Level("L3", "L4"), Level("L4", "L5"), Level("L5", "S1"))
DISPLACED = Level("L4", "L5")
APEX = np.array([-5.0, -4.0, 1.0])  # RAS: to the left of the midline, behind the rim
HOSTILE = 'T2 <script>alert(1)</script> "sag" & \'<img src=x onerror=alert(2) href=http://example.org>'


def grid(
    shape: tuple[int, int, int] = (9, 150, 120), spacing: tuple[float, float, float] = (4.0, 1.0, 1.0)
) -> tuple[tuple[int, int, int], FloatArray]:
    """Slices from left to right, rows from superior, columns from anterior; the origin in the middle."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]]) * np.array(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return shape, affine


def box(
    points: FloatArray, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]
) -> NDArray[np.bool_]:
    low, high = np.array([x, y, z]).T
    return np.asarray(((points >= low) & (points <= high)).all(axis=-1))


def frame(level: Level) -> Frame:
    """Upright: posterior wall at y = 0, discs 8 mm high, in the midline x = 0."""
    rims = (
        Rim(np.array([-20.0, 20.0]), np.zeros(2), np.full(2, cranial), (0.0, 0.0), "test")
        for cranial in (4.0, -4.0)
    )
    z = HEIGHT_MM * (1 - LEVELS.index(level))
    return Frame(
        level=level,
        origin=np.array([0.0, 0.0, z]),
        axes=np.array([[-1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]]),
        upper=next(rims),
        lower=next(rims),
        slip_mm=0.0,
        step_share=0.0,
        disc_height_mm=8.0,
        midline_source="test",
    )


def quantity(value: float | None, reason: str = "") -> Quantity:
    return Quantity(value=value, reason=reason, method="by construction")


def disc(level: Level, *, displaced: bool = False, **changes: object) -> DiscReading:
    numbers = {name: quantity(0.25 + n) for n, name in enumerate(QUANTITIES)}
    numbers["t2_ratio"] = quantity(None, "CSF is clipped")
    values: dict[str, object] = {
        "level": str(level),
        "flags": ("displaced", "focal") if displaced else (),
        "confidence": 0.9,
        "apex": tuple(APEX) if displaced else None,
        "side": "left" if displaced else None,
        **numbers,
        **changes,
    }
    return DiscReading.model_validate(values)


def reading(discs: tuple[DiscReading, ...] | None = None, **changes: object) -> Reading:
    values: dict[str, object] = {
        "resorb_version": "0.1.0",
        "study_sha256": "0123456789abcdef" * 4,
        "study_date": date(2024, 3, 1),
        "series": f"series 3: {HOSTILE}",
        "segmented_by": "by construction",
        "level_naming": "counted from the sacrum",
        "doubts": ("the count may be off by one",),
        "warnings": ("CSF is clipped",),
        "discs": discs
        if discs is not None
        else tuple(disc(level, displaced=level == DISPLACED) for level in LEVELS),
        **changes,
    }
    return Reading.model_validate(values)


def timepoint(
    shape: tuple[int, int, int] | None = None,
    affine: FloatArray | None = None,
    record: Reading | None = None,
    *,
    framed: bool = True,
) -> Timepoint:
    """Grey by tissue: body 120, disc 60, sac 240, displaced material 60."""
    if shape is None or affine is None:
        shape, affine = grid()
    blank = Volume(np.zeros(shape, np.uint16), affine)
    points = blank.to_world(np.moveaxis(np.indices(shape), 0, -1))
    labels, image = np.zeros(shape, np.uint16), np.full(shape, 20.0, np.float32)

    def fill(mask: NDArray[np.bool_], structure: Structure, vertebra: str | None, grey: float) -> None:
        labels[mask] = anatomy_index(structure, vertebra)
        image[mask] = grey

    fill(box(points, (-8, 8), (-16, -5), (-60, 60)), Structure.THECAL_SAC, None, 240)
    for n, vertebra in enumerate(("L3", "L4", "L5", "S1")):
        z = HEIGHT_MM * (1.5 - n)
        structure = Structure.SACRUM if vertebra == "S1" else Structure.VERTEBRAL_BODY
        fill(box(points, (-20, 20), (0, 32), (z - 14, z + 14)), structure, vertebra, 120)
    for n, level in enumerate(LEVELS):
        z = HEIGHT_MM * (1 - n)
        fill(box(points, (-20, 20), (0, 32), (z - 4, z + 4)), Structure.DISC, level.upper, 60)
    material = box(points, (-8, -1), (-4, -0.01), (-3, 5))
    fill(material, Structure.DISC, DISPLACED.upper, 60)
    volume = Volume(image, affine)
    series = Series(3, (volume,), Plane.SAGITTAL, Contrast.T2, HOSTILE, "by construction")
    record = record or reading()
    return Timepoint(
        study=Study((series,), series, None, (f"series 3 ({HOSTILE})",), (), record.study_date, "00"),
        anatomy=Anatomy(blank.with_data(labels), LEVELS, LevelNaming("the sacrum"), "by construction", {}),
        reading=record,
        displaced=blank.with_data(np.where(material, DISPLACED.ordinal, 0).astype(np.uint8)),
        frames={level: frame(level) for level in LEVELS} if framed else {},
    )
