"""Finds the rims of a vertebral body's endplates on its outline: corners, posterior wall, and the whole closed rim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from resorb.errors import NotMeasurableError
from resorb.frame import WALL_HEIGHT_MM, Rim
from resorb.study import FloatArray, Volume

SMOOTHING_MM = 0.35  # takes the staircase off a mask's outline
# Gaussian smoothing pulls a right corner in by this many sigma along both its sides: there Phi(x)**2 = 1/2.
ROUNDING = 0.545
RIM_DEPTH_MM = 9.0  # a corner is sought this near to the endplate's highest point
MIDDLE_MM = 8.0  # no pedicle comes nearer to the midline than this
PEDICLE_MARGIN_MM = 2.5
WALL_FROM_MM, WALL_TO_MM = 2.5, 8.0  # below the endplate, where its posterior wall is looked for
# An osteophyte flares along the wall as a Gaussian of this reach; between these heights the wall is looked at.
SPUR_REACH_MM, WALL_START_MM, WALL_END_MM = 3.0, 1.0, 17.0
# 1/mm, mean and standard deviation: bend of the wall of a body 26 mm tall that is hollowed by 0 to 2 mm; and what the
# outline of one slice is off in one place, mm.
WALL_BEND, BEND_SD, OUTLINE_SD_MM = 0.006, 0.003, 0.25
# A corner this far behind its wall's own curve is the wall's; from the second figure on it is an osteophyte's tip.
SPUR_FROM_MM, SPUR_SURE_MM = 0.4, 0.7
FEWEST_ROWS = 8  # millimetres of wall that a parabola is fitted to
RIM_BANDWIDTH_MM = 4.0  # smoothing of the rim from slice to slice
# By which an endplate may be narrower or wider than its waist tells; wider still it is an osteophyte.
NARROWER_MM, WIDER_MM = 1.5, 1.0
WAIST_SHARE = 0.92  # width of a lumbar body's waist over that of its endplates; by eye on label maps
WAIST_ROW_MM = 1.5
FEWEST_CHORDS = 4  # slices through a waist whose width is told
MIN_SEEN_MM = 20.0  # a rim seen over less than this is not closed by guess
OUTLINE_POWER = 2.5  # of the superellipse that an endplate's outline nearly is; by eye on label maps
OUTER_SHARE = 0.55  # of the way to the outermost slice, from where lengths tell the width
OUTERMOST = 0.97  # share of the half width that is seen at least where an endplate has not grown shorter
SACRAL_MM = 9.0  # from the midline; farther out the outline of the sacrum is that of its wings and pedicles
AT_EDGE_MM = 1.5  # a body seen this near to the field's last slice goes on beyond it


def posterior_rim(points: FloatArray, normal: FloatArray, sign: float, vertebra: str, field: Volume) -> Rim:
    """The posterior rim of an endplate from a body's outline in local coordinates (n, 4).

    `normal` (3,) is the endplate's own, cranial, in local coordinates: a wedged body's corner may lie well
    below its highest point. `sign` is +1 for a superior endplate (of the lower body), -1 for an inferior one.

    Raises:
        NotMeasurableError: no slice shows a corner where one may be looked for.
    """
    slices = by_slice(points)

    def corners(within_mm: float, behind_mm: float) -> FloatArray:
        found = []
        for whole in slices:
            outline = whole[whole[:, 1] < behind_mm]
            if not len(outline) or np.abs(whole[:, 0]).min() >= within_mm:
                continue
            height = (outline[:, 1] * normal[1] + outline[:, 2] * normal[2]) * sign
            backward = outline[:, 1] * normal[2] - outline[:, 2] * normal[1]
            top = float(np.quantile(height, 0.98))
            near = height > top - RIM_DEPTH_MM
            score = (backward + height)[near]
            corner = outline[near][np.argsort(score)[-3:], :3].mean(axis=0)
            corner += ROUNDING * SMOOTHING_MM * np.array([0.0, 1.0, sign])
            # A rounded or eroded corner lies in front of its wall; to the side the wall is a pedicle's.
            on_wall = (
                (height < top - WALL_FROM_MM) & (height > top - WALL_TO_MM) & (backward > np.median(backward))
            )
            if abs(corner[0]) < MIDDLE_MM and np.count_nonzero(on_wall) > 4:
                corner[1] = max(corner[1], float(np.median(outline[on_wall, 1])))
            found.append(corner)
        return np.array(found)

    # To the side the rim curves forwards: what lies farther back than its middle there is a pedicle.
    middle = corners(MIDDLE_MM, np.inf)
    behind = float(np.median(middle[:, 1])) + PEDICLE_MARGIN_MM if len(middle) else np.inf
    found = corners(SACRAL_MM if vertebra == "S1" else np.inf, behind)
    if not len(found):
        raise NotMeasurableError(f"no endplate of {vertebra} is seen near the midline")
    found = found[np.argsort(found[:, 0])]
    found[:, 1] -= _spur(points, found, sign)
    left = found[:, 0]
    bandwidth = max(RIM_BANDWIDTH_MM, 1.2 * float(np.median(np.diff(left)))) if len(left) > 1 else 1.0
    posterior, cranial = (_smooth_along(left, found[:, axis], bandwidth) for axis in (1, 2))
    # Slices run from right to left; where the body goes on beyond the field, so does its rim.
    extent = (
        -np.inf if points[:, 3].min() * field.spacing_mm[0] < AT_EDGE_MM else float(left[0]),
        np.inf
        if (field.shape[0] - 1 - points[:, 3].max()) * field.spacing_mm[0] < AT_EDGE_MM
        else float(left[-1]),
    )
    rim = Rim(left, posterior, cranial, (0.0, 0.0), f"outline of {vertebra}", extent)
    return replace(rim, wall=_wall_shape(points, rim, sign))


def anterior_rim(points: FloatArray, normal: FloatArray, sign: float, vertebra: str, field: Volume) -> Rim:
    """The anterior rim of an endplate, as `posterior_rim` finds the posterior one: everything turned back to front."""
    mirror = np.array([1.0, -1.0, 1.0, 1.0])
    found = posterior_rim(points * mirror, normal * mirror[:3], sign, vertebra, field)
    return replace(found, posterior=-found.posterior)


def sacral_rim(sacrum: Rim, above: Rim, normal: FloatArray) -> Rim:
    """The rim of S1, whose sides go over into the wings: beyond the middle it runs as that of the endplate above does.

    Args:
        sacrum: the rim near the midline; above: that of L5's lower endplate, local mm.
        normal: (3,) of the sacral endplate, local, along which no height is lost to the sides.
    """
    middle = sacrum.left[np.abs(sacrum.left) < SACRAL_MM]
    ends = (float(middle[0]), float(middle[-1])) if len(middle) else (0.0, 0.0)
    beside = above.left[(above.left < ends[0]) | (above.left > ends[1])]
    joint = np.clip(beside, *ends)
    back, height = sacrum.corner(joint)
    ahead = above.corner(beside)[0] - above.corner(joint)[0]
    down = (normal[0] * (beside - joint) + normal[1] * ahead) / normal[2]
    aside = np.column_stack([beside, back + ahead, height - down])
    known = np.column_stack([middle, *sacrum.corner(middle)])
    left, posterior, cranial = (every := np.concatenate([aside, known]))[np.argsort(every[:, 0])].T
    return replace(sacrum, left=left, posterior=posterior, cranial=cranial, extent=above.extent)


def by_slice(points: FloatArray) -> list[FloatArray]:
    """Outline points (n, 4), slice after slice, parted by slice."""
    return np.split(points, np.flatnonzero(np.diff(points[:, 3])) + 1) if len(points) else []


def outermost(group: FloatArray, value: FloatArray) -> NDArray[np.intp]:
    """(m,) index of the largest value (n,) of each group (n,), in the order of the groups."""
    order = np.lexsort((value, group))
    return np.asarray(order[np.append(np.diff(group[order]) != 0, True)])


def closed_rim(back: Rim, front: Rim, by_waist_mm: float) -> FloatArray | None:
    """The whole rim (n, 3) of an endplate, closed, from the posterior midline round by the left, local mm.

    Between the outermost slices and the sides it goes on as a superellipse, whose width follows from how the length
    of the endplate from front to back falls towards the sides. None where the field ends before the body does.

    Args:
        back, front: the posterior and the anterior rim.
        by_waist_mm: half of the endplate's width as the body's waist tells it (`half_width_mm`).
    """
    if not (np.isfinite(back.extent).all() and np.isfinite(front.extent).all()):
        return None
    low, high = max(back.left[0], front.left[0]), min(back.left[-1], front.left[-1])
    if high - low < MIN_SEEN_MM:
        return None
    left = np.linspace(low, high, 81)
    rear, fore = (np.column_stack([left, *rim.corner(left)]) for rim in (back, front))
    length = rear[:, 1] - fore[:, 1]
    full = float(np.quantile(length, 0.9))
    if full <= 0 or (length <= 0).any():
        return None
    share = length / full
    by_rim = float(np.mean([_half_width(sign * left, share) for sign in (-1.0, 1.0)]))
    half = by_rim
    if np.isfinite(by_waist_mm):
        half = 0.5 * (by_waist_mm + np.clip(by_rim, by_waist_mm - NARROWER_MM, by_waist_mm + WIDER_MM))
    kept = np.abs(left) < OUTERMOST * half
    if not np.isfinite(half) or not (left[kept] < 0).any() or not (left[kept] > 0).any():
        return None
    left, rear, fore = left[kept], rear[kept], fore[kept]
    sides = [_side(rear[n], fore[n], half) for n in (-1, 0)]
    start = int(np.argmin(np.abs(left)))
    return np.concatenate([rear[start:], sides[0], fore[::-1], sides[1][::-1], rear[: start + 1]])


def half_width_mm(points: FloatArray) -> float:
    """Half of an endplate's width, from the body's waist, which no osteophyte widens; infinite where it is not seen."""
    chords = []
    for outline in by_slice(points):
        low, high = outline[:, 2].min(), outline[:, 2].max()
        waist = outline[np.abs(outline[:, 2] - 0.5 * (low + high)) < WAIST_ROW_MM]
        if len(waist) > 1:
            chords.append([waist[:, 0].mean(), np.ptp(waist[:, 1])])
    if len(chords) < FEWEST_CHORDS:
        return np.inf
    left, length = np.array(chords).T
    share = length / np.quantile(length, 0.9)
    return float(np.mean([_half_width(sign * left, share) for sign in (-1.0, 1.0)])) / WAIST_SHARE


def _spur(points: FloatArray, corners: FloatArray, sign: float) -> float:
    """How far the corners (n, 3) of a rim lie on an osteophyte, mm: behind where the body's own wall would end.

    Wall and osteophyte are fitted together, the wall as a parabola of a usual bend; near the midline all slices share
    its slope, its bend and the osteophyte.
    """
    rows: list[FloatArray] = []
    near = corners[np.abs(corners[:, 0]) < MIDDLE_MM]
    slices = {outline[0, 3]: outline for outline in by_slice(points)}
    for count, corner in enumerate(near):
        # Slices may be oblique to the axes: the nearest one's outline is the corner's own.
        outline = slices[points[np.argmin(np.abs(points[:, :3] - corner).sum(axis=1)), 3]]
        height = (corner[2] - outline[:, 2]) * sign
        row = np.floor(height)
        back = outermost(row, outline[:, 1])
        back = back[(row[back] >= WALL_START_MM) & (row[back] < WALL_END_MM)]
        rows.append(np.column_stack([np.full(len(back), count), height[back], corner[1] - outline[back, 1]]))
    if not rows or sum(len(part) for part in rows) < FEWEST_ROWS * len(near):
        return 0.0
    number, away, ahead = np.concatenate(rows).T
    flare = np.exp(-((away / SPUR_REACH_MM) ** 2))
    basis = np.column_stack([number[:, None] == np.arange(len(near)), away, away**2, flare])
    # The bend is held near its usual value, as by a measurement of it; a wall lies in front of its corner by less.
    usual = np.zeros(basis.shape[1])
    usual[-2] = OUTLINE_SD_MM / BEND_SD * np.sqrt(len(near))
    solved = np.linalg.lstsq(np.vstack([basis, usual]), np.append(ahead, -WALL_BEND * usual[-2]), rcond=None)
    carried = solved[0][: len(near)]
    excess = float(np.median(carried))
    # Between the two figures from none of it to all of it, so that no reading jumps.
    return excess * float(np.clip((excess - SPUR_FROM_MM) / (SPUR_SURE_MM - SPUR_FROM_MM), 0.0, 1.0))


def _smooth_along(at: FloatArray, values: FloatArray, bandwidth: float) -> FloatArray:
    """Values (n,) at positions (n,), smoothed by a robust local quadratic fit (bisquare weights, as in loess)."""
    if len(at) < 4:
        return np.full(len(at), np.median(values))
    robust: FloatArray = np.ones(len(at))
    fitted: FloatArray = np.empty(len(at))
    offset = at - at[:, None]
    near = np.exp(-0.5 * (offset / bandwidth) ** 2)
    basis = np.stack([np.ones_like(offset), offset, offset**2], axis=-1)
    for _ in range(3):
        weighted = np.swapaxes(basis, 1, 2) * (near * robust)[:, None]
        # A weak ridge on slope and bend keeps a slab's ends from swinging.
        normal = weighted @ basis + np.diag([0.0, 0.5, 50.0])
        fitted = np.asarray(np.linalg.solve(normal, weighted @ values[:, None])[:, 0, 0])
        residual = np.abs(values - fitted)
        scale = 6.0 * max(float(np.median(residual)), 0.1)
        robust = np.clip(1.0 - (residual / scale) ** 2, 0.0, 1.0) ** 2
    return fitted


def _wall_shape(points: FloatArray, rim: Rim, sign: float) -> tuple[float, float]:
    """Shape (a, b) of the posterior wall behind a body near the midline (see `Rim.wall`); never behind its corner."""
    corner_posterior, corner_cranial = rim.corner(points[:, 0])
    height = (corner_cranial - points[:, 2]) * sign
    back = points[:, 1] - corner_posterior
    use = (
        (np.abs(points[:, 0]) < 10.0)
        & (height > WALL_FROM_MM)
        & (height < WALL_HEIGHT_MM)
        & (back > -8.0)
        & (back < 3.0)
    )
    if np.count_nonzero(use) < 10:
        return 0.0, 0.0
    h, p = height[use], back[use]
    shape: FloatArray = np.zeros(2)
    weight: FloatArray = np.ones(len(h))
    for _ in range(4):
        basis = np.column_stack([h, h**2])
        shape = np.asarray(np.linalg.lstsq(basis * weight[:, None], p * weight, rcond=None)[0])
        weight = 1.0 / (1.0 + (np.abs(p - basis @ shape) / 0.8) ** 2)
    return float(shape[0]), float(shape[1])


def _half_width(aside: FloatArray, share: FloatArray) -> float:
    """Where a superellipse ends, from its lengths (n,) as shares of the full one at distances aside (n,)."""
    if aside.max() <= 0:
        return np.inf
    outer = (aside > OUTER_SHARE * aside.max()) & (share < OUTERMOST)
    if not outer.any():
        return float(aside.max()) / OUTERMOST
    ends = aside[outer] / (1.0 - share[outer] ** OUTLINE_POWER) ** (1.0 / OUTLINE_POWER)
    return max(float(np.median(ends)), float(aside.max()) + 0.2)


def _side(rear: FloatArray, fore: FloatArray, half_width: float) -> FloatArray:
    """(m, 3) points from the outermost posterior corner (3,) round the side to the outermost anterior one."""
    end = abs(float(rear[0]))
    aside = half_width - (half_width - end) * np.linspace(1.0, 0.0, 12)[1:] ** 2
    shape = np.maximum(1.0 - (aside / half_width) ** OUTLINE_POWER, 0.0) ** (1.0 / OUTLINE_POWER)
    first = max((1.0 - (end / half_width) ** OUTLINE_POWER), 1e-9) ** (1.0 / OUTLINE_POWER)
    across = np.concatenate([shape, -shape[-2::-1]]) / first
    place = np.concatenate([aside, aside[-2::-1]]) * np.sign(rear[0])
    middle, half = 0.5 * (rear + fore), 0.5 * (rear - fore)
    return np.column_stack([place, middle[1] + across * half[1], middle[2] + across * half[2]])
