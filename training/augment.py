"""Random views of a prepared scan: what other scanners, patients and protocols might have shown.

Images are (3, row, column) stacks of neighbouring slices; everything random comes from one numpy generator.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import grid_sample

from training.dataset import Prepared
from training.harmonise import BACKGROUND, BODY, DISC, POSTERIOR, SACRUM

Image = NDArray[np.float32]

ROTATION_DEG = 12.0
SCALE = (0.8, 1.25)
BUMP_MM = (3.0, 8.0)


def sample(scan: Prepared, size: tuple[int, int], random: Generator) -> tuple[Image, NDArray[np.uint8]]:
    """One augmented crop: normalised image (3, *size) and admissible classes (*size)."""
    image, label, index = _thick_slices(scan, random)
    grid = _grid(scan, index, size, random)
    warped = grid_sample(torch.from_numpy(image)[None], grid, mode="bilinear", align_corners=True)[0].numpy()
    # A shift of one keeps "outside the image" (zero) apart from every label; outside is background.
    source = torch.from_numpy(label.astype(np.float32) + 1)[None, None]
    bits = grid_sample(source, grid, mode="nearest", align_corners=True)[0, 0].numpy().astype(np.uint8)
    bits = np.where(bits == 0, BACKGROUND + 1, bits) - 1
    inside = _inside(warped)
    low, high = scan.low, max(scan.high, scan.low + 1.0)
    unit = np.clip((warped - low) / (high - low), 0.0, 1.0)
    unit = _saturation_band(unit, bits, random)
    unit = _contrast(unit, random)
    unit = _resolution(unit, random)
    unit = _field_and_noise(unit, random)
    mean, std = (scan.mean - low) / (high - low), scan.std / (high - low)
    if random.random() < 0.5:  # contrast changed: so would the volume's statistics
        mean, std = 0.5 * (mean + float(unit.mean())), 0.5 * (std + float(unit.std()) + 0.02)
    unit *= inside
    result = (unit - mean) / max(std, 0.03)
    result = result * random.uniform(0.85, 1.15) + random.uniform(-0.15, 0.15)
    if random.random() < 0.5:
        result = result[::-1]
    return np.ascontiguousarray(result, dtype=np.float32), bits.astype(np.uint8)


def _inside(warped: Image) -> Image:
    """One inside the field of view, zero in padding: columns and rows that are black throughout."""
    lit = warped.max(axis=0) > 0
    return np.asarray(ndimage.binary_closing(lit, iterations=2), np.float32)


def _thick_slices(scan: Prepared, random: Generator) -> tuple[Image, NDArray[np.uint8], int]:
    """Three slices around a random one, each the mean of up to five, at their distance; and the middle labels."""
    count = len(scan.image)
    index = int(random.integers(count))
    thickness = int(random.choice([1, 3, 5], p=[0.45, 0.25, 0.30]))
    distance = int(random.choice([1, 2, 4, 5] if thickness == 1 else [thickness, thickness + 1]))
    half = thickness // 2
    planes = []
    for centre in (index - distance, index, index + distance):
        chosen = np.clip(np.arange(centre - half, centre + half + 1), 0, count - 1)
        planes.append(scan.image[chosen].astype(np.float32).mean(axis=0))
    return np.stack(planes), scan.admissible[index], index


def _grid(scan: Prepared, index: int, size: tuple[int, int], random: Generator) -> Tensor:
    """Sampling grid (1, *size, 2) of a random affine view near the spine, sometimes with a simulated herniation."""
    rows, columns = scan.image.shape[1:]
    bits = scan.admissible[index]
    spine = ((bits & BACKGROUND) == 0) & ((bits & (BODY | POSTERIOR | DISC)) > 0)
    where = np.argwhere(spine)
    target = where[random.integers(len(where))] if len(where) else np.array([rows / 2, columns / 2])
    centre = target + random.normal(0.0, (size[0] / 8, size[1] / 10))
    angle = np.deg2rad(random.uniform(-ROTATION_DEG, ROTATION_DEG))
    zoom = np.exp(random.uniform(*np.log(SCALE)))
    shape = zoom * np.exp(random.uniform(-0.08, 0.08, 2))
    y = (np.arange(size[0], dtype=np.float32) - size[0] / 2)[:, None] / shape[0]
    x = (np.arange(size[1], dtype=np.float32) - size[1] / 2)[None, :] / shape[1]
    row = centre[0] + np.cos(angle) * y - np.sin(angle) * x
    column = centre[1] + np.sin(angle) * y + np.cos(angle) * x
    near = scan.rear[np.abs(scan.rear[:, 0] - index) < 0.5]
    if len(near) and random.random() < 0.35:
        column = column - _bump(row, column, near[random.integers(len(near))], random)
    grid = np.stack([2 * column / (columns - 1) - 1, 2 * row / (rows - 1) - 1], axis=-1)
    return torch.from_numpy(grid.astype(np.float32))[None]


def _bump(row: Image, column: Image, rear: NDArray[np.float32], random: Generator) -> Image:
    """Displacement in pixels that pulls the rear of a disc backwards into the sac, as a protrusion does."""
    height = random.uniform(*BUMP_MM) / 0.5
    wide = max(random.uniform(5.0, 8.0) / 0.5, height * 0.75)  # wide enough never to fold the image
    tall = random.uniform(3.0, 6.0) / 0.5
    shift = random.normal(0.0, 3.0) / 0.5
    ahead = (column - rear[2] - height / 2) / wide
    level = (row - rear[1] - shift) / tall
    return np.asarray(height * np.exp(-0.5 * (ahead**2 + level**2)), np.float32)


def _saturation_band(unit: Image, bits: NDArray[np.uint8], random: Generator) -> Image:
    """A dark band in front of the spine, or other texture there: nothing in front may be relied upon."""
    if random.random() > 0.35:
        return unit
    certain = np.isin(bits, (BODY, DISC, SACRUM))
    rows = np.flatnonzero(certain.any(axis=1))
    if len(rows) < 20:
        return unit
    front = np.interp(np.arange(unit.shape[1]), rows, certain[rows].argmax(axis=1))
    edge = ndimage.gaussian_filter1d(front, 25) - random.uniform(4, 50)
    ramp = 1 / (1 + np.exp(-(np.arange(unit.shape[2]) - edge[:, None]) / random.uniform(2, 10)))
    if random.random() < 0.6:
        other = unit * random.uniform(0.05, 0.5)
    else:
        coarse = random.normal(0.3, 0.25, (3, unit.shape[1] // 16 + 1, unit.shape[2] // 16 + 1))
        texture = ndimage.zoom(coarse, (1, 16, 16), order=1)[:, : unit.shape[1], : unit.shape[2]]
        other = np.clip(texture, 0, 1)
    return np.asarray(unit * ramp + other * (1 - ramp), np.float32)


def _contrast(unit: Image, random: Generator) -> Image:
    """Mostly T2-like curves; at times a free curve, which may invert parts of the range as T1 does."""
    choice = random.random()
    if choice < 0.6:
        unit = unit ** np.exp(random.uniform(-0.6, 0.6))
    elif choice < 0.8:
        knots = np.sort(random.random(5))
        unit = np.interp(unit, np.linspace(0, 1, 7), np.concatenate([[0], knots, [1]]))
    elif choice < 0.92:
        unit = np.interp(unit, np.linspace(0, 1, 6), np.concatenate([[0], random.random(5)]))
    if random.random() < 0.3:  # clipped fluid
        unit = np.minimum(unit * random.uniform(1.0, 1.6), 1.0)
    return np.asarray(unit, np.float32)


def _resolution(unit: Image, random: Generator) -> Image:
    """Coarser acquisition, 0.5-1.2 mm in plane, or blur, or sharpening."""
    choice = random.random()
    if choice < 0.35:
        factor = random.uniform(1.0, 2.4)
        shape = unit.shape[1:]
        small = ndimage.zoom(unit, (1, 1 / factor, 1 / factor), order=1)
        large = ndimage.zoom(small, (1, shape[0] / small.shape[1], shape[1] / small.shape[2]), order=1)
        return np.asarray(large, np.float32)
    if choice < 0.55:
        sigma = random.uniform(0.3, 1.5)
        return np.asarray(ndimage.gaussian_filter(unit, (0, sigma, sigma)), np.float32)
    if choice < 0.7:
        soft = ndimage.gaussian_filter(unit, (0, 1.0, 1.0))
        return np.asarray(np.clip(unit + random.uniform(0.2, 1.0) * (unit - soft), 0, 1.2), np.float32)
    return unit


def _field_and_noise(unit: Image, random: Generator) -> Image:
    """Coil sensitivity and noise."""
    if random.random() < 0.5:
        coarse = random.normal(0.0, random.uniform(0.1, 0.4), (5, 4))
        rows = np.linspace(0, 4, unit.shape[1])
        columns = np.linspace(0, 3, unit.shape[2])
        along = np.stack([np.interp(rows, np.arange(5), coarse[:, c]) for c in range(4)])
        left = np.minimum(columns.astype(int), 2)
        weight = columns - left
        field = along[left].T * (1 - weight) + along[left + 1].T * weight
        unit = unit * np.exp(field).astype(np.float32)
    if random.random() < 0.5:
        noise = random.standard_normal(unit.shape, dtype=np.float32)
        unit = unit + noise * np.float32(random.uniform(0.0, 0.06))
    return np.asarray(unit, np.float32)
