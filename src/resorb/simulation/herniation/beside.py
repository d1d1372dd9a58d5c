"""Material beside material: two herniations meet, they do not overlap."""

from __future__ import annotations

import numpy as np

from resorb.errors import UsageError
from resorb.simulation.herniation.margin import Margin
from resorb.simulation.herniation.tables import Float32
from resorb.simulation.herniation.volume import displaced_cells
from resorb.simulation.phantom import Displaced, Phantom, Window

OVERLAP = 0.05  # share of the new material's displaced volume that may be cut off it
FAR_MM = 1e3


def cut_off(
    phantom: Phantom, margin: Margin, window: Window, distance: Float32, beside: tuple[Displaced, ...]
) -> Float32:
    """New material without what earlier material takes.

    Args:
        phantom: the spine at rest.
        margin: of the new material's disc.
        window, distance: the new material, as in `Displaced`.
        beside: the earlier material.

    Returns:
        Signed distance on the same window.

    Raises:
        UsageError: more than a small part of it would be cut off.
    """
    cells = displaced_cells(phantom, margin, window, distance)
    taken = 0.0
    for earlier in beside:
        other = _on(window, earlier)
        if not ((other < 0) & (distance < 0)).any():
            continue
        covered = np.clip(0.5 - other[cells.index] / np.float32(cells.pitch_mm), 0, 1)
        taken += float(np.minimum(cells.share, covered).sum(dtype=np.float64)) * cells.pitch_mm**3
        if taken > OVERLAP * cells.volume_mm3:
            raise UsageError(
                f"there is a herniation already at {_place(earlier)}: give another side, zone or level"
            )
        distance = np.maximum(distance, -other)
    return distance


def _on(window: Window, earlier: Displaced) -> Float32:
    """Signed distance to earlier material on another window; far away where it was not drawn."""
    distance = np.full([part.stop - part.start for part in window], FAR_MM, np.float32)
    here, there = [], []
    for own, of in zip(window, earlier.window, strict=True):
        start, stop = max(own.start, of.start), max(own.start, of.start, min(own.stop, of.stop))
        here.append(slice(start - own.start, stop - own.start))
        there.append(slice(start - of.start, stop - of.start))
    if all(part.stop > part.start for part in here):
        distance[tuple(here)] = earlier.distance[tuple(there)]
    return distance


def _place(earlier: Displaced) -> str:
    words = (str(earlier.level), earlier.spec.side or "", earlier.spec.zone)
    return " ".join(word for word in words if word)
