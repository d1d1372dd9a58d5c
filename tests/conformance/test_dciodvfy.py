"""What we write as DICOM is held against the standard by dciodvfy (package dicom3tools)."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import get_args

import numpy as np
import pydicom
import pytest

from resorb.dicom.vendors import Sequence, Vendor
from resorb.dicom.write import Origin, SeriesHeader, write_series
from resorb.study import Plane, Volume

pytestmark = pytest.mark.conformance

TOOL = "dciodvfy"
#: Synthetic Data (0008,001C) came into the standard after the dictionary of the packaged dciodvfy was made.
TOO_NEW = "not a recognized standard attribute - (0x0008,0x001c)"


@pytest.fixture(scope="module")
def tool() -> str:
    if path := shutil.which(TOOL):
        return path
    pytest.skip(f"no {TOOL} (package dicom3tools) is installed")


def errors(tool: str, path: Path) -> list[str]:
    """Its lines that say Error, but for an attribute newer than the tool; warnings are let through."""
    done = subprocess.run([tool, str(path)], capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert "MRImage" in said  # it knew what it looked at
    return [line for line in said.splitlines() if "Error" in line and TOO_NEW not in line]


def write(folder: Path, vendor: Vendor, sequence: Sequence, plane: Plane, origin: Origin) -> Path:
    affine = np.diag([0.9, 0.9, 0.9, 1.0]) if sequence == "space" else np.diag([4.4, 0.7, 0.7, 1.0])
    if plane is Plane.AXIAL:
        affine = affine[:, [2, 1, 0, 3]][[2, 1, 0, 3]]
    affine[:3, 3] = (-10.123456, 20.5, -30.25)
    stack = Volume(np.arange(5 * 8 * 5, dtype=np.uint16).reshape(5, 8, 5), affine)
    header = SeriesHeader(
        study="case",
        study_date=date(2024, 3, 11),
        number=3,
        plane=plane,
        tr_ms=3500,
        te_ms=100,
        slice_mm=4.0,
        vendor=vendor,
        sequence=sequence,
        origin=origin,
        text_in_margin=origin != "simulated",
    )
    return write_series(folder, [stack], header)[0]


@pytest.mark.parametrize("vendor", get_args(Vendor))
@pytest.mark.parametrize("sequence", get_args(Sequence))
@pytest.mark.parametrize("plane", [Plane.SAGITTAL, Plane.AXIAL])
def test_no_errors(tool: str, vendor: Vendor, sequence: Sequence, plane: Plane, tmp_path: Path) -> None:
    assert errors(tool, write(tmp_path, vendor, sequence, plane, "simulated")) == []


def test_no_errors_in_a_changed_scan(tool: str, tmp_path: Path) -> None:
    assert errors(tool, write(tmp_path, "siemens", "tse", Plane.SAGITTAL, "implanted")) == []


def test_an_error_would_be_found(tool: str, tmp_path: Path) -> None:
    path = write(tmp_path, "siemens", "tse", Plane.SAGITTAL, "simulated")
    header = pydicom.dcmread(path)
    del header.ScanningSequence
    header.save_as(path, enforce_file_format=True)
    assert errors(tool, path)
