"""Cases that several processes share: each is worked on by one of them, and rows are added whole."""

from __future__ import annotations

import csv
import fcntl
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a claim, a lock on a file, for as long as the block runs; False where another process has it.

    The system gives it back when its process ends, however it ends. The file stays: to remove it would let two
    processes hold one name.
    """
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextmanager
def awaited(path: Path) -> Iterator[None]:
    """Hold a claim; wait for it while another process has it."""
    with _opened(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _opened(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def append(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows to a CSV file in one piece; it is made with its header when the first come."""
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    with awaited(path.with_suffix(".lock")):
        if not path.exists():
            writer.writeheader()
        writer.writerows(rows)
        with path.open("a", newline="", encoding="utf-8") as file:
            file.write(text.getvalue())


def read(path: Path) -> list[dict[str, str]]:
    """The rows that are stored; none where nothing is."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
