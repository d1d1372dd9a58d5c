"""Where the muscles, vessels and the skin of the trunk lie at each height, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter1d

from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.spine.tube import Tube
from resorb.simulation.spine.vessels import Course, crura, great_vessels
from resorb.study import FloatArray

#: Heights of the tables below: 0 the middle of T12, 1 of L1, ... 5 of the last lumbar body, 6 of S1, 7 S2, 8 S3.
#: All sizes are mm of a person of size 1, from the midline of the posterior walls: lateral from it, `front` of it.
#: From memory, unverified; shapes after the axial sections of lumbar MRI.
RANKS = (-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
PSOAS = {
    "lateral": (21.0, 22.0, 25.5, 30.0, 36.0, 42.0, 46.0, 50.0, 54.0, 56.0),
    "front": (10.0, 9.0, 9.0, 11.0, 13.0, 18.0, 29.0, 48.0, 66.0, 76.0),
    "half_width": (0.5, 2.0, 5.5, 10.0, 14.5, 18.0, 19.0, 18.0, 16.0, 15.0),
    "half_depth": (1.0, 5.0, 9.0, 14.5, 19.0, 22.0, 22.0, 20.0, 18.0, 17.0),
}
QUADRATUS = {
    "lateral": (40.0, 44.0, 50.0, 56.0, 61.0, 65.0, 66.0, 66.0, 66.0, 66.0),
    "front": (-2.0, -3.0, -4.0, -5.0, -5.0, -5.0, -4.0, -4.0, -4.0, -4.0),
    "half_width": (5.0, 9.0, 13.0, 16.0, 18.0, 16.0, 4.0, 0.3, 0.3, 0.3),
    "half_depth": (2.0, 4.0, 5.0, 6.5, 8.0, 8.0, 3.0, 0.3, 0.3, 0.3),
}
KIDNEY = {
    "lateral": (54.0, 56.0, 60.0, 64.0, 66.0),
    "front": (6.0, 8.0, 11.0, 15.0, 18.0),
    "half_width": (0.0, 22.0, 26.0, 23.0, 0.0),
    "half_depth": (0.0, 19.0, 23.0, 20.0, 0.0),
}
#: The compartment of multifidus and erector spinae: its lateral border, its back in the midline, how far it bulges
#: behind that beside the midline, and the border between the two muscles at the fascia.
LATERAL_MM = (58.0, 62.0, 68.0, 74.0, 78.0, 76.0, 66.0, 52.0, 38.0, 28.0)
SACRAL_SPINES_MM = (40.0, 32.0, 24.0)  # S1, S2, S3; above, the fascia follows the processes themselves
BEHIND_SPINES_MM = 3.5
BULGE_MM = (6.0, 8.0, 10.0, 12.0, 12.0, 10.0, 7.0, 4.0, 2.0, 0.5)
MULTIFIDUS_MM = (9.0, 10.0, 12.0, 15.0, 19.0, 25.0, 33.0, 38.0, 34.0, 26.0)
FAT_MM = (9.0, 10.0, 11.0, 13.0, 16.0, 20.0, 25.0, 28.0, 28.0, 26.0)  # of a lean adult, behind the fascia
LEAST_FAT_MM = 5.0
ON_TABLE = 0.3  # how far the table under the patient straightens the back's skin
HALF_TRUNK_MM, DEEP_TRUNK_MM = 152.0, 118.0


@dataclass(frozen=True, eq=False)
class Trunk:
    """Sections of the trunk at the heights of a grid.

    Attributes:
        z: (nz,) world mm.
        rank: (nz,) where that is among the vertebrae, as in `RANKS`.
        x, wall: (nz,) the midline, and the posterior walls in it, world mm.
        lateral, spines, bulge, multifidus: (nz,) mm, see the tables.
        laminae: (nz,) mm from the posterior walls to the laminae.
        skin: (nz,) y of the back's skin in the midline, world mm.
        psoas, quadratus, kidneys: left, right.
        vessels: the great vessels and their branches.
        crura: of the diaphragm, left and right.
    """

    z: FloatArray
    rank: FloatArray
    x: FloatArray
    wall: FloatArray
    lateral: FloatArray
    spines: FloatArray
    bulge: FloatArray
    multifidus: FloatArray
    laminae: FloatArray
    skin: FloatArray
    psoas: tuple[Tube, Tube]
    quadratus: tuple[Tube, Tube]
    kidneys: tuple[Tube, Tube]
    vessels: tuple[Tube, ...]
    crura: tuple[Tube, Tube]
    size: float

    @classmethod
    def of(cls, plan: SpinePlan, z: FloatArray) -> Trunk:
        """The trunk of a planned spine at heights z (nz,)."""
        rng = np.random.default_rng([plan.spec.seed, 24])
        whole = _wall(plan)
        x, wall = np.interp(z, whole[:, 2], whole[:, 0]), np.interp(z, whole[:, 2], whole[:, 1])
        order = np.argsort(plan.canal.front[:, 2])
        front = plan.canal.front[order]
        rank = _rank(plan, z)
        size = plan.size
        person = _Person.draw(rng, size)

        def row(table: tuple[float, ...]) -> FloatArray:
            return np.asarray(np.interp(rank, RANKS[: len(table)], table) * size)

        muscle = person.muscle

        def pair(table: Mapping[str, tuple[float, ...]], shares: tuple[float, float]) -> list[Tube]:
            return [
                Tube(
                    x + side * (row(table["lateral"]) + (share - 1.0) * row(table["half_width"])),
                    wall + row(table["front"]) * person.front,
                    row(table["half_width"]) * share,
                    row(table["half_depth"]) * share,
                )
                for side, share in zip((-1.0, 1.0), shares, strict=True)  # the left is at -x
            ]

        psoas, quadratus = pair(PSOAS, muscle), pair(QUADRATUS, muscle)
        kidneys = pair(KIDNEY, (1.0, 0.96))
        return cls(
            z=z,
            rank=rank,
            x=x,
            wall=wall,
            lateral=row(LATERAL_MM),
            spines=_spines(plan, z),
            bulge=row(BULGE_MM) * float(np.mean(muscle)),
            multifidus=row(MULTIFIDUS_MM),
            laminae=np.interp(z, front[:, 2], plan.canal.depth_mm[order]),
            skin=_skin(whole, plan, person, z),
            psoas=(psoas[0], psoas[1]),
            quadratus=(quadratus[0], quadratus[1]),
            kidneys=(kidneys[0], kidneys[1]),
            vessels=tuple(great_vessels(x, wall, rank, size, person.vessels)),
            crura=crura(x, wall, rank, size),
            size=size,
        )


@dataclass(frozen=True)
class _Person:
    """What differs between people: muscles (left, right), fat under the skin, how the vessels lie."""

    muscle: tuple[float, float]
    fat: float
    front: float
    vessels: Course

    @classmethod
    def draw(cls, rng: Generator, size: float) -> _Person:
        """One person."""
        stout = float(np.clip(rng.normal(1.0, 0.09), 0.8, 1.2))
        uneven = float(rng.normal(0.0, 0.025))
        return cls(
            muscle=(stout * (1 + uneven), stout * (1 - uneven)),
            fat=float(np.clip(np.exp(rng.normal(0.05, 0.3)), 0.6, 1.8)),
            front=float(rng.normal(1.0, 0.05)),
            vessels=Course.draw(rng, size),
        )


def _wall(plan: SpinePlan) -> FloatArray:
    """(n, 3) the posterior walls in the midline, smoothed, from below upwards, world mm."""
    front = plan.canal.front
    smooth = np.column_stack([gaussian_filter1d(front[:, axis], 8.0, mode="nearest") for axis in range(3)])
    order = np.argsort(smooth[:, 2])
    return np.asarray(smooth[order])


def _rank(plan: SpinePlan, z: FloatArray) -> FloatArray:
    """(nz,) place among the vertebrae; 4 or 6 lumbar bodies are spread over the places of 5."""
    heights = [body.pose[2, 3] for body in plan.vertebrae] + [s.pose[2, 3] for s in plan.sacrum[1:3]]
    lumbar = len(plan.vertebrae) - 3
    ranks = [-1.0, 0.0, *np.linspace(1.0, 5.0, lumbar), 6.0, 7.0, 8.0]
    slope = (heights[0] - heights[1]) / (ranks[0] - ranks[1])
    known = np.interp(z, heights[::-1], ranks[::-1])
    return np.asarray(np.where(z > heights[0], ranks[0] + (z - heights[0]) / slope, known))


def _spines(plan: SpinePlan, z: FloatArray) -> FloatArray:
    """(nz,) how far behind the posterior walls the fascia lies in the midline: just behind the spinous processes."""
    sacral = np.array(SACRAL_SPINES_MM) * plan.size
    heights = [body.pose[2, 3] - 0.5 * body.height_mm for body in plan.vertebrae[:-1]]
    reach = [body.canal_depth_mm + body.spinous_mm + BEHIND_SPINES_MM for body in plan.vertebrae[:-1]]
    heights += [segment.pose[2, 3] for segment in plan.sacrum[:3]]
    reach += list(sacral)
    return np.asarray(gaussian_filter1d(np.interp(z, heights[::-1], reach[::-1]), 3.0, mode="nearest"))


def _skin(whole: FloatArray, plan: SpinePlan, person: _Person, z: FloatArray) -> FloatArray:
    """(nz,) the back's skin: the table under the patient makes it straighter than the spine."""
    heights = whole[:, 2]
    rank = _rank(plan, heights)
    fascia = whole[:, 1] - _spines(plan, heights)
    thick = np.interp(rank, RANKS, FAT_MM) * person.fat
    bulge = np.interp(rank, RANKS, BULGE_MM) * plan.size
    wish = fascia - bulge - thick
    inside = rank < 7.5
    slope, offset = np.polyfit(heights[inside], wish[inside], 1)
    table = offset + slope * heights
    skin = np.minimum((1.0 - ON_TABLE) * wish + ON_TABLE * table, fascia - bulge - LEAST_FAT_MM)
    return np.asarray(np.interp(z, heights, gaussian_filter1d(skin, 15.0, mode="nearest")))
