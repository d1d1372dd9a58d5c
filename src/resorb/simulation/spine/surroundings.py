"""Muscles, vessels, fat, bowel and skin about the spine, on the fine grid and on a coarser one of the whole trunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.simulation.phantom import Tissues, Window
from resorb.simulation.spine.belly import paint_belly, paint_crossing, slabs
from resorb.simulation.spine.beyond import paint_beyond
from resorb.simulation.spine.canvas import Canvas, Field
from resorb.simulation.spine.pelvis import paint_pelvis
from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.spine.texture import Lumps, Texture, stored
from resorb.simulation.spine.trunk import DEEP_TRUNK_MM, HALF_TRUNK_MM, Trunk
from resorb.simulation.spine.tube import Tube
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

MORE_FAT = np.float32(4.0)  # what 255 stands for in the share of fat that comes to lean muscle in streaks

AROUND_PITCH_MM = 2.0
#: The fat before the spine holds more connective tissue: from where, over which distance it comes to be, 1/255.
LOOSE_FROM_MM, LOOSE_OVER_MM, LOOSE_MIX = 5.0, 30.0, (28.0, 32.0)
BAYER = np.array([[0, 4, 2, 6], [5, 1, 7, 3]])
#: The coarse grid reaches beyond the fine one above and below, and beyond the skin into the air.
ABOVE_MM, BELOW_MM, AIR_MM = 50.0, 70.0, 12.0
CENTRE_MM = 18.0  # the middle of the trunk lies so far before the posterior walls
SKIN_MM, FASCIA_MM, WALL_MM, WALL_FAT_MM = (
    2.0,
    0.8,
    13.0,
    16.0,
)  # skin; fascia; the belly's wall and the fat on it
SEPTUM_MM = 0.8  # fat between multifidus and erector spinae
MORE_FAT_BELOW = 1.7  # fat in the paraspinal muscles at L5/S1 against L1/2; from memory, unverified
ON_LAMINA_MM, ON_PROCESS = (
    4.0,
    0.85,
)  # muscle begins this far behind the laminae's fronts; this share of the canal out


@dataclass(frozen=True, eq=False)
class _Grain:
    """Textures of the grid at hand: muscle fibres along the body, sheets in fat, lumps."""

    muscle: Texture
    sheet: Texture
    lump: Lumps
    content: Lumps

    @classmethod
    def draw(cls, plan: SpinePlan, canvas: Canvas) -> _Grain:
        rng, pitch_mm = np.random.default_rng([plan.spec.seed, 25]), canvas.pitch_mm
        fibre = Texture.draw(rng, (1.7 / pitch_mm, 2.7 / pitch_mm, 11.0 / pitch_mm))
        fine = Texture.draw(rng, (0.8 / pitch_mm, 0.8 / pitch_mm, 4.0 / pitch_mm))
        box, axes = _box(plan), canvas.fine.axes()
        return cls(
            muscle=Texture.mixed(fibre, fine, 0.35),
            sheet=Texture.draw(rng, (5.0 / pitch_mm, 1.6 / pitch_mm, 6.0 / pitch_mm)),
            lump=Lumps.draw(np.random.default_rng([plan.spec.seed, 27]), axes, box),
            content=Lumps.draw(np.random.default_rng([plan.spec.seed, 29]), axes, box),
        )


def make_around(plan: SpinePlan) -> Tissues:
    """The whole trunk about a planned spine, on a coarse grid, with the bones that the fine one leaves out."""
    canvas = Canvas.blank(*_box(plan), AROUND_PITCH_MM)
    paint_surroundings(plan, canvas)
    paint_beyond(plan, canvas)
    return canvas.fine


def _box(plan: SpinePlan) -> tuple[FloatArray, FloatArray]:
    """Low and high corner of the coarse grid, world mm."""
    front, size = plan.canal.front, plan.size
    last = plan.sacrum[2]  # where the fine grid ends
    bottom = float(last.pose[2, 3] - last.pose[2, 2] * last.height_mm / 2) - BELOW_MM
    top = float(front[:, 2].max()) + ABOVE_MM
    trunk = Trunk.of(plan, np.arange(bottom, top, AROUND_PITCH_MM))
    wide = HALF_TRUNK_MM * size + AIR_MM
    middle = float(np.median(trunk.x))
    ahead = float(np.median(trunk.wall)) + (CENTRE_MM + DEEP_TRUNK_MM) * size + AIR_MM
    return (
        np.array([middle - wide, trunk.skin.min() - AIR_MM, bottom]),
        np.array([middle + wide, ahead, top]),
    )


def paint_surroundings(plan: SpinePlan, canvas: Canvas) -> None:
    """Paint everything but spine and canal on a blank canvas, whatever its pitch."""
    grain = _Grain.draw(plan, canvas)
    trunk = Trunk.of(plan, canvas.fine.axes()[2])
    fat = float(plan.spec.muscle_fat or 0.0)
    lumps = (grain.lump, grain.content)
    paint_belly(canvas, trunk, lumps)
    paint_crossing(plan, canvas, trunk, lumps)
    for side in (0, 1):
        _paint_tube(canvas, trunk.kidneys[side], grain, Tissue.BOWEL, _even_mix(20, 10))
        _paint_tube(canvas, trunk.psoas[side], grain, Tissue.MUSCLE, _muscle_mix(0.5 * fat))
        _paint_tube(canvas, trunk.quadratus[side], grain, Tissue.MUSCLE, _muscle_mix(fat))
    _paint_back(canvas, trunk, grain, fat)
    for crus in trunk.crura:
        _paint_tube(canvas, crus, grain, Tissue.MUSCLE, _muscle_mix(0.3 * fat))
    for vessel in trunk.vessels:
        _paint_tube(canvas, vessel, grain, Tissue.VESSEL, _even_mix(0, 0))
    paint_pelvis(plan, canvas, trunk.rank)
    _paint_fat(canvas, trunk, grain)
    _paint_flanks(canvas, trunk)


def _columns(window: Window, *rows: FloatArray) -> list[Field]:
    """Courses along z (nz,), on a window, shaped to broadcast."""
    return [row[window[2]].astype(np.float32)[None, None, :] for row in rows]


def _whole(canvas: Canvas) -> Window:
    x, y, z = canvas.shape
    return slice(0, x), slice(0, y), slice(0, z)


def _even_mix(mean: float, spread: float) -> NDArray[np.uint8]:
    """(256,) share of the partner by texture, 1/255."""
    return np.clip(mean + spread * stored(), 0, 255).astype(np.uint8)


def _muscle_parts() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(256,) share of fat in lean muscle by texture, and what comes to it, in `MORE_FAT` / 255 each.

    Fat lies in thin sheets between the fascicles, where the texture passes through 0, and in streaks; the second
    has a mean of 1.
    """
    sheets = np.exp(-((stored() / 0.3) ** 2))
    streaks = 0.55 + 1.3 * sheets + 2.4 * np.clip(stored() - 1.0, 0.0, 0.9)
    return _even_mix(6, 5), (streaks * 255.0 / MORE_FAT).astype(np.uint8)


def _muscle_mix(fat: float) -> NDArray[np.uint8]:
    """(256,) share of fat in muscle by texture: little everywhere, much in streaks; `fat` on average."""
    base, more = _muscle_parts()
    return np.clip(base + MORE_FAT * fat * more, 0, 235).astype(np.uint8)


def _paint_tube(canvas: Canvas, tube: Tube, grain: _Grain, tissue: Tissue, mix: NDArray[np.uint8]) -> None:
    """Paint an ellipse at each height; the edge of all but vessels is a little uneven."""
    there = np.flatnonzero((tube.half_width > 0.4) & (tube.half_depth > 0.4))
    if not len(there):
        return
    z = canvas.fine.axes()[2][there]
    x, y, a, b = tube.x[there], tube.y[there], tube.half_width[there], tube.half_depth[there]
    window = canvas.window(
        np.array([(x - a).min(), (y - b).min(), z.min()]) - 3.0,
        np.array([(x + a).max(), (y + b).max(), z.max()]) + 3.0,
    )
    if any(part.stop <= part.start for part in window):
        return
    world_x, world_y, _ = canvas.world(window)
    cx, cy, ax, by = _columns(
        window, tube.x, tube.y, np.maximum(tube.half_width, 1e-3), np.maximum(tube.half_depth, 1e-3)
    )
    shape = ((world_x - cx) / ax) ** 2 + ((world_y - cy) / by) ** 2
    if tissue is not Tissue.VESSEL:
        shape += np.float32(0.1) * grain.lump.on(window)
    canvas.paint(window, shape < 1.0, tissue, mix=grain.muscle.looked_up(window, mix))


def _paint_back(canvas: Canvas, trunk: Trunk, grain: _Grain, fat: float) -> None:
    """Multifidus and erector spinae on both sides of the spinous processes."""
    z = canvas.fine.axes()[2]
    for side in (-1.0, 1.0):
        edge = trunk.x + side * trunk.lateral
        behind = (trunk.wall - trunk.spines - trunk.bulge).min() - 2.0
        low = np.array([min(edge.min(), trunk.x.min()), behind, z[0]])
        high = np.array([max(edge.max(), trunk.x.max()), trunk.wall.max() - 8.0, z[-1]])
        window = canvas.window(low, high)
        if all(part.stop > part.start for part in window):
            for slab in slabs(window):
                _paint_side(canvas, slab, trunk, grain, (side, fat))


def _paint_side(
    canvas: Canvas, window: Window, trunk: Trunk, grain: _Grain, side_fat: tuple[float, float]
) -> None:
    """One side of the back (`side_fat`: -1 left or 1 right, share of fat): muscles, septum and fascia."""
    side, fat = side_fat
    x, y, _ = canvas.world(window)
    middle, wall, lateral, spines, bulge = _columns(
        window, trunk.x, trunk.wall, trunk.lateral, trunk.spines, trunk.bulge
    )
    multifidus, laminae, rank = _columns(window, trunk.multifidus, trunk.laminae, trunk.rank)
    out = side * (x - middle)
    across = np.clip(out / lateral, 0.0, 1.1)
    # The back of the compartment: from the spines' tips out over the bulge, and forwards to its lateral border.
    back = wall - spines - bulge * np.sin(np.pi * np.minimum(across * 1.15, 1.0)) + 0.62 * spines * across**4
    size = np.float32(trunk.size)
    beside = np.clip((out - 12.0 * size) / (12.0 * size), 0.0, 1.0)
    front = wall - (1.0 - beside) * (laminae + np.float32(ON_LAMINA_MM)) - beside * ON_PROCESS * laminae
    wavy = grain.lump.on(window)
    depth = y - back
    inside = (depth > 0.0) & (y < front + 2.6 * wavy) & (out > 1.0) & (across < 1.0)
    deep = np.clip(depth / (0.75 * spines), 0.0, 1.0)
    border = multifidus * (1.0 - 0.5 * deep) + 0.6 * wavy
    low = np.clip((rank - 1.5) / 3.5, 0.0, 1.0)
    thin = (
        np.float32(max(0.5 * SEPTUM_MM, 0.4 * canvas.pitch_mm))
        * (1.0 + 3.0 * np.float32(fat))
        * (0.7 + 0.6 * low)
    )
    lateral_of = out - border
    septum = np.abs(lateral_of) < thin * (1.0 + 1.2 * wavy)
    share = np.float32(fat) * (1.0 + np.float32(MORE_FAT_BELOW - 1.0) * low)
    share = np.where(lateral_of < 0.0, share * (1.0 + 0.7 * low), share * np.float32(0.85))
    base, more = (grain.muscle.looked_up(window, part) for part in _muscle_parts())
    mix = np.minimum(base + MORE_FAT * share * more, np.float32(235)).astype(np.uint8)
    canvas.paint(window, inside & ~septum, Tissue.MUSCLE, mix=mix)
    thick = np.float32(max(FASCIA_MM, canvas.pitch_mm))
    fascia = (depth <= 0.0) & (depth > -thick * (1.0 + 0.35 * wavy)) & (out > 0.0) & (across < 0.97)
    canvas.paint(window, fascia, Tissue.LIGAMENT, mix=np.clip(60.0 + 45.0 * wavy, 0, 200).astype(np.uint8))


def _paint_fat(canvas: Canvas, trunk: Trunk, grain: _Grain) -> None:
    """Septa in all fat, loose tissue in that before the spine; the back's skin, and the air behind it."""
    value = np.abs(stored())
    thin = np.where(value < 0.05, 75, 6 + 7 * np.minimum(value, 2.0)).astype(np.uint8)
    thick = np.where(value < 0.05, 85, 6 + 6 * np.minimum(value, 2.0)).astype(np.uint8)
    y = canvas.fine.axes()[1]
    fascia = trunk.wall - trunk.spines
    cut = int(np.searchsorted(y, fascia.max()))
    loose = max(int(np.searchsorted(y, trunk.wall.min() + LOOSE_FROM_MM)), cut)
    x_all, _, z_all = _whole(canvas)
    everywhere = np.ones((1, 1, 1), np.bool_)
    (wall,) = _columns((x_all, slice(0, 0), z_all), trunk.wall)
    between: Window = (x_all, slice(cut, loose), z_all)
    canvas.paint(
        between, everywhere, Tissue.FAT, mix=grain.sheet.looked_up(between, thin), over=(Tissue.FAT,)
    )
    for slab in slabs((x_all, slice(loose, canvas.shape[1]), z_all)):
        share = np.clip((canvas.world(slab)[1] - wall - np.float32(LOOSE_FROM_MM)) / LOOSE_OVER_MM, 0.0, 1.0)
        more = share * np.clip(LOOSE_MIX[0] + LOOSE_MIX[1] * grain.content.on(slab), 0.0, 130.0)
        mix = grain.sheet.looked_up(slab, thin) + more.astype(np.uint8)
        canvas.paint(slab, everywhere, Tissue.FAT, mix=mix, over=(Tissue.FAT,))
    for slab in slabs((x_all, slice(0, cut), z_all)) if cut else ():
        septa = grain.sheet.looked_up(slab, thick), grain.sheet.looked_up(slab, thin)
        _paint_skin(canvas, slab, trunk, septa)


def _dithered(canvas: Canvas, window: Window) -> Field:
    """World y of a window, each column shifted by a part of a voxel, so that the coarse grid's smoothed borders lie
    where they should and have no steps (ordered dithering, Bayer 1973; from memory).
    """
    i, k = np.arange(window[0].start, window[0].stop), np.arange(window[2].start, window[2].stop)
    part = (BAYER[i[:, None] % 2, k[None, :] % 4] + 0.5) / BAYER.size - 0.5
    return np.asarray(canvas.world(window)[1] + (canvas.pitch_mm * part).astype(np.float32)[:, None, :])


def _paint_skin(
    canvas: Canvas, window: Window, trunk: Trunk, septa: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> None:
    """Fat behind and before the fascia with its `septa`, the skin of the back, and the air behind it."""
    x, y = canvas.world(window)[0], _dithered(canvas, window)
    middle, line, skin = _columns(window, trunk.x, trunk.wall - trunk.spines, trunk.skin)
    canvas.paint(
        window, np.ones((1, 1, 1), np.bool_), Tissue.FAT, mix=np.where(y < line, *septa), over=(Tissue.FAT,)
    )
    across = (x - middle) / np.float32(HALF_TRUNK_MM * trunk.size)
    # Flat on the table, with the furrow over the spine, round at the flanks.
    furrow = np.float32(4.0) * np.exp(-((across / 0.1) ** 2)) - 3.0
    depth = y - (skin + furrow + 95.0 * np.clip(np.abs(across) - 0.35, 0.0, 1.0) ** 2)
    canvas.paint(window, depth < SKIN_MM, Tissue.SKIN)
    canvas.paint(window, depth < 0.0, Tissue.AIR)


def _paint_flanks(canvas: Canvas, trunk: Trunk) -> None:
    """The belly's wall, its fat and skin, and the air beside and in front of the body."""
    size, middle = np.float32(trunk.size), np.float32(np.median(trunk.x))
    for window in slabs(_whole(canvas)):
        x, y = canvas.world(window)[0], _dithered(canvas, window)
        # The belly follows the lordosis a little.
        (wall,) = _columns(window, 0.7 * float(np.median(trunk.wall)) + 0.3 * trunk.wall)
        ahead = y - wall - np.float32(CENTRE_MM) * size
        radius = np.hypot((x - middle) / (HALF_TRUNK_MM * size), ahead / (DEEP_TRUNK_MM * size))
        depth = (1.0 - radius) * (DEEP_TRUNK_MM * size)
        if depth.min() > WALL_MM + WALL_FAT_MM:
            continue
        front = ahead > -60.0 * size
        canvas.paint(window, (depth < WALL_MM + WALL_FAT_MM) & (ahead > -25.0 * size), Tissue.MUSCLE, mix=20)
        canvas.paint(window, front & (depth <= WALL_FAT_MM), Tissue.FAT, mix=15)
        canvas.paint(window, front & (depth < SKIN_MM), Tissue.SKIN)
        canvas.paint(window, depth < 0.0, Tissue.AIR)
