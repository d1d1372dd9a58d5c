"""Simulated patients into folders: one case, or many that resume."""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from resorb import __version__
from resorb.errors import OutputError, UsageError
from resorb.output import RUN_FILE, output_errors, output_folder
from resorb.simulation.draw import random_case
from resorb.simulation.files import write_case
from resorb.simulation.spec import CaseSpec
from resorb.simulation.truth import StudyTruth

RUN_SCHEMA_VERSION = 1
MANIFEST_FILE = "manifest.csv"
MANIFEST_COLUMNS = ("case", "seed", "number", "dates", "asked_levels", "asked_types")
MAX_CASES = 1_000_000

#: Called with what is being done and the fraction of the whole that is done, in [0, 1].
Progress = Callable[[str, float], None]


def simulate_case(
    case: CaseSpec, output: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> tuple[StudyTruth, ...]:
    """Simulate one patient into a folder, which appears whole or not at all.

    Returns:
        The truth of each date.

    Raises:
        UsageError: what is asked for is impossible; the message names the limit.
        OutputError: the output cannot be written.
    """
    since = time.perf_counter()
    with output_folder(output, overwrite=overwrite) as folder, output_errors(output):
        truths = write_case(folder, case, progress=progress)
        run = {
            "kind": "run",
            "schema_version": RUN_SCHEMA_VERSION,
            "resorb_version": __version__,
            "synthetic": True,
            "seconds": {"simulate": round(time.perf_counter() - since, 3)},
            "files": sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()),
        }
        (folder / RUN_FILE).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    return truths


def simulate_many(count: int, seed: int, output: Path, *, progress: Progress | None = None) -> int:
    """Simulate random patients, a folder each, and a manifest with a row each; goes on where it stopped.

    However it stopped: what a killed run left half done is removed. One run at a time in one folder.

    Args:
        count: how many there shall be in the end.
        seed: which; case n of a seed is the same whatever the count.

    Returns:
        How many were made now.

    Raises:
        UsageError: the count is not between 1 and a million, or the folder holds cases of another seed.
        OutputError: the folder holds other things, or cannot be written.
    """
    if not 1 <= count <= MAX_CASES:
        raise UsageError(f"{count} cases cannot be made; ask for 1 to {MAX_CASES}")
    manifest = output / MANIFEST_FILE
    listed = _listed(manifest, seed)
    say = progress or (lambda _name, _fraction: None)
    made = 0
    for number in range(1, count + 1):
        if number in listed:
            continue
        case = random_case(seed, number)
        say(case.name, (number - 1) / count)
        if not (output / case.name / RUN_FILE).exists():  # made, but interrupted before it was listed
            simulate_case(case, output / case.name)
            made += 1
        with output_errors(output):
            _list(manifest, case, seed, number)
    return made


def _listed(manifest: Path, seed: int) -> set[int]:
    """The numbers a manifest holds."""
    folder = manifest.parent
    with output_errors(folder):
        for left in folder.glob(".case-*.partial-*"):
            shutil.rmtree(left)
        if not manifest.exists():
            if folder.exists() and any(folder.iterdir()):
                raise OutputError(f"{folder} holds other things than simulated cases; choose a new folder")
            folder.mkdir(parents=True, exist_ok=True)
            manifest.write_text(",".join(MANIFEST_COLUMNS) + "\n", encoding="utf-8")
            return set()
        text = manifest.read_text(encoding="utf-8")
        if not text.endswith("\n"):  # killed in the middle of a row
            manifest.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    try:
        seeds = {int(row["seed"]) for row in rows}
        numbers = {int(row["number"]) for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise OutputError(f"{manifest} is not a list of simulated cases; choose a new folder") from error
    if seeds - {seed}:
        raise UsageError(
            f"{folder} holds cases of seed {min(seeds - {seed})}; use that seed, or a new folder"
        )
    return numbers


def _list(manifest: Path, case: CaseSpec, seed: int, number: int) -> None:
    with manifest.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, MANIFEST_COLUMNS, lineterminator="\n")
        writer.writerow(
            {
                "case": case.name,
                "seed": seed,
                "number": number,
                "dates": len(case.dates),
                "asked_levels": " ".join(str(one.level) for one in case.herniations),
                "asked_types": " ".join(one.type for one in case.herniations),
            }
        )
