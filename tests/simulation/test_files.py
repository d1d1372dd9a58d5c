"""A whole case on a coarse grid: what is written, that it is the same every time, and that its parts agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import resorb
from resorb.errors import UsageError
from resorb.simulation.case import model_case, simulate
from resorb.simulation.files import write_case
from resorb.simulation.spec import CaseSpec
from resorb.simulation.truth import StudyTruth

PITCH_MM = 1.0
SCAN = {"slices": 9, "slice_mm": 4.0, "pixel_mm": 1.2, "field_of_view_mm": 220.0}
CASE: dict[str, Any] = {
    "name": "small",
    "seed": 4,
    "spine": {"seed": 8, "variety": 0.0, "scoliosis_deg": 0.0},
    "herniations": [
        {"level": "L4/L5", "type": "extrusion", "side": "right", "depth_mm": 7.0, "width_mm": 13.0},
    ],
    "dates": [
        {"date": "2024-03-01", "series": [SCAN]},
        {
            "date": "2024-09-01",
            "changes": [{"remaining": 0.4, "by": {"erosion": 1.0, "retraction": 1.0}}],
            "pose": {"flexion_deg": {"L4/L5": 2.0}},
        },
    ],
}


def case(**changes: Any) -> CaseSpec:
    return CaseSpec.model_validate(CASE | changes)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("case")
    write_case(folder, case(), pitch_mm=PITCH_MM)
    return folder


def truth(folder: Path) -> StudyTruth:
    return StudyTruth.from_json((folder / "truth.json").read_text())


def test_every_date_has_its_files(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == {"case.json", "01_2024-03-01", "02_2024-09-01"}
    common = {"dseg.tsv", "fine_dseg.nii.gz", "geometry.json", "truth.json"}
    common |= {f"sagittal_{what}.nii.gz" for what in ("T2w", "dseg", "displaced")}
    assert {path.name for path in (written / "01_2024-03-01").iterdir()} == common
    assert {path.name for path in (written / "02_2024-09-01").iterdir()} == common | {"deformation.nii.gz"}


def test_the_same_case_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_case(tmp_path, case(), pitch_mm=PITCH_MM)
    files = sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for file in files:
        assert (written / file).read_bytes() == (tmp_path / file).read_bytes(), file


def test_every_image_says_synthetic_and_its_labels_lie_on_its_grid(written: Path) -> None:
    for folder in (written / "01_2024-03-01", written / "02_2024-09-01"):
        image, labels, displaced = (
            nib.load(folder / f"sagittal_{what}.nii.gz") for what in ("T2w", "dseg", "displaced")
        )
        assert all(b"SYNTHETIC" in one.header["descrip"].tobytes() for one in (image, labels, displaced))
        assert image.shape == labels.shape == displaced.shape
        np.testing.assert_array_equal(image.affine, labels.affine)
        indices = np.asarray(labels.dataobj)
        table = (folder / "dseg.tsv").read_text().splitlines()[1:]
        assert set(np.unique(indices)) - {0} <= {int(row.split("\t")[0]) for row in table}
        material = np.asarray(displaced.dataobj) > 0
        assert set(np.unique(indices[material])) == {417}  # the disc below L4


def test_the_herniation_shrinks_as_it_was_asked_to(written: Path) -> None:
    first, second = (truth(written / name).at("L4/L5") for name in ("01_2024-03-01", "02_2024-09-01"))
    assert (first.classes.morphology.value, first.classes.side.value) == ("extrusion", "right")
    assert first.sizes.depth_mm.value == pytest.approx(7.0, abs=0.5)
    before, after = first.focal_volume_mm3.value, second.focal_volume_mm3.value
    assert before is not None and after is not None
    assert after / before == pytest.approx(0.4, abs=0.08)  # bending by 2 degrees moves the reference, too
    assert first.sizes.t2_ratio.value is not None


def test_the_deformation_carries_bone_as_the_geometry_says(written: Path) -> None:
    field = nib.load(written / "02_2024-09-01" / "deformation.nii.gz")
    assert field.shape[3:] == (1, 3)
    assert field.header.get_intent()[0] == "vector"
    poses = [
        {
            name: np.array(matrix)
            for name, matrix in json.loads((written / date / "geometry.json").read_text())[
                "vertebrae"
            ].items()
        }
        for date in ("01_2024-03-01", "02_2024-09-01")
    ]
    labels = nib.load(written / "01_2024-03-01" / "fine_dseg.nii.gz")
    data, moved = np.asarray(labels.dataobj), np.asarray(field.dataobj)[:, :, :, 0]
    back = np.linalg.inv(field.affine)
    for ordinal, name in ((116, "L3"), (118, "L5")):
        body = np.argwhere(data == ordinal)
        centre = labels.affine[:3, :3] @ np.median(body, axis=0) + labels.affine[:3, 3]
        node = np.round(back[:3, :3] @ centre + back[:3, 3]).astype(int)
        point = field.affine[:3, :3] @ node + field.affine[:3, 3]
        wanted = (poses[1][name] @ np.linalg.inv(poses[0][name]) @ np.append(point, 1.0))[:3]
        np.testing.assert_allclose(point + moved[tuple(node)], wanted, atol=0.03)


def test_dicom_is_read_as_what_it_is(tmp_path: Path) -> None:
    one = case(format="dicom", dates=CASE["dates"][:1])
    write_case(tmp_path, one, pitch_mm=2.0)
    study = resorb.load(tmp_path / "01_2024-03-01" / "dicom")
    assert study.synthetic and str(study.study_date) == "2024-03-01"
    labels = nib.load(tmp_path / "01_2024-03-01" / "sagittal_dseg.nii.gz")
    image = study.sagittal.volume
    corners = np.array([[0, 0, 0], np.array(labels.shape) - 1])
    world = corners @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    index = image.to_index(world)
    assert np.abs(index - np.round(index)).max() < 0.01
    assert sorted(image.shape) == sorted(labels.shape)


@pytest.mark.parametrize(
    ("herniation", "named"),
    [
        ({"level": "L4/L5", "side": "left", "depth_mm": 24.0}, "24"),
        ({"level": "L3/L4", "side": "left", "width_mm": 58.0}, "58"),
        ({"level": "L6/S1", "side": "left"}, "L6/S1"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_limit_or_left_out(herniation: Any, named: str) -> None:
    with pytest.raises(UsageError, match=named) as refused:
        next(simulate(case(herniations=[herniation], dates=CASE["dates"][:1]), pitch_mm=2.0))
    assert "\n" not in str(refused.value)
    if herniation["level"] != "L6/S1":
        kept = case(herniations=[herniation], dates=CASE["dates"][:1], misfits="leave out")
        assert next(simulate(kept, pitch_mm=2.0)).phantom.displaced == ()


def test_the_model_case_is_the_one_of_the_text() -> None:
    model = model_case()
    herniation = model.herniations[0]
    assert (str(herniation.level), herniation.side, herniation.zone) == ("L4/L5", "left", "paracentral")
    days = (model.dates[1].date - model.dates[0].date).days
    assert 170 < days < 200
