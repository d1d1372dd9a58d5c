"""Follow a herniated lumbar disc from one MRI to the next.

The way of the data, one type per step:

    study = resorb.load("t2.nii.gz")              # files -> Study
    anatomy = resorb.segment(study)               # Study -> Anatomy
    timepoint = resorb.measure(study, anatomy)    # Study, Anatomy -> Timepoint
    resorb.report(timepoint, "out")               # Timepoint -> page, pictures, table
    found = resorb.compare([timepoint, other])    # Timepoint, Timepoint, ... -> Change (and what it was measured on)

`resorb.read("t2.nii.gz", "out")` walks the first four and writes what `resorb read` writes;
`resorb.compare(["out", "later.zip"], "change")` takes files and writes what `resorb compare` writes. Everything is
imported when it is first used, so that `import resorb` costs nothing.

Research use only; not a medical device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resorb.lazy import lazy

if TYPE_CHECKING:
    from resorb.anatomy import Anatomy, Level, LevelNaming, Structure
    from resorb.change import Change
    from resorb.comparing import CompareOptions, Comparison, compare, load_timepoint
    from resorb.errors import (
        InputError,
        NotMeasurableError,
        OutputError,
        ResorbError,
        StrictRefusal,
        UsageError,
    )
    from resorb.frame import Frame
    from resorb.limits import Limits, load_limits
    from resorb.loading import load
    from resorb.measurement import measure
    from resorb.pipeline import Options, read
    from resorb.reading import DiscReading, Quantity, Reading
    from resorb.reporting import report
    from resorb.segmentation import SCHEMES, anatomy_from_mask, segment
    from resorb.study import Contrast, Plane, Series, Study, Volume
    from resorb.timepoint import Timepoint

__version__ = "0.1.0"

_HOME = {
    "resorb.loading": ("load",),
    "resorb.segmentation": ("SCHEMES", "anatomy_from_mask", "segment"),
    "resorb.reporting": ("report",),
    "resorb.measurement": ("measure",),
    "resorb.pipeline": ("Options", "read"),
    "resorb.anatomy": ("Anatomy", "Level", "LevelNaming", "Structure"),
    "resorb.change": ("Change",),
    "resorb.comparing": ("CompareOptions", "Comparison", "compare", "load_timepoint"),
    "resorb.errors": (
        "InputError",
        "NotMeasurableError",
        "OutputError",
        "ResorbError",
        "StrictRefusal",
        "UsageError",
    ),
    "resorb.frame": ("Frame",),
    "resorb.limits": ("Limits", "load_limits"),
    "resorb.reading": ("DiscReading", "Quantity", "Reading"),
    "resorb.study": ("Contrast", "Plane", "Series", "Study", "Volume"),
    "resorb.timepoint": ("Timepoint",),
}
__all__ = [
    "SCHEMES",
    "Anatomy",
    "Change",
    "CompareOptions",
    "Comparison",
    "Contrast",
    "DiscReading",
    "Frame",
    "InputError",
    "Level",
    "LevelNaming",
    "Limits",
    "NotMeasurableError",
    "Options",
    "OutputError",
    "Plane",
    "Quantity",
    "Reading",
    "ResorbError",
    "Series",
    "StrictRefusal",
    "Structure",
    "Study",
    "Timepoint",
    "UsageError",
    "Volume",
    "__version__",
    "anatomy_from_mask",
    "compare",
    "load",
    "load_limits",
    "load_timepoint",
    "measure",
    "read",
    "report",
    "segment",
]

__getattr__, __dir__ = lazy(__name__, _HOME)
