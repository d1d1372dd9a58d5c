"""The shape of the thecal sac and of the cord in it, in canal coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, grey_closing

from resorb.simulation.spine.midline import STEP_MM, Midline
from resorb.simulation.spine.plan import SpinePlan
from resorb.study import FloatArray

#: Places count from the disc above S1 downwards, so that 0 is L5/S1, -1 L4/5, 0.5 the middle of S1.
#: Area, mm2. At L4/5 people without stenosis have 152 +- 54 (PMC5728944); the course along the canal is from
#: memory, unverified.
PLACES = (-7.0, -6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.5)
AREA_MM2 = (195.0, 205.0, 215.0, 205.0, 192.0, 178.0, 160.0, 128.0, 96.0, 70.0, 48.0, 34.0)
#: Front to back, mm, and how much narrower the back is than the front (0: an ellipse). From memory, unverified.
DEPTH_MM = (14.0, 14.3, 14.8, 14.2, 13.6, 13.0, 12.4, 10.6, 8.6, 7.0, 5.6, 4.6)
EGG = (0.3, 0.32, 0.33, 0.34, 0.36, 0.42, 0.5, 0.5, 0.42, 0.3, 0.1, 0.0)
#: Room in front of the dura for the longitudinal ligament and fat, mm, for usual fat. From memory, unverified.
FRONT_MM = (1.6, 1.6, 1.6, 1.6, 1.6, 1.7, 1.9, 4.0, 4.5, 3.2, 2.4, 1.6)
AREA_SPREAD, LEVEL_SPREAD = 0.16, 0.04  # standard deviations of the logarithm, between people and within one
LEAST_FRONT_MM, LEAST_BEHIND_MM, LEAST_BESIDE_MM = 1.6, 1.9, 1.4
LEAST_HALF_MM = 1.6
FLATTEST = 1.75  # width to depth: the roof of the canal is a gable, a flat sac would run into it
#: The sac ends behind S2, seldom S1 or S3; the conus between T12 and L2, in the mean behind L1/2 (from memory,
#: unverified); in places.
END_PLACE, END_SPREAD, END_LIMITS = 1.55, 0.3, (0.6, 2.7)
CONUS_PLACE, CONUS_SPREAD, CONUS_LIMITS = -4.25, 0.45, (-5.45, -3.3)
FULLER = 0.11  # of its area behind the middle of a body, where no disc presses; from memory, unverified
UNEVEN, UNEVEN_MM = 0.03, 5.0  # of its half axes, and the length of that; judged by eye beside real images
BRIDGED = 0.7  # of the hollows of the posterior walls
SLIP_PLACE, SLIP_REACH = 0.1, 0.25  # where a slip narrows the canal, from its disc downwards, in places
CORD_MM = (4.7, 3.8)  # half width and half depth of the lumbar enlargement; from memory, unverified
CONUS_MM = 34.0  # length over which it tapers; from memory, unverified


@dataclass(frozen=True, eq=False)
class Sac:
    """The sac's inner surface: at every mm along the midline an egg, W (1 - k Y) wide at Y = (behind - centre) / D.

    For any k its area is pi W D, as that of an ellipse.

    Attributes:
        along: (n,) mm, of the midline.
        left: (n,) middle, mm to the left.
        centre: (n,) middle, mm behind the anterior border.
        half_depth, half_width: (n,) D and W, mm.
        egg: (n,) k.
        end_mm: where along the midline it ends.
        conus_mm: where along the midline the cord ends.
        cord: (half width, half depth) of the cord above the conus, mm.
    """

    along: FloatArray
    left: FloatArray
    centre: FloatArray
    half_depth: FloatArray
    half_width: FloatArray
    egg: FloatArray
    end_mm: float
    conus_mm: float
    cord: tuple[float, float]

    @classmethod
    def of(cls, plan: SpinePlan, midline: Midline) -> Sac:
        """The sac of a planned spine, squeezed by its canal and its fat."""
        rng = np.random.default_rng([plan.spec.seed, 21])
        q = midline.place - (len(plan.vertebrae) - 1)
        size, fat = plan.size, float(plan.spec.epidural_fat or 0.0)
        tight = _fat_squeeze(q, fat)
        person = np.exp(AREA_SPREAD * np.clip(rng.standard_normal(), -1.8, 1.8))
        wave = np.exp(LEVEL_SPREAD * gaussian_filter1d(rng.standard_normal(len(q)), 12 / STEP_MM) * 6.0)
        fuller = 1.0 + 0.5 * FULLER * (1.0 - np.cos(2 * np.pi * q)) * (q < 0.5)
        share = float(plan.spec.canal_share or 1.0)
        area = np.interp(q, PLACES, AREA_MM2) * size**2 * person * min(share, 1.0) * wave * tight * fuller
        front = _front(midline, q, fat, size * min(share, 1.0))
        behind = (LEAST_BEHIND_MM + 0.5 * np.clip(4 * q, 0, 1) + fat) * min(share, 1.0) ** 2
        room = midline.depth_mm - front - behind - _slip_loss(plan, midline)
        wish = np.interp(q, PLACES, DEPTH_MM) * size * np.sqrt(person * wave * tight * fuller)
        half_depth = np.maximum(np.minimum(wish, room) / 2, LEAST_HALF_MM)
        beside = midline.half_width_mm - (LEAST_BESIDE_MM + 0.6 * fat) * min(share, 1.0)
        widest = np.minimum(beside, FLATTEST * half_depth)
        half_width = np.maximum(np.minimum(area / (np.pi * half_depth), widest), LEAST_HALF_MM)
        end = midline.along_at(len(plan.vertebrae) - 1 + _drawn(rng, END_PLACE, END_SPREAD, END_LIMITS))
        conus = midline.along_at(
            len(plan.vertebrae) - 1 + _drawn(rng, CONUS_PLACE, CONUS_SPREAD, CONUS_LIMITS)
        )
        sway = 0.6 * gaussian_filter1d(rng.standard_normal(len(q)), 20 / STEP_MM) * 8.0
        taper = np.clip((float(end) - midline.along) / 22.0, 0.12, 1.0) ** 0.5
        half_depth, half_width = half_depth * taper * _uneven(rng, q), half_width * taper * _uneven(rng, q)

        def smooth(values: FloatArray) -> FloatArray:
            return np.asarray(gaussian_filter1d(values, 3.0 / STEP_MM, mode="nearest"))

        return cls(
            along=midline.along,
            left=smooth(
                np.clip(sway, -1.0, 1.0) * np.clip((midline.half_width_mm - half_width) / 3.0, 0.0, 1.0)
            ),
            centre=smooth(front + half_depth),
            half_depth=smooth(half_depth),
            half_width=smooth(half_width),
            egg=np.interp(q, PLACES, EGG),
            end_mm=float(end),
            conus_mm=float(conus),
            cord=(CORD_MM[0] * size, CORD_MM[1] * size),
        )

    def at(self, values: FloatArray, along: FloatArray | float) -> FloatArray:
        """One of its courses, at places along the midline (mm)."""
        return np.asarray(np.interp(along, self.along, values))

    def area_mm2(self, along: FloatArray | float) -> FloatArray:
        """Cross-section at right angles to the canal."""
        area = np.pi * self.at(self.half_width, along) * self.at(self.half_depth, along)
        return np.asarray(np.where(np.asarray(along) < self.end_mm, area, 0.0))

    def inside(self, angle: FloatArray, radius: FloatArray, along: FloatArray) -> FloatArray:
        """Points (n, 3) in canal coordinates.

        Args:
            angle: (n,) radians from the back of the sac round by the left.
            radius: (n,) 0 in its middle, 1 on the dura.
            along: (n,) mm.
        """
        high = radius * np.cos(angle)
        width = self.at(self.half_width, along) * (1.0 - self.at(self.egg, along) * high)
        left = self.at(self.left, along) + width * radius * np.sin(angle)
        behind = self.at(self.centre, along) + self.at(self.half_depth, along) * high
        return np.column_stack([left, behind, along])

    def cord_half(self, along: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(half width, half depth, middle behind the border) of the cord, mm; 0 wide below the conus.

        The patient lies on the back: the conus sinks towards the back of the sac.
        """
        above = np.clip((self.conus_mm - np.asarray(along)) / CONUS_MM, 0.0, 1.0)
        share = np.sqrt(above) * (1.0 - 0.35 * (1.0 - above))
        depth = self.at(self.half_depth, along)
        half = np.minimum(self.cord[1], 0.62 * depth) * share
        wide = np.minimum(self.cord[0], 0.62 * self.at(self.half_width, along)) * share
        sink = (0.12 + 0.38 * (1.0 - above)) * (depth - half)
        return wide, half, self.at(self.centre, along) + sink


def _uneven(rng: np.random.Generator, q: FloatArray) -> FloatArray:
    """(n,) a little more or less than 1, and 1 at the discs."""
    noise = gaussian_filter1d(rng.standard_normal(len(q)), UNEVEN_MM / STEP_MM)
    return np.asarray(1.0 + UNEVEN * np.clip(noise / noise.std(), -2.0, 2.0) * np.sin(np.pi * q) ** 2)


def _drawn(rng: np.random.Generator, mean: float, spread: float, limits: tuple[float, float]) -> float:
    return float(np.clip(rng.normal(mean, spread), *limits))


def _slip_loss(plan: SpinePlan, midline: Midline) -> FloatArray:
    """Depth that the canal loses between the arch that slipped along with its vertebra and the body that did not."""
    loss = np.zeros_like(midline.place)
    for place, disc in enumerate(plan.discs, start=1):
        slip = plan.spec.slip_mm.get(disc.level, 0.0)
        middle = place + np.sign(slip) * SLIP_PLACE
        loss += abs(slip) * np.exp(-(((midline.place - middle) / SLIP_REACH) ** 2))
    return loss


def _fat_squeeze(q: FloatArray, fat: float) -> FloatArray:
    """Share of its area that the fat leaves the sac; lipomatosis is a disease of the lower canal."""
    usual = 1.06 - 0.12 * fat
    disease = 0.5 * np.clip((fat - 0.7) / 0.3, 0.0, 1.0) ** 1.5
    return np.asarray(usual * (1.0 - disease * np.clip((q + 4.5) / 2.5, 0.15, 1.0)))


def _front(midline: Midline, q: FloatArray, fat: float, size: float) -> FloatArray:
    """How far behind the border the dura's front lies: it bridges the hollows of the posterior walls."""
    extra = np.interp(q, PLACES, FRONT_MM) - LEAST_FRONT_MM
    gap = LEAST_FRONT_MM + extra * size * (0.45 + 1.1 * fat) + BRIDGED * _bridged(midline)
    return np.asarray(gaussian_filter1d(gap, 4.0 / STEP_MM, mode="nearest"))


def _bridged(midline: Midline) -> FloatArray:
    """Depth of the border's hollows under a line from disc to disc, mm."""
    course = gaussian_filter1d(midline.points[:, 1:], 20.0 / STEP_MM, axis=0, mode="nearest")
    behind = np.sum((midline.points[:, 1:] - course) * midline.normal, axis=1)
    return np.asarray(grey_closing(behind, size=int(30 / STEP_MM)) - behind)
