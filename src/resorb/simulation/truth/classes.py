"""Classes of displaced material, from its geometry, each with its distance to the nearest limit.

Morphology and zones follow the combined task force's lumbar disc nomenclature v2.0 (Fardon et al., Spine J
2014;14:2525). The lines of the MSU classification (Mysliwiec et al., Eur Spine J 2010;19:1087) are from memory,
unverified, and so marked. Every limit stands in `limits.toml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from resorb.anatomy import Level
from resorb.limits import Limits
from resorb.simulation.phantom import Side
from resorb.simulation.truth.canal import Landmarks
from resorb.simulation.truth.quantities import Section
from resorb.simulation.truth.record import TrueClass
from resorb.study import FloatArray

MORPHOLOGIES = ("none", "bulge", "protrusion", "extrusion", "sequestration")
MM = "mm"


def nearest(value: float, bounds: Sequence[float], names: Sequence[str]) -> tuple[str, float, str]:
    """(class, distance to its nearest limit, that limit in words) of a value among increasing bounds."""
    place = sum(value > bound for bound in bounds)
    distances = [abs(value - bound) for bound in bounds]
    at = distances.index(min(distances))
    return names[place], distances[at], f"{names[at]} up to {bounds[at]:.3g}, then {names[at + 1]}"


def bulge_or_none(share: float, limits: Limits) -> TrueClass:
    """A disc without herniation: bulging where it reaches beyond its rims over a quarter of its circumference."""
    value, margin, limit = nearest(share, [limits["focal_share"]], ["none", "bulge"])
    return TrueClass(value=value, margin=margin, unit="ratio", limit=f"share of the circumference: {limit}")


def herniation_morphology(
    share: float,
    sections: tuple[Section, Section],
    beyond_mm: float,
    continuous: bool,
    limits: Limits,
) -> TrueClass:
    """Morphology of one displacement.

    Args:
        share: of the disc's circumference that it takes up.
        sections: base and extent in the axial and the sagittal plane; any plane decides.
        beyond_mm: how far it reaches beyond the disc's corners.
        continuous: it hangs together with its disc.
        limits: holds `focal_share` and `overhang`.
    """
    if not continuous:
        return TrueClass(value="sequestration", limit="no continuity with the disc")
    value, margin, limit = nearest(share, [limits["focal_share"]], ["focal", "bulge"])
    if value == "bulge":
        return TrueClass(value="bulge", margin=margin, unit="ratio", limit=f"share of circumference: {limit}")
    allowed = limits["overhang"]
    over = [section.extent_mm - section.base_mm - allowed for section in sections]
    tests = {
        f"extent over base in an axial plane, {allowed:g} mm": over[0],
        f"extent over base in a sagittal plane, {allowed:g} mm": over[1],
        f"beyond the disc's corners, {allowed:g} mm": beyond_mm - allowed,
    }
    name = max(tests, key=lambda key: tests[key])
    # An extrusion by several tests stays one until the clearest of them fails.
    kind = "extrusion" if tests[name] > 0 else "protrusion"
    return TrueClass(value=kind, margin=abs(tests[name]), unit=MM, limit=name)


def gravest(found: Sequence[TrueClass]) -> int:
    """Index of the gravest morphology."""
    return max(range(len(found)), key=lambda n: MORPHOLOGIES.index(found[n].value or "none"))


def side_of(left_mm: float, limits: Limits) -> TrueClass:
    """Side of a centre; left is positive."""
    half = limits["midline_half_width"]
    value, margin, limit = nearest(left_mm, [-half, half], ["right", "midline", "left"])
    return TrueClass(value=value, margin=margin, unit=MM, limit=f"mm to the left: {limit}", verified=False)


def zone_of(left_mm: float, marks: Landmarks, limits: Limits) -> TrueClass:
    """Axial zone of a centre: by the facets' medial edges and the pedicles' medial and lateral borders."""
    side: Side = "left" if left_mm >= 0 else "right"
    medial, lateral = marks.border(side, 0), marks.border(side, 1)
    facet = None if marks.facet is None else abs(float(marks.facet[0 if side == "left" else 1][0]))
    if facet is None or medial is None or lateral is None:
        return TrueClass(value=None, reason="the level has no facet joints or pedicles to judge by")
    names = ["central", "paracentral", "subarticular", "foraminal", "extraforaminal"]
    bounds = [limits["midline_half_width"], facet, max(medial, facet), max(lateral, facet)]
    value, margin, limit = nearest(abs(left_mm), bounds, names)
    return TrueClass(value=value, margin=margin, unit=MM, limit=f"mm from the midline: {limit}")


def height_of(
    cranial_mm: float, corners: tuple[float, float], level: Level, marks: Landmarks
) -> tuple[TrueClass, str | None]:
    """(craniocaudal level of a centre, the vertebra behind which it lies; None at the disc).

    Args:
        cranial_mm: the centre's height in the level's frame.
        corners: heights of the lower and the upper corner there.
        level: the disc level.
        marks: the pedicles.
    """
    up = _pedicle_heights(marks, level.upper)
    low = _pedicle_heights(marks, level.lower)
    bounds, names = [corners[0], corners[1]], ["suprapedicle", "disc", "infrapedicle"]
    vertebrae: list[str | None] = [level.lower, None, level.upper]
    if low:
        bounds = [*low, *bounds]
        names = ["infrapedicle", "pedicle", *names]
        vertebrae = [level.lower, level.lower, *vertebrae]
    if up:
        bounds = [*bounds, *up]
        names = [*names, "pedicle", "suprapedicle"]
        vertebrae = [*vertebrae, level.upper, level.upper]
    if any(b < a for a, b in pairwise(bounds)):
        return TrueClass(value=None, reason="pedicles and corners do not follow one another in height"), None
    value, margin, limit = nearest(cranial_mm, bounds, names)
    place = sum(cranial_mm > bound for bound in bounds)
    return TrueClass(value=value, margin=margin, unit=MM, limit=f"mm of height: {limit}"), vertebrae[place]


def _pedicle_heights(marks: Landmarks, vertebra: str) -> tuple[float, float] | None:
    found = [p[2:] for (name, _), p in marks.pedicle.items() if name == vertebra]
    if not found:
        return None
    return sum(p[0] for p in found) / len(found), sum(p[1] for p in found) / len(found)


def msu_size(reach_share: float | None, limits: Limits) -> TrueClass:
    """MSU size from how far the material reaches on its way to the intra-facet line."""
    if reach_share is None:
        return TrueClass(value=None, verified=False, reason="the level has no facet joints to judge by")
    value, margin, limit = nearest(reach_share, [limits["msu_half"], limits["msu_line"]], ["1", "2", "3"])
    return TrueClass(
        value=value,
        margin=margin,
        unit="ratio",
        limit=f"share of the way to the intra-facet line: {limit}",
        verified=False,
    )


def msu_zone(left_mm: float, facet: tuple[FloatArray, FloatArray] | None, limits: Limits) -> TrueClass:
    """MSU zone of a centre: quarters of the intra-facet line (A the middle two, B the outer two), C beyond it."""
    if facet is None:
        return TrueClass(value=None, verified=False, reason="the level has no facet joints to judge by")
    half = 0.5 * abs(float(facet[0][0] - facet[1][0]))
    middle = 0.5 * float(facet[0][0] + facet[1][0])
    value, margin, limit = nearest(
        abs(left_mm - middle), [limits["msu_quarter"] * half, half], ["A", "B", "C"]
    )
    return TrueClass(
        value=value,
        margin=margin,
        unit=MM,
        limit=f"mm from the line's middle: {limit}",
        verified=False,
    )


def canal_compromise(occupied: float | None, limits: Limits, displaced: bool = True) -> TrueClass:
    """Mild up to a third of the canal, moderate up to two, severe beyond (nomenclature v2.0).

    Args:
        occupied: displaced share of the canal; None where it has no borders.
        limits: holds the thirds.
        displaced: material counts as displaced; without any there is no compromise, whatever rounding leaves.
    """
    if not displaced:
        return TrueClass(value="none", reason="nothing counts as displaced at this level")
    if occupied is None:
        return TrueClass(value=None, reason="the canal has no borders at this level")
    if occupied <= 0:
        return TrueClass(value="none", margin=0.0, unit="ratio", limit="nothing displaced in the canal")
    value, margin, limit = nearest(
        occupied, [limits["canal_mild"], limits["canal_moderate"]], ["mild", "moderate", "severe"]
    )
    return TrueClass(value=value, margin=margin, unit="ratio", limit=f"share of the canal: {limit}")


def candidate_roots(
    level: Level, following: str, where: tuple[str | None, str | None, str | None, str | None]
) -> tuple[str, ...]:
    """Roots that material in a zone and at a height can reach.

    Central, paracentral and subarticular material meets the traversing root (the lower vertebra's), foraminal
    and extraforaminal the exiting one (the upper's) (Berra et al., World J Orthop 2021;12:961). Migrated up
    behind the upper body it nears the root that leaves there; down past the lower pedicle, the next root.

    Args:
        level: the disc level.
        following: name of the root that leaves below the vertebra after the level's lower one.
        where: axial zone, side, craniocaudal level and the vertebra behind which it lies.
    """
    zone, side, height, vertebra = where
    if zone is None:
        return ()
    exiting, traversing = level.upper, level.lower
    if zone in {"foraminal", "extraforaminal"}:
        names = [exiting]
    elif vertebra == level.upper:
        names = [exiting, traversing] if height == "infrapedicle" else [exiting]
    elif vertebra == level.lower and height == "infrapedicle":
        names = [traversing, following]
    else:
        names = [traversing]
    sides = ["left", "right"] if zone == "central" or side == "midline" else [str(side)]
    roots = tuple(f"{name} {one}" for name in names for one in sides)
    return (*roots, "cauda equina") if zone == "central" else roots
