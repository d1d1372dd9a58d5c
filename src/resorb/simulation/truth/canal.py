"""What lies in the spinal canal at a level: the displaced share of it, and the thecal sac's cross-section."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from resorb.anatomy import Structure, anatomy_index
from resorb.frame import WALL_HEIGHT_MM
from resorb.simulation.phantom import Phantom, Side, Window
from resorb.simulation.tissue import Tissue
from resorb.simulation.truth.frame import DatePose, LevelGeometry, move
from resorb.simulation.truth.material import Material, carry, sample
from resorb.simulation.truth.surface import Float32
from resorb.study import FloatArray

#: With displaced material, what fills the bony ring.
CANAL_TISSUE = (
    Tissue.CSF,
    Tissue.CORD,
    Tissue.ROOT,
    Tissue.DURA,
    Tissue.EPIDURAL_FAT,
    Tissue.VEIN,
)
CANAL_DEPTH_MM, SAC_REACH_MM, SAC_GRID_MM = 34.0, 25.0, 0.4
NEGLIGIBLE_MM2 = 0.5  # two cells of the grid
SIDES: tuple[tuple[Side, float], ...] = (("left", 1.0), ("right", -1.0))


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Bony landmarks of a level on a date, in its local mm.

    Attributes:
        facet: (left, right) medial edges of the facet joints, points (3,).
        pedicle: per vertebra and side: (medial, lateral) left coordinates, and heights (bottom, top).
    """

    facet: tuple[FloatArray, FloatArray] | None
    pedicle: dict[tuple[str, Side], tuple[float, float, float, float]]

    def border(self, side: Side, place: int) -> float | None:
        """Medial (0) or lateral (1) border of the pedicles on a side, mm from the midline, mean of both vertebrae."""
        found = [abs(p[place]) for (_, s), p in self.pedicle.items() if s == side]
        return float(np.mean(found)) if found else None


def landmarks_of(phantom: Phantom, geometry: LevelGeometry, pose: DatePose) -> Landmarks:
    """Facets and pedicles in the level's frame; facets move midway between the two vertebrae."""
    frame = geometry.frame
    level = frame.level
    moves = {name: np.asarray(pose.vertebra(name)) for name in (level.upper, level.lower)}
    facet = None
    if level in phantom.facets:
        ends = [
            frame.to_local(0.5 * (move(moves[level.upper], p) + move(moves[level.lower], p)))
            for p in phantom.facets[level]
        ]
        facet = (ends[0], ends[1])
    pedicle = {}
    for name, matrix in moves.items():
        for side, one in phantom.vertebrae[name].pedicles.items():
            points = np.stack([one.medial, one.lateral, one.bottom, one.top])
            medial, lateral, bottom, top = frame.to_local(move(matrix, points))
            pedicle[name, side] = (float(medial[0]), float(lateral[0]), float(bottom[2]), float(top[2]))
    return Landmarks(facet, pedicle)


def canal_occupied(phantom: Phantom, material: Material, marks: Landmarks, pose: DatePose) -> float | None:
    """Displaced area as a share of the spinal canal's in the worst axial section; None without borders.

    The canal's lateral border is the pedicles' medial one (the facets', where no pedicle is known), its front
    the reference surface; fat behind the laminae is left out as not connected with the sac.
    """
    borders = [_lateral_border(marks, side) for side, _ in SIDES]
    if borders[0] is None or borders[1] is None:
        return None
    cells = material.displaced_share(material.tissue)
    inside = (material.axes[0] < borders[0]) & (material.axes[0] > -borders[1])
    displaced = cells[inside].sum(axis=(0, 1), dtype=np.float64)
    pitch = material.pitch_mm
    rows = np.flatnonzero(displaced * pitch**2 > NEGLIGIBLE_MM2)
    if not len(rows):
        return 0.0
    heights = material.axes[2][rows]
    start = float(min(material.axes[1][0], -5.0))
    axes = (
        np.arange(-np.ceil(borders[1] / pitch) + 0.5, np.ceil(borders[0] / pitch)) * pitch,
        np.arange(np.floor(start / pitch) + 0.5, CANAL_DEPTH_MM / pitch) * pitch,
        heights,
    )
    rest = carry(material.surface.geometry, axes, pose)
    window = _window(phantom, rest)
    free = np.isin(phantom.fine.tissue[window], [int(t) for t in CANAL_TISSUE])
    sac = phantom.anatomy[window] == anatomy_index(Structure.THECAL_SAC)
    share = sample(free.astype(np.float32), window, phantom, rest, 0.0)
    within = sample(sac.astype(np.float32), window, phantom, rest, 0.0)
    behind = np.clip(0.5 + material.surface.near_mm(*axes) / pitch, 0.0, 1.0)
    edge = _edge_share(axes[0], borders[0], borders[1], pitch)
    free_mm2 = (share * _with_sac(share, within) * behind * edge[:, None, None]).sum(axis=(0, 1))
    total = free_mm2.astype(np.float64) + displaced[rows]
    ratio = np.where(total > 0, displaced[rows] / np.maximum(total, 1e-9), 0.0)
    return float(ratio.max())


def sac_area_mm2(phantom: Phantom, geometry: LevelGeometry, pose: DatePose) -> float | None:
    """Cross-section of the thecal sac at disc height, at right angles to the canal; None where there is no sac.

    The canal runs between points on the posterior walls 16 mm above and below the disc's corners.
    """
    frame = geometry.frame
    up, low = frame.upper, frame.lower
    ends = []
    for rim, sign in ((up, 1.0), (low, -1.0)):
        posterior, cranial = (float(x) for x in rim.corner(0.0))
        wall = rim.wall[0] * WALL_HEIGHT_MM + rim.wall[1] * WALL_HEIGHT_MM**2
        ends.append(np.array([0.0, posterior + wall, cranial + sign * WALL_HEIGHT_MM]))
    canal = (ends[0] - ends[1]) / np.linalg.norm(ends[0] - ends[1])
    left = np.array([1.0, 0.0, 0.0])
    back = np.cross(canal, left)
    across = np.arange(-SAC_REACH_MM, SAC_REACH_MM, SAC_GRID_MM) + SAC_GRID_MM / 2
    deep = np.arange(-5.0, CANAL_DEPTH_MM + 10.0, SAC_GRID_MM)
    plane = across[:, None, None] * left + deep[None, :, None] * back
    rest = np.moveaxis(np.asarray(pose.to_rest(frame.to_world(plane))), -1, 0)
    window = _window(phantom, rest)
    sac = phantom.anatomy[window] == anatomy_index(Structure.THECAL_SAC)
    if not sac.any():
        return None
    share = sample(sac.astype(np.float32), window, phantom, rest, 0.0)
    return float(share.sum(dtype=np.float64)) * SAC_GRID_MM**2


def _lateral_border(marks: Landmarks, side: Side) -> float | None:
    border = marks.border(side, 0)
    if border is not None or marks.facet is None:
        return border
    return abs(float(marks.facet[0 if side == "left" else 1][0]))


def _edge_share(left: FloatArray, left_border: float, right_border: float, pitch: float) -> Float32:
    """(n,) share of each column between the two lateral borders."""
    inside = np.minimum(left_border - left, left + right_border)
    return np.clip(0.5 + inside / pitch, 0.0, 1.0).astype(np.float32)


def _with_sac(share: Float32, sac: Float32) -> Float32:
    """(l, p, z) 1 where canal tissue is connected with the sac within its own axial section."""
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[:, :, 1] = True
    labels, count = ndimage.label(share > 0.25, structure=in_plane)
    known = np.zeros(count + 1, bool)
    known[np.unique(labels[sac > 0.5])] = True
    known[0] = False
    return np.asarray(known[labels], np.float32)


def _window(phantom: Phantom, rest: FloatArray) -> Window:
    flat = rest.reshape(3, -1)
    margin = phantom.fine.pitch_mm
    return phantom.fine.window(flat.min(axis=1) - margin, flat.max(axis=1) + margin)
