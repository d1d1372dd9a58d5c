"""What fills the bony canal: epidural fat and veins, the dura, CSF and the cord; the roots come from `roots`."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.midline import Midline
from resorb.simulation.spine.plan import SIDES, SpinePlan
from resorb.simulation.spine.roots import paint_roots
from resorb.simulation.spine.sac import Sac
from resorb.simulation.spine.strip import Strip
from resorb.simulation.spine.texture import LEVELS, Texture
from resorb.simulation.tissue import Tissue

DURA_MM, DURA_THICK_MM = 0.5, 0.3  # as painted, without holes; as it is (0.2 to 0.4, from memory, unverified)
#: Fat reaches this far behind the laminae's fronts, between them; bone and flava are painted over it.
ROOF_MM = 7.0
FORAMEN_MM = (11.0, 8.5, 11.5)  # half sizes of the fat around an exiting root; from memory, unverified
VEIN_MIX = 150  # share of vein in the plexus, 1/255
SAC_ANATOMY = anatomy_index(Structure.THECAL_SAC)


def paint_canal(plan: SpinePlan, canvas: Canvas) -> None:
    """Paint the contents of the canal and of the foramina, before the bones and discs are painted over them."""
    midline = Midline.of(plan)
    sac = Sac.of(plan, midline)
    rng = np.random.default_rng([plan.spec.seed, 22])
    grain = Texture.draw(rng, (2.2 / canvas.pitch_mm,) * 3)
    _paint_foramina(plan, canvas, midline)
    _paint_fat(plan, canvas, midline, grain)
    strip = Strip.of(canvas, midline, float(sac.half_width.max()) * 1.25 + 2.0, (0.0, 30.0))
    _paint_sac(canvas, strip, midline, sac)
    paint_roots(plan, canvas, midline, sac)


def _paint_fat(plan: SpinePlan, canvas: Canvas, midline: Midline, grain: Texture) -> None:
    """Fat between the bones, with the anterior internal veins in it behind the bodies."""
    strip = Strip.of(canvas, midline, float(midline.half_width_mm.max()) + 3.0, (-3.0, 30.0))
    left = np.abs(strip.left(midline))
    half, depth, place = (
        np.interp(strip.along, midline.along, course).astype(np.float32)
        for course in (midline.half_width_mm, midline.depth_mm, midline.place)
    )
    behind = strip.behind.astype(np.float32)
    across = left / (half + 2.0)
    # Above the uppermost lamina drawn there would be another one.
    covered = np.clip((place - 0.3) / 0.1, 0.1, 1.0)
    roof = (depth + ROOF_MM * covered) * (1.0 - 0.55 * across**2)
    fat = (across < 1.0) & (behind < roof)
    strip.paint(canvas, fat, Tissue.EPIDURAL_FAT)
    # The veins run up and down beside the ligament and meet behind the middle of each body.
    in_body = np.clip(1.0 - np.abs(np.mod(place, 1.0) - 0.5) / 0.3, 0.0, 1.0)
    beside = np.exp(-(((left - 0.45 * half) / (0.22 * half)) ** 2))
    middle = np.exp(-((left / 4.0) ** 2)) * np.clip(in_body - 0.5, 0.0, 1.0)
    thick = 2.6 * in_body * np.maximum(beside, middle) + 1.2 * beside
    thick *= 1.0 + 0.5 * grain.columns(strip.x, strip.y, strip.z) / np.float32(LEVELS)
    vein = fat & (behind < thick) & (behind > -2.0)
    strip.paint(canvas, vein, Tissue.EPIDURAL_FAT, VEIN_MIX)


def _paint_foramina(plan: SpinePlan, canvas: Canvas, midline: Midline) -> None:
    """The fat around the roots that leave under each pedicle."""
    for body in plan.vertebrae[:-1]:
        for side, _ in SIDES:
            bottom = body.pedicle(side) - [0.0, 0.0, body.pedicle_height_mm / 2 + 6.0]
            middle = body.to_world(bottom)
            size = np.array(FORAMEN_MM) * plan.size
            window = canvas.window(middle - size - 2, middle + size + 2)
            left, posterior, cranial = canvas.local(window, body.pose)
            shape = (
                ((left - bottom[0]) / size[0]) ** 2
                + ((posterior - bottom[1]) / size[1]) ** 2
                + ((cranial - bottom[2]) / size[2]) ** 2
            )
            canvas.paint(window, shape < 1.0, Tissue.EPIDURAL_FAT)


def _paint_sac(canvas: Canvas, strip: Strip, midline: Midline, sac: Sac) -> None:
    """The dura, a closed tube, with CSF and the cord in it."""
    along = strip.along
    left = strip.left(midline) - sac.at(sac.left, along).astype(np.float32)
    centre, depth, width, egg = (
        sac.at(course, along).astype(np.float32)
        for course in (sac.centre, sac.half_depth, sac.half_width, sac.egg)
    )
    high = (strip.behind.astype(np.float32) - centre) / depth
    narrowing = 1.0 - egg * np.clip(high, -1.1, 1.1)
    across = left / (width * narrowing)
    # First-order distance to the egg: its equation over the length of its gradient.
    gradient = np.hypot(across / (width * narrowing), (across**2 * egg / narrowing + high) / depth)
    distance = (across**2 + high**2 - 1.0) / (2.0 * np.maximum(gradient, 1e-3))
    distance = np.maximum(distance, (np.abs(high) - 1.0) * depth)
    distance = np.maximum(distance, (along - sac.end_mm).astype(np.float32))
    wall = max(DURA_MM, 1.1 * canvas.pitch_mm)
    inside = distance < 0.0
    strip.paint(canvas, inside, Tissue.CSF)
    rest = int(255 * (1.0 - DURA_THICK_MM / wall))  # of the voxel, which CSF fills
    strip.paint(canvas, (distance >= 0.0) & (distance < wall), Tissue.DURA, rest)
    at = (strip.x, strip.y, strip.z)
    canvas.anatomy[at] = np.where(inside, np.uint16(SAC_ANATOMY), canvas.anatomy[at])
    _seal(canvas, strip)
    half_width, half_depth, middle = (value.astype(np.float32) for value in sac.cord_half(along))
    cord = half_width > 0.3
    part = strip.where(cord)
    shape = (left[:, cord] / half_width[cord]) ** 2 + (
        (part.behind.astype(np.float32) - middle[cord]) / half_depth[cord]
    ) ** 2
    part.paint(canvas, (shape < 1.0) & inside[:, cord], Tissue.CORD)


def _seal(canvas: Canvas, strip: Strip) -> None:
    """Close what holes the grid leaves in the dura: no voxel of the sac touches one outside it."""
    if not strip.y.size:
        return
    window = (strip.x, slice(strip.y.min(), strip.y.max() + 1), slice(strip.z.min(), strip.z.max() + 1))
    inside = canvas.anatomy[window] == SAC_ANATOMY
    beside = binary_dilation(inside) & ~inside
    canvas.paint(window, beside, Tissue.DURA, over=(Tissue.FAT, Tissue.EPIDURAL_FAT, Tissue.MUSCLE))
