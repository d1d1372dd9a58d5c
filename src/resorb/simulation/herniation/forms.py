"""The forms of displaced material, as functions below 0 inside, of unrolled coordinates.

All are superquadrics: one exponent, the fullness, makes them slimmer or fuller without changing their
extents (2 is an ellipsoid). A smooth random bending of space makes them rounded rather than geometric.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from resorb.simulation.herniation.tables import Float32, waves

SLIMMEST, FULLEST = 1.4, 6.0
TAIL_MM = 3.0  # how far material reaches into the parent disc
LIFT_MM = 0.9  # the body of an extrusion stands this far off the disc's margin beside its neck
BLEND_MM = 0.8  # rounding between neck and body
BENDING = 0.07  # of the size: 1 sigma of the bending at roughness 1
_EXPONENTS = np.linspace(SLIMMEST - 0.3, FULLEST + 2.0, 200)
_SHARES = (gamma(1 + 1 / _EXPONENTS)) ** 3 / gamma(1 + 3 / _EXPONENTS)


@dataclass(frozen=True, eq=False)
class Space:
    """Points near a place, mm: `out` is positive away from the midline, `up` above the disc's middle there.

    Attributes:
        bend: offsets (mm) of the three coordinates.
    """

    out: Float32
    up: Float32
    behind: Float32
    bend: tuple[Float32, Float32, Float32]


@dataclass(frozen=True)
class Knobs:
    """What a form is made of, mm; they are turned until the form has the extents that were asked for.

    Attributes:
        out, up: where its middle lies.
        width, height, depth: of its bounding box, without bending.
        near: how far behind the reference surface its body begins.
        neck: width and height of the neck, and where its middle lies; zero for none.
        fullness: exponent of the superquadric.
    """

    out: float
    up: float
    width: float
    height: float
    depth: float
    near: float
    neck: float
    neck_height: float
    neck_up: float
    fullness: float


def share_of_box(fullness: float) -> float:
    """Volume of a superellipsoid as a share of its bounding box's: (Gamma(1+1/q))**3 / Gamma(1+3/q)."""
    return float(np.interp(fullness, _EXPONENTS, _SHARES))


def fullness_for(share: float) -> float:
    """The exponent that gives a share of the bounding box, within the limits of what looks natural."""
    return float(np.clip(np.interp(share, _SHARES, _EXPONENTS), SLIMMEST, FULLEST))


def bent(space: Space, knobs: Knobs, seed: int, roughness: float, standing: bool) -> Space:
    """The space with a smooth random bending, about one lobe long.

    Args:
        standing: of a dome, whose sections must shrink towards its apex: the bending is the same at
            every distance from the margin.
    """
    if roughness <= 0:
        return space
    size = (knobs.width, knobs.height, knobs.depth)
    at = [(space.out - knobs.out) / size[0], (space.up - knobs.up) / size[1]]
    at.append(np.zeros_like(space.behind) if standing else space.behind / size[2])
    scaled = [np.asarray(0.8 * part, np.float32) for part in at]
    longest = 2.0 * min(size)
    bend = tuple(
        np.asarray(
            roughness * BENDING * min(extent, longest) * np.tanh(0.7 * waves((seed, number), scaled)),
            np.float32,
        )
        for number, extent in enumerate(size)
    )
    return replace(space, bend=bend)  # type: ignore[arg-type]


def dome(space: Space, knobs: Knobs) -> Float32:
    """A bulge or protrusion: a height over the margin, so that every section is widest at its base."""
    u, v = _aside(space, knobs)
    depth = knobs.depth + space.bend[2]
    d = np.where(space.behind > 0, space.behind / depth, -space.behind / np.float32(TAIL_MM))
    return _ball((u, v, d), knobs.fullness) * np.float32(min(knobs.width / 2, knobs.height / 2, knobs.depth))


def ridge(space: Space, knobs: Knobs) -> Float32:
    """A bulge: a dome that goes on at nearly one depth along the margin."""
    u, v = _aside(space, knobs)
    depth = knobs.depth + space.bend[2]
    d = np.where(space.behind > 0, space.behind / depth, -space.behind / np.float32(TAIL_MM))
    return _ball((u * np.abs(u), v, d), knobs.fullness) * np.float32(min(knobs.height / 2, knobs.depth))


def fragment(space: Space, knobs: Knobs) -> Float32:
    """A free body between `near` and `depth`, flattened where it lies against the spine."""
    u, v = _aside(space, knobs)
    half = (knobs.depth - knobs.near) / 2
    d = (space.behind + space.bend[2] - np.float32(knobs.near + half)) / np.float32(half)
    body = _ball((u, v, d), knobs.fullness) * np.float32(min(knobs.width / 2, knobs.height / 2, half))
    return np.asarray(np.maximum(body, np.float32(knobs.near) - space.behind), np.float32)


def mushroom(space: Space, knobs: Knobs) -> Float32:
    """An extrusion: a body on a neck that reaches into the disc."""
    body = fragment(space, knobs)
    u = (space.out - np.float32(knobs.out)) / np.float32(knobs.neck / 2)
    v = (space.up - np.float32(knobs.neck_up)) / np.float32(knobs.neck_height / 2)
    column = (np.sqrt(u * u + v * v) - 1) * np.float32(min(knobs.neck, knobs.neck_height) / 2)
    middle = np.float32((knobs.near + knobs.depth) / 2)
    column = np.maximum(column, np.maximum(-TAIL_MM - space.behind, space.behind - middle))
    blend = np.maximum(BLEND_MM - np.abs(body - column), 0) / np.float32(BLEND_MM)
    return np.asarray(np.minimum(body, column) - blend * blend * np.float32(BLEND_MM / 4), np.float32)


def _aside(space: Space, knobs: Knobs) -> tuple[Float32, Float32]:
    return (
        (space.out + space.bend[0] - np.float32(knobs.out)) / np.float32(knobs.width / 2),
        (space.up + space.bend[1] - np.float32(knobs.up)) / np.float32(knobs.height / 2),
    )


def _ball(parts: tuple[Float32, ...], exponent: float) -> Float32:
    """Distance from the surface of a superquadric of semi-axes 1, 0 on it and -1 in its middle."""
    power = np.float32(exponent)
    total: NDArray[np.float32] = sum(np.power(np.abs(p) + np.float32(1e-6), power) for p in parts)  # type: ignore[assignment]
    return np.asarray(np.power(total, 1 / power) - 1, np.float32)
