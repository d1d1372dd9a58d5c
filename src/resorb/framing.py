"""Fit the frame and reference surface of a disc level to its two vertebrae."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from resorb.anatomy import Anatomy, Level, Structure
from resorb.errors import NotMeasurableError
from resorb.frame import WALL_HEIGHT_MM, Frame, Rim
from resorb.study import FloatArray, Volume

SMOOTHING_MM = 0.35  # takes the staircase off a mask's outline
# Gaussian smoothing pulls a right corner in by this many sigma along both its sides: there Phi(x)**2 = 1/2.
ROUNDING = 0.545
RIM_DEPTH_MM = 9.0  # a corner is sought this near to the endplate's highest point
MIDDLE_MM = 8.0  # no pedicle comes nearer to the midline than this
PEDICLE_MARGIN_MM = 2.5
WALL_FROM_MM, WALL_TO_MM = 2.5, 8.0  # below the endplate, where its posterior wall is looked for
MIN_SECTION_MM2 = 80.0
MIN_SECTION = 0.5  # of a body's largest section; what is smaller is its flank or a piece of pedicle
AT_EDGE_MM = 1.5  # a body seen this near to the field's last slice goes on beyond it
MAX_OFF_DISC_MM = 4.0  # a frame's origin lies at its disc, or its corners are not the disc's
TURN_WITHIN_MM = 12.0
MAX_TURN = 0.21
BY_WIDTH = "the width of the bodies"
RIM_BANDWIDTH_MM = 4.0  # smoothing of the rim from slice to slice


def fit_frame(anatomy: Anatomy, level: Level, *, slip_limit_mm: float) -> Frame:
    """Fit the frame and reference surface of a level to its two vertebrae.

    Corners are the points of each outline farthest along the diagonal between the posterior and the
    endplate's direction (the support point), near the endplate; they are smoothed from slice to slice by
    a robust local fit.

    Args:
        anatomy: labels in sagittal order (`Volume.sagittal`).
        level: the level to fit.
        slip_limit_mm: forward slip from which the reference begins to step (see `Frame.step_share`).

    Raises:
        NotMeasurableError: a vertebra of the level is missing from the field or too small to fit.
    """
    labels = anatomy.labels
    upper = _outline(labels, anatomy.body(level.upper), level.upper)
    lower = _outline(labels, _near_disc(anatomy, level), level.lower)
    centre, midline_source = _midline(anatomy, level)

    normals = _endplate_normals(upper, lower)
    cranial = normals.sum(axis=0) / np.linalg.norm(normals.sum(axis=0))
    left = np.array([-1.0, 0.0, 0.0]) + cranial[0] * cranial
    left /= np.linalg.norm(left)

    def rims_along(left: FloatArray) -> tuple[FloatArray, list[Rim]]:
        axes = np.stack([left, np.cross(cranial, left), cranial])
        return axes, [
            _rim(_local(points, axes, centre), axes @ normal, sign, name, labels)
            for points, normal, sign, name in (
                (upper, normals[0], -1.0, level.upper),
                (lower, normals[1], 1.0, level.lower),
            )
        ]

    axes, rims = rims_along(left)
    # A turned vertebra: the rims run obliquely through the midline; left is along them.
    turn = float(np.mean([_turn(rim) for rim in rims]))
    axes, rims = rims_along((left + turn * axes[1]) / np.hypot(1.0, turn))
    corners = np.array([[0.0, *(float(x) for x in rim.corner(0.0))] for rim in rims])
    shift = corners.mean(axis=0)
    origin = centre + shift @ axes
    rims = [
        replace(
            r,
            left=r.left - shift[0],
            posterior=r.posterior - shift[1],
            cranial=r.cranial - shift[2],
            extent=(r.extent[0] - shift[0], r.extent[1] - shift[0]),
        )
        for r in rims
    ]
    slip = float(corners[1, 1] - corners[0, 1])
    disc = labels.to_world(np.argwhere(anatomy.disc(level)))
    if len(disc) and np.linalg.norm(disc - origin, axis=1).min() > MAX_OFF_DISC_MM:
        raise NotMeasurableError(
            f"no believable rim was found at {level}: the corners do not lie at the disc"
        )
    return Frame(
        level=level,
        origin=origin,
        axes=axes,
        upper=rims[0],
        lower=rims[1],
        slip_mm=slip,
        step_share=float(np.clip(slip / slip_limit_mm - 1.0, 0.0, 1.0)),
        disc_height_mm=_disc_height(_local(upper, axes, origin), _local(lower, axes, origin)),
        midline_source=midline_source,
    )


def _turn(rim: Rim) -> float:
    """Slope of a rim through the midline, d(posterior)/d(left), by a line through its middle; at most 12 degrees."""
    near = np.abs(rim.left) < TURN_WITHIN_MM
    if np.count_nonzero(near) < 4:
        return 0.0
    slope = float(np.polyfit(rim.left[near], rim.posterior[near], 1)[0])
    return float(np.clip(slope, -MAX_TURN, MAX_TURN))


def _near_disc(anatomy: Anatomy, level: Level) -> NDArray[np.bool_]:
    """The lower body; of a whole labelled sacrum only what lies within one body's height of the disc."""
    body = anatomy.body(level.lower)
    if level.lower != "S1" or not body.any():
        return body
    disc = np.argwhere(anatomy.disc(level))
    if not len(disc):
        return body
    centre = anatomy.labels.to_world(disc.mean(axis=0))
    index = np.argwhere(body)
    far = np.linalg.norm(anatomy.labels.to_world(index)[:, 1:] - centre[1:], axis=1) > 34.0
    near = body.copy()
    near[tuple(index[far].T)] = False
    return near


def _outline(volume: Volume, mask: NDArray[np.bool_], vertebra: str) -> FloatArray:
    """Outline points (n, 4) of a body, slice by slice: RAS+ mm and the slice's number.

    Outlines are smoothed and lie between voxel centres, so that they are not biased by half a voxel.
    """
    found = np.argwhere(mask)
    if len(found) * volume.voxel_volume_mm3 < 1000.0:
        raise NotMeasurableError(
            f"the vertebra {vertebra} is not in the field, or only a small part of it is"
        )
    low = np.maximum(found.min(axis=0) - 4, 0)
    high = found.max(axis=0) + 5
    box = mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    sigma = SMOOTHING_MM / volume.spacing_mm[1:]
    points = []
    section = np.count_nonzero(box, axis=(1, 2)) * volume.spacing_mm[1] * volume.spacing_mm[2]
    for k in np.flatnonzero(section > max(MIN_SECTION_MM2, MIN_SECTION * section.max())):
        smooth = ndimage.gaussian_filter(np.pad(box[k], 1).astype(np.float32), sigma)
        contour = max(measure.find_contours(smooth, 0.5), key=len, default=None)
        if contour is None:
            continue
        index = np.column_stack([np.full(len(contour), k + low[0]), contour - 1 + low[1:]])
        points.append(np.column_stack([volume.to_world(index), index[:, 0]]))
    if not points:
        raise NotMeasurableError(f"the vertebra {vertebra} is too small in every slice to be measured")
    return np.concatenate(points)


def _midline(anatomy: Anatomy, level: Level) -> tuple[FloatArray, str]:
    """A world point in the midline at the level, and what it was found on.

    A body whole in the field gives it by its width; in a slab that cuts the bodies, the canal behind
    the two bodies does (at body height, where a herniation of this disc pushes it least).
    """
    labels = anatomy.labels
    bodies = anatomy.body(level.upper) | anatomy.body(level.lower)
    index = np.argwhere(bodies)
    slices = index[:, 0]
    centre = labels.to_world(index.mean(axis=0))
    if slices.min() > 0 and slices.max() < labels.shape[0] - 1:
        # Between the places, finer than a slice, where the bodies' cross-section falls to half its largest.
        area = np.bincount(slices, minlength=labels.shape[0]).astype(np.float64)
        half = 0.5 * area.max()
        first, last = np.flatnonzero(area > half)[[0, -1]]
        begin = first - (area[first] - half) / (area[first] - area[first - 1])
        end = last + (area[last] - half) / (area[last] - area[last + 1])
        middle = labels.to_world(np.array([(begin + end) / 2, *index.mean(axis=0)[1:]]))
        return middle, BY_WIDTH
    sac = np.argwhere(anatomy.structure(Structure.THECAL_SAC))
    if len(sac):
        world = labels.to_world(sac)
        rows = [np.argwhere(anatomy.body(v))[:, 1] for v in (level.upper, level.lower)]
        heights = [float(np.median(r)) for r in rows if len(r)]
        near = np.min([np.abs(sac[:, 1] - h) for h in heights], axis=0) * labels.spacing_mm[1] < 8.0
        if near.any():
            # The point in the sac itself: a turned patient's midline is not at one x all the way forward.
            return np.asarray(np.median(world[near], axis=0)), "the canal behind the two bodies"
    return centre, "the middle of the field"


def _endplate_normals(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """(2, 3) unit vectors, cranial, at right angles to the facing endplates of the upper and the lower body."""
    axis = upper[:, :3].mean(axis=0) - lower[:, :3].mean(axis=0)
    axis /= np.linalg.norm(axis)
    normals = np.stack([axis, axis])
    for _ in range(3):
        for n, (points, sign) in enumerate(((upper, -1.0), (lower, 1.0))):
            normal = _plane_normal(_facing(points, normals[n], sign))
            normals[n] = normal if normal @ axis > 0 else -normal
    return normals


def _facing(points: FloatArray, axis: FloatArray, sign: float) -> FloatArray:
    """Points (m, 3) of the endplate that faces the disc: per slice, the outermost in 2 mm columns along the axis."""
    forward = np.cross(axis, [1.0, 0.0, 0.0])
    forward /= np.linalg.norm(forward)
    chosen = []
    for number in np.unique(points[:, 3]):
        outline = points[points[:, 3] == number, :3]
        across, along = outline @ forward, (outline @ axis) * sign
        low, high = np.quantile(across, [0.02, 0.98])
        margin = 0.12 * (high - low)
        column = np.floor(across / 2.0).astype(np.int64)
        for c in np.unique(column[(across > low + margin) & (across < high - margin)]):
            members = np.flatnonzero(column == c)
            chosen.append(outline[members[np.argmax(along[members])]])
    return np.array(chosen)


def _plane_normal(points: FloatArray) -> FloatArray:
    """Unit normal of the plane through points (n, 3), refitted without the farthest tenth (Schmorl nodes, spurs)."""
    if len(points) < 6:
        raise NotMeasurableError("an endplate is seen in too few places to be measured")
    kept = points
    normal = np.array([0.0, 0.0, 1.0])
    for _ in range(3):
        centre = kept.mean(axis=0)
        normal = np.linalg.svd(kept - centre, full_matrices=False)[2][2]
        distance = np.abs((points - centre) @ normal)
        kept = points[distance <= np.quantile(distance, 0.9)]
    return np.asarray(normal)


def _local(points: FloatArray, axes: FloatArray, origin: FloatArray) -> FloatArray:
    """Outline points (n, 4) to (left, posterior, cranial, slice)."""
    return np.column_stack([(points[:, :3] - origin) @ axes.T, points[:, 3]])


def _rim(points: FloatArray, normal: FloatArray, sign: float, vertebra: str, field: Volume) -> Rim:
    """The posterior rim of an endplate from a body's outline in local coordinates (n, 4).

    `normal` (3,) is the endplate's own, cranial, in local coordinates: a wedged body's corner may lie well
    below its highest point. `sign` is +1 for a superior endplate (of the lower body), -1 for an inferior one.
    """

    def corners(within_mm: float, behind_mm: float) -> FloatArray:
        found = []
        for number in np.unique(points[np.abs(points[:, 0]) < within_mm, 3]):
            outline = points[(points[:, 3] == number) & (points[:, 1] < behind_mm)]
            if not len(outline):
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
    found = corners(np.inf, behind)
    found = found[np.argsort(found[:, 0])]
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


def _smooth_along(at: FloatArray, values: FloatArray, bandwidth: float) -> FloatArray:
    """Values (n,) at positions (n,), smoothed by a robust local quadratic fit (bisquare weights, as in loess)."""
    if len(at) < 4:
        return np.full(len(at), np.median(values))
    robust = np.ones(len(at))
    fitted = np.empty(len(at))
    for _ in range(3):
        fitted = np.empty(len(at))
        for n, here in enumerate(at):
            offset = at - here
            weight = np.exp(-0.5 * (offset / bandwidth) ** 2) * robust
            basis = np.column_stack([np.ones_like(offset), offset, offset**2])
            # A weak ridge on slope and bend keeps a slab's ends from swinging.
            normal = (basis.T * weight) @ basis + np.diag([0.0, 0.5, 50.0])
            fitted[n] = np.linalg.solve(normal, (basis.T * weight) @ values)[0]
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
        & (height > 1.0)
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


def _disc_height(upper: FloatArray, lower: FloatArray) -> float:
    """Mean distance, mm, between the facing endplates over the middle of the disc, from local outlines (n, 4)."""
    gaps = []
    for ahead in np.arange(8.0, 26.0, 2.0):
        facing = []
        for points, sign in ((upper, -1.0), (lower, 1.0)):
            near = (np.abs(points[:, 0]) < 10.0) & (np.abs(points[:, 1] + ahead) < 1.0)
            numbers = np.unique(points[near, 3])
            tops = [sign * np.max(points[near & (points[:, 3] == n), 2] * sign) for n in numbers]
            # The median: a slice that tilts out of the window shows the far endplate only.
            facing.append(float(np.median(tops)) if tops else np.nan)
        gaps.append(facing[0] - facing[1])
    gap = np.array(gaps)
    return float(np.mean(gap[np.isfinite(gap)])) if np.isfinite(gap).any() else float("nan")
