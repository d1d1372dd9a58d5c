"""Cases that several processes share: each is worked on by one of them, and rows are added whole."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

WAIT_SECONDS = 0.2


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a claim, a file that names this process, for as long as the block runs; False where another process has it.

    What a process left behind that is no longer there counts for nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if _abandoned(path):
        path.unlink(missing_ok=True)
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def awaited(path: Path) -> Iterator[None]:
    """Hold a claim; wait for it while another process has it."""
    while True:
        with claimed(path) as mine:
            if mine:
                yield
                return
        time.sleep(WAIT_SECONDS)


def _abandoned(path: Path) -> bool:
    """Whether a claim is held by no process that runs; a claim just being written is not."""
    try:
        owner = int(path.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return False
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


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
