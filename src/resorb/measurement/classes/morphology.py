"""Morphology by the combined task force's lumbar disc nomenclature v2.0 (Fardon et al., Spine J 2014;14:2525)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resorb.limits import Limits
from resorb.measurement.classes.deciding import Scale, decide, rounded
from resorb.reading import Class

#: From none to the gravest.
MORPHOLOGIES = ("none", "bulge", "protrusion", "extrusion", "sequestration")
AROUND = "share of the circumference"


@dataclass(frozen=True)
class Shape:
    """What the morphology of one displacement hangs on.

    Attributes:
        circumference_share: of the disc's circumference that it takes up.
        overhang_mm: per plane ("axial", "sagittal"; "coronal" beside the disc) its largest extent less its base, both
            within that plane; a plane in which either was not measured is left out.
        beyond_mm: how far it reaches above the upper or below the lower corner of its disc.
        continuous: it hangs together with its disc; None where that is not known.
    """

    circumference_share: float
    overhang_mm: Mapping[str, float]
    beyond_mm: float
    continuous: bool | None


def bulge_or_none(share: float, limits: Limits, *, error: float = 0.0) -> Class:
    """A disc without herniation: bulging where it reaches beyond its rims over a quarter of its circumference.

    Args:
        share: of the circumference over which disc lies farther outside its rims than the limit `bulge_floor`.
        limits: thresholds.
        error: half-width of the share's 95 % interval; 0 where it is not known.
    """
    return decide(share, _around(limits, ("none", "bulge")), limits, error=error)


def morphology(
    shape: Shape, limits: Limits, *, error_mm: float = 0.0, share_error: float = 0.0, doubted: bool = False
) -> Class:
    """Morphology of one displacement; any plane decides.

    Without continuity it is a sequestration; over more than a quarter of the circumference a bulge; with an extent
    larger than its base in any plane, or material above or below the disc, an extrusion; else a protrusion.

    Args:
        shape: what was measured of it.
        limits: thresholds.
        error_mm: half-width of the 95 % interval of an overhang and of `beyond_mm`; 0 where it is not known.
        share_error: that of the share of the circumference.
        doubted: continuity was decided on so few voxels that it could be either; the class says it is near.
    """
    if shape.continuous is False:
        return Class(
            value="sequestration",
            limit="no continuity with the disc",
            verified=limits.entries["focal_share"].verified,
            near=doubted,
        )
    around = decide(shape.circumference_share, _around(limits, ("focal", "bulge")), limits, error=share_error)
    if around.value == "bulge":
        return around
    allowed = limits["overhang"]
    tests = {
        f"extent over base in a plane ({plane}), {allowed:g} mm": over - allowed
        for plane, over in shape.overhang_mm.items()
    }
    tests[f"beyond the disc's corners, {allowed:g} mm"] = shape.beyond_mm - allowed
    # An extrusion by several tests stays one until the clearest of them fails.
    name = max(tests, key=lambda key: tests[key])
    near = error_mm > 0 and abs(tests[name]) <= error_mm
    return Class(
        value="extrusion" if tests[name] > 0 else "protrusion",
        margin=rounded(abs(tests[name])),
        unit="mm",
        limit=name,
        verified=limits.entries["overhang"].verified,
        near=near or around.near or doubted,
    )


def gravest(found: Sequence[Class]) -> int:
    """Index of the gravest morphology; the first of several.

    Raises:
        ValueError: the sequence is empty.
    """
    return max(range(len(found)), key=lambda n: MORPHOLOGIES.index(found[n].value or "none"))


def _around(limits: Limits, names: tuple[str, str]) -> Scale:
    return Scale(AROUND, "ratio", [limits["focal_share"]], names, ("focal_share",))
