"""What a scan's own tissue looks like: its smooth part and its noise, its edges, and the grey of its discs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal
from skimage.restoration import denoise_nl_means

from resorb.anatomy import Structure
from resorb.simulation.implant.columns import Columns
from resorb.simulation.implant.scene import Float32, Scene, resolved_share
from resorb.voxels import box_of

Mask = NDArray[np.bool_]

PATCH, SEARCH = 5, 5  # voxels, of non-local means (Buades 2005)
STRENGTH = 0.7  # of the noise's sigma
SMOOTH_MM = 1.6  # what is finer in a disc is texture and noise
MAD_TO_SIGMA = 1.4826  # of a normal distribution
LEAST_EDGE, MOST_EDGE = 0.35, 1.2  # sigma of the blur of an edge, voxels
USUAL_EDGE, FEW = 0.6, 20  # taken where there are fewer edges than this
EDGE_WINDOW = (1, 7, 7)
SHARPEST = 0.25  # quantile: softer edges run obliquely through their slice
DIFFERENCE_VARIANCE = 1 / 3  # voxels**2, that a central difference adds: it averages over two voxels
OUTLIER = 3.0  # sigma; what stands out farther is a cleft or a vessel
IN_PLANE = np.ones((1, 3, 3), bool)
DONORS = 6  # places that texture may be taken from
GOOD_DONOR = 0.9  # of the best place's share
ANNULUS_MM = 4.0  # the disc's posterior rim


@dataclass(frozen=True, eq=False)
class Split:
    """A part of a scan as its smooth part and the noise left over, which add up to it."""

    smooth: Float32
    noise: Float32


def across(scene: Scene) -> int | None:
    """The axis across the slices, None where voxels are about cubes."""
    spacing = scene.image.spacing_mm
    axis = int(np.argmax(spacing))
    return axis if spacing[axis] > 1.3 * np.sort(spacing)[1] else None


def noise_sigma(grey: Float32, tissue: Mask) -> float:
    """Noise in a tissue that is even within a few voxels: the robust spread of what a small median leaves over."""
    middle = slice(len(grey) // 2 - 1, len(grey) // 2 + 2)
    rest = grey[middle] - ndimage.median_filter(grey[middle], size=(1, 5, 5))
    inside = rest[ndimage.binary_erosion(tissue[middle], IN_PLANE)]
    if len(inside) < 50:
        inside = rest.ravel()
    return max(float(MAD_TO_SIGMA * np.median(np.abs(inside - np.median(inside)))), 1e-3)


def split(grey: Float32, sigma: float, axis: int | None) -> Split:
    """Separate a scan from its noise, slice by slice, keeping edges (non-local means)."""
    slices = np.moveaxis(grey, axis or 0, 0)
    smooth = np.stack(
        [
            denoise_nl_means(
                picture, PATCH, SEARCH, h=STRENGTH * sigma, sigma=sigma, fast_mode=True, preserve_range=True
            )
            for picture in slices
        ]
    ).astype(np.float32)
    smooth = np.moveaxis(smooth, 0, axis or 0)
    return Split(smooth, grey - smooth)


def edge_voxels(scene: Scene) -> float:
    """Sigma, in voxels, of the blur of the scan's sharpest edges: where the sac meets what lies in front of it.

    An edge of height h blurred by a Gaussian of sigma s has the slope h / (s sqrt(2 pi)).
    """
    sac = scene.structure(Structure.THECAL_SAC)
    inner = ndimage.binary_erosion(sac, IN_PLANE)
    rim = ndimage.binary_dilation(sac & ~inner, IN_PLANE)
    slope = np.hypot(np.gradient(scene.grey, axis=1), np.gradient(scene.grey, axis=2))
    height = ndimage.maximum_filter(scene.grey, EDGE_WINDOW) - ndimage.minimum_filter(scene.grey, EDGE_WINDOW)
    steepest = rim & (slope > 0) & (slope >= ndimage.maximum_filter(slope, (1, 3, 3)))
    if np.count_nonzero(steepest) < FEW:
        return USUAL_EDGE
    tall = steepest & (height >= np.median(height[steepest]))
    seen = np.quantile(height[tall] / slope[tall], SHARPEST) / np.sqrt(2 * np.pi)
    blur = np.sqrt(max(float(seen) ** 2 - DIFFERENCE_VARIANCE, 0.0))
    return float(np.clip(blur, LEAST_EDGE, MOST_EDGE))


def blur_voxels(scene: Scene, axis: int) -> float:
    """Sigma, in voxels, by which an edge along an axis must be blurred before `band_limited` to look scanned.

    None in a scan whose band ends before Nyquist's frequency: limiting an edge to the band blurs it.
    """
    return edge_voxels(scene) if resolved_share(scene.image, axis) >= 1 else 0.0


@dataclass(frozen=True)
class DiscGrey:
    """Grey values of a disc: its dark outer rim, its posterior annulus, and its nucleus."""

    rim: float
    annulus: float
    nucleus: float


def disc_grey(scene: Scene, smooth: Float32, columns: Columns) -> DiscGrey:
    """Grey values of the level's disc near its posterior margin."""
    behind = columns.behind(scene.local())
    disc = ndimage.binary_erosion(scene.disc, IN_PLANE)
    disc = disc if disc.any() else scene.disc
    near = disc & (behind > -ANNULUS_MM) & (behind < 1.0)
    near = near if np.count_nonzero(near) > 20 else disc
    inner = disc & (behind < -2 * ANNULUS_MM)
    inner = inner if np.count_nonzero(inner) > 20 else disc
    rim, annulus = np.quantile(smooth[near], [0.1, 0.45])
    return DiscGrey(float(rim), float(annulus), float(np.quantile(smooth[inner], 0.7)))


def fine_texture(scene: Scene, tissue: Mask) -> tuple[Float32, Mask]:
    """What is finer than `SMOOTH_MM` in a tissue, and where that is known (off its rim)."""
    grey, weight = scene.grey, tissue.astype(np.float32)
    sigma = (0.0, *(SMOOTH_MM / scene.image.spacing_mm[1:]))
    level = ndimage.gaussian_filter(grey * weight, sigma) / np.maximum(
        ndimage.gaussian_filter(weight, sigma), 1e-3
    )
    known = ndimage.binary_erosion(tissue, IN_PLANE, iterations=2)
    known = known if np.count_nonzero(known) >= FEW else ndimage.binary_erosion(tissue, IN_PLANE)
    fine = np.where(known, grey - level, 0)
    most = OUTLIER * float(fine[known].std()) if known.any() else 0.0
    return np.clip(fine, -most, most).astype(np.float32), known


def transplant(texture: Float32, known: Mask, where: Mask, rng: np.random.Generator) -> tuple[Float32, Mask]:
    """Bring texture to where it is wanted, moved by whole voxels, so that its grain stays what it was.

    Args:
        texture, known: the texture, and where it is known.
        where: where it is wanted.
        rng: decides between places that are about equally good.

    Returns:
        The texture there, and where some was found.
    """
    out = np.zeros_like(texture)
    missing = where.copy()
    source = known.astype(np.float32)
    for _ in range(DONORS):
        if (box := box_of(missing)) is None:
            break
        wanted = missing[box].astype(np.float32)
        share = signal.fftconvolve(source, wanted[::-1, ::-1, ::-1], mode="valid")
        good = np.argwhere(share >= GOOD_DONOR * share.max())
        corner = good[rng.integers(len(good))]
        part = tuple(slice(int(c), int(c) + n) for c, n in zip(corner, wanted.shape, strict=True))
        take = missing[box] & known[part]
        if not take.any():
            break
        out[box][take] = texture[part][take]
        missing[box] &= ~take
    return out, where & ~missing
