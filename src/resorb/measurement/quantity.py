"""Numbers with where they came from: how a measured value becomes a `Quantity`."""

from __future__ import annotations

from resorb.reading import Point, Quantity
from resorb.study import FloatArray

NOTHING = "nothing displaced"
DECIMALS, RATIO_DECIMALS = 3, 4


def measured(value: float, method: str, source: str, *, ratio: bool = False) -> Quantity:
    """A whole value."""
    digits = RATIO_DECIMALS if ratio else DECIMALS
    return Quantity(value=round(float(value), digits) + 0.0, method=method, source=source)  # no minus zero


def whole(value: float, cropped: bool, method: str, source: str) -> Quantity:
    """A quantity that needs the whole object: only a lower bound where the field cuts it."""
    if cropped:
        return Quantity(
            value=None, low=round(float(value), DECIMALS), method=method, source=source, reason="cropped"
        )
    return measured(value, method, source)


def known(value: float | None, why_not: str, method: str, source: str, *, ratio: bool = False) -> Quantity:
    """A value, or why there is none."""
    if value is None:
        return Quantity(value=None, method=method, reason=why_not)
    return measured(value, method, source, ratio=ratio)


def missing(reason: str, method: str = "") -> Quantity:
    """No value, and why."""
    return Quantity(value=None, method=method, reason=reason)


def point(world: FloatArray) -> Point:
    """World mm, as stored."""
    x, y, z = (round(float(v), DECIMALS) + 0.0 for v in world)
    return x, y, z
