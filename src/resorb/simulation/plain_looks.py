"""The looks of the plain synthetic study: tissues of T2-weighted MRI, receive coil and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates
from scipy.spatial import cKDTree

from resorb.anatomy import Structure, anatomy_index
from resorb.simulation.plain_spine import BULGE_MM, SPINE, Array, Block, Focal

Image = NDArray[np.float32]
Window = tuple[slice, slice]

MARROW, CORTEX, CSF, NERVE, FAT, MUSCLE, LIGAMENT = 0.34, 0.04, 1.0, 0.42, 0.70, 0.09, 0.05
#: Along the spine (0 = top of T11, +1 per body): sac's front and back behind the posterior wall, its half width,
#: depth of the bony canal, of the fascia and of the skin; mm.
STATION = (0.0, 2.0, 4.0, 5.8, 6.8, 7.4, 8.0, 8.6)
SAC_FRONT = (1.2, 1.2, 1.6, 2.2, 4.0, 6.5, 7.0, 6.5)
SAC_BACK = (15.5, 15.5, 15.5, 15.0, 14.5, 14.0, 11.0, 7.5)
SAC_HALF_WIDTH = (9.0, 9.0, 9.0, 8.5, 8.0, 6.5, 4.5, 1.5)
CANAL = (18.0, 18.0, 18.5, 19.0, 20.0, 18.0, 14.0, 12.0)
FASCIA = (44.0, 48.0, 50.0, 46.0, 42.0, 38.0, 34.0, 30.0)
SKIN = (58.0, 62.0, 70.0, 74.0, 74.0, 70.0, 64.0, 58.0)
#: Posterior elements: |x| and half width, centre behind the posterior wall and above mid-height, half sizes, tilt.
ARCH = (
    ("pedicle", 14.0, 4.5, 6.5, 5.5, 9.5, 7.0, 0.0),
    ("lamina", 8.0, 6.5, 21.5, -6.0, 3.4, 11.0, 14.0),
    ("upper facet", 17.5, 5.0, 14.0, 13.0, 4.5, 10.0, 10.0),
    ("lower facet", 15.5, 5.0, 21.5, -13.0, 5.0, 12.0, 12.0),
    ("transverse process", 27.0, 8.0, 12.0, 4.0, 4.0, 6.0, 0.0),
    ("spinous process", 0.0, 3.4, 34.0, -9.0, 12.5, 10.5, -8.0),
)


class Canvas:
    """The sub-slices of one slice: tissue brightness with soft edges, and labels of the middle sub-slice."""

    def __init__(self, background: Image, count: int, pixel_mm: float) -> None:
        self.value = np.repeat(background[None].astype(np.float32), count, axis=0)
        self.label = np.zeros(background.shape, np.uint16)
        self.pixel_mm = pixel_mm

    def paint(self, window: Window, distance: Array, value: ArrayLike, label: int | None = None) -> None:
        """Cover what lies inside (`distance` < 0), a boundary pixel in proportion."""
        region = self.value[:, *window]
        cover = np.clip(0.5 - distance / self.pixel_mm, 0, 1)
        region += (cover * (np.asarray(value) - region)).astype(np.float32)
        if label is not None:
            self.label[window][distance[len(distance) // 2] < 0] = label


class Scene:
    """Everything that is the same in every slice.

    Args:
        plane: (n, m, 2) points (anterior, up) mm of the midsagittal plane, running backwards and downwards.
    """

    def __init__(
        self,
        plane: Array,
        pixel_mm: float,
        blocks: list[Block],
        focal: Focal | None,
        rng: np.random.Generator,
    ) -> None:
        self.plane, self.pixel_mm, self.blocks, self.focal, self.rng = plane, pixel_mm, blocks, focal, rng
        self.behind_mm, self.station = self._behind(1)
        self.before_mm = -self._behind(0)[0]
        self.behind_fascia_mm, self.behind_skin_mm = self._behind_back(FASCIA), self._behind_back(SKIN)
        self.windows = [self.window(block.ends, 7.0) for block in blocks]
        self.placed = [block.at(plane[window]) for block, window in zip(blocks, self.windows, strict=True)]
        self.marrow = {block.name: MARROW * rng.uniform(0.9, 1.1) for block in blocks}
        self.surroundings: dict[int, Image] = {}
        # A block of noise, 2 mm a cell, that textures are cut from.
        self.grain = _noise(rng, (64, 96, 160), (1.0, 1.0, 1.0))
        self.strands = rng.uniform((-6.5, 0.35), (6.5, 0.9), (16, 2))

    def draw(self, x: Array) -> Canvas:
        """One slice; x (count, 1, 1) holds the lateral positions of its sub-slices, RAS+ mm."""
        centre = float(x[len(x) // 2, 0, 0])
        about = 2 * round(centre / 2)  # thin slices share their surroundings
        if about not in self.surroundings:
            self.surroundings = {about: self._soft_tissue(about)}
        canvas = Canvas(self.surroundings[about], len(x), self.pixel_mm)
        self._canal(canvas, x)
        self._arches(canvas, x)
        self._sac(canvas, x)
        for block, window, at in zip(self.blocks, self.windows, self.placed, strict=True):
            distance, r = block.distance(x, at, BULGE_MM.get(block.name, 0.0))
            if block.is_disc:
                cleft = 1 - 0.45 * np.exp(-(((at.t - 0.5) / 0.09) ** 2))
                core = np.clip((0.78 - r) / 0.2, 0, 1) * np.sqrt(4 * at.t * (1 - at.t)) * cleft
                value = LIGAMENT + block.nucleus * core + 0.03 * self._cut(centre, window, 0.7)
                canvas.paint(window, distance, value, _index(block))
            else:
                canvas.paint(window, distance, CORTEX, _index(block))
                vein = ((at.t - 0.55) / 0.07) ** 2 + ((at.b / at.depth - 0.85) / 0.22) ** 2 + (x / 6) ** 2
                mottle = 0.10 * self._cut(centre, window, 1.0) + 0.07 * self._cut(centre + 40, window, 0.35)
                value = self.marrow[block.name] * (1 + mottle) + 0.3 * np.exp(-vein)
                canvas.paint(window, distance + 0.7, value)
        if self.focal:
            window = self.window(self.focal.disc.ends[:, 1], 12.0)
            plane = self.plane[window]
            distance = self.focal.distance(x, plane)
            for body in (block for block in self.blocks if not block.is_disc):
                distance = np.maximum(distance, -body.distance(x, body.at(plane))[0])
            canvas.paint(window, distance, LIGAMENT)
            core = self.focal.distance(x, plane, base_mm=5.0)
            canvas.paint(window, core + 1.1, 0.12)
        return canvas

    def _soft_tissue(self, x: float) -> Image:
        """Everything that is not spine: retroperitoneum, vessels, muscle, fat, skin, air."""
        e, v = self.behind_mm, self.station
        everywhere = (slice(None), slice(None))
        coarse, fine = self._cut(x, everywhere, 0.16), self._cut(x + 20, everywhere, 0.5)
        front = np.clip(0.30 + 0.16 * coarse + 0.05 * fine, 0.03, 1)
        for x0, before, radius in ((-5.0, 14.0, 9.0), (16.0, 11.0, 9.0)):  # aorta and vena cava: flow voids
            wall = np.hypot(x - x0, self.before_mm - before) - radius
            front = np.where((wall < 0) & (v < 5.4), 0.03, front)
        front = np.where(np.abs(self.before_mm - 1.0) < 1.0, 0.05, front)  # anterior longitudinal ligament
        if abs(x) > 22:
            front = np.where((self.before_mm < 12) & (v < 7), MUSCLE + 0.02 * fine, front)  # psoas
        streaks = self._cut(x, everywhere, (0.6, 0.12))
        muscle = np.clip(MUSCLE + 0.03 * fine + 0.5 * np.clip(streaks - 0.9, 0, 1), 0.02, 0.8)
        between = np.clip(0.30 + 0.22 * self._cut(x, everywhere, (0.3, 0.5)), 0.04, 0.8)  # interspinous
        midline = 1 / (1 + np.exp((abs(x) - 5.5) / 0.8))
        back = midline * between + (1 - midline) * muscle
        septa = np.abs(self._cut(x, everywhere, (0.15, 0.3))) < 0.06
        fat = np.where(septa, 0.45, FAT * 1.1 + 0.04 * fine)
        value = np.where(e < 0, front, back)
        fascia, skin = self.behind_fascia_mm, self.behind_skin_mm
        value = np.where(fascia > 0, fat, value)
        value = np.where(np.abs(fascia) < 0.9, 0.05, value)
        value = np.where(np.abs(skin) < 1.0, 0.25, value)
        return np.where(skin > 0, 0.0, value).astype(np.float32)

    def _canal(self, canvas: Canvas, x: Array) -> None:
        e, v = self.behind_mm, self.station
        depth = np.interp(v, STATION, CANAL)
        within = (slice(None), slice(None))
        foramina = np.maximum(np.abs(e - 8) - 8, np.abs(x) - 23) + 20 * (v > 7.2)
        clumps = 0.45 + 0.12 * self._cut(float(x.mean()), within, (0.5, 0.5))
        canvas.paint(within, foramina, clumps)
        flavum = np.maximum(np.abs(e - depth - 0.5) - 2.0, np.abs(x) - 11)
        canvas.paint(within, flavum, LIGAMENT)
        canal = np.maximum(np.abs(e - depth / 2) - depth / 2, np.abs(x) - 11.5)
        canvas.paint(within, canal + 12 * (v > 9.5), FAT)
        crest = np.maximum(np.abs(e - depth - 4.5) - 4.0, np.abs(x) - 22) + 10 * ((v < 7.35) | (v > 9.6))
        sacrum = anatomy_index(Structure.SACRUM, "S1")
        canvas.paint(within, crest, CORTEX, sacrum)
        canvas.paint(within, crest + 1.0, 0.9 * MARROW)

    def _arches(self, canvas: Canvas, x: Array) -> None:
        for block in self.blocks:
            if block.is_disc or block.name[0] == "S":
                continue
            posterior = block.ends[:, 1]
            up = (posterior[0] - posterior[1]) / np.hypot(*(posterior[0] - posterior[1]))
            back = np.array([-up[1], up[0]])
            centre = posterior.mean(0)
            reach = np.array(
                [
                    centre + back * 50 + up * 30,
                    centre + back * 50 - up * 32,
                    centre + up * 30,
                    centre - up * 32,
                ]
            )
            window = self.window(reach, 2.0)
            offset = self.plane[window] - centre
            p, h = offset @ back, offset @ up
            small = 0.8 if block.name == "L5" else 1.0
            root = np.maximum(np.hypot((p - 6) / 0.9, h + 4.5) - 2.6, np.abs(np.abs(x) - 17) - 7)
            canvas.paint(window, root, NERVE)
            index = anatomy_index(Structure.POSTERIOR_ELEMENTS, block.name)
            for _, x0, half_x, p0, h0, half_p, half_h, tilt in ARCH:
                turn = np.radians(tilt)
                dp, dh = p - p0, h - h0
                along, across = dh * np.cos(turn) + dp * np.sin(turn), dp * np.cos(turn) - dh * np.sin(turn)
                if x0 == 0:
                    half_p, half_h = half_p * small, half_h * small
                box = (np.abs(np.abs(x) - x0) - half_x, np.abs(across) - half_p, np.abs(along) - half_h)
                distance = _rounded(box, 0.7 * min(half_p, half_x))
                canvas.paint(window, distance, CORTEX, index)
                texture = 1 + 0.12 * self._cut(float(x.mean()), window, 0.8)
                canvas.paint(window, distance + 0.9, self.marrow[block.name] * 1.1 * texture)

    def _sac(self, canvas: Canvas, x: Array) -> None:
        v = self.station
        within = self.window(self.plane[(self.behind_mm > -1) & (self.behind_mm < 24) & (v < 8.8)], 1.0)
        e, v = self.behind_mm[within], v[within]
        front = np.interp(v, STATION, SAC_FRONT)[None]
        if self.focal:
            front = np.maximum(front, self.focal.drape(x, self.plane[within]))
        back = np.interp(v, STATION, SAC_BACK)
        width = np.interp(v, STATION, SAC_HALF_WIDTH)
        half = np.maximum((back - front) / 2, 0.3)
        depth = (e - front) / half - 1  # -1 at the front of the sac, 1 at its back
        rho = np.sqrt(depth**2 + (x / width) ** 2)
        sac = np.maximum((rho - 1) * np.minimum(half, width), (v - 8.55) * 25)
        canvas.paint(within, sac - 0.7, LIGAMENT)
        canvas.paint(within, sac, CSF, anatomy_index(Structure.THECAL_SAC))
        taper = np.clip((3.2 - v) / 1.0, 0, 1)  # the conus ends at L1/L2
        cord = np.hypot(x / 1.25, e - back + 7.2) - 4.4 * np.sqrt(taper)
        canvas.paint(within, np.where(taper > 0, cord, 9.0), NERVE)
        cover = np.zeros(np.broadcast_shapes(x.shape, e.shape))
        for x0, place in self.strands:
            spread = np.clip((v - 2.0) / 4.0, 0, 1)
            dx = x - x0 * (0.55 + 0.25 * spread)
            de = (depth - (1.5 * place - 0.75)) * half
            cover = np.maximum(cover, np.exp(-((dx / 1.0) ** 2) - (de / 0.55) ** 2))
        roots = np.where((v > 1.2) & (sac < -0.3), 0.5 * cover, 0.0)
        canvas.value[:, *within] *= 1 - roots.astype(np.float32)

    def _cut(self, x: float, window: Window, cells_per_mm: float | tuple[float, float]) -> Array:
        """Noise of unit spread; with two scales, (across, along) the spine."""
        if isinstance(cells_per_mm, tuple):
            across, along = cells_per_mm
            points = [self.behind_mm[window] * across, self.station[window] * 32 * along]
        else:
            across = cells_per_mm
            points = [self.plane[window][..., 0] * across, self.plane[window][..., 1] * across]
        lateral = np.full(points[0].shape, x * across)
        return np.asarray(map_coordinates(self.grain, [lateral, *points], order=1, mode="grid-wrap"))

    def window(self, points: Array, margin_mm: float) -> Window:
        """The part of the plane within a margin of some of its points."""
        corner = self.plane[0, 0]
        low, high = points.reshape(-1, 2).min(0) - margin_mm, points.reshape(-1, 2).max(0) + margin_mm
        j0, k0 = np.clip((corner - high) / self.pixel_mm, 0, None).astype(int)
        j1, k1 = np.clip((corner - low) / self.pixel_mm, 0, None).astype(int)
        return slice(j0, j1 + 2), slice(k0, k1 + 2)

    def _behind_back(self, depths: tuple[float, ...]) -> Array:
        """Mm behind a smooth surface of the back that lies this deep behind the posterior wall."""
        walls = np.array([block.ends[0, 1] for block in self.blocks if not block.is_disc])
        depth = np.interp(range(len(walls)), STATION, depths)
        tilt = np.radians([row[1] for row in SPINE]) * 0.6
        surface = walls + depth[:, None] * np.stack([-np.cos(tilt), np.sin(tilt)], -1)
        surface = np.vstack([surface, 4 * surface[-1] - 3 * surface[-2]])
        order = np.argsort(surface[:, 1])
        curve = gaussian_filter1d(
            np.interp(self.plane[0, :, 1], surface[order, 1], surface[order, 0]), 12 / self.pixel_mm
        )
        return np.asarray(curve - self.plane[..., 0])

    def _behind(self, rim: int) -> tuple[Array, Array]:
        """Mm behind the curve through the anterior (0) or posterior (1) rims, and the station along the spine."""
        points = np.array([b.ends[:, rim] for b in self.blocks if not b.is_disc]).reshape(-1, 2)
        stations = np.array([n + part for n in range(len(SPINE)) for part in (0.0, 0.78)])
        points = np.vstack([2.5 * points[0] - 1.5 * points[1], points, 2.5 * points[-1] - 1.5 * points[-2]])
        stations = np.array([-1.17, *stations, len(SPINE) + 0.95])
        curve = CubicSpline(stations, points)
        fine = np.linspace(stations[0], stations[-1], 900)
        tangent = curve(fine, 1)  # downwards
        backwards = np.stack([tangent[:, 1], -tangent[:, 0]], -1)
        every = self.plane.reshape(-1, 2)
        distance, nearest = cKDTree(curve(fine)).query(every)
        sign = np.sign(((every - curve(fine)[nearest]) * backwards[nearest]).sum(1))
        shape = self.plane.shape[:2]
        return (sign * distance).reshape(shape), fine[nearest].reshape(shape)


def _rounded(box: tuple[Array, Array, Array], radius_mm: float) -> Array:
    """Mm outside a box with rounded edges, from the mm outside its pairs of faces."""
    x, p, h = (side + radius_mm for side in box)
    out = np.sqrt(np.maximum(x, 0) ** 2 + np.maximum(p, 0) ** 2 + np.maximum(h, 0) ** 2)
    return np.asarray(out + np.minimum(np.maximum(np.maximum(x, p), h), 0) - radius_mm)


def _index(block: Block) -> int:
    upper = block.name.partition("/")[0]
    if upper[0] == "S":
        return anatomy_index(Structure.SACRUM, "S1")
    return anatomy_index(Structure.DISC if block.is_disc else Structure.VERTEBRAL_BODY, upper)


def scan(tissue: Image, scene: Scene) -> NDArray[np.int16]:
    """Receive coil behind the back, slow shading, and Rician noise; int16 in arbitrary units."""
    rng = scene.rng
    coil = 1.25 * np.exp(-np.clip(30 - scene.behind_mm, 0, None) / 150)
    edge = np.abs(scene.plane[..., 1]) / np.abs(scene.plane[0, 0, 1])
    shading = gaussian_filter(rng.standard_normal(coil.shape), 60 / scene.pixel_mm)
    shading = 1 + 0.10 * shading / shading.std()
    signal = tissue * (coil * shading * (1 - 0.35 * edge**4)).astype(np.float32)
    noise = 0.022 * rng.standard_normal((2, *tissue.shape), dtype=np.float32)
    return np.asarray(600 * np.hypot(signal + noise[0], noise[1]), np.int16)


def _noise(rng: np.random.Generator, shape: tuple[int, int, int], cells: tuple[float, float, float]) -> Array:
    """Smooth noise of unit spread that repeats at its edges."""
    field = gaussian_filter(rng.standard_normal(shape), cells, mode="wrap")
    return np.asarray(field / field.std())
