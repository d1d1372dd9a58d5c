"""Where the scans are, who is in which part of the split, and the cache of resampled volumes."""

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
from scipy import ndimage

from training.frame import Spacing
from training.harmonise import DISC, SAC, harmonise

SPLIT = Path(__file__).with_name("split.toml")
PIXEL_MM = 0.5
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


@dataclass(frozen=True)
class Prepared:
    """A scan on the working grid: uint8 (slice, row, column), 0.5 mm in plane, native slices."""

    collection: str
    image: NDArray[np.uint8]
    admissible: NDArray[np.uint8]
    low: float
    high: float
    mean: float
    std: float
    slice_mm: float
    rear: NDArray[np.float32]  # (n, 3) voxels at the rear of discs, where herniations are simulated


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


def resample(volume: NDArray[np.uint8], spacing: Spacing, order: int) -> NDArray[np.uint8]:
    """In-plane resampling to the working grid, pixel centres aligned at the corner of the first pixel."""
    rows, columns = (round(volume.shape[axis] * spacing[axis] / PIXEL_MM) for axis in (1, 2))
    scale = np.array([PIXEL_MM / spacing[1], PIXEL_MM / spacing[2]])
    result = np.empty((len(volume), rows, columns), np.uint8)
    for source, target in zip(volume, result, strict=True):
        plane = ndimage.affine_transform(
            source.astype(np.float32), scale, (scale - 1) / 2, (rows, columns), order=order, mode="nearest"
        )
        target[:] = np.clip(np.rint(plane), 0, 255)
    return result


def statistics(volume: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Clip limits (0.5 and 99.5 percentile), and mean and standard deviation after clipping."""
    low, high = np.percentile(volume, [0.5, 99.5])
    clipped = np.clip(volume.astype(np.float32), low, high)
    return float(low), float(high), float(clipped.mean()), float(clipped.std())


def prepare(data: Path, scan: Scan, cache: Path) -> Prepared:
    """The scan on the working grid, from the cache if it is there."""
    path = cache / f"{scan.name}.npz"
    if not path.exists():
        volume, spacing = load(scan.image)
        labels, _ = load(scan.labels)
        bits = harmonise(scan.collection, labels, spacing, herniated_discs(data, scan))
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            image=resample(volume, spacing, order=1),
            admissible=resample(bits, spacing, order=0),
            numbers=np.array([*statistics(volume), spacing[0]]),
        )
    with np.load(path) as stored:
        low, high, mean, std, slice_mm = (float(v) for v in stored["numbers"])
        image, admissible = stored["image"], stored["admissible"]
    rear = _rear_borders(admissible)
    return Prepared(scan.collection, image, admissible, low, high, mean, std, slice_mm, rear)


def _rear_borders(admissible: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Posterior ends of certain discs next to a certain sac, as (slice, row, column)."""
    disc, sac = admissible == DISC, admissible == SAC
    found: list[tuple[int, float, int]] = []
    for index in range(len(disc)):
        numbered, count = ndimage.label(disc[index])
        for part, box in enumerate(ndimage.find_objects(numbered, count), start=1):
            rows, columns = np.nonzero(numbered[box] == part)
            if len(rows) < 400:
                continue
            end = columns.max()
            row = float(np.median(rows[columns > end - 6])) + box[0].start
            column = int(end) + box[1].start
            if sac[index, round(row), column : column + 20].any():
                found.append((index, row, column))
    return np.array(found, np.float32).reshape(-1, 3)
