"""Label maps made elsewhere, read onto the grid of a series: resorb's own, and those of other tools.

The label numbers of each tool stand in `schemes.toml`, with their sources.
"""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray
from scipy import ndimage

from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE, Structure
from resorb.errors import InputError, UsageError
from resorb.study import Volume

#: The schemes that `read_label_map` knows.
SCHEMES = ("resorb", "spider", "spineps", "totalspineseg", "totalsegmentator")

NIFTI = (".nii", ".nii.gz")
ITK = (".mha", ".mhd", ".nrrd", ".nhdr")
#: More distinct values than any scheme has labels: then the file is an image, not a label map.
MAX_LABELS = 150
#: Labels above this are no tool's.
MAX_LABEL = 9999
#: Below this share of the mask's labelled volume inside the series, a note says so.
MIN_SHARE_INSIDE = 0.5


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A label map in resorb's terms, on the grid of the series it was asked for.

    Attributes:
        structures: uint8 (i, j, k) array of `Structure` values.
        vertebra_of: uint8 (i, j, k) array, position of the voxel's vertebra in `VERTEBRAE` from 1 (for a
            disc, of the vertebra above it; 0 where it has none); None where the scheme names no levels.
        whole_vertebrae: the scheme does not split vertebrae, so VERTEBRAL_BODY holds posterior elements too.
        source: scheme and coding, e.g. "mask, scheme spider (challenge)".
        notes: what the scheme lacks, and what was left out, in words.
    """

    structures: NDArray[np.uint8]
    vertebra_of: NDArray[np.uint8] | None
    whole_vertebrae: bool
    source: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coding:
    """One numbering of one tool.

    Attributes:
        meaning: label to (structure, position of the vertebra in `VERTEBRAE`; 0 where none is named).
        when_only, when_any, when_all: the condition on the labels present (see `schemes.toml`).
    """

    name: str
    meaning: Mapping[int, tuple[Structure, int]]
    whole_vertebrae: bool
    notes: tuple[str, ...] = ()
    when_only: frozenset[int] = frozenset()
    when_any: frozenset[int] = frozenset()
    when_all: frozenset[int] = frozenset()

    def applies_to(self, labels: set[int]) -> bool:
        """Whether a map that holds these labels (0 left out) is numbered this way."""
        return (
            (not self.when_only or labels <= self.when_only)
            and (not self.when_any or bool(labels & self.when_any))
            and labels >= self.when_all
        )

    @property
    def names_levels(self) -> bool:
        return any(vertebra for _, vertebra in self.meaning.values())


@cache
def schemes() -> Mapping[str, tuple[Coding, ...]]:
    """Every one of `SCHEMES` with its codings, in the order in which they are tried."""
    own = {
        STRUCTURE_STEP * structure + vertebra: (structure, vertebra)
        for structure in Structure
        for vertebra in range(len(VERTEBRAE) + 1)
        if structure
    }
    text = (resources.files("resorb.segmentation") / "schemes.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    others = {scheme: tuple(_coding(entry) for entry in entries) for scheme, entries in tables.items()}
    return {"resorb": (Coding("anatomy.nii.gz", own, whole_vertebrae=False),), **others}


def _coding(entry: dict[str, object]) -> Coding:
    meaning: dict[int, tuple[Structure, int]] = {}
    tables = entry["labels"]
    assert isinstance(tables, dict)
    for name, table in tables.items():
        structure = Structure[name.upper()]
        by_vertebra = table if isinstance(table, dict) else {None: table}
        for vertebra, labels in by_vertebra.items():
            position = VERTEBRAE.index(vertebra) + 1 if vertebra else 0
            meaning.update({label: (structure, position) for label in labels})

    def labels_of(key: str) -> frozenset[int]:
        values = entry.get(key, [])
        assert isinstance(values, list)
        return frozenset(values)

    notes = entry.get("notes", [])
    assert isinstance(notes, list)
    return Coding(
        name=str(entry["coding"]),
        meaning=meaning,
        whole_vertebrae=bool(entry["whole_vertebrae"]),
        notes=tuple(notes),
        when_only=labels_of("when_only"),
        when_any=labels_of("when_any"),
        when_all=labels_of("when_all"),
    )


def read_label_map(path: Path, scheme: str, grid: Volume) -> LabelMap:
    """Read a label map onto the grid of a series, by nearest neighbour in world coordinates.

    Args:
        path: NIfTI, MetaImage or NRRD; any storage order and grid.
        scheme: one of `SCHEMES`; which of its codings is used follows from the labels present.
        grid: the series' volume; only its shape and affine matter.

    Raises:
        UsageError: no such scheme.
        InputError: the file cannot be read, is not a label map, holds no label of the scheme, or lies outside
            the series.
    """
    if scheme not in SCHEMES:
        raise UsageError(f"unknown scheme '{scheme}'; the known ones are {', '.join(SCHEMES)}")
    mask = _read(path)
    labels, counts = np.unique(mask.data, return_counts=True)
    count_of = {int(label): int(count) for label, count in zip(labels, counts, strict=True) if label}
    if len(count_of) > MAX_LABELS:
        raise InputError(f"{path}: {len(count_of)} different values are an image, not a label map")
    coding = next((c for c in schemes()[scheme] if c.applies_to(set(count_of))), None)
    known = {label for label in count_of if coding and label in coding.meaning}
    if not coding or not known:
        raise InputError(
            f"{path}: none of its labels ({_some(count_of) or 'none but 0'}) is one of scheme '{scheme}'; "
            "--scheme names the tool that made it"
        )

    structure_of_label = np.zeros(MAX_LABEL + 1, np.uint8)
    vertebra_of_label = np.zeros(MAX_LABEL + 1, np.uint8)
    for label in known:
        structure_of_label[label], vertebra_of_label[label] = coding.meaning[label]
    placed = resample_nearest(mask, grid)
    structures = structure_of_label[placed]
    inside_mm3 = np.count_nonzero(structures) * grid.voxel_volume_mm3
    if not inside_mm3:
        raise InputError(f"{path}: the mask lies outside the series; was it made from this study?")

    notes = list(coding.notes)
    if left_out := sorted(count_of.keys() - known):
        notes.append(f"labels left out, as they mean nothing here: {_some(left_out)}")
    share = inside_mm3 / (sum(count_of[label] for label in known) * mask.voxel_volume_mm3)
    if share < MIN_SHARE_INSIDE:
        notes.append(f"only {share:.0%} of the mask's labelled volume lies inside the series")
    return LabelMap(
        structures=structures,
        vertebra_of=vertebra_of_label[placed] if coding.names_levels else None,
        whole_vertebrae=coding.whole_vertebrae,
        source=f"mask, scheme {scheme} ({coding.name})",
        notes=tuple(notes),
    )


def resample_nearest(mask: Volume, grid: Volume) -> NDArray[np.int32]:
    """The label at each voxel centre of `grid`, shape of `grid`; 0 outside the mask."""
    # One storage order first: voxel centres midway between two labels then fall alike, however it was stored.
    mask = mask.sagittal()
    matrix = np.linalg.inv(mask.affine) @ grid.affine
    # Grids meant to be the same differ by rounding of their affines; without it, edge voxels would be lost.
    labels = ndimage.affine_transform(
        np.ascontiguousarray(mask.data),
        np.round(matrix[:3, :3], 6),
        np.round(matrix[:3, 3], 4),
        output_shape=grid.shape,
        order=0,
        mode="grid-constant",
        cval=0,
    )
    return np.asarray(labels, dtype=np.int32)


def _some(labels: Iterable[int], most: int = 8) -> str:
    values = [str(label) for label in labels]
    return ", ".join(values[:most]) + (", ..." if len(values) > most else "")


def _read(path: Path) -> Volume:
    """The file's integers, int32, with an affine to RAS+ mm."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; --mask takes one image file")
    name = path.name.lower()
    if not name.endswith(NIFTI + ITK):
        raise InputError(f"{path}: a label map is a {', '.join(NIFTI + ITK)} file")
    data, affine = _read_nifti(path) if name.endswith(NIFTI) else _read_itk(path)
    while data.ndim > 3 and data.shape[-1] == 1:
        data = data[..., 0]
    if data.dtype.kind not in "biuf":
        raise InputError(f"{path}: colour or complex values are not a label map")
    if data.dtype.kind == "f" and not np.array_equal(
        data, np.nan_to_num(np.rint(data), nan=-1, posinf=-1, neginf=-1)
    ):
        raise InputError(f"{path}: its values are not whole numbers, so it is not a label map")
    if data.size and (data.min() < 0 or data.max() > MAX_LABEL):
        raise InputError(f"{path}: values outside 0-{MAX_LABEL} are not labels")
    try:
        return Volume(data.astype(np.int32), affine)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _read_nifti(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    try:
        image = nib.load(path)
        if not isinstance(image, SpatialImage):
            raise ImageFileError
        return np.asanyarray(image.dataobj), np.asarray(image.affine, np.float64)
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path}: not a readable NIfTI file (damaged or cut short?)") from error


def _read_itk(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    # Imported where it is needed: no other reading is.
    import SimpleITK as sitk

    try:
        image: Any = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: not a readable image file (damaged or cut short?)") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"{path}: not a single 3D volume")
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = directions * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
