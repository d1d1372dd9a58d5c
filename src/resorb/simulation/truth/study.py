"""The truth of a study: every level framed and measured on its own fine grid, from the geometry alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resorb.anatomy import Level
from resorb.limits import Limits, load_limits
from resorb.reading import Quantity
from resorb.simulation.phantom import Phantom
from resorb.simulation.spec import SpineSpec
from resorb.simulation.truth import classes
from resorb.simulation.truth.canal import Landmarks, canal_occupied, landmarks_of, sac_area_mm2
from resorb.simulation.truth.discs import circumference_mm, heights_of, share_beyond
from resorb.simulation.truth.frame import DatePose, LevelGeometry, level_geometry
from resorb.simulation.truth.material import GRID_MM, Material, cover, material_of
from resorb.simulation.truth.quantities import continuous
from resorb.simulation.truth.record import (
    Classes,
    DateGeometry,
    FocalTruth,
    LevelTruth,
    Matrix,
    StudyTruth,
    TrueClass,
)
from resorb.simulation.truth.sizes import (
    NOTHING,
    Piece,
    Signal,
    circumference_share,
    nothing,
    number,
    piece_of,
    point,
    reach_to_facets,
    sizes_of,
)

NO_GAP = "the endplates do not face each other"


@dataclass(frozen=True, eq=False)
class _Scene:
    """What one level is judged by."""

    phantom: Phantom
    pose: DatePose
    limits: Limits
    geometry: LevelGeometry
    marks: Landmarks
    signal: Signal | None

    @property
    def level(self) -> Level:
        return self.geometry.frame.level

    @property
    def following(self) -> str:
        """The root that leaves below the vertebra after the level's lower one."""
        names = list(self.phantom.vertebrae)
        after = names.index(self.level.lower) + 1
        return names[after] if after < len(names) else "S2"


def truth_of(
    phantom: Phantom,
    pose: DatePose,
    *,
    signal: Signal | None = None,
    limits: Limits | None = None,
    grid_mm: float = GRID_MM,
) -> StudyTruth:
    """Every quantity and class of every level of a body as it lies on a date.

    Args:
        phantom: the body at rest, displaced material in it.
        pose: carries it to the date.
        signal: noiseless signal of tissues, for the T2 ratio; without it that has no value.
        limits: thresholds; the built-in ones if None.
        grid_mm: pitch of the grid that quantities are computed on.
    """
    limits = limits or load_limits()
    levels = []
    for level in sorted(phantom.levels):
        geometry = level_geometry(phantom, level, pose, limits)
        marks = landmarks_of(phantom, geometry, pose)
        levels.append(_level(_Scene(phantom, pose, limits, geometry, marks, signal), grid_mm))
    return StudyTruth(grid_mm=grid_mm, levels=tuple(levels))


def date_geometry(phantom: Phantom, pose: DatePose, spine: SpineSpec | None = None) -> DateGeometry:
    """Where every vertebra lay on a date, and what was asked for."""
    return DateGeometry(
        vertebrae={name: _matrix(pose.vertebra(name)) for name in phantom.vertebrae},
        lumbar=tuple(name for name in phantom.vertebrae if name.startswith("L")),
        levels=tuple(str(level) for level in sorted(phantom.levels)),
        spine=spine,
        herniations={one.number: one.spec for one in sorted(phantom.displaced, key=lambda d: d.number)},
    )


def _matrix(transform: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Matrix:
    # Directions to 1e-9: far finer than any position, coarser than what processors round differently.
    rows = np.round(np.asarray(transform), 9) + 0.0
    a, b, c, d = ((float(w), float(x), float(y), float(z)) for w, x, y, z in rows)
    return a, b, c, d


def _level(scene: _Scene, grid_mm: float) -> LevelTruth:
    phantom, geometry, pose, limits = scene.phantom, scene.geometry, scene.pose, scene.limits
    material = material_of(phantom, geometry, pose, grid_mm)
    around = share_beyond(phantom, geometry, pose, limits["bulge_floor"])
    plain = classes.bulge_or_none(around, limits)
    sizes, bulge, uncovered = nothing(), 0.0, 0.0
    focal: tuple[FocalTruth, ...] = ()
    occupied: float | None = 0.0
    judged, reaches_out = _classes(scene, None, None, plain), False
    if material is not None:
        whole = piece_of(material, material.any_shape, material.tissue, limits["extent_floor"])
        sizes = sizes_of(phantom, material, whole, scene.signal)
        focal = tuple(_focal(scene, material, n) for n in range(len(material.focal)))
        occupied = canal_occupied(phantom, material, scene.marks, pose)
        bulge, uncovered = _volumes(material)
        reaches_out = whole.extent is not None
        judged = _classes(scene, material, whole, _unnamed(scene, material, whole, around) or plain)
    if any(one.classes.morphology.value != "none" for one in focal):
        judged = focal[classes.gravest([one.classes.morphology for one in focal])].classes
    frame, heights = geometry.frame, heights_of(phantom, geometry, pose)
    left, posterior, cranial = (point(axis) for axis in frame.axes)
    return LevelTruth(
        level=str(frame.level),
        origin=point(frame.origin),
        axes=(left, posterior, cranial),
        upper_corner=point(frame.upper_corner),
        lower_corner=point(frame.lower_corner),
        slip_mm=number(frame.slip_mm),
        disc_height_mm=_known(heights.mean, NO_GAP),
        anterior_height_mm=number(heights.anterior),
        middle_height_mm=_known(heights.middle, NO_GAP),
        posterior_height_mm=number(heights.posterior),
        disc_height_index=_known(heights.index, NO_GAP),
        sizes=sizes,
        focal_volume_mm3=number((sizes.volume_mm3.value or 0.0) - round(bulge, 4)),
        bulge_volume_mm3=number(bulge),
        uncovered_volume_mm3=number(uncovered),
        circumference_share=round(around, 4),
        canal_occupied=_known(occupied, "the canal has no borders at this level"),
        sac_area_mm2=_known(sac_area_mm2(phantom, geometry, pose), "there is no thecal sac at this level"),
        classes=judged,
        canal_compromise=classes.canal_compromise(
            occupied, limits, reaches_out and judged.morphology.value != "none"
        ),
        degeneration=phantom.discs[frame.level].grade,
        focal=focal,
    )


def _unnamed(scene: _Scene, material: Material, whole: Piece, around: float) -> TrueClass | None:
    """Morphology of a localised displacement that the phantom does not name; None where there is none."""
    limits, extent = scene.limits, whole.extent
    if extent is None or extent.depth_mm < limits["displaced_depth"] or around > limits["focal_share"]:
        return None
    beyond = max(extent.cranial_migration_mm, extent.caudal_migration_mm)
    joined = continuous(material, whole.share)
    return classes.herniation_morphology(around, whole.planes, beyond, joined, limits)


def _focal(scene: _Scene, material: Material, n: int) -> FocalTruth:
    """One herniation of the level."""
    shape = material.own[n]
    share = cover(shape, material.pitch_mm)
    piece = piece_of(material, shape, share, 0.0)  # its edge is exact: no floor is needed
    around = circumference_share(material, piece, circumference_mm(scene.geometry))
    whole = continuous(material, share)
    morphology = TrueClass(value="none", limit="nothing of it lies outside the reference surface")
    if piece.extent is not None:
        beyond = max(piece.extent.cranial_migration_mm, piece.extent.caudal_migration_mm)
        morphology = classes.herniation_morphology(around, piece.planes, beyond, whole, scene.limits)
    return FocalTruth(
        number=material.displaced[n].number,
        asked=material.displaced[n].spec,
        sizes=sizes_of(scene.phantom, material, piece, scene.signal),
        classes=_classes(scene, material, piece, morphology),
        continuous=whole,
        circumference_share=round(around, 4),
    )


def _classes(scene: _Scene, material: Material | None, piece: Piece | None, morphology: TrueClass) -> Classes:
    """All classes of a piece; without one, only its morphology."""
    extent = piece.extent if piece else None
    if material is None or piece is None or extent is None or morphology.value == "none":
        none = TrueClass(value=None, reason=NOTHING)
        return Classes(
            morphology=morphology,
            msu_size=none,
            msu_zone=none,
            zone=none,
            side=none,
            height_level=none,
        )
    left, cranial = float(extent.centre[0]), float(extent.centre[2])
    frame = scene.geometry.frame
    corners = float(frame.lower.corner(left)[1]), float(frame.upper.corner(left)[1])
    zone = classes.zone_of(left, scene.marks, scene.limits)
    side = classes.side_of(left, scene.limits)
    height, vertebra = classes.height_of(cranial, corners, scene.level, scene.marks)
    where = (zone.value, side.value, height.value, vertebra)
    return Classes(
        morphology=morphology,
        msu_size=classes.msu_size(reach_to_facets(material, piece, scene.marks.facet), scene.limits),
        msu_zone=classes.msu_zone(left, scene.marks.facet, scene.limits),
        zone=zone,
        side=side,
        height_level=height,
        height_vertebra=vertebra,
        roots=classes.candidate_roots(scene.level, scene.following, where),
    )


def _volumes(material: Material) -> tuple[float, float]:
    """(bulging, uncovered) volume, mm3."""
    cell = material.pitch_mm**3
    bulge = float(material.displaced_share(cover(material.plain, material.pitch_mm)).sum(dtype=np.float64))
    frame = material.surface.geometry.frame
    uncovered = 0
    if frame.step_share > 0:
        cells = np.argwhere(material.tissue > 0.5)
        local = np.column_stack([axis[cells[:, a]] for a, axis in enumerate(material.axes)])
        uncovered = int(np.count_nonzero(frame.uncovered_mm(frame.to_world(local)) > 0))
    return bulge * cell, uncovered * cell


def _known(value: float | None, reason: str) -> Quantity:
    return Quantity(value=None, reason=reason) if value is None else number(value)
