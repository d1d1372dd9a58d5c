"""Output folders appear whole or not at all, and replace only what resorb made."""

from __future__ import annotations

import errno
import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from resorb.errors import OutputError
from resorb.output import output_file, output_folder, write_volume
from resorb.study import Volume


def _made_by_resorb(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("old")
    run = {"kind": "run", "schema_version": 1, "files": list(names)}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def _contents(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_the_folder_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with output_folder(target) as folder:
        (folder / "a").write_text("new")
        assert not target.exists()
        assert folder.parent == tmp_path, "the folder is built beside its target, on the same file system"
    assert (target / "a").read_text() == "new"
    assert _contents(tmp_path) == ["out", "out/a"]


@pytest.mark.parametrize("failure", [ValueError("x"), KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_a_failure_leaves_nothing_behind_not_even_parents(tmp_path: Path, failure: BaseException) -> None:
    with pytest.raises(type(failure)), output_folder(tmp_path / "a" / "b" / "out") as folder:
        (folder / "half").write_text("written")
        raise failure
    assert _contents(tmp_path) == []


def test_a_failure_leaves_the_existing_folder_as_it_was(tmp_path: Path) -> None:
    target = _made_by_resorb(tmp_path / "out", "a")
    with pytest.raises(KeyboardInterrupt), output_folder(target, overwrite=True) as folder:
        (folder / "a").write_text("new")
        raise KeyboardInterrupt
    assert (target / "a").read_text() == "old"
    assert _contents(tmp_path) == ["out", "out/a", "out/run.json"]


def test_our_own_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = _made_by_resorb(tmp_path / "out", "a", "gone")
    with output_folder(target, overwrite=True) as folder:
        (folder / "a").write_text("new")
    assert _contents(tmp_path) == ["out", "out/a"]
    assert (target / "a").read_text() == "new"


def test_our_own_folder_is_kept_without_overwrite(tmp_path: Path) -> None:
    target = _made_by_resorb(tmp_path / "out", "a")
    with pytest.raises(OutputError, match="--overwrite"), output_folder(target):
        pytest.fail("the block must not run")
    assert (target / "a").read_text() == "old"


@pytest.mark.parametrize("run", [None, "", "[]", '{"kind": "run"}', '{"kind": "other", "files": []}'])
def test_a_folder_of_somebody_else_is_never_replaced(tmp_path: Path, run: str | None) -> None:
    target = tmp_path / "out"
    target.mkdir()
    if run is not None:
        (target / "run.json").write_text(run)
    with pytest.raises(OutputError, match="not made by resorb"), output_folder(target, overwrite=True):
        pytest.fail("the block must not run")
    assert target.is_dir()


def test_a_file_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("mine")
    with pytest.raises(OutputError), output_folder(target, overwrite=True):
        pytest.fail("the block must not run")
    assert target.read_text() == "mine"


def test_a_folder_to_which_somebody_added_is_not_replaced(tmp_path: Path) -> None:
    target = _made_by_resorb(tmp_path / "out", "a")
    (target / "my notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="did not make"), output_folder(target, overwrite=True):
        pytest.fail("the block must not run")
    assert (target / "my notes.txt").read_text() == "mine"


def test_the_input_is_never_written_into(tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    for target in (study, study / "out", study / "deep" / "out"):
        with pytest.raises(OutputError), output_folder(target, inputs=(study,)):
            pytest.fail("the block must not run")
    assert _contents(study) == []


def test_an_input_inside_the_replaced_folder_is_not_lost(tmp_path: Path) -> None:
    target = _made_by_resorb(tmp_path / "out", "anatomy.nii.gz")
    mask = target / "anatomy.nii.gz"
    with pytest.raises(OutputError, match="input"), output_folder(target, overwrite=True, inputs=(mask,)):
        pytest.fail("the block must not run")
    assert mask.read_text() == "old"


def test_a_link_to_the_input_is_seen_through(tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (tmp_path / "link").symlink_to(study)
    with pytest.raises(OutputError), output_folder(tmp_path / "link" / "out", inputs=(study,)):
        pytest.fail("the block must not run")


def test_a_parent_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"), output_folder(tmp_path / "file" / "out"):
        pytest.fail("the block must not run")


def test_a_parent_without_permission_is_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with pytest.raises(OutputError, match="permission denied"), output_folder(tmp_path / "a" / "out"):
        pytest.fail("the block must not run")


def test_a_full_disk_at_the_last_step_is_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = _made_by_resorb(tmp_path / "out", "a")
    rename = Path.rename

    def full_for_the_new_one(self: Path, to: Path) -> Path:
        if ".partial-" in self.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", full_for_the_new_one)
    with pytest.raises(OutputError, match="space"), output_folder(target, overwrite=True) as folder:
        (folder / "a").write_text("new")
    assert (target / "a").read_text() == "old", "the old folder is put back"
    assert _contents(tmp_path) == ["out", "out/a", "out/run.json"]


def test_a_volume_is_written_with_its_grid_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    turn = np.deg2rad(20)
    affine = np.eye(4)
    affine[:3, :3] = [
        [0, 0, 4.0],
        [0.5 * np.cos(turn), -0.6 * np.sin(turn), 0],
        [0.5 * np.sin(turn), 0.6 * np.cos(turn), 0],
    ]
    affine[:3, 3] = [-30, 12.5, 700]
    data = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    first, second = tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"
    write_volume(first, Volume(data, affine))
    write_volume(second, Volume(data.copy(order="F"), affine))

    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes())[344:347] == b"n+1"
    image = nib.load(first)
    assert image.get_data_dtype() == np.uint16
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), data)
    np.testing.assert_allclose(image.get_sform(), affine, atol=1e-4)
    np.testing.assert_allclose(image.get_qform(), affine, atol=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "record.yaml"
    with pytest.raises(ValueError, match="broken"), output_file(target) as path:
        path.write_text("half")
        raise ValueError("broken")
    assert not (tmp_path / "new").exists()
    with output_file(target) as path:
        assert path.suffix == ".yaml" and not target.exists()
        path.write_text("whole")
    assert [one.name for one in target.parent.iterdir()] == ["record.yaml"] and target.read_text() == "whole"


def test_a_file_is_replaced_only_when_asked_and_never_if_it_is_the_input(tmp_path: Path) -> None:
    target = tmp_path / "record.yaml"
    target.write_text("old")
    with pytest.raises(OutputError, match="--overwrite"), output_file(target):
        pass
    with (
        pytest.raises(OutputError, match="the input itself"),
        output_file(target, overwrite=True, inputs=(target,)),
    ):
        pass
    with pytest.raises(OutputError, match="folder"), output_file(tmp_path, overwrite=True):
        pass
    assert target.read_text() == "old"
    with output_file(target, overwrite=True) as path:
        path.write_text("new")
    assert target.read_text() == "new"
