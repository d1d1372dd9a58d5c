"""From a number and its limits to a class: which, how far from the nearest limit, and whether the error reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resorb.limits import Limits
from resorb.reading import Class

DECIMALS = 4  # of a margin


@dataclass(frozen=True)
class Scale:
    """Classes along one number.

    Attributes:
        what: the number in words, e.g. "share of the canal".
        unit: of it.
        bounds: increasing; a value up to a bound belongs to the class before it.
        names: of the classes, one more than bounds.
        rests_on: names of the limits that the bounds come from; all must be verified for the class to be.
    """

    what: str
    unit: str
    bounds: Sequence[float]
    names: Sequence[str]
    rests_on: Sequence[str] = ()


def decide(value: float, scale: Scale, limits: Limits, *, error: float = 0.0) -> Class:
    """The class of a value.

    Args:
        value: the number.
        scale: the classes.
        limits: says which limits are verified.
        error: half-width of the value's 95 % interval, in its unit; 0 where it is not known.
    """
    place = sum(value > bound for bound in scale.bounds)
    distances = [abs(value - bound) for bound in scale.bounds]
    at = distances.index(min(distances))
    return Class(
        value=scale.names[place],
        margin=rounded(distances[at]),
        unit=scale.unit,
        limit=f"{scale.what}: {scale.names[at]} up to {scale.bounds[at]:.3g}, then {scale.names[at + 1]}",
        verified=all(limits.entries[name].verified for name in scale.rests_on),
        near=distances[at] <= error if error > 0 else False,
    )


def with_error(one: Class, error: float) -> Class:
    """A class judged anew for nearness, once the error of its number is known (in the class's unit)."""
    near = one.margin is not None and error > 0 and one.margin <= error
    return one.model_copy(update={"near": near})


def rounded(margin: float) -> float:
    """A margin as it is stored."""
    return round(margin, DECIMALS) + 0.0  # no minus zero
