"""Simulated studies to train on: `python -m training.simulated --out DIR --count N`. Resumes; a file per stack.

No public set labels extrusions, free fragments, foraminal disease, the sacrum or axial slices; these studies do, on
every voxel. One spine is scanned several times, each time with other herniations and by another scanner.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import track

from resorb.anatomy import STRUCTURE_STEP
from resorb.errors import UsageError
from resorb.simulation import Phantom, acquire, displace, fill, lie, make_spine, press, random_case
from resorb.simulation.phantom import Displaced
from resorb.simulation.spec import CaseSpec, HerniationSpec, PoseSpec, ScannerSpec
from resorb.study import Volume
from training.prepared import Prepared, prepared

SEED = 4
COLLECTION = "simulated"
TURNS = 3  # times that one spine is scanned; the last time with axial stacks as well
AROUND_MM = 45.0  # of the labelled spine is kept, so that a cache of hundreds stays small
_SESSION = {"field_tesla", "vendor", "snr", "shading", "ghosting", "flow_void", "chemical_shift_px", "clip"}

#: Makes all stacks of the patient of a number.
Stacks = Callable[[int], Iterable[Prepared]]


def stacks(number: int) -> Iterator[Prepared]:
    """Every stack of the numberth simulated patient; the same number gives the same stacks."""
    spine = new_spine(SEED, number)
    for turn in range(TURNS):
        case = random_case(SEED + 1, number * TURNS + turn)
        yield from scanned(spine, case.herniations, case, COLLECTION, axial=turn == TURNS - 1)


def new_spine(seed: int, number: int) -> Phantom:
    """The spine of the numberth patient of a seed, without herniations."""
    return make_spine(random_case(seed, number).spine)


def scanned(
    spine: Phantom, wanted: Sequence[HerniationSpec], case: CaseSpec, collection: str, *, axial: bool
) -> Iterator[Prepared]:
    """The stacks of a spine with those of the wanted herniations that it has room for.

    Args:
        case: whose scanners and seed are taken.
        collection: the sagittal stacks' name as a source.
        axial: whether there are axial stacks too.
    """
    phantom = press(spine, _displaced(spine, wanted, case.seed))
    pose = lie(phantom, PoseSpec(), case.seed)
    scanners = [one for one in case.dates[0].series or () if one.plane == "sagittal"]
    if axial:
        scanners.append(_axial(scanners[0]))
    for n, scanner in enumerate(scanners):
        scan = acquire(phantom, pose, scanner, case.seed + n)
        name = f"{collection}-axial" if scanner.plane == "axial" else collection
        for image, labels, displaced in zip(scan.stacks, scan.labels, scan.displaced, strict=True):
            yield _prepared(image, labels, displaced, name, axial=scanner.plane == "axial")


def _axial(sagittal: ScannerSpec) -> ScannerSpec:
    """The axial series of the same session: the same machine, and its own usual geometry."""
    kept = {name: value for name, value in sagittal.model_dump().items() if name in _SESSION}
    return ScannerSpec.model_validate({**kept, "plane": "axial"})


def _displaced(spine: Phantom, wanted: Sequence[HerniationSpec], seed: int) -> tuple[Displaced, ...]:
    """What of the wanted herniations this spine has, and has room for."""
    there: list[Displaced] = []
    for spec in wanted:
        if spec.level in spine.levels:
            own = seed + len(there)
            try:
                made = displace(spine, fill(spec, spine, own), own, beside=tuple(there))
            except UsageError:
                continue
            there.append(replace(made, number=len(there) + 1))
    return tuple(there)


def _prepared(image: Volume, labels: Volume, displaced: Volume, name: str, *, axial: bool) -> Prepared:
    ordered = [one.axial() if axial else one.sagittal() for one in (image, labels, displaced)]
    slice_mm, row_mm, column_mm = (float(v) for v in ordered[0].spacing_mm)
    structures = np.asarray(ordered[1].data // STRUCTURE_STEP, np.uint8)
    found = np.argwhere(structures.any(axis=0))
    low = np.maximum(found.min(axis=0) - np.array([AROUND_MM / row_mm, AROUND_MM / column_mm]), 0).astype(int)
    high = (found.max(axis=0) + np.array([AROUND_MM / row_mm, AROUND_MM / column_mm])).astype(int)
    window = (slice(None), slice(low[0], high[0]), slice(low[1], high[1]))
    return prepared(
        name,
        np.asarray(ordered[0].data),
        np.left_shift(1, structures).astype(np.uint8),
        (slice_mm, row_mm, column_mm),
        displaced=np.asarray(ordered[2].data > 0),
        window=window,
    )


def command(doc: str | None, stacks: Stacks, count: int) -> None:
    """The command line of a source of patients: write the stacks of the first ones that are not there yet.

    Args:
        doc: what it says of itself.
        count: how many patients, where nothing is said.
    """
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=count, help="patients")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(arguments.workers) as pool:
        made = pool.map(partial(_make, stacks, arguments.out), range(arguments.count))
        for _ in track(made, "Simulating", total=arguments.count):
            pass


def _make(stacks: Stacks, out: Path, number: int) -> None:
    """The stacks of one patient, unless they are there; a last, empty file says that all are."""
    done = out / f"{number:05d}.done"
    if done.exists():
        return
    for n, stack in enumerate(stacks(number)):
        stack.write(out / f"{number:05d}_{n:02d}.npz")
    done.touch()


if __name__ == "__main__":
    command(__doc__, stacks, 84)
