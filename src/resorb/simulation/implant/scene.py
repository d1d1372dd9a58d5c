"""The part of a scan around one disc level, with its masks, its frame, and points finer than its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE, Anatomy, Level, LevelNaming, Structure
from resorb.errors import NotMeasurableError, UsageError
from resorb.frame import Frame
from resorb.framing import fit_frame
from resorb.limits import load_limits
from resorb.simulation.implant.result import Implanted
from resorb.study import FloatArray, Volume

Float32 = NDArray[np.float32]
Window = tuple[slice, slice, slice]

#: What is read around the frame's origin, mm: in front of, behind, and above and below it.
FRONT_MM, BEHIND_MM, UP_MM = 26.0, 32.0, 34.0
FINE_MM = 0.5  # voxels are divided into parts no longer than this
#: A scan holds frequencies whose power is more than this share of that at `LOW` of Nyquist.
LOW, PASS_SHARE = 0.1, 0.012
ROLL_OFF = 0.15  # of the highest frequency held


@dataclass(frozen=True, eq=False)
class Scene:
    """One level of a scan.

    Attributes:
        image, labels: the whole scan and its `anatomy_index` labels, in sagittal order (`Volume.sagittal`).
        level, frame: the level, and its frame fitted to the labels.
        window: the part of the arrays that the scene holds: all slices, and in them what lies near the disc.
        parts: into how many parts a voxel is divided along each axis.
    """

    image: Volume
    labels: Volume
    level: Level
    frame: Frame
    window: Window
    parts: tuple[int, int, int]

    @cached_property
    def grey(self) -> Float32:
        """The scan in the window."""
        return np.asarray(self.image.data[self.window], np.float32)

    @cached_property
    def index(self) -> NDArray[np.int32]:
        """The labels in the window."""
        return np.asarray(self.labels.data[self.window], np.int32)

    def structure(self, *structures: Structure) -> NDArray[np.bool_]:
        """Mask, in the window, of structures of any level."""
        return np.isin(self.index // STRUCTURE_STEP, [int(s) for s in structures])

    @property
    def bone(self) -> NDArray[np.bool_]:
        """Mask of bone in the window."""
        return self.structure(Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM)

    @property
    def disc(self) -> NDArray[np.bool_]:
        """Mask of the level's disc in the window."""
        return np.asarray(self.index == STRUCTURE_STEP * int(Structure.DISC) + self.level.ordinal)

    @cached_property
    def steps(self) -> FloatArray:
        """(3, 3) mm; column a is what one voxel along axis a of the window is in the frame's axes."""
        return self.frame.axes @ self.image.affine[:3, :3]

    @cached_property
    def first(self) -> FloatArray:
        """(3,) left, posterior, cranial mm of the window's first voxel centre."""
        return self.frame.to_local(self.image.to_world([part.start for part in self.window]))

    def local(self, offset: FloatArray | None = None) -> Float32:
        """(3, i, j, k) left, posterior, cranial mm of voxel centres of the window, or of points offset (3,) voxels."""
        shift = np.zeros(3) if offset is None else offset
        axes = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in self.grey.shape), indexing="ij")
        return np.stack(
            [
                sum(np.float32(self.steps[row, a]) * axes[a] for a in range(3))
                + np.float32(self.first[row] + self.steps[row] @ shift)
                for row in range(3)
            ]
        )

    def to_index(self, local: FloatArray | Float32) -> Float32:
        """Points (3, ...) of the frame, mm, to fractional voxel indices (3, ...) of the window."""
        flat = np.asarray(local, np.float64).reshape(3, -1) - self.first[:, None]
        return np.asarray(np.linalg.solve(self.steps, flat), np.float32).reshape(np.shape(local))

    def look_up(
        self, array: NDArray[np.generic], local: FloatArray | Float32, order: int = 0
    ) -> NDArray[np.generic]:
        """Values of a window's array at points (3, ...) of the frame, nearest (order 0) or interpolated."""
        source = array.astype(np.uint8) if array.dtype == np.bool_ else array
        found = ndimage.map_coordinates(source, self.to_index(local), order=order, mode="nearest")
        return np.asarray(found.astype(array.dtype))

    def grey_at(self, array: Float32, local: FloatArray | Float32) -> Float32:
        """Grey values of a window's array at points (3, ...) of the frame, interpolated."""
        return np.asarray(self.look_up(array, local, order=1), np.float32)

    def offsets(self) -> Iterator[FloatArray]:
        """(3,) offsets, in voxels, of the middles of a voxel's parts."""
        for part in product(*(range(n) for n in self.parts)):
            yield (np.array(part) + 0.5) / np.array(self.parts) - 0.5


def read_scene(image: Volume, labels: Volume, level: Level) -> Scene:
    """Read one level of a scan with its labels.

    Args:
        image: the scan, in any orientation.
        labels: `anatomy_index` values on the same grid (`Anatomy.labels`).
        level: the level.

    Raises:
        UsageError: grids that differ, or a level that is not in the scan or too little of it to be framed.
    """
    if image.shape != labels.shape or np.abs(image.affine - labels.affine).max() > 1e-3:
        raise UsageError("the labels are not on the grid of the scan: resample them to it first")
    ordered, masks = image.sagittal(), labels.sagittal()
    anatomy = Anatomy(masks, (level,), LevelNaming("given"), "given", {})
    if not anatomy.disc(level).any():
        raise UsageError(f"{level} is not in the scan: it shows the discs {_discs(masks)}")
    limit = load_limits()["listhesis_anterior_sacral" if level.lower == "S1" else "listhesis_anterior"]
    try:
        frame = fit_frame(anatomy, level, slip_limit_mm=limit)
    except NotMeasurableError as error:
        raise UsageError(f"{level} cannot be changed in this scan: {error}") from error
    corners = np.array([[0.0, p, c] for p in (-FRONT_MM, BEHIND_MM) for c in (-UP_MM, UP_MM)])
    found = masks.to_index(frame.to_world(corners))[:, 1:]
    low = np.maximum(np.floor(found.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(found.max(axis=0)) + 1, masks.shape[1:]).astype(int)
    window = (slice(0, masks.shape[0]), slice(low[0], high[0]), slice(low[1], high[1]))
    i, j, k = (max(1, int(np.ceil(s / FINE_MM - 0.1))) for s in ordered.spacing_mm)
    return Scene(ordered, masks, level, frame, window, (i, j, k))


def band_limited(change: Float32, image: Volume) -> Float32:
    """A change of the scan with only the spatial frequencies that the scan itself holds.

    Scanners fill up k-space with zeros: the pixels of most lumbar series are finer than what they resolve, and
    anything sharper would show as a seam.
    """
    result = change
    for axis in range(3):
        n = change.shape[axis]
        if n < 8:
            continue
        edge = resolved_share(image, axis)
        if edge >= 1:
            continue
        both = np.concatenate([result, np.flip(result, axis)], axis)  # no jump where the ends meet
        frequency = np.fft.rfftfreq(2 * n) * 2
        keep = 0.5 + 0.5 * np.cos(np.pi * np.clip((frequency / edge - 1 + ROLL_OFF) / (2 * ROLL_OFF), 0, 1))
        spectrum = np.fft.rfft(both, axis=axis) * keep.reshape([-1 if a == axis else 1 for a in range(3)])
        result = np.take(np.fft.irfft(spectrum, 2 * n, axis=axis), np.arange(n), axis=axis)
    return np.asarray(result, np.float32)


def resolved_share(image: Volume, axis: int) -> float:
    """The highest spatial frequency along an array axis that the scan holds, as a share of Nyquist's."""
    n = image.shape[axis]
    if n < 8:
        return 1.0
    middle = tuple(
        slice(None) if a == axis else slice(s // 4, max(s - s // 4, s // 4 + 1))
        for a, s in enumerate(image.shape)
    )
    lines = np.moveaxis(image.data[middle].astype(np.float32), axis, -1)
    lines = (lines - lines.mean(axis=-1, keepdims=True)) * np.hanning(n).astype(np.float32)
    power = (np.abs(np.fft.rfft(lines, axis=-1)) ** 2).mean(axis=(0, 1))
    share = np.linspace(0, 1, len(power))
    smooth = ndimage.uniform_filter1d(power, max(1, len(power) // 24))
    enough = smooth > PASS_SHARE * float(np.interp(LOW, share, smooth))
    return float(share[enough].max()) if enough.any() else 1.0


def put_back(
    image: Volume,
    labels: Volume,
    scene: Scene,
    changed: tuple[NDArray[np.generic], NDArray[np.generic], Float32],
    truth: dict[str, float],
) -> Implanted:
    """The scan with a scene's window changed, in the storage order it was given in.

    Args:
        image, labels: the scan as it was given.
        scene: the scene that was read from it.
        changed: grey values, labels and share of displaced material in the scene's window. Grey values are
            clipped to the scan's range, and rounded where it holds integers.
        truth: of the material.
    """
    grey, index, share = changed
    arrays = [image.sagittal().data.copy(), labels.sagittal().data.copy()]
    lowest, highest = arrays[0].min(), arrays[0].max()
    fitted = np.clip(grey, lowest, highest)
    arrays[0][scene.window] = np.rint(fitted) if np.issubdtype(image.data.dtype, np.integer) else fitted
    arrays[1][scene.window] = index
    arrays.append(np.zeros(arrays[0].shape, np.float32))
    arrays[2][scene.window] = share
    new_image, new_labels, displaced = (image.from_sagittal(array) for array in arrays)
    return Implanted(new_image, new_labels, displaced, truth)


def _discs(labels: Volume) -> str:
    first = STRUCTURE_STEP * int(Structure.DISC)
    found = np.unique(labels.data[labels.data // STRUCTURE_STEP == int(Structure.DISC)])
    return ", ".join(f"below {VERTEBRAE[int(v) - first - 1]}" for v in found) or "of no level"
