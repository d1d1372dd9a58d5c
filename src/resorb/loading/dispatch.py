"""What kind of input a path is, and who reads it."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from pathlib import Path

from resorb.dicom import looks_like_dicom, read_dicom
from resorb.dicom.read import Source
from resorb.errors import InputError, ResorbError
from resorb.loading import archive
from resorb.loading.choose import choose
from resorb.loading.contents import Contents
from resorb.loading.nifti import looks_like_nifti, read_nifti
from resorb.study import Study

MAX_FILES = 50_000
_HEAD_BYTES = 540
_GZIP = b"\x1f\x8b"


def load(path: Path | str, *, series: int | None = None) -> Study:
    """Read a study and choose the series to measure.

    Args:
        path: a NIfTI file (.nii, .nii.gz), a DICOM file, a folder of DICOM files or a zip of one.
        series: number of the sagittal series to measure, instead of the one resorb would choose.

    Raises:
        InputError: the input cannot be read, or what it holds is invalid.
        NotMeasurableError: there is no sagittal T2 series of a lumbar spine in it.
        UsageError: there is no series of that number.
    """
    contents = load_series(path)
    try:
        choice = choose(contents.series, number=series)
    except ResorbError as error:
        raise type(error)(f"{path}: {error}") from error
    return Study(
        series=contents.series,
        sagittal=choice.sagittal,
        axial=choice.axial,
        choice=choice.lines,
        warnings=(*contents.warnings, *choice.warnings),
        study_date=contents.study_date,
        sha256=contents.sha256,
        synthetic=contents.synthetic,
    )


def load_series(path: Path | str) -> Contents:
    """Read every series of an input, measurable or not (for `resorb info`; see `choose`).

    Raises:
        InputError: the input cannot be read, or what it holds is invalid.
        NotMeasurableError: it holds images, but no MRI.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _dicom(_folder(path), path)
        head = _head(path)
    except OSError as error:
        reason = (
            "there is no such file or folder"
            if isinstance(error, FileNotFoundError)
            else "it cannot be opened"
        )
        raise InputError(f"{path}: {reason}") from error
    if not head:
        raise InputError(f"{path}: the file is empty")
    if head.startswith(archive.MAGIC):
        return _dicom(archive.zip_sources(path), path)
    if looks_like_nifti(path, _unpacked(head, path)):
        return read_nifti(path)
    if looks_like_dicom(head):
        return _dicom([path.read_bytes], path)
    raise InputError(f"{path}: neither NIfTI nor DICOM nor a zip of DICOM files")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _unpacked(head: bytes, path: Path) -> bytes:
    """The first bytes of what a gzipped file holds; those of the file itself otherwise."""
    if not head.startswith(_GZIP):
        return head
    try:
        with gzip.open(path) as file:
            return file.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""


def _folder(path: Path) -> list[Source]:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if not files:
        raise InputError(f"{path}: the folder is empty")
    if len(files) > MAX_FILES:
        raise InputError(f"{path}: {len(files)} files are more than a study has; name the study's own folder")
    if not any(looks_like_dicom(_head_or_nothing(file)) for file in files):
        nifti = sum(file.name.lower().endswith((".nii", ".nii.gz")) for file in files)
        if nifti:
            raise InputError(
                f"{path}: the folder holds {nifti} NIfTI files and no DICOM; name one NIfTI file"
            )
    return [partial(_read_if_dicom, file) for file in files]


def _head_or_nothing(path: Path) -> bytes:
    try:
        return _head(path)
    except OSError:
        return b""


def _read_if_dicom(path: Path) -> bytes:
    """The bytes of a DICOM file; of any other, which may be huge, only the first."""
    head = _head(path)
    return path.read_bytes() if looks_like_dicom(head) else head


def _dicom(sources: list[Source], path: Path) -> Contents:
    study = read_dicom(sources, str(path))
    return Contents(study.series, study.warnings, study.study_date, study.sha256, study.synthetic)
