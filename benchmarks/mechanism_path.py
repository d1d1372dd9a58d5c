"""The whole path for a few simulated patients: images, true masks, measuring, comparing, fitting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from resorb.anatomy import Anatomy, Level, LevelNaming
from resorb.change import Change
from resorb.comparing import CompareOptions, compare
from resorb.measurement import measure
from resorb.simulation import CaseSpec, simulate
from resorb.study import Contrast, Plane, Series, Study
from resorb.timepoint import Timepoint

DAYS = (0, 120, 240, 365)
FIRST_DAY = date(2024, 1, 10)
LEVEL = "L4/L5"
#: What a scanner's header would say of every date alike.
SEQUENCE: dict[str, str | float] = {
    "field_strength_t": 1.5,
    "manufacturer": "simulated",
    "te_ms": 100.0,
    "tr_ms": 3500.0,
}
PITCH_MM = 0.6
#: What is left of each date's volume on the next, and how much darker it has become.
REMAINING, DARKER = (0.7, 0.6, 0.5), (0.35, 0.3, 0.25)
WAYS = {"retraction": "retraction", "dehydration": "shrinkage", "degradation": "erosion"}


def path_case(mechanism: str, seed: int) -> CaseSpec:
    """A protrusion at L4/L5 that shrinks in one way over four dates."""
    changes = [
        {
            "herniation": 1,
            "remaining": left,
            "by": {WAYS[mechanism]: 1.0},
            "darkening": dark if mechanism == "dehydration" else 0.0,
        }
        for left, dark in zip(REMAINING, DARKER, strict=True)
    ]
    herniation = {"level": LEVEL, "type": "protrusion", "side": "left", "depth_mm": 8.0, "brightness": 0.8}
    dates = [
        {"date": FIRST_DAY + timedelta(days=day), "changes": [changes[n - 1]] if n else []}
        for n, day in enumerate(DAYS)
    ]
    spine = {"seed": seed, "variety": 0.0}
    return CaseSpec.model_validate(
        {"seed": seed, "spine": spine, "herniations": [herniation], "dates": dates}
    )


def followed(case: CaseSpec) -> Change:
    """The case's change, measured from images and true masks, against the joint reference."""
    between = CompareOptions(between=("none",))
    return compare(tuple(_timepoints(case)), None, between).change


def _timepoints(case: CaseSpec) -> Iterator[Timepoint]:
    for number, made in enumerate(simulate(case, pitch_mm=PITCH_MM)):
        scan = made.scans[0]
        series = Series(1, scan.stacks, Plane.SAGITTAL, Contrast.T2, sequence=dict(SEQUENCE))
        study = Study((series,), series, None, (), (), made.spec.date, f"{number:064d}", synthetic=True)
        levels = tuple(sorted(Level.parse(one.level) for one in made.truth.levels))
        anatomy = Anatomy(scan.labels[0], levels, LevelNaming("the sacrum"), "mask, true labels", {})
        yield measure(study, anatomy)
