"""The course of a simulated patient: what becomes of a herniation, and how the patient lies on each date."""

from resorb.simulation.course.change import evolve
from resorb.simulation.course.pose import Pose, lie

__all__ = ["Pose", "evolve", "lie"]
