"""Implants at ungraded levels of real scans, and the untouched levels beside them, cut out as small pictures."""

from __future__ import annotations

import csv
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import ROOT, Table
from resorb import ResorbError, Volume, load
from resorb.anatomy import Anatomy, Level
from resorb.errors import NotMeasurableError
from resorb.frame import Frame
from resorb.framing import fit_frame
from resorb.limits import load_limits
from resorb.measurement.displaced import find_displaced
from resorb.segmentation import anatomy_from_mask
from resorb.simulation.implant import Implanted
from resorb.simulation.spec import HerniationSpec

SET = "spider-t2space"
Generator = Literal["training", "evaluation"]
Kind = Literal["untouched", "implanted", "sham"]
#: A picture: three sagittal slices around the material, this many pixels of 0.469 mm wide and high (48 mm).
SLICES, PIXELS = 3, 102
VOLUME_MM3 = (60.0, 500.0)
#: Two of three implants are protrusions: discs that stand out without being graded are mostly that.
TYPES = ("protrusion", "protrusion", "extrusion")
#: A sham goes through the whole pipeline, and stays within what stands out of the disc already.
SHAM_DEPTH_MM, SHAM_MM3 = 2.0, 25.0
#: Width and height of an implant against its depth, and volume against the box of the three.
WIDE, HIGH, FULLNESS = 2.0, 1.4, 0.5
LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
SHAM_LEVELS = ("L3/L4", "L4/L5", "L5/S1")
COLUMNS = (
    "generator", "subject", "level", "kind", "seed", "type", "herniated", "bulging", "pfirrmann", "depth_mm",
    "volume_mm3", "asked_mm3", "seconds", "slice", "error",
)  # fmt: skip
KEY = ("generator", "subject", "level", "kind", "seed")


@dataclass(frozen=True)
class Grade:
    """What radiologists saw at one disc."""

    herniated: bool
    bulging: bool
    pfirrmann: int


@dataclass(frozen=True, eq=False)
class Subject:
    """One scan with its anatomy, both in sagittal order."""

    name: str
    image: Volume
    anatomy: Anatomy
    grades: dict[Level, Grade]


def split() -> dict[str, list[str]]:
    """Subjects by part: train, validation, test."""
    parts = tomllib.loads((ROOT / "training" / "split.toml").read_text(encoding="utf-8"))[SET]
    return {part: [str(name) for name in names] for part, names in parts.items()}


def read_subject(data: Path, name: str) -> Subject:
    """One scan of SPIDER with its expert labels."""
    folder = data / SET
    study = load(folder / f"sub-{name}_T2w.nii.gz")
    anatomy = anatomy_from_mask(study, folder / f"sub-{name}_dseg.nii.gz", "spider")
    labels = anatomy.labels.sagittal()
    ordered = Anatomy(labels, anatomy.levels, anatomy.naming, anatomy.source, {})
    image = study.sagittal.volume.sagittal()
    return Subject(name, image, ordered, _grades(folder / "gradings.csv", name, anatomy.levels))


def _grades(path: Path, name: str, levels: tuple[Level, ...]) -> dict[Level, Grade]:
    """Grades count discs upwards from L5/S1 = 1."""
    found = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            number = int(row["IVD label"])
            if int(row["Patient"]) == int(name) and number <= len(levels):
                found[sorted(levels)[-number]] = Grade(
                    row["Disc herniation"].strip() == "1",
                    row["Disc bulging"].strip() == "1",
                    int(row["Pfirrman grade"]),
                )
    return found


def generator_of(name: Generator) -> Callable[[Volume, Volume, HerniationSpec, int], Implanted]:
    """The function that makes implants."""
    if name == "training":
        from resorb.simulation.implant.implant import implant

        return implant
    from resorb.simulation.implant.evaluation import implant_for_evaluation

    return implant_for_evaluation


def make(data: Path, subject: str, generator: Generator, seeds: int, output: Path) -> None:
    """Make every case of one subject that is not in the table yet.

    A case is a row of cases.csv and a file in `output`/pictures: of every lumbar level its untouched disc, implants,
    and of the lower ones a sham. Levels graded as herniated are left untouched.
    """
    table = Table(output / "cases.csv", COLUMNS, KEY)
    done = {tuple(row[name] for name in KEY) for row in table.rows()}
    scan: Subject | None = None
    for level in (Level.parse(text) for text in LEVELS):
        shams = [("sham", 0)] if str(level) in SHAM_LEVELS else []
        for kind, seed in [("untouched", 0), *shams, *(("implanted", s) for s in range(seeds))]:
            key = (generator, subject, str(level), kind, str(seed))
            if key in done:
                continue
            scan = scan or read_subject(data, subject)
            row = _case(scan, level, generator, kind, seed, output / "pictures")
            table.append(dict(zip(KEY, key, strict=True)) | row)


def picture_path(folder: Path, row: dict[str, str]) -> Path:
    """Where the pictures of a row lie: (2, 3, rows, columns), as it was made and as it was before, the same slices."""
    name = "_".join(row[key] for key in KEY).replace("/", "-")
    return folder / "pictures" / f"{name}.npy"


def _case(
    scan: Subject, level: Level, generator: Generator, kind: str, seed: int, folder: Path
) -> dict[str, object]:
    grade = scan.grades.get(level)
    if grade is None:
        return {"error": "not graded"}
    if grade.herniated and kind != "untouched":
        return {"error": "graded as herniated"}
    seconds, image, labels = 0.0, scan.image, scan.anatomy.labels
    spec: HerniationSpec | None = None
    made: Implanted | None = None
    try:
        frame = level_frame(scan.anatomy, level)
        if kind != "untouched":
            spec = _spec(level, kind, generator, np.random.default_rng([seed, int(scan.name), level.ordinal]))
            began = time.perf_counter()
            made = generator_of(generator)(image, labels, spec, seed)
            seconds = time.perf_counter() - began
            image, labels = made.image, made.labels
    except ResorbError as error:
        return {"error": str(error)}
    depth, volume, number = _measured(labels, made.displaced if made else None, scan.anatomy, level, frame)
    pictures = np.stack([_cut(shown, frame, number) for shown in (image, scan.image)])
    row = {
        "generator": generator, "subject": scan.name, "level": str(level), "kind": kind, "seed": str(seed),
    }  # fmt: skip
    path = picture_path(folder.parent, row)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, (pictures / np.percentile(scan.image.data, 99)).astype(np.float32))
    return {
        "type": spec.type if spec else "", "herniated": int(grade.herniated), "bulging": int(grade.bulging),
        "pfirrmann": grade.pfirrmann, "depth_mm": f"{depth:.2f}", "volume_mm3": f"{volume:.1f}",
        "asked_mm3": f"{spec.volume_mm3:.0f}" if spec and spec.volume_mm3 else "", "seconds": f"{seconds:.2f}",
        "slice": number,
    }  # fmt: skip


def level_frame(anatomy: Anatomy, level: Level) -> Frame:
    """The frame of a level, fitted as `measure` fits it.

    Raises:
        NotMeasurableError: the level is not in the scan, or cannot be framed.
    """
    limit = load_limits()["listhesis_anterior_sacral" if level.lower == "S1" else "listhesis_anterior"]
    if level not in anatomy.levels:
        raise NotMeasurableError(f"{level} is not in the scan")
    return fit_frame(anatomy, level, slip_limit_mm=limit)


def _spec(level: Level, kind: str, generator: Generator, rng: np.random.Generator) -> HerniationSpec:
    """A request; the training generator takes extents, from which the volume follows, the other one the volume."""
    side = str(rng.choice(["left", "right", ""])) or None
    place: dict[str, object] = {"level": level, "zone": "paracentral" if side else "central", "side": side}
    if kind == "sham":
        place |= {"type": "protrusion", "depth_mm": SHAM_DEPTH_MM, "volume_mm3": SHAM_MM3}
    else:
        low, high = np.log(VOLUME_MM3)
        place |= {"type": str(rng.choice(TYPES)), "volume_mm3": float(np.exp(rng.uniform(low, high)))}
    if generator == "training":
        volume = float(str(place.pop("volume_mm3")))
        depth = SHAM_DEPTH_MM if kind == "sham" else (volume / (FULLNESS * WIDE * HIGH)) ** (1 / 3)
        across = (volume / (FULLNESS * WIDE * HIGH * depth)) ** 0.5
        place |= {"depth_mm": depth, "width_mm": WIDE * across, "height_mm": HIGH * across}
    return HerniationSpec.model_validate(place)


def _measured(
    labels: Volume, implant: Volume | None, before: Anatomy, level: Level, frame: Frame
) -> tuple[float, float, int]:
    """Depth and volume behind the reference by the labels, as `measure` sees it, and the slice where most of it is.

    The slice is the implant's where there is one.
    """
    disc = Anatomy(labels, before.levels, before.naming, before.source, {}).disc(level)
    found, _ = find_displaced(disc, frame, labels)
    by_slice = found.by_slice_mm2() if implant is None else implant.data.sum(axis=(1, 2))
    middle = int(np.rint(labels.to_index(frame.origin)[0]))
    number = int(np.argmax(by_slice)) if by_slice.any() else middle
    return found.depth_mm, found.volume_mm3, int(np.clip(number, 1, labels.shape[0] - 2))


def _cut(image: Volume, frame: Frame, number: int) -> NDArray[np.float32]:
    """(3, rows, columns) around the disc's posterior margin; edge pixels are repeated beyond the field."""
    _, row, column = np.rint(image.to_index(frame.origin)).astype(int)
    half = PIXELS // 2
    padded = np.pad(image.data[number - 1 : number + 2], ((0, 0), (half, half), (half, half)), mode="edge")
    return np.asarray(padded[:, row : row + 2 * half, column : column + 2 * half], np.float32)


def rows_of(output: Path, generator: Generator) -> Iterator[dict[str, str]]:
    """The rows of a generator that hold a picture."""
    for row in Table(output / "cases.csv", COLUMNS, KEY).rows():
        if row["generator"] == generator and not row["error"]:
            yield row
