"""What lies before the spine: bowel with its walls, the vessels of its mesentery, lymph nodes and loose tissue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.phantom import Window
from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.spine.texture import Lumps
from resorb.simulation.spine.trunk import Trunk
from resorb.simulation.spine.vessels import AORTA, RANKS
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

SLAB_VOXELS = 10
#: The bowel lies in front of this distance before the posterior walls; its wall, in the units of the noise that the
#: loops are cut from; all of it from memory, unverified.
BOWEL_FRONT_MM, EDGE_MM, BOWEL_WALL = 56.0, 6.0, 0.42
GAS_ABOVE = 1.7  # standard deviations
#: Duodenum and pancreas cross before the great vessels: height (`trunk.RANKS`), right, front, half sizes, mm.
CROSSING = (
    (3.0, 2.0, 62.0, (46.0, 8.0, 11.0)),
    (1.3, -6.0, 84.0, (52.0, 9.0, 12.0)),
)
NODES, NODE_MM = 16, (1.8, 4.2)  # lymph nodes beside the great vessels, half sizes from memory, unverified
VESSEL_HALF = 0.13  # a mesenteric vessel runs where two noises are both this close to a value


def paint_belly(canvas: Canvas, trunk: Trunk, lumps: tuple[Lumps, Lumps]) -> None:
    """Bowel and the fat of the mesentery with its vessels, in front of the retroperitoneum."""
    y = canvas.fine.axes()[1]
    first = int(np.searchsorted(y, trunk.wall.min() + BOWEL_FRONT_MM * trunk.size - 8.0))
    if first >= canvas.shape[1]:
        return
    whole = (slice(0, canvas.shape[0]), slice(first, canvas.shape[1]), slice(0, canvas.shape[2]))
    yy = canvas.world(whole)[1]
    wall = trunk.wall.astype(np.float32)[None, None, :]
    edge = np.clip((yy - wall - np.float32(BOWEL_FRONT_MM * trunk.size)) / np.float32(EDGE_MM), -4.0, 0.15)
    for window in slabs(whole):
        loop, content = (lump.on(window) for lump in lumps)
        inner = loop + edge
        canvas.paint(window, inner > 0.0, Tissue.BOWEL, mix=_content(inner, content))
        canvas.paint(window, (inner > 2.0 * BOWEL_WALL) & (content > GAS_ABOVE), Tissue.AIR)
        vessel = (
            (np.abs(content) < VESSEL_HALF)
            & (np.abs(loop + np.float32(0.8)) < 2.0 * VESSEL_HALF)
            & (edge > 0.0)
        )
        canvas.paint(window, vessel, Tissue.VESSEL)


def _content(inner: Field, content: Field) -> NDArray[np.uint8]:
    """Share of what is bright in bowel: none in its wall, in each loop another amount inside."""
    filled = np.clip(inner / np.float32(BOWEL_WALL) - 0.6, 0.0, 1.0)
    return np.asarray(np.clip(filled * (70.0 + 75.0 * content), 0.0, 230.0).astype(np.uint8))


def paint_crossing(plan: SpinePlan, canvas: Canvas, trunk: Trunk, lumps: tuple[Lumps, Lumps]) -> None:
    """Duodenum and pancreas before the great vessels, and lymph nodes beside these."""
    for rank, right, front, size in CROSSING:
        middle = _at(trunk, rank, right, front)
        _paint_blob(canvas, middle, np.array(size) * trunk.size, lumps, Tissue.BOWEL, 60)
    rng = np.random.default_rng([plan.spec.seed, 28])
    for _ in range(NODES):
        rank, side = float(rng.uniform(0.3, 5.5)), float(rng.choice((-1.0, 1.0)))
        front = float(np.interp(rank, RANKS, AORTA["front"])) + float(rng.normal(0.0, 6.0))
        right = side * float(rng.uniform(14.0, 30.0)) if rng.random() < 0.7 else float(rng.normal(0.0, 2.5))
        half = rng.uniform(*NODE_MM) * np.array([1.0, 0.8, float(rng.uniform(1.0, 2.2))]) * trunk.size
        _paint_blob(canvas, _at(trunk, rank, right, front), half, lumps, Tissue.MUSCLE, 70)


def _at(trunk: Trunk, rank: float, right: float, front: float) -> FloatArray:
    """(3,) world point beside and before the posterior walls at a height."""
    k = int(np.argmin(np.abs(trunk.rank - rank)))
    return np.array([trunk.x[k] + right * trunk.size, trunk.wall[k] + front * trunk.size, trunk.z[k]])


def _paint_blob(
    canvas: Canvas,
    middle: FloatArray,
    half: FloatArray,
    lumps: tuple[Lumps, Lumps],
    tissue: Tissue,
    mix: int,
) -> None:
    """A lumpy ellipsoid, over fat only."""
    window = canvas.window(middle - 1.3 * half, middle + 1.3 * half)
    if any(part.stop <= part.start for part in window):
        return
    parts = [
        (axis - np.float32(centre)) / np.float32(size)
        for axis, centre, size in zip(canvas.world(window), middle, half, strict=True)
    ]
    shape = parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2 + np.float32(0.18) * lumps[0].on(window)
    content = np.clip(mix + 25.0 * lumps[1].on(window), 0, 200).astype(np.uint8)
    canvas.paint(window, shape < 1.0, tissue, mix=content, over=(Tissue.FAT,))


def slabs(window: Window) -> list[Window]:
    """A window in slabs small enough for the processor's cache."""
    x, y, z = window
    return [
        (slice(start, min(start + SLAB_VOXELS, x.stop)), y, z)
        for start in range(x.start, x.stop, SLAB_VOXELS)
    ]
