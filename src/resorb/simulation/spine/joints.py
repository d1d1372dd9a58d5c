"""Where the facet joints of a level lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resorb.simulation.spine.canal_course import FACET_SHARE
from resorb.simulation.spine.plan import SIDES, VertebraPlan
from resorb.study import FloatArray

#: Angle of the joint against the sagittal plane in the axial plane, by the vertebra above; after Panjabi 1993,
#: from memory, unverified.
TURN_DEG = {"T11": 70.0, "T12": 30.0, "L1": 27.0, "L2": 30.0, "L3": 36.0, "L4": 45.0, "L5": 52.0, "L6": 54.0}
HALF_LENGTH_MM, HALF_TALL_MM, HALF_SPACE_MM = 7.5, 8.0, 0.8
BEND = 0.02  # 1/mm: the joint is hollow towards the process of the vertebra above
BEHIND_SHARE = 0.66  # of the canal's depth: where the joint's medial edge lies behind the disc


@dataclass(frozen=True, eq=False)
class Joint:
    """One facet joint, a plate between the articular processes.

    Attributes:
        pose: (4, 4) own frame (normal towards the superior articular process of the vertebra below; along from
            medial to lateral; up) at its middle to world.
        half_length_mm, half_tall_mm: along the second and third axis.
    """

    pose: FloatArray
    half_length_mm: float
    half_tall_mm: float

    @property
    def medial_edge(self) -> FloatArray:
        """(3,) in the middle of the joint's height, world mm."""
        bend = BEND * self.half_length_mm**2
        return np.asarray(self.pose[:3, 3] - self.half_length_mm * self.pose[:3, 1] - bend * self.pose[:3, 0])


def disc_frame(upper: VertebraPlan, lower: VertebraPlan) -> FloatArray:
    """(4, 4) (left, posterior, cranial) midway between the two posterior corners in the midline to world."""
    a, b = upper.to_world(upper.corner(upper=False)), lower.to_world(lower.corner(upper=True))
    slope = upper.pose[:3, 1] + upper.tilt * upper.pose[:3, 2]
    back = slope / np.linalg.norm(slope)
    other = lower.pose[:3, 1] - lower.tilt * lower.pose[:3, 2]
    back = back + other / np.linalg.norm(other)
    left = upper.pose[:3, 0] + lower.pose[:3, 0]
    back /= np.linalg.norm(back)
    left -= back * (left @ back)
    left /= np.linalg.norm(left)
    frame = np.eye(4)
    frame[:3, :4] = np.column_stack([left, back, np.cross(left, back), (a + b) / 2])
    return frame


def joints_of(upper: VertebraPlan, lower: VertebraPlan) -> tuple[Joint, Joint]:
    """The left and the right facet joint between two neighbours."""
    frame = disc_frame(upper, lower)
    size = (upper.lower_width_mm + lower.upper_width_mm) / 100.0
    width = (upper.canal_width_mm + lower.canal_width_mm) / 2
    depth = (upper.canal_depth_mm + lower.canal_depth_mm) / 2
    turn = np.radians(TURN_DEG[upper.name])
    half = HALF_LENGTH_MM * size
    joints = []
    for _, sign in SIDES:
        along = np.array([sign * np.sin(turn), np.cos(turn), 0.0])
        normal = np.array([sign * np.cos(turn), -np.sin(turn), 0.0])
        medial = np.array([sign * FACET_SHARE * width / 2, BEHIND_SHARE * depth, 0.0])
        pose = np.eye(4)
        pose[:3, :4] = np.column_stack([normal, along, [0.0, 0.0, 1.0], medial + half * along])
        joints.append(Joint(frame @ pose, half, HALF_TALL_MM * size))
    return joints[0], joints[1]
