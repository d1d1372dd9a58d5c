"""Dice of an exported model on whole scans: `python -m training.evaluate --data DIR --model FILE --part test`.

Scored against labels at their native resolution, over the voxels for which the data set says whether the class is
there (`known`), and over all voxels (`raw`, which calls correct structures wrong where the set does not label them).
Prints one table: a row per data set, structure and way of sampling.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from scipy import ndimage

from training import dataset
from training.dataset import PARTS, Scan
from training.frame import Mask, Spacing
from training.harmonise import CLASSES, harmonise
from training.prepared import PIXEL_MM, resample, statistics

Stack = NDArray[np.uint8]
Packed = NDArray[np.uint16]  # labels, with the admissible classes in the high byte

SACRUM = 3
# What each set's own labels mean: structure -> (our classes, its label values).
STRUCTURES: dict[str, dict[str, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "spider-t2space": {"vertebra": ((1, 2), (1,)), "disc": ((4,), (2,)), "canal": ((5,), (3,))},
    "chu-t2tse": {"body": ((1,), tuple(range(1, 8)))},
    "zukic-mixed": {"body": ((1,), tuple(range(2, 11))), "sacrum": ((SACRUM,), (1,))},
    "discs-t2": {"disc": ((4,), tuple(range(1, 6)))},
    "myosegmentum": {"body": ((1,), tuple(range(1, 6)))},
}
# Distance of a slice from the middle of the labelled structure.
BANDS_MM = ((0.0, 9.0), (9.0, 20.0), (20.0, 99.0))
THICK = 5  # slices averaged to imitate a clinical stack
FALSE_MM3 = 100.0  # a separate component of this size that touches no truth is a false one


@dataclass(frozen=True)
class Score:
    """One structure of one scan."""

    known: float
    raw: float
    false_parts: int


def predict(session: onnxruntime.InferenceSession, volume: Stack, spacing: Spacing) -> NDArray[np.uint8]:
    """Class of every voxel on the volume's own grid; (slice, row, column) uint8."""
    low, high, mean, std = statistics(volume)
    fine = resample(volume, spacing, order=1)
    unit = (np.clip(fine.astype(np.float32), low, high) - mean) / max(std, 1e-6)
    rows, columns = unit.shape[1:]
    padded = np.pad(
        unit, ((1, 1), (0, -rows % 32), (0, -columns % 32)), constant_values=(low - mean) / max(std, 1e-6)
    )
    padded[0], padded[-1] = padded[1], padded[-2]
    result = np.empty(volume.shape, np.uint8)
    scale = np.array([spacing[1], spacing[2]]) / PIXEL_MM
    for index in range(len(volume)):
        (probability,) = session.run(["probability"], {"image": padded[None, index : index + 3]})
        native = [
            ndimage.affine_transform(
                plane[:rows, :columns], scale, (scale - 1) / 2, volume.shape[1:], order=1, mode="nearest"
            )
            for plane in probability[0]
        ]
        result[index] = np.argmax(native, axis=0)
    return result


def dice(one: Mask, other: Mask) -> float:
    """Dice's coefficient; not a number where both are empty."""
    size = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / size if size else float("nan")


def score(found: Mask, truth: Mask, known: Mask, voxel_mm3: float) -> Score:
    """Compare one structure."""
    numbered, count = ndimage.label(found & known)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1) * voxel_mm3
    touched = np.zeros(count + 1, bool)
    touched[np.unique(numbered[truth])] = True
    false_parts = int(((sizes > FALSE_MM3) & ~touched)[1:].sum())
    return Score(dice(found & known, truth & known), dice(found, truth), false_parts)


def thick(volume: Stack, labels: Packed, spacing: Spacing) -> tuple[Stack, Packed, Spacing]:
    """Groups of THICK slices averaged, with the labels of the middle one."""
    groups = len(volume) // THICK
    start = (len(volume) - groups * THICK) // 2
    used = volume[start : start + groups * THICK].reshape(groups, THICK, *volume.shape[1:])
    mean = np.rint(used.astype(np.float32).mean(axis=1)).astype(np.uint8)
    return mean, labels[start + THICK // 2 :: THICK][:groups], (spacing[0] * THICK, spacing[1], spacing[2])


def scan_scores(
    session: onnxruntime.InferenceSession, data: Path, scan: Scan
) -> Iterator[tuple[str, str, Score]]:
    """(structure, sampling, score) of one scan, native and averaged, and by distance from the middle."""
    volume, spacing = dataset.load(scan.image)
    labels, _ = dataset.load(scan.labels)
    bits = harmonise(scan.collection, labels, spacing, dataset.herniated_discs(data, scan))
    packed: Packed = np.asarray((bits.astype(np.uint16) << 8) | labels, np.uint16)
    thick_volume, thick_packed, thick_spacing = thick(volume, packed, spacing)
    views = {"native": (volume, packed, spacing), "averaged": (thick_volume, thick_packed, thick_spacing)}
    for view, (image, both, step) in views.items():
        found = predict(session, image, step)
        admissible, truth = (both >> 8).astype(np.uint8), (both & 255).astype(np.uint8)
        voxel = float(np.prod(step))
        for structure, (classes, values) in STRUCTURES[scan.collection].items():
            wanted = sum(1 << c for c in classes)
            known = ((admissible & wanted) == 0) | ((admissible & (255 - wanted)) == 0)
            there, here = np.isin(truth, values), np.isin(found, classes)
            yield structure, view, score(here, there, known | there, voxel)
            if view == "native" and step[0] * len(image) > 50:
                middle = np.argwhere(there)[:, 0].mean()
                away = np.abs(np.arange(len(image)) - middle) * step[0]
                for low, high in BANDS_MM:
                    band = (away >= low) & (away < high)
                    if there[band].any():
                        part = score(here[band], there[band], (known | there)[band], voxel)
                        yield structure, f"{low:.0f}-{high:.0f} mm aside", part
        core = admissible == 1 << SACRUM
        if "sacrum" not in STRUCTURES[scan.collection] and core.any():
            share = float((found[core] == SACRUM).mean())
            yield "S1 core found", view, Score(share, share, 0)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="public data (default: RESORB_DATA or ../shared/data)")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--part", choices=PARTS, action="append", help="default: validation, test")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    data = dataset.data_folder(arguments.data)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    session = onnxruntime.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])
    print(f"Classes: {', '.join(CLASSES)}")
    heads = f"{'scans':>5}{'known':>8}{'worst':>8}{'raw':>8}{'false':>7}"
    print(f"{'part':11}{'set':16}{'structure':15}{'sampling':17}{heads}")
    for part in arguments.part or ("validation", "test"):
        table: dict[tuple[str, str, str], list[Score]] = defaultdict(list)
        for scan in dataset.scans(data, part):
            for structure, view, result in scan_scores(session, data, scan):
                table[scan.collection, structure, view].append(result)
        for (collection, structure, view), results in table.items():
            known = [r.known for r in results]
            print(
                f"{part:11}{collection:16}{structure:15}{view:17}{len(results):5}{np.mean(known):8.3f}{min(known):8.3f}"
                f"{np.mean([r.raw for r in results]):8.3f}{sum(r.false_parts for r in results):7}",
                flush=True,
            )


if __name__ == "__main__":
    main()
