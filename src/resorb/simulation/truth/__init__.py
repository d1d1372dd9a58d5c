"""What is true of a simulated study, from its geometry alone: nothing here measures an image or a mask."""

from resorb.simulation.truth.frame import DatePose, truth_frame
from resorb.simulation.truth.record import DateGeometry, FocalTruth, LevelTruth, StudyTruth
from resorb.simulation.truth.study import date_geometry, truth_of

__all__ = [
    "DateGeometry",
    "DatePose",
    "FocalTruth",
    "LevelTruth",
    "StudyTruth",
    "date_geometry",
    "truth_frame",
    "truth_of",
]
