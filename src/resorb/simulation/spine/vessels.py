"""How the great vessels run before the spine, what they divide into, and the crura of the diaphragm beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from resorb.simulation.spine.tube import Tube
from resorb.study import FloatArray

#: By height as in `trunk.RANKS`, mm of a person of size 1. From memory, unverified; shapes after axial sections of
#: lumbar MRI. The aorta lies left of the midline and comes to it where it divides.
RANKS = (-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
AORTA = {  # lateral is to the left
    "lateral": (14.0, 13.5, 13.0, 12.5, 11.0, 7.5, 3.0),
    "front": (35.0, 40.0, 43.0, 45.0, 45.5, 45.0, 44.0),
    "radius": (10.0, 9.6, 9.2, 8.8, 8.4, 8.0, 8.0),
}
CAVA = {  # lateral is to the right
    "lateral": (20.0, 20.0, 19.0, 18.0, 17.0, 14.0, 11.0),
    "front": (54.0, 49.0, 46.5, 45.0, 44.0, 43.0, 42.0),
    "radius": (10.5, 10.5, 10.0, 9.5, 9.5, 9.5, 9.5),
}
#: Below where a great vessel divides, in vertebrae: how far its branches are from their middle, and in front of it.
DOWN = (-0.2, 0.0, 0.3, 1.0, 2.0, 3.0, 4.0)
ILIAC_LATERAL_MM = (0.5, 3.8, 9.5, 23.5, 37.5, 47.5, 53.5)
ILIAC_FRONT_MM = (0.0, 0.0, 0.2, 1.0, 9.0, 22.0, 30.0)
OPENS = 0.25  # vertebrae over which the great vessel gives way to its branches
ARTERY_RADIUS_MM, VEIN_RADIUS_MM = 5.2, 6.5
AORTA_DIVIDES, CAVA_BEGINS = 4.1, 4.8
WANDER_RANKS = 3.2  # vertebrae to one swing of a vessel to the side and back
#: The superior mesenteric artery and vein leave forwards and downwards: (rank, lateral to the right, front, radius).
MESENTERIC = (
    (
        (0.8, 1.2, 2.0, 3.0, 4.6),
        (1.5, 2.0, 3.0, 5.0, 11.0),
        (52.0, 58.0, 64.0, 70.0, 84.0),
        (3.0, 3.4, 3.2, 2.8, 0.0),
    ),
    (
        (0.8, 1.2, 2.0, 3.0, 4.6),
        (11.0, 11.0, 11.0, 13.0, 20.0),
        (70.0, 70.0, 72.0, 77.0, 90.0),
        (0.0, 5.0, 5.0, 4.2, 0.0),
    ),
)
#: The crura: lateral, front, half width and half depth; the right one reaches further down.
CRUS = {
    "lateral": (11.0, 11.0, 10.5, 10.0, 9.5),
    "front": (34.0, 35.5, 36.0, 35.5, 35.0),
    "half_width": (7.5, 6.5, 5.5, 4.0, 0.0),
    "half_depth": (7.0, 5.5, 4.0, 2.2, 0.0),
}
LEFT_CRUS_SHORTER = 0.8  # vertebrae


@dataclass(frozen=True)
class Course:
    """What differs between people in how their vessels lie.

    Width, shift to the right (mm), where they divide, and how far aorta and cava swing to the side (mm) and at what
    phase.
    """

    width: float
    shift_mm: float
    divides: float
    swing_mm: tuple[float, float]
    phase: tuple[float, float]

    @classmethod
    def draw(cls, rng: Generator, size: float) -> Course:
        """One person's; the swing grows with age, which is not known here."""
        width = float(np.clip(rng.normal(1.0, 0.07), 0.86, 1.15))
        shift, divides = float(rng.normal(0.0, 2.0)) * size, float(np.clip(rng.normal(0.0, 0.2), -0.4, 0.4))
        swing = np.clip(np.abs(rng.normal(0.0, (3.2, 1.2))), 0.8, 6.0) * size
        phase = rng.uniform(0.0, 2.0 * np.pi, 2)
        return cls(
            width, shift, divides, (float(swing[0]), float(swing[1])), (float(phase[0]), float(phase[1]))
        )


def great_vessels(
    x: FloatArray, wall: FloatArray, rank: FloatArray, size: float, course: Course
) -> list[Tube]:
    """Aorta on the left and vena cava on the right, what they divide into, and the mesenteric vessels.

    Args:
        x, wall, rank: (nz,) the midline, the posterior walls in it (world mm), and the place among the vertebrae.
    """
    tubes = _divided(x, wall, rank, size, course, artery=True) + _divided(
        x, wall, rank, size, course, artery=False
    )
    for ranks, lateral, front, radius in MESENTERIC:
        r = np.interp(rank, ranks, radius, left=0.0, right=0.0) * size * course.width
        middle = x + np.interp(rank, ranks, lateral) * size + course.shift_mm
        tubes.append(Tube(middle, wall + np.interp(rank, ranks, front) * size, r, r))
    return tubes


def _divided(
    x: FloatArray, wall: FloatArray, rank: FloatArray, size: float, course: Course, *, artery: bool
) -> list[Tube]:
    """A great vessel and its two branches, which open out of it like the legs of a Y."""
    table, side, flat = (AORTA, -1.0, 1.0) if artery else (CAVA, 1.0, 0.8)
    divides = (AORTA_DIVIDES if artery else CAVA_BEGINS) + course.divides
    upper = np.minimum(rank, divides)
    great = {key: np.interp(upper, RANKS, values) * size for key, values in table.items()}
    number = 0 if artery else 1
    swing = course.swing_mm[number] * np.sin(2 * np.pi * upper / WANDER_RANKS + course.phase[number])
    lateral = side * great["lateral"] + course.shift_mm + swing
    front = wall + great["front"] + 0.5 * np.abs(swing)
    down = rank - divides
    thick = great["radius"] * course.width * np.sqrt(np.clip((OPENS - down) / (2 * OPENS), 0.0, 1.0))
    tubes = [Tube(x + lateral, front, thick, thick * flat)]
    out, ahead = (np.interp(down, DOWN, row) * size for row in (ILIAC_LATERAL_MM, ILIAC_FRONT_MM))
    swell = np.interp(down, (-OPENS, 0.0, 2 * OPENS), (0.6, 1.05, 1.0))
    radius = (ARTERY_RADIUS_MM if artery else VEIN_RADIUS_MM) * size * course.width * swell
    r = np.where(down > -OPENS, radius, 0.0)
    y = front + ahead - (0.0 if artery else 6.0) * np.clip(down, 0.0, 1.0)
    share = np.clip(down / 1.5, 0.0, 1.0)  # both branches end equally far from the midline
    tubes += [Tube(x + (1.0 - share) * lateral + branch * out, y, r, r * flat) for branch in (-1.0, 1.0)]
    return tubes


def crura(x: FloatArray, wall: FloatArray, rank: FloatArray, size: float) -> tuple[Tube, Tube]:
    """The left and the right crus of the diaphragm, beside the aorta on the upper bodies."""

    def one(side: float, shift: float) -> Tube:
        row = {key: np.interp(rank + shift, RANKS[:5], values) * size for key, values in CRUS.items()}
        return Tube(x + side * row["lateral"], wall + row["front"], row["half_width"], row["half_depth"])

    return one(-1.0, LEFT_CRUS_SHORTER), one(1.0, 0.0)
