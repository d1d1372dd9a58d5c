"""What the receive coil sees, and what the saturation band in front of the spine takes away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.phantom import Phantom
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

Field = NDArray[np.float32]

#: A spine coil in the table: loops of this radius, in two columns, so far apart along the table (from memory).
LOOP_MM, COLUMN_MM, ROW_MM, BEHIND_SKIN_MM = 65.0, 65.0, 95.0, 12.0
ROWS = 3
#: The band begins this far in front of the vertebral bodies, as the technologist lays it, fades in over this
#: distance, and leaves this share of the signal.
BAND_BEFORE_MM, BAND_EDGE_MM, BAND_LEAVES = (7.0, 20.0), 4.0, 0.12


def sensitivity(phantom: Phantom, points: Field) -> Field:
    """Sensitivity (n,) of the coil at rest points (3, n), mm: root of the sum of squares of its loops.

    Each loop falls off with distance as the field on the axis of a current loop does, R^2 / (R^2 + d^2)^1.5.
    """
    behind = _skin(phantom) - BEHIND_SKIN_MM
    middle = np.mean([body.pose[:3, 3] for body in phantom.vertebrae.values()], axis=0)
    rows = middle[2] + ROW_MM * (np.arange(ROWS) - (ROWS - 1) / 2)
    total = np.zeros(points.shape[1], np.float32)
    for height in rows:
        for side in (-0.5, 0.5):
            loop = np.array([middle[0] + side * COLUMN_MM, behind, height], np.float32)
            away = np.square(points - loop[:, None]).sum(0)
            total += (LOOP_MM**2 / (LOOP_MM**2 + away) ** 1.5) ** 2
    return np.asarray(np.sqrt(total))


def band(phantom: Phantom, points: Field, before_mm: float) -> Field:
    """Share (n,) of the signal that a saturation band in front of the spine leaves at rest points (3, n), mm."""
    fronts = np.array(
        [body.upper_rim[np.argmax(body.upper_rim[:, 1])] for body in phantom.vertebrae.values()]
    )
    slope, level = np.polyfit(fronts[:, 2], fronts[:, 1], 1)
    beyond = float((fronts[:, 1] - slope * fronts[:, 2] - level).max())
    edge = slope * points[2] + level + beyond + before_mm
    inside = 1 / (1 + np.exp(np.clip((edge - points[1]) / BAND_EDGE_MM, -30, 30)))
    return np.asarray(1 - (1 - BAND_LEAVES) * inside, dtype=np.float32)


def _skin(phantom: Phantom) -> float:
    """Where the back ends, in the midline, world mm (y)."""
    around: FloatArray
    around = phantom.around.tissue[phantom.around.tissue.shape[0] // 2] != Tissue.AIR
    _, y, _ = phantom.around.axes()
    first = y[np.argmax(around, axis=0)][around.any(0)]
    return float(np.median(first)) if len(first) else float(y[0])
