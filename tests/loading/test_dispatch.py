"""What a path may be; and what is said of everything else."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from resorb.errors import InputError, NotMeasurableError, ResorbError, UsageError
from resorb.loading import load, load_series
from resorb.study import Plane
from tests.dicom import make
from tests.dicom.make import AXIAL, Scan, assert_in_place


def mixed_study(folder: Path) -> Path:
    scans = [
        Scan(number=1, te=5, tr=20, description="LOCALIZER", slices=3),
        Scan(number=2, te=12, tr=520, description="t1_tse_sag"),
        Scan(number=3, slices=7),
        Scan(number=4, te=60, tr=4000, description="stir", header={"InversionTime": 160.0}),
        Scan(number=5, axes=AXIAL, description="t2 tra", slices=6),
    ]
    make.write([ds for scan in scans for ds in make.single_frames(scan)], folder / "a" / "b")
    (folder / "readme.txt").write_text("DOE^JANE")
    (folder / ".hidden").write_bytes(b"\x00" * 300)
    (folder / "viewer.exe").write_bytes(b"MZ" * 500)
    return folder


def test_a_mixed_folder(tmp_path: Path) -> None:
    study = load(mixed_study(tmp_path))
    assert study.sagittal.number == 3
    assert study.axial is not None
    assert study.axial.number == 5
    assert study.study_date == date(2024, 3, 11)
    assert len(study.series) == len(study.choice) == 5
    assert study.warnings == ()
    assert any("series 2" in line and "not T2" in line for line in study.choice)
    assert_in_place(study.sagittal.volume)
    assert_in_place(study.axial.volume)


def test_the_series_can_be_named(tmp_path: Path) -> None:
    study = load(mixed_study(tmp_path), series=2)
    assert study.sagittal.number == 2
    assert any("T1, not T2" in warning for warning in study.warnings)


def test_a_series_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no series 9; the input holds 1, 2, 3, 4, 5"):
        load(mixed_study(tmp_path), series=9)


@pytest.mark.parametrize("number", [1, 5])
def test_a_series_that_cannot_be_measured_even_if_asked_for(tmp_path: Path, number: int) -> None:
    with pytest.raises(NotMeasurableError, match=f"series {number} cannot be measured"):
        load(mixed_study(tmp_path), series=number)


def test_one_multiframe_file(tmp_path: Path) -> None:
    make.write([make.enhanced(Scan(), [3, 0, 4, 1, 2])], tmp_path, prefix="IM")
    study = load(next(tmp_path.iterdir()))
    assert study.sagittal.plane is Plane.SAGITTAL
    assert_in_place(study.sagittal.volume)


def test_one_slice_is_not_enough(tmp_path: Path) -> None:
    make.write(make.single_frames(Scan()), tmp_path)
    with pytest.raises(NotMeasurableError, match="1 slice; at least 3"):
        load(next(tmp_path.iterdir()))


def test_a_study_without_t2_can_be_listed_but_not_loaded(tmp_path: Path) -> None:
    make.write(make.single_frames(Scan(te=12, tr=500)), tmp_path)
    assert [item.contrast for item in load_series(tmp_path).series] == ["T1"]
    with pytest.raises(NotMeasurableError, match=r"no sagittal T2 series.*--series 3"):
        load(tmp_path)


@pytest.mark.parametrize("part", ["HEAD", "KNEE"])
def test_another_part_of_the_body_is_refused_unless_asked_for(tmp_path: Path, part: str) -> None:
    make.write(make.single_frames(Scan(header={"BodyPartExamined": part})), tmp_path)
    with pytest.raises(NotMeasurableError, match=part.lower()):
        load(tmp_path)
    assert any(part.lower() in warning for warning in load(tmp_path, series=3).warnings)


def test_a_blank_series_is_an_input_error(tmp_path: Path) -> None:
    datasets = make.single_frames(Scan())
    for ds in datasets:
        ds.PixelData = bytes(len(ds.PixelData))
    make.write(datasets, tmp_path)
    with pytest.raises(InputError, match="every voxel is the same"):
        load(tmp_path)


def test_faults_of_the_series_measured_become_warnings(tmp_path: Path) -> None:
    make.write(make.without(Scan(slices=12), 8), tmp_path)
    study = load(tmp_path)
    assert study.sagittal.volume.shape[2] == 8
    assert any("1 slice missing" in warning for warning in study.warnings)


def test_unevenly_spaced_slices_are_not_measurable(tmp_path: Path) -> None:
    datasets = make.single_frames(Scan(slices=5))
    for ds, x in zip(datasets, (0.0, 3.0, 7.5, 9.7, 15.2), strict=True):
        ds.ImagePositionPatient = [x, -10, 30]
    make.write(datasets, tmp_path)
    with pytest.raises(NotMeasurableError, match="unevenly spaced"):
        load(tmp_path)


def bad(kind: str, folder: Path) -> Path:
    path = folder / "input"
    whole = b""
    if kind.startswith("cut"):
        make.write(make.single_frames(Scan()), folder / "made")
        whole = next((folder / "made").iterdir()).read_bytes()
    match kind:
        case "missing":
            pass
        case "empty folder":
            path.mkdir()
        case "folder of clutter":
            path.mkdir()
            (path / "DOE^JANE.txt").write_text("DOE^JANE")
        case "folder of nifti":
            path.mkdir()
            (path / "DOE_JANE.nii.gz").write_bytes(b"x")
        case "empty file":
            path.touch()
        case "text":
            path.write_text("DOE^JANE")
        case "gzipped text":
            path.write_bytes(gzip.compress(b"DOE^JANE"))
        case "cut gzip":
            path.write_bytes(gzip.compress(whole)[:20])
        case "cut header":
            path.write_bytes(whole[:500])
        case "cut pixels":
            path.write_bytes(whole[:-40])
    return path


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "missing",
            "empty folder",
            "folder of clutter",
            "folder of nifti",
            "empty file",
            "text",
            "gzipped text",
        ),
        *("cut gzip", "cut header", "cut pixels"),
    ],
)
def test_bad_inputs_give_one_clear_line(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = bad(kind, tmp_path)
    with caplog.at_level("DEBUG"), pytest.raises(ResorbError) as caught:
        load(path)
    assert type(caught.value) is InputError
    message = str(caught.value)
    captured = capfd.readouterr()
    assert "\n" not in message
    assert str(path) in message
    said = message + caplog.text + captured.out + captured.err
    for secret in ("JANE", make.IDENTIFIER, "1.2.826"):
        assert secret not in said
