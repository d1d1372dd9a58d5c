"""A disc's margin unrolled: every point near it as (along the margin, cranial, behind the reference surface).

The reference surface is lofted between the exact rims of the two vertebrae, all around the disc; behind
a body it is that body's wall. Unrolled, it is an ordinary `Frame` whose "left" is the way along the
margin: so the line between the corners, the walls and the step that a slip makes are those that measuring uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from resorb.anatomy import Level
from resorb.errors import UsageError
from resorb.frame import WALL_HEIGHT_MM, Frame, Rim
from resorb.limits import load_limits
from resorb.simulation.herniation.tables import Float32, Table, axis
from resorb.simulation.phantom import Phantom, Vertebra, Window
from resorb.study import FloatArray

STEP_MM = 0.1  # about what lies between two of the points that stand for the margin
ROUNDING_MM = 3.0  # sigma along the margin: its normals turn steadily, and no two of them cross nearby
TABLE_MM = 0.5
FACING_BACK = 0.35  # cosine: a margin that faces more to the side than this is no longer posterior
REACH_MM = 45.0  # how far around the margin points are unrolled
HEIGHT_MM = 60.0  # how far above and below the disc


@dataclass(frozen=True, eq=False)
class Margin:
    """The margin of one disc.

    Attributes:
        origin, axes: of the level's local frame, as in `Frame`.
        outline: (n, 2) the rounded margin, (left, posterior) mm, evenly spaced from the posterior midline
            round by the left.
        normal: (n, 2) its outward unit normals.
        length_mm: around the whole disc.
        unrolled: the level with the way along the margin in the place of "left" and the distance outside
            the rounded margin in the place of "posterior".
    """

    origin: FloatArray
    axes: FloatArray
    outline: FloatArray
    normal: FloatArray
    length_mm: float
    unrolled: Frame

    def unroll(self, x: FloatArray, y: FloatArray, z: FloatArray) -> tuple[Float32, Float32, Float32]:
        """(along, cranial, behind) mm of world points, RAS+ mm, given as arrays that broadcast."""
        local = [
            ((x - self.origin[0]) * row[0] + (y - self.origin[1]) * row[1]).astype(np.float32)
            + ((z - self.origin[2]) * row[2]).astype(np.float32)
            for row in self.axes
        ]
        along, outside = (table.at(local[0], local[1]) for table in self._plan)
        position, stretch = (table.at(along, local[2]) for table in self._reference)
        return along, local[2], (outside - position) / stretch

    def unroll_window(self, phantom: Phantom, window: Window) -> tuple[Float32, Float32, Float32]:
        """The same for the voxel centres of a window of the fine grid."""
        x, y, z = phantom.fine.axes(window)
        return self.unroll(x[:, None, None], y[None, :, None], z[None, None, :])

    def roll(self, along: Float32, cranial: Float32, behind: Float32) -> tuple[Float32, Float32, Float32]:
        """World x, y and z, RAS+ mm, of unrolled points: the inverse of `unroll` outside the disc."""
        position, stretch = (table.at(along, cranial) for table in self._reference)
        outside = behind * stretch + position
        a, b, na, nb = (table.at(along) for table in self._curve)
        left, posterior = a + outside * na, b + outside * nb
        x, y, z = (
            np.float32(self.origin[w])
            + np.float32(self.axes[0, w]) * left
            + np.float32(self.axes[1, w]) * posterior
            + np.float32(self.axes[2, w]) * np.asarray(cranial, np.float32)
            for w in range(3)
        )
        return x, y, z

    def point(self, along: float, cranial: float, behind: float) -> FloatArray:
        """The world point (3,) of one unrolled point."""
        parts = self.roll(*(np.array([v], np.float32) for v in (along, cranial, behind)))
        return np.concatenate(parts).astype(np.float64)

    def corners(self, along: float) -> tuple[float, float]:
        """Heights (cranial, mm) of the lower and the upper rim at a place along the margin."""
        lower, upper = (float(r.corner(along)[1]) for r in (self.unrolled.lower, self.unrolled.upper))
        return lower, upper

    def along_at_left(self, left_mm: float, behind_mm: float) -> float:
        """The place along the posterior margin whose point `behind_mm` outside lies `left_mm` to the left.

        Where the margin does not reach so far aside, the place where it faces most nearly to the side.
        """
        if not left_mm:
            return 0.0
        side = np.sign(left_mm)
        along = side * np.arange(0.0, self.length_mm / 2.2, STEP_MM)
        a, _, na, nb = (table.at(along) for table in self._curve)
        posterior = nb > FACING_BACK
        reached = np.maximum.accumulate(side * (a + behind_mm * na)[posterior])
        found = min(int(np.searchsorted(reached, abs(left_mm))), len(reached) - 1)
        return float(along[posterior][found])

    @cached_property
    def _curve(self) -> tuple[Table, ...]:
        """Points (left, posterior) and normals (left, posterior) of the rounded margin over the way along it."""
        n = len(self.outline)
        step = self.length_mm / n
        order = np.arange(-(n // 2), n - n // 2) % n
        columns = np.column_stack([self.outline, self.normal])[order].astype(np.float32)
        return tuple(Table(np.ascontiguousarray(c), (-(n // 2) * step,), step) for c in columns.T)

    @cached_property
    def _reference(self) -> tuple[Table, Table]:
        """Position (mm) of the reference surface over (along, cranial), and how oblique it is there."""
        along = _both_ways(self.length_mm)
        cranial = axis(-HEIGHT_MM, HEIGHT_MM, TABLE_MM)
        points = np.zeros((len(along), len(cranial), 3))
        points[..., 0], points[..., 2] = along[:, None], cranial
        at_zero = self.unrolled.behind_mm(points)
        points[..., 1] = 1.0
        stretch = 1.0 / (self.unrolled.behind_mm(points) - at_zero)
        low = (float(along[0]), float(cranial[0]))
        position = (-at_zero * stretch).astype(np.float32)
        return Table(position, low, TABLE_MM), Table(stretch.astype(np.float32), low, TABLE_MM)

    @cached_property
    def _plan(self) -> tuple[Table, Table]:
        """The way along and the distance outside the rounded margin (mm), over (left, posterior)."""
        low, high = self.outline.min(0) - REACH_MM, self.outline.max(0) + REACH_MM
        axes = [axis(a, b, TABLE_MM) for a, b in zip(low, high, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        along, outside = _foot(points, self.outline, self.normal, self.length_mm)
        start = (float(low[0]), float(low[1]))
        return (
            Table(along.astype(np.float32), start, TABLE_MM),
            Table(outside.astype(np.float32), start, TABLE_MM),
        )


def margin_of(phantom: Phantom, level: Level) -> Margin:
    """The margin of a level's disc, from the exact landmarks of its two vertebrae.

    Raises:
        UsageError: the level is not in the phantom.
    """
    if level not in phantom.discs:
        present = ", ".join(str(known) for known in phantom.levels)
        raise UsageError(f"there is no disc {level} in this spine; it has {present}")
    above, below = phantom.vertebrae[level.upper], phantom.vertebrae[level.lower]
    if above.lower_rim is None:
        raise ValueError(f"{level.upper} has no lower rim")
    rims = (above.lower_rim, below.upper_rim)
    axes = _axes(above, below, rims)
    origin = (rims[0][0] + rims[1][0]) / 2
    local = [(rim - origin) @ axes.T for rim in rims]
    outline, normal, length = _rounded((_even(local[0], 720) + _even(local[1], 720))[:, :2] / 2)
    edges = [_unrolled_rim(_even(rim, 1440), outline, normal, length) for rim in local]
    walls = [
        _wall((vertebra.wall - origin) @ axes.T, rim[0])
        for vertebra, rim in zip((above, below), local, strict=True)
    ]
    upper, lower = (
        Rim(along, outside, cranial, wall, "the exact rim")
        for (along, outside, cranial), wall in zip(edges, walls, strict=True)
    )
    slip = float(local[1][0, 1] - local[0][0, 1])
    limits = load_limits()
    slip_limit = limits["listhesis_anterior_sacral" if level.lower == "S1" else "listhesis_anterior"]
    frame = Frame(
        level=level,
        origin=np.zeros(3),
        axes=np.eye(3),
        upper=upper,
        lower=lower,
        slip_mm=slip,
        step_share=float(np.clip(slip / slip_limit - 1.0, 0.0, 1.0)),
        disc_height_mm=float(local[0][:, 2].mean() - local[1][:, 2].mean()),
        midline_source="the exact rims",
    )
    return Margin(origin, axes, outline, normal, length, frame)


def _axes(above: Vertebra, below: Vertebra, rims: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Rows left, posterior, cranial: cranial is the bisector of the two endplates."""
    normals = []
    for vertebra, rim in zip((above, below), rims, strict=True):
        normal = np.linalg.svd(rim - rim.mean(0), full_matrices=False)[2][2]
        normals.append(normal * np.sign(normal @ vertebra.pose[:3, 2]))
    cranial = np.sum(normals, axis=0)
    cranial /= np.linalg.norm(cranial)
    left = above.pose[:3, 0] + below.pose[:3, 0]
    left = left - (left @ cranial) * cranial
    left /= np.linalg.norm(left)
    return np.stack([left, np.cross(cranial, left), cranial])


def _even(line: FloatArray, count: int) -> FloatArray:
    """A closed line resampled to `count` evenly spaced points, its first point kept."""
    closed = line if np.allclose(line[0], line[-1]) else np.concatenate([line, line[:1]])
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0.0, way[-1], count, endpoint=False)
    return np.column_stack([np.interp(at, way, column) for column in closed.T])


def _rounded(outline: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """A closed outline smoothed along itself, with its outward normals and its length."""
    length = float(np.linalg.norm(np.diff(outline, axis=0, append=outline[:1]), axis=1).sum())
    count = 2 * round(length / STEP_MM / 2)
    dense = _even(outline, count)
    smooth = ndimage.gaussian_filter1d(dense, ROUNDING_MM * count / length, axis=0, mode="wrap")
    smooth = _even(smooth, count)
    length = float(np.linalg.norm(np.diff(smooth, axis=0, append=smooth[:1]), axis=1).sum())
    tangent = np.roll(smooth, -1, 0) - np.roll(smooth, 1, 0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    return smooth, np.column_stack([-tangent[:, 1], tangent[:, 0]]), length


def _foot(
    points: FloatArray, outline: FloatArray, normal: FloatArray, length: float
) -> tuple[FloatArray, FloatArray]:
    """Where along an outline the point nearest to each of `points` (..., 2) lies, and how far outside they are."""
    _, nearest = cKDTree(outline).query(points)
    offset = points - outline[nearest]
    step = length / len(outline)
    facing = normal[nearest]
    outside = (offset * facing).sum(-1)
    tangent = np.column_stack([normal[:, 1], -normal[:, 0]])
    bend = ((np.roll(normal, -1, 0) - np.roll(normal, 1, 0)) * tangent).sum(1) / (2 * step)
    aside = (offset * tangent[nearest]).sum(-1) / np.maximum(1 + bend[nearest] * outside, 0.1)
    along = nearest * step + np.clip(aside, -step, step)
    return np.mod(along + length / 2, length) - length / 2, outside


def _both_ways(length: float) -> FloatArray:
    """Places along a margin, evenly to both sides of the posterior midline."""
    count = int(np.ceil(length / 2 / TABLE_MM))
    return np.asarray(TABLE_MM * np.arange(-count, count + 1), np.float64)


def _unrolled_rim(
    rim: FloatArray, outline: FloatArray, normal: FloatArray, length: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A rim (n, 3) as increasing (along, outside, cranial) over the rounded margin."""
    along, outside = _foot(rim[:, :2], outline, normal, length)
    order = np.argsort(along)
    even = _both_ways(length)
    return (
        even,
        np.interp(even, along[order], outside[order], period=length),
        np.interp(even, along[order], rim[order, 2], period=length),
    )


def _wall(wall: FloatArray, corner: FloatArray) -> tuple[float, float]:
    """(a, b) of `Rim.wall`: the posterior wall behind its corner, by least squares over the stretch that counts."""
    height = np.abs(wall[:, 2] - corner[2])
    near = height <= WALL_HEIGHT_MM
    terms = np.column_stack([height, height**2])[near]
    found, *_ = np.linalg.lstsq(terms, wall[near, 1] - corner[1], rcond=None)
    return float(found[0]), float(found[1])
