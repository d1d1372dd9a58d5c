"""What the pixels of a stack see of a phantom, before the scanner's own faults: signal and labels.

A slice is integrated over its profile at several depths, each a fraction of a pixel aside of the others, so that
neither slice nor pixel is sampled at points only. Offsets come in opposite pairs: no edge is moved by them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, uniform_filter1d

from resorb.simulation.phantom import Phantom, Tissues
from resorb.simulation.scanner.flow import moving_csf
from resorb.simulation.scanner.geometry import Grid, Lying
from resorb.simulation.scanner.lattice import RestLattice
from resorb.simulation.scanner.signal import SHARES, Signals
from resorb.simulation.scanner.surroundings import refined, textured
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray

Field = NDArray[np.float32]

THREADS = 2
#: The fine grid gives way to the surroundings over this distance from its border.
BLEND_MM = 6.0
MARGIN_MM = 3.0
#: Depth in slices and weight of the samples through a slice: a flat top with sloping sides, its half maximum at half
#: a slice from the centre, as of the usual selective pulses of 2D tse. A 3D partition is sampled at two depths.
_THICK = ((0.1, 1.0), (0.3, 1.0), (0.5, 0.5))
_THIN = ((0.22, 1.0),)
_THIN_MM = 1.5
#: In-plane offsets that go with them, in pixels (row, column).
_ASIDE = ((0.25, -0.11), (-0.31, 0.36), (0.08, 0.27))


@dataclass(frozen=True, eq=False)
class Sampled:
    """What a stack sees, (slice, row, column).

    Attributes:
        signal: float32, 1 for CSF at rest.
        labels: uint16 `anatomy_index` at the voxel centres.
        tissue: uint8 `Tissue` at the voxel centres; displaced: uint8, which of `Phantom.displaced`, from 1.
    """

    signal: Field
    labels: NDArray[np.uint16]
    tissue: NDArray[np.uint8]
    displaced: NDArray[np.uint8]


class _Seen:
    """Signal (x, y, z) on a grid of the phantom, laid out in memory so that neighbouring pixels lie close together."""

    def __init__(self, signal: Field, tissues: Tissues, axial: bool) -> None:
        self.order = (2, 1, 0) if axial else (0, 1, 2)
        self.signal = np.ascontiguousarray(signal.transpose(self.order))
        self.origin, self.pitch_mm = tissues.origin.astype(np.float32)[:, None], tissues.pitch_mm

    def index(self, points: Field) -> Field:
        """Fractional index (3, n) of rest points (3, n), mm."""
        return np.asarray((points - self.origin) / np.float32(self.pitch_mm))

    def within(self, index: Field) -> Field:
        """Indices (3, n) beyond the grid, brought back to where the trunk looks alike.

        In front and to the sides it is mirrored; behind the back, above and below, the border is repeated.
        """
        last = np.array(self.signal.shape, np.float32)[list(self.order), None] - 1
        inner = last - np.abs(last - np.abs(index))
        inner[1] = np.where(index[1] < 0, 0, inner[1])
        inner[2] = index[2]
        return np.asarray(np.clip(inner, 0, last))

    def at(self, index: Field) -> Field:
        """Signal at fractional indices (3, n) on the grid, between voxels linearly."""
        return np.asarray(
            map_coordinates(
                self.signal, index[self.order, :], np.float32, order=1, mode="nearest", prefilter=False
            )
        )


class Sampler:
    """Samples one stack.

    Args:
        shift_mm: (3,) displacement of fat by chemical shift, in the date's world.
        flow_void: how strongly moving CSF loses its signal, 0 to 1.
        rng: of the pattern of that movement.
    """

    def __init__(
        self,
        phantom: Phantom,
        grid: Grid,
        pose: Lying,
        signals: Signals,
        shift_mm: FloatArray,
        flow_void: float,
        rng: np.random.Generator,
    ) -> None:
        self.phantom, self.grid, self.signals = phantom, grid, signals
        self.lattice = RestLattice.of(grid, pose)
        low, high = self.lattice.box(_corners(phantom.fine))
        window = phantom.fine.window(low - MARGIN_MM, high + MARGIN_MM)
        fine = _cut(phantom.fine, window)
        middle = grid.to_world((np.array(grid.shape) - 1) / 2)
        ends = pose.to_rest(np.stack([middle + shift_mm, middle]))
        signal = _signal(fine, signals, (ends[0] - ends[1]) / fine.pitch_mm)
        if flow_void > 0:
            moving_csf(signal, fine, flow_void, _upper_sac_mm(phantom), rng)
        axial = abs(grid.affine[2, 0]) > abs(grid.affine[0, 0])
        self.fine = _Seen(signal, fine, axial)
        self.trunk = refined(phantom.around, *self.lattice.box())
        still = _signal(self.trunk, signals, np.zeros(3))
        textured(still, self.trunk)
        # The surroundings are coarse: a slice is integrated on their grid, and sampled once.
        deep = round(grid.thickness_mm / self.trunk.pitch_mm)
        if deep > 1:
            still = uniform_filter1d(still, deep, 2 if axial else 0, mode="nearest")
        self.around = _Seen(still, self.trunk, axial)

    def run(self) -> Sampled:
        """Sample every slice, on two threads."""
        out = Sampled(
            np.empty(self.grid.shape, np.float32),
            np.empty(self.grid.shape, np.uint16),
            np.empty(self.grid.shape, np.uint8),
            np.zeros(self.grid.shape, np.uint8),
        )

        def work(k: int) -> None:
            points = self.lattice.plane(k)
            out.signal[k] = self._slice(k, points)
            self._label(points.reshape(3, -1), out, k)

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(work, range(self.grid.shape[0])))
        return out

    @cached_property
    def offsets(self) -> list[tuple[FloatArray, float]]:
        """(slice mm, row, column) offsets of the samples in a voxel, and their weights."""
        profile = _THIN if self.grid.thickness_mm < _THIN_MM else _THICK
        total = 2 * sum(weight for _, weight in profile)
        return [
            (sign * np.array([depth * self.grid.thickness_mm, *aside]), weight / total)
            for (depth, weight), aside in zip(profile, _ASIDE, strict=False)
            for sign in (1.0, -1.0)
        ]

    def _slice(self, k: int, points: Field) -> Field:
        """Signal (row, column) of the pixels at rest points (3, row, column), mm."""
        through = self.lattice.through(k) / np.float32(self.grid.spacing_mm[0])
        steps = (through.reshape(3, -1), _mean_step(points, 1), _mean_step(points, 2))
        flat = points.reshape(3, -1)
        share = np.clip(self._depth_mm(flat) / BLEND_MM, 0, 1)
        out = np.zeros(flat.shape[1], np.float32)
        here = np.flatnonzero(share > 0)
        out[here] = share[here] * self._integrated(flat, here, steps)
        here = np.flatnonzero(share < 1)
        if len(here):
            value = self.around.at(self.around.within(self.around.index(flat[:, here])))
            out[here] += (1 - share[here]) * value
        return out.reshape(points.shape[1:])

    def _integrated(self, points: Field, here: NDArray[np.intp], steps: tuple[Field, Field, Field]) -> Field:
        """Signal of some of the points (3, n) on the fine grid, integrated over slice and pixel."""
        scale = np.float32(1 / self.fine.pitch_mm)
        centre, through = self.fine.index(points[:, here]), steps[0][:, here] * scale
        value = np.zeros(len(here), np.float32)
        for offset, weight in self.offsets:
            depth, row, column = offset.astype(np.float32)
            at = depth * through
            at += centre
            at += (row * steps[1] + column * steps[2]) * scale
            value += np.float32(weight) * self.fine.at(at)
        return np.asarray(value / np.float32(sum(weight for _, weight in self.offsets)))

    def _depth_mm(self, points: Field) -> Field:
        """How deep points (3, n) lie inside the fine grid, mm; negative outside it."""
        first = self.phantom.fine.origin.astype(np.float32)[:, None]
        last = first + np.float32(self.phantom.fine.pitch_mm) * (
            np.array(self.phantom.fine.tissue.shape, np.float32)[:, None] - 1
        )
        return np.asarray(np.minimum(points - first, last - points).min(0))

    def _label(self, points: Field, out: Sampled, k: int) -> None:
        """Labels at the voxel centres: those of the fine voxel that holds each."""
        fine = self.phantom.fine
        shape = out.labels[k].shape
        index = (points - fine.origin.astype(np.float32)[:, None]) / np.float32(fine.pitch_mm)
        cells, inside = _cells(index, fine.tissue.shape)
        out.labels[k] = np.where(inside, self.phantom.anatomy.ravel()[cells], 0).reshape(shape)
        beside = np.flatnonzero(~inside)
        tissue = fine.tissue.ravel()[cells]
        tissue[beside] = self._trunk(points[:, beside])
        out.tissue[k] = tissue.reshape(shape)
        if self.phantom.displaced:
            out.displaced[k] = self._displaced(index, tissue == Tissue.DISPLACED).reshape(shape)

    def _trunk(self, points: Field) -> NDArray[np.uint8]:
        """Tissues (n,) of the surroundings at rest points (3, n), mm."""
        cells, _ = _cells(self.around.within(self.around.index(points)), self.trunk.tissue.shape)
        return np.asarray(self.trunk.tissue.ravel()[cells])

    def _displaced(self, index: Field, here: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Which displaced material fills a voxel: the one whose surface it lies deepest within."""
        found = np.zeros(index.shape[1], np.uint8)
        at = np.flatnonzero(here)
        deepest = np.full(len(at), np.inf, np.float32)
        for item in self.phantom.displaced:
            first = np.array([part.start for part in item.window], np.float32)[:, None]
            cells, inside = _cells(index[:, at] - first, item.distance.shape)
            distance = np.where(inside, item.distance.ravel()[cells], np.float32(np.inf))
            found[at[distance < deepest]] = item.number
            deepest = np.minimum(deepest, distance)
        return found


def _cut(tissues: Tissues, window: tuple[slice, slice, slice]) -> Tissues:
    affine = tissues.affine.copy()
    affine[:3, 3] = tissues.origin + tissues.pitch_mm * np.array([part.start for part in window])
    return Tissues(tissues.tissue[window], tissues.mix[window], affine)


def _corners(tissues: Tissues) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest corner (3,) of a grid, world mm."""
    return tissues.origin, tissues.origin + tissues.pitch_mm * (np.array(tissues.tissue.shape) - 1)


def _upper_sac_mm(phantom: Phantom) -> float:
    """The middle of L4 (or of the spine, where there is none), world mm: down to it CSF moves much."""
    bodies = phantom.vertebrae
    heights = [body.pose[2, 3] for name, body in bodies.items() if name == "L4" or "L4" not in bodies]
    return float(np.mean(heights))


def _mean_step(points: Field, axis: int) -> Field:
    """(3, 1) mean step to the next row or column."""
    first, last = np.take(points, 0, axis), np.take(points, -1, axis)
    step = (last - first).mean(axis=-1) / (points.shape[axis] - 1)
    return np.asarray(step[:, None])


def _cells(index: Field, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Flat indices (n,) of the voxels nearest to fractional indices (3, n), and which of these lie on the grid."""
    flat = np.zeros(index.shape[1], np.intp)
    inside = np.ones(index.shape[1], np.bool_)
    for along, size in zip(index, shape, strict=True):
        whole = np.rint(along).astype(np.int32)
        inside &= (whole >= 0) & (whole < size)
        flat *= size
        flat += whole
    flat[~inside] = 0
    return flat, inside


def _signal(tissues: Tissues, signals: Signals, shift: FloatArray) -> Field:
    """Signal on a grid of tissues, its fat displaced by a shift (3,) in voxels.

    The shift lies in the midsagittal plane; what little of it a turned patient has to the side is left out.
    """
    out = np.empty(tissues.tissue.shape, np.float32)

    def work(x: int) -> None:
        code = tissues.tissue[x].astype(np.intp) * SHARES + tissues.mix[x]
        fat = signals.fat[code]
        for axis in (0, 1):
            fat = _shifted(fat, float(shift[axis + 1]), axis)
        np.add(signals.water[code], fat, out=out[x])

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(len(out))))
    return out


def _shifted(values: Field, by: float, axis: int) -> Field:
    """Values displaced by voxels along an axis, linearly between voxels; the border is repeated."""
    if by == 0:
        return values
    whole = int(np.floor(by))
    share = np.float32(by - whole)
    at = np.arange(values.shape[axis])
    near, far = (np.take(values, np.clip(at - whole - step, 0, len(at) - 1), axis) for step in (0, 1))
    return np.asarray((1 - share) * near + share * far)
