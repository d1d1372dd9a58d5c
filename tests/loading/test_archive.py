"""Zip archives: the same study as the folder; bombs, links and escapes refused without unpacking anything."""

from __future__ import annotations

import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest

from resorb.errors import InputError
from resorb.loading import archive, load
from tests.dicom import make
from tests.dicom.make import Scan


def zipped(folder: Path, target: Path) -> Path:
    with ZipFile(target, "w", ZIP_DEFLATED) as out:
        for n, file in enumerate(sorted(folder.iterdir(), reverse=True)):
            out.write(file, f"DOE_JANE/{n % 2}/{file.name}")
        out.writestr("DOE_JANE/readme.txt", "no image")
    return target


def test_a_zip_gives_the_study_of_the_folder(tmp_path: Path) -> None:
    folder = make.write(make.single_frames(Scan()), tmp_path / "study")
    from_folder, from_zip = load(folder), load(zipped(folder, tmp_path / "study.zip"))
    assert from_zip.sha256 == from_folder.sha256
    assert (from_zip.sagittal.volume.data == from_folder.sagittal.volume.data).all()
    make.assert_in_place(from_zip.sagittal.volume)


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "C:\\evil", "..\\evil", "a/..\\..\\evil"]
)
def test_paths_that_leave_the_zip_are_refused(tmp_path: Path, name: str) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as out:
        entry = ZipInfo("placeholder")
        entry.filename = name
        out.writestr(entry, b"x")
    with pytest.raises(InputError, match="leads out of it") as caught:
        load(tmp_path / "a.zip")
    assert "evil" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


def test_links_are_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as out:
        entry = ZipInfo("link")
        entry.create_system = 3
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(entry, "/etc/passwd")
    with pytest.raises(InputError, match="link"):
        load(tmp_path / "a.zip")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w", ZIP_DEFLATED, compresslevel=1) as out, out.open("a", "w") as entry:
        for _ in range(70):
            entry.write(bytes(2**20))
    with pytest.raises(InputError, match="times its size"):
        load(tmp_path / "a.zip")


def test_too_much_or_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ZipFile(tmp_path / "a.zip", "w", ZIP_STORED) as out:
        for n in range(4):
            out.writestr(str(n), bytes(1000))
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 3000)
    with pytest.raises(InputError, match="GiB"):
        load(tmp_path / "a.zip")
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    with pytest.raises(InputError, match="4 entries"):
        load(tmp_path / "a.zip")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr("a", b"x")
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(raw))
    with pytest.raises(InputError, match="encrypted"):
        load(tmp_path / "a.zip")


def test_a_cut_zip_is_refused(tmp_path: Path) -> None:
    folder = make.write(make.single_frames(Scan()), tmp_path / "study")
    whole = zipped(folder, tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated zip"):
        load(tmp_path / "a.zip")


def test_an_entry_that_states_a_false_size_is_left_out(tmp_path: Path) -> None:
    folder = make.write(make.single_frames(Scan()), tmp_path / "study")
    path = zipped(folder, tmp_path / "a.zip")
    raw = bytearray(path.read_bytes())
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 24 : entry + 28] = (300).to_bytes(4, "little")
    path.write_bytes(bytes(raw))
    study = load(path)
    assert study.sagittal.volume.shape[2] < 5


def test_an_empty_zip_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w"):
        pass
    with pytest.raises(InputError, match="no DICOM"):
        load(tmp_path / "a.zip")
