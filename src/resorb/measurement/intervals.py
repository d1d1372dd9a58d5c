"""95 % intervals of measured quantities: how far the truth may lie below and above a value.

The outline of displaced material is uncertain by some part of a pixel, of a slice and of what the network doubts; that
edge times the size of the outline (its length for an area, its surface for a volume), a share of the value, and a
constant in which the error of the frame stands, make the reach to each side. The numbers, `intervals.toml`, are the
97.5 % quantiles of the errors on simulated studies (`benchmarks/intervals.py`): of true masks, and of the embedded
model. Where a person drew the mask, his own error comes on top and is not in the interval.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from resorb.anatomy import Anatomy
from resorb.reading import DiscReading, Herniation, PlaneExtent, Quantity, Reading
from resorb.study import FloatArray

#: An outline's size goes with this power of what it encloses; a length and a ratio have ends, whatever their size.
POWERS = {"_mm3": 2.0 / 3.0, "_mm2": 0.5}
#: Enclosing less than this, an outline is no shorter: what is seen as nothing may be a thin sheet.
SMALLEST = {"_mm3": 100.0, "_mm2": 25.0}
DECIMALS = 3
SIGNED = ("slip_mm",)


@dataclass(frozen=True)
class Seen:
    """What a quantity was measured on.

    Attributes:
        pixel_mm, slice_mm: of the sagittal series: in the slice, and from slice to slice.
        axial: axial slices helped.
        doubt: 1 less the level's confidence; 0 where that is unknown.
    """

    pixel_mm: float
    slice_mm: float
    axial: bool
    doubt: float


@dataclass(frozen=True)
class Reach:
    """How far the truth may lie to one side of a value; every number is 0 or more.

    Attributes:
        base: in the quantity's unit; the error of the frame is part of it.
        share: of the value.
        pixel, slice, axial, doubt: uncertainty of the edge in mm per mm of pixel, per mm of slice (without and with
            axial slices) and per unit of doubt; of a ratio in its own unit.
    """

    base: float
    share: float
    pixel: float
    slice: float
    axial: float
    doubt: float

    def of(self, name: str, value: float, seen: Seen) -> float:
        """The reach for a value, in its unit."""
        return sum(
            weight * size for weight, size in zip(self._weights(), terms(name, value, seen), strict=True)
        )

    def _weights(self) -> tuple[float, ...]:
        return self.base, self.share, self.pixel, self.slice, self.axial, self.doubt


def terms(name: str, value: float, seen: Seen) -> tuple[float, ...]:
    """What the numbers of a `Reach` are multiplied by, in their order.

    Args:
        name: of the quantity; its unit tells how its outline grows.
        value: in that unit.
        seen: what it was measured on.
    """
    unit = next((unit for unit in POWERS if name.endswith(unit)), "")
    outline = max(abs(value), SMALLEST[unit]) ** POWERS[unit] if unit else 1.0
    thick, crossed = (0.0, seen.slice_mm) if seen.axial else (seen.slice_mm, 0.0)
    return (
        1.0,
        abs(value),
        seen.pixel_mm * outline,
        thick * outline,
        crossed * outline,
        seen.doubt * outline,
    )


#: By what was measured ("disc.depth_mm", "herniation.axial.base_mm"): reach below and above.
Reaches = Mapping[str, tuple[Reach, Reach]]


def stored(path: Traversable) -> dict[str, tuple[str, Reaches]]:
    """What a file of this kind holds: per kind of masks, what it was calibrated on, and its reaches."""
    found: dict[str, tuple[str, Reaches]] = {}
    for part, entries in tomllib.loads(path.read_text("utf-8")).items():
        about = entries.pop("about")
        found[part] = (about, {n: (Reach(**s["below"]), Reach(**s["above"])) for n, s in entries.items()})
    return found


@cache
def calibrated(given: bool) -> Reaches:
    """The shipped reaches: of given masks, or of the embedded model's."""
    shipped = stored(resources.files("resorb.measurement").joinpath("intervals.toml"))
    return shipped["mask" if given else "model"][1]


def with_intervals(
    reading: Reading, anatomy: Anatomy, spacing_mm: FloatArray, table: Reaches | None = None
) -> Reading:
    """The reading with `low` and `high` of every quantity that has a value and was calibrated.

    Missing and cropped quantities stay as they are.

    Args:
        reading: what was measured.
        anatomy: what it was measured on; tells whether its masks were given, and how confident each level is.
        spacing_mm: (3,) of the sagittal series in sagittal order: from slice to slice, down, back.
        table: in place of the shipped one.
    """
    known = calibrated(anatomy.is_given) if table is None else table
    discs = tuple(_disc(disc, known, spacing_mm) for disc in reading.discs)
    return reading.model_copy(update={"discs": discs})


def _disc(disc: DiscReading, table: Reaches, spacing_mm: FloatArray) -> DiscReading:
    doubt = 0.0 if disc.confidence is None else 1.0 - disc.confidence
    seen = Seen(float(spacing_mm[1:].mean()), float(spacing_mm[0]), axial=False, doubt=doubt)
    herniations = tuple(_herniation(one, table, seen) for one in disc.herniations)
    own = {
        name: value for name in type(disc).model_fields if isinstance(value := getattr(disc, name), Quantity)
    }
    return disc.model_copy(update={**_all(own, "disc", table, seen), "herniations": herniations})


def _herniation(herniation: Herniation, table: Reaches, seen: Seen) -> Herniation:
    found: dict[str, object] = {}
    for name in type(herniation).model_fields:
        value = getattr(herniation, name)
        if isinstance(value, Quantity):
            found |= _all({name: value}, "herniation", table, seen)
        elif isinstance(value, PlaneExtent):
            ends = {"base_mm": value.base_mm, "extent_mm": value.extent_mm}
            found[name] = PlaneExtent(**_all(ends, f"herniation.{name}", table, seen))
    return herniation.model_copy(update=found)


def _all(quantities: Mapping[str, Quantity], whose: str, table: Reaches, seen: Seen) -> dict[str, Quantity]:
    return {
        name: quantity
        if (sides := table.get(f"{whose}.{name}")) is None
        else _bounded(name, quantity, sides, seen)
        for name, quantity in quantities.items()
    }


def _bounded(name: str, quantity: Quantity, sides: tuple[Reach, Reach], seen: Seen) -> Quantity:
    if quantity.value is None:
        return quantity
    own = Seen(seen.pixel_mm, seen.slice_mm, "axial" in quantity.source, seen.doubt)
    low = quantity.value - sides[0].of(name, quantity.value, own)
    high = quantity.value + sides[1].of(name, quantity.value, own)
    if name not in SIGNED:
        low = max(low, min(0.0, quantity.value))
    return quantity.model_copy(update={"low": round(low, DECIMALS), "high": round(high, DECIMALS)})
