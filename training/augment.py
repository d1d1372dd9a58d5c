"""Random views of a prepared stack: what other scanners, patients and protocols might have shown.

Crops are (row, column, 3): neighbouring slices as channels. Everything random comes from one numpy generator.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from training.harmonise import BACKGROUND, BODY, DISC, POSTERIOR, SACRUM
from training.prepared import Prepared

Image = NDArray[np.float32]
Bits = NDArray[np.uint8]

ROTATION_DEG = 12.0
SCALE = (0.8, 1.25)
THIN_MM = 2.0  # slices at less than this stand for a 3D scan, which thick slices can be made of
ANYWHERE = 0.12  # share of crops that may lie far from the spine: in the belly, the pelvis, the buttocks
GREYS = 1024


def sample(
    stack: Prepared, size: tuple[int, int], random: Generator, at_displaced: float
) -> tuple[Image, Bits]:
    """One augmented crop: normalised image (3, *size) and admissible classes (*size).

    `at_displaced` is how often it lies on displaced material, where the stack holds some.
    """
    mark = None
    if len(stack.marks) and random.random() < at_displaced:
        mark = stack.marks[random.integers(len(stack.marks))]
    chosen, index = _slices(stack, random, mark)
    matrix = _view(stack, index, size, random, mark)
    image, bits = _cut(stack, chosen, index, matrix, size)
    inside = cv2.warpAffine(
        np.ones(stack.image.shape[1:], np.float32), matrix, size[::-1], flags=cv2.INTER_LINEAR
    )
    unit = image * np.float32(1 / 255)
    if not stack.axial:
        unit = _saturation_band(unit, bits, random)
    unit, redrawn = _contrast(unit, random)
    unit = _resolution(unit, random)
    unit = _field_and_noise(unit, random)
    mean, deviation = stack.mean / 255, stack.deviation / 255
    if redrawn:  # so would be the stack's statistics
        mean, deviation = float(unit.mean()), float(unit.std()) + 0.02
    unit *= inside[:, :, None]
    result = (unit - mean) / max(deviation, 0.03)
    result = result * np.float32(random.uniform(0.85, 1.15)) + np.float32(random.uniform(-0.15, 0.15))
    if random.random() < 0.5:
        result = result[:, :, ::-1]
    if stack.axial and random.random() < 0.5:  # left and right look alike
        result, bits = result[:, ::-1], bits[:, ::-1]
    return np.ascontiguousarray(result.transpose(2, 0, 1), dtype=np.float32), np.ascontiguousarray(bits)


def _slices(
    stack: Prepared, random: Generator, mark: NDArray[np.int32] | None
) -> tuple[list[NDArray[np.intp]], int]:
    """The slices that are averaged into each of three neighbours, and the number of the middle one."""
    count = len(stack.image)
    index = int(random.integers(count)) if mark is None else int(mark[0])
    thickness, distance = 1, 1
    if stack.slice_mm < THIN_MM:
        thickness = int(random.choice([1, 3, 5], p=[0.45, 0.25, 0.30]))
        distance = int(random.choice([1, 2, 4, 5] if thickness == 1 else [thickness, thickness + 1]))
    half = thickness // 2
    steps = np.arange(-half, half + 1)
    centres = (index - distance, index, index + distance)
    return [np.clip(centre + steps, 0, count - 1) for centre in centres], index


def _view(
    stack: Prepared, index: int, size: tuple[int, int], random: Generator, mark: NDArray[np.int32] | None
) -> NDArray[np.float64]:
    """(2, 3) matrix from pixels of the slice to pixels of the crop, as cv2 takes it (column, row)."""
    rows, columns = stack.image.shape[1:]
    spread = np.array([size[0] / 8, size[1] / 10])
    target: NDArray[np.float64]
    if mark is None:
        bits = stack.admissible[index]
        found = np.argwhere(((bits & BACKGROUND) == 0) & ((bits & (BODY | POSTERIOR | DISC)) > 0))
        if not len(found) or random.random() < ANYWHERE:
            target = random.uniform(0, 1, 2) * (rows, columns)
        else:
            target = found[random.integers(len(found))].astype(np.float64)
    else:
        target = mark[1:].astype(np.float64)
    centre = target + random.normal(0.0, spread)
    angle = np.deg2rad(random.uniform(-ROTATION_DEG, ROTATION_DEG))
    zoom = np.exp(random.uniform(*np.log(SCALE)))
    stretch = zoom * np.exp(random.uniform(-0.08, 0.08, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = np.diag(stretch) @ turn
    shift = np.array([size[1] / 2, size[0] / 2]) - linear @ centre[::-1]
    return np.column_stack([linear, shift])


def _cut(
    stack: Prepared,
    chosen: list[NDArray[np.intp]],
    index: int,
    matrix: NDArray[np.float64],
    size: tuple[int, int],
) -> tuple[Image, Bits]:
    """The view of three averaged slices, and of the middle one's admissible classes; outside is background."""
    planes = [stack.image[numbers].mean(axis=0, dtype=np.float32) for numbers in chosen]
    image = cv2.warpAffine(np.dstack(planes), matrix, size[::-1], flags=cv2.INTER_LINEAR)
    bits = cv2.warpAffine(
        stack.admissible[index], matrix, size[::-1], flags=cv2.INTER_NEAREST, borderValue=float(BACKGROUND)
    )
    return np.asarray(image, np.float32), np.asarray(bits, np.uint8)


def _saturation_band(unit: Image, bits: Bits, random: Generator) -> Image:
    """A dark band in front of the spine, or other texture there: nothing in front may be relied upon."""
    if random.random() > 0.3:
        return unit
    certain = np.isin(bits, (BODY, DISC, SACRUM))
    rows = np.flatnonzero(certain.any(axis=1))
    if len(rows) < 20:
        return unit
    front = np.interp(np.arange(len(unit)), rows, certain[rows].argmax(axis=1)).astype(np.float32)
    edge = ndimage.gaussian_filter1d(front, 25) - np.float32(random.uniform(4, 50))
    columns = np.arange(unit.shape[1], dtype=np.float32)
    ramp = expit((columns - edge[:, None]) / np.float32(random.uniform(2, 10)))[:, :, None]
    if random.random() < 0.6:
        other = unit * np.float32(random.uniform(0.05, 0.5))
    else:
        coarse = random.normal(0.3, 0.25, (len(unit) // 16, unit.shape[1] // 16, 3)).astype(np.float32)
        other = np.clip(cv2.resize(coarse, unit.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    return np.asarray(unit * ramp + other * (1 - ramp), np.float32)


def _contrast(unit: Image, random: Generator) -> tuple[Image, bool]:
    """Mostly T2-like curves; at times a free curve, which may invert parts of the range as T1 does."""
    greys = np.linspace(0, 1, GREYS)
    curve, choice = greys, random.random()
    if choice < 0.6:
        curve = greys ** np.exp(random.uniform(-0.6, 0.6))
    elif choice < 0.8:
        knots = np.sort(random.random(5))
        curve = np.interp(greys, np.linspace(0, 1, 7), np.concatenate([[0], knots, [1]]))
    elif choice < 0.9:
        curve = np.interp(greys, np.linspace(0, 1, 6), np.concatenate([[0], random.random(5)]))
    if random.random() < 0.3:  # clipped fluid
        curve = np.minimum(curve * random.uniform(1.0, 1.6), 1.0)
    table = curve.astype(np.float32)
    return table[np.clip(unit * (GREYS - 1), 0, GREYS - 1).astype(np.int32)], choice < 0.9


def _resolution(unit: Image, random: Generator) -> Image:
    """Coarser acquisition, 0.5-1.2 mm in plane, or blur, or sharpening."""
    choice = random.random()
    if choice < 0.35:
        factor = random.uniform(1.0, 2.4)
        rows, columns = unit.shape[:2]
        small = cv2.resize(
            unit, (round(columns / factor), round(rows / factor)), interpolation=cv2.INTER_AREA
        )
        return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)
    if choice < 0.55:
        return np.asarray(cv2.GaussianBlur(unit, (0, 0), random.uniform(0.3, 1.5)), np.float32)
    if choice < 0.7:
        soft = cv2.GaussianBlur(unit, (0, 0), 1.0)
        sharp = unit + np.float32(random.uniform(0.2, 1.0)) * (unit - soft)
        return np.asarray(np.clip(sharp, 0, 1.2), np.float32)
    return unit


def _field_and_noise(unit: Image, random: Generator) -> Image:
    """Coil sensitivity and noise."""
    if random.random() < 0.5:
        coarse = random.normal(0.0, random.uniform(0.1, 0.4), (5, 4)).astype(np.float32)
        field = cv2.resize(coarse, unit.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        unit = unit * np.exp(field)[:, :, None]
    if random.random() < 0.5:
        noise = random.standard_normal(unit.shape, dtype=np.float32)
        unit = unit + noise * np.float32(random.uniform(0.0, 0.06))
    return np.asarray(unit, np.float32)
