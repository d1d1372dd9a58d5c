"""Bad input, from the command line: the right exit code, one clear line, nothing written, nobody named."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from resorb import cli
from tests import steps

#: Stands in every place of the inputs that is not the path the user types.
PATIENT = "DOE^JANE"
GRID = np.diag([4.0, 0.5, 0.5, 1.0])


def _nifti(path: Path, data: NDArray[np.generic], affine: NDArray[np.float64] = GRID) -> Path:
    image = nib.Nifti1Image(data, None)
    image.header["descrip"] = PATIENT.encode()
    image.header.set_xyzt_units("mm")
    image.header["sform_code"] = 1
    image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = affine[:3]
    nib.save(image, path)
    return path


def _noise(*shape: int) -> NDArray[np.int16]:
    return np.random.default_rng(0).integers(0, 400, shape).astype(np.int16)


def _dicom(path: Path, position_mm: float = 0.0, number: int = 1, description: str = "T2 TSE SAG") -> Path:
    """One sagittal MR slice with a patient's name in it."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_ = Dataset()
    slice_.file_meta = meta
    slice_.SOPClassUID, slice_.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    slice_.StudyInstanceUID, slice_.SeriesInstanceUID = "1.2.826.0.1.1", f"1.2.826.0.1.1.{number}"
    slice_.PatientName, slice_.PatientID, slice_.Modality = PATIENT, PATIENT, "MR"
    slice_.SeriesNumber, slice_.SeriesDescription = number, description
    slice_.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    slice_.ScanningSequence, slice_.SequenceVariant = "SE", "SK"
    slice_.RepetitionTime, slice_.EchoTime = ("3500", "100") if "T2" in description else ("500", "10")
    slice_.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    slice_.ImagePositionPatient = [position_mm, -64, 64]
    slice_.PixelSpacing, slice_.SliceThickness = [1, 1], 4
    slice_.Rows = slice_.Columns = 128
    slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
    slice_.BitsAllocated = slice_.BitsStored = 16
    slice_.HighBit, slice_.PixelRepresentation = 15, 0
    slice_.PixelData = _noise(128, 128).astype("<u2").tobytes()
    slice_.save_as(path, enforce_file_format=True)
    return path


def _missing(folder: Path) -> Path:
    return folder / "missing.nii.gz"


def _text(folder: Path) -> Path:
    (folder / "notes.txt").write_text(f"{PATIENT} was seen today")
    return folder / "notes.txt"


def _text_called_dicom(folder: Path) -> Path:
    (folder / "image.dcm").write_text(f"{PATIENT} was seen today")
    return folder / "image.dcm"


def _empty_file(folder: Path) -> Path:
    (folder / "empty.nii.gz").touch()
    return folder / "empty.nii.gz"


def _empty_folder(folder: Path) -> Path:
    (folder / "study").mkdir()
    return folder / "study"


def _folder_of_text(folder: Path) -> Path:
    _text(_empty_folder(folder))
    return folder / "study"


def _truncated_nifti(folder: Path) -> Path:
    path = _nifti(folder / "patient_T2w.nii.gz", _noise(5, 64, 64))
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def _truncated_header(folder: Path) -> Path:
    path = folder / "patient_T2w.nii.gz"
    path.write_bytes(gzip.compress(b"\x5c\x01\x00\x00" + b"\0" * 100))
    return path


def _truncated_dicom(folder: Path) -> Path:
    study = _empty_folder(folder)
    for n in range(5):
        path = _dicom(study / f"{n}", 4.0 * n)
        path.write_bytes(path.read_bytes()[:900])
    return study


def _one_dicom_slice(folder: Path) -> Path:
    return _dicom(_empty_folder(folder) / "0").parent


def _only_t1(folder: Path) -> Path:
    study = _empty_folder(folder)
    for n in range(5):
        _dicom(study / f"{n}", 4.0 * n, description="T1 TSE SAG")
    return study


def _only_t1_nifti(folder: Path) -> Path:
    return _nifti(folder / "patient_T1w.nii.gz", _noise(5, 64, 64))


def _flat(folder: Path) -> Path:
    return _nifti(folder / "patient_T2w.nii.gz", _noise(64, 64, 1))


def _zeros(folder: Path) -> Path:
    return _nifti(folder / "patient_T2w.nii.gz", np.zeros((5, 64, 64), np.int16))


def _nan(folder: Path) -> Path:
    return _nifti(folder / "patient_T2w.nii.gz", np.full((5, 64, 64), np.nan, np.float32))


def _partly_nan(folder: Path) -> Path:
    data = _noise(5, 64, 64).astype(np.float32)
    data[2, 3, 4] = np.nan
    return _nifti(folder / "patient_T2w.nii.gz", data)


def _singular_affine(folder: Path) -> Path:
    return _nifti(folder / "patient_T2w.nii.gz", _noise(5, 64, 64), np.diag([4.0, 0.5, 0.0, 1.0]))


def _nan_affine(folder: Path) -> Path:
    return _nifti(folder / "patient_T2w.nii.gz", _noise(5, 64, 64), np.diag([4.0, np.nan, 0.5, 1.0]))


def _affine_in_metres(folder: Path) -> Path:
    return _nifti(folder / "patient_T2w.nii.gz", _noise(5, 64, 64), np.diag([0.004, 0.0005, 0.0005, 1.0]))


def _sheared_affine(folder: Path) -> Path:
    affine = GRID.copy()
    affine[0, 1] = 0.4
    return _nifti(folder / "patient_T2w.nii.gz", _noise(5, 64, 64), affine)


def _zip(folder: Path, *entries: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return folder / "study.zip"


def _zip_bomb(folder: Path) -> Path:
    return _zip(folder, *((f"{PATIENT}{n}.dcm", bytes(40 * 2**20)) for n in range(3)))


def _zip_that_leaves(folder: Path) -> Path:
    return _zip(folder, (f"../../{PATIENT}.dcm", b"x"))


def _zip_with_absolute_path(folder: Path) -> Path:
    return _zip(folder, (f"/tmp/{PATIENT}.dcm", b"x"))


def _empty_zip(folder: Path) -> Path:
    return _zip(folder)


def _truncated_zip(folder: Path) -> Path:
    path = _zip(folder, ("1.dcm", _noise(64, 64).tobytes()))
    path.write_bytes(path.read_bytes()[:500])
    return path


INVALID = (
    _missing,
    _text,
    _text_called_dicom,
    _empty_file,
    _empty_folder,
    _folder_of_text,
    _truncated_nifti,
    _truncated_header,
    _truncated_dicom,
    _zeros,
    _nan,
    _partly_nan,
    _singular_affine,
    _nan_affine,
    _affine_in_metres,
    _sheared_affine,
    _zip_bomb,
    _zip_that_leaves,
    _zip_with_absolute_path,
    _empty_zip,
    _truncated_zip,
)
NOT_MEASURABLE = (_flat, _one_dicom_slice, _only_t1, _only_t1_nifti)


@pytest.mark.parametrize(
    ("make", "code"),
    [*((make, 3) for make in INVALID), *((make, 4) for make in NOT_MEASURABLE)],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.parametrize("command", ["read", "info"])
def test_bad_input_is_one_clear_line(
    make: Callable[[Path], Path], code: int, command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    path = make(source)
    before = sorted(tmp_path.rglob("*"))
    output = ["-o", str(tmp_path / "out")] if command == "read" else []
    found = cli.run([command, str(path), *output])

    # Of the file descriptors, not only of Python: a library's C code must be silent too.
    said = capfd.readouterr()
    assert found == code, said.err
    assert said.err.startswith("resorb: ") and said.err.count("\n") == 1, said.err
    assert str(path) in said.err, "the line says which input is meant"
    assert PATIENT not in said.err + said.out
    assert sorted(tmp_path.rglob("*")) == before


def _anatomyless(folder: Path, shape: tuple[int, ...], spacing: tuple[float, ...]) -> Path:
    """A bright ball with a dark rim and a core of another grey, as a head or a knee has: no spine."""
    axes = [np.arange(n) * s - n * s / 2 for n, s in zip(shape, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    radius = np.sqrt(x**2 + (y / 1.2) ** 2 + z**2)
    data = np.select([radius < 25, radius < 62, radius < 66, radius < 72], [620, 380, 30, 500], 10)
    data = data + np.random.default_rng(1).normal(0, 15, shape)
    return _nifti(folder / "patient_T2w.nii.gz", data.clip(0).astype(np.int16), np.diag([*spacing, 1.0]))


def test_an_image_without_a_spine_is_not_measurable(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _anatomyless(tmp_path, (9, 144, 144), (8.0, 1.2, 1.2))
    assert cli.run(["read", str(path), "-o", str(tmp_path / "out")]) == 4
    said = capfd.readouterr().err
    assert said.startswith("resorb: ") and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("limits", "code"), [(None, 3), ("not toml [", 3), ("unknown = 1.0", 2), ("displaced_depth = -1", 2)]
)
def test_bad_limits_are_one_clear_line(
    limits: str | None, code: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    study = steps.write_study(tmp_path / "patient_T2w.nii.gz")
    file = tmp_path / "limits.toml"
    if limits is not None:
        file.write_text(limits)
    assert cli.run(["read", str(study), "-o", str(tmp_path / "out"), "--limits", str(file)]) == code
    said = capfd.readouterr().err
    assert said.startswith("resorb: ") and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("scheme", "code"), [("nonsense", 2), ("resorb", 3)])
def test_a_bad_mask_is_one_clear_line(
    scheme: str, code: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    study = steps.write_study(tmp_path / "patient_T2w.nii.gz")
    mask = _text(tmp_path)
    options = ["--mask", str(mask), "--scheme", scheme]
    assert cli.run(["read", str(study), "-o", str(tmp_path / "out"), *options]) == code
    said = capfd.readouterr().err
    assert said.startswith("resorb: ") and said.count("\n") == 1
    assert PATIENT not in said
    assert not (tmp_path / "out").exists()
