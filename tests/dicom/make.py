"""DICOM files for the tests: a phantom whose intensity is a known function of the place in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from resorb.study import Volume

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
NAME, IDENTIFIER = "DOE^JANE", "PID-4711"

SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
STUDY, FRAME = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"

Vector = tuple[float, float, float]


def intensity(ras: ArrayLike) -> NDArray[np.float64]:
    """The phantom: another value wherever x, y or z (RAS mm) differs."""
    return np.asarray(2000.0 + np.asarray(ras, dtype=np.float64) @ np.array([2.0, 3.0, 5.0]))


def assert_in_place(volume: Volume, tolerance: float = 0.51) -> None:
    """Every voxel holds the intensity of the world point where the affine puts it."""
    points = volume.to_world(np.moveaxis(np.indices(volume.shape), 0, -1))
    assert np.abs(volume.data - intensity(points)).max() <= tolerance


@dataclass(frozen=True)
class Scan:
    """One series to be made; vectors in LPS."""

    axes: tuple[Vector, Vector] = SAGITTAL
    center: Vector = (3.0, -12.0, 40.0)
    slices: int = 5
    rows: int = 14
    columns: int = 10
    pixel_mm: tuple[float, float] = (1.5, 1.25)
    spacing_mm: float = 4.4
    number: int | None = 3
    uid: str = ""
    te: float | None = 100.0
    tr: float | None = 3500.0
    description: str = "T2 TSE SAG"
    header: dict[str, Any] = field(default_factory=dict)

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(*np.array(self.axes))

    def positions(self) -> NDArray[np.float64]:
        """(slices, 3) LPS of the first pixels, along the normal."""
        row, column = np.array(self.axes)
        corner = np.array(self.center) - row * self.pixel_mm[1] * (self.columns - 1) / 2
        corner = corner - column * self.pixel_mm[0] * (self.rows - 1) / 2
        steps = np.arange(self.slices) - (self.slices - 1) / 2
        return np.asarray(corner + steps[:, None] * self.spacing_mm * self.normal)

    def pixels(self, position: ArrayLike) -> NDArray[np.uint16]:
        row, column = np.array(self.axes)
        r, c = np.mgrid[: self.rows, : self.columns]
        lps = (
            np.asarray(position)
            + c[..., None] * row * self.pixel_mm[1]
            + r[..., None] * column * self.pixel_mm[0]
        )
        return np.round(intensity(lps * [-1, -1, 1])).astype(np.uint16)


def tilted(axes: tuple[Vector, Vector], rotation: NDArray[np.float64]) -> tuple[Vector, Vector]:
    row, column = (rotation @ np.array(axis) for axis in axes)
    return (float(row[0]), float(row[1]), float(row[2])), (
        float(column[0]),
        float(column[1]),
        float(column[2]),
    )


def _base(scan: Scan, uid: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.PatientName, ds.PatientID = NAME, IDENTIFIER
    ds.StudyInstanceUID, ds.FrameOfReferenceUID = STUDY, FRAME
    ds.SeriesInstanceUID = uid
    ds.SOPInstanceUID = generate_uid()
    ds.Modality, ds.Manufacturer = "MR", "SIEMENS"
    ds.StudyDate = "20240311"
    ds.SeriesNumber = scan.number
    ds.SeriesDescription = scan.description
    ds.Rows, ds.Columns = scan.rows, scan.columns
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    return ds


def single_frames(scan: Scan) -> list[Dataset]:
    """One data set per slice, in order along the normal."""
    uid = scan.uid or generate_uid()
    made: list[Dataset] = []
    for n, position in enumerate(scan.positions()):
        ds = _base(scan, uid)
        ds.SOPClassUID = MR_IMAGE
        ds.InstanceNumber = n + 1
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        ds.ScanningSequence = "SE"
        ds.MRAcquisitionType = "2D"
        if scan.te is not None:
            ds.EchoTime, ds.EchoTrainLength = scan.te, 15
        if scan.tr is not None:
            ds.RepetitionTime = scan.tr
        ds.ImagePositionPatient = [float(f"{v:.6f}") for v in position]
        ds.ImageOrientationPatient = [float(f"{v:.8f}") for axis in scan.axes for v in axis]
        ds.PixelSpacing = list(scan.pixel_mm)
        ds.SliceThickness = 99.0  # a lie: geometry must not come from it
        for key, value in scan.header.items():
            setattr(ds, key, value)
        ds.PixelData = scan.pixels(position).tobytes()
        made.append(ds)
    return made


def _one(**elements: Any) -> DicomSequence:
    item = Dataset()
    for key, value in elements.items():
        setattr(item, key, value)
    return DicomSequence([item])


def enhanced(scan: Scan, order: Sequence[int], shared_orientation: bool = True) -> Dataset:
    """One enhanced multi-frame data set, its frames in the given order."""
    ds = _base(scan, scan.uid or generate_uid())
    ds.SOPClassUID = ENHANCED_MR
    ds.InstanceNumber = 1
    ds.ImageType = ["ORIGINAL", "PRIMARY", "T2", "NONE"]
    ds.NumberOfFrames = len(order)
    ds.EchoPulseSequence, ds.MRAcquisitionType = "SPIN", "2D"
    orientation = _one(ImageOrientationPatient=[float(f"{v:.8f}") for axis in scan.axes for v in axis])
    measures = _one(PixelSpacing=list(scan.pixel_mm), SliceThickness=99.0)
    shared = Dataset()
    shared.MRTimingAndRelatedParametersSequence = _one(RepetitionTime=scan.tr, EchoTrainLength=15)
    if shared_orientation:
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = orientation, measures
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared])
    frames, pixels = [], []
    for n in order:
        position = scan.positions()[n]
        item = Dataset()
        item.PlanePositionSequence = _one(ImagePositionPatient=[float(f"{v:.6f}") for v in position])
        item.MREchoSequence = _one(EffectiveEchoTime=scan.te)
        item.PixelValueTransformationSequence = _one(RescaleSlope=0.5, RescaleIntercept=float(-10 * n))
        if not shared_orientation:
            item.PlaneOrientationSequence, item.PixelMeasuresSequence = orientation, measures
        frames.append(item)
        pixels.append((2 * (scan.pixels(position).astype(np.int32) + 10 * n)).astype(np.uint16))
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    ds.PixelData = np.stack(pixels).tobytes()
    return ds


def write(datasets: Sequence[Dataset], folder: Path, prefix: str = "f", reverse: bool = False) -> Path:
    """Write data sets under names that say nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, ds in enumerate(reversed(datasets) if reverse else datasets):
        ds.save_as(folder / f"{prefix}{(n * 7) % 101:03d}_{n}", enforce_file_format=True)
    return folder


def recompress(path: Path, syntax: UID) -> None:
    """Rewrite a file in another transfer syntax, with GDCM as the independent encoder."""
    kinds = {
        "1.2.840.10008.1.2.4.70": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
        "1.2.840.10008.1.2.4.90": gdcm.TransferSyntax.JPEG2000Lossless,
        "1.2.840.10008.1.2.4.80": gdcm.TransferSyntax.JPEGLSLossless,
        "1.2.840.10008.1.2.5": gdcm.TransferSyntax.RLELossless,
    }
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(kinds[str(syntax)]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path))
    assert writer.Write()


def without(scan: Scan, *missing: int) -> list[Dataset]:
    """The series, some of its slices lost."""
    return [ds for n, ds in enumerate(single_frames(scan)) if n not in missing]


def moved(scan: Scan, by: Vector, **changes: Any) -> Scan:
    """The same scan elsewhere, with other changes."""
    x, y, z = (a + b for a, b in zip(scan.center, by, strict=True))
    return replace(scan, center=(x, y, z), **changes)
