"""How much of a disc's circumference reaches beyond its rims."""

from __future__ import annotations

import numpy as np

from resorb.measurement.shape import FAR_MM, Shape
from resorb.measurement.surface import Surface

HEIGHTS = (0.2, 0.35, 0.5, 0.65, 0.8)  # between the rims, where the margin is probed
FEWEST = 0.6  # share of the circumference that must be seen


def share_beyond(surface: Surface, disc: Shape | None, floor_mm: float) -> float | None:
    """Share of the disc's circumference over which it reaches farther out than a floor, mm.

    None where the field shows too little of the circumference.
    """
    rims = surface.outlines
    if rims is None or disc is None:
        return None
    lower, upper = rims
    along = np.roll(upper[:-1], -1, axis=0) - np.roll(upper[:-1], 1, axis=0)
    outward = np.column_stack([-along[:, 1], along[:, 0], np.zeros(len(along))])
    outward *= np.sign(np.sum(outward * (upper[:-1] - upper[:-1].mean(axis=0)), axis=1).sum())
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    share = np.array(HEIGHTS)[None, :, None]
    points = lower[:-1, None] + (upper - lower)[:-1, None] * share + floor_mm * outward[:, None]
    distance = disc.at(surface.frame.to_world(points))
    weight = np.linalg.norm(along, axis=1)
    seen = (distance < FAR_MM).all(axis=1)
    if weight[seen].sum() < FEWEST * weight.sum():
        return None
    beyond = (distance < 0).any(axis=1) & seen
    return float(weight[beyond].sum() / weight[seen].sum())
