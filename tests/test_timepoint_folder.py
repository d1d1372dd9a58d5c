"""A stored date gives back what was stored, to the last digit, and says when it is not what was written."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from resorb.anatomy import LevelNaming
from resorb.errors import InputError
from resorb.limits import load_limits
from resorb.study import Contrast, Plane, Series, Volume
from resorb.timepoint import Timepoint
from resorb.timepoint_folder import is_timepoint, read_timepoint, write_timepoint
from tests import steps

#: Oblique, of numbers that single precision cannot hold.
OBLIQUE = np.array(
    [[-1.0 / 3, 0.1, 4.4, 10.1], [0.2, -0.6, 0.3, -7.7], [0.55, 0.2, 0.35, 0.123456789012], [0, 0, 0, 1.0]]
)


def axial_series() -> Series:
    grid = np.diag([0.5, 0.5, 4.0, 1.0])
    stacks = tuple(
        Volume(np.full((5, 6, 3), n, np.uint16) + np.arange(3, dtype=np.uint16), grid) for n in (1, 2)
    )
    return Series(
        7, stacks, Plane.AXIAL, Contrast.T2, "T2 tse tra", "by its headers", ("one missing",), {"te_ms": 98.5}
    )


def point() -> Timepoint:
    """A date with an oblique grid, an axial series with labels in its second stack, and everything said about it."""
    plain = steps.study()
    spacing = np.linalg.norm(OBLIQUE[:3, :3], axis=0)
    q, _ = np.linalg.qr(OBLIQUE[:3, :3])
    affine = OBLIQUE.copy()
    affine[:3, :3] = q * spacing
    rng = np.random.default_rng(3)
    image = Volume(rng.integers(0, 4000, (4, 6, 6)).astype(np.int64), affine)
    sagittal = replace(plain.sagittal, stacks=(image,), sequence={"field_tesla": 1.5}, faults=("uneven",))
    axial = axial_series()
    of = replace(
        plain,
        series=(sagittal, axial),
        sagittal=sagittal,
        axial=axial,
        study_date=date(2024, 3, 1),
        warnings=("T2 is assumed",),
        synthetic=True,
    )
    labels = (
        axial.stacks[0].with_data(np.zeros((5, 6, 3), np.uint16)),
        axial.stacks[1].with_data(np.full((5, 6, 3), 417, np.uint16)),
    )
    found = replace(
        steps.anatomy(of, ("perhaps four lumbar bodies",)),
        axial=labels,
        confidence={steps.L4L5: 0.1 + 0.2},
        warnings=("metal",),
    )
    return steps.timepoint(of, found)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    folder = tmp_path / "first"
    folder.mkdir()
    write_timepoint(folder, point(), load_limits(), "9.9.9")
    return folder


def test_what_was_stored_comes_back_to_the_last_digit(stored: Path) -> None:
    was, kept = point(), read_timepoint(stored)
    assert is_timepoint(stored) and not is_timepoint(stored.parent)
    pairs = [
        (was.study.sagittal.volume, kept.study.sagittal.volume),
        (was.anatomy.labels, kept.anatomy.labels),
        *zip(was.anatomy.axial, kept.anatomy.axial, strict=True),
    ]
    assert was.study.axial is not None and kept.study.axial is not None
    pairs += zip(was.study.axial.stacks, kept.study.axial.stacks, strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one.data, other.data)
        np.testing.assert_array_equal(one.affine, other.affine)
    for name in ("choice", "warnings", "study_date", "sha256", "synthetic"):
        assert getattr(was.study, name) == getattr(kept.study, name), name
    for one_series, other_series in (
        (was.study.sagittal, kept.study.sagittal),
        (was.study.axial, kept.study.axial),
    ):
        for name in ("number", "plane", "contrast", "description", "why", "faults", "sequence"):
            assert getattr(one_series, name) == getattr(other_series, name), name
    for name in ("levels", "naming", "source", "confidence", "warnings"):
        assert getattr(was.anatomy, name) == getattr(kept.anatomy, name), name
    assert kept.reading == was.reading


def test_the_same_date_gives_the_same_bytes(stored: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    write_timepoint(again, point(), load_limits(), "9.9.9")
    names = [path.relative_to(stored) for path in stored.rglob("*") if path.is_file()]
    assert len(names) >= 8
    assert all((stored / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_images_open_in_other_tools_on_the_grid_of_their_outlines(stored: Path) -> None:
    image, labels = (nib.load(stored / name) for name in ("images/sagittal.nii.gz", "anatomy.nii.gz"))
    assert image.shape == labels.shape
    np.testing.assert_allclose(image.affine, labels.affine)
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), point().study.sagittal.volume.data)


def test_a_mask_that_somebody_changed_is_refused_by_its_name(stored: Path) -> None:
    image = nib.load(stored / "anatomy.nii.gz")
    data = np.asanyarray(image.dataobj).copy()
    data[0, 0, 0] = 417
    nib.save(nib.Nifti1Image(data, image.affine), stored / "anatomy.nii.gz")
    with pytest.raises(InputError, match=r"first: anatomy\.nii\.gz is not what resorb wrote"):
        read_timepoint(stored)


@pytest.mark.parametrize("name", ["images/sagittal.nii.gz", "reading.json", "anatomy_axial-2.nii.gz"])
def test_a_missing_file_is_one_line(stored: Path, name: str) -> None:
    (stored / name).unlink()
    with pytest.raises(InputError, match="missing or damaged; read the study again"):
        read_timepoint(stored)


def test_a_newer_one_is_refused_and_a_broken_one_is_no_traceback(stored: Path) -> None:
    path = stored / "timepoint.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "schema_version": 99}))
    with pytest.raises(InputError, match="update resorb"):
        read_timepoint(stored)
    path.write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        read_timepoint(stored)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sagittal", "stacks"), []),
        (("sagittal", "stacks", 0, "image"), "/somewhere/else.nii.gz"),
        (("sagittal", "stacks", 0, "labels"), "../anatomy.nii.gz"),
        (("files",), {}),
        (("files", "../other.nii.gz"), "0"),
        (("levels",), ["L9/L5"]),
    ],
)
def test_a_record_that_names_other_files_or_levels_is_refused_in_one_line(
    stored: Path, path: tuple[str | int, ...], value: object
) -> None:
    record = json.loads((stored / "timepoint.json").read_text())
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (stored / "timepoint.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=stored.name):
        read_timepoint(stored)


def test_outlines_of_another_model_are_drawn_again_and_those_of_a_label_map_stand(stored: Path) -> None:
    kept = read_timepoint(stored)
    assert kept.outdated("resorb model 2.0 (abc)") == ""
    by_model = replace(kept, anatomy=replace(kept.anatomy, source="resorb model 1.0 (abc)"))
    assert by_model.outdated("resorb model 1.0 (abc)") == ""
    assert "resorb model 1.0" in by_model.outdated("resorb model 2.0 (def)")


def test_numbers_of_another_version_or_of_other_limits_are_measured_again(
    stored: Path, tmp_path: Path
) -> None:
    kept, limits = read_timepoint(stored), load_limits()
    assert kept.remeasured("9.9.9", limits) == ""
    assert "9.9.9" in kept.remeasured("10.0.0", limits)
    (tmp_path / "my.toml").write_text("displaced_depth = 9.0\n")
    assert "other limits" in kept.remeasured("9.9.9", load_limits(tmp_path / "my.toml"))


def test_a_level_that_a_user_named_is_known_again(stored: Path) -> None:
    kept = read_timepoint(stored)
    assert kept.lowest_named is None
    naming = LevelNaming("the lowest disc, named L5/S1 by the user")
    named = replace(kept, anatomy=replace(kept.anatomy, naming=naming))
    assert named.lowest_named == steps.L5S1


def test_nothing_but_geometry_is_left_in_the_headers_of_the_images(stored: Path) -> None:
    header = nib.load(stored / "images" / "axial-1.nii.gz").header
    assert bytes(header["descrip"]).strip(b"\0") == b"" and bytes(header["db_name"]).strip(b"\0") == b""
