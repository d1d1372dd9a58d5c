"""Studies whose truth is known, because they were made here (docs/simulate.md).

    from resorb.simulation import model_case, simulate
    for date in simulate(model_case()):
        image, truth = date.scans[0].stacks[0], date.truth

Herniations in real scans: `resorb.simulation.implant`. Everything is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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
    "case": ("SimulatedDate", "model_case", "simulate"),
    "course": ("Pose", "evolve", "lie"),
    "course.deformation": ("deformation", "follow"),
    "draw": ("random_case",),
    "files": ("write_case",),
    "herniation": ("displace", "fill", "press"),
    "phantom": ("Phantom",),
    "scanner": ("Scan", "acquire"),
    "spec": (
        "CaseSpec",
        "ChangeSpec",
        "DateSpec",
        "DiscSpec",
        "HerniationSpec",
        "PoseSpec",
        "ScannerSpec",
        "SpineSpec",
    ),
    "spine": ("make_spine",),
    "truth": ("StudyTruth", "truth_of"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

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


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first asked for."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'resorb.simulation' has no attribute {name!r}")
    value: object = getattr(import_module(f"resorb.simulation.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
