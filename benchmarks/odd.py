"""Images that a reading meets now and then: changed scans, metal, and what is no lumbar spine at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.blind import averaged, slices_in_one
from resorb import Structure, Volume

Change = Callable[[Volume, NDArray[np.uint8]], Volume]
SEED = 4
SHAPE, SPACING = (24, 200, 200), (4.0, 1.2, 1.2)


def thick(volume: Volume, _structures: NDArray[np.uint8]) -> Volume:
    """Slices of about 6 mm."""
    return averaged(volume, slices_in_one(float(volume.spacing_mm[0]), 6.0))


def noisy(volume: Volume, structures: NDArray[np.uint8]) -> Volume:
    """Magnitude noise as at 0.3 T: a sixth of the marrow's signal."""
    marrow = float(np.median(volume.data[structures == Structure.VERTEBRAL_BODY]))
    real, other = np.random.default_rng(SEED).normal(0.0, marrow / 6, (2, *volume.shape)).astype(np.float32)
    return volume.with_data(np.rint(np.hypot(volume.data + real, other)).astype(np.int16))


def shaded(volume: Volume, _structures: NDArray[np.uint8]) -> Volume:
    """A coil whose sensitivity falls to a quarter from back to front and to a half downwards."""
    _, down, back = np.meshgrid(*(np.linspace(0, 1, n) for n in volume.shape), indexing="ij", sparse=True)
    return volume.with_data(np.rint(volume.data * 0.25 ** (1 - back) * 0.5**down).astype(np.int16))


def turned(volume: Volume, _structures: NDArray[np.uint8]) -> Volume:
    """The same voxels stored the other way about: axes permuted, two of them reversed."""
    affine = volume.affine[:, [2, 0, 1, 3]].copy()
    data = volume.data.transpose(2, 0, 1)
    for axis in (0, 2):
        affine[:3, 3] += affine[:3, axis] * (data.shape[axis] - 1)
        affine[:3, axis] *= -1
        data = np.flip(data, axis)
    return Volume(data, affine)


def without_sacrum(volume: Volume, structures: NDArray[np.uint8]) -> Volume:
    """Cut off above the sacrum."""
    rows = np.flatnonzero((structures == Structure.SACRUM).any(axis=(0, 2)))
    end = int(rows[0]) - 3 if len(rows) else volume.shape[1] * 3 // 4
    return Volume(volume.data[:, :end], volume.affine)


def upper_third(volume: Volume, _structures: NDArray[np.uint8]) -> Volume:
    """The thoracic end alone."""
    return Volume(volume.data[:, : volume.shape[1] // 3], volume.affine)


def narrow(volume: Volume, structures: NDArray[np.uint8]) -> Volume:
    """A field of 14 cm high and 9 cm deep at the lower end."""
    at = np.argwhere(structures == Structure.DISC)
    row, column = int(np.quantile(at[:, 1], 0.6)), int(np.median(at[:, 2]))
    high, deep = (round(half / float(s)) for half, s in zip((70.0, 45.0), volume.spacing_mm[1:], strict=True))
    rows, columns = slice(max(0, row - high), row + high), slice(max(0, column - deep), column + deep)
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 1] * rows.start + affine[:3, 2] * columns.start
    return Volume(volume.data[:, rows, columns], affine)


def upside_down(volume: Volume, _structures: NDArray[np.uint8]) -> Volume:
    """Head and foot confused, as a wrong affine makes them."""
    return volume.with_data(np.flip(volume.data, 1))


def back_to_front(volume: Volume, _structures: NDArray[np.uint8]) -> Volume:
    """Front and back confused."""
    return volume.with_data(np.flip(volume.data, 2))


def screwed(volume: Volume, structures: NDArray[np.uint8]) -> Volume:
    """Two pairs of pedicle screws: voids 13 mm wide from pedicle to the middle of the body, signal piled up about them.

    Spin echo images of screws at 1.5 T show voids of 10 to 15 mm (from memory, unverified) with bright rims along the
    direction of frequency encoding, here from head to foot.
    """
    body = structures == Structure.VERTEBRAL_BODY
    sac = np.argwhere(structures == Structure.THECAL_SAC)
    middle, across, down, back = float(sac[:, 0].mean()), *(float(s) for s in volume.spacing_mm)
    discs = np.flatnonzero((structures == Structure.DISC).any(axis=(0, 2)))
    area = np.count_nonzero(body, axis=(0, 2))
    near_to = np.round(np.quantile(discs, (0.45, 0.7))).astype(int)
    reach = round(18.0 / down)  # half a body and a disc: the middle of the next body lies within
    heights = [row - reach + int(np.argmax(area[row - reach : row + reach])) for row in near_to]
    slices, rows, columns = np.ogrid[tuple(slice(n) for n in volume.shape)]
    data = volume.data.astype(np.float32)
    aside = min(13.0, (volume.shape[0] / 2 - 1) * across)
    for height in heights:
        near = body[:, height].any(axis=0)
        rear = float(np.flatnonzero(near)[-1]) if near.any() else float(sac[:, 2].min())
        for side in (-1, 1):
            off = np.hypot((slices - middle - side * aside / across) * across, (rows - height) * down)
            along = (columns > rear - 15.0 / back) & (columns < rear + 25.0 / back)
            data = np.where(along & (off >= 6.5) & (off < 9.0), data * 2.5, data)
            data = np.where(along & (off < 6.5), data * 0.03, data)
    return volume.with_data(np.rint(np.minimum(data, 32000)).astype(np.int16))


#: Changed scans: the change, and what must come of a T2 scan so changed.
CHANGES: Mapping[str, tuple[Change, str]] = {
    "6 mm slices": (thick, "read"),
    "noise of 0.3 T": (noisy, "read"),
    "uneven coil": (shaded, "read"),
    "stored otherwise": (turned, "read"),
    "small field": (narrow, "read or doubted"),
    "no sacrum": (without_sacrum, "doubted"),
    "upper third": (upper_third, "doubted or refused"),
    "screws": (screwed, "doubted"),
    "upside down": (upside_down, "refused"),
    "back to front": (back_to_front, "doubted or refused"),
}


def strangers() -> dict[str, Volume]:
    """What is no spine: noise, clouds, a ball, a phantom of tubes, a head, a knee."""
    rng = np.random.default_rng(SEED)
    at = np.indices(SHAPE, np.float32) * np.array(SPACING, np.float32)[:, None, None, None]
    at -= at.reshape(3, -1).mean(axis=1)[:, None, None, None]
    radius = np.linalg.norm(at, axis=0)
    tubes = ((at[1] + 6) % 30 < 12) & (np.abs(at[2]) < 40) & (np.abs(at[0]) < 30)
    gyri = np.sin(at[1] / 3) * np.cos(at[2] / 4 + at[0] / 6)
    head = np.select([radius < 25, radius < 70, radius < 74, radius < 80], [700, 380 + 90 * gyri, 20, 500], 0)
    bone = (np.hypot(at[0], at[2] - 5) < 22) & (np.abs(at[1]) > 4)
    knee = np.select([bone, np.hypot(at[0], at[2]) < 45], [420, 150], 0)
    images = {
        "noise": rng.integers(0, 400, SHAPE),
        "clouds": ndimage.gaussian_filter(rng.normal(size=SHAPE), 4) * 4000 + 300,
        "ball": np.where(radius < 60, 300, 0),
        "tubes": np.where(tubes, 500, np.where(radius < 90, 150, 0)),
        "head": head,
        "knee": knee,
    }
    affine = np.array(
        [[-SPACING[0], 0, 0, 0], [0, 0, -SPACING[2], 0], [0, -SPACING[1], 0, 0], [0, 0, 0, 1.0]]
    )
    grainy = {name: image + rng.normal(0, 12, SHAPE) for name, image in images.items()}
    return {name: Volume(np.clip(image, 0, 4000).astype(np.int16), affine) for name, image in grainy.items()}
