"""A scan as the model meets it: loaded and segmented as a user does it, with its expert labels set aside."""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.known import known
from benchmarks.labelled import (
    CLASSES_OF,
    Case,
    Mask,
    Meanings,
    expert_labels,
    grades,
    meanings,
    open_study,
    stored,
)
from resorb import Anatomy, InputError, NotMeasurableError, Study, UsageError, Volume, segment
from resorb.anatomy import STRUCTURE_STEP
from resorb.output import write_volume
from resorb.segmentation.model import EmbeddedModel

#: Which model segments a case; of several trained on parts of the subjects, one that never saw this one.
ModelOf = Callable[[Case], EmbeddedModel]

#: Options of every benchmark that segments.
ModelFolder = Annotated[
    Path | None,
    typer.Option("--model", help="A folder with model.onnx and model.json; else the embedded one."),
]
Folds = Annotated[
    Path | None,
    typer.Option("--folds", help="TOML or JSON: subject = model folder, one that never saw it."),
]


@dataclass(frozen=True, eq=False)
class Blind:
    """One scan and what experts drew in it, on the grid of the scan's image, in sagittal order.

    Attributes:
        study: as loaded; or, in words, why it was refused.
        labels: the expert's; table: what they mean.
        known: per structure, where the labels tell whether it is there; known_by: by which rule.
        herniated: discs graded as herniated, counted upwards from the lowest = 1.
    """

    study: Study | str
    labels: Volume
    table: Meanings
    known: dict[str, Mask]
    known_by: str
    herniated: tuple[int, ...]


def chosen_model(folder: Path | None, folds: Path | None) -> ModelOf:
    """The model of a folder or of a file of folds, or the embedded one if neither is given.

    Raises:
        UsageError: both are given.
        InputError: as `one_model` and `models_by_subject`.
    """
    if folder is not None and folds is not None:
        raise UsageError("--folds names the models: leave --model out")
    return one_model(folder) if folds is None else models_by_subject(folds)


def one_model(folder: Path | None) -> ModelOf:
    """The same model for every case: that of a folder, or the one inside the package if None.

    Raises:
        InputError: the folder holds no such model.
    """
    model = EmbeddedModel(folder)
    return lambda _case: model


def models_by_subject(path: Path) -> ModelOf:
    """For every subject the model that never saw it: what is found in a file that maps subject to model folder.

    The file is TOML or JSON, a table of subjects; a folder is looked for beside the file. Or it is the folds.json of
    training/folds.py, whose folds have their models in fold-0, fold-1, ... beside it.

    Raises:
        InputError: the file cannot be read or is no such table, or a folder holds no model; of a case, when it is asked
            for, that the file does not name it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        named = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        if isinstance(named, list):
            named = {subject: f"fold-{n}" for n, left_out in enumerate(named) for subject in left_out}
        folders = {subject: path.parent / folder for subject, folder in named.items()}
    except (OSError, UnicodeDecodeError, ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f'{path}: not a table such as 045 = "fold-0" that names a model per subject'
        ) from error
    models = {folder: EmbeddedModel(folder) for folder in dict.fromkeys(folders.values())}

    def model_of(case: Case) -> EmbeddedModel:
        if case.subject not in folders:
            raise InputError(f"{path}: no model is named for subject {case.subject}")
        return models[folders[case.subject]]

    return model_of


def read_blind(case: Case, thickness_mm: float | None = None) -> Blind:
    """Load a case and its labels.

    Args:
        case: the case.
        thickness_mm: average slices to about this thickness; the labels are those of the middle slices.

    Raises:
        InputError: the image or the labels cannot be read.
    """
    study = _opened(case.image)
    image = stored(case.image) if isinstance(study, str) else study.sagittal.volume.sagittal()
    labels, table = expert_labels(case, image), meanings(case.folder)
    graded = grades(case.folder, case.subject)
    herniated = tuple(sorted(number for number, grade in graded.items() if grade.herniated))
    where, rule = known(labels, table, herniated)
    count = slices_in_one(float(image.spacing_mm[0]), thickness_mm)
    if count > 1:
        thick = averaged(image, count)
        study = study if isinstance(study, str) else loaded_again(thick, case)
        labels = thick.with_data(middle_slices(labels.data, count))
        where = {name: middle_slices(mask, count) for name, mask in where.items()}
    return Blind(study, labels, table, where, rule, herniated)


def slices_in_one(spacing_mm: float, thickness_mm: float | None) -> int:
    """How many slices are averaged into one: the odd number whose thickness is nearest, so that one is the middle."""
    if thickness_mm is None:
        return 1
    return 2 * max(0, int((thickness_mm / spacing_mm - 1) / 2 + 0.5)) + 1


def averaged(volume: Volume, count: int) -> Volume:
    """Groups of `count` sagittal slices averaged; what is left over is cut off evenly at both ends."""
    groups, start = volume.shape[0] // count, _start(volume.shape[0], count)
    used = volume.data[start : start + groups * count].reshape(groups, count, *volume.shape[1:])
    mean = used.mean(axis=1, dtype=np.float64)
    if volume.data.dtype.kind != "f":
        mean = np.rint(mean)
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (start + count // 2)
    affine[:3, 0] *= count
    return Volume(mean.astype(volume.data.dtype), affine)


def middle_slices(data: NDArray[Any], count: int) -> NDArray[Any]:
    """The middle slice of every group of `averaged`."""
    groups = len(data) // count
    return data[_start(len(data), count) + count // 2 :: count][:groups]


def _start(slices: int, count: int) -> int:
    return (slices - slices // count * count) // 2


def loaded_again(image: Volume, case: Case) -> Study | str:
    """A changed image of a case, in sagittal order, written to a file and loaded as a user would.

    Returns:
        The study, whose sagittal order is that of the image; or, in words, why it was refused.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"sub-{case.subject}_{case.contrast}.nii.gz"
        write_volume(path, image)
        return _opened(path)


def _opened(path: Path) -> Study | str:
    try:
        return open_study(path)
    except NotMeasurableError as error:
        return str(error).removeprefix(f"{path}: ")


def segmented(study: Study | str, model: EmbeddedModel) -> Anatomy | str:
    """The anatomy, in sagittal order; or, in words, why the scan was refused."""
    if isinstance(study, str):
        return study
    try:
        anatomy = segment(study, segmenter=model, asked_for=True)
    except (InputError, NotMeasurableError) as error:
        return str(error)
    return replace(anatomy, labels=anatomy.labels.sagittal())


def found(anatomy: Anatomy | str, structure: str, shape: tuple[int, int, int]) -> Mask:
    """Where the model sees a structure (a key of `CLASSES_OF`); nowhere if it refused the scan."""
    if isinstance(anatomy, str):
        return np.zeros(shape, bool)
    classes = [int(part) for part in CLASSES_OF[structure]]
    return np.isin(anatomy.labels.data // STRUCTURE_STEP, classes)
