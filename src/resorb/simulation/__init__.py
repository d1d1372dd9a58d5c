"""Studies whose truth is known, because they were made here (docs/simulate.md).

    from resorb.simulation import model_case, simulate
    for date in simulate(model_case()):
        image, truth = date.scans[0].stacks[0], date.truth

Herniations in real scans: `resorb.simulation.implant`. Everything is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resorb.lazy import lazy

if TYPE_CHECKING:
    from resorb.simulation.case import SimulatedDate, model_case, simulate
    from resorb.simulation.course import Pose, evolve, lie
    from resorb.simulation.course.deformation import deformation, follow
    from resorb.simulation.draw import random_case
    from resorb.simulation.files import write_case
    from resorb.simulation.herniation import displace, fill, press
    from resorb.simulation.phantom import Phantom
    from resorb.simulation.scanner import Scan, acquire
    from resorb.simulation.spec import (
        CaseSpec,
        ChangeSpec,
        DateSpec,
        DiscSpec,
        HerniationSpec,
        PoseSpec,
        ScannerSpec,
        SpineSpec,
    )
    from resorb.simulation.spine import make_spine
    from resorb.simulation.truth import StudyTruth, truth_of

_HOME = {
    "resorb.simulation.case": ("SimulatedDate", "model_case", "simulate"),
    "resorb.simulation.course": ("Pose", "evolve", "lie"),
    "resorb.simulation.course.deformation": ("deformation", "follow"),
    "resorb.simulation.draw": ("random_case",),
    "resorb.simulation.files": ("write_case",),
    "resorb.simulation.herniation": ("displace", "fill", "press"),
    "resorb.simulation.phantom": ("Phantom",),
    "resorb.simulation.scanner": ("Scan", "acquire"),
    "resorb.simulation.spec": (
        "CaseSpec",
        "ChangeSpec",
        "DateSpec",
        "DiscSpec",
        "HerniationSpec",
        "PoseSpec",
        "ScannerSpec",
        "SpineSpec",
    ),
    "resorb.simulation.spine": ("make_spine",),
    "resorb.simulation.truth": ("StudyTruth", "truth_of"),
}
__all__ = [
    "CaseSpec",
    "ChangeSpec",
    "DateSpec",
    "DiscSpec",
    "HerniationSpec",
    "Phantom",
    "Pose",
    "PoseSpec",
    "Scan",
    "ScannerSpec",
    "SimulatedDate",
    "SpineSpec",
    "StudyTruth",
    "acquire",
    "deformation",
    "displace",
    "evolve",
    "fill",
    "follow",
    "lie",
    "make_spine",
    "model_case",
    "press",
    "random_case",
    "simulate",
    "truth_of",
    "write_case",
]

__getattr__, __dir__ = lazy(__name__, _HOME)
