"""How tissue makes way: it moves along columns that spread outwards from a disc's margin.

In a column, the layers between the material and the bone are springs in series under one pressure: each is
shortened by exp(-pressure * yield of its tissue), so fat gives way first, CSF is squeezed out next, and dura and
roots move as they are. Every column is monotone, and the columns do not cross: so the deformation can be
inverted everywhere outside the material. Nothing moves at bone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.simulation.herniation.columns import Columns, Fan, sample
from resorb.simulation.herniation.margin import Margin
from resorb.simulation.herniation.tables import Float32, Table
from resorb.simulation.phantom import Displaced, Phantom, Window
from resorb.simulation.tissue import Tissue

#: How much a tissue is shortened by the same pressure, relative to fat: convention of resorb, in the order
#: in which tissues are seen to yield beside herniations (fat effaced first, then CSF, dura and roots kept).
YIELD = {
    Tissue.FAT: 1.0,
    Tissue.EPIDURAL_FAT: 1.0,
    Tissue.VEIN: 1.0,
    Tissue.CSF: 0.7,
    Tissue.VESSEL: 0.3,
    Tissue.MUSCLE: 0.3,
    Tissue.BOWEL: 0.3,
    Tissue.LIGAMENT: 0.1,
    Tissue.DURA: 0.08,
    Tissue.ROOT: 0.06,
    Tissue.CORD: 0.05,
}
LEAST_YIELD = 0.05
COLUMN_MM = 0.5  # between columns at the margin, and between samples along them
LAYERS = 48  # of a column between material and bone
SPREAD_MM = 22.0
FORAMINAL_SPREAD_MM = 10.0  # cranio-caudal: the exiting root gives way upwards
TENT_SLOPE = 1.8  # mm behind per mm aside: how steeply dura is draped over the edge of material
WALL_SLOPE = 2.0
FILM_SHARE = 0.8  # at most this part of what lies in front of the dura is drawn out beside the material
SOFTEN_MM = 0.8
MOST_SHARE = 0.85  # of the way to the bone that material may take up, so that tissue is left
NEWTON_STEPS = 14
STILL_MM = 1e-3  # what moves less than this does not move
FAR_MM = 100.0  # longer than any column
YIELDS = np.array([YIELD.get(tissue, LEAST_YIELD) for tissue in Tissue], np.float32)
NOT_YET_DURA = np.isin(
    np.arange(len(Tissue)), (Tissue.DURA, Tissue.CSF, Tissue.ROOT, Tissue.CORD), invert=True
)


@dataclass(frozen=True, eq=False)
class Stretch:
    """What becomes of every column, mm: tissue between `film` and `wall` comes to lie between `front` and `wall`.

    Attributes:
        low: coordinates of the first column.
        base: the disc's own margin, which stays.
        front: where the tissue that is pushed begins.
        film: where it began at rest.
        wall: where nothing moves any more.
    """

    low: tuple[float, float]
    base: Float32
    front: Float32
    film: Float32
    wall: Float32


@dataclass(frozen=True, eq=False)
class Way:
    """How tissue moves along a fan of columns.

    Attributes:
        to_rest, from_rest: mm along a column, over (two coordinates of the column, behind): from where tissue
            is to where it lay at rest, and from where it lay to where it is.
        window: the part of the grid in which something moves, and where its voxels lie when unrolled.
    """

    margin: Margin
    fan: Fan
    to_rest: Table
    from_rest: Table
    window: Window
    unrolled: tuple[Float32, Float32, Float32]

    def shift(self, table: Table, where: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Float32]:
        """Which voxels of the window, of those in `where`, move, and (3, n) how far, world mm."""
        along, cranial, behind = self.unrolled
        where = where & (behind > 0)
        along, cranial, behind = along[where], cranial[where], behind[where]
        aside, up = self.fan.enter(along, cranial, behind)
        shift = table.at(aside, up, behind)
        moves = np.abs(shift) > STILL_MM
        along, cranial, behind, aside, up = (part[moves] for part in (along, cranial, behind, aside, up))
        then = behind + shift[moves]
        to = self.margin.roll(*self.fan.leave(aside, up, then), then)
        at = self.margin.roll(along, cranial, behind)
        where[where] = moves
        return where, np.stack([a - b for a, b in zip(to, at, strict=True)])


def way_of(
    phantom: Phantom, material: Displaced, margin: Margin, unrolled: tuple[Float32, Float32, Float32]
) -> Way | None:
    """How tissue makes room for material; None where the material lies in no tissue that could move."""
    along, cranial, behind = unrolled
    inside = (material.distance < phantom.fine.pitch_mm / 2) & (behind > 0)
    if not inside.any():
        return None
    fan = _fan(material, along[inside], cranial[inside])
    aside, up = fan.enter(along[inside], cranial[inside], behind[inside])
    low, shape, front = _front(aside, up, behind[inside] + np.float32(phantom.fine.pitch_mm / 2))
    axes = [(a + COLUMN_MM * np.arange(n)).astype(np.float32) for a, n in zip(low, shape, strict=True)]
    columns = sample(phantom, margin, fan, axes[0], axes[1], COLUMN_MM)
    stretch = _stretch(columns, front, low)
    if not (stretch.front - stretch.base > STILL_MM).any():
        return None
    to_rest, from_rest = (Table(shift, (*low, 0.0), COLUMN_MM) for shift in _shifts(columns, stretch))
    window = _window(phantom, margin, fan, stretch)
    return Way(margin, fan, to_rest, from_rest, window, margin.unroll_window(phantom, window))


def _fan(material: Displaced, along: Float32, cranial: Float32) -> Fan:
    """Columns spread from the middle of the material; along the margin those of a bulge do not."""
    return Fan(
        float((along.min() + along.max()) / 2),
        float((cranial.min() + cranial.max()) / 2),
        np.inf if material.spec.type == "bulge" else SPREAD_MM,
        FORAMINAL_SPREAD_MM if material.spec.zone in ("foraminal", "extraforaminal") else SPREAD_MM,
    )


def _front(
    aside: Float32, up: Float32, behind: Float32
) -> tuple[tuple[float, float], tuple[int, int], Float32]:
    """How far back material reaches in every column, and around it the slope on which dura is draped."""
    reach = float(behind.max()) / TENT_SLOPE + 4 * COLUMN_MM
    low = (float(aside.min()) - reach, float(up.min()) - reach)
    high = (float(aside.max()) + reach, float(up.max()) + reach)
    shape = (
        int(np.ceil((high[0] - low[0]) / COLUMN_MM)) + 1,
        int(np.ceil((high[1] - low[1]) / COLUMN_MM)) + 1,
    )
    front = np.zeros(shape, np.float32)
    index = [
        np.rint((part - start) / COLUMN_MM).astype(int) for part, start in zip((aside, up), low, strict=True)
    ]
    np.maximum.at(front, tuple(index), behind)
    return low, shape, _sloped(ndimage.grey_dilation(front, size=3), TENT_SLOPE, upper=True)


def _sloped(values: Float32, slope: float, *, upper: bool) -> Float32:
    """The nearest function above (or below) that nowhere rises faster than `slope`."""
    sign = np.float32(1 if upper else -1)
    result = sign * values
    falls = [np.float32(slope * COLUMN_MM * np.hypot(a, b)) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    structure = -np.array(falls, np.float32).reshape(3, 3)
    while True:
        grown = ndimage.grey_dilation(result, structure=structure, mode="nearest")
        if np.abs(grown - result).max() < 1e-4:
            return np.asarray(sign * grown, np.float32)
        result = grown


def _stretch(columns: Columns, front: Float32, low: tuple[float, float]) -> Stretch:
    """Fit what material needs into what every column has."""
    wall = (ndimage.grey_erosion(columns.wall, size=3) - COLUMN_MM).clip(0, None)
    wall = _sloped(wall, WALL_SLOPE, upper=False)
    base = np.minimum(_soft(ndimage.grey_dilation(columns.base, size=3)), wall)
    layer = NOT_YET_DURA[columns.tissue] | (columns.behind < base[..., None])
    before_dura = columns.step_mm * np.logical_and.accumulate(layer, -1).sum(-1, dtype=np.float32)
    ahead = _soft(np.minimum(before_dura, wall) - base).clip(0, None)
    pushed = np.minimum((_soft(front) - base).clip(0, None), MOST_SHARE * (wall - base))
    film = np.minimum(FILM_SHARE * ahead, 0.5 * pushed)
    return Stretch(low, base, base + pushed, base + film, wall)


def _soft(values: Float32) -> Float32:
    return np.asarray(ndimage.gaussian_filter(values, SOFTEN_MM / COLUMN_MM, mode="nearest"), np.float32)


def _shifts(columns: Columns, stretch: Stretch) -> tuple[Float32, Float32]:
    """(a, b, d) mm: from `columns.behind` to where the tissue there lay at rest, and from rest to where it is now."""
    shifts = np.zeros((2, *columns.tissue.shape), np.float32)
    moved = stretch.front - stretch.base > STILL_MM
    yields = YIELDS[columns.tissue]
    for side in (0, 1):
        yields = ndimage.gaussian_filter1d(yields, 1.0, axis=side, mode="nearest")
    base, front, film, wall = (
        part[moved][:, None] for part in (stretch.base, stretch.front, stretch.film, stretch.wall)
    )
    steps = np.asarray(np.linspace(0, 1, LAYERS + 1), np.float32)[None]
    rest = film + (wall - film) * steps
    middles = np.asarray((rest[:, 1:] + rest[:, :-1]) / (2 * columns.step_mm), np.float32)
    soft = _along(yields[moved], middles)
    shortened = np.exp(-_pressure(soft, (wall - front) / (wall - film)) * soft)
    share = np.cumsum(shortened, -1)
    pushed = front + (wall - front) * share / share[:, -1:]
    zero, end = np.zeros_like(base), np.full_like(base, columns.behind[-1] + 1)
    now = np.concatenate([zero, base, front, pushed, end], -1)
    before = np.concatenate([zero, base, rest, end], -1)
    shifts[0][moved] = _interpolated(columns.behind, now, before) - columns.behind
    shifts[1][moved] = _interpolated(columns.behind, before, now) - columns.behind
    return shifts[0], shifts[1]


def _pressure(soft: Float32, wanted: Float32) -> Float32:
    """(n, 1) pressures under which layers of yields `soft` (n, m) shorten, on average, to `wanted` (n, 1).

    Newton's method on the logarithm of the mean, which is convex and falls: from 0 it never overshoots.
    """
    pressure = np.zeros_like(wanted)
    for _ in range(NEWTON_STEPS):
        left = np.exp(-pressure * soft)
        mean = left.mean(-1, keepdims=True)
        pressure = pressure + (np.log(mean) - np.log(wanted)) * mean / (soft * left).mean(-1, keepdims=True)
    return np.asarray(pressure.clip(0, None), np.float32)


def _along(values: Float32, index: Float32) -> Float32:
    """Linear interpolation of values (n, m) at fractional indices (n, k) of their last axis."""
    first = np.clip(index.astype(np.intp), 0, values.shape[-1] - 2)
    part = np.clip(index - first, 0, 1)
    low, high = (np.take_along_axis(values, first + n, -1) for n in (0, 1))
    return np.asarray(low + part * (high - low), np.float32)


def _interpolated(at: Float32, x: Float32, y: Float32) -> Float32:
    """Row by row the function through nodes (n, m), at the same places (k,) in every row: (n, k)."""
    row = FAR_MM * np.arange(len(x), dtype=np.float64)[:, None]
    found = np.interp((row + at).ravel(), (row + x).ravel(), (row + y).ravel()).reshape(len(x), -1) - row
    return np.asarray(found, np.float32)


def _window(phantom: Phantom, margin: Margin, fan: Fan, stretch: Stretch) -> Window:
    """The part of the grid that the columns which move pass through."""
    a, b = np.nonzero(stretch.front - stretch.base > STILL_MM)
    wall = stretch.wall[a, b]
    ends = np.concatenate([np.zeros_like(wall), wall / 2, wall + 1])
    aside, up = (
        np.tile(np.float32(low + COLUMN_MM * index), 3)
        for low, index in zip(stretch.low, (a, b), strict=True)
    )
    world = np.stack(margin.roll(*fan.leave(aside, up, ends), ends), -1)
    return phantom.fine.window(world.min(0) - 2 * COLUMN_MM, world.max(0) + 2 * COLUMN_MM)
