"""Finds the facets and pedicles of a level in its labels; what the field does not show is taken from body width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import STRUCTURE_STEP, Anatomy, Level, Structure, anatomy_index
from resorb.frame import WALL_HEIGHT_MM, Frame
from resorb.limits import Limits
from resorb.measurement.classes.landmarks import Landmarks, Pedicle, Side
from resorb.study import FloatArray, Volume

Mask = NDArray[np.bool_]

SIDES: tuple[tuple[Side, float], ...] = (("left", 1.0), ("right", -1.0))
#: The box around a level that is searched, local mm: leftwards, backwards, upwards; and its step.
ACROSS_MM, BACK_MM, UP_MM, STEP_MM = (-44.0, 44.0), (-6.0, 34.0), (-34.0, 34.0), 0.8
#: Pedicles are looked for so far behind the posterior wall, where they alone bridge from body to arch.
BRIDGE_MM = (0.0, 4.0)
CLEAR_MM, REACH_MM = 4.0, 24.0  # from the midline: nearer, arches meet; farther, there is no facet joint
FULL = 0.5  # share of a line's cells from which it counts as filled
FEWEST_MM = 4.0  # a pedicle lower than this is a stray voxel
FACETS_MM = 4.0  # facets are judged from this far below to this far above the level's origin
TIP_MM = 1.0  # what lies at most so far behind the foremost point of an articular process is its tip
#: The joint's medial edge: from the tip so much of the way to the other process, and half the joint space before it
#: (against the joints of three simulated patients, seed 202).
JOINT_SHARE, JOINT_MM = 1 / 3, 0.8
SEEN = "facets and pedicles as segmented"


@dataclass(frozen=True, eq=False)
class _Box:
    """Labels about a level, on a grid in its frame.

    Attributes:
        left, back, up: local mm of the cells along the three axes.
        labels: (l, p, z) anatomy index; -1 outside the field.
        wall: (z,) where the posterior wall lies, mm to the back.
    """

    left: FloatArray
    back: FloatArray
    up: FloatArray
    labels: NDArray[np.int32]
    wall: FloatArray

    def arch(self, vertebra: str) -> Mask:
        """(l, p, z) posterior elements of a vertebra; of the sacrum, what lies behind its endplate's corner."""
        if vertebra != "S1":
            return np.asarray(self.labels == anatomy_index(Structure.POSTERIOR_ELEMENTS, vertebra))
        sacrum = self.labels // STRUCTURE_STEP == int(Structure.SACRUM)
        return np.asarray(sacrum & (self.back > 0)[None, :, None])


def landmarks_of(anatomy: Anatomy, frame: Frame, body_width_mm: float, limits: Limits) -> Landmarks:
    """Facets and pedicles of a level in its frame, alike on both sides.

    A facet joint's medial edge lies, at disc height, between the tip of the upper vertebra's inferior articular
    process and the medial edge of the lower vertebra's superior one, just in front of that tip; it is looked for in the
    axial stacks first, for they tell left from right more finely. A pedicle is where, just behind the posterior wall,
    a vertebra's posterior elements bridge from its body to its arch, in the sagittal series, which holds its whole
    height. The two sides are averaged: a slice is as thick as most asymmetries are large. What is not seen is taken
    from the body's width by the limits `facet_share`, `facet_depth_share`, `pedicle_medial_share` and
    `pedicle_lateral_share`, and the source says so.

    Args:
        anatomy: labels in any storage order.
        frame: the level's frame.
        body_width_mm: width of the two endplates, or what it is estimated to be.
        limits: the shares.
    """
    boxes = [_box(volume, frame) for volume in (*anatomy.axial, anatomy.labels)]
    facet = next((seen for box in boxes if (seen := _facet(box, frame.level))), None)
    pedicles = {
        name: found
        for name in (frame.level.upper, frame.level.lower)
        if name != "S1" and (found := _pedicle(boxes[-1], name))
    }
    return _filled(facet, pedicles, 0.5 * body_width_mm, limits)


def _filled(
    facet: tuple[float, float] | None,
    pedicles: dict[str, tuple[float, float | None, float, float]],
    half_mm: float,
    limits: Limits,
) -> Landmarks:
    """Landmarks with what was not seen filled in from half the body's width."""
    used = []

    def share(name: str) -> float:
        used.append(name)
        return limits[name] * half_mm

    borders: dict[tuple[str, Side], Pedicle] = {}
    for name, (medial, lateral, bottom, top) in pedicles.items():
        outer = share("pedicle_lateral_share") if lateral is None else lateral
        for side, sign in SIDES:
            borders[name, side] = Pedicle(sign * medial, sign * max(outer, medial), bottom, top)
    edges = None
    if not pedicles:
        edges = share("pedicle_medial_share"), share("pedicle_lateral_share")
    across, back = facet or (share("facet_share"), share("facet_depth_share"))
    ends = {side: (sign * across, back) for side, sign in SIDES}
    unseen = list(dict.fromkeys(name.removesuffix("_share").replace("_", " ") for name in used))
    return Landmarks(
        facets=(ends["left"], ends["right"]),
        pedicles=borders,
        edges_mm=edges,
        source=f"{', '.join(unseen)} estimated from the body's width" if unseen else SEEN,
        rests_on=tuple(dict.fromkeys(used)),
    )


def _box(volume: Volume, frame: Frame) -> _Box:
    across, back, up = (
        np.arange(*ends, STEP_MM, dtype=np.float64) + STEP_MM / 2 for ends in (ACROSS_MM, BACK_MM, UP_MM)
    )
    points = np.stack(np.meshgrid(across, back, up, indexing="ij"), axis=-1)
    index = np.rint(volume.to_index(frame.to_world(points))).astype(np.intp)
    inside = np.all((index >= 0) & (index < np.array(volume.shape)), axis=-1)
    labels = np.full(inside.shape, -1, np.int32)
    labels[inside] = volume.data[tuple(index[inside].T)]
    line = frame.to_local(frame.reference_line(0.0, WALL_HEIGHT_MM))[::-1]
    return _Box(across, back, up, labels, np.interp(up, line[:, 2], line[:, 1]))


def _facet(box: _Box, level: Level) -> tuple[float, float] | None:
    """(distance from the midline, to the back) of the facet joints' medial edges, mean of both sides."""
    rows = np.abs(box.up) <= FACETS_MM
    lower, upper = box.arch(level.lower)[..., rows], box.arch(level.upper)[..., rows]
    found = []
    for _, sign in SIDES:
        side = sign * box.left
        near = (side > CLEAR_MM) & (side < REACH_MM)
        across, edges, tips, backs = side[near], [], [], []
        for process, arch in zip(np.moveaxis(lower[near], 2, 0), np.moveaxis(upper[near], 2, 0), strict=True):
            if not (process.any() and arch.any()):
                continue
            edges.append(float(across[process.any(axis=1)].min()) - STEP_MM / 2)
            front = np.where(arch.any(axis=1), box.back[np.argmax(arch, axis=1)], np.inf)
            backs.append(float(front.min()) - STEP_MM / 2)
            tips.append(float(across[front <= front.min() + TIP_MM].mean()))
        if len(edges) < FULL * np.count_nonzero(rows):
            return None
        tip, edge = np.median(tips), np.median(edges)
        found.append((tip + JOINT_SHARE * (edge - tip), np.median(backs) - JOINT_MM))
    across_mm, back_mm = (float(v) for v in np.mean(found, axis=0))
    return across_mm, back_mm


def _pedicle(box: _Box, vertebra: str) -> tuple[float, float | None, float, float] | None:
    """(medial, lateral, bottom, top) of a vertebra's pedicles, mean of both sides; lateral is None out of the field."""
    arch = box.arch(vertebra)
    behind = box.back[:, None] - box.wall[None, :]
    slab = (behind >= BRIDGE_MM[0]) & (behind <= BRIDGE_MM[1])
    filled = (arch & slab).sum(axis=1) / np.maximum(slab.sum(axis=0), 1)  # (l, z)
    borders = []
    for _, sign in SIDES:
        side = sign * box.left
        order = np.argsort(side)
        order = order[side[order] > CLEAR_MM]
        bridge = filled[order] > FULL
        run = _longest(bridge.any(axis=0))
        if (run.stop - run.start) * STEP_MM < FEWEST_MM:
            return None
        height = run.stop - run.start
        middle = slice(run.start + height // 4, run.stop - height // 4)
        columns = bridge[:, middle].mean(axis=1) > FULL
        if not columns.any():
            return None
        at = side[order][columns]
        seen = (box.labels[order][..., middle] >= 0).any(axis=(1, 2))
        edge = float(side[order][seen].max())
        lateral = float(at.max()) + STEP_MM / 2
        borders.append(
            (
                float(at.min()) - STEP_MM / 2,
                np.nan if lateral > edge - STEP_MM else lateral,
                float(box.up[run.start]) - STEP_MM / 2,
                float(box.up[run.stop - 1]) + STEP_MM / 2,
            )
        )
    medial, lateral, bottom, top = (float(v) for v in np.mean(borders, axis=0))
    return medial, lateral if np.isfinite(lateral) else None, bottom, top


def _longest(row: Mask) -> slice:
    """The longest run of a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    if not len(edges):
        return slice(0, 0)
    starts, stops = edges[::2], edges[1::2]
    best = int(np.argmax(stops - starts))
    return slice(int(starts[best]), int(stops[best]))
