"""Fit the frame and reference surface of a disc level to its two vertebrae."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from resorb.anatomy import Anatomy, Level
from resorb.errors import NotMeasurableError
from resorb.frame import Frame, Rim
from resorb.midline import Midline, midline_of
from resorb.rims import (
    MIDDLE_MM,
    SMOOTHING_MM,
    anterior_rim,
    by_slice,
    closed_rim,
    half_width_mm,
    outermost,
    posterior_rim,
    sacral_rim,
)
from resorb.study import FloatArray, Volume
from resorb.voxels import index_of

MIN_SECTION_MM2 = 80.0
#: Decimals of a millimetre: which points face the disc does not hang on how a file rounds an affine.
ROUNDED = 3
MIN_SECTION = 0.5  # of a body's largest section; what is smaller is its flank or a piece of pedicle
# A disc reaches so near to the line between its corners, or they are not its own. Narrowed discs end in front of it.
MAX_OFF_DISC_MM = 8.0
#: From the midline: where a corner is seen only farther out, its height and place there are a guess.
FAR_ASIDE_MM = 6.0
TURN_WITHIN_MM = 12.0
MAX_TURN = 0.21
ENDPLATE_MM = 9.0  # from its highest to its lowest point, in one slice
ROUNDS = 5  # of which points face the disc, and in which direction
PLANE_SCALES_MM = (4.0, 3.0, 2.0, 1.5, *(4 * (1.0,)))  # beyond which a point counts little for its endplate
#: Of the direction to the left that the rims give, where the bodies' shape gives the rest.
RIM_SHARE = 1.0 / 3.0
AHEAD_MM = tuple(range(8, 26, 2))  # of the posterior corners: over the middle of the disc


@dataclass(frozen=True, eq=False)
class _Body:
    """One of the two bodies of a level.

    Attributes:
        outline: points (n, 4), RAS+ mm and the slice's number.
        normal: (3,) cranial, of the endplate that faces the disc.
        sign: +1 where that is the superior endplate, -1 where it is the inferior one.
    """

    vertebra: str
    outline: FloatArray
    normal: FloatArray
    sign: float


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
    outlines = (
        _outline(labels, anatomy.body(level.upper), level.upper),
        _outline(labels, _near_disc(anatomy, level), level.lower),
    )
    normals = _endplate_normals(*(np.round(one, ROUNDED) for one in outlines))
    bodies = (
        _Body(level.upper, outlines[0], normals[0], -1.0),
        _Body(level.lower, outlines[1], normals[1], 1.0),
    )
    midline = midline_of(anatomy, level)
    axes, rims = _along_rims(bodies, midline, labels)
    shift = _between(rims, midline.aside_mm(midline.point + _between(rims, 0.0) @ axes, axes[0]))
    origin = midline.point + shift @ axes
    rims = [_moved(rim, shift) for rim in rims]
    # Before the sacrum's rim is carried on along that of L5, which may be seen nearer to the midline.
    if max(float(np.abs(rim.left).min()) for rim in rims) > FAR_ASIDE_MM:
        raise NotMeasurableError(f"the slices do not reach the midline of {level}")
    if level.lower == "S1":
        rims[1] = sacral_rim(rims[1], rims[0], axes @ normals[1])
    slip = float(rims[1].corner(0.0)[0] - rims[0].corner(0.0)[0])
    local = (_local(bodies[0].outline, axes, origin), _local(bodies[1].outline, axes, origin))
    fronts = [
        anterior_rim(points, axes @ body.normal, body.sign, body.vertebra, labels)
        for points, body in zip(local, bodies, strict=True)
    ]
    rims = [
        replace(rim, outline=closed_rim(rim, front, half_width_mm(points)))
        for rim, front, points in zip(rims, fronts, local, strict=True)
    ]
    _believable(rims, (labels.to_world(index_of(anatomy.disc(level))) - origin) @ axes.T, level)
    return Frame(
        level=level,
        origin=origin,
        axes=axes,
        upper=rims[0],
        lower=rims[1],
        slip_mm=slip,
        step_share=float(np.clip(slip / slip_limit_mm - 1.0, 0.0, 1.0)),
        disc_height_mm=_disc_height(*local, AHEAD_MM),
        midline_source=midline.source,
        height_index=_height_index(rims, fronts, local),
    )


def _along_rims(bodies: Sequence[_Body], midline: Midline, field: Volume) -> tuple[FloatArray, list[Rim]]:
    """Axes of the frame (3, 3), rows left, posterior and cranial, and the posterior rims in them about the midline."""
    normal = np.sum([body.normal for body in bodies], axis=0)
    cranial = normal / np.linalg.norm(normal)
    left = np.array([-1.0, 0.0, 0.0]) if midline.left is None else midline.left
    left = left - (left @ cranial) * cranial
    left /= np.linalg.norm(left)

    def seen(left: FloatArray) -> tuple[FloatArray, list[Rim]]:
        axes = np.stack([left, np.cross(cranial, left), cranial])
        return axes, [
            posterior_rim(
                _local(body.outline, axes, midline.point), axes @ body.normal, body.sign, body.vertebra, field
            )
            for body in bodies
        ]

    axes, rims = seen(left)
    # A turned vertebra: the rims run obliquely through the midline; left is along them.
    turn = float(np.mean([_turn(rim) for rim in rims])) * (1.0 if midline.left is None else RIM_SHARE)
    return seen((left + turn * axes[1]) / np.hypot(1.0, turn))


def _moved(rim: Rim, shift: FloatArray) -> Rim:
    """A rim about another origin, `shift` (3,) away."""
    return replace(
        rim,
        left=rim.left - shift[0],
        posterior=rim.posterior - shift[1],
        cranial=rim.cranial - shift[2],
        extent=(rim.extent[0] - shift[0], rim.extent[1] - shift[0]),
    )


def _believable(rims: Sequence[Rim], disc: FloatArray, level: Level) -> None:
    """Refuse rims that are not those of a disc, given by its voxels in local mm (n, 3)."""
    middle = disc[np.abs(disc[:, 0]) < MIDDLE_MM]
    disc = middle if len(middle) else disc
    if not len(disc):
        return
    ends = [np.column_stack(rim.corner(disc[:, 0])) for rim in rims]
    along = ends[1] - ends[0]
    share = np.sum((disc[:, 1:] - ends[0]) * along, axis=1) / np.maximum(np.sum(along**2, axis=1), 1e-6)
    foot = ends[0] + np.clip(share, 0.0, 1.0)[:, None] * along
    if (away := float(np.linalg.norm(disc[:, 1:] - foot, axis=1).min())) > MAX_OFF_DISC_MM:
        raise NotMeasurableError(
            f"no believable rim was found at {level}: the disc as labelled ends {away:.0f} mm from the corners"
        )


def _between(rims: Sequence[Rim], left: float) -> FloatArray:
    """(3,) local mm midway between the corners of two rims at a position to the left."""
    return np.asarray(np.mean([[left, *(float(x) for x in rim.corner(left))] for rim in rims], axis=0))


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
    disc = index_of(anatomy.disc(level))
    if not len(disc):
        return body
    centre = anatomy.labels.to_world(disc.mean(axis=0))
    index = index_of(body)
    far = np.linalg.norm(anatomy.labels.to_world(index)[:, 1:] - centre[1:], axis=1) > 34.0
    near = body.copy()
    near[tuple(index[far].T)] = False
    return near


def _outline(volume: Volume, mask: NDArray[np.bool_], vertebra: str) -> FloatArray:
    """Outline points (n, 4) of a body, slice by slice: RAS+ mm and the slice's number.

    Outlines are smoothed and lie between voxel centres, so that they are not biased by half a voxel.
    """
    found = index_of(mask)
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


def _endplate_normals(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """(2, 3) unit vectors, cranial, at right angles to the facing endplates of the upper and the lower body."""
    axis = upper[:, :3].mean(axis=0) - lower[:, :3].mean(axis=0)
    axis /= np.linalg.norm(axis)
    normals = np.stack([axis, axis])
    for _ in range(ROUNDS):
        for n, (points, sign) in enumerate(((upper, -1.0), (lower, 1.0))):
            normal = _plane_normal(_facing(points, normals[n], sign))
            normals[n] = normal if normal @ axis > 0 else -normal
    return normals


def _facing(points: FloatArray, axis: FloatArray, sign: float) -> FloatArray:
    """Points (m, 3) of the endplate that faces the disc: per slice, the outermost in 2 mm columns along the axis."""
    forward = np.cross(axis, [1.0, 0.0, 0.0])
    forward /= np.linalg.norm(forward)
    chosen = []
    for outline in by_slice(points):
        across, along = outline[:, :3] @ forward, (outline[:, :3] @ axis) * sign
        low, high = np.quantile(across, [0.02, 0.98])
        margin = 0.12 * (high - low)
        inner = np.flatnonzero((across > low + margin) & (across < high - margin))
        columns = np.unique(np.floor(across[inner] / 2.0))
        column = np.floor(across / 2.0)
        top = outermost(column, along)
        # Farther off lies no endplate, but the floor of a pedicle.
        top = top[np.isin(column[top], columns) & (along[top] > along[top].max() - ENDPLATE_MM)]
        chosen.append(outline[top, :3])
    return np.concatenate(chosen)


def _plane_normal(points: FloatArray) -> FloatArray:
    """Unit normal of the plane through points (n, 3), by reweighting (Cauchy) from a wide scale to a narrow one.

    What is no endplate (Schmorl nodes, spurs, a stretch of wall behind an oblique endplate) so loses its weight.
    """
    if len(points) < 6:
        raise NotMeasurableError("an endplate is seen in too few places to be measured")
    weight = np.ones(len(points))
    normal = np.array([0.0, 0.0, 1.0])
    for scale in PLANE_SCALES_MM:
        centre = np.average(points, axis=0, weights=weight)
        normal = np.linalg.eigh(((points - centre).T * weight) @ (points - centre))[1][:, 0]
        weight = 1.0 / (1.0 + ((points - centre) @ normal / scale) ** 2)
    return np.asarray(normal)


def _local(points: FloatArray, axes: FloatArray, origin: FloatArray) -> FloatArray:
    """Outline points (n, 4) to (left, posterior, cranial, slice)."""
    return np.column_stack([(points[:, :3] - origin) @ axes.T, points[:, 3]])


def _height_index(
    rims: Sequence[Rim], fronts: Sequence[Rim], bodies: tuple[FloatArray, FloatArray]
) -> float | None:
    """Mean of the disc's anterior, middle and posterior height in the midline over its length from front to back."""
    ends = np.array([[[float(x) for x in rim.corner(0.0)] for rim in side] for side in (rims, fronts)])
    posterior, anterior = (float(np.linalg.norm(side[0] - side[1])) for side in ends)
    length = float(np.linalg.norm(ends[0] - ends[1], axis=-1).mean())
    middle = _disc_height(*bodies, (-float(ends[..., 0].mean()),))
    index = (anterior + middle + posterior) / 3.0 / length if length > 0 else float("nan")
    return index if np.isfinite(index) else None


def _disc_height(upper: FloatArray, lower: FloatArray, places: Sequence[float]) -> float:
    """Mean distance, mm, between the facing endplates in front of the posterior corners, from local outlines (n, 4)."""
    gaps = []
    for ahead in places:
        facing = []
        for points, sign in ((upper, -1.0), (lower, 1.0)):
            near = points[(np.abs(points[:, 0]) < 10.0) & (np.abs(points[:, 1] + ahead) < 1.0)]
            tops = [sign * float(np.max(part[:, 2] * sign)) for part in by_slice(near)]
            # The median: a slice that tilts out of the window shows the far endplate only.
            facing.append(float(np.median(tops)) if tops else np.nan)
        gaps.append(facing[0] - facing[1])
    gap = np.array(gaps)
    return float(np.mean(gap[np.isfinite(gap)])) if np.isfinite(gap).any() else float("nan")
