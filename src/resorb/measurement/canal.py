"""What lies in the spinal canal at a level: the displaced share of it, and the thecal sac's cross-section."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import convex_hull_image

from resorb.frame import WALL_HEIGHT_MM, Frame
from resorb.measurement.material import LEFT, PITCH_MM, Material
from resorb.measurement.shape import Float32, Shape, cover
from resorb.measurement.surface import wall_mm
from resorb.study import FloatArray

CANAL_DEPTH_MM, SAC_REACH_MM, SAC_GRID_MM = 34.0, 25.0, 0.4
NEGLIGIBLE_MM2 = 0.5  # two cells of the grid
EVERY_MM = 1.0  # from section to section
ACROSS_SHARE = 0.7  # cosine from which slices count as lying across the section
EPIDURAL_MM = 1.0  # dura and fat about what is labelled: by it the canal's area is that of simulated spines


def canal_occupied(
    material: Material, parts: Float32, sac: Shape | None, border_mm: float | None
) -> float | None:
    """Displaced area as a share of the spinal canal's in the worst axial section; None without borders or sac.

    The canal is what lies behind the reference surface, between the pedicles' medial borders, and within the convex
    hull of sac, displaced material and the surface itself: sac, epidural fat and displaced material.

    Args:
        material: displaced tissue of the level.
        parts: (l, p, z) displaced share of the cells that are asked about.
        sac: the thecal sac.
        border_mm: from the midline to the pedicles' medial border.
    """
    if sac is None or border_mm is None:
        return None
    grid = material.grid
    left, _, cranial = grid.axes
    within = np.abs(left) < border_mm
    shares = parts[within]
    areas = shares.sum(axis=(0, 1), dtype=np.float64) * PITCH_MM**2
    rows = np.flatnonzero(areas > NEGLIGIBLE_MM2)
    rows = np.union1d(
        rows[:: max(round(EVERY_MM / PITCH_MM), 1)], [int(np.argmax(areas))] if len(rows) else []
    )
    if not len(rows):
        return 0.0
    whole = _canal_mm2(material, sac, border_mm, cranial[rows.astype(np.intp)])
    found = areas[rows.astype(np.intp)]
    known = whole > 0
    return float((found[known] / np.maximum(whole[known], found[known])).max()) if known.any() else None


def _canal_mm2(material: Material, sac: Shape, border_mm: float, heights: FloatArray) -> FloatArray:
    """(n,) area of the canal in axial sections at heights (n,); 0 where no sac is seen."""
    surface = material.grid.surface
    count = int(np.ceil(border_mm / PITCH_MM))
    left = (np.arange(-count, count) + 0.5) * PITCH_MM
    start = min(float(material.grid.axes[1][0]), -5.0)
    posterior = PITCH_MM * (np.arange(np.floor(start / PITCH_MM), CANAL_DEPTH_MM / PITCH_MM) + 0.5)
    points = np.stack(np.meshgrid(left, posterior, heights, indexing="ij"), axis=-1)
    outward = surface.outward_mm(points)
    seen = sac.at(surface.frame.to_world(points)) < 0
    seen |= _displaced_at(material, points)
    front = (outward > 0) & (outward <= PITCH_MM)  # the surface itself bounds the canal in front
    behind = cover(-outward, PITCH_MM)
    areas = np.zeros(len(heights))
    for n in range(len(heights)):
        if seen[..., n].any():
            hull = convex_hull_image(seen[..., n] | front[..., n], offset_coordinates=False)
            hull = ndimage.binary_dilation(hull, iterations=round(EPIDURAL_MM / PITCH_MM))
            areas[n] = float((hull * behind[..., n]).sum(dtype=np.float64)) * PITCH_MM**2
    return areas


def _displaced_at(material: Material, points: FloatArray) -> np.ndarray:
    """Which local points (..., 3) lie in displaced cells."""
    flat = points.reshape(-1, 3)
    axes = material.grid.axes
    inside = np.all([(flat[:, a] >= axes[a][0]) & (flat[:, a] <= axes[a][-1]) for a in range(3)], axis=0)
    found = np.zeros(len(flat), bool)
    found[inside] = material.share[material.grid.nearest(flat[inside])] > 0.5
    return found.reshape(points.shape[:-1])


def sac_area_mm2(sac: Shape | None, frame: Frame) -> float | None:
    """Cross-section of the thecal sac at disc height, at right angles to the canal; None where there is no sac.

    The canal runs between points on the posterior walls 16 mm above and below the disc's corners.
    """
    if sac is None:
        return None
    ends = []
    for rim, sign in ((frame.upper, 1.0), (frame.lower, -1.0)):
        posterior, cranial = (float(x) for x in rim.corner(0.0))
        wall = float(wall_mm(rim, np.array(WALL_HEIGHT_MM)))
        ends.append(np.array([0.0, posterior + wall, cranial + sign * WALL_HEIGHT_MM]))
    canal = (ends[0] - ends[1]) / np.linalg.norm(ends[0] - ends[1])
    left = np.eye(3)[LEFT]
    back = np.cross(canal, left)
    across, step = _columns(sac, frame)
    deep = np.arange(-5.0, CANAL_DEPTH_MM + 10.0, SAC_GRID_MM)
    plane = across[:, None, None] * left + deep[None, :, None] * back
    share = cover(sac.at(frame.to_world(plane)), SAC_GRID_MM)
    area = float(share.sum(dtype=np.float64)) * SAC_GRID_MM * step
    return area if area > 0 else None


def _columns(sac: Shape, frame: Frame) -> tuple[FloatArray, float]:
    """Positions from right to left at which a section is sampled, and how much of it each stands for, mm.

    Sagittal slices are taken as they are, each for its spacing: between them a round section would come out too small.
    """
    across = np.arange(-SAC_REACH_MM, SAC_REACH_MM, SAC_GRID_MM) + SAC_GRID_MM / 2
    slices = sac.volume.to_index(frame.to_world(across[:, None] * np.eye(3)[LEFT]))[:, 0]
    per_mm = abs(float(slices[-1] - slices[0])) / float(across[-1] - across[0])
    if per_mm * float(sac.volume.spacing_mm[0]) < ACROSS_SHARE:
        return across, SAC_GRID_MM
    if slices[-1] < slices[0]:
        slices, across = slices[::-1], across[::-1]
    numbers = np.arange(np.ceil(slices[0]), np.floor(slices[-1]) + 1)
    return np.interp(numbers, slices, across), 1.0 / per_mm
