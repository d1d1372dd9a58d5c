"""Cases that several processes share: each is worked on by one of them."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
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
