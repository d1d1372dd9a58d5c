"""The nerve roots: where each runs from the conus through the sac and the lateral recess, out under its pedicle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.interpolate import PchipInterpolator

from resorb.simulation.phantom import Side
from resorb.simulation.spine.canvas import Canvas
from resorb.simulation.spine.midline import Midline
from resorb.simulation.spine.plan import SIDES, SacralSegment, SpinePlan, VertebraPlan
from resorb.simulation.spine.sac import Sac
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

RootName = tuple[str, Side]

STEP_MM = 0.4  # between the points of a painted root
#: Angle from the back of the sac at which a root lies, degrees, by how many levels above its exit: in a
#: patient on the back the roots sink backwards, the lower ones towards the midline (from memory,
#: unverified).
LEVELS_ABOVE = (0.0, 0.4, 1.0, 2.0, 3.0, 4.0, 6.0)
ANGLE_DEG = (112.0, 96.0, 72.0, 46.0, 29.0, 17.0, 6.0)
#: Fascicles of a root: degrees off that angle, and distance from the sac's middle as a share of its radius.
STRAND_LIES = ((-3.0, 0.77), (-6.0, 0.62), (7.0, 0.68), (-14.0, 0.78), (16.0, 0.5))
STRAND_VARIES = ((3.0, 0.07), (8.0, 0.13), (7.0, 0.1), (8.0, 0.09), (9.0, 0.14))
NEAREST, FARTHEST = 0.25, 0.86  # to the sac's middle, of its radius
WANDER, WANDER_MM = (
    0.1,
    (50.0, 130.0),
)  # by which a strand rises and falls, of that radius, and how long it takes
GATHERED = (0.55, 1.0)  # how closely the roots of a person lie at the midline, against `ANGLE_DEG`
OUT_OF_SAC = 1.14  # of its radius: where a root has left it
#: A root leaves the sac this far above the middle of its pedicle (from memory, unverified).
EXIT_ABOVE_MM, S1_EXIT_BELOW_MM = 9.0, 2.0  # S1 leaves behind the upper rim of its body
CONUS_TO_START_MM = (95.0, 4.0)  # where T11 and S5 leave the cord, above its end; from memory, unverified
#: Half thickness of a root in the sac, of its sleeve, of its ganglion and of the nerve outside, for L5; the share
#: of these at each root. Ganglia are 5-6 mm thick and 11-13 mm long (from memory, unverified).
STRAND_MM, SLEEVE_MM, GANGLION_MM, NERVE_MM = 0.65, 1.6, 3.0, 1.9
GANGLION_HALF_LENGTH_MM = 5.5
SHORTEST_MM = 20.0  # a root's way in the sac, at least; from memory, unverified
#: How a nerve runs on from under its pedicle's lateral border (outwards, backwards, upwards): through the psoas; that
#: of the last lumbar body over the wing of the sacrum.
INTO_PSOAS_MM = np.array([[3.0, -1.5, -4.5], [13.0, -6.0, -17.0], [20.0, -12.0, -36.0]])
OVER_ALA_MM = np.array([[2.0, -9.0, -2.5], [6.0, -24.0, -9.0], [10.0, -46.0, -24.0]])
UNDER_MM = 1.0  # fat between a pedicle and the ganglion under it
THIN = {
    "T11": 0.7,
    "T12": 0.7,
    "L1": 0.72,
    "L2": 0.8,
    "L3": 0.87,
    "L4": 0.95,
    "S2": 0.8,
    "S3": 0.65,
    "S4": 0.5,
    "S5": 0.5,
}
MIX_STRAND, MIX_SLEEVE, MIX_GANGLION, MIX_NERVE = 25, 60, 45, 20  # share of CSF, 1/255


@dataclass(frozen=True, eq=False)
class Root:
    """One root.

    Attributes:
        points: (n, 3) from the conus outwards, world mm, `STEP_MM` apart.
        radius_mm: (n,) of the root.
        mix: (n,) share of CSF, 1/255.
        exit: index of the point where it leaves the sac; n if it does not.
        strands: its other fascicles in the sac, (m, 3) each, world mm.
    """

    points: FloatArray
    radius_mm: FloatArray
    mix: FloatArray
    exit: int
    strands: tuple[FloatArray, ...]


def root_paths(plan: SpinePlan) -> dict[RootName, FloatArray]:
    """Every root's path, by the vertebra it leaves under and side: (n, 3) world mm, from the conus outwards."""
    midline = Midline.of(plan)
    return {name: root.points for name, root in roots_of(plan, midline, Sac.of(plan, midline)).items()}


def roots_of(plan: SpinePlan, midline: Midline, sac: Sac) -> dict[RootName, Root]:
    """The roots of a planned spine, from above downwards."""
    rng = np.random.default_rng([plan.spec.seed, 23])
    gathered = float(rng.uniform(*GATHERED))
    stations: list[VertebraPlan | SacralSegment] = [*plan.vertebrae[:-1], *plan.sacrum]
    roots: dict[RootName, Root] = {}
    for number, station in enumerate(stations):
        above = float(np.interp(number, (0.0, len(stations) - 1.0), CONUS_TO_START_MM))
        for side, sign in SIDES:
            way = _Way(midline, sac, sign, sac.conus_mm - above, plan.vertebrae[-2], rng, gathered)
            scale = THIN.get(station.name, 1.0) * plan.size
            if isinstance(station, VertebraPlan):
                roots[station.name, side] = _lumbar(way, station, side, scale)
            else:
                roots[station.name, side] = _sacral(way, station, scale)
    return roots


@dataclass(frozen=True, eq=False)
class _Way:
    """Where a root may run: the sac, its side (`sign`, 1 left), where it leaves the cord, the last lumbar body.

    `gathered` is how near the midline the roots of this person lie, see `GATHERED`.
    """

    midline: Midline
    sac: Sac
    sign: float
    start_mm: float
    last: VertebraPlan
    rng: Generator
    gathered: float

    def lane(self, exit_mm: float, turn_deg: float, lies: float) -> FloatArray:
        """(n, 3) canal coordinates of a strand from the cord to where it leaves the sac, every mm."""
        sac, midline = self.sac, self.midline
        first = max(min(self.start_mm, exit_mm - SHORTEST_MM), float(midline.along[0]))
        along = np.arange(first, exit_mm, 1.0)
        place = np.interp([exit_mm], midline.along, midline.place) - np.interp(
            along, midline.along, midline.place
        )
        phase, length = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(45.0, 90.0)
        sway = self.rng.normal(0.0, 4.0) + 4.0 * np.sin(2 * np.pi * along / length + phase)
        free = np.clip(place / 0.5, 0.0, 1.0)
        gathered = 1.0 - (1.0 - self.gathered) * free
        angle = gathered * np.interp(place, LEVELS_ABOVE, ANGLE_DEG) + free * (turn_deg + sway)
        angle = self.sign * np.radians(np.clip(angle, -8.0, 150.0))
        wander = WANDER * np.sin(2 * np.pi * along / self.rng.uniform(*WANDER_MM) + 3.0 * phase)
        radius = np.clip(lies + free * wander, NEAREST, FARTHEST)
        out = radius + (OUT_OF_SAC - radius) * np.clip(1.0 - (exit_mm - along) / 7.0, 0.0, 1.0)
        points = sac.inside(angle, out, along)
        half_width, half_depth, middle = sac.cord_half(along)
        beside = 1.15 * np.column_stack([half_width * np.sin(angle), half_depth * np.cos(angle)])
        cord = np.column_stack([sac.at(sac.left, along), middle]) + beside
        # Out of the cord's surface into the lane, and never through the cord beside it.
        leave = np.clip((along - self.start_mm) / 22.0, 0.0, 1.0)[:, None]
        points[:, :2] = cord + leave * (points[:, :2] - cord)
        return points


def _lumbar(way: _Way, body: VertebraPlan, side: Side, scale: float) -> Root:
    """A root that leaves under a pedicle (`scale`: of its thickness)."""
    middle = body.pedicle(side)
    along = float(way.midline.to_canal(body.to_world(middle))[2]) - EXIT_ABOVE_MM
    exit_mm = float(np.clip(along, way.midline.along[0] + 4.0, way.sac.end_mm - 6.0))
    medial = body.canal_width_mm / 2
    lateral = medial + body.pedicle_width_mm
    ganglion = GANGLION_MM * scale
    under = middle[2] - body.pedicle_height_mm / 2 - ganglion - UNDER_MM
    half = body.pedicle_height_mm / 2
    beside = float(way.sac.at(way.sac.half_width, along + EXIT_ABOVE_MM))
    recess = medial - min(SLEEVE_MM * scale + 0.6, 0.5 * max(medial - beside, 0.0))
    own = np.array(
        [
            [recess, middle[1] - 0.3, middle[2] + 0.5],
            [medial - 0.7 * SLEEVE_MM * scale, middle[1] - 0.3, middle[2] - 0.75 * half],
            [medial + 0.35 * body.pedicle_width_mm, middle[1] + 0.3, under],
            *(np.array([lateral, middle[1], under]) + (OVER_ALA_MM if body is way.last else INTO_PSOAS_MM)),
        ]
    )
    own[:, 0] *= way.sign
    outside = body.to_world(own)
    root = _root(way, exit_mm, outside, scale)
    centre = int(np.argmin(np.linalg.norm(root.points - outside[2], axis=1)))
    beyond = STEP_MM * (np.arange(len(root.points)) - centre)
    swell = np.sqrt(np.clip(1.0 - (beyond / (GANGLION_HALF_LENGTH_MM * scale)) ** 2, 0.0, 1.0))
    plain = np.where(beyond < 0, SLEEVE_MM, NERVE_MM) * scale
    mix = np.where(swell > 0, MIX_GANGLION, np.where(beyond < 0, MIX_SLEEVE, MIX_NERVE))
    outer = slice(root.exit, None)
    root.radius_mm[outer] = np.maximum(plain, ganglion * swell)[outer]
    root.mix[outer] = mix[outer]
    return root


def _sacral(way: _Way, segment: SacralSegment, scale: float) -> Root:
    """A root that leaves through the foramen under a sacral segment, or ends with the sac on its way there."""
    half, depth, height = segment.canal_width_mm / 2, segment.depth_mm / 2, segment.height_mm / 2
    upper = segment.pose[:3, :3] @ [0.0, depth, height] + segment.pose[:3, 3]
    above = S1_EXIT_BELOW_MM if segment.name == "S1" else -EXIT_ABOVE_MM
    exit_mm = min(float(way.midline.to_canal(upper)[2]) + above, way.sac.end_mm - 5.0)
    own = np.array(
        [
            [0.78 * half, depth + 2.5, 0.25 * height],
            [0.95 * half, depth - 2.0, -0.8 * height],
            [1.1 * half, -depth - 5.0, -1.3 * height],
        ]
    )
    own[:, 0] *= way.sign
    return _root(way, exit_mm, own @ segment.pose[:3, :3].T + segment.pose[:3, 3], scale)


def _root(way: _Way, exit_mm: float, outside: FloatArray, scale: float) -> Root:
    """A root through the sac and on through points (k, 3) outside it, all of it a sleeve there."""
    inner, *strands = (
        way.midline.to_world(way.lane(exit_mm, float(turn), float(radius)))
        for turn, radius in way.rng.normal(STRAND_LIES, STRAND_VARIES)
    )
    points = _smooth(np.concatenate([inner[::6], inner[-1:], outside]))
    leaves = int(np.argmin(np.linalg.norm(points - inner[-1], axis=1)))
    radius, mix = np.full(len(points), SLEEVE_MM * scale), np.full(len(points), float(MIX_SLEEVE))
    radius[:leaves], mix[:leaves] = STRAND_MM * np.sqrt(scale), MIX_STRAND
    return Root(points, radius, mix, leaves, tuple(strands))


def _smooth(points: FloatArray) -> FloatArray:
    """A curve through points (n, 3), without overshoot, `STEP_MM` apart."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    points = points[np.concatenate([[True], steps > 1e-6])]
    chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    curve = PchipInterpolator(chord, points)(np.linspace(0.0, chord[-1], int(chord[-1] * 4) + 2))
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    even = np.arange(0.0, length[-1], STEP_MM)
    return np.column_stack([np.interp(even, length, curve[:, axis]) for axis in range(3)])


def paint_roots(plan: SpinePlan, canvas: Canvas, midline: Midline, sac: Sac) -> None:
    """Paint the strands in the sac, the filum, and the roots, ganglia and nerves outside it."""
    in_sac = (Tissue.CSF,)
    outside = (Tissue.FAT, Tissue.EPIDURAL_FAT, Tissue.MUSCLE)
    for root in roots_of(plan, midline, sac).values():
        inner = slice(None, root.exit)
        paint_tube(canvas, root.points[inner], root.radius_mm[inner], root.mix[inner], in_sac)
        for strand in root.strands:
            paint_tube(canvas, strand, np.full(len(strand), float(root.radius_mm[0])), None, in_sac)
        outer = slice(max(root.exit - 3, 0), None)
        paint_tube(canvas, root.points[outer], root.radius_mm[outer], root.mix[outer], outside)
    along = np.arange(sac.conus_mm - 2.0, sac.end_mm, STEP_MM)
    angle = 0.12 * np.sin(along / 25.0)
    filum = midline.to_world(sac.inside(angle, np.full_like(along, 0.8), along))
    paint_tube(canvas, filum, np.full(len(along), 0.5), None, in_sac)


def paint_tube(
    canvas: Canvas,
    points: FloatArray,
    radius_mm: FloatArray,
    mix: FloatArray | None,
    over: tuple[Tissue, ...],
) -> None:
    """Paint ROOT within a radius (n,) of points (n, 3), over certain tissues only; `mix` (n,) is of CSF."""
    fine, pitch = canvas.fine, canvas.pitch_mm
    radius = np.maximum(radius_mm, 0.55 * pitch)  # a strand thinner than a voxel would fall apart
    low = fine.origin - pitch
    high = fine.origin + pitch * np.array(canvas.shape)
    near = np.all((points > low) & (points < high), axis=1)
    if not near.any():
        return
    at = (points[near] - fine.origin) / pitch
    reach = int(np.ceil(radius[near].max() / pitch))
    ring = np.arange(-reach, reach + 1)
    offsets = np.stack(np.meshgrid(ring, ring, ring, indexing="ij"), axis=-1).reshape(-1, 3)
    nearest = np.rint(at).astype(np.intp)
    distance = np.linalg.norm(nearest[:, None] + offsets - at[:, None], axis=-1) * pitch
    row, col = np.nonzero(distance <= radius[near][:, None])
    index = nearest[row] + offsets[col]
    fits = np.all((index >= 0) & (index < np.array(canvas.shape)), axis=1)
    allowed = np.zeros(256, np.bool_)
    allowed[[int(tissue) for tissue in over]] = True
    x, y, z = index[fits].T
    free = allowed[fine.tissue[x, y, z]]
    x, y, z = x[free], y[free], z[free]
    fine.tissue[x, y, z] = Tissue.ROOT
    share = MIX_STRAND if mix is None else mix[near][row][fits][free].astype(np.uint8)
    fine.mix[x, y, z] = share
