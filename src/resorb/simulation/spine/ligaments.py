"""The ligaments of the spine, stretched between bones and discs that are painted already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, grey_closing

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.simulation.phantom import Window
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.midline import Midline
from resorb.simulation.spine.plan import SpinePlan
from resorb.simulation.spine.texture import LEVELS, Texture
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

Mask = NDArray[np.bool_]

#: Ligaments are painted over these only: never over bone, disc, dura, root, vessel.
SOFT = (Tissue.FAT, Tissue.EPIDURAL_FAT, Tissue.MUSCLE)
#: Sizes in mm, from memory, unverified. The posterior longitudinal ligament is broad at the discs, narrow between.
PLL_MM, PLL_BEHIND_BODY_MM, PLL_HALF_WIDTH_MM = 0.9, 0.3, (3.5, 8.5)
ALL_MM, ALL_HALF_WIDTH_MM = 1.3, 11.0
FLAVUM_MM, FLAVUM_OVER_LAMINA_MM = 3.3, 9.0
FLAVUM_GAP_MM = (2.0, 26.0)  # between two laminae, along the body
INTERSPINOUS_HALF_MM, SUPRASPINOUS_MM, SUPRASPINOUS_HALF_MM = 1.8, 2.2, 2.4
FAN_RISE = (0.2, 1.1)  # of the interspinous fibres, per mm backwards: at the laminae, and 30 mm behind them
FAN_WAVE_MM, FAN_SHARE = 1.5, 0.75  # how wavy they are, and how much of what one sees
SPINES_GAP_MM = 34.0  # between two spinous processes, at most
SPAN_MM = {
    "posterior": 32.0,
    "anterior": 9.0,
}  # hollows that the longitudinal ligaments bridge; the anterior follows the bodies
WORN_GRADE = 4  # from this grade on the flavum has thickened


def paint_ligaments(plan: SpinePlan, canvas: Canvas) -> None:
    """Paint all of them, over fat and muscle only."""
    midline = Midline.of(plan)
    rng, pitch = np.random.default_rng([plan.spec.seed, 26]), canvas.pitch_mm
    grain = Texture.draw(rng, (1.4 / pitch, 1.2 / pitch, 4.0 / pitch)), Texture.draw(rng, (2.4 / pitch,) * 3)
    _paint_longitudinal(canvas, midline, plan)
    _paint_flava(canvas, midline, plan)
    _paint_spinous(canvas, midline, plan, grain)


@dataclass(frozen=True, eq=False)
class _Slab:
    """The part of the grid near the midline.

    Attributes:
        left: (nx, nz) mm to the left of the midline.
        y, z: (ny,), (nz,) world mm.
        border: (nz,) y of the anterior border of the canal.
        place: (nz,) position along the vertebrae.
        steep: (nz,) share of a step in y that leads straight away from the border.
    """

    window: Window
    left: FloatArray
    y: FloatArray
    z: FloatArray
    border: FloatArray
    depth: FloatArray
    half_width: FloatArray
    place: FloatArray
    steep: FloatArray

    @classmethod
    def of(cls, canvas: Canvas, midline: Midline, half_mm: float) -> _Slab:
        window = canvas.about(midline.points, half_mm)
        window = (window[0], slice(0, canvas.shape[1]), window[2])
        x, y, z = canvas.fine.axes(window)
        order = np.argsort(midline.points[:, 2])
        height = midline.points[order, 2]

        def course(values: FloatArray) -> FloatArray:
            return np.asarray(np.interp(z, height, values[order]))

        return cls(
            window,
            course(midline.points[:, 0])[None, :] - x[:, None],
            y,
            z,
            course(midline.points[:, 1]),
            course(midline.depth_mm),
            course(midline.half_width_mm),
            course(midline.place),
            np.clip(course(-midline.normal[:, 0]), 0.4, 1.0),
        )


def _of_structures(canvas: Canvas, window: Window, *structures: Structure) -> Mask:
    kind = canvas.anatomy[window] // np.uint16(STRUCTURE_STEP)
    lookup = np.zeros(256, np.bool_)
    lookup[[int(s) for s in structures]] = True
    return np.asarray(lookup[kind])


def _paint_longitudinal(canvas: Canvas, midline: Midline, plan: SpinePlan) -> None:
    """The posterior and the anterior longitudinal ligament, which bridge the hollows of the bodies."""
    slab = _Slab.of(canvas, midline, ALL_HALF_WIDTH_MM)
    solid = _of_structures(canvas, slab.window, Structure.VERTEBRAL_BODY, Structure.SACRUM, Structure.DISC)
    behind = (slab.border[None, :] - slab.y[:, None]) * slab.steep
    solid &= (behind < 6.0)[None]
    some = solid.any(axis=1)
    ny = solid.shape[1]
    pitch = canvas.pitch_mm
    low_y = np.argmax(solid, axis=1)
    high_y = ny - 1 - np.argmax(solid[:, ::-1], axis=1)
    span = {key: max(int(mm / pitch), 3) for key, mm in SPAN_MM.items()}
    course = slab.border
    last = len(plan.vertebrae) - 1
    at_disc = np.clip(1.0 - np.abs(np.mod(slab.place + 0.5, 1.0) - 0.5) / 0.3, 0.0, 1.0)
    at_disc = np.where(slab.place > last + 0.3, 0.0, at_disc)
    narrow, broad = (w * plan.size for w in PLL_HALF_WIDTH_MM)
    half = narrow + (broad - narrow) * at_disc
    back = _bridged(np.where(some, course - slab.y[low_y], -3.0), span["posterior"], pitch)
    depth = course[None, None, :] - slab.y[None, :, None] - back[:, None, :]
    thick = np.maximum(PLL_BEHIND_BODY_MM + (PLL_MM - PLL_BEHIND_BODY_MM) * at_disc, pitch)
    pll = (depth > 0.0) & (depth <= thick) & (np.abs(slab.left) < half)[:, None, :]
    thinner = np.clip(255 * (1.0 - at_disc) * (1.0 - PLL_BEHIND_BODY_MM / pitch), 0, 255)
    mix = np.broadcast_to(thinner.astype(np.uint8), pll.shape)
    canvas.paint(slab.window, pll & (slab.place < last + 1.4), Tissue.LIGAMENT, mix=mix, over=SOFT)
    front_course = course + 34.0
    front = _bridged(np.where(some, slab.y[high_y] - front_course, -40.0), span["anterior"], pitch)
    ahead = slab.y[None, :, None] - front_course[None, None, :] - front[:, None, :]
    wide = np.abs(slab.left) < ALL_HALF_WIDTH_MM * plan.size
    anterior = (ahead > 0.0) & (ahead <= max(ALL_MM, pitch)) & wide[:, None, :]
    here = (slab.place < last + 0.9) & (slab.place > 0.2)
    canvas.paint(slab.window, anterior & here, Tissue.LIGAMENT, over=SOFT)


def _bridged(surface: FloatArray, size: int, pitch: float) -> FloatArray:
    """A surface (nx, nz) with its hollows along z spanned."""
    spanned = grey_closing(surface, size=(1, size))
    return np.asarray(gaussian_filter1d(spanned, 1.0 / pitch, axis=1, mode="nearest"))


def _paint_flava(canvas: Canvas, midline: Midline, plan: SpinePlan) -> None:
    """The ligamenta flava, from the front of each lamina to the upper edge of the next."""
    slab = _Slab.of(canvas, midline, float(midline.half_width_mm[: len(midline.along) * 2 // 3].max()))
    behind = ((slab.border[None, :] - slab.y[:, None]) * slab.steep).astype(np.float32)
    arch = _of_structures(canvas, slab.window, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM)
    arch &= ((behind > 0.55 * slab.depth) & (behind < slab.depth + 16.0))[None]
    some = arch.any(axis=1)
    ny = arch.shape[1]
    front = behind[ny - 1 - np.argmax(arch[:, ::-1], axis=1), np.arange(arch.shape[2])[None, :]]
    surface, above, below = _across_gaps(np.where(some, front, np.nan), canvas.pitch_mm)
    surface = gaussian_filter(surface, 1.0 / canvas.pitch_mm, mode="nearest")
    thick = _flavum_thickness(plan, slab)
    low, high = FLAVUM_GAP_MM
    gap = (above + below > low) & (above + below < high) & ~some
    near = _reach_up(gap, int(FLAVUM_OVER_LAMINA_MM / canvas.pitch_mm))
    share = np.where(gap, 1.0, near)
    # In the gap it lies where the laminae's fronts would; over the lamina above it thins out on its front.
    first = surface - np.where(gap, 0.45 * thick, 0.75 * thick * share)
    last = surface + np.where(gap, 0.55 * thick, 0.6)
    used = (gap | (near > 0.0)) & (slab.place < len(plan.vertebrae) - 0.6)
    used &= np.abs(slab.left) < slab.half_width + 1.0
    cleft = np.abs(slab.left) < 0.4
    inside = (
        (behind[None] >= first[:, None, :]) & (behind[None] <= last[:, None, :]) & (used & ~cleft)[:, None, :]
    )
    canvas.paint(slab.window, inside, Tissue.LIGAMENT, mix=25, over=SOFT)


def _flavum_thickness(plan: SpinePlan, slab: _Slab) -> FloatArray:
    """(nz,) mm: thicker behind worn discs and in narrow canals."""
    grades = np.array([float(disc.spec.grade or 1) for disc in plan.discs])
    worn = np.interp(slab.place, np.arange(1, len(grades) + 1), np.clip(grades - WORN_GRADE + 1, 0, 2))
    share = float(plan.spec.canal_share or 1.0)
    return np.asarray(FLAVUM_MM * plan.size * (1.0 + 0.2 * worn + 0.4 * max(0.0, 1.0 - share)))


def _across_gaps(surface: FloatArray, pitch: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A surface (nx, nz) made whole along z, and how far the known parts above and below are, mm."""
    nz = surface.shape[1]
    index = np.arange(nz)
    known = ~np.isnan(surface)
    below = np.maximum.accumulate(np.where(known, index, -nz), axis=1)
    above = np.minimum.accumulate(np.where(known, index, 2 * nz)[:, ::-1], axis=1)[:, ::-1]
    lower = np.take_along_axis(surface, np.clip(below, 0, nz - 1), axis=1)
    upper = np.take_along_axis(surface, np.clip(above, 0, nz - 1), axis=1)
    t = (index - below) / np.maximum(above - below, 1)
    whole = np.where(known, surface, lower + t * (upper - lower))
    whole = np.nan_to_num(whole, nan=float(np.nanmedian(surface)))
    return whole, np.asarray((above - index) * pitch), np.asarray((index - below) * pitch)


def _reach_up(gap: Mask, reach: int) -> FloatArray:
    """1 in the uppermost row of a gap, falling to 0 `reach` rows above it."""
    index = np.arange(gap.shape[1])
    last = np.maximum.accumulate(np.where(gap, index, -10 * reach - gap.shape[1]), axis=1)
    return np.clip(1.0 - (index - last) / max(reach, 1), 0.0, 1.0)


def _paint_spinous(canvas: Canvas, midline: Midline, plan: SpinePlan, grain: tuple[Texture, Texture]) -> None:
    """The interspinous ligaments, streaked with fat, and the supraspinous one over the tips."""
    slab = _Slab.of(canvas, midline, 6.0)
    behind = (slab.border[None, :] - slab.y[:, None]) * slab.steep
    arch = _of_structures(canvas, slab.window, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM)
    near = np.abs(slab.left) < max(1.5, canvas.pitch_mm)
    bone = (arch & near[:, None, :]).any(axis=0) & (behind > slab.depth + 2.0)
    _, above, below = _across_gaps(np.where(bone, 1.0, np.nan), canvas.pitch_mm)
    between = ~bone & (above + below < SPINES_GAP_MM) & (slab.place < len(plan.vertebrae) - 0.5)
    fan = _fan(slab, behind, grain, canvas.pitch_mm)
    uneven = 1.0 - 0.2 * np.clip(fan, 0.0, 1.5)
    thin = np.abs(slab.left)[:, None, :] < INTERSPINOUS_HALF_MM * plan.size * uneven
    mix = np.clip(105 + 75 * fan, 0, 255).astype(np.uint8)
    canvas.paint(slab.window, between[None] & thin, Tissue.LIGAMENT, mix=mix, over=SOFT)
    some = bone.any(axis=0)
    if not some.any():
        return
    # From tip to tip: what lies between them, laminae too, is spanned.
    tip = np.where(some, slab.border - slab.y[np.argmax(bone, axis=0)], 0.0)
    span = max(int(SPINES_GAP_MM / canvas.pitch_mm), 3)
    reach = gaussian_filter1d(grey_closing(tip, size=span, mode="nearest"), 2.0 / canvas.pitch_mm)
    line = slab.border - reach
    held = (reach > slab.depth + 8.0) & (slab.place < len(plan.vertebrae) - 1.3)
    depth = line[None, :] - slab.y[:, None]
    uneven = fan[fan.shape[0] // 2]
    over = (depth > -1.0 - 0.5 * uneven) & (depth < SUPRASPINOUS_MM * (0.8 + 0.35 * uneven)) & held
    wide = np.abs(slab.left) < SUPRASPINOUS_HALF_MM * plan.size
    mix = np.clip(35 + 45 * fan, 0, 160).astype(np.uint8)
    canvas.paint(slab.window, over[None] & wide[:, None, :], Tissue.LIGAMENT, mix=mix, over=SOFT)


def _fan(slab: _Slab, behind: FloatArray, grain: tuple[Texture, Texture], pitch_mm: float) -> FloatArray:
    """(nx, ny, nz) fibres that run backwards and upwards, the steeper the further behind; standard deviation 1.

    The first texture, which is stretched along z, is read along turned axes; the second makes the fibres uneven.
    """
    streaks, lumps = grain
    lump = lumps.on(slab.window) / np.float32(LEVELS)
    back = (behind - slab.depth) / pitch_mm
    low, high = FAN_RISE
    steep = np.clip(low + (high - low) * back * pitch_mm / 30.0, 0.0, high)
    height = np.arange(len(slab.z)) + FAN_WAVE_MM / pitch_mm * lump[lump.shape[0] // 2]
    norm = np.hypot(1.0, steep)
    across, along = (height - steep * back) / norm, (back + steep * height) / norm
    at = (np.rint(part).astype(np.intp).ravel() for part in (across, along))
    fibres = streaks.columns(slab.window[0], *at).reshape(-1, *back.shape) / np.float32(LEVELS)
    return np.asarray(FAN_SHARE * fibres + np.float32(np.sqrt(1.0 - FAN_SHARE**2)) * lump)
