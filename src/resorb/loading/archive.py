"""Zip archives, read entry by entry in memory; nothing is ever unpacked to disk."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from resorb.errors import InputError

MAX_ENTRIES = 50_000
MAX_TOTAL_BYTES = 8 * 2**30
MAX_ENTRY_BYTES = 2 * 2**30
#: Deflate reaches 1032:1 on zeros; whole studies of images stay far below this.
MAX_RATIO = 200
#: Below this total size no ratio is suspicious (a few blank slices).
RATIO_COUNTS_FROM_BYTES = 64 * 2**20

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


def zip_sources(path: Path) -> list[Callable[[], bytes]]:
    """One reader of bytes per file in the archive.

    A reader raises OSError where its entry is damaged.

    Raises:
        InputError: not a readable zip; encrypted; an entry that leaves the archive or is a link; more
            entries or bytes than a study has.
    """
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path}: a damaged or truncated zip archive") from error
    _refuse_unsafe(entries, path)
    return [partial(_read, path, entry) for entry in entries if not entry.is_dir()]


def _refuse_unsafe(entries: list[ZipInfo], path: Path) -> None:
    # Names of entries stay out of messages: they often are names of patients.
    if len(entries) > MAX_ENTRIES:
        raise InputError(
            f"{path}: the zip holds {len(entries)} entries, more than a study has ({MAX_ENTRIES})"
        )
    for entry in entries:
        if _leaves(entry.orig_filename):
            raise InputError(f"{path}: the zip holds a path that leads out of it; refused")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InputError(f"{path}: the zip holds a link; refused")
        if entry.flag_bits & 0x1:
            raise InputError(f"{path}: the zip is encrypted; unpack it first")
    total = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    if total > MAX_TOTAL_BYTES or any(entry.file_size > MAX_ENTRY_BYTES for entry in entries):
        raise InputError(
            f"{path}: the zip would unpack to {total / 2**30:.1f} GiB, more than a study has; refused"
        )
    if total > RATIO_COUNTS_FROM_BYTES and total / packed > MAX_RATIO:
        raise InputError(
            f"{path}: the zip would unpack to {total / packed:.0f} times its size (a zip bomb?); refused"
        )


def _leaves(name: str) -> bool:
    name = name.replace("\\", "/")
    return name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:2] == ":"


def _read(path: Path, entry: ZipInfo) -> bytes:
    try:
        with ZipFile(path) as archive, archive.open(entry) as file:
            # The sizes an archive states can be false; no more than stated is ever unpacked.
            return file.read(entry.file_size)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise OSError("damaged zip entry") from error
