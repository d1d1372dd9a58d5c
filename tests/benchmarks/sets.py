"""A tiny set of scans with labels on disk, and a stand-in for the model that reads the truth off the grey values."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from resorb.output import write_volume
from resorb.segmentation.model import Progress, Segmentation
from resorb.study import Volume
from tests.spine import Bump, sampled

SPACING = (2.0, 1.0, 1.0)
GREY = 40  # of a structure, times its number
#: SPIDER's labels by structure: whole vertebrae 1, discs 2, canal 3; no sacrum.
AS_SPIDER = np.array([0, 1, 1, 0, 2, 3])


class Reader:
    """A segmenter that is right: it takes each voxel's structure from its grey value. It counts its calls."""

    source = "a stand-in"

    def __init__(self, shift: int = 0) -> None:
        self.calls, self._shift = 0, shift

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation:
        self.calls += 1
        structures = np.rint(image.data / GREY).astype(np.uint8)
        structures = np.roll(structures, self._shift, axis=1)
        return Segmentation(image.with_data(structures), np.full(image.shape, 255, np.uint8), self.source)


def spine(bump: Bump | None = None) -> Volume:
    """Structures of a small spine: L3 to L5 and the sacrum with the discs between."""
    return sampled(bump, spacing=SPACING)


def write_set(
    folder: Path, names: str, labels: NDArray[np.integer], subject: str = "01", suffix: str = "T2w"
) -> Path:
    """A set of one scan of `spine()`.

    Args:
        folder: of the set.
        names: what dseg.tsv says, without its header.
        labels: on the grid of `spine()`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    structures = spine()
    image = structures.with_data((structures.data * GREY).astype(np.uint8))
    write_volume(folder / f"sub-{subject}_{suffix}.nii.gz", image)
    nib.save(nib.Nifti1Image(labels.astype(np.uint8), image.affine), folder / f"sub-{subject}_dseg.nii.gz")
    (folder / "dseg.tsv").write_text(f"index\tname\n{names}", encoding="utf-8")
    return folder


SPIDER_NAMES = "1\tvertebra (body and posterior elements)\n2\tintervertebral disc\n3\tspinal canal\n"


def write_spider(folder: Path, subject: str = "01") -> Path:
    """A set labelled as SPIDER is."""
    return write_set(folder, SPIDER_NAMES, AS_SPIDER[spine().data], subject)
