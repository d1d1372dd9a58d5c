"""The basivertebral vein: a hilum in the posterior wall and thin branches that run forwards from it."""

from __future__ import annotations

import numpy as np

from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.plan import VertebraPlan
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

#: Sizes in a body 28 mm high, mm: from memory, unverified, the spread by eye beside scans.
HILUM_DEEP_MM, HILUM_TALL_MM, HILUM_WIDE_MM = (1.5, 8.0), (0.7, 2.3), (2.0, 5.0)  # half height, half width
BRANCHES, BRANCH_MM, BRANCH_RADIUS_MM = (1, 4), (5.0, 17.0), (0.35, 0.9)
PLAIN_BODY_MM = 28.0


def paint_vein(canvas: Canvas, body: VertebraPlan, anatomy: int) -> None:
    """Paint the vein over bone and marrow; large in one body, hardly to be seen in the next."""
    rng = np.random.default_rng([body.form.seed, 4])
    scale = body.height_mm / PLAIN_BODY_MM * float(rng.choice([0.5, 0.85, 1.15, 1.4]))
    deep, tall, wide = (
        scale * float(rng.uniform(*span)) for span in (HILUM_DEEP_MM, HILUM_TALL_MM, HILUM_WIDE_MM)
    )
    cranial = float(rng.normal(0.0, 0.04) * body.height_mm)
    wall = float(body.wall_posterior(np.array(cranial)))
    start = np.array([0.0, wall, cranial])
    box = start + np.array(
        [[s * 9.0, -p * 19.0 * scale + 1.5, u * 5.0] for s in (-1, 1) for p in (0, 1) for u in (-1, 1)]
    )
    window = canvas.about(body.to_world(box))
    at = [c - np.float32(v) for c, v in zip(canvas.local(window, body.pose), start, strict=True)]
    slant = np.float32(rng.normal(0.0, 0.2))
    inwards = -at[1] * np.float32(1 / deep)
    open_ = np.clip(1 - inwards, 0.0, 1.2)
    hilum = np.square(at[0] / np.float32(wide)) + np.square((at[2] + slant * at[1]) / np.float32(tall))
    inside = hilum < np.square(open_)
    for _ in range(int(rng.integers(*BRANCHES))):
        way = np.array([rng.normal(0.0, 0.22), -1.0, -float(slant) + rng.normal(0.0, 0.12)])
        length, radius = scale * rng.uniform(*BRANCH_MM), rng.uniform(*BRANCH_RADIUS_MM)
        inside |= _branch(at, way / np.linalg.norm(way) * length) < max(radius, 0.4 * canvas.pitch_mm)
    canvas.paint(window, inside, Tissue.VEIN, anatomy=anatomy, over=(Tissue.CORTEX, Tissue.MARROW))


def _branch(at: list[Field], way: FloatArray) -> Field:
    """Distance to a straight branch from the origin, mm, growing towards its end, so that it tapers."""
    square = float(way @ way)
    t = np.clip(sum(c * np.float32(w / square) for c, w in zip(at, way, strict=True)), 0.0, 1.0)
    away = sum(np.square(c - t * np.float32(w)) for c, w in zip(at, way, strict=True))
    return np.asarray(np.sqrt(away) + np.float32(0.3) * t, dtype=np.float32)
