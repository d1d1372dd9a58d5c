"""What one date shows of a vertebra or a disc: the image around it, its outline, and what of it keeps its shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE, Anatomy, Structure, anatomy_index
from resorb.errors import NotMeasurableError
from resorb.frame import Frame
from resorb.study import FloatArray, Volume
from resorb.voxels import box_of

AROUND_MM = 4.0  # so far around the bone, tissue moves with it
INTO_DISC_MM = 1.5  # of the disc, what clings to the endplate
SAC_MARGIN_MM = 1.0
BOX_MM = 8.0
FINE_MM = 1.0  # voxels are joined up to this size: finer ones take time and tell no more
ANTI_ALIAS = 0.4  # standard deviation of the smoothing before joining, in joined voxels
BLUR_MM = 0.7
THICK_MM = 2.0  # slices as thick as this are not blurred across more than the other date asks for
BOX_VARIANCE = 1 / 12  # of a box of width 1
BRIGHTEST, DARKEST = 0.99, 0.01  # shares of grey values beyond which they are cut
EMPTY, EMPTY_VOXELS = 0.0, 2  # a grey value without signal; half the width of a stretch of them
MIN_VOLUME_MM3 = 1000.0
DISC_MARGIN_MM = 1.0  # of a disc, next to the endplates, where the shifted fat of marrow may lie
AHEAD_MM, ASIDE_MM = (
    5.0,
    16.0,
)  # in front of the reference surface, and to the sides of the midline, a disc is compared
MIN_INSIDE_MM3 = 200.0
_BONE = (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM)

Grey = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Patch:
    """One vertebra or disc on one date.

    Attributes:
        image: float32 grey values around it.
        rigid: voxels to compare: of a vertebra its bone and what clings to that, without disc, sac and other bones;
            of a disc its inside, without what may be displaced.
        distance: distance to the outline of the body or the disc, mm, negative inside.
        seen: voxels that hold an image; not those that a scanner or a resampling filled with zeros.
    """

    image: Volume
    rigid: NDArray[np.bool_]
    distance: Grey
    seen: NDArray[np.bool_]

    @cached_property
    def centre(self) -> FloatArray:
        """(3,) middle of what is outlined, RAS+ mm."""
        return self.image.to_world(np.argwhere(self.distance < 0).mean(axis=0))

    @cached_property
    def cut(self) -> bool:
        """Whether the field ends before what is outlined does, so that its outline may mislead."""
        inside = self.distance < 0
        return any(bool(np.take(inside, (0, -1), axis=axis).any()) for axis in range(3))

    @cached_property
    def spread_mm2(self) -> FloatArray:
        """(3, 3) covariance of the places within one voxel, in the world."""
        ways = self.image.directions
        return np.asarray(ways @ np.diag(BOX_VARIANCE * self.image.spacing_mm**2) @ ways.T)

    def blurred_to(self, other: Patch, blur_mm: float = BLUR_MM) -> Grey:
        """The image as coarse as the other date's where that is coarser, and smoother still in its fine axes."""
        ways, spacing = self.image.directions, self.image.spacing_mm
        coarser = np.einsum("ia,ij,ja->a", ways, other.spread_mm2 - self.spread_mm2, ways)
        smooth = np.where(spacing > THICK_MM, 0.0, blur_mm**2)
        low, high = np.quantile(self.image.data[self.rigid], [DARKEST, BRIGHTEST])
        sigma = np.sqrt(np.maximum(coarser, 0.0) + smooth) / spacing
        return np.asarray(ndimage.gaussian_filter(np.clip(self.image.data, low, high), sigma))


def patch_of(image: Volume, anatomy: Anatomy, vertebra: str) -> Patch:
    """Cut a vertebra out of an image.

    Args:
        image: the sagittal series, on the grid of the anatomy's labels.

    Raises:
        NotMeasurableError: hardly anything of it is in the field.
    """
    own = anatomy_index(Structure.SACRUM if vertebra == "S1" else Structure.VERTEBRAL_BODY, vertebra)
    volume, near, distance = _cut_out(image, anatomy, own, vertebra)
    seen = _seen(volume.data)
    return Patch(volume, _rigid(near, distance, vertebra, volume.spacing_mm) & seen, distance, seen)


def disc_patch_of(image: Volume, anatomy: Anatomy, frame: Frame) -> Patch:
    """Cut the disc of a frame's level out of an image; only its inside counts, well in front of the reference.

    Raises:
        NotMeasurableError: hardly anything of it is in the field.
    """
    own = anatomy_index(Structure.DISC, frame.level.upper)
    volume, _, distance = _cut_out(image, anatomy, own, f"the disc {frame.level}")
    inside = np.argwhere(distance < -DISC_MARGIN_MM)
    left, posterior, _ = frame.to_local(volume.to_world(inside)).T
    kept = inside[(posterior < -AHEAD_MM) & (np.abs(left) < ASIDE_MM)]
    rigid = np.zeros(volume.shape, bool)
    rigid[tuple(kept.T)] = True
    seen = _seen(volume.data)
    rigid &= seen
    if np.count_nonzero(rigid) * volume.voxel_volume_mm3 < MIN_INSIDE_MM3:
        raise NotMeasurableError(f"the disc {frame.level} is too thin to be compared")
    return Patch(volume, rigid, distance, seen)


def _cut_out(image: Volume, anatomy: Anatomy, own: int, name: str) -> tuple[Volume, NDArray[np.uint16], Grey]:
    """Image and labels around one label, fine voxels joined, and the distance to its outline."""
    labels = anatomy.labels.data
    there = np.asarray(labels == own)
    box = box_of(there)
    if box is None or np.count_nonzero(there[box]) * image.voxel_volume_mm3 < MIN_VOLUME_MM3:
        raise NotMeasurableError(f"hardly anything of {name} is in the field")
    room = np.ceil(BOX_MM / image.spacing_mm).astype(int)
    cut = tuple(slice(max(0, part.start - pad), part.stop + pad) for part, pad in zip(box, room, strict=True))
    every = np.maximum((FINE_MM / image.spacing_mm).astype(int), 1)
    sparse = tuple(slice(None, None, int(step)) for step in every)
    smoothing = np.where(every > 1, ANTI_ALIAS * every, 0.0)
    grey = ndimage.gaussian_filter(image.data[cut].astype(np.float32), smoothing)[sparse]
    affine = image.affine.copy()
    affine[:3, 3] = image.to_world([part.start for part in cut])
    affine[:3, :3] *= every
    volume = Volume(grey, affine)
    near = labels[cut][sparse]
    return volume, near, _signed_mm(near == own, volume.spacing_mm)


def _seen(grey: Grey) -> NDArray[np.bool_]:
    """Voxels (i, j, k) away from stretches of zeros; single dark voxels are no such stretch."""
    empty = grey <= EMPTY
    if not empty.any():
        return np.ones(grey.shape, bool)
    stretches = ndimage.binary_erosion(empty, iterations=EMPTY_VOXELS, border_value=1)
    return np.asarray(~ndimage.binary_dilation(stretches, iterations=2 * EMPTY_VOXELS))


def _signed_mm(mask: NDArray[np.bool_], spacing: FloatArray) -> Grey:
    """Distance of every voxel to the mask, mm; inside it, the negative distance to what is outside."""
    outside, inside = (ndimage.distance_transform_edt(part, sampling=spacing) for part in (~mask, mask))
    return np.asarray(outside - inside, np.float32)


def _rigid(
    labels: NDArray[np.uint16], distance: Grey, vertebra: str, spacing: FloatArray
) -> NDArray[np.bool_]:
    """Voxels near the bone, without what may change or moves by itself."""
    structure, whose = np.divmod(labels, STRUCTURE_STEP)
    disc = (structure == Structure.DISC) & (distance > INTO_DISC_MM)
    other_bone = np.isin(structure, [int(bone) for bone in _BONE]) & (whose != VERTEBRAE.index(vertebra) + 1)
    sac = structure == Structure.THECAL_SAC
    if sac.any():
        sac = ndimage.distance_transform_edt(~sac, sampling=spacing) < SAC_MARGIN_MM
    return np.asarray((distance < AROUND_MM) & ~(disc | other_bone | sac))
