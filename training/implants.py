"""Training scans with herniations put in: `python -m training.implants --out DIR`. Resumes; a file per version.

The generator is `resorb.simulation.implant`; the one that is kept for evaluating is never used here.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from rich.progress import track

from resorb import Volume, load
from resorb.anatomy import STRUCTURE_STEP, Anatomy, Level
from resorb.errors import ResorbError
from resorb.segmentation import anatomy_from_mask
from resorb.simulation.draw import LEVELS as HOW_OFTEN
from resorb.simulation.implant import implant
from resorb.simulation.spec import HerniationSpec
from training import dataset
from training.dataset import Scan
from training.prepared import prepared

COLLECTION, SCHEME = "spider-t2space", "spider"
COLLECTION_MADE = "implanted"
TURNS = 6  # versions of a scan, each with other herniations
AT_MOST = 3  # herniations of one scan
TRIES = 3  # of finding one that fits at a level
ZONES = ("central", "paracentral", "paracentral", "subarticular", "subarticular", "foraminal")
DEPTH_MM = (3.0, 10.0)
WIDE = (1.2, 3.2)  # width against depth
ROUGHNESS = (0.5, 2.5)


@dataclass(frozen=True)
class Kind:
    """What is drawn of one type: height against depth, and how far it reaches up or down, against its height."""

    tall: tuple[float, float]
    migrates: tuple[float, float]


#: Wider than what is usual: the network shall not learn one generator's taste. The last two occur most.
KINDS = {
    "protrusion": Kind((0.9, 1.8), (0.0, 0.0)),
    "extrusion": Kind((1.3, 3.5), (0.0, 0.9)),
    "sequestration": Kind((1.0, 2.8), (0.3, 1.4)),
}
HOW_OFTEN_KIND = (0.3, 0.4, 0.3)
MOST_MIGRATION_MM = 22.0


def make(data: Path, out: Path, turns: int, scan: Scan) -> None:
    """Write every version of one scan that is not there."""
    missing = [turn for turn in range(turns) if not _path(out, scan, turn).exists()]
    if not missing:
        return
    study = load(scan.image)
    anatomy = anatomy_from_mask(study, scan.labels, SCHEME)
    graded = dataset.herniated_discs(data, scan)
    free = [level for n, level in enumerate(sorted(anatomy.levels)[::-1], start=1) if n not in graded]
    known, spacing = dataset.admissible(data, scan)
    before = _in_order(anatomy.labels)
    for turn in missing:
        random = np.random.default_rng([int(scan.subject), turn])
        image, labels, displaced = _implanted(study.sagittal.volume, anatomy, free, random)
        moved = (labels != before) | displaced
        bits = np.where(moved, np.left_shift(1, labels // STRUCTURE_STEP), known).astype(np.uint8)
        prepared(COLLECTION_MADE, image, bits, spacing, displaced=displaced).write(_path(out, scan, turn))


def _path(out: Path, scan: Scan, turn: int) -> Path:
    return out / f"{scan.subject}_{turn}.npz"


def _implanted(
    image: Volume, anatomy: Anatomy, free: Sequence[Level], random: Generator
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """The scan with herniations at some of its levels: image, labels, and where displaced material fills a voxel."""
    labels, shares = anatomy.labels, np.zeros(image.shape, np.float32)
    weights = np.array([HOW_OFTEN.get(n, 0.02) for n in range(1, len(anatomy.levels) + 1)])[::-1]
    levels = sorted(anatomy.levels)
    chance = np.array([weights[levels.index(level)] for level in free])
    picked = random.choice(len(free), min(AT_MOST, len(free)), replace=False, p=chance / chance.sum())
    for n in picked:
        for _ in range(TRIES):
            wanted, seed = _wanted(free[n], random), int(random.integers(2**31))
            try:
                made = implant(image, labels, wanted, seed, roughness=float(random.uniform(*ROUGHNESS)))
            except ResorbError:
                continue  # no room there for one like this
            image, labels = made.image, made.labels
            shares = np.maximum(shares, made.displaced.data)
            break
    return _in_order(image), _in_order(labels), _in_order(image.with_data(shares)) > 0.5


def _in_order(volume: Volume) -> NDArray[Any]:
    """(slice, row, column) as `dataset.load` orders the file, whatever the sign of its slices."""
    return volume.data.transpose(0, 2, 1)


def _wanted(level: Level, random: Generator) -> HerniationSpec:
    name = str(random.choice(list(KINDS), p=HOW_OFTEN_KIND))
    zone = str(random.choice(ZONES))
    depth = float(random.uniform(*DEPTH_MM))
    height = depth * float(random.uniform(*KINDS[name].tall))
    reach = height * float(random.uniform(*KINDS[name].migrates))
    way = float(random.choice([-1.0, 1.0]))
    return HerniationSpec.model_validate(
        {
            "level": level,
            "type": name,
            "zone": zone,
            "side": None if zone == "central" else str(random.choice(["left", "right"])),
            "depth_mm": depth,
            "width_mm": depth * float(random.uniform(*WIDE)),
            "height_mm": height,
            "migration_mm": way * min(reach, MOST_MIGRATION_MM) or None,
            "brightness": float(random.beta(1.0, 2.5)),
        }
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="public data (default: RESORB_DATA or ../shared/data)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", default=["train"], help="of the split")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    data = dataset.data_folder(arguments.data)
    scans = [s for part in arguments.parts for s in dataset.scans(data, part) if s.collection == COLLECTION]
    write = partial(make, data, arguments.out, arguments.turns)
    with ProcessPoolExecutor(arguments.workers) as pool:
        for _ in track(pool.map(write, scans), "Implanting", total=len(scans)):
            pass


if __name__ == "__main__":
    main()
