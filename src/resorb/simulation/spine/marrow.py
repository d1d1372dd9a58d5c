"""The marrow of a vertebral body: its share of fat, mottled, banded and patched."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from resorb.simulation.phantom import Window
from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.marbling import marbled
from resorb.simulation.spine.plan import DiscPlan, VertebraPlan

#: Grain in mm, and standard deviation of the fat share in marrow that is half fat; ours, by eye.
GRAINS = ((7.0, 0.075), (2.4, 0.07), (1.1, 0.11))
WATER_SHARE = 0.16  # of the signal of fat comes from as much water: texture grows with what is seen
BAND_MM = (2.5, 7.0)  # how far a band along an endplate reaches
HAEMANGIOMA_CHANCE, ISLAND_CHANCE = (
    0.07,
    0.12,
)  # in one body; about a tenth of people; from memory, unverified
MODIC_DARK_CHANCE = (
    0.2  # of a change next to a worn disc to be sclerotic instead of fatty; from memory, unverified
)
WORN_GRADE = 4


def fat_share(
    canvas: Canvas, window: Window, body: VertebraPlan, discs: tuple[DiscPlan | None, DiscPlan | None]
) -> NDArray[np.uint8]:
    """Share of fat in the marrow of a body, 1/255, on a window.

    Args:
        discs: above and below.
    """
    rng = np.random.default_rng([body.form.seed, 3])
    fat = np.full([part.stop - part.start for part in window], body.form.marrow_fat, np.float32)
    strength = body.form.mottled * (body.form.marrow_fat + WATER_SHARE) / (0.5 + WATER_SHARE)
    for grain, deviation in GRAINS:
        fat += np.float32(deviation * strength) * marbled(canvas, window, grain, rng)
    left, posterior, cranial = canvas.local(window, body.pose)
    patch = marbled(canvas, window, 9.0, rng)
    fat += _about_vein(body, left, posterior, cranial, rng)
    slope, half = np.float32(body.tilt) * posterior, np.float32(body.height_mm / 2)
    for disc, sign in zip(discs, (1.0, -1.0), strict=True):
        away = half - slope - np.float32(sign) * cranial
        fat += _along_endplate(away, patch, disc, rng)
    for chance, low, high in ((HAEMANGIOMA_CHANCE, 0.25, 0.5), (ISLAND_CHANCE, -0.2, -0.05)):
        if rng.random() < chance:
            fat += np.float32(rng.uniform(low, high)) * _ball(body, (left, posterior, cranial), rng)
    return np.asarray(np.clip(fat, 0.02, 0.98) * 255, dtype=np.uint8)


def _along_endplate(away: Field, patch: Field, disc: DiscPlan | None, rng: Generator) -> Field:
    """More or less fat along one endplate: a faint band in all bodies, a Modic change next to worn discs."""
    band, reach = np.float32(rng.normal(0.0, 0.04)), np.float32(rng.uniform(*BAND_MM))
    more = band * np.exp(-np.square(np.maximum(away, 0) / reach))
    deep, strong, dark = rng.uniform(3.0, 11.0), rng.uniform(0.0, 0.4), rng.random() < MODIC_DARK_CHANCE
    if disc and (disc.spec.grade or 1) >= WORN_GRADE:
        size = np.float32(-0.6 * strong if dark else strong)
        more += size * np.clip(1.1 + 0.8 * patch - away / np.float32(deep), 0.0, 1.0)
    return np.asarray(more, dtype=np.float32)


def _about_vein(body: VertebraPlan, left: Field, posterior: Field, cranial: Field, rng: Generator) -> Field:
    """More fat about the basivertebral vein, in a wedge that opens to the posterior wall."""
    more, reach = np.float32(max(rng.normal(0.10, 0.10), 0.0)), np.float32(rng.uniform(7.0, 16.0))
    wall = np.float32(body.wall_posterior(np.array(0.0)))
    open_ = np.clip(1 - (wall - posterior) / reach, 0.0, 1.2)
    flat = np.square(cranial * np.float32(1 / rng.uniform(2.0, 4.0))) + np.square(left * np.float32(1 / 8.0))
    return np.asarray(more * open_ * np.exp(-flat), dtype=np.float32)


def _ball(body: VertebraPlan, at: tuple[Field, Field, Field], rng: Generator) -> Field:
    """1 within a rounded focus somewhere in a body, fading at its border."""
    room = np.array([body.upper_width_mm, body.upper_depth_mm, body.height_mm]) / 2
    middle, radius = rng.uniform(-0.6, 0.6, 3) * room, rng.uniform(2.5, 6.5) * rng.uniform(0.8, 1.2, 3)
    away = sum(
        np.square((c - np.float32(m)) * np.float32(1 / r)) for c, m, r in zip(at, middle, radius, strict=True)
    )
    return np.asarray(np.clip(1.6 - 1.2 * away, 0.0, 1.0), dtype=np.float32)
