"""What a picture holds, apart from how it is drawn: `Scene`. `svg` and `figure` draw the same scenes.

Every point is in mm from the top left corner of the scene: x towards posterior, y towards inferior.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from resorb.reporting.view import Rect
from resorb.study import FloatArray


class Kind(StrEnum):
    """What an outline surrounds."""

    BODY = "body"
    SAC = "sac"
    DISC = "disc"
    BEHIND = "behind"
    DISPLACED = "displaced"

    @property
    def words(self) -> str:
        """The entry of the legend."""
        return {
            Kind.BODY: "vertebra",
            Kind.SAC: "thecal sac",
            Kind.DISC: "disc",
            Kind.BEHIND: "bulge behind the line",
            Kind.DISPLACED: "displaced disc material",
        }[self]


@dataclass(frozen=True)
class Style:
    """How an outline is drawn: colour-blind safe, and told apart in grey by dash and hatch."""

    colour: str
    width_pt: float
    dash: tuple[float, ...] = ()
    fill: float = 0.0
    hatched: bool = False


#: Colours of Okabe and Ito, Color Universal Design (2008).
STYLES: dict[Kind, Style] = {
    Kind.BODY: Style("#FFFFFF", 0.7, (0.6, 2.2)),
    Kind.SAC: Style("#F0E442", 0.8, (4.0, 2.2)),
    Kind.DISC: Style("#56B4E9", 0.9),
    Kind.BEHIND: Style("#E69F00", 0.9, fill=0.15),
    Kind.DISPLACED: Style("#D55E00", 1.3, fill=0.35, hatched=True),
}
REFERENCE = Style("#FFFFFF", 1.2, (5.0, 2.0))
REFERENCE_WORDS = "reference line"


@dataclass(frozen=True, eq=False)
class Outline:
    """Closed loops (n, 2) around one structure; holes run the other way round."""

    kind: Kind
    loops: tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class Arrow:
    """From `tail` (2,) to `tip` (2,)."""

    tail: FloatArray
    tip: FloatArray

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(self.tip - self.tail))

    @property
    def angle_deg(self) -> float:
        """Clockwise on the screen, from pointing right."""
        x, y = self.tip - self.tail
        return float(np.degrees(np.arctan2(y, x)))


@dataclass(frozen=True)
class Name:
    """A short text centred at a point, or ending there (`end`)."""

    text: str
    x: float
    y: float
    end: bool = False


@dataclass(frozen=True, eq=False)
class Scene:
    """One sagittal picture.

    Attributes:
        width_mm, height_mm: its size.
        pixels: (rows, columns) uint8, windowed, square pixels that fill it.
        outlines: in the order of drawing.
        reference: (n, 2) trace of the reference surface, or None.
        arrow: points at the displaced material, or None.
        names: vertebrae or levels.
        box: the part that another scene shows, or None.
        letters: orientation at the left, right, top and bottom edge.
        alt: the picture in words.
        place: which slice it is, in words.
    """

    width_mm: float
    height_mm: float
    pixels: NDArray[np.uint8]
    outlines: tuple[Outline, ...]
    reference: FloatArray | None
    arrow: Arrow | None
    names: tuple[Name, ...]
    box: Rect | None
    letters: tuple[str, str, str, str]
    alt: str
    place: str

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of outline it holds, in the order of `Kind`."""
        present = {outline.kind for outline in self.outlines}
        return tuple(kind for kind in Kind if kind in present)
