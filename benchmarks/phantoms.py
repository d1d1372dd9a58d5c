"""Simulated patients to measure: three herniations and three acquisitions of each, and some of them scanned again.

Kept in files, so that another run (other code, another model) need not simulate them again. Seeds are kept apart:
what the network was trained on (training/simulated.py), what intervals are calibrated on, and what is scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from resorb import Anatomy, Level, Study, Volume
from resorb.anatomy import LevelNaming
from resorb.simulation import acquire, lie, random_case, simulate, truth_of
from resorb.simulation.case import SimulatedDate
from resorb.simulation.phantom import Phantom
from resorb.simulation.scanner import Lying, fill
from resorb.simulation.scanner.geometry import Grid, grids
from resorb.simulation.scanner.lattice import RestLattice
from resorb.simulation.spec import CaseSpec, DateSpec, HerniationSpec, PoseSpec, ScannerSpec
from resorb.simulation.truth import StudyTruth, truth_frame
from resorb.study import Contrast, FloatArray, Plane, Series

SCORED_SEED, CALIBRATION_SEED = 101, 202  # training/simulated.py draws from 4 and 5
#: Every type in every zone in turn, and at every level: 16 and 5 have no common factor.
KINDS = (("bulge", "central"), *product(
    ("protrusion", "extrusion", "sequestration"),
    ("central", "paracentral", "subarticular", "foraminal", "extraforaminal"),
))  # fmt: skip
HERNIATIONS = 3  # of a patient: growing a spine takes longer than all else
DISCS = 5  # counted upwards from the sacrum
ACQUISITIONS = ("3D", "4 mm sagittal", "4 mm sagittal + axial")
REPEATS = ("3D again", "4 mm sagittal again")
EVERY = 3  # one patient of so many is scanned again
#: Of the second scan: how far slices are turned against the spine, and how the patient lies, at most.
TILT_DEG, TURN_DEG = 5.0, 8.0
SPACE_COVER_MM = 76.0  # from pedicle to pedicle and beyond, as wide as the 2D series
PIXEL_MM, SLICE_MM, GAP_MM, SPACE_MM = (0.45, 0.9), (3.0, 5.0), (0.0, 1.0), (0.8, 1.2)  # of calibration
SNR_SPACE = (15.0, 32.0)
PAD = 10  # pixels around everything labelled
LOOKS = {
    "field_tesla",
    "vendor",
    "snr",
    "shading",
    "ghosting",
    "flow_void",
    "chemical_shift_px",
    "saturation",
}


@dataclass(frozen=True, eq=False)
class Shot:
    """One series of one patient.

    Attributes:
        labels: true `anatomy_index` of each stack; images: T2, empty where only masks are asked for.
        frames: per level the exact (origin (3,), axes (3, 3)) of its frame as the patient lay.
        t2_ratio: per level and herniation (0 the whole level), as this scanner sees the tissues; with images only.
    """

    labels: tuple[Volume, ...]
    images: tuple[Volume, ...]
    frames: Mapping[str, tuple[FloatArray, FloatArray]]
    t2_ratio: Mapping[tuple[str, int], float]


@dataclass(frozen=True, eq=False)
class Patient:
    """One simulated patient: the truth of the first scan, and the series by name ("3D", "4 mm", "axial", ...)."""

    number: int
    truth: StudyTruth
    shots: Mapping[str, Shot]


def case_of(seed: int, number: int) -> CaseSpec:
    """The numberth patient of a seed: types, zones and levels go round; the spine is drawn."""
    base = random_case(seed, number)
    rng = np.random.default_rng([seed, number, 1])
    herniations = []
    for n in range(HERNIATIONS):
        kind, zone = KINDS[(HERNIATIONS * number + n) % len(KINDS)]
        upwards = (number + 2 * n) % DISCS + 1
        if upwards <= base.spine.lumbar_bodies:
            lower = "S1" if upwards == 1 else f"L{base.spine.lumbar_bodies - upwards + 2}"
            level = Level(f"L{base.spine.lumbar_bodies - upwards + 1}", lower)
            side = None if zone == "central" else str(rng.choice(["left", "right"]))
            asked = {"level": level, "type": kind, "zone": zone, "side": side}
            herniations.append(HerniationSpec.model_validate(asked))
    date = DateSpec(date=base.dates[0].date, series=())
    return base.model_copy(update={"herniations": tuple(herniations), "dates": (date,)})


def scanners(seed: int, number: int) -> dict[str, ScannerSpec]:
    """The three series; of patients to calibrate on, in any usual resolution."""
    rng = np.random.default_rng([seed, number, 2])
    looks = (random_case(seed, number).dates[0].series or ())[0].model_dump(include=LOOKS)
    pixel = {"pixel_mm": round(float(rng.uniform(*PIXEL_MM)), 2)}
    thick: dict[str, float] = {"slice_mm": 4.0}
    thin = 0.9
    if seed != SCORED_SEED:
        thick = {
            "slice_mm": round(float(rng.uniform(*SLICE_MM)), 1),
            "gap_mm": round(float(rng.uniform(*GAP_MM)), 1),
        }
        thin = round(float(rng.uniform(*SPACE_MM)), 2)
    grainy = {"snr": float(rng.uniform(*SNR_SPACE)), "slice_mm": thin, "slices": round(SPACE_COVER_MM / thin)}
    return {
        "3D": ScannerSpec.model_validate({**looks, **grainy, "sequence": "space"}),
        "4 mm": ScannerSpec.model_validate({**looks, **thick, **pixel}),
        "axial": ScannerSpec.model_validate({**looks, "plane": "axial"}),
    }


def patient(seed: int, number: int, *, images: bool, kept: Path | None = None) -> Patient:
    """A simulated patient, from its file where that is kept.

    Args:
        images: also what the scanner shows; takes much longer.
        kept: folder of such files; None keeps none.
    """
    path = None if kept is None else kept / f"{seed}-{number:04d}{'-images' if images else ''}.npz"
    if path is not None and path.exists():
        return _read(path, number)
    made = _simulated(seed, number, images=images)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, made)
    return made


def _simulated(seed: int, number: int, *, images: bool) -> Patient:
    case = case_of(seed, number)
    date = next(simulate(case))
    specs = scanners(seed, number)
    first = _frames(date.phantom, date.pose)
    shots = {
        name: _acquired(date, spec, case.seed + n, first)
        if images
        else _masks(date, spec, case.seed + n, first)
        for n, (name, spec) in enumerate(specs.items())
    }
    if number % EVERY == 0 and not images:
        shots |= _again(date, specs, case.seed)
    return Patient(number, date.truth, shots)


def _acquired(
    date: SimulatedDate, spec: ScannerSpec, seed: int, frames: Mapping[str, tuple[FloatArray, FloatArray]]
) -> Shot:
    scan = acquire(date.phantom, date.pose, spec, seed)
    seen = truth_of(date.phantom, date.pose, signal=scan.signals.at)
    ratios = {(level.level, 0): level.sizes.t2_ratio for level in seen.levels}
    ratios |= {(level.level, one.number): one.sizes.t2_ratio for level in seen.levels for one in level.focal}
    known = {key: ratio.value for key, ratio in ratios.items() if ratio.value is not None}
    return Shot(scan.labels, scan.stacks, frames, known)


def _masks(
    date: SimulatedDate, spec: ScannerSpec, seed: int, frames: Mapping[str, tuple[FloatArray, FloatArray]]
) -> Shot:
    places = grids(fill(spec, date.phantom), date.phantom, date.pose, np.random.default_rng(seed))
    return Shot(tuple(_labels(date.phantom, date.pose, grid) for grid in places), (), frames, {})


def _again(date: SimulatedDate, specs: Mapping[str, ScannerSpec], seed: int) -> dict[str, Shot]:
    """The same spine lying otherwise, under slices that are turned against it, in other voxels."""
    rng = np.random.default_rng([seed, 3])
    x, y, z = rng.uniform(-TURN_DEG, TURN_DEG, 3)
    pose = lie(date.phantom, PoseSpec(turn_deg=(float(x), float(y), float(z))), seed + 1)
    frames = _frames(date.phantom, pose)
    other = {
        "3D again": specs["3D"].model_copy(
            update={"slice_mm": 1.1, "slices": round(SPACE_COVER_MM / 1.1), "pixel_mm": 0.6}
        ),
        "4 mm sagittal again": specs["4 mm"].model_copy(
            update={"slice_mm": 3.6, "gap_mm": 0.4, "pixel_mm": 0.7}
        ),
    }
    found = {}
    for name, spec in other.items():
        grid = grids(fill(spec, date.phantom), date.phantom, pose, rng)[0]
        tilted = _tilted(grid, rng.uniform(-TILT_DEG, TILT_DEG, 3))
        found[name] = Shot((_labels(date.phantom, pose, tilted),), (), frames, {})
    return found


def _tilted(grid: Grid, angles_deg: FloatArray) -> Grid:
    """The grid turned about its middle."""
    turn = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    middle = grid.to_world((np.array(grid.shape) - 1) / 2)
    affine = grid.affine.copy()
    affine[:3, :3] = turn @ grid.affine[:3, :3]
    affine[:3, 3] = middle + turn @ (grid.affine[:3, 3] - middle)
    return Grid(grid.shape, affine, grid.thickness_mm)


def _labels(phantom: Phantom, pose: Lying, grid: Grid) -> Volume:
    """True labels at the voxel centres, as `acquire` gives them, cut to what is labelled."""
    lattice = RestLattice.of(grid, pose)
    there: NDArray[np.uint16] = _at(phantom, np.moveaxis(lattice.nodes, 1, 0)).max(axis=0)
    rows = _reach(np.asarray(there.any(axis=1)), grid.shape[1])
    columns = _reach(np.asarray(there.any(axis=0)), grid.shape[2])
    part = replace(lattice, rows=lattice.rows[rows], columns=lattice.columns[columns])
    data = np.stack([_at(phantom, part.plane(k)) for k in range(grid.shape[0])])
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_world(np.array([0.0, rows.start, columns.start]))
    return Volume(data, affine)


def _at(phantom: Phantom, rest: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Labels (...) at rest points (3, ...), mm."""
    fine = phantom.fine
    beside = (1,) * (rest.ndim - 1)
    cell = np.rint((rest - fine.origin.reshape(3, *beside)) / fine.pitch_mm).astype(np.int32)
    inside = ((cell >= 0) & (cell < np.reshape(phantom.anatomy.shape, (3, *beside)))).all(axis=0)
    found = np.zeros(rest.shape[1:], np.uint16)
    found[inside] = phantom.anatomy[tuple(cell[:, inside])]
    return found


def _reach(nodes: NDArray[np.bool_], pixels: int) -> slice:
    """The pixels between the first and the last node that is labelled, and some beyond."""
    step, marked = pixels / (len(nodes) - 1), np.flatnonzero(nodes)
    return slice(max(int(marked[0] * step) - PAD, 0), min(int(marked[-1] * step) + PAD, pixels))


def _frames(phantom: Phantom, pose: Lying) -> dict[str, tuple[FloatArray, FloatArray]]:
    exact = {level: truth_frame(phantom, level, pose) for level in phantom.levels}
    return {str(level): (frame.origin, frame.axes) for level, frame in exact.items()}


def study_of(made: Patient, acquisition: str) -> tuple[Study, Anatomy]:
    """A study as if loaded, and its true masks; without images, its pictures are empty.

    Args:
        acquisition: of `ACQUISITIONS` or `REPEATS`.
    """
    sagittal = made.shots[acquisition if acquisition in REPEATS else acquisition.split(" sagittal")[0]]
    axial = made.shots["axial"] if acquisition.endswith("+ axial") else None
    series = _series(1, sagittal, Plane.SAGITTAL)
    beside = None if axial is None else _series(2, axial, Plane.AXIAL)
    both = (series,) if beside is None else (series, beside)
    study = Study(both, series, beside, (), (), None, "0" * 64, synthetic=True)
    levels = tuple(sorted(Level.parse(name) for name in sagittal.frames))
    naming = LevelNaming("the sacrum")
    labels = () if axial is None else axial.labels
    return study, Anatomy(sagittal.labels[0], levels, naming, "mask, true labels", {}, axial=labels)


def _series(number: int, shot: Shot, plane: Plane) -> Series:
    empty = tuple(one.with_data(np.zeros(one.shape, np.int16)) for one in shot.labels)
    return Series(number, shot.images or empty, plane, Contrast.T2)


def _write(path: Path, made: Patient) -> None:
    parts: dict[str, object] = {"truth": np.array(made.truth.to_json())}
    for name, shot in made.shots.items():
        for kind, stacks in (("labels", shot.labels), ("images", shot.images)):
            for n, stack in enumerate(stacks):
                parts[f"{name}|{kind}|{n:02d}|data"] = stack.data
                parts[f"{name}|{kind}|{n:02d}|affine"] = stack.affine
        for level, (origin, axes) in shot.frames.items():
            parts[f"{name}|frame|{level}"] = np.vstack([origin, axes])
        for (level, number), ratio in shot.t2_ratio.items():
            parts[f"{name}|t2|{level}|{number}"] = np.array(ratio)
    half = path.with_suffix(".half.npz")
    np.savez_compressed(half, **parts)  # type: ignore[arg-type]
    half.rename(path)


def _read(path: Path, number: int) -> Patient:
    with np.load(path) as file:
        parts = {name: file[name] for name in file.files}
    truth = StudyTruth.from_json(str(parts.pop("truth")))
    names = dict.fromkeys(key.split("|")[0] for key in parts)
    shots = {}
    for name in names:
        own = {key.split("|", 1)[1]: value for key, value in parts.items() if key.split("|")[0] == name}
        frames = {k.split("|")[1]: (v[0], v[1:]) for k, v in own.items() if k.startswith("frame|")}
        ratios = {
            (k.split("|")[1], int(k.split("|")[2])): float(v) for k, v in own.items() if k.startswith("t2|")
        }
        shots[name] = Shot(tuple(_stacks(own, "labels")), tuple(_stacks(own, "images")), frames, ratios)
    return Patient(number, truth, shots)


def _stacks(parts: Mapping[str, FloatArray], kind: str) -> Iterator[Volume]:
    for key in sorted(k for k in parts if k.startswith(f"{kind}|") and k.endswith("|data")):
        yield Volume(parts[key], parts[key.replace("|data", "|affine")])
