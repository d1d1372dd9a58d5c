"""Every data set's labels -> one bit mask per voxel of the classes that it may be.

The sets label different things: all discs and whole vertebrae, or bodies only, or discs only. What a set does not
label is not background; it is "one of these". Bit c of the mask is set where class c is admissible, and exactly one
bit is set where the answer is certain. Geometry narrows the rest: no disc in the psoas, no sac in front of the bodies.

Volumes are (slice, row, column), rows superior -> inferior, columns anterior -> posterior, spacing in mm likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training import frame
from training.frame import Mask, Plane, Spacing, Spine

Labels = NDArray[np.integer]
Bits = NDArray[np.uint8]

CLASSES = ("background", "vertebral_body", "posterior_elements", "sacrum", "disc", "thecal_sac")
BACKGROUND, BODY, POSTERIOR, SACRUM, DISC, SAC = (1 << index for index in range(len(CLASSES)))

# Reach in mm of each structure from the centreline through bodies or discs, generous for large patients.
HALF_WIDTH = 35.0
HALF_DEPTH = 28.0
SAC_HALF_WIDTH = 18.0
SAC_BEHIND = (6.0, 48.0)
POSTERIOR_HALF_WIDTH = 32.0  # transverse processes beyond this are taught as background: no set shows them
POSTERIOR_BEHIND = (0.0, 95.0)
SACRUM_HALF_WIDTH = 60.0
DISC_MARGIN = 6.0  # a disc may bulge this far beyond the hull of its two endplates


def harmonise(name: str, labels: Labels, spacing: Spacing, herniated: Sequence[int] = ()) -> Bits:
    """Admissible classes of every voxel of one scan of the data set `name`.

    `herniated` counts discs upwards from L5/S1 = 1; their labels are known to omit displaced material.
    """
    if name == "spider-t2space":
        return spider(labels, spacing, herniated)
    return _RULES[name](labels, spacing)


def spider(labels: Labels, spacing: Spacing, herniated: Sequence[int] = ()) -> Bits:
    """Whole vertebrae 1, discs 2, canal 3; neither sacrum nor cut vertebrae at the upper edge are labelled."""
    vertebra, disc, canal = (labels == value for value in (1, 2, 3))
    discs = _components(disc, spacing, least_mm3=500.0)
    centres = np.array([frame.centre_mm(part, spacing) for part in discs])
    spine = frame.spine(centres, labels.shape, spacing)
    endplate = frame.plane_of_disc(discs[-1], spacing)
    bits = np.full(labels.shape, BACKGROUND, np.uint8)
    bits |= np.where(spine.along < spine.stations[0], _anatomy(spine, BODY | POSTERIOR | DISC | SAC), 0)
    seen = np.flatnonzero(vertebra.any(axis=(0, 2)))
    covered = np.zeros(labels.shape[1:], bool)
    # The labels reach up to about here: what they leave out below is background.
    covered[seen.min() + int(10 / spacing[1]) :] = True
    bits[:, covered] = BACKGROUND
    bits |= _sacral(endplate, spine, labels.shape, edge=0.0, disc_depth=0.0)
    bits[_sacral_core(endplate, spine, disc_thickness=_half_thickness(discs[-1], spacing))] = SACRUM
    bits[vertebra] = _split_vertebra(vertebra, _largest(canal), spacing)[vertebra]
    bits[disc] = DISC
    main = _largest(canal)
    bits[canal] = BACKGROUND | BODY | DISC | SAC  # stray voxels of that label lie anywhere
    bits[main] = SAC
    for count in herniated:
        if count <= len(discs):
            bits[_behind(discs[-count], spacing) & (bits == BACKGROUND)] = BACKGROUND | DISC | SAC
            rim = main & ~ndimage.binary_erosion(main, iterations=max(1, round(2 / spacing[1])))
            bits[_behind(discs[-count], spacing) & rim] = BACKGROUND | DISC | SAC
    return bits


def bodies(labels: Labels, spacing: Spacing, sacrum: int | None, lowest: int) -> Bits:
    """Only vertebral bodies labelled, counted upwards from `lowest` = L5; `sacrum` is the label of S1's body."""
    values = [int(v) for v in np.unique(labels) if v >= lowest][::-1]
    parts = [labels == v for v in values]
    spine = frame.spine(np.array([frame.centre_mm(p, spacing) for p in parts]), labels.shape, spacing)
    endplate = frame.plane_under_body(parts[-1], spacing)
    bits = _anatomy(spine, POSTERIOR | SAC)
    bits[:, _sacral_bodies(endplate, edge=1.0)] &= 255 - POSTERIOR
    above = spine.along < spine.stations[0]
    bits |= np.where(above, _anatomy(spine, BODY | DISC), 0).astype(np.uint8)
    depth = 0.0 if sacrum is not None else 24.0
    bits |= _sacral(endplate, spine, labels.shape, edge=1.0, disc_depth=depth)
    chain = [*parts, labels == sacrum] if sacrum is not None else parts
    for upper, lower in pairwise(chain):
        slab, core = _gap(upper, lower, spacing)
        bits[slab] |= DISC
        bits[core] = DISC
    for part in parts:
        bits[part] = BODY
    if sacrum is not None:
        bits[labels == sacrum] = SACRUM
    return bits


def discs(labels: Labels, spacing: Spacing) -> Bits:
    """Only the five lumbar discs labelled, 1 = L5/S1 upwards."""
    parts = [labels == v for v in np.unique(labels)[::-1] if v > 0]
    spine = frame.spine(np.array([frame.centre_mm(p, spacing) for p in parts]), labels.shape, spacing)
    endplate = frame.plane_of_disc(parts[-1], spacing)
    bits = _anatomy(spine, POSTERIOR | SAC)
    bits[:, _sacral_bodies(endplate, edge=0.0)] &= 255 - POSTERIOR
    bits |= np.where(spine.along < spine.stations[0] - 10, _anatomy(spine, BODY | DISC), 0).astype(np.uint8)
    bits |= np.where(spine.along < spine.last, _anatomy(spine, BODY), 0).astype(np.uint8)
    bits |= _sacral(endplate, spine, labels.shape, edge=0.0, disc_depth=0.0)
    for upper, lower in pairwise(parts):
        bits[_gap(upper, lower, spacing)[1]] = BODY
    bits[_sacral_core(endplate, spine, disc_thickness=_half_thickness(parts[-1], spacing))] = SACRUM
    bits[labels > 0] = DISC
    return bits


_RULES: dict[str, Callable[[Labels, Spacing], Bits]] = {
    "chu-t2tse": lambda labels, spacing: bodies(labels, spacing, sacrum=None, lowest=1),
    "myosegmentum": lambda labels, spacing: bodies(labels, spacing, sacrum=None, lowest=1),
    "zukic-mixed": lambda labels, spacing: bodies(labels, spacing, sacrum=1, lowest=2),
    "discs-t2": discs,
}


def _anatomy(spine: Spine, wanted: int) -> Bits:
    """Where the `wanted` classes can be at all, background being possible everywhere."""
    narrow = spine.aside <= HALF_WIDTH
    deep = np.abs(spine.behind) <= HALF_DEPTH
    bits = np.full(spine.aside.shape, BACKGROUND, np.uint8)
    rules: list[tuple[int, NDArray[np.bool_]]] = [
        (BODY | DISC, narrow & deep),
        (SAC, (spine.aside <= SAC_HALF_WIDTH) & _within(spine.behind, SAC_BEHIND)),
        (POSTERIOR, (spine.aside <= POSTERIOR_HALF_WIDTH) & _within(spine.behind, POSTERIOR_BEHIND)),
    ]
    for classes, where in rules:
        bits[where] |= wanted & classes
    return bits


def _within(values: NDArray[np.float32], limits: tuple[float, float]) -> Mask:
    result: Mask = (values >= limits[0]) & (values <= limits[1])
    return result


def _sacral(endplate: Plane, spine: Spine, shape: tuple[int, ...], edge: float, disc_depth: float) -> Bits:
    """Classes possible below an endplate: the sacrum, the sac, the last laminae, and a disc to `disc_depth` mm.

    The disc S1/S2 is never called disc. Nothing but background lies in front of the sacrum: the pelvis.
    """
    bits = np.full(shape, BACKGROUND, np.uint8)
    front = -endplate.length / 2 - 6.0
    caudal = (endplate.down > edge) & (endplate.back > front)
    rear = (endplate.back > endplate.length / 2) & (endplate.down > edge - 10.0)
    bits[(caudal | rear) & (spine.aside <= SACRUM_HALF_WIDTH)] |= SACRUM
    bits[(caudal | rear) & ~_sacral_bodies(endplate, edge) & (spine.aside <= POSTERIOR_HALF_WIDTH)] |= (
        POSTERIOR
    )
    canal = (endplate.back > 0) & (endplate.down > edge - 2.0)
    bits[canal & (spine.aside <= SAC_HALF_WIDTH)] |= SAC
    level = _within(endplate.down, (-3.0, disc_depth))
    level &= np.abs(endplate.back) < endplate.length / 2 + DISC_MARGIN
    if disc_depth > 0:
        bits[level & (spine.aside <= HALF_WIDTH)] |= DISC
    return bits


def _sacral_bodies(endplate: Plane, edge: float) -> NDArray[np.bool_]:
    """Where S1, S2 and S3 lie, which lean back: in front of every lamina; a (row, column) map."""
    rear = endplate.length / 2 - 3.0 + 0.5 * np.maximum(endplate.down - 15.0, 0.0)
    result: NDArray[np.bool_] = (endplate.down > edge) & (endplate.back < rear)
    return result


def _sacral_core(endplate: Plane, spine: Spine, disc_thickness: float) -> Mask:
    """Certainly the first sacral body: just below the lowest disc, well inside its borders."""
    top = disc_thickness + 3.0
    below = _within(endplate.down, (top, top + 11.0))
    # The sacrum tapers and leans back, so the certain part drifts posteriorly as it goes down.
    inside = np.abs(endplate.back - 0.15 * endplate.down) < 0.27 * endplate.length
    result: Mask = below & inside & (spine.aside < 15)
    return result


def _half_thickness(disc: Mask, spacing: Spacing) -> float:
    """How far in mm a disc's lower surface lies below its middle plane, at its thickest."""
    down = np.broadcast_to(frame.plane_of_disc(disc, spacing).down, disc.shape)
    return float(np.percentile(down[disc], 97))


def _components(mask: Mask, spacing: Spacing, least_mm3: float) -> list[Mask]:
    """Connected parts of at least a volume, from the highest to the lowest."""
    numbered, count = ndimage.label(mask)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1) * float(np.prod(spacing))
    parts = [numbered == index for index in range(1, count + 1) if sizes[index] >= least_mm3]
    return sorted(parts, key=lambda part: float(np.argwhere(part)[:, 1].mean()))


def _largest(mask: Mask) -> Mask:
    """The largest connected part of a mask."""
    numbered, count = ndimage.label(mask)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)
    sizes[0] = 0
    result: Mask = numbered == sizes.argmax()
    return result


def _gap(upper: Mask, lower: Mask, spacing: Spacing) -> tuple[Mask, Mask]:
    """Between two neighbours of one kind: where the other kind may be, and where it certainly is."""
    whole = upper | lower
    axis = frame.centre_mm(lower, spacing) - frame.centre_mm(upper, spacing)
    axis /= np.linalg.norm(axis)
    facing = np.zeros(whole.shape, bool)
    for part, sign in ((upper, 1.0), (lower, -1.0)):
        voxels = np.argwhere(part)
        height = voxels * np.asarray(spacing) @ axis * sign
        facing[tuple(voxels[height > np.quantile(height, 0.6)].T)] = True
    box = tuple(
        slice(max(0, int(low - 12 / step)), int(high + 12 / step) + 1)
        for low, high, step in zip(*_bounds(facing), spacing, strict=True)
    )
    solid = frame.hull(facing[box], spacing)
    outside = ndimage.distance_transform_edt(~solid, sampling=spacing)
    inside = ndimage.distance_transform_edt(solid, sampling=spacing)
    to_upper = ndimage.distance_transform_edt(~upper[box], sampling=spacing)
    to_lower = ndimage.distance_transform_edt(~lower[box], sampling=spacing)
    both = to_upper + to_lower
    offset = np.abs(to_upper - to_lower)
    slab, core = np.zeros(whole.shape, bool), np.zeros(whole.shape, bool)
    slab[box] = (solid | ((outside <= DISC_MARGIN) & (offset < 0.6 * both))) & ~whole[box]
    core[box] = (inside > 5.0) & (offset < 0.35 * both) & ~whole[box]
    return slab, core


def _bounds(mask: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last voxel of a mask's bounding box."""
    voxels = np.argwhere(mask)
    return voxels.min(axis=0), voxels.max(axis=0)


def _split_vertebra(vertebra: Mask, canal: Mask, spacing: Spacing) -> Bits:
    """Body, posterior elements, or (at the pedicle) either, for voxels of whole vertebrae.

    The measure is the distance behind the sac's anterior border in the same row, or the nearest row with a sac.
    """
    has = canal.any(axis=2)
    count = canal.sum(axis=2)
    mean = (canal * np.arange(canal.shape[2])).sum(axis=2) / np.maximum(count, 1)
    front = (mean - count / 2).astype(np.float32)
    # A leaning spine forbids taking another row, so that rows count far more than slices.
    weights = (spacing[0], 20 * spacing[1])
    _, nearest = ndimage.distance_transform_edt(~has, sampling=weights, return_indices=True)
    front = ndimage.median_filter(front[tuple(nearest)], size=(3, 2 * int(2 / spacing[1]) + 1))
    behind = (np.arange(vertebra.shape[2], dtype=np.float32) - front[:, :, None]) * spacing[2]
    bits = np.full(vertebra.shape, BODY | POSTERIOR, np.uint8)
    bits[behind < -5.0] = BODY
    bits[behind > 4.0] = POSTERIOR
    for index in range(len(vertebra)):
        numbered, count = ndimage.label(vertebra[index])
        for part, box in enumerate(ndimage.find_objects(numbered, count), start=1):
            where = numbered[box] == part
            rear, ahead = np.percentile(behind[index][box][where], [90, 10])
            if rear < 3.0:
                bits[index][box][where] = BODY
            elif ahead > -1.0:
                bits[index][box][where] = POSTERIOR
    return bits


def _behind(disc: Mask, spacing: Spacing) -> Mask:
    """Within 10 mm posterior of a disc's rear half, 5 mm more up and down: where displaced material may lie."""
    back = np.broadcast_to(frame.plane_of_disc(disc, spacing).back, disc.shape)
    distance = ndimage.distance_transform_edt(~(disc & (back > 0)), sampling=spacing)
    result: Mask = (distance < 10.0) & ~disc & (back > np.percentile(back[disc], 80))
    return result
