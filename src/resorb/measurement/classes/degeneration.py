"""A degeneration grade like Pfirrmann's (Spine 2001;26:1873): from the nucleus's signal and the disc's height alone.

Pfirrmann's grades also go by structure and by how sharply nucleus and annulus part, which is not measured. The
limits were fitted to readers' grades of the lumbar discs of 25 people on one sequence (SPIDER, 3D T2 SPACE, experts'
masks, no test subject): weighted kappa 0.61 with quadratic weights and 0.52 with linear ones, cross-validated by
subject; readers among themselves reach about 0.6. On other sequences the signal has other ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

from resorb.limits import Limits
from resorb.measurement.classes.deciding import rounded
from resorb.reading import Class

SIGNAL_LIMITS = ("nucleus_white", "nucleus_bright", "nucleus_dark")
HEIGHT_LIMITS = ("height_index_low", "height_index_collapsed")
WORST = 5
DARKENED = 3  # a grade from which a low disc is graded one worse


@dataclass(frozen=True)
class DiscState:
    """What a grade hangs on, each with the half-width of its 95 % interval (0 where it is not known).

    Attributes:
        nucleus_ratio: signal of the nucleus against CSF; None where it was not measured, and `reason` says why.
        height_index: disc height over its length; None where it was not measured: the signal alone then decides.
    """

    nucleus_ratio: float | None
    height_index: float | None
    ratio_error: float = 0.0
    index_error: float = 0.0
    reason: str = ""


def degeneration(disc: DiscState, limits: Limits) -> Class:
    """Grade 1 to 5: 1 to 4 by how dark the nucleus is; from 3 on one worse in a low disc, 5 in a collapsed one.

    Args:
        disc: signal and height.
        limits: of both.
    """
    ratio, index = disc.nucleus_ratio, disc.height_index
    if ratio is None:
        return Class(
            value=None, verified=False, reason=disc.reason or "the nucleus's signal was not measured"
        )
    by_signal = 1 + sum(ratio < limits[name] for name in SIGNAL_LIMITS)
    tests = [(abs(ratio - limits[name]), disc.ratio_error, name) for name in SIGNAL_LIMITS]
    grade = by_signal
    if index is not None:
        low, collapsed = (limits[name] for name in HEIGHT_LIMITS)
        grade = min(WORST, by_signal + (by_signal >= DARKENED and index < low))
        if index < collapsed:
            grade = WORST
        if by_signal >= DARKENED:
            tests.append((abs(index - low), disc.index_error, HEIGHT_LIMITS[0]))
        tests.append((abs(index - collapsed), disc.index_error, HEIGHT_LIMITS[1]))
    margin, _, name = min(tests)
    height = "not measured" if index is None else f"{index:.2f}"
    return Class(
        value=str(grade),
        margin=rounded(margin),
        unit="ratio",
        limit=f"{name.replace('_', ' ')} {limits[name]:.3g}; signal {ratio:.2f}, height index {height}",
        verified=False,
        near=index is None or any(0 < away <= error for away, error, _ in tests),
    )
