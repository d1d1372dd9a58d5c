"""Classes of what was measured: pure functions over numbers and limits, one module per family."""

from resorb.measurement.classes.canal import canal_compromise, sac_narrowing
from resorb.measurement.classes.deciding import decide, with_error
from resorb.measurement.classes.degeneration import DiscState, degeneration, height_error
from resorb.measurement.classes.landmarks import Landmarks, Pedicle
from resorb.measurement.classes.morphology import Shape, bulge_or_none, gravest, morphology
from resorb.measurement.classes.msu import msu_size, msu_zone
from resorb.measurement.classes.place import height_level, side, zone
from resorb.measurement.classes.roots import candidate_roots, following_root

__all__ = [
    "DiscState",
    "Landmarks",
    "Pedicle",
    "Shape",
    "bulge_or_none",
    "canal_compromise",
    "candidate_roots",
    "decide",
    "degeneration",
    "following_root",
    "gravest",
    "height_error",
    "height_level",
    "morphology",
    "msu_size",
    "msu_zone",
    "sac_narrowing",
    "side",
    "with_error",
    "zone",
]
