"""A measured date as a folder: images and masks as NIfTI, what else is needed to compare it later as JSON.

Nothing in it names a patient: the images lose every header but their geometry, and a study is known by the hash of
its input. `resorb compare` takes such a folder in place of the study.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from resorb.anatomy import Anatomy, Level, LevelNaming
from resorb.errors import InputError, UsageError
from resorb.limits import Limits
from resorb.output import write_volume
from resorb.reading import Reading
from resorb.stored import parse_stored
from resorb.study import Contrast, Plane, Series, Study, Volume
from resorb.timepoint import Timepoint

SCHEMA_VERSION = 1  # of timepoint.json; older ones are upgraded, newer ones refused
TIMEPOINT_FILE = "timepoint.json"
READING_FILE, ANATOMY_FILE, DISPLACED_FILE = "reading.json", "anatomy.nii.gz", "displaced.nii.gz"
INDEX_FILE = "anatomy.tsv"
IMAGES = "images"

#: How the embedded model names itself, and how an anchor of the levels begins that a user gave.
MODEL, NAMED = "resorb model ", "the lowest disc, named"
#: An affine in full: a NIfTI header holds single precision only, and the same study shall give the same numbers.
Rows = tuple[tuple[float, float, float, float], ...]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredStack(_Record):
    """One stack of slices: its image, and the labels on its grid where the spine was found in it."""

    image: str
    affine: Rows
    labels: str | None = None


class StoredSeries(_Record):
    """A series without its voxels; see `resorb.study.Series`."""

    number: int
    plane: Plane
    contrast: Contrast
    description: str
    why: str
    faults: tuple[str, ...]
    sequence: dict[str, str | float]
    stacks: tuple[StoredStack, ...]


class StoredTimepoint(_Record):
    """What `timepoint.json` holds.

    Attributes:
        limits_sha256: hash of the limits that the reading beside it was measured with.
        files: SHA-256 of every file that belongs to the timepoint, by its name.
    """

    kind: Literal["timepoint"] = "timepoint"
    schema_version: Literal[1] = 1
    resorb_version: str
    limits_sha256: str
    study_sha256: str
    study_date: date | None
    synthetic: bool
    choice: tuple[str, ...]
    warnings: tuple[str, ...]
    sagittal: StoredSeries
    axial: StoredSeries | None
    levels: tuple[str, ...]
    naming: LevelNaming
    segmented_by: str
    confidence: dict[str, float]
    segmentation_warnings: tuple[str, ...]
    files: dict[str, str]


@dataclass(frozen=True, eq=False)
class Kept:
    """A stored date, as far as it can be used again: its images and its outlines.

    Attributes:
        reading: what was measured then; measure again before comparing.
        resorb_version, limits_sha256: of what wrote it.
    """

    study: Study
    anatomy: Anatomy
    reading: Reading
    resorb_version: str
    limits_sha256: str

    @property
    def lowest_named(self) -> Level | None:
        """The lowest level, where it was named by a user; None where levels were counted."""
        return max(self.anatomy.levels) if self.anatomy.naming.anchor.startswith(NAMED) else None

    def outdated(self, model: str) -> str:
        """Why its outlines have to be drawn again, in words; empty where they stand.

        Args:
            model: the name of the embedded model of this version (`EmbeddedModel.source`). Outlines that were not
                made by an embedded model (label maps of other tools, corrected by hand) always stand.
        """
        by = self.anatomy.source
        return f"outlined by {by}, and this is {model}" if by.startswith(MODEL) and by != model else ""

    def remeasured(self, version: str, limits: Limits) -> str:
        """Why its numbers may differ from those stored, in words; empty where they cannot."""
        if self.resorb_version != version:
            return f"it was measured by resorb {self.resorb_version}, and this is {version}"
        return "" if self.limits_sha256 == limits.sha256 else "it was measured with other limits"


def is_timepoint(path: Path) -> bool:
    """Whether a path is a folder that holds a stored date."""
    return (path / TIMEPOINT_FILE).is_file()


def write_timepoint(folder: Path, timepoint: Timepoint, limits: Limits, version: str) -> None:
    """Write a date into an existing folder: reading, images, outlines, displaced material; in the same bytes each time.

    Raises:
        OSError: a file cannot be written.
    """
    study, anatomy = timepoint.study, timepoint.anatomy
    (folder / IMAGES).mkdir()
    (folder / READING_FILE).write_text(timepoint.reading.to_json(), encoding="utf-8")
    write_volume(folder / DISPLACED_FILE, timepoint.displaced)
    rows = ["index\tstructure\tlevel"]
    rows += [f"{index}\t{structure}\t{level}" for index, structure, level in anatomy.index_table()]
    (folder / INDEX_FILE).write_text("\n".join(rows) + "\n", encoding="utf-8")
    write_volume(folder / ANATOMY_FILE, anatomy.labels)
    sagittal = _write_series(folder, study.sagittal, "sagittal", (study.sagittal.volume,), {0: ANATOMY_FILE})
    axial = None
    if study.axial is not None:
        found = {n: f"anatomy_axial-{n + 1}.nii.gz" for n, one in enumerate(anatomy.axial) if one.data.any()}
        for n, name in found.items():
            write_volume(folder / name, anatomy.axial[n])
        axial = _write_series(folder, study.axial, "axial", study.axial.stacks, found)
    stacks = [*sagittal.stacks, *(axial.stacks if axial else ())]
    names = [READING_FILE, DISPLACED_FILE, *(name for s in stacks for name in (s.image, s.labels) if name)]
    stored = StoredTimepoint(
        resorb_version=version,
        limits_sha256=limits.sha256,
        study_sha256=study.sha256,
        study_date=study.study_date,
        synthetic=study.synthetic,
        choice=study.choice,
        warnings=study.warnings,
        sagittal=sagittal,
        axial=axial,
        levels=tuple(map(str, anatomy.levels)),
        naming=anatomy.naming,
        segmented_by=anatomy.source,
        confidence={str(level): value for level, value in anatomy.confidence.items()},
        segmentation_warnings=anatomy.warnings,
        files={name: _sha256(folder / name) for name in sorted(names)},
    )
    (folder / TIMEPOINT_FILE).write_text(stored.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_timepoint(folder: Path) -> Kept:
    """Read a stored date.

    Raises:
        InputError: a file of it is missing, damaged or not as it was written.
    """
    try:
        text = (folder / TIMEPOINT_FILE).read_text(encoding="utf-8")
        stored = parse_stored(StoredTimepoint, text, name="timepoint", version=SCHEMA_VERSION)
        _check_names(stored)
        for name, digest in stored.files.items():
            if _sha256(folder / name) != digest:
                raise InputError(f"{name} is not what resorb wrote; read the study again")
        reading = Reading.from_json((folder / READING_FILE).read_text(encoding="utf-8"))
        return _kept(folder, stored, reading)
    except (InputError, UsageError) as error:
        raise InputError(f"{folder}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{folder}: a file of this reading is missing or damaged; read the study again"
        ) from error


def _check_names(stored: StoredTimepoint) -> None:
    """Every file that is read must lie in the folder, and its hash must be known."""
    axial = stored.axial.stacks if stored.axial else ()
    stacks = (*stored.sagittal.stacks, *axial)
    read = {name for stack in stacks for name in (stack.image, stack.labels) if name}
    inside = all(not Path(name).is_absolute() and ".." not in Path(name).parts for name in stored.files)
    if len(stored.sagittal.stacks) != 1 or not inside or not read <= stored.files.keys():
        raise InputError("the files that it names are not those of a reading; read the study again")


def _kept(folder: Path, stored: StoredTimepoint, reading: Reading) -> Kept:
    sagittal = _series(folder, stored.sagittal)
    axial = _series(folder, stored.axial) if stored.axial else None
    (stack,) = stored.sagittal.stacks
    anatomy = Anatomy(
        labels=_volume(folder / (stack.labels or ANATOMY_FILE), stack.affine),
        levels=tuple(map(Level.parse, stored.levels)),
        naming=stored.naming,
        source=stored.segmented_by,
        confidence={Level.parse(level): value for level, value in stored.confidence.items()},
        warnings=stored.segmentation_warnings,
        axial=_axial_labels(folder, stored.axial, axial) if stored.axial and axial else (),
    )
    study = Study(
        series=tuple(one for one in (sagittal, axial) if one is not None),
        sagittal=sagittal,
        axial=axial,
        choice=stored.choice,
        warnings=stored.warnings,
        study_date=stored.study_date,
        sha256=stored.study_sha256,
        synthetic=stored.synthetic,
    )
    return Kept(study, anatomy, reading, stored.resorb_version, stored.limits_sha256)


def _write_series(
    folder: Path, series: Series, name: str, stacks: Sequence[Volume], labels: Mapping[int, str]
) -> StoredSeries:
    """Write the images of some stacks of a series; `labels` names the file of the labels of each that has some."""
    files = []
    for n, stack in enumerate(stacks):
        image = f"{IMAGES}/{name}.nii.gz" if name == "sagittal" else f"{IMAGES}/{name}-{n + 1}.nii.gz"
        write_volume(folder / image, stack.with_data(_writable(stack.data)))
        rows: Rows = tuple((a, b, c, d) for a, b, c, d in stack.affine.tolist())
        files.append(StoredStack(image=image, affine=rows, labels=labels.get(n)))
    return StoredSeries(
        number=series.number,
        plane=series.plane,
        contrast=series.contrast,
        description=series.description,
        why=series.why,
        faults=series.faults,
        sequence=series.sequence,
        stacks=tuple(files),
    )


def _writable(data: NDArray[np.generic]) -> NDArray[np.generic]:
    """NIfTI-1 as other tools read it knows no 64-bit integers and no half precision; nothing is rounded here."""
    if data.dtype.kind in "iu" and data.dtype.itemsize == 8:
        return (
            data.astype(np.float64) if np.abs(data).max() > np.iinfo(np.int32).max else data.astype(np.int32)
        )
    return data.astype(np.float32) if data.dtype in (np.float16, np.bool_) else data


def _series(folder: Path, stored: StoredSeries) -> Series:
    return Series(
        number=stored.number,
        stacks=tuple(_volume(folder / stack.image, stack.affine) for stack in stored.stacks),
        plane=stored.plane,
        contrast=stored.contrast,
        description=stored.description,
        why=stored.why,
        faults=stored.faults,
        sequence=dict(stored.sequence),
    )


def _axial_labels(folder: Path, stored: StoredSeries, axial: Series) -> tuple[Volume, ...]:
    return tuple(
        _volume(folder / stack.labels, stack.affine)
        if stack.labels
        else image.with_data(np.zeros(image.shape, np.uint16))
        for stack, image in zip(stored.stacks, axial.stacks, strict=True)
    )


def _volume(path: Path, affine: Rows) -> Volume:
    try:
        return Volume(np.asanyarray(nib.load(path).dataobj), np.array(affine))
    except (OSError, EOFError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise InputError(f"{path.name} is not a NIfTI image; read the study again") from error


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
