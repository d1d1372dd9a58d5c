"""Shapes of closed form painted into the box spine, and poses of closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.simulation.phantom import Displaced, Phantom
from resorb.simulation.spec import HerniationSpec
from resorb.simulation.tissue import Tissue
from resorb.simulation.truth import LevelTruth, truth_of
from resorb.study import FloatArray
from tests.simulation import toy

L45 = Level("L4", "L5")
WINDOW = np.array([-36.0, -20.0, -22.0]), np.array([36.0, 20.0, 22.0])
ASKED = HerniationSpec(level=L45, type="extrusion", side="left")

#: Signed distance, mm, of world coordinates x (right), y (anterior), z (superior); negative inside.
Distance = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


@cache
def spine() -> Phantom:
    return toy.phantom(0.5)


def painted(
    shape: Distance, *, asked: HerniationSpec = ASKED, known: bool = True, into: Phantom | None = None
) -> Phantom:
    """The box spine with a shape added to the disc of a level; `known` says that its exact edge is told."""
    phantom = into or spine()
    fine = phantom.fine
    window = fine.window(*WINDOW)
    x, y, z = np.meshgrid(*fine.axes(window), indexing="ij", sparse=True)
    distance = np.asarray(shape(x, y, z), np.float32)
    inside = (distance < 0) & ~np.isin(phantom.anatomy[window] // 100, [1, 2, 3])
    tissue, anatomy = fine.tissue.copy(), phantom.anatomy.copy()
    tissue[window][inside] = Tissue.DISPLACED
    anatomy[window][inside] = anatomy_index(Structure.DISC, asked.level.upper)
    mix, number = np.zeros(distance.shape, np.uint8), len(phantom.displaced) + 1
    one = Displaced(asked.level, window, distance, mix, np.zeros(3), asked, number)
    displaced = (*phantom.displaced, one) if known else phantom.displaced
    return phantom.changed(replace(fine, tissue=tissue), anatomy, displaced, phantom.pushes)


def ellipsoid(centre: tuple[float, float, float], half: tuple[float, float, float]) -> Distance:
    """To first order in distance; exact in sign."""

    def distance(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        away = [(a - c) / h for a, c, h in zip((x, y, z), centre, half, strict=True)]
        radius = np.sqrt(sum(a**2 for a in away))
        slope = np.sqrt(sum((a / h) ** 2 for a, h in zip(away, half, strict=True)))
        return np.asarray((radius - 1.0) * radius / np.maximum(slope, 1e-6))

    return distance


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Distance:
    """Exact in sign, and beyond its faces."""

    def distance(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        sides = [np.maximum(lo - a, a - hi) for a, lo, hi in zip((x, y, z), low, high, strict=True)]
        return np.asarray(np.maximum(np.maximum(sides[0], sides[1]), sides[2]))

    return distance


def union(*shapes: Distance) -> Distance:
    return lambda x, y, z: np.minimum.reduce(np.broadcast_arrays(*(shape(x, y, z) for shape in shapes)))


@dataclass(frozen=True)
class Lying:
    """The whole patient moved rigidly."""

    matrix: FloatArray

    def vertebra(self, name: str) -> FloatArray:
        return self.matrix

    def to_rest(self, points: FloatArray) -> FloatArray:
        back = np.linalg.inv(self.matrix)
        return np.asarray(points @ back[:3, :3].T + back[:3, 3])


AT_REST = Lying(np.eye(4))


@dataclass(frozen=True)
class Stacked:
    """Vertebrae moved one by one; between the bodies, tissue follows the nearer one, blended over the disc's height."""

    moves: dict[str, FloatArray]

    def vertebra(self, name: str) -> FloatArray:
        return self.moves[name]

    def to_rest(self, points: FloatArray) -> FloatArray:
        heights = np.array([toy.middle_z(name) for name in toy.NAMES])
        edge = toy.BODY_MM / 2
        at, backs = [], []
        for name, height in zip(toy.NAMES, heights, strict=True):
            at += [height + edge, height - edge]
            backs += [np.linalg.inv(self.moves[name])] * 2
        place = np.interp(points[..., 2], at[::-1], np.arange(len(at))[::-1])
        low = np.clip(place.astype(int), 0, len(at) - 2)
        share = (place - low)[..., None]
        every = np.stack([points @ back[:3, :3].T + back[:3, 3] for back in backs])
        pick = np.take_along_axis(every, low[None, ..., None], axis=0)[0]
        after = np.take_along_axis(every, low[None, ..., None] + 1, axis=0)[0]
        return np.asarray((1 - share) * pick + share * after)


def truth(phantom: Phantom, level: Level = L45) -> LevelTruth:
    """Of one level at rest; the others are left out."""
    only = replace(phantom, discs={level: phantom.discs[level]})
    return truth_of(only, AT_REST).levels[0]
