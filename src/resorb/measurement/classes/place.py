"""Where displaced material lies: axial zone, side and craniocaudal level (nomenclature v2.0, Fardon et al. 2014)."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from resorb.anatomy import Level
from resorb.limits import Limits
from resorb.measurement.classes.deciding import Scale, decide
from resorb.measurement.classes.landmarks import Landmarks
from resorb.reading import Class

ZONES = ("central", "paracentral", "subarticular", "foraminal", "extraforaminal")
NO_LANDMARKS = "the level has no facet joints or pedicles to judge by"


def side(left_mm: float, limits: Limits, *, error_mm: float = 0.0) -> Class:
    """Side of a centre; left is positive, and a strip about the midline has no side."""
    half = limits["midline_half_width"]
    scale = Scale(
        "mm to the left", "mm", [-half, half], ("right", "midline", "left"), ("midline_half_width",)
    )
    return decide(left_mm, scale, limits, error=error_mm)


def zone(left_mm: float, marks: Landmarks, limits: Limits, *, error_mm: float = 0.0) -> Class:
    """Axial zone of a centre, by the facets' medial edges and the pedicles' medial and lateral borders on its side.

    The limit's text says where those landmarks came from.

    Args:
        left_mm: of the centre, in the level's frame.
        marks: facets and pedicles in the same frame.
        limits: `midline_half_width` bounds the central zone.
        error_mm: half-width of the 95 % interval of the position; 0 where it is not known.
    """
    one: Literal["left", "right"] = "left" if left_mm >= 0 else "right"
    facet, medial, lateral = marks.facet_mm(one), marks.border_mm(one, 0), marks.border_mm(one, 1)
    if facet is None or medial is None or lateral is None:
        return Class(value=None, reason=NO_LANDMARKS)
    medial = max(medial, facet)
    bounds = [limits["midline_half_width"], facet, medial, max(lateral, medial)]
    scale = Scale(f"mm from the midline ({marks.source})", "mm", bounds, ZONES, marks.rests_on)
    return decide(abs(left_mm), scale, limits, error=error_mm)


def height_level(
    cranial_mm: float,
    corners_mm: tuple[float, float],
    level: Level,
    marks: Landmarks,
    limits: Limits,
    *,
    error_mm: float = 0.0,
) -> tuple[Class, str | None]:
    """(craniocaudal level of a centre, the vertebra behind which it lies; None at the disc).

    Args:
        cranial_mm: the centre's height in the level's frame.
        corners_mm: heights of the lower and the upper corner of the disc there.
        level: the disc level.
        marks: the pedicles; where those of a vertebra are not known, all behind its body near the disc is called
            infrapedicle (above the disc) or suprapedicle (below it).
        limits: says whether the landmarks are verified.
        error_mm: half-width of the 95 % interval of the height; 0 where it is not known.
    """
    up, low = marks.heights_mm(level.upper), marks.heights_mm(level.lower)
    bounds, names = [*corners_mm], ["suprapedicle", "disc", "infrapedicle"]
    behind: list[str | None] = [level.lower, None, level.upper]
    if low:
        bounds, names = [*low, *bounds], ["infrapedicle", "pedicle", *names]
        behind = [level.lower, level.lower, *behind]
    if up:
        bounds, names = [*bounds, *up], [*names, "pedicle", "suprapedicle"]
        behind = [*behind, level.upper, level.upper]
    if any(after < before for before, after in pairwise(bounds)):
        return Class(value=None, reason="pedicles and corners do not follow one another in height"), None
    scale = Scale(f"mm of height ({marks.source})", "mm", bounds, names, marks.rests_on)
    found = decide(cranial_mm, scale, limits, error=error_mm)
    return found, behind[sum(cranial_mm > bound for bound in bounds)]
