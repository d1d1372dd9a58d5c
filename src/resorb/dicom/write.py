"""Synthetic MR images to DICOM: one file per slice, in the style of a manufacturer. LPS is made here, from RAS+.

Every file says in many places that it is synthetic, and holds nobody's identifiers. The standard itself has
an element for it, Synthetic Data (0008,001C); older readers find the word in the patient's name and number,
the image type, the series' and the study's description, and the comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from resorb.dicom.geometry import LPS_TO_RAS
from resorb.dicom.vendors import Sequence as PulseSequence
from resorb.dicom.vendors import Style, Vendor, style
from resorb.errors import UsageError
from resorb.study import FloatArray, Plane, Volume

Origin = Literal["simulated", "implanted", "removed"]
Integers = NDArray[np.int64]

MARK = "SYNTHETIC"
PATIENT_NAME = f"{MARK}^RESORB"
COMMENTS: dict[Origin, str] = {
    "simulated": f"{MARK}: computed, no patient was scanned; research use only",
    "implanted": f"{MARK}: a herniation was put into a real scan; research use only",
    "removed": f"{MARK}: a herniation was taken out of a real scan; research use only",
}
#: Gyromagnetic ratio of the proton over 2 pi, MHz/T (CODATA 2018).
PROTON_MHZ_PER_TESLA = 42.577478518
#: Directions (RAS+) of a row, of a column, and from slice to slice, as radiologists look at each plane:
#: head or face up, the patient's right on the left.
_LOOK = {
    Plane.SAGITTAL: ((0, -1, 0), (0, 0, -1), (-1, 0, 0)),
    Plane.AXIAL: ((-1, 0, 0), (0, -1, 0), (0, 0, -1)),
}
#: From this ratio on, the widest spacing tells the slices apart, however they are tilted.
_SLICE_RATIO = 1.5
#: Window: from the darkest to this share of the voxels that hold signal.
_WINDOW_TOP = 0.995


@dataclass(frozen=True)
class SeriesHeader:
    """What the headers of one series shall say beside its geometry.

    Attributes:
        study: tells the studies of one date apart; only hashed, into identifiers that its series share.
        number: the series number, unique in the study.
        slice_mm: thickness of a slice, without the gap.
        flip_deg, echo_train, pixel_bandwidth_hz: None for what the vendor usually runs.
        origin: what is synthetic about it.
        text_in_margin: letters stand in the pixels.
    """

    study: str
    study_date: date
    number: int
    plane: Plane
    tr_ms: float
    te_ms: float
    slice_mm: float
    vendor: Vendor = "siemens"
    sequence: PulseSequence = "tse"
    field_tesla: float = 1.5
    flip_deg: float | None = None
    echo_train: int | None = None
    pixel_bandwidth_hz: float | None = None
    origin: Origin = "simulated"
    text_in_margin: bool = False


def write_series(folder: Path, stacks: Sequence[Volume], description: SeriesHeader) -> tuple[Path, ...]:
    """Write one series as MR Image Storage files, one per slice; the same input gives the same bytes.

    Args:
        folder: made where it is missing; files of other series may stand in it.
        stacks: each a set of parallel slices; several make one series, as axial blocks angled per disc do.
            Values are rounded to integers (philips: to 4096 steps, with a rescale slope).

    Returns:
        The files, in the order of their instance numbers.

    Raises:
        UsageError: no stack, a plane other than sagittal or axial, a field strength without a scanner, or
            values outside 16 bits.
        OSError: the folder cannot be written.
    """
    if not stacks:
        raise UsageError("a series needs at least one stack of slices")
    if description.plane not in _LOOK:
        raise UsageError(f"DICOM is written for sagittal and axial series, not {description.plane.value}")
    habits = style(description.vendor)
    if f"{description.field_tesla:.1f}" not in habits.model:
        known = " and ".join(habits.model)
        raise UsageError(
            f"no {description.vendor} scanner of {description.field_tesla:g} T; {known} T are known"
        )
    pictures = [_picture(stack, description.plane, habits) for stack in stacks]
    pixels = _encode([picture.data for picture in pictures], habits)
    common = _common(description, habits, pixels)
    series = _uid("series", _digest(pictures, description))
    common.SeriesInstanceUID = series
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for picture, stored in zip(pictures, pixels.stored, strict=True):
        for k in range(picture.shape[2]):
            number = len(paths) + 1
            path = folder / f"series{description.number:03d}_{number:04d}.dcm"
            image = Dataset()
            image.update(common)
            image.InstanceNumber = number
            image.SOPInstanceUID = _uid("image", series, str(number))
            _place(image, picture, k, description, habits)
            image.PixelData = np.ascontiguousarray(stored[:, :, k].T).astype(pixels.dtype).tobytes()
            _save(image, path)
            paths.append(path)
    return tuple(paths)


def _picture(volume: Volume, plane: Plane, habits: Style) -> Volume:
    """The stack as (column, row, slice), each running as it is looked at, slices in the vendor's order."""
    look = np.array(_LOOK[plane], dtype=np.float64)
    cosines = look @ volume.directions
    spacing = volume.spacing_mm
    widest = int(np.argmax(spacing))
    thin = np.sort(spacing)[1] * _SLICE_RATIO > spacing[widest]
    orders = [p for p in permutations(range(3)) if thin or p[2] == widest]
    order = max(orders, key=lambda p: float(sum(abs(cosines[n, a]) for n, a in enumerate(p))))
    data, affine = volume.data.transpose(order), volume.affine.copy()
    affine[:3, :3] = volume.affine[:3, list(order)]
    for axis in range(3):
        forwards = float(look[axis] @ affine[:3, axis]) > 0
        if forwards == (axis == 2 and habits.backwards(plane)):
            affine[:3, 3] += affine[:3, axis] * (data.shape[axis] - 1)
            affine[:3, axis] *= -1
            data = np.flip(data, axis)
    return Volume(data, affine)


@dataclass(frozen=True, eq=False)
class _Pixels:
    """Stored values of all stacks, how they are stored, and how they lead back to the image's values."""

    stored: tuple[Integers, ...]
    dtype: np.dtype[np.int16] | np.dtype[np.uint16]
    bits: int
    slope: float
    intercept: float
    window: tuple[float, float]


def _encode(images: list[NDArray[np.generic]], habits: Style) -> _Pixels:
    low = float(min(image.min() for image in images))
    high = float(max(image.max() for image in images))
    slope, intercept = 1.0, 0.0
    if habits.rescaled and high > min(low, 0.0):
        intercept = float(np.floor(min(low, 0.0)))
        # Rounded up, so that the largest value still fits the bits.
        slope = float(f"{(high - intercept) / (2**habits.bits - 1) * (1 + 1e-9):.10g}")
    low, high = np.rint((low - intercept) / slope), np.rint((high - intercept) / slope)
    signed = habits.signed or low < 0
    limits = np.iinfo(np.int16 if signed else np.uint16)
    if not (limits.min <= low and high <= limits.max):
        raise UsageError(
            f"grey values from {low:g} to {high:g} do not fit 16 bits; scale the image to {limits.max} or less"
        )
    stored = tuple(
        np.rint((np.asarray(image, dtype=np.float64) - intercept) / slope).astype(np.int64)
        for image in images
    )
    return _Pixels(
        stored=stored,
        dtype=np.dtype("<i2") if signed else np.dtype("<u2"),
        bits=habits.bits if not signed and high < 2**habits.bits else 16,
        slope=slope,
        intercept=intercept,
        window=_window(stored, slope, intercept),
    )


def _window(stored: Iterable[Integers], slope: float, intercept: float) -> tuple[float, float]:
    """(center, width) in the image's values."""
    values = np.concatenate([image.ravel() for image in stored])
    bottom = float(values.min())
    signal = values[values > bottom]
    top = float(np.quantile(signal, _WINDOW_TOP)) if len(signal) else bottom + 1.0
    low, high = np.rint(np.array([bottom, top]) * slope + intercept)
    return float(np.rint((low + high) / 2)), float(max(high - low, 1.0))


def _common(description: SeriesHeader, habits: Style, pixels: _Pixels) -> Dataset:
    """What the images of a series share."""
    header = Dataset()
    _say_synthetic(header, description, habits)
    _identify(header, description, habits)
    _describe_sequence(header, description, habits)
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, pixels.bits, pixels.bits - 1
    header.PixelRepresentation = int(pixels.dtype.kind == "i")
    header.WindowCenter, header.WindowWidth = (f"{value:g}" for value in pixels.window)
    if habits.rescaled:
        header.RescaleIntercept, header.RescaleSlope = f"{pixels.intercept:g}", f"{pixels.slope:.10g}"
        header.RescaleType = "normalized"
    return header


def _say_synthetic(header: Dataset, description: SeriesHeader, habits: Style) -> None:
    # PS3.3 C.7.6.1.1.2: an ORIGINAL image is based on source data, and a PRIMARY one comes directly out of a
    # patient's examination. Neither is true of an image that was computed, or changed afterwards.
    header.ImageType = ["DERIVED", "SECONDARY", *habits.image_type, MARK]
    header.SyntheticData = "YES"
    header.PatientName, header.PatientID = PATIENT_NAME, MARK
    header.StudyDescription = f"{MARK} lumbar MRI, research use only"
    header.SeriesDescription = f"{habits.series_name(description.sequence, description.plane)} {MARK}"
    header.ImageComments = header.DerivationDescription = COMMENTS[description.origin]
    header.BurnedInAnnotation = "YES" if description.text_in_margin else "NO"


def _identify(header: Dataset, description: SeriesHeader, habits: Style) -> None:
    header.SOPClassUID, header.Modality = MRImageStorage, "MR"
    day = f"{description.study_date:%Y%m%d}"
    header.StudyInstanceUID = _uid("study", description.study, day)
    header.FrameOfReferenceUID = _uid("frame of reference", description.study, day)
    header.PositionReferenceIndicator = ""
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = day
    hour, minute = divmod(12 * 60 + description.number, 60)
    header.StudyTime = "120000"
    header.SeriesTime = header.AcquisitionTime = header.ContentTime = f"{hour % 24:02d}{minute:02d}00"
    header.StudyID, header.AccessionNumber, header.ReferringPhysicianName = "1", "", ""
    header.PatientBirthDate, header.PatientSex, header.PatientPosition = "", "", "HFS"
    header.SeriesNumber, header.AcquisitionNumber = description.number, 1
    header.BodyPartExamined = "LSPINE"
    header.Manufacturer = habits.manufacturer
    header.ManufacturerModelName = habits.model[f"{description.field_tesla:.1f}"]
    header.SoftwareVersions = list(habits.software)


def _describe_sequence(header: Dataset, description: SeriesHeader, habits: Style) -> None:
    kind = description.sequence
    echo_train = description.echo_train or habits.echo_train[kind]
    header.ProtocolName = habits.series_name(kind, description.plane)
    if kind in habits.sequence_name:
        header.SequenceName = habits.sequence_name[kind].format(echo_train=echo_train)
    header.ScanningSequence, header.SequenceVariant = "SE", list(habits.variant)
    header.ScanOptions = list(habits.options)
    header.MRAcquisitionType = "3D" if kind == "space" else "2D"
    header.RepetitionTime, header.EchoTime = f"{description.tr_ms:g}", f"{description.te_ms:g}"
    header.EchoTrainLength, header.EchoNumbers = echo_train, 1
    header.FlipAngle = f"{description.flip_deg or habits.flip_deg[kind]:g}"
    header.PixelBandwidth = f"{description.pixel_bandwidth_hz or habits.pixel_bandwidth_hz[kind]:g}"
    header.MagneticFieldStrength = f"{description.field_tesla:g}"
    header.ImagingFrequency = f"{description.field_tesla * PROTON_MHZ_PER_TESLA:.6f}"
    header.ImagedNucleus, header.NumberOfAverages = "1H", "1"


def _place(image: Dataset, picture: Volume, k: int, description: SeriesHeader, habits: Style) -> None:
    """Where slice k lies."""
    row, column, _ = (LPS_TO_RAS @ picture.directions).T
    position = LPS_TO_RAS @ picture.to_world((0, 0, k))
    width, height, step = picture.spacing_mm
    image.Columns, image.Rows = picture.shape[:2]
    image.PixelSpacing = _decimals((height, width), habits)
    image.ImageOrientationPatient = _decimals((*row, *column), habits)
    image.ImagePositionPatient = _decimals(position, habits)
    image.SliceLocation = _decimals([float(np.cross(row, column) @ position)], habits)[0]
    image.SliceThickness = _decimals([description.slice_mm], habits)[0]
    if description.sequence in habits.slice_spacing:
        image.SpacingBetweenSlices = _decimals([step], habits)[0]


def _decimals(values: Iterable[float] | FloatArray, habits: Style) -> list[str]:
    """Decimal strings of at most 16 characters (PS3.5 6.2), to the vendor's precision; never -0."""
    return [f"{round(float(value), 9) + 0.0:.{habits.digits}g}" for value in values]


def _digest(pictures: Iterable[Volume], description: SeriesHeader) -> str:
    digest = sha256(repr(description).encode())
    for picture in pictures:
        digest.update(repr(picture.shape).encode() + picture.affine.tobytes())
        digest.update(np.ascontiguousarray(picture.data).tobytes())
    return digest.hexdigest()


def _uid(*parts: str) -> str:
    """An identifier that follows from what it names, below the root for UUIDs (PS3.5 B.2)."""
    return f"2.25.{uuid5(NAMESPACE_URL, '/'.join(('resorb', *parts))).int}"


def _save(image: Dataset, path: Path) -> None:
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as(path, enforce_file_format=True)
