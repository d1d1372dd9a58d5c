"""Folders of images with expert labels: their cases, what each label means, and the labels on the image's grid."""

from __future__ import annotations

import csv
import re
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from benchmarks.common import ROOT
from resorb import InputError, Level, NotMeasurableError, Structure, Study, UsageError, Volume, load
from resorb.anatomy import VERTEBRAE
from resorb.segmentation.labelmaps import resample_nearest
from resorb.segmentation.levels import name_levels

Mask = NDArray[np.bool_]
PARTS = ("test", "validation", "train")
#: What a label may mean, and which of the model's classes answer to it.
CLASSES_OF: dict[str, tuple[Structure, ...]] = {
    "vertebra": (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS),
    "body": (Structure.VERTEBRAL_BODY,),
    "posterior elements": (Structure.POSTERIOR_ELEMENTS,),
    "sacrum": (Structure.SACRUM,),
    "disc": (Structure.DISC,),
    "canal": (Structure.THECAL_SAC,),
}
BONE = ("vertebra", "body", "posterior elements", "sacrum")
_IMAGE = re.compile(r"^sub-(?P<subject>[^_]+)_(?P<suffix>.+)\.nii(\.gz)?$")
_DISC_NAME = re.compile(r"\b([TL]\d{1,2})\s*[-/]\s*([TLS]\d{1,2})\b", re.IGNORECASE)
_VERTEBRA_NAME = re.compile(r"\b([TLS]\d{1,2})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Meaning:
    """What one label is: a key of `CLASSES_OF`, and the vertebra ("L5") or disc ("L5/S1") where it names one."""

    structure: str
    name: str = ""


Meanings = Mapping[int, Meaning]


@dataclass(frozen=True)
class Case:
    """One image of a set, with the labels that belong to it.

    Attributes:
        contrast: the last part of the image's file name, e.g. "T2w".
        part: of training/split.toml; "test" where that does not know the subject.
    """

    collection: str
    subject: str
    contrast: str
    part: str
    image: Path
    labels: Path

    @property
    def folder(self) -> Path:
        return self.image.parent


@dataclass(frozen=True)
class Grade:
    """What radiologists saw at one disc; pfirrmann is 0 where they gave no such grade."""

    herniated: bool
    slipped: bool
    bulging: bool = False
    pfirrmann: int = 0


def cases(root: Path, part: str) -> list[Case]:
    """Every image with labels in a set, or in every set of a folder, that belongs to a part ("all" for any).

    Raises:
        UsageError: no such part, or the folder has no case of it.
        InputError: no such folder, or no set in it.
    """
    if part not in (*PARTS, "all"):
        raise UsageError(f"--subjects is {', '.join(PARTS)} or all, not '{part}'")
    if not root.is_dir():
        raise InputError(f"{root}: there is no such folder")
    folders = [folder for folder in (root, *sorted(root.iterdir())) if (folder / "dseg.tsv").is_file()]
    found = [case for folder in folders for case in _cases_of(folder)]
    if not found:
        raise InputError(
            f"{root}: neither a set nor a folder of sets; a set holds sub-*_T2w.nii.gz, sub-*_dseg.nii.gz and dseg.tsv"
        )
    chosen = [case for case in found if part in (case.part, "all")]
    if not chosen:
        raise UsageError(
            f"{root}: none of its {len(found)} images is of a {part} subject; name another --subjects"
        )
    return chosen


def _cases_of(folder: Path) -> Iterator[Case]:
    collection = folder.resolve().name
    for path in sorted(folder.glob("sub-*.nii*")):
        match = _IMAGE.match(path.name)
        if match is None or match["suffix"] == "dseg":
            continue
        labels = [folder / f"sub-{match['subject']}_dseg{ending}" for ending in (".nii.gz", ".nii")]
        for given in filter(Path.is_file, labels):
            contrast = match["suffix"].rpartition("_")[2]
            yield Case(
                collection, match["subject"], contrast, _part(collection, match["subject"]), path, given
            )
            break


def _part(collection: str, subject: str) -> str:
    parts = _split().get(collection, {})
    return next((part for part, names in parts.items() if subject in names), "test")


@cache
def _split() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((ROOT / "training" / "split.toml").read_text(encoding="utf-8"))


@cache
def meanings(folder: Path) -> Meanings:
    """What the labels of a set mean, by its dseg.tsv; labels of other things (cord, ribs) are left out.

    Raises:
        InputError: the table cannot be read, or names no structure that resorb finds.
    """
    path = folder / "dseg.tsv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(int(row["index"]), row["name"]) for row in csv.DictReader(file, delimiter="\t")]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a table with the columns index and name, separated by tabs") from error
    found = {index: meaning for index, name in rows if (meaning := parse(name)) is not None}
    if not found:
        raise InputError(f"{path}: none of its names is a vertebra, body, disc, canal or sacrum")
    return found


def parse(name: str) -> Meaning | None:
    """The meaning of a label's name, e.g. "vertebral body L5" or "intervertebral disc L4-L5"; None for other things."""
    words = name.lower()
    if "disc" in words or "disk" in words:
        pair = _DISC_NAME.search(name)
        return Meaning("disc", f"{pair[1]}/{pair[2]}".upper() if pair else "")
    if "canal" in words or re.search(r"\bsac\b", words):
        return Meaning("canal")
    one = _VERTEBRA_NAME.search(name)
    vertebra = one[1].upper() if one and one[1].upper() in VERTEBRAE else ""
    if "sacrum" in words or (vertebra == "S1" and "vertebra" in words):
        return Meaning("sacrum", vertebra)
    behind = "posterior" in words or re.search(r"\barch", words)
    if "vertebra" in words and "body" in words and behind:
        return Meaning("vertebra", vertebra)
    if "body" in words or "bodies" in words:
        return Meaning("body", vertebra)
    if behind:
        return Meaning("posterior elements", vertebra)
    return Meaning("vertebra", vertebra) if "vertebra" in words else None


def open_study(path: Path) -> Study:
    """The study as a user loads it; what is not T2 is asked for by its number, as `--series` does.

    Raises:
        InputError: the image cannot be read.
        NotMeasurableError: it cannot be measured whatever is asked for.
    """
    try:
        return load(path)
    except NotMeasurableError:
        return load(path, series=1)


def stored(path: Path) -> Volume:
    """An image file as it is, in sagittal order.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        image = nib.load(path)
        if not isinstance(image, nib.Nifti1Image):
            raise ImageFileError
        return Volume(np.asarray(image.dataobj), image.affine).sagittal()
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path}: not a readable NIfTI file (damaged or cut short?)") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def expert_labels(case: Case, grid: Volume) -> Volume:
    """The expert's labels on the grid of the image, which is in sagittal order, by nearest neighbour.

    Raises:
        InputError: the file cannot be read, or holds none of the labels that dseg.tsv names.
    """
    given = stored(case.labels)
    own = given.with_data(np.asarray(np.rint(given.data), np.int32))
    placed = resample_nearest(own, grid)
    if not np.isin(placed, list(meanings(case.folder))).any():
        raise InputError(f"{case.labels}: none of the labels of dseg.tsv lies inside the image")
    return grid.with_data(placed)


def structures(labels: Volume, table: Meanings) -> dict[str, Mask]:
    """The mask of every structure that a scan has labels of."""
    found = {}
    for structure in CLASSES_OF:
        mask = np.isin(labels.data, [n for n, meaning in table.items() if meaning.structure == structure])
        if mask.any():
            found[structure] = mask
    return found


def named(labels: Volume, table: Meanings) -> dict[str, Mask]:
    """Every structure that has a name of its own, by it: "L5" a body or whole vertebra, "L5/S1" a disc.

    Discs without names are counted upwards from the lowest, which is taken for L5/S1, as SPIDER labels them.
    """
    wanted = {n: m.name for n, m in table.items() if m.name and m.structure != "posterior elements"}
    present = {name: labels.data == n for n, name in wanted.items()}
    found = {name: mask for name, mask in present.items() if mask.any()}
    return found | (unnamed_discs(labels, table) if not any("/" in name for name in found) else {})


def unnamed_discs(labels: Volume, table: Meanings) -> dict[str, Mask]:
    """Discs by level, counted upwards from the lowest, L5/S1; none where fewer than two are labelled."""
    there = structures(labels, table)
    if "disc" not in there:
        return {}
    plain = np.zeros(labels.shape, np.uint8)
    plain[there.get("canal", False)] = Structure.THECAL_SAC
    plain[there["disc"]] = Structure.DISC
    try:
        anatomy = name_levels(labels.with_data(plain), None, source="", lowest_disc=Level("L5", "S1"))
    except NotMeasurableError:
        return {}
    return {str(level): anatomy.disc(level) for level in anatomy.levels}


def grades(folder: Path, subject: str) -> dict[int, Grade]:
    """What a set's gradings.csv says of a subject's discs, counted upwards from the lowest = 1; empty without one."""
    path = folder / "gradings.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            row for row in csv.DictReader(file) if row["Patient"].strip().lstrip("0") == subject.lstrip("0")
        ]
    return {
        int(row["IVD label"]): Grade(
            row["Disc herniation"].strip() == "1",
            row["Spondylolisthesis"].strip() == "1",
            (row.get("Disc bulging") or "").strip() == "1",
            int(row.get("Pfirrman grade") or 0),
        )
        for row in rows
    }
