"""A series' protocol: what was left out gets its usual value, and what no scanner could do is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.simulation.phantom import Phantom
from resorb.simulation.spec import ScannerSpec, Vendor

Direction = Literal["row", "column"]


@dataclass(frozen=True)
class _Usual:
    """Usual values of one kind of series."""

    tr_ms: float
    te_ms: float
    slice_mm: float
    gap_mm: float
    pixel_mm: float
    field_of_view_mm: float
    snr: float


#: By sequence, plane and field: common clinical protocols (from memory, unverified). The voxels of SPACE are those
#: of SPIDER (van der Graaf 2024, doi 10.1038/s41597-024-03090-w); its TE is the
#: effective one, at which marrow, discs and fat are as bright beside CSF as in those images.
_USUAL = {
    ("tse", "sagittal", 1.5): _Usual(3500, 100, 4.0, 0.4, 0.60, 300, 40),
    ("tse", "sagittal", 3.0): _Usual(3800, 95, 4.0, 0.4, 0.55, 300, 40),
    ("tse", "axial", 1.5): _Usual(4000, 100, 4.0, 0.4, 0.55, 200, 40),
    ("tse", "axial", 3.0): _Usual(4200, 95, 3.5, 0.35, 0.50, 200, 40),
    ("space", "sagittal", 1.5): _Usual(1500, 95, 0.9, 0.0, 0.469, 300, 24),
    ("space", "sagittal", 3.0): _Usual(1500, 90, 0.9, 0.0, 0.469, 300, 24),
}
#: Acquired pixel over the pixel of the image: scanners interpolate by filling k-space with zeros. That of SPACE
#: follows from the noise of SPIDER, whose spectrum ends at about half of the image's.
INTERPOLATION = {"tse": 1.25, "space": 1.7}
#: The same from slice to slice; the noise of neighbouring slices of SPIDER is as alike as this makes it.
INTERPOLATION_ACROSS = {"tse": 1.0, "space": 1.35}
MAX_MATRIX, MIN_MATRIX = 1024, 128
MAX_SLAB_MM = 220.0
AXIAL_COVER_MM = 4.0  # beyond both endplates
SAGITTAL_COVER_MM = 4.0  # beyond the canal on both sides (SPACE), and beyond the pedicles (2D)
SMALLEST_FIELD_MM = {"sagittal": 150.0, "axial": 120.0}
#: Direction of frequency encoding in the image. Sagittal: most encode frequency from front to back, so that CSF and
#: bowel ghost up and down the image; others the other way round. Axial: frequency from front to back. From memory.
FREQUENCY: dict[tuple[str, Vendor], Direction] = {("sagittal", "ge"): "column"}


def frequency_axis(spec: ScannerSpec) -> Direction:
    """Whether frequency is encoded along the rows of the image (from column to column) or along its columns."""
    usual: Direction = "row" if spec.plane == "sagittal" else "column"
    return FREQUENCY.get((spec.plane, spec.vendor), usual)


def fill(spec: ScannerSpec, phantom: Phantom) -> ScannerSpec:
    """The protocol with every value filled in; axial stacks are sorted from above downwards.

    Raises:
        UsageError: no scanner could do this, or a level is asked for that the phantom does not have.
    """
    usual = _USUAL.get((spec.sequence, spec.plane, spec.field_tesla))
    if usual is None:
        raise UsageError("SPACE is acquired in one sagittal slab; ask for an axial tse series instead")
    given = {name: value for name in _Usual.__annotations__ if (value := getattr(spec, name)) is not None}
    filled = spec.model_copy(update={**usual.__dict__, **given, "stacks": _levels(spec, phantom)})
    if spec.gap_mm is None and spec.slice_mm is not None and spec.sequence == "tse":
        filled = filled.model_copy(update={"gap_mm": round(0.1 * spec.slice_mm, 3)})
    filled = filled.model_copy(update={"slices": spec.slices or _slices(filled, phantom)})
    _check(filled)
    return filled


def matrix(spec: ScannerSpec) -> int:
    """Pixels along a side of the square image."""
    if spec.field_of_view_mm is None or spec.pixel_mm is None:
        raise ValueError("the protocol must be filled in first")
    return round(spec.field_of_view_mm / spec.pixel_mm)


def spacing_mm(spec: ScannerSpec) -> float:
    """From the centre of one slice to that of the next."""
    return float(spec.slice_mm or 0) + float(spec.gap_mm or 0)


def _levels(spec: ScannerSpec, phantom: Phantom) -> tuple[Level, ...]:
    known = ", ".join(str(level) for level in phantom.levels)
    for level in spec.stacks:
        if level not in phantom.levels:
            raise UsageError(f"no stack can be laid through {level}: the simulated spine has {known}")
    if spec.plane == "sagittal":
        if spec.stacks:
            raise UsageError("a sagittal series has one stack; leave `stacks` out, or ask for an axial plane")
        return ()
    lumbar = tuple(level for level in phantom.levels if level.upper.startswith("L"))
    return tuple(sorted(set(spec.stacks or lumbar)))


def _slices(spec: ScannerSpec, phantom: Phantom) -> int:
    """As many as cover the canal and its pedicles (sagittal), the canal (SPACE), or the highest disc (axial)."""
    if spec.plane == "axial":
        length = max(_height_mm(phantom, level) for level in spec.stacks) + 2 * AXIAL_COVER_MM
    else:
        borders = [
            abs(float((pedicle.medial if spec.sequence == "space" else pedicle.lateral)[0] - body.pose[0, 3]))
            for body in phantom.vertebrae.values()
            for pedicle in body.pedicles.values()
        ]
        length = 2 * (max(borders, default=25.0) + SAGITTAL_COVER_MM)
    count = int(np.ceil(length / spacing_mm(spec)))
    return min(max(count + 1 - count % 2, 3), 160)  # odd, so that one slice lies in the middle


def _height_mm(phantom: Phantom, level: Level) -> float:
    above = phantom.vertebrae[level.upper].lower_rim
    below = phantom.vertebrae[level.lower].upper_rim
    return float(np.linalg.norm(above.mean(0) - below.mean(0))) if above is not None else 10.0


def _check(spec: ScannerSpec) -> None:
    tr, te = float(spec.tr_ms or 0), float(spec.te_ms or 0)
    if te >= tr:
        raise UsageError(
            f"TE {te:g} ms is not shorter than TR {tr:g} ms; no echo can come after the next pulse"
        )
    if spec.sequence == "space" and spec.gap_mm:
        raise UsageError(f"a 3D slab has no gaps: leave gap_mm ({spec.gap_mm:g}) out, or ask for tse")
    if spec.sequence == "tse" and float(spec.slice_mm or 0) < 2:
        raise UsageError(
            f"slices of {spec.slice_mm:g} mm are thinner than 2D tse can excite (2 mm); use space"
        )
    if spec.sequence == "space" and float(spec.slice_mm or 0) > 2:
        raise UsageError(
            f"partitions of {spec.slice_mm:g} mm are thicker than those of SPACE (2 mm); use tse"
        )
    smallest, size = SMALLEST_FIELD_MM[spec.plane], float(spec.field_of_view_mm or 0)
    if size < smallest:
        raise UsageError(
            f"a {spec.plane} field of view of {size:g} mm is too small: the trunk would fold into it (at least "
            f"{smallest:g} mm)"
        )
    if not MIN_MATRIX <= matrix(spec) <= MAX_MATRIX:
        raise UsageError(
            f"{matrix(spec)} pixels along a side cannot be acquired ({MIN_MATRIX}-{MAX_MATRIX} can); change "
            "pixel_mm or field_of_view_mm"
        )
    slab = int(spec.slices or 0) * spacing_mm(spec)
    if slab > MAX_SLAB_MM:
        raise UsageError(
            f"{spec.slices} slices span {slab:g} mm, more than the trunk; at most {MAX_SLAB_MM:g} mm"
        )
