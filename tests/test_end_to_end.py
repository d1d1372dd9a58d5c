"""The whole path on the synthetic study, with the real model: what `make demo` does, held against its truth."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import resorb
from resorb import cli
from resorb.reading import QUANTITIES
from resorb.simulation.case import SimulatedDate
from resorb.simulation.files import date_folder, write_case
from resorb.simulation.spec import CaseSpec
from resorb.simulation.truth import StudyTruth

FOCAL = "L4/L5"
FILES = {
    "anatomy.nii.gz",
    "anatomy.tsv",
    "displaced.nii.gz",
    "figure.png",
    "figure.svg",
    "levels.csv",
    "reading.json",
    "report.html",
    "run.json",
    "timepoint.json",
}
AXIAL = {f"anatomy_axial-{n}.nii.gz" for n in (1, 2, 3)}
#: What compare adds, beside the files of each date.
CHANGE_FILES = {
    "change.csv",
    "change.json",
    "course.png",
    "course.svg",
    "figure-plain.png",
    "figure.png",
    "figure.svg",
    "letter.txt",
    "report.html",
    "run.json",
}
STUDY = Path("study", "01_2024-01-15")
LENGTHS = {"depth_mm", "width_mm", "height_mm", "slip_mm", "disc_height_mm"}


@dataclass(frozen=True)
class Demo:
    folder: Path
    printed: str
    reading: resorb.Reading
    truth: StudyTruth
    change: resorb.Change
    last_truth: StudyTruth


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`resorb demo`, once."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert cli.run(["demo", "-o", str(folder)]) == 0
    truth = StudyTruth.from_json((folder / STUDY / "truth.json").read_text())
    reading = resorb.Reading.from_json((folder / "first" / "reading.json").read_text())
    change = resorb.Change.from_json((folder / "change" / "change.json").read_text())
    last = StudyTruth.from_json((folder / "study" / "02_2024-07-18" / "truth.json").read_text())
    return Demo(folder, printed.getvalue(), reading, truth, change, last)


def test_the_demo_writes_every_file_and_nothing_else(demo: Demo) -> None:
    assert {path.name for path in demo.folder.iterdir()} == {
        "study",
        "first",
        "second",
        "change",
        "course",
        "run.json",
    }
    for name in ("first", "second"):
        there = {path.name for path in (demo.folder / name).iterdir()}
        assert there - AXIAL == FILES | {"images"}, name
    change = {path.name for path in (demo.folder / "change").iterdir()}
    assert change - {"report.pdf"} == CHANGE_FILES | {"dates"}
    run = json.loads((demo.folder / "run.json").read_text())
    assert {f"{STUDY.as_posix()}/truth.json", "change/change.json", "first/timepoint.json"} <= set(
        run["files"]
    )
    assert {f"course/{name}" for name in ("record.yaml", "report.html", "timeline.png")} <= set(run["files"])
    assert str(demo.folder) not in json.dumps(run)


def test_the_demo_compares_two_dicom_studies_six_months_apart(demo: Demo) -> None:
    assert [str(one.date) for one in demo.change.dates] == ["2024-01-15", "2024-07-18"]
    assert demo.change.dates[1].days == 185 and demo.change.synthetic
    assert len({one.sequence.get("manufacturer") for one in demo.change.dates}) == 2
    assert {level.level for level in demo.change.levels} >= {"L3/L4", FOCAL, "L5/S1"}
    # The truth: two thirds of the material of that level are gone, of the herniation itself nearly nine tenths.
    assert demo.change.at(FOCAL).verdict.value in ("regressed", "resolved")


def test_the_demo_prints_the_true_course_beside_the_one_that_was_read(demo: Demo) -> None:
    table = demo.printed[demo.printed.index("Simulated course") :]
    row = next(line for line in table.splitlines() if FOCAL in line)
    true = [truth.at(FOCAL).sizes.volume_mm3.value for truth in (demo.truth, demo.last_truth)]
    numbers = [float(number) for number in re.findall(r"(?<![\w/])[-+]?\d+", row)]
    assert true[0] is not None and true[1] is not None
    assert (numbers[0], numbers[2]) == pytest.approx(true, abs=0.51)
    assert numbers[4] == pytest.approx(true[1] - true[0], abs=0.51)


def test_the_demo_ends_with_the_course_that_takes_the_change(demo: Demo) -> None:
    page = (demo.folder / "course" / "report.html").read_text(encoding="utf-8")
    assert FOCAL in page and "stored comparison(s), which were not read" not in page


def test_the_demo_names_every_level_from_the_sacrum_up(demo: Demo) -> None:
    names = [disc.level for disc in demo.reading.discs]
    assert names[-5:] == ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"]
    assert demo.reading.synthetic


def test_the_demo_finds_the_herniation_where_it_was_placed(demo: Demo) -> None:
    worst = demo.reading.worst
    assert worst is not None and worst.level == FOCAL
    assert [disc.level for disc in demo.reading.discs if "focal" in disc.flags] == [FOCAL]
    truth = demo.truth.at(FOCAL)
    assert worst.side == truth.classes.side.value == "left"
    (placed,), (found,) = truth.focal, worst.herniations
    for read, true in (
        (found.depth_mm.value, placed.sizes.depth_mm.value),
        (found.volume_mm3.value, truth.focal_volume_mm3.value),
    ):
        assert read is not None and true is not None
        assert 0.75 < read / true < 1.25
    assert found.classes is not None
    assert found.classes.morphology.value == placed.classes.morphology.value
    assert found.classes.zone.value == placed.classes.zone.value
    assert found.classes.roots == placed.classes.roots


def test_the_demo_prints_truth_beside_what_was_measured(demo: Demo) -> None:
    table = demo.printed[demo.printed.index("Simulated study") :]
    row = next(line for line in table.splitlines() if FOCAL in line)
    numbers = [float(number) for number in re.findall(r"\d+\.\d", row)]
    assert numbers[0] == pytest.approx(demo.truth.at(FOCAL).sizes.depth_mm.value, abs=0.051)
    assert "Research use only" in demo.printed


def test_the_masks_lie_on_the_grid_of_the_input(demo: Demo) -> None:
    # The labels of the truth lie on the grid of the images, whose format is DICOM here.
    study = nib.load(demo.folder / STUDY / "sagittal_dseg.nii.gz")
    for name in ("anatomy.nii.gz", "displaced.nii.gz"):
        mask = nib.as_closest_canonical(nib.load(demo.folder / "first" / name))
        assert mask.shape == nib.as_closest_canonical(study).shape
        np.testing.assert_allclose(mask.affine, nib.as_closest_canonical(study).affine, atol=1e-3)
    rows = [line.split("\t") for line in (demo.folder / "first" / "anatomy.tsv").read_text().splitlines()[1:]]
    assert {"disc", "vertebral_body", "thecal_sac", "sacrum"} <= {row[1] for row in rows}


def test_the_page_needs_nothing_from_elsewhere(demo: Demo) -> None:
    for name in ("first", "second", "change", "course"):
        page = (demo.folder / name / "report.html").read_text(encoding="utf-8")
        assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)[^"']*""", page), name
        assert not re.findall(r"url\((?!['\"]?(?:data:|#))", page), name
        assert "Research use only" in page and FOCAL in page, name


def test_dicom_and_nifti_of_one_study_give_the_same_reading(first_date: CaseSpec, tmp_path: Path) -> None:
    readings = []
    for form in ("dicom", "nifti"):
        (folder := tmp_path / form).mkdir()
        write_case(folder, first_date.model_copy(update={"format": form}))
        place = folder / date_folder(first_date, 0)
        image = place / ("dicom" if form == "dicom" else "sagittal_T2w.nii.gz")
        readings.append(resorb.read(image, tmp_path / f"{form}-out").reading)
    from_dicom, from_nifti = readings
    assert [disc.level for disc in from_dicom.discs] == [disc.level for disc in from_nifti.discs]
    for one, other in zip(from_dicom.discs, from_nifti.discs, strict=True):
        assert (one.flags, one.side) == (other.flags, other.side)
        for name in QUANTITIES:
            ours, theirs = getattr(one, name), getattr(other, name)
            assert ours.reason == theirs.reason
            # 0.01 mm for lengths, 0.1 % for areas, volumes and ratios.
            assert (ours.value is None) == (theirs.value is None)
            if ours.value is not None:
                absolute, relative = (0.01, None) if name in LENGTHS else (None, 1e-3)
                expected = pytest.approx(theirs.value, rel=relative, abs=absolute)
                assert ours.value == expected, (one.level, name)
        for name in ("origin", "upper_corner", "lower_corner", "apex"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=0.01), (one.level, name)


@dataclass(frozen=True)
class Masked:
    """The synthetic study read with its true labels as a mask."""

    study: Path
    mask: Path
    truth: StudyTruth
    folder: Path

    def read(self, folder: Path, mask: Path, *options: str) -> resorb.Reading:
        arguments = [
            "read",
            str(self.study),
            "-o",
            str(folder),
            "-q",
            "--scheme",
            "resorb",
            "--mask",
            str(mask),
        ]
        assert cli.run([*arguments, *options]) == 0
        return resorb.Reading.from_json((folder / "reading.json").read_text())


@pytest.fixture(scope="module")
def masked(
    first_date: CaseSpec, simulated: SimulatedDate, tmp_path_factory: pytest.TempPathFactory
) -> Masked:
    folder = tmp_path_factory.mktemp("masked")
    write_case(folder, first_date)
    study = folder / date_folder(first_date, 0)
    files = study / "sagittal_T2w.nii.gz", study / "sagittal_dseg.nii.gz"
    made = Masked(*files, simulated.truth, folder / "out")
    made.read(made.folder, made.mask)
    return made


def test_a_true_mask_gives_the_true_size(masked: Masked) -> None:
    reading = resorb.Reading.from_json((masked.folder / "reading.json").read_text())
    worst = reading.worst
    assert (
        worst is not None and worst.level == FOCAL and worst.side == masked.truth.at(FOCAL).classes.side.value
    )
    assert [disc.level for disc in reading.discs if disc.displaced] == [FOCAL]
    truth = masked.truth.at(FOCAL)
    assert worst.depth_mm.value == pytest.approx(truth.sizes.depth_mm.value, abs=1.0)
    # The truth counts the disc's own bulge round to the foramina, the reading only what lies behind the bodies.
    focal, every, read = truth.focal_volume_mm3.value, truth.sizes.volume_mm3.value, worst.volume_mm3.value
    assert focal is not None and every is not None and read is not None
    assert 0.85 * focal < read < 1.1 * every


def test_the_same_input_gives_the_same_bytes(masked: Masked, tmp_path: Path) -> None:
    masked.read(tmp_path / "again", masked.mask)
    for file in FILES - {"run.json"}:
        assert (tmp_path / "again" / file).read_bytes() == (masked.folder / file).read_bytes(), file


def test_what_was_written_can_be_read_again_as_a_mask(masked: Masked, tmp_path: Path) -> None:
    masked.read(tmp_path / "out", masked.folder / "anatomy.nii.gz")
    assert (tmp_path / "out" / "levels.csv").read_bytes() == (masked.folder / "levels.csv").read_bytes()


def test_the_lowest_disc_can_be_named(masked: Masked, tmp_path: Path) -> None:
    reading = masked.read(tmp_path / "out", masked.mask, "--lowest-disc", "L4/L5")
    assert reading.discs[-1].level == "L4/L5"
    assert reading.worst is not None and reading.worst.level == "L3/L4"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child on Windows")
def test_an_interrupt_is_exit_code_130_and_leaves_nothing(tmp_path: Path) -> None:
    with _started("demo", "-o", str(tmp_path / "out")) as process:
        for _ in range(400):
            if list(tmp_path.glob(".out.partial-*/study")):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "resorb: interrupted; nothing was written\n"
    assert not list(tmp_path.iterdir())


@contextlib.contextmanager
def _started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "resorb", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
