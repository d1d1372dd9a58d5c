"""Which series is measured: the best sagittal T2, and an axial T2 where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resorb.errors import InputError, NotMeasurableError, UsageError
from resorb.study import Contrast, FloatArray, Plane, Series, Volume

MIN_SLICES = 3
#: Coverage beyond this, L1 to the sacrum in a tall patient, is worth nothing more.
ENOUGH_HEIGHT_MM, HEIGHT_STEP_MM = 220.0, 40.0
#: The bony canal's width, with a margin.
ENOUGH_WIDTH_MM, WIDTH_STEP_MM = 30.0, 10.0
#: Cubic voxels no larger than this can be read in any plane.
ISOTROPIC_RATIO, ISOTROPIC_MAX_MM = 1.3, 1.6
_ACROSS = {Plane.SAGITTAL: (1.0, 0.0, 0.0), Plane.CORONAL: (0.0, 1.0, 0.0), Plane.AXIAL: (0.0, 0.0, 1.0)}


@dataclass(frozen=True, eq=False)
class Choice:
    """The series to measure, and one line each on what was chosen and passed over."""

    sagittal: Series
    axial: Series | None
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


def choose(series: Sequence[Series], number: int | None = None) -> Choice:
    """Choose the sagittal series, and the axial T2 series where there is one.

    Among sagittal T2 series: fat not suppressed, then without faults, then the larger coverage of the lumbar spine,
    thinner slices, finer pixels, more slices; of equals the later one, since a repeated series is
    repeated because the first was poor.

    Args:
        number: take this series, whatever its contrast, if it can be measured at all.

    Raises:
        UsageError: no series has this number.
        NotMeasurableError: no series is sagittal T2 of a lumbar spine, or the one asked for has fewer
            than three evenly spaced slices or another plane.
        InputError: the only ones that would do are blank.
    """
    refusals = {item.number: _refusal(item) for item in series}
    if number is None:
        sagittal = _best_sagittal(series, refusals)
        reason = _why_best(sagittal, series, refusals)
    else:
        sagittal = _asked_for(series, number)
        reason = "asked for by its number"
    axial = max((s for s in series if _is_axial_t2(s)), key=_axial_rank, default=None)
    lines = [f"{_name(sagittal)}: measured; {reason}" + (f" ({sagittal.why})" if sagittal.why else "")]
    if axial is not None:
        lines.append(f"{_name(axial)}: the axial T2 series ({axial.why})")
    for item in series:
        if item is not sagittal and item is not axial:
            passed = refusals[item.number] or (
                "a second axial T2" if _is_axial_t2(item) else "another series ranks before it"
            )
            lines.append(f"{_name(item)}: not used; {passed}")
    return Choice(sagittal, axial, tuple(lines), tuple(_doubts(sagittal, axial, forced=number is not None)))


def slice_count(series: Series) -> int:
    """Slices in the largest stack."""
    return series.volume.shape[_slice_axis(series)]


def _slice_axis(series: Series) -> int:
    return series.volume.axis_towards(_ACROSS[series.plane])


def _asked_for(series: Sequence[Series], number: int) -> Series:
    found = next((item for item in series if item.number == number), None)
    if found is None:
        numbers = ", ".join(str(item.number) for item in series)
        raise UsageError(f"there is no series {number}; the input holds {numbers}")
    reason = _unfit(found)
    if not reason and found.plane is not Plane.SAGITTAL and not _isotropic(found.volume):
        reason = f"its slices are {found.plane.value}"
    if reason:
        raise NotMeasurableError(f"series {number} cannot be measured: {reason}")
    _refuse_blank(found)
    return found


def _best_sagittal(series: Sequence[Series], refusals: dict[int, str]) -> Series:
    fitting = [item for item in series if not refusals[item.number]]
    for item in sorted(fitting, key=_rank, reverse=True):
        if len(fitting) == 1 or not _blank(item):
            _refuse_blank(item)
            return item
    if fitting:
        raise InputError("every sagittal T2 series is blank (each voxel is the same)")
    found = "; ".join(f"{_name(item)}: {refusals[item.number]}" for item in series)
    forceable = [
        item
        for item in series
        if not _unfit(item) and (item.plane is Plane.SAGITTAL or _isotropic(item.volume))
    ]
    hint = f"; --series {forceable[0].number} measures it all the same" if forceable else ""
    raise NotMeasurableError(f"no sagittal T2 series of a lumbar spine ({found}){hint}")


def _refusal(item: Series) -> str:
    """Why a series is not taken unasked; empty if it may be."""
    if reason := _unfit(item):
        return reason
    if item.contrast not in (Contrast.T2, Contrast.UNKNOWN):
        return f"not T2 ({item.why})"
    # A NIfTI file has no headers to tell; where there are headers, silence is a reason to ask.
    if item.contrast is Contrast.UNKNOWN and item.sequence:
        return "its headers do not tell its contrast"
    if part := _other_part(item):
        return f"its headers say {part}, not lumbar spine"
    if item.plane is not Plane.SAGITTAL and not (item.contrast is Contrast.T2 and _isotropic(item.volume)):
        return f"{item.plane.value}, not sagittal"
    return ""


def _unfit(item: Series) -> str:
    """Why a series cannot be measured at all; empty if it can."""
    if item.contrast is Contrast.LOCALIZER:
        return "a localizer"
    if (count := slice_count(item)) < MIN_SLICES:
        faults = "; ".join(item.faults)
        return (
            faults
            or f"{count} slice{'s' if count > 1 else ''}; at least {MIN_SLICES} evenly spaced ones are needed"
        )
    return ""


def _other_part(item: Series) -> str:
    part = item.sequence.get("body_part", "")
    return "" if part == "lumbar" else str(part)


def _isotropic(volume: Volume) -> bool:
    spacing = volume.spacing_mm
    return bool(spacing.max() <= min(ISOTROPIC_RATIO * spacing.min(), ISOTROPIC_MAX_MM))


def _extent_mm(volume: Volume) -> FloatArray:
    """(3,) size of the field towards right, anterior, superior, mm."""
    return np.asarray(np.abs(volume.directions) @ (volume.spacing_mm * np.array(volume.shape)))


def _rank(item: Series) -> tuple[float, ...]:
    volume = item.volume
    extent = _extent_mm(volume)
    thickness = item.slice_spacing_mm
    in_plane = float(np.sort(volume.spacing_mm)[:2].mean())
    return (
        item.contrast is Contrast.T2,
        item.plane is Plane.SAGITTAL,
        item.sequence.get("fat_suppressed") != "yes",
        not item.faults,
        min(float(extent[2]), ENOUGH_HEIGHT_MM) // HEIGHT_STEP_MM,
        min(float(extent[0]), ENOUGH_WIDTH_MM) // WIDTH_STEP_MM,
        -round(2 * thickness),  # half millimetres
        -round(in_plane, 1),
        slice_count(item),
        item.number,
    )


def _why_best(chosen: Series, series: Sequence[Series], refusals: dict[int, str]) -> str:
    rivals = [item for item in series if item is not chosen and not refusals[item.number]]
    if not rivals:
        return "the only sagittal T2 series" if len(series) > 1 else "the only series"
    reasons = (
        "its contrast is known to be T2",
        "it is sagittal",
        "its fat is not suppressed",
        "its slices are without faults",
        "it covers more of the lumbar spine",
        "it is wider",
        "its slices are thinner",
        "its pixels are finer",
        "it has more slices",
        "it is the later one of equals",
    )
    second = max(rivals, key=_rank)
    pairs = zip(reasons, _rank(chosen), _rank(second), strict=True)
    first = next((reason for reason, mine, other in pairs if mine > other), "the others are blank")
    return f"best of {len(rivals) + 1} sagittal T2 series: {first} (against series {second.number})"


def _is_axial_t2(item: Series) -> bool:
    suppressed = item.sequence.get("fat_suppressed") == "yes"
    usable = item.plane is Plane.AXIAL and item.contrast is Contrast.T2 and not suppressed
    return usable and slice_count(item) >= MIN_SLICES and not _other_part(item)


def _axial_rank(item: Series) -> tuple[float, ...]:
    """More slices, finer pixels, later."""
    slices = sum(stack.shape[stack.axis_towards(_ACROSS[Plane.AXIAL])] for stack in item.stacks)
    return (not item.faults, slices, -float(np.sort(item.volume.spacing_mm)[:2].mean()), item.number)


def _blank(item: Series) -> bool:
    data = item.volume.data
    return bool(data.min() == data.max())


def _refuse_blank(item: Series) -> None:
    data = item.volume.data
    if not np.isfinite(data).all():
        raise InputError(f"series {item.number}: voxels that are not finite numbers (NaN or infinity)")
    if _blank(item):
        raise InputError(f"series {item.number}: the image is empty, every voxel is the same")


def _doubts(sagittal: Series, axial: Series | None, forced: bool) -> list[str]:
    """What a reader of the result must know about the series measured."""
    doubts = [f"series {sagittal.number}: {fault}" for fault in sagittal.faults]
    if sagittal.contrast is Contrast.UNKNOWN:
        doubts.append(f"series {sagittal.number}: its contrast is unknown; T2 is assumed")
    elif sagittal.contrast is not Contrast.T2:
        doubts.append(
            f"series {sagittal.number} is {sagittal.contrast.value}, not T2; measured because it was asked for"
        )
    if sagittal.sequence.get("fat_suppressed") == "yes":
        doubts.append(f"series {sagittal.number}: fat is suppressed")
    if sagittal.sequence.get("contrast_agent") == "yes":
        doubts.append(f"series {sagittal.number}: a contrast agent was given")
    if forced and (part := _other_part(sagittal)):
        doubts.append(f"series {sagittal.number}: its headers say {part}, not lumbar spine")
    if axial is not None:
        doubts += [f"series {axial.number}: {fault}" for fault in axial.faults]
        if axial.sequence.get("frame_of_reference") != sagittal.sequence.get("frame_of_reference"):
            doubts.append(
                "axial and sagittal series have different frames of reference: the patient may have moved"
            )
    return doubts


def _name(item: Series) -> str:
    count = sum(stack.shape[stack.axis_towards(_ACROSS[item.plane])] for stack in item.stacks)
    return f"series {item.number} ({item.plane.value} {item.contrast.value}, {count} slice{'s' if count > 1 else ''})"
