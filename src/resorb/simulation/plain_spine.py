"""The shape of the plain synthetic spine, and the true sizes of what leaves its discs.

A chain of endplates in the midsagittal plane; between two neighbours a body or a disc is lofted rim to rim, so the
reference surface of a disc is exact. Nothing here looks at an image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: The displaced half-ellipsoid: its level, semi-axes (lateral, posterior, along the reference line) and offset.
FOCAL_LEVEL, SEMI_MM, LATERAL_MM = "L4/L5", (7.0, 7.0, 5.0), 6.0
BULGE_MM = {"L3/L4": 0.4, "L5/S1": 1.0}
RIM_MM = 0.8  # radius of the bodies' edges
#: Body; tilt of its upper and lower endplate (degrees, positive faces forward); its height; half depths of the two;
#: half width; height of the disc below and brightness of its nucleus (CSF = 1).
SPINE: tuple[tuple[str, float, float, float, float, float, float, float, float], ...] = (
    ("T11", -14, -17, 23.5, 14.5, 15.0, 18, 5.0, 0.20),
    ("T12", -15, -17, 25.0, 15.0, 15.5, 19, 6.0, 0.22),
    ("L1", -14, -14, 26.5, 15.5, 16.0, 21, 7.5, 0.26),
    ("L2", -11, -10, 27.5, 16.0, 16.5, 22, 8.5, 0.30),
    ("L3", -5, -4, 28.0, 16.5, 17.0, 23, 9.5, 0.24),
    ("L4", 3, 6, 28.0, 17.0, 17.5, 24, 10.0, 0.10),
    ("L5", 17, 26, 27.5, 17.5, 17.0, 25, 9.5, 0.08),
    ("S1", 40, 44, 28.0, 16.5, 12.0, 28, 3.0, 0.05),
    ("S2", 47, 48, 23.0, 11.0, 9.0, 40, 2.0, 0.05),
    ("S3", 50, 50, 19.0, 8.5, 7.0, 36, 0.0, 0.0),
)


@dataclass(frozen=True, eq=False)
class At:
    """Where the points of a plane lie in a block: height fraction t, mm behind its axis and half depth there,
    mm under the upper and over the lower endplate.
    """

    t: Array
    b: Array
    depth: Array
    under: Array
    over: Array


@dataclass(frozen=True, eq=False)
class Block:
    """A body or a disc between two endplates; points of the midsagittal plane are (anterior, up) mm."""

    name: str
    ends: Array  # (upper and lower endplate, anterior and posterior rim, 2)
    half_widths: tuple[float, float]
    nucleus: float = 0.0

    @property
    def is_disc(self) -> bool:
        return "/" in self.name

    def at(self, plane: Array) -> At:
        (upper_a, upper_p), (lower_a, lower_p) = self.ends
        under, over = -_above(upper_a, upper_p, plane), _above(lower_a, lower_p, plane)
        total = under + over
        t = np.clip(over / np.where(np.abs(total) > 1e-6, total, 1.0), 0, 1)[..., None]
        front, back = lower_a + t * (upper_a - lower_a), lower_p + t * (upper_p - lower_p)
        length = np.linalg.norm(back - front, axis=-1)
        b = ((plane - (front + back) / 2) * (back - front)).sum(-1) / length
        return At(t[..., 0], b, length / 2, under, over)

    def rim(self, x: Array, at: At) -> Array:
        """1 on the rim-to-rim surface, less inside. Exponent 4 keeps the posterior rim flat near the midline."""
        width = self.half_widths[1] + at.t * (self.half_widths[0] - self.half_widths[1])
        return np.sqrt(np.hypot(np.square(x / width), np.square(at.b / at.depth)))

    def distance(self, x: Array, at: At, bulge_mm: float = 0.0) -> tuple[Array, Array]:
        """Mm outside the block's surface (negative inside), and the rim fraction."""
        r = self.rim(x, at)
        arch = 4 * at.t * (1 - at.t)
        dome = 1.4 * np.clip(1 - r * r, 0, 1)  # endplates are concave
        side = (r - 1) * at.depth
        if self.is_disc:
            lateral = np.clip(1 - (x / (0.8 * self.half_widths[0])) ** 2, 0, 1)
            side = side - np.where(at.b > 0, bulge_mm * lateral, 0.0) * arch
            return np.maximum(side, np.maximum(-at.under, -at.over) - dome), r
        side = side + 1.1 * arch  # walls are concave too
        caps = np.maximum(-at.under, -at.over) + dome
        rounded = np.hypot(np.maximum(side + RIM_MM, 0), np.maximum(caps + RIM_MM, 0)) - RIM_MM
        return np.where((side > -RIM_MM) & (caps > -RIM_MM), rounded, np.maximum(side, caps)), r


def _above(a: Array, p: Array, plane: Array) -> Array:
    """Mm above the line from a (anterior) to p (posterior)."""
    normal = np.array([p[1] - a[1], a[0] - p[0]]) / np.hypot(*(p - a))
    return np.asarray((plane - a) @ normal)


def spine() -> list[Block]:
    """Bodies and discs from above downwards, with the centre of the field as origin."""
    rims, point = [], np.zeros(2)
    for _, top, bottom, height, half_top, half_bottom, _, gap, _ in SPINE:
        for tilt, half, step in ((top, half_top, height), (bottom, half_bottom, gap)):
            up = np.array([np.sin(np.radians(tilt)), np.cos(np.radians(tilt))])
            forward = half * np.array([up[1], -up[0]])
            rims.append((point + forward, point - forward))
            point = point - step * up
    ends = np.array(rims)
    ends += np.array([16.0, 0.0]) - (ends.max((0, 1)) + ends.min((0, 1))) / 2
    blocks = []
    for n, row in enumerate(SPINE):
        name, width, nucleus = row[0], row[6], row[8]
        blocks.append(Block(name, ends[2 * n : 2 * n + 2], (width, width)))
        if n + 1 < len(SPINE):
            below = SPINE[n + 1]
            blocks.append(
                Block(f"{name}/{below[0]}", ends[2 * n + 1 : 2 * n + 3], (width, below[6]), nucleus)
            )
    return blocks


@dataclass(frozen=True, eq=False)
class Focal:
    """The half-ellipsoid behind the reference line of a disc."""

    disc: Block
    x_mm: float

    def coordinates(self, plane: Array) -> tuple[Array, Array]:
        """(posterior of the reference line, along it from its middle), mm."""
        upper, lower = self.disc.ends[0, 1], self.disc.ends[1, 1]
        along = (upper - lower) / np.hypot(*(upper - lower))
        offset = plane - (upper + lower) / 2
        return offset @ np.array([-along[1], along[0]]), offset @ along

    def distance(self, x: Array, plane: Array, base_mm: float = 0.3) -> Array:
        """Mm outside its surface; its base lies inside the disc, so that no gap opens beside the midline."""
        back, along = self.coordinates(plane)
        a, b, c = SEMI_MM
        rho = np.sqrt(((x - self.x_mm) / a) ** 2 + (back / b) ** 2 + (along / c) ** 2)
        return np.maximum((rho - 1) * min(SEMI_MM), -base_mm - back)

    def drape(self, x: Array, plane: Array) -> Array:
        """How far the sac's front is pushed behind the posterior wall, mm."""
        _, along = self.coordinates(plane)
        return (SEMI_MM[1] + 0.9) * np.exp(-(((x - self.x_mm) / 8.0) ** 2) - (along / 6.5) ** 2)


def displaced_material(
    x: Array, plane: Array, disc: Block, bodies: list[Block], focal: Focal | None
) -> NDArray[np.bool_]:
    """Displaced material: disc behind its rim-to-rim surface and outside the bodies."""
    at = disc.at(plane)
    if not (disc.name in BULGE_MM or (focal and focal.disc is disc)):
        return np.zeros(at.t.shape, np.bool_)
    between = (at.under >= 0) & (at.over >= 0)
    mask = between & (disc.distance(x, at, BULGE_MM.get(disc.name, 0.0))[0] < 0)
    if focal and focal.disc is disc:
        in_body = np.logical_or.reduce([body.distance(x, body.at(plane))[0] < 0 for body in bodies])
        mask = mask | ((focal.distance(x, plane) < 0) & ~in_body)
    return np.asarray(mask & (at.b > 0) & ~(between & (disc.rim(x, at) <= 1)))


def truth_of(disc: Block, bodies: list[Block], focal: Focal | None) -> dict[str, float]:
    """The sizes of one level's displaced material, on a fine grid along its own reference line."""
    names = ("depth_mm", "volume_mm3", "area_mm2", "width_mm", "height_mm")
    is_focal = focal is not None and focal.disc is disc
    if not (is_focal or disc.name in BULGE_MM):
        return dict.fromkeys(names, 0.0)
    step_x, step, left, right, reach = (
        (0.2, 0.2, focal.x_mm - 8, focal.x_mm + 8, 8.0)
        if focal and is_focal
        else (0.4, 0.1, -22.0, 22.0, 1.5)
    )
    (upper_front, upper), (lower_front, lower) = disc.ends
    along = (upper - lower) / np.hypot(*(upper - lower))
    normal = np.array([-along[1], along[0]])
    back, height = (np.arange(a, b, step) + step / 2 for a, b in ((-3, reach), (-7, 7)))
    plane = (upper + lower) / 2 + back[:, None, None] * normal + height[:, None] * along
    x = (np.arange(left, right, step_x) + step_x / 2)[:, None, None]
    mask = displaced_material(x, plane, disc, bodies, focal)
    at = disc.at(plane)
    width = disc.half_widths[1] + at.t * (disc.half_widths[0] - disc.half_widths[1])
    surface = at.depth * np.sqrt(np.sqrt(np.clip(1 - (x / width) ** 4, 0, 1)))
    axis = upper + lower - upper_front - lower_front
    behind = (at.b - surface) * (axis @ normal) / np.hypot(*axis)  # square to the line, not along the disc
    sizes = (
        np.max(behind[mask], initial=0.0),
        mask.sum() * step_x * step**2,
        mask.sum((1, 2)).max() * step**2,
        step_x * np.count_nonzero(mask.any((1, 2))),
        step * np.count_nonzero(mask.any((0, 1))),
    )
    truth = {name: float(value) for name, value in zip(names, sizes, strict=True)}
    if focal and is_focal:
        truth |= {"closed_form_volume_mm3": 2 / 3 * np.pi * float(np.prod(SEMI_MM)), "apex_x_mm": focal.x_mm}
    return {name: round(value, 4) for name, value in truth.items()}
