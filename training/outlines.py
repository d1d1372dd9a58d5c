"""Posterior margins of herniated discs drawn by readers: the file format, the masks, and how far two drawings agree.

A reader's file, `training/margins/reader-N.toml`, holds one table per herniation. Points are [column, row] in voxels of
the scan's own grid: column counts along the file's second axis (anterior -> posterior), row along its third
(superior -> inferior), from 0; whole numbers are voxel centres. Slices are indices of the file's first axis.

    [[herniation]]
    subject = "045"
    level = "L5/S1"
    notes = "what, where, how large, doubts"
    [herniation.corners]      # slice = [posterior-inferior corner of the upper body, posterior-superior of lower]
    3 = [[170.5, 300.0], [180.0, 318.5]]
    [herniation.margins]      # slice = posterior margin of disc and displaced material, from upper to lower wall
    3 = [[170.0, 298.0], [178.0, 305.0], [181.0, 319.0]]
    [herniation.fragments]    # slice = closed outlines that no margin reaches
    4 = [[[175.0, 290.0], [178.0, 292.0], [175.0, 294.0]]]

Corners may be given in a few slices: between these they are interpolated, beyond them held. A margin encloses the
material together with the reference: its first point, the upper corner, the lower corner, its last point. What lies
before the line between the corners is no displaced material, wherever the margin runs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from skimage.measure import points_in_poly

Points = NDArray[np.float64]  # (n, 2): column, row
Mask = NDArray[np.bool_]  # (slice, column, row), as in the file
Spacing = tuple[float, float, float]  # mm, in the same order

STEP_MM = 0.05  # between the samples of a line; a tenth of a voxel


@dataclass(frozen=True)
class Herniation:
    """One reader's drawing of one level; see the module's docstring for the units."""

    subject: str
    level: str
    notes: str
    corners: Mapping[int, Points]
    margins: Mapping[int, Points]
    fragments: Mapping[int, list[Points]]

    @property
    def drawn(self) -> list[int]:
        """Slices in which material is drawn."""
        return sorted({*self.margins, *self.fragments})


@dataclass(frozen=True)
class Agreement:
    """Two drawings of one herniation; distances in mm between the margins of slices that both drew, or NaN."""

    dice: float
    mean_mm: float
    high_mm: float  # 95th percentile
    slices_both: int
    slices_one: int


def read(path: Path) -> list[Herniation]:
    """A reader's drawings.

    Raises:
        ValueError: a table is incomplete, or an outline is not a list of points, two at least and three for a fragment.
    """
    with path.open("rb") as file:
        tables = tomllib.load(file).get("herniation", [])
    return [_herniation(table, path.name) for table in tables]


def _herniation(table: dict[str, Any], name: str) -> Herniation:
    where = f"{name}: {table.get('subject', 'no subject')} {table.get('level', 'no level')}"
    corners, margins, fragments = (table.get(key, {}) for key in ("corners", "margins", "fragments"))
    for key in ("subject", "level"):
        if key not in table:
            raise ValueError(f"{where}: '{key}' is missing")
    if not corners:
        raise ValueError(f"{where}: no corners")
    return Herniation(
        str(table["subject"]),
        str(table["level"]),
        str(table.get("notes", "")),
        {int(k): _points(v, 2, f"{where}, slice {k}") for k, v in corners.items()},
        {int(k): _points(v, 2, f"{where}, slice {k}") for k, v in margins.items()},
        {int(k): [_points(one, 3, f"{where}, slice {k}") for one in v] for k, v in fragments.items()},
    )


def _points(value: Any, least: int, where: str) -> Points:
    try:
        points = np.asarray(value, np.float64)
    except (TypeError, ValueError):  # ragged, or no numbers
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < least:
        raise ValueError(f"{where}: an outline is a list of at least {least} points [column, row]")
    return points


def corners_at(herniation: Herniation, index: int) -> Points:
    """Upper and lower corner in one slice, (2, 2): interpolated between the slices given, held beyond them."""
    slices = sorted(herniation.corners)
    stack = np.stack([herniation.corners[k] for k in slices])
    flat = stack.reshape(len(slices), 4)
    return np.array([np.interp(index, slices, column) for column in flat.T]).reshape(2, 2)


def reference(herniation: Herniation, index: int) -> Points:
    """What the material lies behind: the upper wall from where the margin leaves it, both corners, the lower wall."""
    corners = corners_at(herniation, index)
    if index not in herniation.margins:
        return corners
    margin = herniation.margins[index]
    return np.vstack([margin[:1], corners, margin[-1:]])


def behind_mm(points: Points, corners: Points, spacing: Spacing) -> tuple[Points, Points]:
    """Signed distance in mm behind the line through both corners, and the position along it (0 upper, 1 lower)."""
    scale = np.array(spacing[1:])
    line = (corners[1] - corners[0]) * scale
    away = (points - corners[0]) * scale
    length = float(np.hypot(*line))
    return (away[:, 0] * line[1] - away[:, 1] * line[0]) / length, away @ line / length**2


def material(herniation: Herniation, shape: tuple[int, int, int], spacing: Spacing) -> Mask:
    """Disc tissue behind the reference: voxels whose centres lie inside the outlines, (slice, column, row)."""
    mask = np.zeros(shape, bool)
    grid = np.argwhere(np.ones(shape[1:], bool)).astype(np.float64)
    for index in herniation.drawn:
        inside = np.zeros(len(grid), bool)
        if index in herniation.margins:
            outline = np.vstack([herniation.margins[index], reference(herniation, index)[2:0:-1]])
            low, high = outline.min(0), outline.max(0)
            near = ((grid >= low) & (grid <= high)).all(1)
            inside[near] = points_in_poly(grid[near], outline)
            distance, along = behind_mm(grid, corners_at(herniation, index), spacing)
            inside &= (distance > 0) | (along < 0) | (along > 1)
        for outline in herniation.fragments.get(index, []):
            inside |= points_in_poly(grid, outline)
        mask[index] = inside.reshape(shape[1:])
    return mask


def expert_material(herniation: Herniation, disc: Mask, spacing: Spacing) -> Mask:
    """The part of an expert's label of the disc that lies behind the reader's line, (slice, column, row)."""
    mask = np.zeros_like(disc)
    for index in np.flatnonzero(disc.any(axis=(1, 2))):
        voxels = np.argwhere(disc[index])
        distance, _ = behind_mm(voxels.astype(np.float64), corners_at(herniation, int(index)), spacing)
        kept = voxels[distance > 0]
        mask[index, kept[:, 0], kept[:, 1]] = True
    return mask


def _samples(points: Points, spacing: Spacing) -> Points:
    """Points every STEP_MM along an open line, in mm."""
    line = points * np.array(spacing[1:])
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, lengths[-1], max(2, int(np.ceil(lengths[-1] / STEP_MM)) + 1))
    return np.stack([np.interp(at, lengths, line[:, axis]) for axis in (0, 1)], axis=1)


def depth_mm(herniation: Herniation, spacing: Spacing) -> float:
    """Largest distance of the outlines behind the reference, over all slices; 0 where nothing lies behind it."""
    deepest = 0.0
    for index in herniation.drawn:
        corners = corners_at(herniation, index)
        tree = KDTree(_samples(reference(herniation, index), spacing))
        outlines = [herniation.margins[index]] if index in herniation.margins else []
        for outline in (*outlines, *herniation.fragments.get(index, [])):
            line = _samples(outline, spacing)
            distance, along = behind_mm(line / np.array(spacing[1:]), corners, spacing)
            behind = (distance > 0) | (along < 0) | (along > 1)
            if behind.any():
                deepest = max(deepest, float(tree.query(line[behind])[0].max()))
    return deepest


def margin_distances(one: Points, other: Points, spacing: Spacing) -> NDArray[np.float64]:
    """Distances in mm from every sample of each open line to the other line."""
    first, second = _samples(one, spacing), _samples(other, spacing)
    return np.concatenate([KDTree(second).query(first)[0], KDTree(first).query(second)[0]])


def dice(one: Mask, other: Mask) -> float:
    """Dice's coefficient; not a number where both are empty."""
    size = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / size if size else float("nan")


def agreement(one: Herniation, other: Herniation, shape: tuple[int, int, int], spacing: Spacing) -> Agreement:
    """How far two drawings of one herniation agree, each behind its own reference."""
    masks = material(one, shape, spacing), material(other, shape, spacing)
    both = sorted(set(one.margins) & set(other.margins))
    found = [margin_distances(one.margins[k], other.margins[k], spacing) for k in both]
    distances = np.concatenate(found) if found else np.array([np.nan])
    return Agreement(
        dice(*masks),
        float(distances.mean()),
        float(np.percentile(distances, 95)),
        len(set(one.drawn) & set(other.drawn)),
        len(set(one.drawn) ^ set(other.drawn)),
    )
