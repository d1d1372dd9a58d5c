"""Whether the dates show the same vertebrae under the same names, and the same patient.

Both are decided from the vertebral bodies, which do not change in years as discs do: how long and how high each is in
the midline; the patient also by how high their posterior walls are, the names by how far apart neighbouring discs lie.
All are measured in each date's own frames, so that position does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.errors import UsageError
from resorb.frame import Frame, Rim
from resorb.limits import Limits
from resorb.study import FloatArray
from resorb.timepoint import Timepoint
from resorb.voxels import index_of

MIDDLE_MM = 6.0  # half the width of the slab, round the midline, that a body is measured in
MIN_VOXELS = 30
EDGE_SHARE = 0.05  # more of a body's section than this on the field's edge: it goes on beyond
#: Fewer vertebrae than this in common tell neither a count nor a patient.
MIN_SHARED = 3
#: Another count must fit this much better than the names, to be taken or asked about.
MUCH_BETTER = 0.6
SURE_MM = 0.8  # and this well in itself, to be taken
#: Standard deviation over the median of absolute deviations, of a normal distribution.
PER_MEDIAN = 1.4826
SHIFTS = (-2, -1, 1, 2)


@dataclass(frozen=True)
class Body:
    """One vertebral body in the midline, mm.

    Attributes:
        length, height: from front to back and from top to bottom, of the ellipse with the same second moments.
        pitch: from the disc above to the disc below; back: of the posterior wall between its two corners, which
            bending leaves as it is. None where one of the two discs was not framed.
    """

    length: float
    height: float
    pitch: float | None
    back: float | None = None

    def away(self, other: Body) -> list[float]:
        """Differences to another body, mm."""
        found = [self.length - other.length, self.height - other.height]
        return found if self.pitch is None or other.pitch is None else [*found, self.pitch - other.pitch]

    def unlike(self, other: Body) -> list[float]:
        """Differences to another body, mm, in what neither posture nor the discs change."""
        found = [self.length - other.length, self.height - other.height]
        return found if self.back is None or other.back is None else [*found, self.back - other.back]


def bodies(timepoint: Timepoint) -> dict[Level, Body]:
    """The bodies above those discs that were framed, as far as the field holds the whole of them."""
    labels = timepoint.anatomy.labels.sagittal()
    ordered = replace(timepoint.anatomy, labels=labels)
    frames = timepoint.frames
    found = {}
    for level, frame in frames.items():
        index = index_of(ordered.body(level.upper))
        if not len(index):
            continue
        local = frame.to_local(labels.to_world(index))
        near = np.abs(local[:, 0]) <= MIDDLE_MM
        if np.count_nonzero(near) < MIN_VOXELS or _cut(index[near], labels.shape):
            continue
        spread = np.sort(np.linalg.eigvalsh(np.cov(local[near, 1:].T)))
        height, length = 4 * np.sqrt(spread)
        above = next((one for one in frames if one.lower == level.upper), None)
        if above is None:
            found[level] = Body(float(length), float(height), None)
            continue
        pitch = np.linalg.norm(frames[above].origin - frame.origin)
        back = np.linalg.norm(_corner(frames[above], frames[above].lower) - _corner(frame, frame.upper))
        found[level] = Body(float(length), float(height), float(pitch), float(back))
    return found


def _corner(frame: Frame, rim: Rim) -> FloatArray:
    """(3,) where a rim crosses the midline, RAS+ mm."""
    return frame.to_world(np.array([0.0, *(float(mm) for mm in rim.corner(0.0))]))


def _cut(index: NDArray[np.intp], shape: tuple[int, int, int]) -> bool:
    """Whether a body reaches the upper, lower, front or back end of the field."""
    at_end = (index[:, 1:] == 0) | (index[:, 1:] == np.array(shape[1:]) - 1)
    return bool(at_end.any(axis=1).mean() > EDGE_SHARE)


def apart_mm(
    one: Mapping[Level, Body], other: Mapping[Level, Body], names: Mapping[Level, Level]
) -> float | None:
    """Root mean square difference of the bodies of two dates; None with too few in common.

    Args:
        names: of the other date's levels on the first.
    """
    shared = [(one[names[level]], body) for level, body in other.items() if names.get(level) in one]
    if len(shared) < MIN_SHARED:
        return None
    return float(np.sqrt(np.mean(np.square([gap for a, b in shared for gap in a.away(b)]))))


def unlike_mm(one: Mapping[Level, Body], other: Mapping[Level, Body]) -> float | None:
    """How unlike the bodies of two dates are, as a standard deviation; None with too few in common.

    From the median of the absolute differences: a body that the field cuts, or that was outlined badly, does not make
    another patient of it.
    """
    shared = [level for level in other if level in one]
    if len(shared) < MIN_SHARED:
        return None
    gaps = [gap for level in shared for gap in one[level].unlike(other[level])]
    return PER_MEDIAN * float(np.median(np.abs(gaps)))


def _paired(known: Sequence[Level], own: Sequence[Level], shift: int) -> dict[Level, Level]:
    """A date's levels by those of the leading one, so many farther down than their names say.

    Levels of the same name lie on each other; without any, the lowest do.
    """
    common = [level for level in own if level in known]
    offset = known.index(common[-1]) - own.index(common[-1]) if common else len(known) - len(own)
    places = ((level, n + offset + shift) for n, level in enumerate(own))
    return {level: known[place] for level, place in places if 0 <= place < len(known)}


def agree_on_levels(timepoints: Sequence[Timepoint]) -> tuple[tuple[Timepoint, ...], tuple[str, ...]]:
    """The dates with the same names for the same levels, and what was renamed, in words.

    Names are those of the first date whose count was not in doubt (of the first date, if all were). Another date is
    renamed where its vertebrae fit those much better one or two levels farther up or down.

    Raises:
        UsageError: names and vertebrae contradict each other, and the images do not tell which count is right.
    """
    leading = next((n for n, one in enumerate(timepoints) if not one.anatomy.naming.doubts), 0)
    first = timepoints[leading]
    known, order = bodies(first), sorted(first.anatomy.levels)
    agreed, said = [], []
    for number, one in enumerate(timepoints, start=1):
        if one is first:
            agreed.append(one)
            continue
        names = _names(known, order, one, (leading + 1, number))
        if all(level == name for level, name in names.items()):
            agreed.append(one)
            continue
        agreed.append(_renamed(one, names))
        lowest = max(names)
        said.append(
            f"date {number}: {lowest} is called {names[lowest]}, and every level above it accordingly, to fit the "
            f"vertebrae of date {leading + 1}"
        )
    return tuple(agreed), tuple(said)


def _names(
    known: Mapping[Level, Body], order: Sequence[Level], one: Timepoint, dates: tuple[int, int]
) -> dict[Level, Level]:
    """What a date's levels are called on the leading one."""
    own, levels = bodies(one), sorted(one.anatomy.levels)
    names = _paired(order, levels, 0)
    named = apart_mm(known, own, names)
    others = {
        shift: fit
        for shift in SHIFTS
        if (fit := apart_mm(known, own, _paired(order, levels, shift))) is not None
    }
    if named is None or not others:
        return names
    best = min(others, key=lambda shift: others[shift])
    if others[best] > MUCH_BETTER * named:
        return names
    names = _paired(order, levels, best)
    if others[best] > SURE_MM:
        raise UsageError(
            f"dates {dates[0]} and {dates[1]} seem to count the levels differently, and the images do not tell which "
            "is right: give --lowest-disc for each study"
        )
    return names


def _renamed(timepoint: Timepoint, names: Mapping[Level, Level]) -> Timepoint:
    """A date with its levels under other names; those without a name are left out."""
    indices = np.arange(np.iinfo(np.uint16).max + 1, dtype=np.uint16)
    marks = np.arange(np.iinfo(np.uint8).max + 1, dtype=np.uint8)
    for level, name in names.items():
        marks[level.ordinal] = name.ordinal
        indices[_body(level.lower)] = _body(name.lower)
        for structure in (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.DISC):
            indices[anatomy_index(structure, level.upper)] = anatomy_index(structure, name.upper)
    anatomy = timepoint.anatomy
    discs = (disc for disc in timepoint.reading.discs if Level.parse(disc.level) in names)
    return replace(
        timepoint,
        anatomy=replace(
            anatomy,
            labels=anatomy.labels.with_data(indices[anatomy.labels.data]),
            levels=tuple(sorted(names.values())),
            confidence={names[at]: sure for at, sure in anatomy.confidence.items() if at in names},
            axial=tuple(axial.with_data(indices[axial.data]) for axial in anatomy.axial),
        ),
        reading=timepoint.reading.model_copy(
            update={
                "discs": tuple(
                    disc.model_copy(update={"level": str(names[Level.parse(disc.level)])}) for disc in discs
                )
            }
        ),
        displaced=timepoint.displaced.with_data(marks[timepoint.displaced.data]),
        frames={
            names[at]: replace(frame, level=names[at])
            for at, frame in timepoint.frames.items()
            if at in names
        },
    )


def _body(vertebra: str) -> int:
    """The index of a vertebra's body; a sacrum is one structure whatever is counted to it."""
    return anatomy_index(Structure.SACRUM if vertebra == "S1" else Structure.VERTEBRAL_BODY, vertebra)


def patient_doubts(timepoints: Sequence[Timepoint], limits: Limits) -> tuple[str, ...]:
    """Why the dates may not be of one patient, in words; empty where nothing says so."""
    first = bodies(timepoints[0])
    said = []
    for number, one in enumerate(timepoints[1:], start=2):
        apart = unlike_mm(first, bodies(one))
        if apart is not None and apart > limits["same_patient"]:
            said.append(
                f"dates 1 and {number} may be of two patients: their vertebrae differ by {apart:.2f} mm "
                f"(typically; up to {limits['same_patient']:g} mm within one patient)"
            )
    return tuple(said)
