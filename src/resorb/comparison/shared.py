"""What every date's field shows of a level whose material reaches the edge of a field.

A slab that ends within the canal holds a part of the material only, and its whole volume is not known. But the dates
are registered: the part that lies in all of the fields can be compared, and is said to be a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from resorb.anatomy import Level
from resorb.frame import Frame
from resorb.reading import DiscReading, Herniation, Quantity
from resorb.study import FloatArray
from resorb.timepoint import Timepoint
from resorb.voxels import index_of

CROPPED = "cropped"
METHOD = "what every date's field shows of it"
#: A narrower part, or one of fewer slices of any date, tells nothing of a herniation that is 10 to 20 mm wide.
MIN_WIDTH_MM, MIN_SLICES = 10.0, 3
LATERAL = ("foraminal", "extraforaminal")


@dataclass(frozen=True, eq=False)
class Shared:
    """The part of a level that all dates show.

    Attributes:
        width_mm: from its right to its left end.
        section_mm2: mean sagittal section of the displaced material in it: a field that is off sideways by a
            millimetre shows so many mm3 more or less at each of its ends.
        herniations: its herniations too are taken in that part only.
    """

    width_mm: float
    section_mm2: float
    herniations: bool


def shared_fields(points: Sequence[Timepoint]) -> tuple[tuple[Timepoint, ...], dict[Level, Shared]]:
    """The dates with volumes of what all of them show, at those levels of which a date does not show all.

    Volumes of all that a level displaces are taken within the span from left to right that lies in every field at the
    level; those of its herniations too, unless each is there, and whole, on all dates. Other quantities stay unknown.

    Args:
        points: measured against the joint reference, in whose coordinates the fields are laid on each other.
    """
    found: dict[Level, Shared] = {}
    readings = [{Level.parse(one.level): one for one in point.reading.discs} for point in points]
    for level in sorted(set.intersection(*(set(one) for one in readings))):
        discs = [one[level] for one in readings]
        if not any(_cropped(one) for one in discs) or any(level not in point.frames for point in points):
            continue
        spans = np.array([_span(point, level) for point in points])
        low, high = float(spans[:, 0].max()), float(spans[:, 1].min())
        if high - low < max(MIN_WIDTH_MM, MIN_SLICES * max(_slice_mm(point) for point in points)):
            continue
        parts = _in_part(discs)
        for reading, point in zip(readings, points, strict=True):
            reading[level] = _within(reading[level], point, (low, high), parts)
        volumes = [one[level].volume_mm3.value or 0.0 for one in readings]
        found[level] = Shared(high - low, float(np.mean(volumes)) / (high - low), parts)
    if not found:
        return tuple(points), {}
    return tuple(_with(point, own) for point, own in zip(points, readings, strict=True)), found


def _with(point: Timepoint, discs: Mapping[Level, DiscReading]) -> Timepoint:
    ordered = tuple(discs[Level.parse(one.level)] for one in point.reading.discs)
    return replace(point, reading=point.reading.model_copy(update={"discs": ordered}))


def _cropped(disc: DiscReading) -> bool:
    return disc.volume_mm3.value is None and disc.volume_mm3.reason == CROPPED


def _in_part(discs: Sequence[DiscReading]) -> bool:
    """Whether herniations are cut by a field, or may have to be known by what their level lost."""
    volumes = [one.volume_mm3.value for disc in discs for one in disc.herniations]
    return None in volumes or len({len(disc.herniations) for disc in discs}) > 1


def _slice_mm(point: Timepoint) -> float:
    return float(point.study.sagittal.volume.sagittal().spacing_mm[0])


def _span(point: Timepoint, level: Level) -> tuple[float, float]:
    """From where to where, left of the frame, the field reaches behind a disc; its slices may be slanted there."""
    image, frame = point.study.sagittal.volume.sagittal(), point.frames[level]
    middle = image.to_index(frame.origin)
    # Towards the left of the frame, from the middle of the disc's margin to both faces of the slab.
    step = image.to_index(frame.to_world(np.array([1.0, 0.0, 0.0])))[0] - middle[0]
    ends = (np.array([-0.5, image.shape[0] - 0.5]) - middle[0]) / step
    return float(ends.min()), float(ends.max())


def _within(disc: DiscReading, point: Timepoint, span: tuple[float, float], parts: bool) -> DiscReading:
    """A level, and if asked for its herniations, with volumes of what lies in a span from left to right."""
    level = Level.parse(disc.level)
    index = index_of(point.displaced.data == level.ordinal)
    left = point.frames[level].to_local(point.displaced.to_world(index))[:, 0] if len(index) else np.empty(0)
    volume = _part(disc.volume_mm3, left, span)
    if not parts:
        return disc.model_copy(update={"volume_mm3": volume})
    frame = point.frames[level]
    herniations = tuple(_herniation(one, frame, left, span) for one in disc.herniations)
    return disc.model_copy(update={"volume_mm3": volume, "herniations": herniations})


def _herniation(one: Herniation, frame: Frame, left: FloatArray, span: tuple[float, float]) -> Herniation:
    width = one.width_mm.at_least
    if one.classes is not None and one.classes.zone.value in LATERAL:
        return one  # its width runs from front to back: which part of it lies in the span is not told
    if width is not None:
        middle = float(frame.to_local(np.array(one.centre))[0])
        left = left[np.abs(left - middle) <= width / 2]
    return one.model_copy(update={"volume_mm3": _part(one.volume_mm3, left, span)})


def _part(quantity: Quantity, left: FloatArray, span: tuple[float, float]) -> Quantity:
    """The part of a volume whose material, at `left` (n,), lies in a span; unknown volumes stay so."""
    seen = quantity.value if quantity.value is not None else quantity.low
    if seen is None or (quantity.value is None and quantity.reason != CROPPED):
        return quantity
    if not len(left):
        return quantity
    share = float(np.mean((left >= span[0]) & (left <= span[1])))
    return Quantity(
        value=round(seen * share, 3), method=f"{quantity.method}; {METHOD}", source=quantity.source
    )
