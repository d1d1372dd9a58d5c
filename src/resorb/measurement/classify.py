"""From the numbers of a piece of displaced material to its classes."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from resorb.measurement.classes import (
    Landmarks,
    Shape,
    candidate_roots,
    following_root,
    height_level,
    morphology,
    msu_size,
    msu_zone,
    side,
    zone,
)
from resorb.measurement.extents import Piece
from resorb.measurement.level import LevelScene
from resorb.measurement.material import CRANIAL, LEFT, POSTERIOR
from resorb.measurement.surface import Surface
from resorb.reading import Class, Classes
from resorb.study import FloatArray

INSIDE_MM = 0.01  # of the face's ends, where rounding does not put a point beyond them


class TwoSeries(Protocol):
    """A piece as the sagittal series shows it, and as the one shows it that has the finer axial sections."""

    @property
    def sagittal(self) -> Piece: ...
    @property
    def best(self) -> Piece: ...


def classes_of(one: TwoSeries, scene: LevelScene, circumference_share: float) -> Classes:
    """All classes of one piece, its morphology by base against extent in both planes."""
    overhang = {}
    for plane, piece, normal in (
        ("axial", one.best, CRANIAL),
        ("coronal" if one.sagittal.lateral else "sagittal", one.sagittal, one.sagittal.across),
    ):
        base, extent = piece.section_mm(normal)
        overhang[plane] = extent - base
    shape = Shape(
        circumference_share=circumference_share,
        overhang_mm=overhang,
        beyond_mm=max(one.sagittal.migration_mm()),
        continuous=one.sagittal.continuous(),
    )
    return placed(morphology(shape, scene.limits), one, scene)


def placed(kind: Class, one: TwoSeries, scene: LevelScene) -> Classes:
    """Where a piece lies, beside its morphology."""
    frame, level, limits, marks = scene.frame, scene.frame.level, scene.limits, scene.marks
    left = float(one.best.centre[LEFT])
    cranial = float(one.sagittal.centre[CRANIAL])
    corners = float(frame.lower.corner(left)[1]), float(frame.upper.corner(left)[1])
    height, vertebra = height_level(cranial, corners, level, marks, limits)
    found = Classes(
        morphology=kind,
        msu_size=msu_size(_reach(one.best, marks), marks, limits),
        msu_zone=msu_zone(left, marks, limits),
        zone=zone(left, marks, limits),
        side=side(left, limits),
        height_level=height,
        height_vertebra=vertebra,
    )
    following = following_root(level, scene.anatomy.levels)
    return found.model_copy(update={"roots": candidate_roots(level, found, following)})


def unplaced(kind: Class, reason: str) -> Classes:
    """Classes where nothing is displaced."""
    none = Class(value=None, reason=reason)
    return Classes(morphology=kind, msu_size=none, msu_zone=none, zone=none, side=none, height_level=none)


def _reach(piece: Piece, marks: Landmarks) -> float | None:
    """In the largest axial section, how far material reaches from the reference towards the intra-facet line.

    Both ways run straight backwards; beside the posterior face, from where that ends.
    """
    if marks.facets is None:
        return None
    row = int(np.argmax(piece.axial_mm2))
    at, depth = np.nonzero(piece.inner[..., row])
    if not len(at):
        return 0.0
    grid = piece.material.grid
    left = grid.axes[LEFT][at]
    # Tissue reaches as far behind a cell's centre as that lies inside it.
    back = grid.axes[POSTERIOR][depth] - piece.material.distance[at, depth, row]
    reference = _face_mm(grid.surface, left, float(grid.axes[CRANIAL][row]))
    (l0, p0), (l1, p1) = marks.facets
    line = p0 + (p1 - p0) * (left - l0) / (l1 - l0)
    return float(((back - reference) / np.maximum(line - reference, 1.0)).max())


def _face_mm(surface: Surface, left: FloatArray, height: float) -> FloatArray:
    """(n,) posterior coordinate of the posterior face in one axial section; beside it, that of its end."""
    rims = surface.frame.upper.extent, surface.frame.lower.extent
    low, high = max(rim[0] for rim in rims), min(rim[1] for rim in rims)
    inside = min(INSIDE_MM, 0.49 * (high - low))  # in a narrow field the face may be narrower
    on_face = np.clip(left, surface.face[0] + INSIDE_MM, surface.face[1] - INSIDE_MM)
    on_face = np.clip(on_face, low + inside, high - inside)
    points = np.stack([on_face, np.zeros(len(left)), np.full(len(left), height)], axis=-1)
    here, farther = (
        surface.frame.behind_mm(surface.frame.to_world(points + np.array([0.0, step, 0.0])))
        for step in (0.0, 1.0)
    )
    return np.asarray(-here / (farther - here))  # the distance is at right angles to the face
