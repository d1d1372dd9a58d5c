"""NIfTI in: units, orientation, contrast; and every bad file in one clear line."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.errors import InputError, NotMeasurableError, ResorbError
from resorb.loading import load, load_series
from resorb.study import Contrast, Plane

RANDOM = np.random.default_rng(5)
GRID = RANDOM.integers(0, 255, (6, 20, 24)).astype(np.uint8)
AFFINE = np.array([[4.0, 0, 0, -10], [0, -0.7, 0, 8], [0, 0, -0.7, 15], [0, 0, 0, 1]])


def save(
    path: Path,
    data: NDArray[np.generic] = GRID,
    affine: NDArray[np.float64] = AFFINE,
    unit: str = "mm",
    codes: tuple[int, int] = (1, 0),
    note: bytes = b"",
) -> Path:
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, code=codes[0])
    image.set_qform(affine, code=codes[1])
    image.header.set_xyzt_units(unit)
    image.header["descrip"] = note
    nib.save(image, path)
    return path


def test_a_plain_file(tmp_path: Path) -> None:
    study = load(save(tmp_path / "sub-01_T2w.nii.gz"))
    assert np.array_equal(study.sagittal.volume.data, GRID)
    assert study.sagittal.volume.data.dtype == np.uint8
    assert study.sagittal.volume.affine == pytest.approx(AFFINE)
    assert (study.sagittal.plane, study.sagittal.contrast) == (Plane.SAGITTAL, Contrast.T2)
    assert study.warnings == ()
    assert study.study_date is None
    assert "series 1" in study.choice[0]


@pytest.mark.parametrize(("unit", "per_mm"), [("micron", 1000.0), ("meter", 0.001)])
def test_units_are_converted(tmp_path: Path, unit: str, per_mm: float) -> None:
    affine = np.diag([per_mm] * 3 + [1.0]) @ AFFINE
    study = load(save(tmp_path / "a_T2w.nii", affine=affine, unit=unit))
    assert study.sagittal.volume.affine == pytest.approx(AFFINE, rel=1e-5)


def test_unknown_units_are_taken_as_mm_with_a_warning(tmp_path: Path) -> None:
    study = load(save(tmp_path / "a_T2w.nii", unit="unknown"))
    assert any("millimetres are assumed" in warning for warning in study.warnings)


def test_unknown_units_with_an_implausible_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="units"):
        load(save(tmp_path / "a_T2w.nii", affine=np.diag([0.001, 1, 1, 1]) @ AFFINE, unit="unknown"))


def test_the_qform_serves_where_there_is_no_sform(tmp_path: Path) -> None:
    study = load(save(tmp_path / "a_T2w.nii", codes=(0, 1)))
    assert study.sagittal.volume.affine == pytest.approx(AFFINE, abs=1e-5)


def test_contradicting_forms_are_named_and_the_sform_is_used(tmp_path: Path) -> None:
    image = nib.Nifti1Image(GRID, AFFINE)
    image.set_sform(AFFINE, code=1)
    image.set_qform(np.diag([-1.0, 1, 1, 1]) @ AFFINE, code=1)
    image.header.set_xyzt_units("mm")
    nib.save(image, tmp_path / "a_T2w.nii")
    study = load(tmp_path / "a_T2w.nii")
    assert any("contradict" in warning for warning in study.warnings)
    assert study.sagittal.volume.affine == pytest.approx(AFFINE)


def test_no_orientation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no orientation"):
        load(save(tmp_path / "a_T2w.nii", codes=(0, 0)))


def test_a_fourth_axis_of_one_is_dropped_and_of_two_refused(tmp_path: Path) -> None:
    assert load(save(tmp_path / "a_T2w.nii", data=GRID[..., None])).sagittal.volume.shape == GRID.shape
    with pytest.raises(InputError, match="2 volumes"):
        load(save(tmp_path / "b_T2w.nii", data=np.stack([GRID, GRID], -1)))


@pytest.mark.parametrize(
    ("name", "contrast"),
    [
        ("sub-01_ses-2_T2w.nii.gz", Contrast.T2),
        ("t2_lumbar.nii.gz", Contrast.T2),
        ("scan.nii", Contrast.UNKNOWN),
        ("sub-T1_acq-T2_image.nii", Contrast.UNKNOWN),
        ("t1_t2.v2.nii", Contrast.T1),
    ],
)
def test_contrast_from_the_name(tmp_path: Path, name: str, contrast: Contrast) -> None:
    assert load_series(save(tmp_path / name)).series[0].contrast is contrast


def test_unknown_contrast_is_measured_with_a_warning(tmp_path: Path) -> None:
    study = load(save(tmp_path / "scan.nii"))
    assert any("T2 is assumed" in warning for warning in study.warnings)


@pytest.mark.parametrize("suffix", ["T1w", "STIR", "TIRM", "PDw"])
def test_another_contrast_is_refused_unless_asked_for(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"sub-01_{suffix}.nii.gz")
    with pytest.raises(NotMeasurableError, match="--series 1"):
        load(path)
    assert any("asked for" in warning for warning in load(path, series=1).warnings)


def test_thick_axial_slices_are_not_sagittal(tmp_path: Path) -> None:
    affine = np.diag([0.7, 0.7, 4.0, 1.0])
    with pytest.raises(NotMeasurableError, match="axial, not sagittal"):
        load(save(tmp_path / "a_T2w.nii", affine=affine))


def test_cubic_voxels_can_be_read_in_any_plane(tmp_path: Path) -> None:
    assert load(save(tmp_path / "a_T2w.nii", affine=np.diag([1.0, 1, 1, 1]))).sagittal.plane is Plane.SAGITTAL


def test_synthetic_is_said_in_the_header(tmp_path: Path) -> None:
    assert load(save(tmp_path / "a_T2w.nii", note=b"resorb SYNTHETIC study")).synthetic
    assert not load(save(tmp_path / "b_T2w.nii", note=b"scan")).synthetic


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    first = load(save(tmp_path / "a_T2w.nii")).sha256
    (tmp_path / "b_T2w.nii").write_bytes((tmp_path / "a_T2w.nii").read_bytes())
    assert load(tmp_path / "b_T2w.nii").sha256 == first


def bad(kind: str, folder: Path) -> Path:
    path = folder / "x_T2w.nii.gz"
    rgb = np.zeros(GRID.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    arrays: dict[str, NDArray[np.generic]] = {
        "zero": np.zeros_like(GRID),
        "constant": np.full_like(GRID, 7),
        "nan": np.where(GRID > 250, np.nan, GRID).astype(np.float32),
        "infinite": np.where(GRID > 250, np.inf, GRID).astype(np.float32),
        "complex": GRID.astype(np.complex64),
        "rgb": rgb,
        "2d": GRID[:, :, 0],
        "one slice": GRID[:1],
        "two slices": GRID[:, :2],
    }
    if kind in arrays:
        return save(path, data=arrays[kind], note=b"DOE^JANE")
    affine = AFFINE.copy()
    match kind:
        case "affine nan":
            affine[0, 0] = np.nan
        case "affine singular":
            affine[:, 0] = 0
        case "affine sheared":
            affine[1, 2] = 0.4
        case "affine huge":
            affine[0, 0] = 900
    if kind.startswith("affine"):
        image = nib.Nifti1Image(GRID, AFFINE)
        image.header.set_xyzt_units("mm")
        image.set_qform(None, code=0)
        image.header["sform_code"] = 1
        nib.save(image, path)
        raw = bytearray(gzip.decompress(path.read_bytes()))
        raw[280:328] = affine[:3].astype("<f4").tobytes()
        path.write_bytes(gzip.compress(bytes(raw)))
        return path
    whole = save(path, note=b"DOE^JANE").read_bytes()
    match kind:
        case "cut gzip":
            path.write_bytes(whole[: len(whole) // 2])
        case "cut header":
            path.write_bytes(gzip.compress(gzip.decompress(whole)[:200]))
        case "corrupt gzip":
            path.write_bytes(whole[:400] + bytes(200) + whole[600:])
        case "cut plain":
            path = folder / "x_T2w.nii"
            path.write_bytes(gzip.decompress(whole)[:-50])
        case "text":
            path.write_text("patient DOE^JANE, T2")
        case "text nii":
            path = folder / "x_T2w.nii"
            path.write_text("patient DOE^JANE, T2" * 50)
        case "false size":
            raw = bytearray(gzip.decompress(whole))
            raw[42:48] = np.array([30000] * 3, "<i2").tobytes()
            path.write_bytes(gzip.compress(bytes(raw)))
    return path


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("zero", InputError),
        ("constant", InputError),
        ("nan", InputError),
        ("infinite", InputError),
        ("complex", InputError),
        ("rgb", InputError),
        ("2d", NotMeasurableError),
        ("one slice", NotMeasurableError),
        ("two slices", NotMeasurableError),
        ("affine nan", InputError),
        ("affine singular", InputError),
        ("affine sheared", InputError),
        ("affine huge", InputError),
        ("cut gzip", InputError),
        ("cut header", InputError),
        ("corrupt gzip", InputError),
        ("cut plain", InputError),
        ("text", InputError),
        ("text nii", InputError),
        ("false size", InputError),
    ],
)
def test_bad_files_give_one_clear_line(
    kind: str,
    error: type[ResorbError],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = bad(kind, tmp_path)
    with caplog.at_level("DEBUG"), pytest.raises(ResorbError) as caught:
        load(path)
    assert type(caught.value) is error
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    captured = capfd.readouterr()
    assert "JANE" not in message + caplog.text + captured.out + captured.err


def test_a_label_map_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(NotMeasurableError, match="label map"):
        load(save(tmp_path / "sub-01_dseg.nii.gz"))
