"""Where the scans are, who is in which part of the split, and the cache of scans on the working grid."""

from __future__ import annotations

import csv
import hashlib
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from training.frame import Spacing
from training.harmonise import Bits, harmonise
from training.prepared import Prepared, prepared
from training.redrawn import with_drawings

SPLIT = Path(__file__).with_name("split.toml")
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Scan:
    """One image and its labels on disk."""

    collection: str
    subject: str
    image: Path
    labels: Path

    @property
    def name(self) -> str:
        """Unique name, usable as a file name."""
        return f"{self.collection}_{self.subject}"

    @property
    def graded(self) -> bool:
        """Whether radiologists graded its discs: the set that is cross-validated."""
        return self.collection == "spider-t2space"


def data_folder(given: Path | None) -> Path:
    """The folder of public data: as given, or RESORB_DATA, or ../shared/data."""
    return given or Path(os.environ.get("RESORB_DATA", "../shared/data"))


def split_hash() -> str:
    """SHA-256 of the split file."""
    return hashlib.sha256(SPLIT.read_bytes()).hexdigest()


def scans(data: Path, part: str) -> Iterator[Scan]:
    """All scans of one part of the split."""
    for collection, parts in tomllib.loads(SPLIT.read_text()).items():
        for subject in parts[part]:
            labels = data / collection / f"sub-{subject}_dseg.nii.gz"
            (image,) = (p for p in labels.parent.glob(f"sub-{subject}_*.nii.gz") if p != labels)
            yield Scan(collection, subject, image, labels)


def load(path: Path) -> tuple[NDArray[np.uint8], Spacing]:
    """A volume as (slice, row, column), rows superior -> inferior, columns anterior -> posterior, and its spacing."""
    image = nib.load(path)
    assert isinstance(image, nib.Nifti1Image)
    if nib.aff2axcodes(image.affine)[1:] != ("P", "I"):
        raise ValueError(f"{path.name}: axes are not (slice, posterior, inferior)")
    x, y, z = (float(v) for v in image.header.get_zooms()[:3])
    return np.ascontiguousarray(np.asarray(image.dataobj, dtype=np.uint8).transpose(0, 2, 1)), (x, z, y)


def herniated_discs(data: Path, scan: Scan) -> list[int]:
    """Discs graded as herniated by radiologists, counted upwards from L5/S1 = 1; empty where there are no grades."""
    table = data / scan.collection / "gradings.csv"
    if not table.exists():
        return []
    with table.open() as lines:
        rows = list(csv.DictReader(lines))
    return [
        int(row["IVD label"])
        for row in rows
        if int(row["Patient"]) == int(scan.subject) and row["Disc herniation"].strip() == "1"
    ]


def admissible(data: Path, scan: Scan) -> tuple[Bits, Spacing]:
    """The classes that every voxel of a scan may be, (slice, row, column), and its spacing."""
    labels, spacing = load(scan.labels)
    bits = harmonise(scan.collection, labels, spacing, herniated_discs(data, scan))
    return (with_drawings(bits, scan.subject, spacing) if scan.graded else bits), spacing


def prepare(data: Path, scan: Scan, cache: Path) -> Prepared:
    """The scan on the working grid, from the cache if it is there."""
    path = cache / f"{scan.name}.npz"
    if not path.exists():
        volume, _ = load(scan.image)
        bits, spacing = admissible(data, scan)
        cache.mkdir(parents=True, exist_ok=True)
        prepared(scan.collection, volume, bits, spacing).write(path)
    return Prepared.read(path)
