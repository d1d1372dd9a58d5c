"""How much of the canal is left: compromise by thirds, and the thecal sac beside its published thresholds."""

from __future__ import annotations

from resorb.limits import Limits
from resorb.measurement.classes.deciding import Scale, decide
from resorb.reading import Class

#: From the narrowest; each limit is the area below which the class before it holds.
SAC_LIMITS = ("sac_area_severe", "sac_area_narrow", "sac_area_early")
SAC_CLASSES = ("narrow by most studies", "narrow", "early narrowing", "not narrow")


def canal_compromise(
    occupied: float | None, limits: Limits, *, displaced: bool = True, error: float = 0.0, reason: str = ""
) -> Class:
    """Mild up to a third of the canal in the worst axial section, moderate up to two, severe beyond (v2.0).

    Args:
        occupied: displaced share of the spinal canal there; None where it was not measured.
        limits: the thirds.
        displaced: material counts as displaced; without any there is no compromise, whatever rounding leaves.
        error: half-width of the share's 95 % interval; 0 where it is not known.
        reason: why it was not measured.
    """
    if not displaced:
        return Class(value="none", limit="nothing counts as displaced at this level")
    if occupied is None:
        return Class(value=None, reason=reason or "the canal has no borders at this level")
    if occupied <= 0:
        return Class(value="none", margin=0.0, unit="ratio", limit="nothing displaced in the canal")
    names = ("canal_mild", "canal_moderate")
    scale = Scale(
        "share of the canal", "ratio", [limits[n] for n in names], ("mild", "moderate", "severe"), names
    )
    return decide(occupied, scale, limits, error=error)


def sac_narrowing(
    area_mm2: float | None, limits: Limits, *, error_mm2: float = 0.0, reason: str = ""
) -> Class:
    """The sac's cross-section beside its published thresholds: no diagnosis of stenosis.

    Args:
        area_mm2: of the thecal sac at disc height; None where it was not measured.
        limits: the three thresholds.
        error_mm2: half-width of the area's 95 % interval; 0 where it is not known.
        reason: why it was not measured.
    """
    if area_mm2 is None:
        return Class(value=None, reason=reason or "there is no thecal sac at this level")
    scale = Scale("mm2 of the thecal sac", "mm2", [limits[n] for n in SAC_LIMITS], SAC_CLASSES, SAC_LIMITS)
    return decide(area_mm2, scale, limits, error=error_mm2)
