"""One piece of displaced material, measured whole: its record of sizes and what the classes need of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.reading import Point, Quantity
from resorb.simulation.phantom import Phantom
from resorb.simulation.tissue import Tissue
from resorb.simulation.truth.material import Material
from resorb.simulation.truth.quantities import (
    Edges,
    Extent,
    Section,
    contact_mm2,
    edges_of,
    extent_of,
    on_the_side,
    sections,
    standing,
)
from resorb.simulation.truth.record import PlaneTruth, Sizes
from resorb.simulation.truth.surface import Float32
from resorb.study import FloatArray

#: A scanner's noiseless signal of tissues (uint8) with their partners' shares (uint8, 1/255).
Signal = Callable[[NDArray[np.uint8], NDArray[np.uint8]], FloatArray]

NOTHING = "nothing displaced"
FLAT = "nothing of it is farther outside the reference surface than the limit extent_floor"
RESIDUE_MM3 = 0.125  # one cell of the grid: less is what the edge of a voxel label leaves
NO_SIGNAL = "no scanner was given"


@dataclass(frozen=True, eq=False)
class Piece:
    """A shape outside the reference surface.

    Attributes:
        extent: None where none of it is.
        base: (s, t) `standing` of the shape.
        planes: base against extent, axial and sagittal.
    """

    shape: Float32
    share: Float32
    edges: Edges
    extent: Extent | None
    base: FloatArray
    planes: tuple[Section, Section]


def piece_of(material: Material, shape: Float32, share: Float32, floor_mm: float) -> Piece:
    """Measure a shape (signed distance and share of each cell) outside the reference surface."""
    edges = edges_of(material, shape)
    base = standing(material, shape, floor_mm)
    lateral = on_the_side(material, base, edges)
    return Piece(
        shape=shape,
        share=share,
        edges=edges,
        extent=extent_of(material, edges, (shape, share), floor_mm, lateral),
        base=base,
        planes=sections(material, edges.beyond(floor_mm), base, lateral),
    )


def nothing() -> Sizes:
    """Sizes where no disc tissue comes near the reference surface."""
    return _without_lengths((0.0, 0.0, 0.0), Quantity(value=None, reason=NOTHING))


def _without_lengths(displaced: tuple[float, float, float], t2_ratio: Quantity) -> Sizes:
    """Sizes of what is too flat to have lengths: its volume, and its largest axial and sagittal area."""
    volume, axial, sagittal = displaced
    zero, none = number(0.0), Quantity(value=None, reason=FLAT if volume > RESIDUE_MM3 else NOTHING)
    plane = PlaneTruth(base_mm=none, extent_mm=none)
    return Sizes(
        depth_mm=zero,
        width_mm=none,
        height_mm=none,
        volume_mm3=number(volume),
        area_mm2=number(max(axial, sagittal)),
        axial_area_mm2=number(axial),
        sagittal_area_mm2=number(sagittal),
        axial=plane,
        sagittal=plane,
        cranial_migration_mm=none,
        caudal_migration_mm=none,
        contact_mm2=zero,
        t2_ratio=t2_ratio,
    )


def sizes_of(phantom: Phantom, material: Material, piece: Piece, signal: Signal | None) -> Sizes:
    """The record of a piece."""
    extent = piece.extent
    if extent is None:
        outside, pitch = material.displaced_share(piece.share), material.pitch_mm
        if not outside.any():
            return nothing()
        sections_mm2 = [outside.sum(axis=a, dtype=np.float64).max() * pitch**2 for a in ((0, 1), (1, 2))]
        volume = float(outside.sum(dtype=np.float64)) * pitch**3
        ratio = _t2_ratio(phantom, material, piece, signal)
        return _without_lengths((volume, float(sections_mm2[0]), float(sections_mm2[1])), ratio)
    axial, sagittal = float(extent.axial_mm2.max()), float(extent.sagittal_mm2.max())
    planes = [
        PlaneTruth(base_mm=number(plane.base_mm), extent_mm=number(plane.extent_mm)) for plane in piece.planes
    ]
    frame = material.surface.geometry.frame
    return Sizes(
        apex=point(frame.to_world(extent.apex)),
        centre=point(frame.to_world(extent.centre)),
        depth_mm=number(extent.depth_mm),
        width_mm=number(extent.width_mm),
        height_mm=number(extent.height_mm),
        volume_mm3=number(extent.volume_mm3),
        area_mm2=number(max(axial, sagittal)),
        axial_area_mm2=number(axial),
        sagittal_area_mm2=number(sagittal),
        axial=planes[0],
        sagittal=planes[1],
        cranial_migration_mm=number(extent.cranial_migration_mm),
        caudal_migration_mm=number(extent.caudal_migration_mm),
        contact_mm2=number(contact_mm2(material, piece.base)),
        t2_ratio=_t2_ratio(phantom, material, piece, signal),
    )


def circumference_share(material: Material, piece: Piece, circumference_mm: float) -> float:
    """Share of the disc's circumference that a shape's base takes up; without a base, its width."""
    margin = material.surface.margin
    columns = (piece.base < 0).any(axis=1)
    if not columns.any():
        return min((piece.extent.width_mm if piece.extent else 0.0) / circumference_mm, 1.0)
    middle = margin[:, margin.shape[1] // 2]
    step = np.linalg.norm(np.gradient(middle, axis=0), axis=-1)
    return float(step[columns].sum() / circumference_mm)


def reach_to_facets(
    material: Material, piece: Piece, facet: tuple[FloatArray, FloatArray] | None
) -> float | None:
    """How far material reaches from the reference towards the intra-facet line, in its largest axial section."""
    if facet is None:
        return None
    if piece.extent is None:
        return 0.0
    row = int(np.argmax(piece.extent.axial_mm2))
    in_plane = (piece.edges.index[:, 2] == row) & (piece.edges.along != 2)
    points = piece.edges.points[in_plane]
    if not len(points):
        return 0.0
    (l0, p0), (l1, p1) = facet[0][:2], facet[1][:2]
    line = p0 + (p1 - p0) * (points[:, 0] - l0) / (l1 - l0)
    reference = material.surface.reference(points[:, 0], points[:, 2])
    return float(((points[:, 1] - reference) / np.maximum(line - reference, 1.0)).max())


def number(value: float) -> Quantity:
    """A value of the geometry."""
    return Quantity(value=round(float(value), 4) + 0.0, source="geometry")


def point(world: FloatArray) -> Point:
    """World mm, to 0.0001."""
    x, y, z = (round(float(v), 4) + 0.0 for v in world)  # no minus zero
    return x, y, z


def _t2_ratio(phantom: Phantom, material: Material, piece: Piece, signal: Signal | None) -> Quantity:
    """Mean signal of displaced material against that of CSF at rest, without noise or flow."""
    if signal is None:
        return Quantity(value=None, reason=NO_SIGNAL)
    cells = material.displaced_share(piece.share) > 0.5
    if not cells.any():
        return Quantity(value=None, reason="too thin to hold a whole cell of the grid")
    fine = phantom.fine
    world = material.rest[:, cells].T
    index = np.rint((world - fine.origin) / fine.pitch_mm).astype(np.intp)
    at = tuple(np.clip(index, 0, np.array(fine.tissue.shape) - 1).T)
    csf = float(signal(np.array([Tissue.CSF], np.uint8), np.zeros(1, np.uint8))[0])
    return number(float(np.mean(signal(fine.tissue[at], fine.mix[at]))) / csf)
