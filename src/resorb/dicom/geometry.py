"""From loose slices to stacks: parallel, evenly spaced, nothing twice. Only positions and orientations count.

File names, instance numbers and slice thickness say nothing about where a slice lies (DICOM PS3.3 C.7.6.2);
the instance number only decides which of two copies is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from math import cos, radians

import numpy as np

from resorb.dicom.header import Slice
from resorb.study import FloatArray, Plane

ANGLE_TOLERANCE_DEG = 0.5
SAME_PLACE_MM = 0.05
#: In-plane shift between neighbours beyond which slices belong to different blocks.
BLOCK_SHIFT_MM = 0.5
#: Sheared further than this, a stack is no right-angled grid (the limit of `Volume`).
MAX_SHEAR = 0.01
MIN_SLICES = 3
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order along their normal, and the step (3,) from one to the next, LPS mm."""

    slices: tuple[Slice, ...]
    step: FloatArray

    @property
    def affine(self) -> FloatArray:
        """(4, 4): (column, row, slice) index to RAS+ mm."""
        first = self.slices[0]
        affine = np.eye(4)
        affine[:3, 0] = first.along_row * first.pixel_mm[1]
        affine[:3, 1] = first.along_column * first.pixel_mm[0]
        affine[:3, 2] = self.step
        affine[:3, 3] = first.position
        affine[:3] = LPS_TO_RAS @ affine[:3]
        return affine

    @property
    def plane(self) -> Plane:
        """The plane that the slices lie nearest to."""
        largest = int(np.argmax(np.abs(self.slices[0].normal)))
        return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[largest]


@dataclass
class Arrangement:
    """The stacks that a series' slices form, and what is wrong with them, in words.

    `stacks` holds stacks of at least three slices; where there is none, the single slices or pairs, so
    that the series can still be listed. `orientations` counts the different ones.
    """

    stacks: list[Stack] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    orientations: int = 0


def separate(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Split what shows the same places several times: echoes, Dixon images, b values, repetitions."""
    keys: tuple[Callable[[Slice], Hashable], ...] = (
        lambda s: s.facts.te_ms,
        lambda s: s.facts.image_type,
        lambda s: s.facts.b_value,
        lambda s: s.temporal,
        lambda s: s.acquisition,
    )
    if repeats := _repeats(slices):
        for key in keys:
            parts = _grouped(slices, key)
            if len(parts) > 1 and sum(map(_repeats, parts)) < repeats:
                return [group for part in parts for group in separate(part)]
    return [list(slices)]


def arrange(slices: Sequence[Slice]) -> Arrangement:
    """Order the slices of one series into stacks and name every fault found on the way."""
    result = Arrangement()
    loose: list[Stack] = []
    sizes = _grouped(slices, lambda s: (s.rows, s.columns, *(round(mm, 3) for mm in s.pixel_mm)))
    if len(sizes) > 1:
        result.faults.append(f"slices of {len(sizes)} different sizes")
    for same_size in sizes:
        for parallel in _parallel(same_size):
            result.orientations += 1
            for block in _blocks(_without_copies(parallel, result.faults)):
                _split_block(block, result, loose)
    if result.stacks and loose:
        left_out = sum(len(stack.slices) for stack in loose)
        result.faults.append(f"{_slices(left_out)} outside the evenly spaced stacks left out")
    result.stacks = sorted(result.stacks or loose, key=lambda stack: -len(stack.slices))
    return result


def _grouped(slices: Iterable[Slice], key: Callable[[Slice], Hashable]) -> list[list[Slice]]:
    groups: dict[Hashable, list[Slice]] = {}
    for item in slices:
        groups.setdefault(key(item), []).append(item)
    return sorted(groups.values(), key=lambda group: min(item.order for item in group))


def _repeats(slices: Sequence[Slice]) -> int:
    return len(slices) - len({item.place for item in slices})


def _parallel(slices: Iterable[Slice]) -> list[list[Slice]]:
    """Slices that share the directions of rows and columns."""
    groups: list[list[Slice]] = []
    least = cos(radians(ANGLE_TOLERANCE_DEG))
    for item in sorted(slices, key=lambda s: (s.order, tuple(s.position))):
        for group in groups:
            first = group[0]
            if min(item.along_row @ first.along_row, item.along_column @ first.along_column) >= least:
                group.append(item)
                break
        else:
            groups.append([item])
    return groups


def _along_normal(slices: Sequence[Slice]) -> list[Slice]:
    normal = slices[0].normal
    return sorted(slices, key=lambda s: (float(normal @ s.position), s.order))


def _without_copies(slices: Sequence[Slice], faults: list[str]) -> list[Slice]:
    kept: list[Slice] = []
    normal = slices[0].normal
    for item in _along_normal(slices):
        for n in reversed(range(len(kept))):
            shift = item.position - kept[n].position
            if normal @ shift >= SAME_PLACE_MM:
                kept.append(item)
                break
            if np.linalg.norm(shift) < SAME_PLACE_MM:
                kept[n] = min(kept[n], item, key=lambda s: s.order)
                break
        else:
            kept.append(item)
    if copies := len(slices) - len(kept):
        faults.append(f"{_slices(copies)} duplicated at one position (the first by instance number is kept)")
    return kept


def _positions(slices: Sequence[Slice]) -> FloatArray:
    return np.array([item.position for item in slices])


def _tolerance(spacing_mm: float) -> float:
    """How far a slice may lie off: scanners round positions, some to 0.1 mm; less where slices are thin."""
    return min(0.1 + 0.01 * spacing_mm, 0.25 * spacing_mm)


def _evenly_spaced(slices: Sequence[Slice]) -> bool:
    points = _positions(slices)
    ideal = np.linspace(points[0], points[-1], len(points))
    spacing = float(np.linalg.norm(points[-1] - points[0])) / (len(points) - 1)
    return float(np.linalg.norm(points - ideal, axis=1).max()) <= _tolerance(spacing)


def _blocks(slices: list[Slice]) -> list[list[Slice]]:
    """Parallel slices as blocks: one pile each, not shifted sideways within it."""
    if len(slices) < MIN_SLICES or _evenly_spaced(slices):
        return [slices]
    normal = slices[0].normal
    blocks: list[list[Slice]] = []
    for item in slices:
        for block in blocks:
            shift = item.position - block[-1].position
            if np.linalg.norm(shift - (shift @ normal) * normal) < BLOCK_SHIFT_MM:
                block.append(item)
                break
        else:
            blocks.append([item])
    return blocks


def _split_block(slices: list[Slice], result: Arrangement, loose: list[Stack]) -> None:
    """Cut a block where its spacing breaks; runs of three and more become stacks."""
    if len(slices) < MIN_SLICES:
        loose.extend(_single(item) for item in slices)
        return
    along = _positions(slices) @ slices[0].normal
    gaps = np.diff(along)
    spacing = _commonest(gaps)
    broken = np.flatnonzero(np.abs(gaps - spacing) > _tolerance(spacing))
    runs = [
        slices[start:stop]
        for start, stop in zip([0, *(broken + 1)], [*(broken + 1), len(slices)], strict=True)
    ]
    good = [run for run in runs if len(run) >= MIN_SLICES and _evenly_spaced(run)]
    stacks = [Stack(tuple(run), (run[-1].position - run[0].position) / (len(run) - 1)) for run in good]
    upright = [stack for stack in stacks if _shear(stack) <= MAX_SHEAR]
    if len(upright) < len(stacks):
        result.faults.append("slice positions are sheared against the slice normal")
    result.stacks += upright
    used = {id(item) for stack in upright for item in stack.slices}
    loose.extend(_single(item) for item in slices if id(item) not in used)
    _name_gaps(gaps[broken], spacing, runs, result)


def _commonest(gaps: FloatArray) -> float:
    """The gap that most others equal; the smallest of equals."""
    near = [int(np.sum(np.abs(gaps - gap) <= _tolerance(gap))) for gap in gaps]
    best = max(near)
    gap = min(float(g) for g, count in zip(gaps, near, strict=True) if count == best)
    return float(np.median(gaps[np.abs(gaps - gap) <= _tolerance(gap)]))


def _name_gaps(gaps: FloatArray, spacing: float, runs: list[list[Slice]], result: Arrangement) -> None:
    axial = Stack((runs[0][0],), runs[0][0].normal).plane is Plane.AXIAL
    if not len(gaps) or (axial and all(len(run) >= MIN_SLICES for run in runs)):
        return  # axial blocks at several discs are no fault
    multiples = np.round(gaps / spacing)
    whole = (np.abs(gaps - multiples * spacing) <= _tolerance(spacing) * multiples) & (multiples >= 2)
    if whole.any():
        missing = int((multiples[whole] - 1).sum())
        result.faults.append(f"{_slices(missing)} missing (gaps in the spacing of {spacing:.2f} mm)")
    if not whole.all():
        result.faults.append(
            f"slices unevenly spaced ({gaps.min():.2f}-{gaps.max():.2f} mm beside {spacing:.2f} mm)"
        )


def _shear(stack: Stack) -> float:
    length = float(np.linalg.norm(stack.step))
    along = float(stack.step @ stack.slices[0].normal)
    return float(np.sqrt(max(0.0, length**2 - along**2))) / length


def _single(item: Slice) -> Stack:
    """A lone slice, only to be listed: its thickness stands for the spacing that it does not have."""
    return Stack((item,), item.normal * float(np.clip(item.facts.thickness_mm or 1.0, 0.1, 20.0)))


def _slices(count: int) -> str:
    return f"{count} slice" if count == 1 else f"{count} slices"
