"""Three ways a herniation may shrink, as closed formulas for what serial MRI would show (docs/mechanism.md).

No published kinetic model of resorption was found; these are new, reduced to what can be compared with measurements,
and every one of their parameters has a stated prior. The displaced material is taken as an ellipsoid cut off by the
reference surface: `Shape`. Each mechanism gives every quantity as a ratio to its value on the first date; mechanisms
that act together multiply. Arrays are (n, t): n sets of parameters, t dates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from resorb.study import FloatArray

DAYS_PER_MONTH = 30.4375  # mean of the Gregorian calendar

VOLUME, T2_RATIO, CONTACT = "volume_mm3", "t2_ratio", "contact_mm2"
DEPTH, WIDTH, HEIGHT, CENTRE, PARENT = "depth_mm", "width_mm", "height_mm", "centre_mm", "parent_mm3"
#: What the models predict. `centre_mm`: how far the middle of the material lies behind the reference surface;
#: `parent_mm3`: the disc without what is displaced of it.
QUANTITIES = (VOLUME, T2_RATIO, CONTACT, DEPTH, WIDTH, HEIGHT, CENTRE, PARENT)
THIN = 0.05  # of the widest section: what a base is taken for at least, so that its ratio stays finite
#: Of material without its depth, width or height: a half sphere of the same volume.
ROUND = (2.0 * math.pi / 3.0) ** (1.0 / 3.0)
#: Share of the box around it that a free fragment fills: somewhat more than an ellipsoid does (0.52).
FULL = 0.6

Parameters = Mapping[str, FloatArray]
Ratios = dict[str, FloatArray]


class Mechanism(StrEnum):
    """Why a herniation may shrink; the three that are proposed."""

    RETRACTION = "retraction"
    DEHYDRATION = "dehydration"
    DEGRADATION = "degradation"


@dataclass(frozen=True)
class Shape:
    """The displaced material on the first date: an ellipsoid, cut off where it passes the reference surface.

    Attributes:
        depth_mm, width_mm, height_mm: its extents behind the reference surface.
        neck: how far its middle lies behind the reference surface, as a share of its semi-axis there: 0 for a dome
            whose base is its widest part, 1 for a fragment that only touches its disc.
        thick_mm: its extent at right angles to the reference surface; None where it reaches from there to its depth.
        free: it has lost all continuity with its disc, and may lie a little behind it.
        displaced_share: its volume as a share of that of the rest of the disc.
    """

    depth_mm: float
    width_mm: float
    height_mm: float
    neck: float
    thick_mm: float | None = None
    free: bool = False
    displaced_share: float = 0.05

    @classmethod
    def of(cls, first: Mapping[str, float], *, free: bool = False) -> Shape:
        """From what was measured on the first date; what is missing is that of a half sphere.

        Args:
            first: by the names of `QUANTITIES`; the volume must be there.
            free: no continuity with the disc was seen.

        Raises:
            ValueError: there is no volume.
        """
        volume = first[VOLUME]
        if volume <= 0:
            raise ValueError("nothing is displaced on the first date")
        radius = volume ** (1.0 / 3.0) / ROUND
        depth = max(first.get(DEPTH, radius), 0.5)
        width, height = (max(first.get(name, 2 * radius), 1.0) for name in (WIDTH, HEIGHT))
        widest = math.pi / 4.0 * width * height
        contact = 0.0 if free else first.get(CONTACT, widest)
        return cls(
            depth_mm=depth,
            width_mm=width,
            height_mm=height,
            neck=1.0 if free else math.sqrt(1.0 - min(max(contact / widest, 0.0), 1.0)),
            thick_mm=min(volume / (FULL * width * height), depth) if free else None,
            free=free,
            displaced_share=volume / first[PARENT] if first.get(PARENT, 0.0) > 0 else 0.05,
        )

    @property
    def half_depth_mm(self) -> float:
        """The semi-axis at right angles to the reference surface."""
        return (self.thick_mm or self.depth_mm) / (1.0 + self.neck)

    @property
    def middle_mm(self) -> float:
        """How far the ellipsoid's middle lies behind the reference surface."""
        return self.depth_mm - self.half_depth_mm

    @property
    def axes_mm(self) -> tuple[float, float, float]:
        """The three semi-axes: across, along the spine, at right angles to the reference surface."""
        return 0.5 * self.width_mm, 0.5 * self.height_mm, self.half_depth_mm

    def section(self, height_mm: FloatArray) -> FloatArray:
        """Area of the section at a height above the reference surface, as a share of the widest one."""
        return np.asarray(1.0 - ((height_mm - self.middle_mm) / self.half_depth_mm) ** 2)


def predict(mechanisms: Iterable[Mechanism], shape: Shape, given: Parameters, months: FloatArray) -> Ratios:
    """Every quantity as a ratio to the first date, where the mechanisms act together.

    Args:
        mechanisms: none of them: nothing changes.
        given: (n,) per parameter of `priors.toml`.
        months: (t,) since the first date.

    Returns:
        (n, t) per quantity.
    """
    count = next(iter(given.values())).shape[0]
    whole = {name: np.ones((count, len(months))) for name in QUANTITIES}
    for mechanism in mechanisms:
        for name, ratio in _OF[mechanism](shape, given, months).items():
            whole[name] = whole[name] * ratio
    return whole


def retracted(shape: Shape, way_mm: FloatArray, gain: FloatArray) -> Ratios:
    """Material drawn back through its neck: what passes the reference surface is disc again, the rest keeps its shape.

    Args:
        way_mm: (n, t) how far it was drawn back.
        gain: (n, 1) the share of what went back by which the parent disc grows.
    """
    way = np.clip(way_mm, 0.0, shape.depth_mm)
    whole = _behind(shape, np.zeros(1))
    volume = _behind(shape, way) / whole
    section = np.maximum(shape.section(way), 0.0)
    widest = np.sqrt(np.where(way < shape.middle_mm, 1.0, section))
    nearer = 1.0 - way / shape.depth_mm
    return {
        VOLUME: volume,
        # The base of a thin neck may widen as the body passes it, but to no more than the body's own section.
        CONTACT: np.maximum(section, THIN) / max(float(shape.section(np.zeros(1))[0]), THIN),
        DEPTH: nearer,
        WIDTH: widest,
        HEIGHT: widest,
        CENTRE: nearer,
        PARENT: 1.0 + gain * shape.displaced_share * (1.0 - volume),
    }


def shrunk(shape: Shape, volume: FloatArray, signal: FloatArray) -> Ratios:
    """Material that lost water: every length shrinks alike, towards the neck (a free fragment, towards its middle).

    Args:
        volume, signal: (n, t) what is left of the volume and of the T2 ratio.
    """
    scale = np.cbrt(volume)
    middle = shape.middle_mm / shape.depth_mm if shape.free else 0.0
    depth = middle + (1.0 - middle) * scale
    centre = np.ones_like(scale) if shape.free else scale
    return {
        VOLUME: volume,
        T2_RATIO: signal,
        CONTACT: scale**2,
        DEPTH: depth,
        WIDTH: scale,
        HEIGHT: scale,
        CENTRE: centre,
    }


def eroded(shape: Shape, layer_mm: FloatArray, resistant: FloatArray, rim: FloatArray) -> Ratios:
    """Material whose exposed surface was taken off: every exposed semi-axis loses the same layer.

    With equal semi-axes this is the linear fall of volume^(1/3).

    Args:
        layer_mm: (n, t) how thick a layer.
        resistant: (n, 1) the share of the volume, cartilage above all, that is not taken.
        rim: (n, 1) by how much the T2 ratio has changed when all is gone (a bright rim, a dark rest).
    """
    wide, high, deep = (np.maximum(1.0 - layer_mm / axis, 0.0) for axis in shape.axes_mm)
    volume = resistant + (1.0 - resistant) * wide * high * deep
    # Where a part resists, lengths fall no further than those of that part.
    least = np.cbrt(resistant)
    wide, high = np.maximum(wide, least), np.maximum(high, least)
    middle = shape.middle_mm / shape.depth_mm if shape.free else 0.0
    depth = np.maximum(1.0 - layer_mm / shape.depth_mm, middle + (1.0 - middle) * least)
    base = math.sqrt(max(1.0 - shape.neck**2, 0.05))
    across, along = (np.maximum(1.0 - layer_mm / (axis * base), least) for axis in shape.axes_mm[:2])
    return {
        VOLUME: volume,
        T2_RATIO: 1.0 + rim * (1.0 - volume),
        CONTACT: across * along,
        DEPTH: depth,
        WIDTH: wide,
        HEIGHT: high,
        CENTRE: depth,
    }


def way_mm(shape: Shape, given: Parameters, months: FloatArray) -> FloatArray:
    """(n, t) how far material was drawn back: creep towards a final position, at once, faster at first."""
    reach = _column(given, "retraction_reach") * shape.depth_mm
    return np.asarray(reach * -np.expm1(-_column(given, "retraction_rate") * months))


def layer_mm(given: Parameters, months: FloatArray) -> FloatArray:
    """(n, t) layer taken off: nothing until vessels and cells have come, then at a constant speed."""
    acting = np.maximum(months - _column(given, "erosion_lag"), 0.0)
    return np.asarray(_column(given, "erosion_speed") * acting)


def water_volume(given: Parameters, months: FloatArray) -> FloatArray:
    """(n, t) what is left of the volume while water leaves, first order."""
    lost = -np.expm1(-_column(given, "dehydration_rate") * months)
    return np.asarray(1.0 - _column(given, "water_share") * lost)


def _retraction(shape: Shape, given: Parameters, months: FloatArray) -> Ratios:
    return retracted(shape, way_mm(shape, given, months), _column(given, "parent_gain"))


def _dehydration(shape: Shape, given: Parameters, months: FloatArray) -> Ratios:
    # Free water gives most of the signal and leaves first: T2 falls ahead of the volume.
    rate = _column(given, "dehydration_rate") * _column(given, "signal_lead")
    signal = 1.0 + _column(given, "signal_loss") * np.expm1(-rate * months)
    return shrunk(shape, water_volume(given, months), signal)


def _degradation(shape: Shape, given: Parameters, months: FloatArray) -> Ratios:
    resistant, rim = _column(given, "resistant_share"), _column(given, "rim_signal")
    return eroded(shape, layer_mm(given, months), resistant, rim)


def _column(given: Parameters, name: str) -> FloatArray:
    return np.asarray(given[name])[:, None]


def _behind(shape: Shape, height_mm: FloatArray) -> FloatArray:
    """Volume above a height, in units of the widest section times mm."""
    c, z = shape.half_depth_mm, shape.middle_mm
    top, low = c, height_mm - z
    return np.asarray((top - low) - (top**3 - low**3) / (3.0 * c**2))


_OF = {
    Mechanism.RETRACTION: _retraction,
    Mechanism.DEHYDRATION: _dehydration,
    Mechanism.DEGRADATION: _degradation,
}
