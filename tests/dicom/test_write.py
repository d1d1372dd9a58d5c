"""What is written is read back in its place, says that it is synthetic, and names nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

import resorb
from resorb.dicom.vendors import Vendor, style
from resorb.dicom.write import SeriesHeader, write_series
from resorb.errors import UsageError
from resorb.study import Contrast, FloatArray, Plane, Volume

VENDORS: tuple[Vendor, ...] = get_args(Vendor)
SAGITTAL = SeriesHeader(
    study="case/1",
    study_date=date(2024, 3, 11),
    number=3,
    plane=Plane.SAGITTAL,
    tr_ms=3500,
    te_ms=100,
    slice_mm=4.0,
)
AXIAL = replace(SAGITTAL, number=4, plane=Plane.AXIAL)
MAX_GREY = 4000


def grid(shape: tuple[int, int, int], spacing: FloatArray, turn: Rotation, centre: FloatArray) -> Volume:
    """A volume, its axes turned out of the world's, whose value tells the place."""
    affine = np.eye(4)
    affine[:3, :3] = turn.as_matrix() * spacing
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    data = np.random.default_rng(5).integers(0, MAX_GREY, shape, dtype=np.uint16)
    return Volume(data, affine)


def sagittal_stack() -> Volume:
    turn = Rotation.from_euler("xyz", (3, -5, 4), degrees=True)
    return grid((7, 20, 24), np.array([4.4, 0.7, 0.7]), turn, np.array([2.0, -31.25, 77.123456]))


def axial_stacks() -> tuple[Volume, ...]:
    """Four slices through each of three discs, angled along them."""
    return tuple(
        grid(
            (16, 18, 4),
            np.array([0.6, 0.6, 3.3]),
            Rotation.from_euler("x", tilt, degrees=True),
            np.array([1.0, -20.0, z]),
        )
        for tilt, z in ((-4, 60.0), (8, 25.0), (28, -10.0))
    )


def values_at(volume: Volume, points: FloatArray) -> FloatArray:
    """Grey values of the voxels whose centres lie at world points."""
    index = volume.to_index(points)
    assert np.abs(index - np.rint(index)).max() < 5e-3
    i, j, k = np.rint(index).astype(int).T
    return np.asarray(volume.data[i, j, k], dtype=np.float64)


def assert_same(found: Volume, made: Volume, tolerance: float) -> None:
    assert sorted(found.shape) == sorted(made.shape)
    points = made.to_world(np.argwhere(np.ones(made.shape, dtype=bool)))
    expected = np.asarray(made.data, dtype=np.float64).ravel()
    assert np.abs(values_at(found, points) - expected).max() <= tolerance
    ours, theirs = made.sagittal(), found.sagittal()
    if ours.shape == theirs.shape:
        assert np.abs(ours.affine - theirs.affine).max() < 1e-3


def grey_step(vendor: Vendor) -> float:
    """How far a value may move: half a step where the vendor rescales."""
    return 0.51 * MAX_GREY / 4095 if style(vendor).rescaled else 0.0


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_sagittal_and_an_angled_axial_series_come_back_in_their_places(
    vendor: Vendor, tmp_path: Path
) -> None:
    write_series(tmp_path, [sagittal_stack()], replace(SAGITTAL, vendor=vendor))
    write_series(tmp_path, axial_stacks(), replace(AXIAL, vendor=vendor))
    study = resorb.load(tmp_path)
    assert study.synthetic
    assert study.study_date == date(2024, 3, 11)
    assert not study.warnings
    assert (study.sagittal.number, study.sagittal.contrast) == (3, Contrast.T2)
    assert_same(study.sagittal.volume, sagittal_stack(), grey_step(vendor))
    assert study.axial is not None and study.axial.number == 4
    assert len(study.axial.stacks) == 3
    for made in axial_stacks():
        nearest = min(study.axial.stacks, key=lambda s: float(np.linalg.norm(_middle(s) - _middle(made))))
        assert_same(nearest, made, grey_step(vendor))


def _middle(volume: Volume) -> FloatArray:
    return volume.to_world((np.array(volume.shape) - 1) / 2)


@given(
    turn=st.tuples(*[st.floats(-20, 20)] * 3),
    axes=st.permutations(range(3)),
    flips=st.tuples(*[st.booleans()] * 3),
    vendor=st.sampled_from(VENDORS),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_storage_order_does_not_matter(
    turn: tuple[float, float, float],
    axes: list[int],
    flips: tuple[bool, bool, bool],
    vendor: Vendor,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = grid(
        (4, 6, 5),
        np.array([4.0, 0.8, 0.5]),
        Rotation.from_euler("xyz", turn, degrees=True),
        np.array([3.0, 4.0, 5.0]),
    )
    affine, data = made.affine.copy(), made.data.transpose(axes)
    affine[:3, :3] = made.affine[:3, axes]
    for axis in np.flatnonzero(flips):
        affine[:3, 3] += affine[:3, axis] * (data.shape[axis] - 1)
        affine[:3, axis] *= -1
        data = np.flip(data, int(axis))
    folder = tmp_path_factory.mktemp("stored")
    write_series(folder, [Volume(data, affine)], replace(SAGITTAL, vendor=vendor))
    assert_same(resorb.load(folder).sagittal.volume, made, grey_step(vendor))


@pytest.mark.parametrize("vendor", VENDORS)
def test_itk_reads_the_same_geometry(vendor: Vendor, tmp_path: Path) -> None:
    made = sagittal_stack()
    names = [str(path) for path in write_series(tmp_path, [made], replace(SAGITTAL, vendor=vendor))]
    image = sitk.ReadImage(sorted(names, key=lambda name: _along(Path(name))))
    points = made.to_world(np.argwhere(np.ones(made.shape, dtype=bool))[::37])
    for point, value in zip(points, values_at(made, points), strict=True):
        index = image.TransformPhysicalPointToIndex([float(v) for v in point * (-1, -1, 1)])
        assert abs(image.GetPixel(index) - value) <= grey_step(vendor) + 1e-3


def _along(path: Path) -> float:
    header = pydicom.dcmread(path)
    row, column = np.array(header.ImageOrientationPatient, dtype=float).reshape(2, 3)
    return float(np.cross(row, column) @ np.array(header.ImagePositionPatient, dtype=float))


def headers(folder: Path, description: SeriesHeader, *stacks: Volume) -> list[Dataset]:
    paths = write_series(folder, stacks or [sagittal_stack()], description)
    return [pydicom.dcmread(path) for path in paths]


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_file_says_synthetic_and_names_nobody(vendor: Vendor, tmp_path: Path) -> None:
    for header in headers(tmp_path, replace(SAGITTAL, vendor=vendor, study="secret-subject-7")):
        assert header.SyntheticData == "YES"
        assert str(header.PatientName) == "SYNTHETIC^RESORB" and header.PatientID == "SYNTHETIC"
        assert header.ImageType[:2] == ["DERIVED", "SECONDARY"] and "SYNTHETIC" in header.ImageType
        assert "SYNTHETIC" in header.SeriesDescription
        assert "SYNTHETIC" in header.ImageComments and "research use only" in header.ImageComments
        assert not header.PatientBirthDate and not header.PatientSex and not header.AccessionNumber
        assert "secret" not in str(header)
        assert not any(element.tag.is_private for element in header)


def test_the_element_of_the_standard_alone_marks_a_study(tmp_path: Path) -> None:
    for path in write_series(tmp_path, [sagittal_stack()], SAGITTAL):
        header = pydicom.dcmread(path)
        header.ImageType = header.ImageType[:-1]
        header.SeriesDescription = header.ProtocolName
        header.save_as(path, enforce_file_format=True)
    assert resorb.load(tmp_path).synthetic


def test_the_mark_does_not_hide_the_name_of_the_series(tmp_path: Path) -> None:
    write_series(tmp_path, [sagittal_stack()], SAGITTAL)
    assert resorb.load(tmp_path).sagittal.description == "t2_tse_sag SYNTHETIC"


def test_comments_and_annotation_follow_what_was_done(tmp_path: Path) -> None:
    plain = headers(tmp_path / "a", SAGITTAL)[0]
    implanted = headers(tmp_path / "b", replace(SAGITTAL, origin="implanted", text_in_margin=True))[0]
    assert plain.BurnedInAnnotation == "NO" and "no patient was scanned" in plain.ImageComments
    assert implanted.BurnedInAnnotation == "YES" and "put into a real scan" in implanted.ImageComments


def test_the_same_input_gives_the_same_bytes_and_any_change_new_identifiers(tmp_path: Path) -> None:
    def made(name: str, description: SeriesHeader, brighter: int = 0) -> tuple[list[bytes], Dataset]:
        stack = sagittal_stack()
        paths = write_series(
            tmp_path / name, [stack.with_data(stack.data + np.uint16(brighter))], description
        )
        return [path.read_bytes() for path in paths], pydicom.dcmread(paths[0])

    first, second = made("a", SAGITTAL), made("b", SAGITTAL)
    assert first[0] == second[0]
    brighter, later = made("c", SAGITTAL, 1)[1], made("d", replace(SAGITTAL, study_date=date(2024, 9, 1)))[1]
    assert brighter.SOPInstanceUID != first[1].SOPInstanceUID
    assert brighter.SeriesInstanceUID != first[1].SeriesInstanceUID
    assert brighter.StudyInstanceUID == first[1].StudyInstanceUID
    assert later.StudyInstanceUID != first[1].StudyInstanceUID


def test_identifiers_are_unique_valid_and_shared_where_they_must_be(tmp_path: Path) -> None:
    sagittal, axial = headers(tmp_path, SAGITTAL), headers(tmp_path, AXIAL, *axial_stacks())
    both = [*sagittal, *axial]
    assert len({h.SOPInstanceUID for h in both}) == len(both)
    assert all(
        h.SOPInstanceUID.is_valid and h.SOPInstanceUID == h.file_meta.MediaStorageSOPInstanceUID for h in both
    )
    assert len({h.SeriesInstanceUID for h in both}) == 2
    assert len({h.StudyInstanceUID for h in both}) == len({h.FrameOfReferenceUID for h in both}) == 1
    assert [h.InstanceNumber for h in axial] == list(range(1, 13))


@pytest.mark.parametrize(
    ("vendor", "spacing", "signed", "first"),
    [
        ("siemens", True, 0, "right"),
        ("philips", True, 0, "right"),
        ("ge", True, 1, "left"),
        ("canon", False, 0, "left"),
    ],
)
def test_vendors_differ_in_what_trips_readers(
    vendor: Vendor, spacing: bool, signed: int, first: str, tmp_path: Path
) -> None:
    made = headers(tmp_path, replace(SAGITTAL, vendor=vendor))
    assert ("SpacingBetweenSlices" in made[0]) is spacing
    assert ("RescaleSlope" in made[0]) is (vendor == "philips")
    assert made[0].PixelRepresentation == signed
    leftwards = made[0].ImagePositionPatient[0] < made[-1].ImagePositionPatient[0]  # LPS: +x is left
    assert leftwards is (first == "right")


def test_a_3d_sequence_says_so(tmp_path: Path) -> None:
    thin = grid((9, 20, 22), np.full(3, 0.9), Rotation.identity(), np.zeros(3))
    description = replace(SAGITTAL, sequence="space", tr_ms=1500, te_ms=130, slice_mm=0.9)
    header = headers(tmp_path, description, thin)[0]
    assert header.MRAcquisitionType == "3D" and "SpacingBetweenSlices" not in header
    study = resorb.load(tmp_path)
    assert study.sagittal.plane is Plane.SAGITTAL and study.sagittal.sequence["acquisition"] == "3D"
    assert_same(study.sagittal.volume, thin, 0.0)


def test_negative_and_fractional_values(tmp_path: Path) -> None:
    stack = sagittal_stack()
    stack = stack.with_data(stack.data.astype(np.float32) / 4 - 100)
    write_series(tmp_path, [stack], SAGITTAL)
    assert_same(resorb.load(tmp_path).sagittal.volume, stack, 0.5)


def test_an_empty_image_is_written_all_the_same(tmp_path: Path) -> None:
    stack = sagittal_stack()
    for vendor in VENDORS:
        header = headers(
            tmp_path / vendor, replace(SAGITTAL, vendor=vendor), stack.with_data(stack.data * np.uint16(0))
        )
        assert not header[0].pixel_array.any() and float(header[0].WindowWidth) >= 1


@pytest.mark.parametrize(
    ("changes", "factor", "message"),
    [
        ({"plane": Plane.CORONAL}, 1, "coronal"),
        ({"field_tesla": 0.5}, 1, "0.5 T"),
        ({}, 40, "16 bits"),
    ],
)
def test_impossible_requests_are_refused(
    changes: dict[str, Any], factor: int, message: str, tmp_path: Path
) -> None:
    stack = sagittal_stack()
    stack = stack.with_data(stack.data.astype(np.int64) * factor)
    with pytest.raises(UsageError, match=message):
        write_series(tmp_path / "out", [stack], replace(SAGITTAL, **changes))
    assert not (tmp_path / "out").exists()


def test_no_stack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one stack"):
        write_series(tmp_path, [], SAGITTAL)
