"""A degeneration grade like Pfirrmann's (Spine 2001;26:1873): from the nucleus's signal and the disc's height alone.

Pfirrmann's grades also go by structure and by how sharply nucleus and annulus part; neither told more where it was
tried. One number decides: the signal of the nucleus against CSF, its logarithm shifted by the disc's height, as the
proportional-odds model (McCullagh, J R Stat Soc B 1980;42:109) of readers' grades weighs the two. Its limits were
fitted on one sequence (SPIDER, 3D T2 SPACE, 25 people, experts' masks, no test subject): weighted kappa 0.60 with
quadratic weights and 0.54 with linear ones, cross-validated by subject, but 0.28 and 0.19 on the seven test subjects;
readers among themselves reach about 0.6. On other sequences the signal has other ratios.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from resorb.limits import Limits
from resorb.measurement.classes.deciding import Scale, decide
from resorb.reading import Class

#: From the darkest; each limit is the adjusted signal up to which the grade before it holds.
SIGNAL_LIMITS = ("nucleus_black", "nucleus_dark", "nucleus_bright", "nucleus_white")
GRADES = ("5", "4", "3", "2", "1")
HEIGHT_WEIGHT, USUAL_HEIGHT = "degeneration_height", "degeneration_usual_height"
DARKEST = 1e-3  # a signal has a logarithm


@dataclass(frozen=True)
class DiscState:
    """What a grade hangs on.

    Attributes:
        nucleus_ratio: signal of the nucleus against CSF; None where it was not measured, and `reason` says why.
        height_mm: of the disc; None where it was not measured: the signal alone then decides.
        height_error_mm: half-width of the height's 95 % interval; 0 where it is not known.
    """

    nucleus_ratio: float | None
    height_mm: float | None
    height_error_mm: float = 0.0
    reason: str = ""


def degeneration(disc: DiscState, limits: Limits) -> Class:
    """Grade 1 to 5 by how dark the nucleus is and how low the disc; the margin is one of the signal's logarithm.

    Args:
        disc: signal and height.
        limits: of the signal, and what a millimetre of height is worth.
    """
    if disc.nucleus_ratio is None:
        reason = disc.reason or "the nucleus's signal was not measured"
        return Class(value=None, verified=False, reason=reason)
    shift = 0.0
    if disc.height_mm is not None:
        shift = limits[HEIGHT_WEIGHT] * (disc.height_mm - limits[USUAL_HEIGHT])
    score = log(max(disc.nucleus_ratio, DARKEST)) + shift
    bounds = [log(max(limits[name], DARKEST)) for name in SIGNAL_LIMITS]
    scale = Scale("logarithm of the signal", "ratio", bounds, GRADES, (*SIGNAL_LIMITS, HEIGHT_WEIGHT))
    found = decide(score, scale, limits, error=height_error(disc.height_error_mm, limits))
    height = "not measured" if disc.height_mm is None else f"{disc.height_mm:.1f} mm"
    said = f"nucleus {disc.nucleus_ratio:.2f} of CSF, {exp(score):.2f} at usual height; height {height}"
    unsure = found.near or disc.height_mm is None
    return found.model_copy(update={"limit": said, "near": unsure})


def height_error(error_mm: float, limits: Limits) -> float:
    """What an error of the disc's height is worth, in the unit of a grade's margin."""
    return limits[HEIGHT_WEIGHT] * error_mm
