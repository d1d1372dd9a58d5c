"""What was measured beside what is true: a row per level of a study, and one per herniation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.phantoms import REPEATS, Patient, Shot
from resorb import Timepoint
from resorb.anatomy import Level
from resorb.reading import Class, Classes, DiscReading, Herniation, Quantity
from resorb.simulation.truth import LevelTruth
from resorb.simulation.truth.record import Classes as TrueClasses
from resorb.simulation.truth.record import Sizes

#: Of displaced material: of a level or of a herniation.
SIZES = (
    "depth_mm", "width_mm", "height_mm", "volume_mm3", "area_mm2", "cranial_migration_mm", "caudal_migration_mm",
    "contact_mm2",
)  # fmt: skip
#: Of a herniation alone; those with a point are of one plane.
SECTIONS = (
    "axial_area_mm2", "sagittal_area_mm2", "axial.base_mm", "axial.extent_mm", "sagittal.base_mm",
    "sagittal.extent_mm",
)  # fmt: skip
OF_LEVEL = (
    "slip_mm", "disc_height_mm", "disc_height_index", "focal_volume_mm3", "bulge_volume_mm3", "circumference_share",
    "canal_occupied", "sac_area_mm2",
)  # fmt: skip
RATIO = "t2_ratio"
QUANTITIES = (*SIZES, RATIO, *SECTIONS, *OF_LEVEL)
CLASSES = ("morphology", "msu_size", "msu_zone", "zone", "side", "height_level")
OF_LEVEL_CLASSES = ("canal_compromise", "degeneration")
ORIGIN = ("left_mm", "posterior_mm", "cranial_mm")
OF_STUDY = ("seed", "case", "acquisition", "masks", "resorb_version")
KEY = (*OF_STUDY, "level", "herniation")
SEEN = ("pixel_mm", "slice_mm", "confidence")
COLUMNS = (
    *KEY, *SEEN, "missing", *(f"origin {axis}" for axis in ORIGIN),
    *(f"{name}{what}" for name in QUANTITIES for what in ("", " low", " high", " true", " source", " reason")),
    *(f"{name}{what}" for name in (*CLASSES, *OF_LEVEL_CLASSES) for what in ("", " near", " true", " margin")),
)  # fmt: skip
WHOLE = "0"  # of `herniation`: all of a level
EXTRA = "extra"  # one that is not there
SAME_LEVEL_MM, SAME_HERNIATION_MM = 15.0, 15.0

Row = dict[str, object]


def rows_of(made: Patient, acquisition: str, timepoint: Timepoint) -> Iterator[Row]:
    """The rows of one study, without `OF_STUDY`; of one scanned again only where the frames lie."""
    shot = made.shots[acquisition if acquisition in REPEATS else acquisition.split(" sagittal")[0]]
    spacing = timepoint.study.sagittal.volume.sagittal().spacing_mm
    seen = {"pixel_mm": f"{spacing[1:].mean():.3f}", "slice_mm": f"{spacing[0]:.3f}"}
    for level in made.truth.levels:
        disc = _same_level(level.level, shot, timepoint)
        row: Row = {"level": level.level, "herniation": WHOLE, **seen}
        if disc is None:
            yield row | {"missing": "no such level was found"}
            continue
        row |= {"confidence": "" if disc.confidence is None else f"{disc.confidence:.4f}"}
        row |= _origin(disc, shot.frames[level.level], timepoint)
        if acquisition in REPEATS:
            yield row
            continue
        yield row | _level(level, disc, shot)
        yield from (row | found for found in _herniations(level, disc, shot))


def _same_level(name: str, shot: Shot, timepoint: Timepoint) -> DiscReading | None:
    """The level that lies there, whatever it is called; one without a frame by its name."""
    origin, _ = shot.frames[name]
    discs = timepoint.reading.discs
    far = [np.inf if disc.origin is None else float(np.linalg.norm(disc.origin - origin)) for disc in discs]
    if far and min(far) < SAME_LEVEL_MM:
        return discs[int(np.argmin(far))]
    return next((disc for disc in discs if disc.level == name and disc.origin is None), None)


def _origin(disc: DiscReading, exact: tuple[np.ndarray, np.ndarray], timepoint: Timepoint) -> Row:
    """Error of the frame's origin along the true axes."""
    if disc.origin is None:
        return {"missing": disc.depth_mm.reason}
    frame = timepoint.frames.get(Level.parse(disc.level))
    found = np.array(disc.origin) if frame is None else frame.origin
    return {f"origin {a}": f"{e:.4f}" for a, e in zip(ORIGIN, exact[1] @ (found - exact[0]), strict=True)}


def _level(true: LevelTruth, disc: DiscReading, shot: Shot) -> Row:
    row: Row = {}
    for name in SIZES:
        row |= _pair(name, getattr(disc, name), getattr(true.sizes, name).value)
    for name in OF_LEVEL:
        exact = getattr(true, name)
        row |= _pair(name, getattr(disc, name), exact.value if isinstance(exact, Quantity) else exact)
    row |= _pair(RATIO, disc.t2_ratio, shot.t2_ratio.get((true.level, 0)))
    row |= _classes(disc.classes, true.classes)
    row |= _class(
        "canal_compromise", disc.canal_compromise, true.canal_compromise.value, true.canal_compromise.margin
    )
    grade = None if true.degeneration is None else str(true.degeneration)
    return row | _class("degeneration", disc.degeneration, grade, None)


def _herniations(true: LevelTruth, disc: DiscReading, shot: Shot) -> Iterator[Row]:
    """A row per true herniation outside the reference surface, and one per measured one that is none of them."""
    there = [one for one in true.focal if one.sizes.centre is not None]
    cost = np.array(
        [
            [np.linalg.norm(np.subtract(one.sizes.centre or (0, 0, 0), h.centre)) for h in disc.herniations]
            for one in there
        ]
    ).reshape(len(there), len(disc.herniations))
    pairs = {
        int(a): int(b)
        for a, b in zip(*linear_sum_assignment(cost), strict=True)
        if cost[a, b] < SAME_HERNIATION_MM
    }
    for n, one in enumerate(there):
        row: Row = {"herniation": str(one.number)}
        found = disc.herniations[pairs[n]] if n in pairs else None
        if found is None:
            row["missing"] = "no herniation was found there"
        exact = shot.t2_ratio.get((true.level, one.number))
        yield row | _sizes(found, one.sizes, exact) | _classes(found.classes if found else None, one.classes)
    for n, extra in enumerate(disc.herniations):
        if n not in pairs.values():
            yield {"herniation": EXTRA, **_sizes(extra, None, None), **_classes(extra.classes, None)}


def _sizes(found: Herniation | None, true: Sizes | None, ratio: float | None) -> Row:
    row: Row = {}
    for name in (*SIZES, *SECTIONS):
        exact = None if true is None else _named(true, name).value
        row |= _pair(name, None if found is None else _named(found, name), exact)
    return row | _pair(RATIO, None if found is None else found.t2_ratio, ratio)


def _named(record: Herniation | Sizes, name: str) -> Quantity:
    plane, _, end = name.rpartition(".")
    whose: object = getattr(record, plane) if plane else record
    quantity = getattr(whose, end)
    assert isinstance(quantity, Quantity)
    return quantity


def _pair(name: str, found: Quantity | None, true: float | None) -> Row:
    row: Row = {f"{name} true": _number(true)}
    if found is not None:
        row |= {
            name: _number(found.value),
            f"{name} low": _number(found.low),
            f"{name} high": _number(found.high),
        }
        row |= {f"{name} source": found.source, f"{name} reason": found.reason}
    return row


def _classes(found: Classes | None, true: TrueClasses | None) -> Row:
    row: Row = {}
    for name in CLASSES:
        exact = None if true is None else getattr(true, name)
        own = None if found is None else getattr(found, name)
        row |= _class(name, own, exact and exact.value, exact and exact.margin)
    return row


def _class(name: str, found: Class | None, true: str | None, margin: float | None) -> Row:
    row: Row = {f"{name} true": true or "", f"{name} margin": _number(margin)}
    if found is not None:
        row |= {name: found.value or "", f"{name} near": int(found.near)}
    return row


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def value(row: Mapping[str, str], name: str) -> float | None:
    """A number of a stored row; None where there is none."""
    return float(row[name]) if row.get(name) else None
