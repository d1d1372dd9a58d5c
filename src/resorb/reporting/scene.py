"""What a picture holds, apart from how it is drawn: `Scene`. `svg` and `paper` draw the same scenes.

Every point is in mm from the top left corner of the scene: in a sagittal one x runs towards posterior and y towards
inferior, in an axial one x towards the patient's left and y towards posterior.
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
    BEFORE = "before"
    KEPT = "kept"
    LOST = "lost"
    GAINED = "gained"

    @property
    def words(self) -> str:
        """The entry of the legend."""
        return {
            Kind.BODY: "vertebra",
            Kind.SAC: "thecal sac",
            Kind.DISC: "disc",
            Kind.BEHIND: "bulge behind the line",
            Kind.DISPLACED: "displaced disc material",
            Kind.BEFORE: "where it was",
            Kind.KEPT: "there on both dates",
            Kind.LOST: "no longer there",
            Kind.GAINED: "newly there",
        }[self]


@dataclass(frozen=True)
class Style:
    """How an outline is drawn: colour-blind safe, and told apart in grey by dash and hatch.

    Attributes:
        hatch_deg: the way its hatch runs, from the horizontal anticlockwise; None for no hatch.
    """

    colour: str
    width_pt: float
    dash: tuple[float, ...] = ()
    fill: float = 0.0
    hatch_deg: int | None = None


#: Colours of Okabe and Ito, Color Universal Design (2008).
STYLES: dict[Kind, Style] = {
    Kind.BODY: Style("#FFFFFF", 0.7, (0.6, 2.2)),
    Kind.SAC: Style("#F0E442", 0.8, (4.0, 2.2)),
    Kind.DISC: Style("#56B4E9", 0.9),
    Kind.BEHIND: Style("#E69F00", 0.9, fill=0.15),
    Kind.DISPLACED: Style("#D55E00", 1.3, fill=0.35, hatch_deg=45),
    Kind.BEFORE: Style("#D55E00", 1.2, (3.0, 1.6)),
    Kind.KEPT: Style("#D55E00", 1.0, fill=0.45),
    Kind.LOST: Style("#009E73", 1.2, fill=0.30, hatch_deg=-45),
    Kind.GAINED: Style("#CC79A7", 1.2, fill=0.30, hatch_deg=90),
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
    """From `tail` (2,) to `tip` (2,); hollow where it points at what is no longer there."""

    tail: FloatArray
    tip: FloatArray
    hollow: bool = False

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
    """One sagittal or axial picture.

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
