"""How bright each tissue of a lumbar T2 image is, how sharp its borders and how its texture runs.

One measurement for real and for simulated images, from an image and labels in resorb's numbering. Coil shading
is met by ratios: to the marrow next to the disc, and to the CSF behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from resorb import Structure, Volume
from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE
from resorb.study import FloatArray
from resorb.voxels import box_of

Mask = NDArray[np.bool_]
Image = NDArray[np.float32]

#: Half-widths of the slab around the midline where discs and canal, and where marrow is looked at, mm.
MIDLINE_MM, MARROW_MM = 5.0, 12.0
BODY_EROSION_MM, SAC_EROSION_MM, CORD_EROSION_MM = 3.0, 1.5, 3.5
#: Along a disc from its front (0) to its back (1): the nucleus, and the outer annulus at both ends.
NUCLEUS, FRONT, BACK = (0.35, 0.62), (0.03, 0.10), (0.90, 0.97)
#: Of a disc's half height, how far from its middle plane it is looked at.
MIDDLE_SHARE = 0.5
#: Behind the sac: fat of the epidural and interspinous space; below the skin: subcutaneous fat, mm.
FAT_NEAR_MM, FAT_SKIN_MM = (2.0, 25.0), (4.0, 12.0)
#: Lateral to the body: psoas. From the midline, and behind the sac: erector spinae, mm.
PSOAS_MM, ERECTOR_ASIDE_MM, ERECTOR_BEHIND_MM = (5.0, 14.0), (14.0, 32.0), (4.0, 26.0)
#: The share of CSF voxels at the image's largest value from which CSF counts as clipped.
CLIPPED_SHARE = 0.02
#: Some converted images have an offset (chu-t2tse: 25-50 of 255): ratios are taken above this percentile.
BLACK_PERCENT = 0.1
#: Stands in the place of a structure in slices that hold nothing (zukic-mixed has some).
OUTSIDE = 99
MIN_VOXELS = 12
#: The cord ends at about the disc L1/L2 (anatomy textbooks): it is looked for above L1.
CORD_ENDS, CORD_HALF_MM = VERTEBRAE.index("T12") + 1, 2.5
#: Where the psoas is thick, by the vertebra above: L2/L3 to L4/L5.
PSOAS_LEVELS = tuple(VERTEBRAE.index(name) + 1 for name in ("L2", "L3", "L4"))
#: The fat below the skin is brighter than this share of marrow; noise in the air is not.
SKIN_SHARE = 0.5


@dataclass(frozen=True)
class Sample:
    """One measurement in one image.

    Attributes:
        level: e.g. L4/L5; empty for the whole image.
        measure: a tissue, or a measure of sharpness (mm) or texture (a share).
        to_marrow, to_csf: its ratio to those next to it; None for what is no brightness.
    """

    level: str
    measure: str
    value: float
    to_marrow: float | None = None
    to_csf: float | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """Image and labels as (right -> left, superior -> inferior, anterior -> posterior), and positions in mm."""

    image: Image
    structure: NDArray[np.uint16]
    vertebra: NDArray[np.uint16]
    spacing: tuple[float, float, float]

    @classmethod
    def of(cls, image: Volume, labels: Volume) -> Scene:
        """On the labels' grid, which must be the image's."""
        if image.shape != labels.shape:
            raise ValueError("image and labels must be on one grid")
        picture, names = image.sagittal(), labels.sagittal()
        x, z, y = (float(mm) for mm in picture.spacing_mm)
        grey = np.ascontiguousarray(picture.data, dtype=np.float32)
        structure = np.ascontiguousarray(names.data // STRUCTURE_STEP).astype(np.uint16)
        structure[np.ptp(grey, axis=(1, 2)) == 0] = OUTSIDE
        return cls(
            image=grey - np.float32(np.percentile(grey, BLACK_PERCENT)),
            structure=structure,
            vertebra=np.ascontiguousarray(names.data % STRUCTURE_STEP).astype(np.uint16),
            spacing=(x, z, y),
        )

    def mask(self, structure: Structure, vertebra: int | None = None) -> Mask:
        found = self.structure == int(structure)
        return np.asarray(found if vertebra is None else found & (self.vertebra == vertebra))

    def body(self, vertebra: int) -> Mask:
        sacrum = vertebra == len(VERTEBRAE)
        return self.mask(Structure.SACRUM if sacrum else Structure.VERTEBRAL_BODY, vertebra)

    def inner(self, mask: Mask, depth_mm: float) -> Mask:
        """The part of a mask that lies deeper than this within its slice."""
        box = box_of(mask, beyond=1)
        if box is None:
            return mask
        inner = np.zeros_like(mask)
        inner[box] = [
            ndimage.distance_transform_edt(part, sampling=self.spacing[1:]) > depth_mm for part in mask[box]
        ]
        return inner

    def near(self, middle: float, half_mm: float) -> Mask:
        """(slices, 1, 1) slices whose centre lies within half_mm of a slice position."""
        k = np.arange(self.image.shape[0])
        # Thick slices: the one that holds the middle is always looked at.
        reach = max(half_mm, self.spacing[0] / 2)
        return np.asarray(np.abs(k - middle) * self.spacing[0] <= reach)[:, None, None]


@dataclass(frozen=True)
class Place:
    """One disc level of a scene.

    Attributes:
        upper, lower: ordinals of the vertebrae above and below; lower is 0 where none is labelled.
        rows: from the middle of one to the middle of the other, about.
        middle: slice position of the midline.
    """

    name: str
    upper: int
    lower: int
    rows: slice
    middle: float
    marrow: float
    csf: float


def measure(image: Volume, labels: Volume) -> list[Sample]:
    """Everything that can be measured in one image; what has too few voxels is left out."""
    scene = Scene.of(image, labels)
    samples: list[Sample] = []
    for place in places(scene):
        found = [("csf", place.csf), ("marrow", place.marrow)]
        found += [
            (region.name, region.reduce(scene.image[:, place.rows][region.mask]))
            for region in regions(scene, place)
        ]
        for name, value in found:
            if np.isfinite(value):
                samples.append(
                    Sample(place.name, name, value, _ratio(value, place.marrow), _ratio(value, place.csf))
                )
        for name, values in _edges(scene, place):
            if len(values) >= 3:
                samples.append(Sample(place.name, name, float(np.median(values))))
    return [*samples, *_texture(scene), Sample("", "sac_at_top", at_top(image, labels))]


def at_top(image: Volume, labels: Volume) -> float:
    """Share of the sac that lies at the largest value of the grey scale."""
    sac = labels.data // STRUCTURE_STEP == int(Structure.THECAL_SAC)
    return float(np.mean(image.data[sac] >= image.data.max())) if sac.any() else 0.0


def clipped(image: Volume, labels: Volume) -> bool:
    """Whether so much CSF lies at the top of the grey scale that a ratio to it means nothing."""
    return at_top(image, labels) > CLIPPED_SHARE


def _ratio(value: float, by: float) -> float | None:
    return value / by if np.isfinite(by) and by > 0 else None


def places(scene: Scene) -> Iterator[Place]:
    """The disc levels of a scene, from above downwards."""
    sac_all = scene.mask(Structure.THECAL_SAC)
    sac_inner = scene.inner(sac_all, SAC_EROSION_MM)
    marrow: dict[int, float] = {}
    present = sorted(set(np.unique(scene.vertebra[scene.structure == int(Structure.DISC)]).tolist()) - {0})
    bodies = np.isin(scene.structure, (int(Structure.VERTEBRAL_BODY), int(Structure.SACRUM)))
    ordinals = sorted(set(np.unique(scene.vertebra[bodies]).tolist()) - {0})
    for upper in present:
        lower = next((n for n in ordinals if n > upper), 0)
        disc = scene.mask(Structure.DISC, upper)
        rows = np.flatnonzero(disc.any(axis=(0, 2)))
        reach = round(12.0 / scene.spacing[1])
        band = slice(max(int(rows[0]) - reach, 0), int(rows[-1]) + reach)
        sac = sac_all[:, band]
        middle = float((np.argwhere(sac) if sac.any() else np.argwhere(disc))[:, 0].mean())
        for n in (upper, lower):
            if n and n not in marrow:
                inner = scene.inner(scene.body(n) & scene.near(middle, MARROW_MM), BODY_EROSION_MM)
                marrow[n] = _median(scene.image[inner])
        values = [marrow[n] for n in (upper, lower) if n and np.isfinite(marrow[n])]
        yield Place(
            name=f"{VERTEBRAE[upper - 1]}/{VERTEBRAE[lower - 1] if lower else '?'}",
            upper=upper,
            lower=lower,
            rows=band,
            middle=middle,
            marrow=float(np.mean(values)) if values else np.nan,
            csf=_bright((scene.image[:, band])[sac_inner[:, band]]),
        )


def _median(values: Image) -> float:
    return float(np.median(values)) if len(values) >= MIN_VOXELS else np.nan


def _split(values: Image) -> float:
    """Between the dark and the bright of two tissues."""
    return float(threshold_otsu(values)) if len(values) >= MIN_VOXELS and np.ptp(values) > 0 else np.nan


def _bright(values: Image) -> float:
    """Median of the brighter of two tissues."""
    return _median(values[values > _split(values)])


def _dark(values: Image) -> float:
    """Median of the darker of two tissues."""
    return _median(values[values <= _split(values)])


@dataclass(frozen=True, eq=False)
class Region:
    """Voxels of one tissue next to a disc: a mask of the place's rows, and what makes one number of them."""

    name: str
    mask: Mask
    reduce: Callable[[Image], float]


@dataclass(frozen=True, eq=False)
class _DiscPlane:
    """A disc's midline slices in its own axes: along it from front (0) to back (1), and across it from its middle."""

    index: NDArray[np.intp]
    along: FloatArray
    across: FloatArray
    centre: FloatArray
    axis: FloatArray
    length_mm: float


def _plane(scene: Scene, place: Place) -> _DiscPlane | None:
    mask = scene.mask(Structure.DISC, place.upper) & scene.near(place.middle, MIDLINE_MM)
    index = np.argwhere(mask)
    if len(index) < 5 * MIN_VOXELS:
        return None
    points = index[:, 1:] * np.array(scene.spacing[1:])
    centre = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - centre, full_matrices=False)
    axis = axes[0] * np.sign(axes[0][1])  # towards posterior
    along, across = (points - centre) @ axis, (points - centre) @ np.array([axis[1], -axis[0]])
    front, back = np.quantile(along, [0.005, 0.995])
    share = (along - front) / (back - front)
    middle = np.polyval(np.polyfit(share, across, 2), share)
    half = np.sqrt(3 * np.mean((across - middle) ** 2))  # of a slab as high as this
    return _DiscPlane(
        index=index,
        along=share,
        across=(across - middle) / half,
        centre=centre,
        axis=axis,
        length_mm=float(back - front),
    )


def regions(scene: Scene, place: Place) -> Iterator[Region]:
    """Where each tissue is looked at, at the height of a disc."""
    part = replace(
        scene,
        image=scene.image[:, place.rows],
        structure=scene.structure[:, place.rows],
        vertebra=scene.vertebra[:, place.rows],
    )
    yield from _disc(scene, place)
    if part.mask(Structure.THECAL_SAC).any():
        yield from _around(part, place)
    yield Region("fat_skin", _below_skin(part, place), _bright)
    if place.upper in PSOAS_LEVELS:
        yield Region("psoas", _psoas(part, place), _dark)


def _disc(scene: Scene, place: Place) -> Iterator[Region]:
    plane = _plane(scene, place)
    if plane is None:
        return
    inside = np.abs(plane.across) < MIDDLE_SHARE
    for name, (first, last) in (("nucleus", NUCLEUS), ("annulus_front", FRONT), ("annulus_back", BACK)):
        mask = np.zeros_like(scene.image, dtype=bool)
        mask[tuple(plane.index[inside & (plane.along > first) & (plane.along < last)].T)] = True
        yield Region(name, mask[:, place.rows], _median)


def _around(part: Scene, place: Place) -> Iterator[Region]:
    """Cord, and fat and muscle behind the sac."""
    sac = part.mask(Structure.THECAL_SAC)
    columns = part.image.shape[2]
    # Behind the sac, row by row; rows without a sac are left out.
    ends: Mask = np.asarray(sac.any(axis=0))
    rear = columns - 1 - np.argmax(ends[:, ::-1], axis=1)
    behind: FloatArray = (np.arange(columns) - rear[:, None]) * part.spacing[2]
    behind[~ends.any(axis=1)] = -1.0
    aside = np.abs(np.arange(part.image.shape[0]) - place.middle)[:, None, None] * part.spacing[0]
    free = part.structure == 0
    near = (behind > FAT_NEAR_MM[0]) & (behind < FAT_NEAR_MM[1])
    yield Region("fat_near", free & part.near(place.middle, MIDLINE_MM) & near, _bright)
    deep = (behind > ERECTOR_BEHIND_MM[0]) & (behind < ERECTOR_BEHIND_MM[1])
    beside = (aside > ERECTOR_ASIDE_MM[0]) & (aside < ERECTOR_ASIDE_MM[1])
    yield Region("erector", free & deep & beside, _dark)
    if place.upper <= CORD_ENDS:
        cord = part.inner(sac, CORD_EROSION_MM) & part.near(place.middle, CORD_HALF_MM)
        yield Region("cord", cord, _dark)


def _below_skin(part: Scene, place: Place) -> Mask:
    """The band below the skin of the back in the midline; nothing where the field ends before it."""
    body = ndimage.uniform_filter(part.image, (1, 7, 7)) > SKIN_SHARE * place.marrow
    columns = body.shape[2]
    skin = columns - 1 - np.argmax(body[:, :, ::-1], axis=2)
    seen = np.asarray(body.any(axis=2) & (skin < columns - 3))
    depth = (skin[:, :, None] - np.arange(columns)) * part.spacing[2]
    band = seen[:, :, None] & (depth > FAT_SKIN_MM[0]) & (depth < FAT_SKIN_MM[1])
    return np.asarray(band & part.near(place.middle, MIDLINE_MM))


def _psoas(part: Scene, place: Place) -> Mask:
    """Beside the lower half of the upper body, at the depth of its rear half."""
    index = np.argwhere(part.mask(Structure.VERTEBRAL_BODY, place.upper))
    mask = np.zeros_like(part.image, dtype=bool)
    if len(index) < MIN_VOXELS:
        return mask
    low, high = np.quantile(index[:, 0], [0.01, 0.99])
    k = np.arange(len(mask))
    aside = np.maximum(low - k, k - high) * part.spacing[0]
    front, rear = np.quantile(index[:, 2], [0.5, 0.95]).astype(int)
    mask[(aside > PSOAS_MM[0]) & (aside < PSOAS_MM[1]), index[:, 1].min() : index[:, 1].max(), front:rear] = (
        True
    )
    return np.asarray(mask & (part.structure == 0))


def _edges(scene: Scene, place: Place) -> Iterator[tuple[str, list[float]]]:
    """How wide the borders from the disc to the CSF and from the endplate to the marrow look, 10 to 90 %, mm."""
    plane = _plane(scene, place)
    if plane is None or not np.isfinite(place.csf) or not np.isfinite(place.marrow):
        return
    across = np.array([plane.axis[1], -plane.axis[0]])
    half = plane.length_mm / 2
    rear, plates = [], []
    for k in np.flatnonzero(scene.near(place.middle, MIDLINE_MM).ravel()):
        for shift in (-1.0, 0.0, 1.0):
            start = plane.centre + plane.axis * (half - 3.0) + across * shift
            rear.append(_rise(_profile(scene, int(k), start, plane.axis, 11.0), 0.5 * place.csf))
        for share in (-0.15, 0.0, 0.15):
            start = plane.centre + plane.axis * (share * 2 * half)
            for sign in (-1.0, 1.0):
                line = _profile(scene, int(k), start + sign * 2.0 * across, sign * across, 12.0)
                plates.append(_rise(line, 0.4 * place.marrow))
    yield "edge_disc_csf_mm", [width for width in rear if np.isfinite(width)]
    yield "edge_endplate_mm", [width for width in plates if np.isfinite(width)]


PROFILE_STEP_MM = 0.1


def _profile(scene: Scene, k: int, start: FloatArray, direction: FloatArray, length_mm: float) -> FloatArray:
    steps = np.arange(0.0, length_mm, PROFILE_STEP_MM)
    points = (start + steps[:, None] * direction) / np.array(scene.spacing[1:])
    line = ndimage.map_coordinates(scene.image[k], points.T, order=1, mode="nearest")
    return np.asarray(line, dtype=np.float64)


def _rise(line: FloatArray, least: float) -> float:
    """From the darkest point of the first two thirds to the next plateau: 10-90 % distance, mm; NaN if too small."""
    low = int(np.argmin(line[: 2 * len(line) // 3]))
    reach = line[low : low + round(5.0 / PROFILE_STEP_MM)]
    high = low + int(np.argmax(reach))
    rise = line[high] - line[low]
    if rise < least:
        return np.nan
    part = line[low : high + 1]
    first = int(np.argmax(part > line[low] + 0.1 * rise))
    last = int(np.argmax(part > line[low] + 0.9 * rise))
    return (last - first) * PROFILE_STEP_MM


#: Texture is looked at in two bands of width (sigma, mm): grain, and marbling.
GRAIN_MM, MARBLING_MM = 1.0, 4.0


def _texture(scene: Scene) -> Iterator[Sample]:
    """Grain and marbling of marrow, as a share of its brightness, and how the grain goes on to the neighbours."""
    bodies = scene.inner(scene.mask(Structure.VERTEBRAL_BODY), BODY_EROSION_MM)
    if bodies.sum() < 10 * MIN_VOXELS:
        return
    marrow = float(np.median(scene.image[bodies]))
    fine, coarse = (_blurred(scene, mm) for mm in (GRAIN_MM, MARBLING_MM))
    grain = scene.image - fine
    yield Sample("", "grain", float(np.std(grain[bodies])) / marrow)
    yield Sample("", "marbling", float(np.std((fine - coarse)[bodies])) / marrow)
    for axis, name in ((0, "across"), (1, "down"), (2, "back")):
        both = bodies & np.roll(bodies, 1, axis)
        a, b = grain[both], np.roll(grain, 1, axis)[both]
        if len(a) >= MIN_VOXELS and a.std() > 0:
            yield Sample("", f"grain_next_{name}", float(np.corrcoef(a, b)[0, 1]))


def _blurred(scene: Scene, mm: float) -> Image:
    sigma = (0.0, mm / scene.spacing[1], mm / scene.spacing[2])
    return np.asarray(ndimage.gaussian_filter(scene.image, sigma))
