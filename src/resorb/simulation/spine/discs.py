"""Discs: lofted from rim to rim between two endplates, with annulus, nucleus and cartilage endplates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from resorb.simulation.phantom import Window
from resorb.simulation.spine.bodies import rim
from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.endplates import sunk
from resorb.simulation.spine.marbling import marbled
from resorb.simulation.spine.outline import between, blend, rim_share
from resorb.simulation.spine.plan import DiscPlan, VertebraPlan
from resorb.simulation.tissue import Tissue

CARTILAGE_MM = 0.55  # thickness of the cartilage endplate, which belongs to the disc
FISSURED, FISSURE_SHARE = (
    (3, 4),
    0.25,
)  # grades with a high-intensity zone, and how many; from memory, unverified
FRONT_BULGE = 0.7  # of the bulge behind, in front and at the sides
SPUR_FILLED = 0.5  # of the osteophytes' length in front and at the sides, bridged by bulging annulus
SPARED = (Tissue.CORTEX, Tissue.MARROW, Tissue.VEIN)


#: Where the nucleus ends in front, at the sides and behind, as shares of the way from the middle to the outline: the
#: annulus is about a third of the depth thick in front and thinner behind; from memory, unverified.
EDGES = (0.62, 0.70, 0.74)
FADE = 0.85  # of its square extent, over which the nucleus fades into the annulus
FLATTENED = 0.95  # how far the nucleus narrows to a lens: 0 a barrel that fills the height all the way
CLEFT_HALF = 0.11  # half thickness of the dark cleft, of half the height
SPREAD, EDGE_SD = 0.13, 0.06  # between discs of one grade: of the nucleus's brightness (log) and its extent


@dataclass(frozen=True)
class Look:
    """How a disc of one grade is built: shares of nucleus in 1/255 (Pfirrmann 2001, in words; numbers ours).

    Attributes:
        nucleus, annulus: share in the middle, and in the inner annulus.
        extent: of the nucleus, 1 in a healthy disc.
        cleft: share lost in the dark horizontal cleft of the middle; cleft_chance: how many discs have one.
        uneven: standard deviation of the texture as a share of the nucleus.
    """

    nucleus: float
    annulus: float
    extent: float
    cleft: float
    cleft_chance: float
    uneven: float


LOOKS = {
    1: Look(205, 34, 1.0, 0.20, 0.3, 0.04),
    2: Look(172, 28, 0.97, 0.42, 0.65, 0.07),
    3: Look(104, 24, 0.95, 0.35, 0.5, 0.22),
    4: Look(40, 15, 0.95, 0.0, 0.0, 0.50),
    5: Look(12, 7, 0.95, 0.0, 0.0, 0.60),
}


@dataclass(frozen=True, eq=False)
class Loft:
    """Where the voxels of a window lie between two endplates, each (x, y, z).

    Attributes:
        up: 0 at the lower rim's plane, 1 at the upper's.
        share: 0 in the middle to 1 on the rim-to-rim surface.
        outside: mm outside the rim-to-rim surface; negative inside.
        back: 1 straight behind the middle, -1 straight in front of it.
        aside: position to the left as a share of the half width.
        room: mm to the nearer endplate; negative in the bone.
        level: -1 at the lower endplate, 0 midway, 1 at the upper.
    """

    up: Field
    share: Field
    outside: Field
    back: Field
    aside: Field
    room: Field
    level: Field


def loft(canvas: Canvas, window: Window, upper: VertebraPlan, lower: VertebraPlan, disc: DiscPlan) -> Loft:
    """Interpolate between the lower rim of the body above and the upper rim of the body below."""
    left_a, back_a, up_a = canvas.local(window, upper.pose)
    left_b, back_b, up_b = canvas.local(window, lower.pose)
    under = np.float32(-upper.height_mm / 2) + np.float32(upper.tilt) * back_a - up_a
    over = up_b - np.float32(lower.height_mm / 2) + np.float32(lower.tilt) * back_b
    gap = np.maximum(under + over, np.float32(0.5))
    t = between(under, over)
    lean = (disc.anterior_mm - disc.posterior_mm) / (0.5 * (upper.lower_depth_mm + lower.upper_depth_mm))
    left = left_b + t * (left_a - left_b)
    back = back_b + t * (back_a - back_b) - np.float32(lean) * gap * t * (1 - t)  # straight from rim to rim
    width = blend(t, lower.upper_width_mm, upper.lower_width_mm)
    depth = blend(t, lower.upper_depth_mm, upper.lower_depth_mm)
    bean = blend(t, lower.bean_mm, upper.bean_mm)
    share, outside, behind = rim_share(left, back, width, depth, bean)
    to_upper = under + sunk(upper, disc, (left_a, back_a, share), upper=False)
    to_lower = over + sunk(lower, disc, (left_b, back_b, share), upper=True)
    level = np.asarray(
        (to_lower - to_upper) / np.maximum(to_lower + to_upper, np.float32(0.5)), dtype=np.float32
    )
    room = np.minimum(to_upper, to_lower)
    return Loft(t, share, outside, behind, left / (0.5 * width), room, level)


def paint_disc(
    canvas: Canvas, upper: VertebraPlan, lower: VertebraPlan, disc: DiscPlan, anatomy: int, seed: int
) -> None:
    """Paint one disc between bodies that are painted already; it takes what bone leaves free."""
    bulge = float(disc.spec.bulge_mm or 0.0)
    ends = np.concatenate([rim(upper, upper=False), rim(lower, upper=True)])
    window = canvas.about(
        ends,
        margin_mm=2.0 + bulge + float(disc.spec.schmorl_mm or 0.0) + float(disc.spec.osteophyte_mm or 0.0),
    )
    at = loft(canvas, window, upper, lower, disc)
    behind = np.square(np.maximum(at.back, 0.0))
    front = FRONT_BULGE * bulge + SPUR_FILLED * float(disc.spec.osteophyte_mm or 0.0)
    inside = at.outside <= (front + np.float32(bulge - front) * behind) * (4 * at.up * (1 - at.up))
    inside &= at.room > -canvas.pitch_mm
    rng = np.random.default_rng([seed, 4, disc.level.ordinal])
    mix = _nucleus(canvas, window, at, disc, rng)
    painted = canvas.paint(window, inside & ~_bone(canvas, window), Tissue.ANNULUS, mix=mix, anatomy=anatomy)
    cartilage = painted & (at.room < np.float32(CARTILAGE_MM)) & (at.share < np.float32(0.92))
    canvas.paint(window, cartilage, Tissue.ENDPLATE, anatomy=anatomy)


def _bone(canvas: Canvas, window: Window) -> NDArray[np.bool_]:
    return np.isin(canvas.fine.tissue[window], [int(t) for t in SPARED])


def _nucleus(canvas: Canvas, window: Window, at: Loft, disc: DiscPlan, rng: Generator) -> NDArray[np.uint8]:
    """Share of nucleus, 1/255: high in the middle, falling through the inner annulus, none in the outer."""
    look = LOOKS[int(disc.spec.grade or 1)]
    coarse, fine = marbled(canvas, window, 7.0, rng), marbled(canvas, window, 2.5, rng)
    bright, extent, shift = rng.normal(0.0, SPREAD), rng.normal(1.0, EDGE_SD), rng.normal(0.0, 0.12)
    core = _lens(at, np.float32(look.extent) * (np.float32(extent) + 0.07 * coarse + 0.03 * fine), shift)
    inner = _step((0.92 - at.share) / 0.34)
    lamella = 1 + 0.35 * np.sin(np.float32(2 * np.pi / 0.07) * at.share + coarse)
    mix = core * np.float32(look.nucleus * np.exp(bright)) * (1 + np.float32(look.uneven) * (coarse + fine))
    if rng.random() < look.cleft_chance:
        lost = np.float32(look.cleft * rng.uniform(0.5, 1.1)) * np.clip(0.9 + 0.4 * fine, 0.0, 1.2)
        height = at.level - np.float32(shift) + 0.12 * coarse
        mix *= 1 - lost * np.exp(-np.square(height * np.float32(1 / CLEFT_HALF))) * (at.share < 0.6)
    mix += (1 - core) * inner * look.annulus * lamella
    if disc.spec.grade in FISSURED and rng.random() < FISSURE_SHARE:
        mix += _fissure(at, rng)
    if disc.spec.schmorl_mm:
        mix *= np.where(at.up > 1, np.float32(0.6), np.float32(1.0))
    return np.asarray(np.clip(mix, 0, 255), dtype=np.uint8)


def _lens(at: Loft, extent: Field, shift: float) -> Field:
    """1 in the nucleus, 0 in the annulus: a lens between the endplates that fades at its border."""
    front, side, behind = (np.float32(edge) for edge in EDGES)
    ahead, back = np.square(np.minimum(at.back, 0.0)), np.square(np.maximum(at.back, 0.0))
    edge = (side + ahead * (front - side) + back * (behind - side)) * extent
    square = np.square(at.share / edge) + np.float32(FLATTENED) * np.square(at.level - np.float32(shift) / 2)
    return _step((1 + FADE / 2 - square) / FADE)


def _fissure(at: Loft, rng: Generator) -> Field:
    """A high-intensity zone: a bright cleft in the posterior outer annulus, along the outline."""
    height, aside = rng.uniform(0.3, 0.7), rng.uniform(-0.5, 0.5)
    away = (
        np.square((at.share - 0.88) / 0.05)
        + np.square((at.up - height) / 0.16)
        + np.square((at.aside - aside) / 0.22)
    )
    return np.asarray(np.where(at.back > 0, 200 * np.exp(-away), 0.0), dtype=np.float32)


def _step(t: NDArray[np.floating]) -> Field:
    t = np.clip(t, 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
