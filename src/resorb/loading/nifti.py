"""One NIfTI file to one series. Its header's free text is never passed on."""

from __future__ import annotations

import gzip
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from resorb.errors import InputError, NotMeasurableError
from resorb.loading.contents import Contents
from resorb.study import Contrast, FloatArray, Plane, Series, Volume

MAX_VOXELS = 2**30
MAX_UNPACKED_BYTES = 9 * MAX_VOXELS
MIN_SLICES = 3
#: sform and qform that place a corner further apart than this contradict each other.
FORMS_AGREE_MM = 1.0
#: A volume with nearly cubic voxels can be read in any plane.
ISOTROPIC_RATIO = 1.3
#: By the NIfTI code of the unit of length: metre, millimetre, micron.
_MM_PER_UNIT = {1: 1e3, 2: 1.0, 3: 1e-3}
_LABEL_INTENT = 1002

_CONTRAST_NAMES = {
    "t2w": Contrast.T2, "t2": Contrast.T2,
    "t1w": Contrast.T1, "t1": Contrast.T1,
    "stir": Contrast.STIR, "tirm": Contrast.STIR,
    "pdw": Contrast.PD, "pd": Contrast.PD,
    **dict.fromkeys(
        ("flair", "t2star", "t2starw", "t2map", "t1map", "dwi", "adc", "bold", "ct"), Contrast.OTHER
    ),
}  # fmt: skip
_LABEL_NAMES = {"dseg", "probseg", "mask", "seg", "label"}


def looks_like_nifti(path: Path, head: bytes) -> bool:
    """Whether a file with these first 352 or more bytes, unpacked where gzipped, is or claims to be NIfTI."""
    magic = head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2")
    return magic or path.name.lower().endswith((".nii", ".nii.gz"))


def read_nifti(path: Path) -> Contents:
    """Read a `.nii` or `.nii.gz` file.

    Raises:
        InputError: damaged, not one real grey volume, without orientation, with an implausible affine,
            or with voxels that are all equal or not finite.
        NotMeasurableError: fewer than three slices, or a label map.
    """
    image = _open(path)
    header = image.header
    notes: list[str] = []
    affine = _affine(image, path, notes)
    data = _voxels(image, path)
    try:
        volume = Volume(data, affine)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    contrast, why = _contrast(path)
    if int(header["intent_code"]) == _LABEL_INTENT or _tokens(path)[-1] in _LABEL_NAMES:
        raise NotMeasurableError(
            f"{path}: a label map, not an MR image (give one with --mask, beside its image)"
        )
    plane, plane_why = _plane(volume)
    series = Series(number=1, stacks=(volume,), plane=plane, contrast=contrast, why=f"{why}; {plane_why}")
    text = bytes(header["descrip"].tobytes()) + bytes(header["aux_file"].tobytes())
    return Contents(
        series=(series,),
        warnings=tuple(notes),
        study_date=None,
        sha256=_sha256(path),
        synthetic=b"SYNTHETIC" in text.upper(),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence: nibabel's log lines repeat raw header values."""
    logger = logging.getLogger("nibabel.global")
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = disabled


def _open(path: Path) -> nib.Nifti1Image:
    try:
        with _quiet():
            image = nib.load(path)
    except Exception as error:  # nibabel, gzip and zlib raise many kinds on damaged files
        raise InputError(
            f"{path}: not a readable NIfTI file (damaged, truncated or of another kind)"
        ) from error
    # The class of two-file NIfTI is the parent of the one-file class, and NIfTI-2 derives from NIfTI-1.
    if not isinstance(image, nib.Nifti1Image):
        raise InputError(f"{path}: not a one-file NIfTI image; convert it to .nii.gz")
    return image


def _affine(image: nib.Nifti1Image, path: Path, notes: list[str]) -> FloatArray:
    """(4, 4) to RAS+ mm: the sform where it is set, else the qform."""
    header = image.header
    try:
        with _quiet():
            sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    except Exception as error:  # an impossible quaternion
        raise InputError(f"{path}: the orientation in the header is invalid") from error
    chosen = sform if sform is not None else qform
    if chosen is None:
        raise InputError(
            f"{path}: the header has no orientation (sform and qform codes are 0), so sides are unknown"
        )
    mm = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 0x07)
    if mm is None:
        notes.append("the header gives no unit of length; millimetres are assumed")
    affine = np.array(chosen, dtype=np.float64)
    affine[:3] *= mm or 1.0
    if sform is not None and qform is not None and _apart_mm(sform, qform, image.shape[:3]) > FORMS_AGREE_MM:
        notes.append("sform and qform of the header contradict each other; the sform is used")
    return affine


def _apart_mm(first: FloatArray, second: FloatArray, shape: tuple[int, ...]) -> float:
    corners = np.array([(*corner, 1) for corner in product(*[(0, n - 1) for n in (*shape, 1, 1)[:3]])])
    with np.errstate(all="ignore"):
        return float(np.nan_to_num(np.linalg.norm(corners @ (first - second).T, axis=1), nan=np.inf).max())


def _voxels(image: nib.Nifti1Image, path: Path) -> NDArray[Any]:
    dtype, shape = image.get_data_dtype(), image.shape
    if dtype.fields is not None or np.issubdtype(dtype, np.complexfloating):
        raise InputError(f"{path}: a colour or complex image; one grey value per voxel is needed")
    if len(shape) > 3 and np.prod(shape[3:]) > 1:
        raise InputError(f"{path}: {int(np.prod(shape[3:]))} volumes in one file; give one volume (3D)")
    shape = (*shape, 1, 1)[:3]
    if int(np.prod([int(n) for n in shape], dtype=object)) > MAX_VOXELS:
        raise InputError(f"{path}: {' x '.join(map(str, shape))} voxels are more than a study has")
    if min(shape) < MIN_SLICES:
        raise NotMeasurableError(
            f"{path}: {' x '.join(map(str, shape))} voxels are a 2D image; a volume is needed "
            f"(at least {MIN_SLICES} slices)"
        )
    try:
        with _quiet():
            data = _stored(image, path).reshape(shape)
    except Exception as error:  # truncated gzip, short file, damaged stream
        raise InputError(f"{path}: truncated or damaged, the voxels cannot be read") from error
    if np.issubdtype(data.dtype, np.floating) and (bad := int((~np.isfinite(data)).sum())):
        raise InputError(f"{path}: {bad} voxels are not finite numbers (NaN or infinity)")
    if data.min() == data.max():
        raise InputError(f"{path}: the image is empty, every voxel is the same")
    return np.asarray(data)


def _stored(image: nib.Nifti1Image, path: Path) -> NDArray[Any]:
    """The voxels as the header describes them, of a gzipped file only if the whole of it is sound.

    A gzip stream is read to its end, where its checksum is: nibabel stops before it, and takes damaged voxels.
    """
    if not path.name.lower().endswith(".gz"):
        return np.asarray(image.dataobj)
    with gzip.open(path) as file:
        data = np.asarray(type(image).from_stream(file).dataobj)
        unpacked = file.tell()
        while block := file.read(1 << 20):
            unpacked += len(block)
            if unpacked > MAX_UNPACKED_BYTES:
                raise OSError("far more behind the voxels than a header asks for")
    return data


def _tokens(path: Path) -> list[str]:
    stem = re.sub(r"\.nii(\.gz)?$", "", path.name.lower())
    return stem.split("_")


def _contrast(path: Path) -> tuple[Contrast, str]:
    """From the BIDS suffix of the file name; else from the one part of the name that is a contrast."""
    *others, suffix = _tokens(path)
    if suffix in _CONTRAST_NAMES:
        return _CONTRAST_NAMES[suffix], "contrast by the suffix of the file name"
    named = {_CONTRAST_NAMES[token] for token in others if token in _CONTRAST_NAMES}
    if len(named) == 1:
        return named.pop(), "contrast by the file name"
    return Contrast.UNKNOWN, "the file does not tell its contrast"


def _plane(volume: Volume) -> tuple[Plane, str]:
    spacing = volume.spacing_mm
    if spacing.max() <= ISOTROPIC_RATIO * spacing.min():
        return Plane.SAGITTAL, "cubic voxels, read as sagittal"
    towards = int(np.argmax(np.abs(volume.directions[:, int(np.argmax(spacing))])))
    return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[towards], "plane by the widest spacing"


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
