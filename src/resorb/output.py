"""Output folders and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib

from resorb.errors import OutputError
from resorb.study import Volume

#: Its presence says that resorb made a folder, and what it put there.
RUN_FILE = "run.json"


@contextlib.contextmanager
def output_folder(target: Path, *, overwrite: bool = False, inputs: tuple[Path, ...] = ()) -> Iterator[Path]:
    """A new folder to write into, which becomes `target` when the block ends well.

    The folder is built beside its target, on the same file system, and renamed into place. When the
    block fails, or is interrupted, everything made here is removed and an existing target is as before.

    Args:
        target: where the output shall stand; missing parent folders are made.
        overwrite: replace an existing folder, if resorb made it and nobody added to it.
        inputs: what is being read; the target may neither hold it nor lie in it.

    Raises:
        OutputError: the target exists and may not be replaced, holds an input or lies in one, or
            cannot be written.
    """
    resolved = target.resolve()
    _refuse_overlap(target, resolved, inputs)
    _refuse_foreign(target, resolved, overwrite)
    with output_errors(target):
        made_parents = _make_parents(resolved.parent)
        folder = resolved.with_name(f".{resolved.name}.partial-{secrets.token_hex(4)}")
        try:
            folder.mkdir()
        except BaseException:
            _remove_empty(made_parents)
            raise
    try:
        yield folder
        with output_errors(target):
            _put_in_place(folder, resolved)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        _remove_empty(made_parents)
        raise


@contextlib.contextmanager
def output_file(target: Path, *, overwrite: bool = False, inputs: tuple[Path, ...] = ()) -> Iterator[Path]:
    """A file of the same suffix to write, which becomes `target` when the block ends well.

    Raises:
        OutputError: the target is an input, exists and may not be replaced, or cannot be written.
    """
    if target.resolve() in {path.resolve() for path in inputs}:
        raise OutputError(f"{target} is the input itself; choose another file")
    if target.is_dir():
        raise OutputError(f"{target} is a folder; give the name of a file")
    if os.path.lexists(target) and not overwrite:
        raise OutputError(f"{target} exists already; give --overwrite to replace it, or choose another")
    part = target.with_name(f".{target.stem}.partial-{secrets.token_hex(4)}{target.suffix}")
    with output_errors(target):
        made_parents = _make_parents(target.resolve().parent)
    try:
        with output_errors(target):
            yield part
            part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        _remove_empty(made_parents)
        raise


@contextlib.contextmanager
def output_errors(target: Path) -> Iterator[None]:
    """Turn what the operating system says while writing into an `OutputError` of one line."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        hint = {
            errno.ENOSPC: "free some space, or choose another folder",
            errno.EACCES: "choose a folder that you may write to",
            errno.EPERM: "choose a folder that you may write to",
            errno.EROFS: "choose a folder that you may write to",
        }.get(error.errno or 0, "choose another folder")
        raise OutputError(f"cannot write {target}: {reason}; {hint}") from error


def write_volume(path: Path, volume: Volume) -> None:
    """Write a NIfTI file (.nii.gz): the same volume gives the same bytes.

    The affine goes into both sform and qform, as scanner coordinates in RAS+ mm.
    """
    image = nib.Nifti1Image(volume.data, volume.affine)
    image.set_sform(volume.affine, code="scanner")
    image.set_qform(volume.affine, code="scanner")
    image.header.set_xyzt_units(xyz="mm")
    # The file's time and name are left out of the gzip header: they are all that would differ.
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=2, fileobj=file, mtime=0) as packed:
        image.to_stream(packed)


def _refuse_overlap(target: Path, resolved: Path, inputs: tuple[Path, ...]) -> None:
    for path in inputs:
        source = path.resolve()
        if resolved == source or source in resolved.parents:
            raise OutputError(f"{target} lies in the input itself; choose an output folder outside it")
        if resolved in source.parents and (resolved / RUN_FILE).exists():
            raise OutputError(f"{target} holds an input, which would be lost; choose another output folder")


def _refuse_foreign(target: Path, resolved: Path, overwrite: bool) -> None:
    if not os.path.lexists(resolved):
        return
    made = _files_of_run(resolved)
    if made is None:
        raise OutputError(
            f"{target} exists and was not made by resorb; choose a folder that is not there yet"
        )
    if not overwrite:
        raise OutputError(f"{target} exists already; give --overwrite to replace it, or choose another")
    there = {path.relative_to(resolved).as_posix() for path in resolved.rglob("*") if not path.is_dir()}
    if added := sorted(there - made):
        raise OutputError(
            f"{target} holds {len(added)} file(s) that resorb did not make; move them away first"
        )


def _files_of_run(folder: Path) -> set[str] | None:
    """What the run that made a folder put there; None if it holds no run.json of ours."""
    try:
        run: object = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(run, dict) or run.get("kind") != "run" or not isinstance(run.get("files"), list):
        return None
    return {RUN_FILE, *map(str, run["files"])}


def _make_parents(folder: Path) -> list[Path]:
    """Make a folder with its parents; returns those that were missing, the innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        _remove_empty(missing)
        raise
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _put_in_place(folder: Path, target: Path) -> None:
    if not target.exists():
        folder.rename(target)
        return
    old = folder.with_name(folder.name.replace(".partial-", ".replaced-"))
    target.rename(old)
    try:
        folder.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
