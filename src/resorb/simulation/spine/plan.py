"""The numbers of one spine: where each vertebra stands, how large it is, and how its canal runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from resorb.anatomy import Level
from resorb.simulation.phantom import Side
from resorb.simulation.spec import DiscSpec, SpineSpec
from resorb.simulation.spine.form import PLAIN, Form
from resorb.study import FloatArray

#: (4, 4) from a pose's own (left, posterior, cranial) to the world, for a body that stands upright.
UPRIGHT = np.diag([-1.0, -1.0, 1.0, 1.0])
SIDES: tuple[tuple[Side, float], ...] = (("left", 1.0), ("right", -1.0))  # sign of the own `left` coordinate


@dataclass(frozen=True, eq=False)
class VertebraPlan:
    """One vertebral body with its arch, in its own frame (left, posterior, cranial), mm.

    The origin is the body's centre. Its endplates are planes through (0, 0, +-height / 2), tilted by half its
    wedge each; both are `depth` deep in the midline, from -depth / 2 to depth / 2.

    Attributes:
        pose: (4, 4) own frame to world.
        upper_width_mm, upper_depth_mm: of the rim of the upper endplate; lower_* likewise.
        height_mm: between the two rims at the origin.
        wedge_deg: angle between the endplates, positive where the body is higher in front.
        dish_mm: (upper, lower) depth of the endplates' hollow below their rims.
        hollow_mm: how far the posterior wall is hollowed forwards at half height, in the midline.
        bean_mm: how far the posterior margin of the axial outline is hollowed forwards in the midline.
        canal_depth_mm: from the posterior wall to the front of the lamina, in the midline.
        canal_width_mm: between the two pedicles.
        pedicle_cranial_mm: middle of the pedicle in the own frame.
        transverse_mm: from tip to tip of the transverse processes.
        spinous_mm: from the front of the lamina to the spinous process's tip.
        lamina_mm: thickness of the lamina.
        form: what makes it differ from its neighbours without moving a landmark.
    """

    name: str
    pose: FloatArray
    upper_width_mm: float
    upper_depth_mm: float
    lower_width_mm: float
    lower_depth_mm: float
    height_mm: float
    wedge_deg: float
    dish_mm: tuple[float, float]
    hollow_mm: float
    bean_mm: float
    canal_depth_mm: float
    canal_width_mm: float
    pedicle_width_mm: float
    pedicle_height_mm: float
    pedicle_cranial_mm: float
    transverse_mm: float
    spinous_mm: float
    lamina_mm: float
    form: Form = PLAIN

    @property
    def is_thoracic(self) -> bool:
        return self.name.startswith("T")

    @property
    def is_sacrum(self) -> bool:
        return self.name == "S1"

    @cached_property
    def tilt(self) -> float:
        """Rise of the lower endplate per mm backwards; the upper one falls as much."""
        return float(np.tan(np.radians(self.wedge_deg / 2)))

    @property
    def anterior_mm(self) -> float:
        """Height of the front wall, from rim to rim."""
        return self.height_mm + self.tilt * (self.upper_depth_mm + self.lower_depth_mm) / 2

    @property
    def posterior_mm(self) -> float:
        """Height of the posterior wall in the midline, from rim to rim."""
        return self.height_mm - self.tilt * (self.upper_depth_mm + self.lower_depth_mm) / 2

    def upper_plane(self, posterior: FloatArray | float) -> FloatArray:
        """Own cranial coordinate of the plane of the upper rim, mm."""
        return np.asarray(self.height_mm / 2 - self.tilt * np.asarray(posterior))

    def lower_plane(self, posterior: FloatArray | float) -> FloatArray:
        """Own cranial coordinate of the plane of the lower rim, mm."""
        return np.asarray(-self.height_mm / 2 + self.tilt * np.asarray(posterior))

    def corner(self, *, upper: bool, front: bool = False) -> FloatArray:
        """(3,) corner of an endplate's rim in the midline, own frame, mm."""
        posterior = (self.upper_depth_mm if upper else self.lower_depth_mm) / (-2 if front else 2)
        plane = self.upper_plane(posterior) if upper else self.lower_plane(posterior)
        return np.array([0.0, posterior, float(plane)])

    def wall_posterior(self, cranial: FloatArray) -> FloatArray:
        """Own posterior coordinate of the posterior wall in the midline, at own cranial coordinates, mm."""
        top, bottom = self.corner(upper=True), self.corner(upper=False)
        t = np.clip((np.asarray(cranial) - bottom[2]) / (top[2] - bottom[2]), 0.0, 1.0)
        return np.asarray(bottom[1] + t * (top[1] - bottom[1]) - self.hollow_mm * 4 * t * (1 - t))

    def wall(self, n: int = 17) -> FloatArray:
        """(n, 3) posterior wall in the midline from above downwards, corners included, world mm."""
        cranial = np.linspace(self.corner(upper=True)[2], self.corner(upper=False)[2], n)
        return self.to_world(np.column_stack([np.zeros(n), self.wall_posterior(cranial), cranial]))

    def to_world(self, own: FloatArray) -> FloatArray:
        """Points (..., 3) of the own frame to the world, mm."""
        return np.asarray(np.asarray(own) @ self.pose[:3, :3].T + self.pose[:3, 3])

    def to_own(self, world: FloatArray) -> FloatArray:
        """World points (..., 3) to the own frame, mm."""
        return np.asarray((np.asarray(world) - self.pose[:3, 3]) @ self.pose[:3, :3])

    def pedicle(self, side: Side) -> FloatArray:
        """(3,) middle of a pedicle where it is narrowest, own frame, mm."""
        sign = dict(SIDES)[side]
        cranial = self.pedicle_cranial_mm
        behind = float(self.wall_posterior(np.array(cranial))) + PEDICLE_BEHIND_MM
        return np.array([sign * (self.canal_width_mm + self.pedicle_width_mm) / 2, behind, cranial])


#: The narrowest part of a pedicle lies this far behind the posterior wall (from memory, unverified).
PEDICLE_BEHIND_MM = 4.0


@dataclass(frozen=True, eq=False)
class DiscPlan:
    """One disc.

    Attributes:
        spec: everything filled in.
        anterior_mm, posterior_mm: distance of the rims in the midline.
        pit_left_mm, pit_posterior_mm: where a Schmorl node lies, in the own frame of the body above.
    """

    level: Level
    spec: DiscSpec
    anterior_mm: float
    posterior_mm: float
    pit_left_mm: float = 0.0
    pit_posterior_mm: float = 0.0


@dataclass(frozen=True, eq=False)
class SacralSegment:
    """One of the five segments of the sacrum; S1's pose is that of its `VertebraPlan`.

    Attributes:
        pose: (4, 4) own frame (left, posterior, cranial) at the segment's centre to world.
        width_mm, depth_mm, height_mm: of its body, at its upper end.
        canal_depth_mm, canal_width_mm: of the sacral canal behind it.
    """

    name: str
    pose: FloatArray
    width_mm: float
    depth_mm: float
    height_mm: float
    canal_depth_mm: float
    canal_width_mm: float


@dataclass(frozen=True, eq=False)
class CanalPlan:
    """The bony canal, as seen from its anterior border in the midline.

    Attributes:
        front: (n, 3) the border (posterior walls and discs) from above downwards to the sacral hiatus, world mm,
            about 1 mm apart.
        depth_mm: (n,) from the border to the laminae.
        half_width_mm: (n,) from the midline to the pedicles (between them, to the facet joints).
        place: (n,) position along the vertebrae: n + 0.25 at the upper rim, n + 0.75 at the lower rim of vertebra n of
            `SpinePlan.vertebrae`, so that discs lie from n + 0.75 to n + 1.25.
    """

    front: FloatArray
    depth_mm: FloatArray
    half_width_mm: FloatArray
    place: FloatArray


@dataclass(frozen=True, eq=False)
class SpinePlan:
    """A spine in numbers.

    Attributes:
        spec: what was asked for, everything drawn filled in.
        vertebrae: T11 to the last lumbar body, then S1.
        discs: one below each vertebra but S1.
        sacrum: S1 to S5.
        canal: how the bony canal runs.
    """

    spec: SpineSpec
    vertebrae: tuple[VertebraPlan, ...]
    discs: tuple[DiscPlan, ...]
    sacrum: tuple[SacralSegment, ...]
    canal: CanalPlan

    @property
    def size(self) -> float:
        """Scale of this person's skeleton."""
        return float(self.spec.size or 1.0)

    def vertebra(self, name: str) -> VertebraPlan:
        return next(v for v in self.vertebrae if v.name == name)

    def disc(self, level: Level) -> DiscPlan:
        return next(d for d in self.discs if d.level == level)
