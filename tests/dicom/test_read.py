"""Series from DICOM files: whatever the storage, every voxel lies where the scanner put it."""

from __future__ import annotations

import random
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import UID, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless
from scipy.spatial.transform import Rotation

from resorb.dicom import DicomStudy, read_dicom
from resorb.errors import InputError, NotMeasurableError
from resorb.study import Contrast, Plane
from tests.dicom import make
from tests.dicom.make import AXIAL, CORONAL, SAGITTAL, Scan, assert_in_place


def as_bytes(ds: Dataset) -> bytes:
    buffer = DicomBytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return bytes(buffer.getvalue())


def read(datasets: list[Dataset]) -> DicomStudy:
    return read_dicom([partial(bytes, as_bytes(ds)) for ds in datasets], "in")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    base=st.sampled_from([SAGITTAL, AXIAL, CORONAL]),
    swap=st.booleans(),
    signs=st.tuples(st.sampled_from([-1.0, 1.0]), st.sampled_from([-1.0, 1.0])),
    angles=st.tuples(*[st.floats(-20, 20)] * 3),
    seed=st.integers(0, 10_000),
    multiframe=st.booleans(),
)
def test_any_orientation_order_and_storage_keeps_every_voxel_in_place(
    base: tuple[make.Vector, make.Vector],
    swap: bool,
    signs: tuple[float, float],
    angles: tuple[float, float, float],
    seed: int,
    multiframe: bool,
) -> None:
    row, column = reversed(base) if swap else base
    rotation = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    axes = make.tilted(
        (
            (row[0] * signs[0], row[1] * signs[0], row[2] * signs[0]),
            (column[0] * signs[1], column[1] * signs[1], column[2] * signs[1]),
        ),
        rotation,
    )
    scan = Scan(axes=axes, slices=4, rows=6, columns=5)
    shuffled = random.Random(seed)
    if multiframe:
        order = list(range(scan.slices))
        shuffled.shuffle(order)
        datasets = [make.enhanced(scan, order, shared_orientation=seed % 2 == 0)]
    else:
        datasets = make.single_frames(scan)
        shuffled.shuffle(datasets)
        for n, ds in enumerate(datasets):
            ds.InstanceNumber = n + 1  # an order that means nothing
    (series,) = read(datasets).series
    assert series.volume.shape == (5, 6, 4)
    assert series.faults == ()
    assert np.sort(series.volume.spacing_mm) == pytest.approx([1.25, 1.5, 4.4], abs=1e-4)
    assert_in_place(series.volume)


@pytest.mark.parametrize(
    ("axes", "by_instance"),
    [
        (SAGITTAL, 1),  # right to left as stored by Siemens
        (SAGITTAL, -1),  # the same slices numbered from the other side, as GE may
        (((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)), 1),  # both cosines reversed
        (
            make.tilted(SAGITTAL, Rotation.from_euler("zy", [7, -3], degrees=True).as_matrix()),
            -1,
        ),  # oblique by 7 deg
    ],
)
def test_vendor_conventions_give_one_and_the_same_world(
    axes: tuple[make.Vector, make.Vector], by_instance: int
) -> None:
    datasets = make.single_frames(Scan(axes=axes))[::by_instance]
    (series,) = read(datasets).series
    assert series.plane is Plane.SAGITTAL
    assert_in_place(series.volume)
    # The phantom is brighter to the right, to the front and above, whatever the array's order.
    seen = series.volume.sagittal().data.astype(float)
    assert (np.diff(seen[:, 0, 0]).mean(), np.diff(seen[0, :, 0]).mean(), np.diff(seen[0, 0]).mean()) < (
        0,
        0,
        0,
    )


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_compressed_pixels(tmp_path: Path, syntax: UID) -> None:
    make.write(make.single_frames(Scan(rows=16, columns=16)), tmp_path)
    for path in tmp_path.iterdir():
        make.recompress(path, syntax)
    (series,) = read_dicom([path.read_bytes for path in tmp_path.iterdir()], "in").series
    assert series.volume.data.dtype == np.uint16
    assert_in_place(series.volume)


def test_monochrome1_is_inverted_and_rescale_applied_after_it() -> None:
    datasets = make.single_frames(Scan())
    for ds in datasets:
        stored = np.frombuffer(ds.PixelData, np.uint16)
        ds.PhotometricInterpretation = "MONOCHROME1"
        ds.BitsStored, ds.HighBit = 12, 11
        ds.PixelData = (4095 - (stored + 500) // 2).astype(np.uint16).tobytes()
        ds.RescaleSlope, ds.RescaleIntercept = 2.0, -500.0
    (series,) = read(datasets).series
    assert_in_place(series.volume, tolerance=1.51)


def test_signed_pixels_with_twelve_bits_stored_and_rubbish_in_the_rest() -> None:
    datasets = make.single_frames(Scan())
    for ds in datasets:
        ds.PixelRepresentation, ds.BitsStored, ds.HighBit = 1, 12, 11
        values = np.frombuffer(ds.PixelData, np.uint16).astype(np.int32) - 2000
        ds.PixelData = ((values & 0x0FFF) | 0x5000).astype(np.uint16).tobytes()
        ds.RescaleSlope, ds.RescaleIntercept = 1.0, 2000.0
    (series,) = read(datasets).series
    assert_in_place(series.volume)


def test_a_mixed_study_gives_every_series_with_plane_and_contrast() -> None:
    scans = [
        Scan(number=1, te=5, tr=20, description="LOCALIZER", slices=3),
        Scan(number=2, te=12, tr=520, description="t1_tse_sag"),
        Scan(number=3),
        Scan(number=4, te=60, tr=4000, description="stir sag", header={"InversionTime": 160.0}),
        Scan(number=5, axes=AXIAL, description="t2 tra"),
        Scan(number=6, te=30, tr=3000, description="pd"),
    ]
    datasets = [ds for scan in scans for ds in make.single_frames(scan)]
    random.Random(1).shuffle(datasets)
    study = read(datasets)
    assert [(s.number, s.plane, s.contrast) for s in study.series] == [
        (1, Plane.SAGITTAL, Contrast.LOCALIZER),
        (2, Plane.SAGITTAL, Contrast.T1),
        (3, Plane.SAGITTAL, Contrast.T2),
        (4, Plane.SAGITTAL, Contrast.STIR),
        (5, Plane.AXIAL, Contrast.T2),
        (6, Plane.SAGITTAL, Contrast.PD),
    ]
    assert study.study_date == date(2024, 3, 11)
    assert study.series[2].sequence["manufacturer"] == "SIEMENS"
    assert study.series[2].description == "T2 TSE SAG"


def test_two_echoes_in_one_series_become_two_series() -> None:
    uid = "1.2.826.0.1.3680043.8.498.77"
    datasets = make.single_frames(Scan(uid=uid, te=20)) + make.single_frames(Scan(uid=uid, te=100))
    first, second = read(datasets).series
    assert {first.contrast, second.contrast} == {Contrast.PD, Contrast.T2}
    assert first.number == 3
    assert second.number == 4
    assert first.volume.shape == second.volume.shape == (10, 14, 5)


def test_dixon_images_of_one_series_are_told_apart() -> None:
    uid = "1.2.826.0.1.3680043.8.498.78"
    kinds = [["DERIVED", "PRIMARY", "DIXON", kind] for kind in ("WATER", "FAT", "IN_PHASE")]
    datasets = [ds for kind in kinds for ds in make.single_frames(Scan(uid=uid, header={"ImageType": kind}))]
    study = read(datasets)
    assert sorted((s.contrast.value, str(s.sequence["fat_suppressed"])) for s in study.series) == [
        ("T2", "no"),
        ("T2", "yes"),
        ("other", "no"),
    ]


def test_the_name_and_the_order_of_files_do_not_change_the_hash() -> None:
    datasets = make.single_frames(Scan())
    assert read(datasets).sha256 == read(datasets[::-1]).sha256
    assert read(datasets).sha256 != read(datasets[1:]).sha256


def test_objects_without_a_place_are_left_out_and_counted() -> None:
    capture = make.single_frames(Scan(slices=1, number=99))[0]
    del capture.ImagePositionPatient
    report = make.single_frames(Scan(slices=1, number=98))[0]
    report.SOPClassUID, report.Modality = "1.2.840.10008.5.1.4.1.1.88.11", "SR"
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    study = read([*make.single_frames(Scan()), capture, report])
    assert len(study.series) == 1
    assert len(study.warnings) == 2
    assert all(warning.startswith("1 file left out") for warning in study.warnings)


def test_a_file_without_a_preamble_is_dicom_too() -> None:
    parts = []
    for ds in make.single_frames(Scan()):
        whole = as_bytes(ds)
        parts.append(partial(bytes, whole[132:]))
    (series,) = read_dicom(parts, "in").series
    assert_in_place(series.volume)


def test_a_slice_cut_short_is_named_and_the_rest_is_kept() -> None:
    whole = [as_bytes(ds) for ds in make.single_frames(Scan(slices=9))]
    whole[6] = whole[6][:-60]
    (series,) = read_dicom([partial(bytes, data) for data in whole], "in").series
    assert series.volume.shape[2] == 6
    assert any("cannot be decoded" in fault for fault in series.faults)
    assert any("1 slice missing" in fault for fault in series.faults)
    assert_in_place(series.volume)


def test_only_damaged_pixels_is_an_input_error() -> None:
    whole = [as_bytes(ds)[:-60] for ds in make.single_frames(Scan())]
    with pytest.raises(InputError, match="decoded"):
        read_dicom([partial(bytes, data) for data in whole], "in")


def test_a_header_cut_short_is_an_input_error() -> None:
    whole = as_bytes(make.single_frames(Scan())[0])
    for length in (140, 200, 400):
        with pytest.raises(InputError, match="damaged or truncated"):
            read_dicom([partial(bytes, whole[:length])], "in")


def test_two_studies_are_refused_by_count() -> None:
    other = make.single_frames(Scan(number=9))
    for ds in other:
        ds.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.9"
    with pytest.raises(InputError, match="2 studies") as caught:
        read(make.single_frames(Scan()) + other)
    assert "1.2.826" not in str(caught.value)


def test_two_patients_are_refused_by_count() -> None:
    other = make.single_frames(Scan(number=9))
    for ds in other:
        ds.PatientID = "SOMEONE-ELSE"
    with pytest.raises(InputError, match="2 patients") as caught:
        read(make.single_frames(Scan()) + other)
    assert "SOMEONE" not in str(caught.value)
    assert make.IDENTIFIER not in str(caught.value)


def test_ct_is_not_measurable() -> None:
    with pytest.raises(NotMeasurableError, match="no MRI"):
        read(make.single_frames(Scan(header={"Modality": "CT"})))


def test_no_dicom_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no DICOM file"):
        read_dicom([partial(bytes, b"hello"), partial(bytes, b"")], "in")


@pytest.mark.parametrize("text", ["T2 SAG DOE", "T2 pid-4711", "T2 19680102", "T2 <b>", "x" * 50, "jane"])
def test_a_description_that_may_hold_an_identifier_is_not_passed_on(text: str) -> None:
    (series,) = read(make.single_frames(Scan(description=text))).series
    assert series.description == ""


def test_identifiers_reach_neither_logs_nor_records(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    # Invalid values that pydicom would warn about, with the values in the warning.
    datasets = make.single_frames(Scan(header={"SpecificCharacterSet": "ISO_IR 100", "StudyTime": "101010"}))
    whole = [
        as_bytes(ds).replace(b"20240311", b"JANE-DOE").replace(b"ISO_IR 100", b"PID-4711 x")
        for ds in datasets
    ]
    whole = [data.replace(b"101010", b"DOE111") for data in whole]
    whole.append(whole[0][: len(whole[0]) // 2])
    with caplog.at_level("DEBUG"):
        study = read_dicom([partial(bytes, data) for data in whole], "in")
    captured = capfd.readouterr()
    said = " ".join(
        [caplog.text, captured.out, captured.err, *study.warnings, repr([s.sequence for s in study.series])]
    )
    assert study.study_date is None
    for secret in ("DOE", "JANE", make.IDENTIFIER, "1.2.826"):
        assert secret not in said


def test_a_synthetic_study_says_so() -> None:
    kind = {"ImageType": ["DERIVED", "SECONDARY", "SYNTHETIC"]}
    assert read(make.single_frames(Scan(header=kind))).synthetic
    assert not read(make.single_frames(Scan())).synthetic


def test_planes_mixed_in_one_series_are_listed_apart() -> None:
    uid = "1.2.826.0.1.3680043.8.498.79"
    scans = (Scan(uid=uid, slices=7), Scan(uid=uid, slices=4, axes=AXIAL))
    study = read([ds for scan in scans for ds in make.single_frames(scan)])
    assert [(s.number, s.plane, s.volume.shape[2]) for s in study.series] == [
        (3, Plane.SAGITTAL, 7),
        (4, Plane.AXIAL, 4),
    ]
    assert all("2 planes" in series.faults[0] for series in study.series)
    for series in study.series:
        assert_in_place(series.volume)


def test_a_localizer_of_three_planes_stays_one_series() -> None:
    uid = "1.2.826.0.1.3680043.8.498.80"
    scans = [
        Scan(uid=uid, slices=3, axes=axes, description="Localizer") for axes in (SAGITTAL, AXIAL, CORONAL)
    ]
    (series,) = read([ds for scan in scans for ds in make.single_frames(scan)]).series
    assert series.contrast is Contrast.LOCALIZER
    assert len(series.stacks) == 3
    assert series.faults == ()


def test_two_sagittal_orientations_are_named_as_mixed() -> None:
    uid = "1.2.826.0.1.3680043.8.498.81"
    tilt = make.tilted(SAGITTAL, Rotation.from_euler("z", 5, degrees=True).as_matrix())
    scans = (Scan(uid=uid, slices=7), Scan(uid=uid, slices=4, axes=tilt))
    (series,) = read([ds for scan in scans for ds in make.single_frames(scan)]).series
    assert series.volume.shape[2] == 7
    assert any("mixed orientations" in fault for fault in series.faults)


def test_voxels_of_no_plausible_size_are_left_out() -> None:
    study = read(make.single_frames(Scan()) + make.single_frames(Scan(number=4, pixel_mm=(0.01, 0.01))))
    assert [series.number for series in study.series] == [3]
    assert any("plausible size" in warning for warning in study.warnings)


def test_captured_frames_without_a_place_each_are_left_out() -> None:
    (film,) = make.single_frames(Scan(slices=1))
    film.NumberOfFrames = 2
    film.PixelData = film.PixelData * 2
    with pytest.raises(NotMeasurableError, match="no MR image with a place"):
        read([film])


def test_series_without_numbers_get_free_ones() -> None:
    made = [make.single_frames(Scan(number=number)) for number in (None, 2, None)]
    study = read([ds for datasets in made for ds in datasets])
    assert [series.number for series in study.series] == [2, 3, 4]
