"""The reference surface round the whole posterior half of a disc, with distances outward from it.

Over the posterior face it is the surface of `resorb.frame.Frame`; round the posterolateral rim it goes on to
the side as a loft between the same two rims, so that foraminal and extraforaminal material has a reference too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from resorb.frame import WALL_HEIGHT_MM, Rim
from resorb.simulation.truth.frame import LevelGeometry
from resorb.study import FloatArray

Float32 = NDArray[np.float32]
_SideTable = tuple[FloatArray, FloatArray, float]

MESH_MM = 0.4
FORWARD_MM = 6.0  # how far the lateral surface goes on in front of the posterior half's edge
STEEP = 1.0  # slope of the rim from which it counts as lateral: its outward normal is then at 45 degrees


@dataclass(frozen=True, eq=False)
class Surface:
    """The reference surface between two heights, in local mm (left, posterior, cranial).

    Attributes:
        geometry: the level's frame and rims.
        cranial: (k,) heights of the mesh's rows, increasing.
        mesh: (s, k, 3) points of the surface, from the right side round the back to the left side.
        margin: (s, t, 3) middles of the tiles that make up the disc's margin, from rim to rim.
        face: columns of both that belong to the posterior face.
    """

    geometry: LevelGeometry
    cranial: FloatArray
    mesh: FloatArray
    margin: FloatArray
    face: slice

    @property
    def face_ends(self) -> tuple[float, float]:
        """Left coordinates between which the surface is the frame's own."""
        return float(self.mesh[self.face.start, 0, 0]), float(self.mesh[self.face.stop - 1, 0, 0])

    @cached_property
    def normal(self) -> FloatArray:
        """(s, k, 3) outward unit normals of the mesh."""
        return _normals(self.mesh)

    @cached_property
    def margin_normal(self) -> FloatArray:
        """(s, t, 3) outward unit normals of the margin's tiles."""
        return _normals(self.margin)

    @cached_property
    def tile_mm2(self) -> FloatArray:
        """(s, t) area of the margin's tiles."""
        along, up = np.gradient(self.margin, axis=(0, 1))
        return np.asarray(np.linalg.norm(np.cross(up, along), axis=-1))

    def near_mm(self, left: FloatArray, posterior: FloatArray, cranial: FloatArray) -> Float32:
        """(l, p, z) signed distance outward on the grid of three axes: exact in sign, of first order in size.

        Over the posterior face it is `Frame.behind_mm`.
        """
        low, high = self.face_ends
        across, up = np.meshgrid(np.clip(left, low, high), cranial, indexing="ij")
        reference, stretch = self._behind(across, up)
        out = ((posterior[None, :, None] - reference[:, None]) / stretch[:, None]).astype(np.float32)
        for sign, beyond in ((1.0, left > high), (-1.0, left < low)):
            if beyond.any():
                out[beyond] = self._aside_grid(sign, left[beyond], posterior, cranial)
        return np.asarray(out, np.float32)

    def outside(self, points: FloatArray, room_mm: float = 0.0) -> NDArray[np.bool_]:
        """(n,) whether local points (n, 3) lie outside the surface, or less than about `room_mm` inside it."""
        low, high = self.face_ends
        left = points[:, 0]
        reference, _ = self._behind(np.clip(left, low, high), points[:, 2])
        out = points[:, 1] > reference - room_mm
        for sign, beyond in ((1.0, left > high), (-1.0, left < low)):
            table, first, step = self._side_of(sign)
            index = ((points[beyond][:, [2, 1]] - first) / step).T
            edge = ndimage.map_coordinates(table, index, order=1, mode="nearest")
            out[beyond] = sign * left[beyond] > edge - room_mm
        return np.asarray(out)

    def reference(self, left: FloatArray, cranial: FloatArray) -> FloatArray:
        """Posterior coordinate of the posterior face; to the side, that of its end."""
        return self._behind(np.clip(left, *self.face_ends), cranial)[0]

    def outward_mm(self, points: FloatArray) -> FloatArray:
        """(n,) distance of local points (n, 3) from the surface at right angles to it; negative inside."""
        sign = np.where(self.outside(points), 1.0, -1.0)
        distance, nearest = self._tree.query(points)
        offset = points - self.mesh.reshape(-1, 3)[nearest]
        along = np.abs(np.einsum("ij,ij->i", offset, self.normal.reshape(-1, 3)[nearest]))
        # Within a mesh cell the foot lies on the facet; farther off it is an edge, and the point itself is nearest.
        slide = np.sqrt(np.maximum(distance**2 - along**2, 0.0))
        return np.asarray(sign * np.where(slide < MESH_MM, along, distance))

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.mesh.reshape(-1, 3))

    def _behind(self, left: FloatArray, cranial: FloatArray) -> tuple[FloatArray, FloatArray]:
        return posterior_reference(self.geometry, left, cranial)

    def _side_of(self, sign: float) -> _SideTable:
        """Lateral position (k, p) of one side by height and posterior coordinate; first indices, step."""
        return self._left_side if sign > 0 else self._right_side

    @cached_property
    def _left_side(self) -> _SideTable:
        return _side_table(self.mesh[self.face.stop - 1 :], self.cranial, 1.0)

    @cached_property
    def _right_side(self) -> _SideTable:
        return _side_table(self.mesh[self.face.start :: -1], self.cranial, -1.0)

    def _aside_grid(
        self, sign: float, left: FloatArray, posterior: FloatArray, cranial: FloatArray
    ) -> FloatArray:
        table, first, step = self._side_of(sign)
        forward, up = np.meshgrid(posterior, cranial, indexing="ij")
        index = (np.stack([up, forward], -1) - first) / step
        edge = ndimage.map_coordinates(table, np.moveaxis(index, -1, 0), order=1, mode="nearest")
        slopes = np.gradient(table, step)
        slope = [
            ndimage.map_coordinates(s, np.moveaxis(index, -1, 0), order=1, mode="nearest") for s in slopes
        ]
        stretch = np.sqrt(1.0 + np.minimum(slope[0] ** 2 + slope[1] ** 2, 1.0))
        return np.asarray((sign * left[:, None, None] - edge) / stretch, np.float32)


def _normals(mesh: FloatArray) -> FloatArray:
    along, up = np.gradient(mesh, axis=(0, 1))
    # The mesh runs from right to left, then upwards: outwards is to the back of it.
    normal = np.cross(up, along)
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12))


def posterior_reference(
    geometry: LevelGeometry, left: FloatArray, cranial: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Posterior coordinate of the frame's surface at (left, cranial), and mm backwards per mm of distance behind it.

    `Frame.behind_mm` is linear in the posterior coordinate, so two of its values give both.
    """
    frame = geometry.frame
    points = np.stack([left, np.zeros_like(left), cranial], -1)
    at_zero = frame.behind_mm(frame.to_world(points))
    points[..., 1] = 1.0
    stretch = 1.0 / (frame.behind_mm(frame.to_world(points)) - at_zero)
    return -at_zero * stretch, stretch


def make_surface(geometry: LevelGeometry, low_mm: float, high_mm: float) -> Surface:
    """The surface between two heights (local cranial, mm)."""
    frame = geometry.frame
    ends = [_face_end(frame.upper, frame.lower, sign) for sign in (-1.0, 1.0)]
    left = np.linspace(ends[0], ends[1], max(int((ends[1] - ends[0]) / MESH_MM), 2) + 1)
    right, other = (_side_rims(geometry, end, sign) for end, sign in zip(ends, (-1.0, 1.0), strict=True))
    face_corners = np.column_stack([frame.lower.corner(left)[1], frame.upper.corner(left)[1]])
    corners = np.concatenate([right[::-1, :, 2], face_corners, other[:, :, 2]])
    face = slice(len(right), len(right) + len(left))

    def points(cranial: FloatArray) -> FloatArray:
        """(s, k, 3) of the surface at heights (s, k)."""
        across = np.broadcast_to(left[:, None], (len(left), cranial.shape[1]))
        reference, _ = posterior_reference(geometry, across, cranial[face])
        back = np.stack([across, reference, cranial[face]], -1)
        first = _lateral(geometry, right[::-1], -1.0, cranial[: face.start])
        return np.concatenate([first, back, _lateral(geometry, other, 1.0, cranial[face.stop :])])

    rows = max(int(np.ceil((high_mm - low_mm) / MESH_MM)), 2) + 1
    cranial = np.linspace(low_mm, high_mm, rows)
    height = np.maximum(corners[:, 1] - corners[:, 0], 1e-3)
    tiles = max(int(np.ceil(height.max() / MESH_MM)), 2)
    share = (np.arange(tiles) + 0.5) / tiles
    return Surface(
        geometry=geometry,
        cranial=cranial,
        mesh=points(np.broadcast_to(cranial, (len(corners), rows))),
        margin=points(corners[:, :1] + height[:, None] * share),
        face=face,
    )


def _face_end(upper: Rim, lower: Rim, sign: float) -> float:
    """How far to one side the posterior face reaches, before the rims turn forwards."""
    end = min(upper.extent[1], lower.extent[1]) if sign > 0 else -max(upper.extent[0], lower.extent[0])
    left = np.arange(0.0, end, 0.1)
    steep = np.abs(0.5 * (upper.turn(sign * left) + lower.turn(sign * left))) > STEEP
    steep &= left > 0.5 * end
    reach = left[np.argmax(steep)] if steep.any() else end - 1e-6
    return float(sign * reach)


def _side_rims(geometry: LevelGeometry, joint: float, sign: float) -> FloatArray:
    """(m, 2, 3) the lower and the upper rim of one side, from the joint (left out: the face has it) forwards."""
    end = geometry.middle - FORWARD_MM
    paths = [_side_path(rim, joint, sign, end) for rim in (geometry.lower, geometry.upper)]
    length = max(float(np.linalg.norm(np.diff(p[:, :2], axis=0), axis=1).sum()) for p in paths)
    count = max(int(length / MESH_MM), 2)
    share = np.linspace(0.0, 1.0, count + 1)[1:]
    return np.stack([_along(path, share) for path in paths], axis=1)


def _lateral(geometry: LevelGeometry, rims: FloatArray, sign: float, cranial: FloatArray) -> FloatArray:
    """(m, k, 3) the surface of one side between its rims (m, 2, 3), at heights (m, k)."""
    frame = geometry.frame
    low, up = rims[:, 0, :, None], rims[:, 1, :, None]
    above = np.maximum(cranial - up[:, 2], 0.0)
    below = np.maximum(low[:, 2] - cranial, 0.0)
    t = np.clip((cranial - low[:, 2]) / np.maximum(up[:, 2] - low[:, 2], 1e-6), 0.0, 1.0)
    wall = wall_mm(frame.upper.wall, above) + wall_mm(frame.lower.wall, below)
    turned = _turned(rims[:, :, :2].mean(axis=1))[:, None]
    left = low[:, 0] + (up[:, 0] - low[:, 0]) * t + sign * turned * wall
    posterior = low[:, 1] + (up[:, 1] - low[:, 1]) * t + (1.0 - turned) * wall
    step = np.maximum(low[:, 1], up[:, 1]) - above - below
    posterior = posterior + frame.step_share * np.maximum(step - posterior, 0.0)
    return np.stack([left, posterior, cranial], -1)


def _side_path(rim: FloatArray, joint: float, sign: float, end: float) -> FloatArray:
    """(n, 3) one side of a closed rim, from the joint at the back forwards to a posterior coordinate."""
    path = rim if sign > 0 else rim[::-1]
    path = path[: int(np.argmin(path[:, 1])) + 1]
    first = int(np.argmax(path[:, 0] * sign >= abs(joint)))
    last = int(np.argmax(path[:, 1] <= end)) if (path[:, 1] <= end).any() else len(path) - 1
    path = path[first : max(last, first + 1) + 1]
    # Forwards only: the side is a function of the posterior coordinate.
    forwards = np.concatenate([[True], path[1:, 1] < np.minimum.accumulate(path[:, 1])[:-1]])
    return np.asarray(path[forwards])


def _along(path: FloatArray, share: FloatArray) -> FloatArray:
    """(m, 3) points at shares of the length of a polyline."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path[:, :2], axis=0), axis=1))])
    return np.column_stack([np.interp(share * at[-1], at, path[:, a]) for a in range(3)])


def _turned(path: FloatArray) -> FloatArray:
    """(m,) 0 where a side's outward normal is at 45 degrees to the back, 1 where it points sideways."""
    along = np.gradient(path, axis=0)
    angle = np.degrees(np.arctan2(np.abs(along[:, 1]), np.abs(along[:, 0])))
    return np.asarray(np.clip((angle - 45.0) / 45.0, 0.0, 1.0))


def wall_mm(shape: tuple[float, float], height: FloatArray) -> FloatArray:
    """How far the wall of a body lies outside its corner, mm, at heights along the body (see `Rim.wall`)."""
    reached = np.minimum(height, WALL_HEIGHT_MM)
    return np.asarray(shape[0] * reached + shape[1] * reached**2)


def _side_table(mesh: FloatArray, cranial: FloatArray, sign: float) -> _SideTable:
    """Distance from the midline (k, p) to a side given by its mesh (m, k, 3), from the joint forwards."""
    step = float(cranial[1] - cranial[0])
    forward = np.arange(mesh[..., 1].min(), mesh[..., 1].max() + step, step)
    rows = []
    for row in np.moveaxis(mesh, 1, 0):
        ahead = np.concatenate([[True], row[1:, 1] < np.minimum.accumulate(row[:, 1])[:-1]])
        side = row[ahead][::-1]
        rows.append(np.interp(forward, side[:, 1], sign * side[:, 0]))
    return np.array(rows), np.array([cranial[0], forward[0]]), step
