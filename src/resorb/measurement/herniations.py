"""Every herniation of a level, measured and classed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.measurement.canal import canal_occupied
from resorb.measurement.classify import classes_of
from resorb.measurement.displaced import Displaced, Voxels
from resorb.measurement.extents import Piece, deepest_piece
from resorb.measurement.level import AXIAL, BOTH, SAGITTAL, LevelScene
from resorb.measurement.material import CRANIAL, PITCH_MM
from resorb.measurement.quantity import NOTHING, known, measured, missing, point, whole
from resorb.measurement.shape import Float32, Mask
from resorb.measurement.summits import Part
from resorb.reading import Herniation, PlaneExtent, Quantity

NO_CANAL = "the canal has no borders at this level"
SLICE_SHARE = 0.2  # of the distance between slices
BESIDE_CELLS = 3  # axial outlines lie this near to the sagittal ones of the same herniation


@dataclass(frozen=True, eq=False)
class Measured:
    """One piece of displaced material of a level, as both series show it.

    Attributes:
        part: the herniation; None for all that is displaced.
        sagittal: it in the sagittal series; axial: in the axial stacks, None where they do not cover it.
        own: (n,) the level's voxels that belong to it; sought: those of them that may be its deepest.
    """

    scene: LevelScene
    part: Part | None
    sagittal: Piece
    axial: Piece | None
    voxels: Voxels
    own: NDArray[np.bool_]
    sought: NDArray[np.bool_]

    @property
    def best(self) -> Piece:
        """The piece in the series that shows axial sections more finely."""
        return self.axial if self.axial is not None else self.sagittal

    @property
    def source(self) -> str:
        return AXIAL if self.axial is not None else SAGITTAL

    @cached_property
    def cropped(self) -> bool:
        """The field cuts it, at its first or last slice."""
        if not self.scene.displaced.cropped:
            return False
        area = self.voxels.by_slice_mm2(self.own)
        return bool(max(area[0], area[-1]) > 0)

    @cached_property
    def depth_mm(self) -> float:
        """By the slices themselves, or between them where it is deepest there; on the sides by the axial ones."""
        if self.axial is not None and self.deepest_by == AXIAL:
            return self.axial.depth_mm
        between = 0.0 if self.sagittal.empty else self.sagittal.depth_mm
        return max(float(self.voxels.depth_by_slice_mm(self.sought).max()), between)

    @property
    def deepest_by(self) -> str:
        """The series that depth is taken from: on the sides of a disc sagittal slices run along its surface."""
        return (
            AXIAL if self.axial is not None and self.part is not None and self.sagittal.lateral else SAGITTAL
        )

    @cached_property
    def volume_mm3(self) -> float:
        """Mean of both series, as each adds and misses material between slices of its own.

        What the axial stacks do not cover is as the sagittal series shows it. The embedded model leaves a fifth more
        of herniations out in axial slices than in sagittal ones (docs/accuracy.md): there the sagittal series counts.
        """
        sagittal_mm3 = self.voxels.volume_mm3(self.own)
        if self.axial is None or self.volume_source != BOTH:
            return sagittal_mm3
        seen, whole_level = self.axial.material.seen, self.part is None
        cells = seen if whole_level else seen & self.axial.cells
        unseen = ~seen if whole_level else ~seen & self.sagittal.cells
        axial = self.axial.material.share[cells].sum(dtype=np.float64)
        assert self.scene.sagittal is not None  # part of what BOTH means
        beside = self.scene.sagittal.share[unseen].sum(dtype=np.float64)
        return 0.5 * (sagittal_mm3 + float(axial + beside) * PITCH_MM**3)

    @property
    def volume_source(self) -> str:
        both = self.axial is not None and self.scene.sagittal is not None and self.scene.anatomy.is_given
        return BOTH if both else SAGITTAL

    @cached_property
    def canal_share(self) -> float | None:
        """Its share of the spinal canal in the worst axial section."""
        piece = self.best
        sac = self.scene.sacs.get(self.source) or self.scene.sacs.get(SAGITTAL)
        shares: Float32 = np.where(piece.cells, piece.material.share, np.float32(0.0))
        return canal_occupied(piece.material, shares, sac, self.scene.border_mm)

    @property
    def circumference_share(self) -> float:
        """Of the disc's circumference that its base, or without one it itself, takes up."""
        base, _ = self.best.section_mm(CRANIAL)
        return min((base or self.best.length_mm(self.best.across)) / self.scene.circumference_mm, 1.0)

    def displaced(self) -> Displaced:
        """Its voxels as those of the level are given."""
        inside = self.own & (self.voxels.distance < 0) & (self.voxels.outward > 0)
        v = self.voxels
        return Displaced(v.index[inside], v.local[inside], v.outward[inside], v.volume)

    def depth(self) -> Quantity:
        by_slice = self.voxels.depth_by_slice_mm(self.sought)
        last = int(np.argmax(by_slice)) in (0, len(by_slice) - 1)
        cut = self.cropped and last and self.deepest_by == SAGITTAL
        return whole(self.depth_mm, cut, "largest distance outside the reference surface", self.deepest_by)

    def volume(self) -> Quantity:
        method = "disc volume outside the reference surface"
        if self.axial is not None:
            method += ", mean of both series"
        return whole(self.volume_mm3, self.cropped, method, self.volume_source)

    def width(self) -> Quantity:
        """Along the disc's margin: from left to right, on the side of a disc from front to back."""
        cut = self.cropped and self.axial is None
        return whole(
            self.best.length_mm(self.best.across), cut, "extent along the disc's margin", self.source
        )

    def height(self) -> Quantity:
        return measured(self.sagittal.length_mm(CRANIAL), "craniocaudal extent", SAGITTAL)

    def areas(self) -> dict[str, Quantity]:
        """Largest axial and sagittal section, and the larger of the two."""
        by_slice = self.voxels.by_slice_mm2(self.own)
        largest = int(np.argmax(by_slice))
        cut = self.cropped and largest in (0, len(by_slice) - 1)
        sagittal_mm2 = max(float(by_slice[largest]), float(self.sagittal.sagittal_mm2.max()))
        # Each sagittal slice stands for its spacing; an axial stack may miss the height of the largest section.
        axial_mm2 = self.voxels.axial_mm2(self.own)
        if self.axial is not None:
            axial_mm2 = max(axial_mm2, float(self.axial.axial_mm2.max()))
        sagittal = whole(sagittal_mm2, cut, "largest sagittal section", SAGITTAL)
        axial = whole(axial_mm2, self.cropped and self.axial is None, "largest axial section", self.source)
        larger = sagittal if sagittal_mm2 >= axial_mm2 else axial
        return {"area_mm2": larger, "axial_area_mm2": axial, "sagittal_area_mm2": sagittal}

    def migrations(self) -> dict[str, Quantity]:
        up, down = self.sagittal.migration_mm()
        method = "reach beyond the disc's {} corner"
        return {
            "cranial_migration_mm": measured(up, method.format("upper"), SAGITTAL),
            "caudal_migration_mm": measured(down, method.format("lower"), SAGITTAL),
        }

    def contact(self) -> Quantity:
        method = "area of the disc's margin through which it hangs together with the disc"
        return measured(self.best.contact_mm2, method, self.source)

    def canal(self) -> Quantity:
        method = "displaced share of the spinal canal in the worst axial section"
        return known(self.canal_share, NO_CANAL, method, self.source, ratio=True)

    def plane(self, normal: int) -> PlaneExtent:
        piece, source = (self.best, self.source) if normal == CRANIAL else (self.sagittal, SAGITTAL)
        base, extent = piece.section_mm(normal)
        return PlaneExtent(
            base_mm=measured(base, "base on the disc's margin in the section of largest extent", source),
            extent_mm=measured(extent, "largest distance between its edges along the base", source),
        )


def herniations_of(scene: LevelScene) -> tuple[Measured, ...]:
    """Every herniation of a level, in the order of their numbers."""
    if scene.sagittal is None or scene.voxels is None:
        return ()
    material, voxels = scene.sagittal, scene.voxels
    at = material.grid.nearest(voxels.local)
    turn = scene.surface.turn_deg(voxels.local)
    floor = _floor_mm(scene)
    found = []
    for part in scene.parts:
        # A voxel that the grid's cells just miss belongs to the herniation that it lies beside.
        wide: Mask = ndimage.binary_dilation(part.cells)
        inside = (turn >= part.turns[0]) & (turn <= part.turns[1])
        piece = Piece(material, part.cells, floor, part.foot_mm)
        if not piece.empty:
            own = wide[at] & inside
            found.append(Measured(scene, part, piece, _axial(scene, part), voxels, own, own))
    return tuple(found)


def _floor_mm(scene: LevelScene) -> float:
    """Lengths count what is farther out: between thick slices the edge of a disc runs on beside a herniation's own."""
    return max(scene.limits["extent_floor"], SLICE_SHARE * float(scene.anatomy.labels.spacing_mm[0]))


def all_displaced(scene: LevelScene) -> Measured | None:
    """All displaced material of a level; its lengths are those of the piece that holds the deepest point.

    On the sides of the disc, where sagittal slices show its edge poorly, only herniations have a depth.
    """
    if scene.sagittal is None or scene.voxels is None:
        return None
    floor, grid = scene.limits["extent_floor"], scene.sagittal.grid
    low, high = scene.surface.face
    face = (grid.axes[0] >= low) & (grid.axes[0] <= high)
    sought = np.broadcast_to(face[:, None, None], grid.outward.shape).copy()
    for part in scene.parts:
        sought |= part.cells
    piece = deepest_piece(scene.sagittal, floor, sought)
    axial = None if scene.axial is None else deepest_piece(scene.axial, floor, sought)
    every = np.ones(len(scene.voxels.index), bool)
    return Measured(
        scene,
        None,
        piece,
        None if axial is None or axial.empty else axial,
        scene.voxels,
        every,
        sought[grid.nearest(scene.voxels.local)],
    )


def _axial(scene: LevelScene, part: Part) -> Piece | None:
    """The same herniation in the axial stacks."""
    if scene.axial is None:
        return None
    wide = ndimage.binary_dilation(part.cells, iterations=BESIDE_CELLS)
    piece = Piece(scene.axial, wide & (scene.axial.share > 0), scene.limits["extent_floor"], part.foot_mm)
    return None if piece.empty else piece


def record(one: Measured, number: int, t2_ratio: Quantity) -> Herniation:
    """The record of a herniation."""
    frame = one.scene.frame
    return Herniation(
        number=number,
        apex=point(frame.to_world(one.sagittal.apex)),
        centre=point(frame.to_world(one.sagittal.centre)),
        continuous=one.sagittal.continuous(),
        depth_mm=one.depth(),
        width_mm=one.width(),
        height_mm=one.height(),
        volume_mm3=one.volume(),
        **one.areas(),
        axial=one.plane(CRANIAL),
        sagittal=one.plane(one.sagittal.across),
        **one.migrations(),
        contact_mm2=one.contact(),
        canal_occupied=one.canal(),
        t2_ratio=t2_ratio,
        classes=classes_of(one, one.scene, one.circumference_share),
    )


def nothing(reason: str = NOTHING) -> dict[str, Quantity]:
    """The lengths of a level where nothing is displaced."""
    names = ("width_mm", "height_mm", "cranial_migration_mm", "caudal_migration_mm")
    return {name: missing(reason) for name in names}
