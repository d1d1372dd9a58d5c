"""Where the real data lies, and tables of rows that grow and resume."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from resorb.errors import InputError, ResorbError

ROOT = Path(__file__).resolve().parents[1]
NO_TERMINAL_COLUMNS = 150
_T2_NAME = re.compile(r"(_T2w|^t2_.*)\.nii(\.gz)?$")


def data_folder() -> Path | None:
    """The folder of public MRI that RESORB_DATA names (default ../shared/data); None where it is missing."""
    named = os.environ.get("RESORB_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


def needed_data_folder() -> Path:
    """The folder of public MRI.

    Raises:
        InputError: it is missing.
    """
    data = data_folder()
    if data is None:
        raise InputError("no data: name its folder with RESORB_DATA")
    return data


def t2_studies(root: Path) -> list[tuple[str, str, Path]]:
    """(set, study, path) of every T2 image below a data root, or in one folder of it."""
    paths = sorted(path for path in root.rglob("*.nii*") if _T2_NAME.search(path.name))
    return [(path.parent.name, re.sub(r"(_T2w)?\.nii(\.gz)?$", "", path.name), path) for path in paths]


@contextmanager
def clear_errors() -> Iterator[None]:
    """What resorb refuses becomes one line on stderr and the error's own exit code."""
    try:
        yield
    except ResorbError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error


def progress_bar() -> Progress:
    """A bar on stderr: what is being done, how many cases are, and how long the rest may take."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def console() -> Console:
    """Where tables are printed; wide enough for them where it is no terminal."""
    shown = Console()
    return shown if shown.is_terminal else Console(width=NO_TERMINAL_COLUMNS)


def resorb_once(*arguments: str) -> tuple[float, float, float]:
    """Run `resorb` as a user would; returns wall seconds, processor seconds and peak MiB of the process.

    Raises:
        RuntimeError: the command failed.
    """
    command = [sys.executable, "-m", "resorb", *arguments]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"resorb {arguments[0]} ended with exit code {process.returncode}")
    per_mib = 2**20 if sys.platform == "darwin" else 2**10
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mib


class Table:
    """A CSV file that grows by rows, and knows which cases it holds.

    Args:
        path: the file; made with its header when the first row comes.
        columns: names, units included.
        key: the columns that name a case.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], key: tuple[str, ...]) -> None:
        self.path, self.columns, self._key = path, columns, key

    def rows(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def row(self, **case: object) -> dict[str, str] | None:
        """The first row of a case; None where there is none."""
        wanted = [str(case[name]) for name in self._key]
        return next((row for row in self.rows() if [row[name] for name in self._key] == wanted), None)

    def holds(self, **case: object) -> bool:
        return self.row(**case) is not None

    def append(self, row: Mapping[str, object]) -> None:
        self.extend([row])

    def extend(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Append rows, all or none where the run is cut off; several processes may share one file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            text = io.StringIO()
            writer = csv.DictWriter(text, self.columns, lineterminator="\n")
            if not os.fstat(file.fileno()).st_size:
                writer.writeheader()
            writer.writerows(rows)
            file.write(text.getvalue())
