"""The MSU classification (Mysliwiec et al., Eur Spine J 2010;19:1087). Where its lines lie is unverified."""

from __future__ import annotations

from resorb.limits import Limits
from resorb.measurement.classes.deciding import Scale, decide
from resorb.measurement.classes.landmarks import Landmarks
from resorb.reading import Class

NO_FACETS = "the level has no facet joints to judge by"


def msu_size(reach_share: float | None, marks: Landmarks, limits: Limits, *, error: float = 0.0) -> Class:
    """MSU size from how far material reaches on its way to the intra-facet line.

    Args:
        reach_share: in the axial section of largest displaced area, the largest share of the way from the reference
            surface to the line between the two facets' medial edges; None where there is no such section.
        marks: whose facets the line joins.
        limits: `msu_half` and `msu_line`.
        error: half-width of the share's 95 % interval; 0 where it is not known.
    """
    if marks.facets is None or reach_share is None:
        return Class(value=None, verified=False, reason=NO_FACETS)
    names = ("msu_half", "msu_line")
    scale = Scale(
        f"share of the way to the intra-facet line ({marks.source})",
        "ratio",
        [limits[name] for name in names],
        ("1", "2", "3"),
        names,
    )
    return decide(reach_share, scale, limits, error=error)


def msu_zone(left_mm: float, marks: Landmarks, limits: Limits, *, error_mm: float = 0.0) -> Class:
    """MSU zone of a centre: quarters of the intra-facet line (A the middle two, B the outer two), C beyond it.

    Args:
        left_mm: of the centre, in the level's frame.
        marks: whose facets the line joins.
        limits: `msu_quarter`.
        error_mm: half-width of the 95 % interval of the position; 0 where it is not known.
    """
    if marks.facets is None:
        return Class(value=None, verified=False, reason=NO_FACETS)
    (left, _), (right, _) = marks.facets
    half, middle = 0.5 * abs(left - right), 0.5 * (left + right)
    scale = Scale(
        f"mm from the middle of the intra-facet line ({marks.source})",
        "mm",
        [limits["msu_quarter"] * half, half],
        ("A", "B", "C"),
        ("msu_quarter",),
    )
    return decide(abs(left_mm - middle), scale, limits, error=error_mm)
