"""Bony landmarks of a level: the facets' medial edges and the pedicles' borders, from its vertebrae."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Pedicle:
    """Borders of one pedicle in the level's frame: medial and lateral (left, mm), bottom and top (cranial, mm)."""

    medial_mm: float
    lateral_mm: float
    bottom_mm: float
    top_mm: float


@dataclass(frozen=True)
class Landmarks:
    """Facets and pedicles of a level, in its local mm.

    Attributes:
        facets: medial edges of the left and the right facet joint, each (left, posterior); None where unknown.
        pedicles: by vertebra and side.
        edges_mm: (medial, lateral) border of the pedicles from the midline, where no pedicle was seen.
        source: where they were found, in words.
        rests_on: names of the limits that were used in place of what was not seen.
    """

    facets: tuple[tuple[float, float], tuple[float, float]] | None
    pedicles: dict[tuple[str, Side], Pedicle] = field(default_factory=dict)
    edges_mm: tuple[float, float] | None = None
    source: str = "facets and pedicles"
    rests_on: tuple[str, ...] = ()

    def facet_mm(self, side: Side) -> float | None:
        """Distance of the facet's medial edge from the midline on a side."""
        return None if self.facets is None else abs(self.facets[0 if side == "left" else 1][0])

    def border_mm(self, side: Side, place: Literal[0, 1]) -> float | None:
        """Medial (0) or lateral (1) border of the pedicles on a side, from the midline; mean of both vertebrae."""
        found = [
            abs(one.lateral_mm if place else one.medial_mm)
            for (_, where), one in self.pedicles.items()
            if where == side
        ]
        if not found:
            return None if self.edges_mm is None else self.edges_mm[place]
        return sum(found) / len(found)

    def heights_mm(self, vertebra: str) -> tuple[float, float] | None:
        """(bottom, top) of a vertebra's pedicles, mean of both sides."""
        found = [one for (name, _), one in self.pedicles.items() if name == vertebra]
        if not found:
            return None
        return sum(p.bottom_mm for p in found) / len(found), sum(p.top_mm for p in found) / len(found)
