"""The composed path, with stand-ins for the steps: files, records, refusals, progress."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from resorb import pipeline
from resorb.errors import InputError, OutputError, StrictRefusal, UsageError
from resorb.reading import DiscReading, Reading
from resorb.study import Contrast, Plane, Series, Volume
from tests import steps

IMAGES = {"images/sagittal.nii.gz"}
TOP = {
    "anatomy.nii.gz",
    "anatomy.tsv",
    "displaced.nii.gz",
    "reading.json",
    "report.html",
    "run.json",
    "timepoint.json",
}
FILES = TOP | IMAGES


def written(folder: Path) -> set[str]:
    """Every file below a folder, by its path from there."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "DOE^JANE 1961.nii.gz"
    path.write_bytes(b"image")
    return path


def test_everything_is_written_on_the_grid_of_the_input(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    timepoint = pipeline.read(source, tmp_path / "out")

    out = tmp_path / "out"
    assert written(out) == FILES
    assert Reading.from_json((out / "reading.json").read_text()) == timepoint.reading
    grid = steps.study().sagittal.volume
    for name, kind in (("anatomy.nii.gz", np.uint16), ("displaced.nii.gz", np.uint8)):
        image = nib.load(out / name)
        assert image.shape == grid.shape
        assert image.get_data_dtype() == kind
        np.testing.assert_allclose(image.affine, grid.affine)
    rows = [line.split("\t") for line in (out / "anatomy.tsv").read_text().splitlines()]
    assert rows[0] == ["index", "structure", "level"]
    present = set(np.unique(np.asanyarray(nib.load(out / "anatomy.nii.gz").dataobj))) - {0}
    assert {int(row[0]) for row in rows[1:]} == present
    assert ["vertebral_body", "L4"] in [row[1:] for row in rows]
    assert ["disc", "L5/S1"] in [row[1:] for row in rows]


def test_axial_stacks_are_written_under_their_numbers_where_the_spine_was_found(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    labels = np.zeros((6, 6, 3), np.uint16)
    empty, full = (Volume(labels + n, np.diag([0.5, 0.5, 4.0, 1.0])) for n in (0, 417))
    series = Series(4, (full, empty, full), Plane.AXIAL, Contrast.T2)
    sagittal = steps.anatomy(steps.study())
    monkeypatch.setattr(pipeline, "load", lambda *_, **__: replace(steps.study(), axial=series))
    monkeypatch.setattr(pipeline, "segment", lambda *_, **__: replace(sagittal, axial=(full, empty, full)))
    pipeline.read(source, tmp_path / "out")
    there = written(tmp_path / "out")
    images = {f"images/axial-{n}.nii.gz" for n in (1, 2, 3)}
    assert there == FILES | images | {"anatomy_axial-1.nii.gz", "anatomy_axial-3.nii.gz"}
    image = nib.load(tmp_path / "out" / "anatomy_axial-3.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), full.data)
    np.testing.assert_allclose(image.affine, full.affine)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert there - {"run.json"} == set(run["files"])


def test_the_same_input_gives_the_same_bytes_apart_from_run_json(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    pipeline.read(source, tmp_path / "a")
    pipeline.read(source, tmp_path / "b")
    for name in FILES - {"run.json"}:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_run_json_says_what_was_run_but_names_no_path(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    mask = tmp_path / "DOE mask.nii.gz"
    mask.write_bytes(b"mask")
    options = pipeline.Options(series=3, mask=mask, scheme="spider", lowest_disc=steps.L5S1)
    pipeline.read(source, tmp_path / "out", options)

    text = (tmp_path / "out" / "run.json").read_text()
    assert "DOE" not in text and str(tmp_path) not in text
    run = json.loads(text)
    assert run["kind"] == "run" and run["schema_version"] == 1
    assert run["input_sha256"] == "ab" * 32
    # sha256 of b"mask", from coreutils' sha256sum
    assert run["mask_sha256"] == "48bf9b4f142ab45cac6f33cf99415bca6ca8e07608a031237aa76560fec2204b"
    assert run["options"] == {
        "series": 3,
        "mask": True,
        "scheme": "spider",
        "lowest_disc": "L5/S1",
        "limits": False,
        "strict": False,
        "reader": False,
    }
    assert run["reader_sha256"] is None
    assert set(run["seconds"]) == {"load", "segment", "measure", "report"}
    assert set(run["files"]) == FILES - {"run.json"}
    assert run["libraries"]["numpy"] == np.__version__
    assert run["limits"]["overrides"] == {} and len(run["limits"]["sha256"]) == 64


def test_a_readers_word_enters_the_reading_and_is_named_by_its_hash(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    word = tmp_path / "DOE.yaml"
    word.write_text("author: A. Reader\ndate: 2024-03-01\nlevels:\n- {level: L4/L5, modic: 2}\n")
    found = pipeline.read(source, tmp_path / "out", pipeline.Options(reader=word))
    assert found.reading.discs[0].modic is not None
    assert found.reading.discs[0].modic.given_by == "A. Reader, 2024-03-01"
    stored = (tmp_path / "out" / "run.json").read_text()
    assert "DOE" not in stored and "A. Reader" not in stored
    run = json.loads(stored)
    assert run["options"]["reader"] and run["reader_sha256"] == hashlib.sha256(word.read_bytes()).hexdigest()


def test_what_resorb_made_can_be_replaced_by_the_next_run(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    pipeline.read(source, tmp_path / "out")
    with pytest.raises(OutputError, match="--overwrite"):
        pipeline.read(source, tmp_path / "out")
    pipeline.read(source, tmp_path / "out", overwrite=True)


@pytest.mark.parametrize(
    ("doubts", "discs", "said"),
    [
        (("transitional vertebra",), (), "transitional"),
        ((), (steps.disc(steps.L5S1, None, "unmeasurable"),), "L5/S1"),
        ((), (steps.disc(steps.L4L5, 1.0, "low_confidence"),), "L4/L5"),
    ],
)
def test_strict_refuses_any_doubt_and_writes_nothing(
    doubts: tuple[str, ...],
    discs: tuple[DiscReading, ...],
    said: str,
    tmp_path: Path,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps.stand_in(monkeypatch, doubts=doubts, discs=discs)
    with pytest.raises(StrictRefusal, match=said):
        pipeline.read(source, tmp_path / "out", pipeline.Options(strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name]
    pipeline.read(source, tmp_path / "out")


def test_strict_accepts_a_reading_without_doubts(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    pipeline.read(source, tmp_path / "out", pipeline.Options(strict=True))


@pytest.mark.parametrize(
    "options", [pipeline.Options(mask=Path("m.nii.gz")), pipeline.Options(scheme="spider")]
)
def test_mask_and_scheme_belong_together(
    options: pipeline.Options, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    with pytest.raises(UsageError, match="--scheme"):
        pipeline.read(source, tmp_path / "out", options)


@pytest.mark.parametrize("step", ["load", "segment", "measure", "report"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), InputError("broken"), MemoryError()])
def test_a_failure_in_any_step_writes_nothing(
    step: str, failure: BaseException, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    steps.stand_in(monkeypatch)
    monkeypatch.setattr(pipeline, step, fail)
    with pytest.raises(type(failure)):
        pipeline.read(source, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name]


def test_a_full_disk_while_drawing_is_an_output_error(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    steps.stand_in(monkeypatch)
    monkeypatch.setattr(pipeline, "report", full)
    with pytest.raises(OutputError, match="space"):
        pipeline.read(source, tmp_path / "out")


def test_progress_runs_once_from_nothing_to_everything(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.stand_in(monkeypatch)
    seen: list[tuple[str, float]] = []
    pipeline.read(source, tmp_path / "out", progress=lambda name, fraction: seen.append((name, fraction)))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0 and fractions[-1] == 1.0
    assert [*dict.fromkeys(name for name, _ in seen)] == ["Loading", "Segmenting", "Measuring", "Drawing"]
