"""Whether five lumbar bodies fit the shapes seen: doubts about a count that starts from the sacrum.

No lumbar image proves the count: read alone, 14.1 % of 1,049 lumbar MRI were numbered wrongly by radiologists
(Tokgoz 2014, doi 10.3348/kjr.2014.15.2.258). What can be seen is the shape of the lowest bodies, how the bodies grow
downwards, and whether S1 is squared as a lumbar body.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.segmentation import bounds
from resorb.study import FloatArray, Volume

MIDDLE_MM = 6.0  # from the middle of a body to each side
BODY_REACH_MM = 35.0  # from its middle to its farthest corner, at most
MIN_SECTION_MM2 = 250.0
BINS = 12
RIM_SHARE = 0.12  # of the depth, at each end: corners and osteophytes do not belong to an endplate's slope
MIN_LEVELS = 4
S1_UPPER_MM, S1_LOWER_MM = (3.0, 8.0), (17.0, 22.0)  # below its highest point
S1_MIN_MM = 26.0  # of sacrum seen, that its lower end is in the field


def count_doubts(structures: Volume, labels: NDArray[np.uint16], centres: FloatArray) -> tuple[str, ...]:
    """Reasons, in words, why the lumbar bodies may not be five; empty where the shapes fit.

    Args:
        structures: uint8 `Structure` values, in sagittal order.
        labels: anatomy indices on the same grid; the ordinal of a vertebra is what remains after hundreds.
        centres: (n, 3) centres of the discs, world mm, from above downwards.
    """
    if len(centres) < MIN_LEVELS:
        return ()
    doubts = []
    evidence = _evidence_for_five(_shape(structures, labels, centres))
    if evidence < bounds.MIN_COUNT_EVIDENCE:
        doubts.append(
            "the lowest bodies are shaped as if the lumbar ones were not five (a transitional vertebra?): "
            "check the level names"
        )
    if _squareness(structures, centres) > bounds.MAX_SQUARE_S1:
        doubts.append(
            "the first sacral body is as square as a lumbar one (a transitional vertebra?): check the level names"
        )
    return tuple(doubts)


def _evidence_for_five(shape: FloatArray) -> float:
    """Logarithm of the likelihood ratio of five bodies to the likelier of four and six; 0 where nothing is known.

    Features are taken for independent and normal; each is limited, so that none decides alone.
    """
    mean, spread = np.array(bounds.FIVE_MEAN), np.array(bounds.FIVE_SD)
    limit = bounds.MAX_DEVIATION**2

    def distance(middle: FloatArray) -> FloatArray:
        return np.asarray(np.clip(((shape - middle) / spread) ** 2, 0.0, limit))

    fit = distance(mean)
    others = (distance(mean + np.array(s)) for s in (bounds.SHIFT_OF_FOUR, bounds.SHIFT_OF_SIX))
    return min(float(np.nansum(other - fit)) / 2 for other in others)


def _shape(structures: Volume, labels: NDArray[np.uint16], centres: FloatArray) -> FloatArray:
    """(4,) features, as `bounds.FIVE_MEAN` lists them; NaN where one cannot be measured."""
    steps = np.linalg.norm(np.diff(centres[::-1], axis=0), axis=1)
    grown = np.full(2, np.nan)
    higher = np.log(steps[3:5] / steps[:3].mean())
    grown[: len(higher)] = higher
    wedges = [
        _wedge_degrees(structures, labels, above, below) for below, above in list(pairwise(centres[::-1]))[:2]
    ]
    return np.array([*wedges, *grown])


def _wedge_degrees(
    structures: Volume, labels: NDArray[np.uint16], above: FloatArray, below: FloatArray
) -> float:
    """Angle between a body's endplates in the midline, positive where it is higher in front; NaN if it is not seen."""
    index = np.round(structures.to_index((above + below) / 2)).astype(int)
    label = int(labels[tuple(np.clip(index, 0, np.array(labels.shape) - 1))])
    if label // STRUCTURE_STEP != Structure.VERTEBRAL_BODY:
        return float("nan")
    spacing = structures.spacing_mm
    beside = int(MIDDLE_MM / spacing[0])
    reach = np.round(BODY_REACH_MM / spacing[1:]).astype(int)
    rows, columns = (slice(max(0, at - r), at + r + 1) for at, r in zip(index[1:], reach, strict=True))
    found = []
    for k in range(max(0, index[0] - beside), min(len(labels), index[0] + beside + 1), max(1, beside // 2)):
        points = np.argwhere(labels[k, rows, columns] == label) * spacing[1:]
        if len(points) * spacing[1] * spacing[2] >= MIN_SECTION_MM2:
            found.append(_section_wedge(points, (below - above)[1:]))
    return float(np.median(found)) if found else float("nan")


def _section_wedge(points: FloatArray, way: FloatArray) -> float:
    """Wedge of a sagittal section: `points` (n, 2) are (down, back) mm, `way` (anterior, superior) leads downwards."""
    axis = np.array([-way[1], -way[0]]) / np.linalg.norm(way)
    local = points - points.mean(axis=0)
    down, back = local @ axis, local @ np.array([-axis[1], axis[0]])
    low, high = np.quantile(back, [0.02, 0.98])
    rim = RIM_SHARE * (high - low)
    place = np.floor((back - low - rim) / (high - low - 2 * rim) * BINS).astype(int)
    lines = []
    for n in range(BINS):
        within = down[place == n]
        if len(within) > 2:
            middle = low + rim + (n + 0.5) * (high - low - 2 * rim) / BINS
            lines.append((middle, *np.quantile(within, [0.02, 0.98])))
    if len(lines) < BINS // 2:
        return float("nan")
    middle, top, bottom = np.array(lines).T
    slope = [float(np.polyfit(middle, edge, 1)[0]) for edge in (top, bottom)]
    return float(np.degrees(np.arctan(slope[0]) - np.arctan(slope[1])))


def _squareness(structures: Volume, centres: FloatArray) -> float:
    """Depth of S1 at its lower end over that at its upper one, in the midline; 0 where it is not seen whole."""
    index = np.round(structures.to_index(centres[-1])).astype(int)
    if not 0 <= index[0] < structures.shape[0]:
        return 0.0
    section = structures.data[index[0]]
    disc = np.argwhere(section == Structure.DISC) * structures.spacing_mm[1:]
    centre = index[1:] * structures.spacing_mm[1:]
    disc = disc[np.linalg.norm(disc - centre, axis=1) < 20.0]
    sacrum = np.argwhere(section == Structure.SACRUM) * structures.spacing_mm[1:] - centre
    if len(disc) < 10 or len(sacrum) < 10:
        return 0.0
    back = np.linalg.eigh(np.cov(disc.T))[1][:, 1]
    back = back if back[1] > 0 else -back
    down = np.array([back[1], -back[0]])
    depth, along = sacrum @ down, sacrum @ back
    near = np.abs(along) < 30.0  # the sacral canal's roof lies behind
    depth, along = depth[near], along[near]
    if not len(depth):
        return 0.0
    top = float(np.quantile(depth, 0.005))
    if float(depth.max()) - top < S1_MIN_MM:
        return 0.0
    spans = []
    for low, high in (S1_UPPER_MM, S1_LOWER_MM):
        within = along[(depth - top >= low) & (depth - top < high)]
        if len(within) < 10:
            return 0.0
        spans.append(float(np.ptp(np.quantile(within, [0.03, 0.97]))))
    return spans[1] / max(spans[0], 1.0)
