"""Simulated patients scanned on three dates by several protocols, with exact outlines and truth; kept once made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.claims import awaited
from resorb.anatomy import Anatomy, Level, LevelNaming, Structure, anatomy_index
from resorb.simulation import CaseSpec, ScannerSpec, StudyTruth, simulate
from resorb.simulation.spec import ChangeSpec, DateSpec, HerniationSpec, Mechanism, SpineSpec
from resorb.simulation.truth import date_geometry
from resorb.study import Contrast, Plane, Series, Study, Volume

DAYS = (date(2024, 1, 10), date(2024, 1, 24), date(2024, 7, 10))
#: Repeat imaging (the shipped table) and the benchmark draw other patients.
REPEAT_SEED, BENCHMARK_SEED = 61, 62
#: Of the sagittal series of every date: 3D, and 2D with slices of this thickness and a tenth of it between them.
PROTOCOLS: dict[str, float | None] = {"3D": None, "4 mm": 4.0}
SLAB = 65  # partitions of 3D: 58 mm, so that what bulges to the sides is in the field
PITCH_MM = 0.6  # of the simulator's fine grid
VENDORS = ("siemens", "philips", "ge")
ONE = "-one"  # ends the names of patients who were on one scanner throughout
#: The herniation that the power of the comparison is counted on.
POWER_VOLUME_MM3, POWER_REMAINING = 1000.0, 0.75
#: Of a herniation of that volume; others are alike.
SIZES_MM = {"depth_mm": 8.0, "width_mm": 16.0, "height_mm": 15.0}


@dataclass(frozen=True, eq=False)
class Subject:
    """One simulated patient.

    Attributes:
        case: what was asked for. Nothing changed from the first to the second date, something did to the third.
        truths: per date.
        scans: per date and protocol, the study and its exact outlines.
    """

    name: str
    case: CaseSpec
    truths: tuple[StudyTruth, ...]
    scans: tuple[dict[str, tuple[Study, Anatomy]], ...]


def subject_case(seed: int, number: int, *, one_scanner: bool = False) -> CaseSpec:
    """The numberth patient of a seed: one herniation of 1,000 mm3 that loses a quarter, up to two others.

    Args:
        one_scanner: the same patient, on one scanner with one protocol throughout; else each date has its own vendor.
    """
    rng = np.random.default_rng([seed, number])
    canal = round(float(rng.uniform(0.95, 1.2)), 2)
    variety = round(float(rng.beta(1.5, 4.0)), 3)
    spine = SpineSpec(seed=int(rng.integers(2**31)), canal_share=canal, variety=variety)
    first, *others = rng.permutation(["L5/S1", "L4/L5", "L3/L4"])[: 1 + int(rng.integers(0, 3))].tolist()
    herniations = [_herniation(rng, first, POWER_VOLUME_MM3)]
    herniations += [
        _herniation(rng, level, float(rng.choice([200.0, 400.0, 700.0, 1500.0]))) for level in others
    ]
    changes = [ChangeSpec(herniation=1, remaining=POWER_REMAINING, by=_ways(rng, herniations[0]))]
    for n, one in enumerate(herniations[1:], start=2):
        remaining = float(rng.choice([0.0, 0.1, 0.3, 0.6, 1.0, 1.4]))
        if remaining != 1.0:
            changes.append(ChangeSpec(herniation=n, remaining=remaining, by=_ways(rng, one)))
    scanners = [_series(rng, vendor) for vendor in VENDORS]
    if one_scanner:
        scanners = [scanners[number % len(VENDORS)]] * len(DAYS)
    dates = [
        DateSpec(date=day, changes=tuple(changes) if n == 2 else (), series=scanners[n])
        for n, day in enumerate(DAYS)
    ]
    return CaseSpec(
        name=f"subject-{number:04d}",
        seed=int(rng.integers(2**31)),
        spine=spine,
        herniations=tuple(herniations),
        dates=tuple(dates),
        misfits="leave out",
    )


def _herniation(rng: np.random.Generator, level: str, volume_mm3: float) -> HerniationSpec:
    zone = str(rng.choice(["central", "paracentral"], p=[0.4, 0.6]))
    kind = str(rng.choice(["extrusion", "sequestration"], p=[0.75, 0.25]))
    side = None if zone == "central" else str(rng.choice(["left", "right"]))
    scale = (volume_mm3 / POWER_VOLUME_MM3) ** (1 / 3)
    sizes = {name: round(size * scale, 2) for name, size in SIZES_MM.items()}
    asked = {"level": level, "type": kind, "zone": zone, "side": side, "volume_mm3": volume_mm3, **sizes}
    return HerniationSpec.model_validate(asked)


def _ways(rng: np.random.Generator, herniation: HerniationSpec) -> dict[Mechanism, float]:
    free = herniation.type == "sequestration"
    ways: tuple[Mechanism, ...] = ("erosion", "shrinkage") if free else ("erosion", "shrinkage", "retraction")
    return {way: round(0.02 + float(rng.random()), 3) for way in ways}


def _series(rng: np.random.Generator, vendor: str) -> tuple[ScannerSpec, ...]:
    looks = {"vendor": vendor, "field_tesla": float(rng.choice([1.5, 3.0])), "ghosting": 0.1}
    made = []
    for name in PROTOCOLS:
        thick = PROTOCOLS[name]
        kind = (
            {"sequence": "space"} if thick is None else {"slice_mm": thick, "gap_mm": round(0.1 * thick, 2)}
        )
        made.append(ScannerSpec.model_validate({**looks, **kind}))
    return tuple(made)


@dataclass(frozen=True)
class Patients:
    """So many patients of a seed, kept in a folder once they are made; on one scanner throughout, or on several."""

    folder: Path
    seed: int
    count: int
    one_scanner: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.seed}-{number:04d}{ONE * self.one_scanner}" for number in range(self.count))

    def subject(self, name: str) -> Subject:
        """One of them by name, from the folder where it has been made before; else it is simulated (a minute) and kept.

        Raises:
            UsageError: the patient cannot be made.
        """
        place = self.folder / name
        done = place / "case.json"
        if not done.exists():
            with awaited(self.folder / f"{name}.claim"):
                if not done.exists():
                    number = self.names.index(name)
                    _make(place, subject_case(self.seed, number, one_scanner=self.one_scanner))
        return _stored(place)


def _stored(place: Path) -> Subject:
    case = CaseSpec.model_validate_json((place / "case.json").read_text("utf-8"))
    truths = tuple(
        StudyTruth.from_json((place / f"{n}.json").read_text("utf-8")) for n in range(len(case.dates))
    )
    scans = tuple({name: _opened(place, n, name, case) for name in PROTOCOLS} for n in range(len(case.dates)))
    return Subject(place.name, case, truths, scans)


def _make(place: Path, case: CaseSpec) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for n, made in enumerate(simulate(case, pitch_mm=PITCH_MM)):
        for name, scan in zip(PROTOCOLS, made.scans, strict=True):
            np.savez_compressed(
                _scan_file(place, n, name),
                image=scan.stacks[0].data,
                labels=scan.labels[0].data,
                affine=scan.stacks[0].affine,
                levels=[str(level) for level in sorted(made.phantom.levels)],
                sequence=json.dumps(scan.sequence),
            )
        (place / f"{n}.json").write_text(made.truth.to_json(), encoding="utf-8")
        geometry = date_geometry(made.phantom, made.pose, case.spine)
        (place / f"{n}_geometry.json").write_text(geometry.model_dump_json(), encoding="utf-8")
    (place / "case.json").write_text(case.model_dump_json(indent=2, exclude_none=True), encoding="utf-8")


def _scan_file(place: Path, number: int, protocol: str) -> Path:
    return place / f"{number}_{protocol.replace(' ', '')}.npz"


def _opened(place: Path, number: int, protocol: str, case: CaseSpec) -> tuple[Study, Anatomy]:
    with np.load(_scan_file(place, number, protocol)) as stored:
        image, labels = (Volume(stored[name], stored["affine"]) for name in ("image", "labels"))
        levels = tuple(Level.parse(str(name)) for name in stored["levels"])
        sequence = json.loads(str(stored["sequence"]))
    series = Series(1, (image,), Plane.SAGITTAL, Contrast.T2, protocol, sequence=sequence)
    sha256 = f"{place.name}-{number}-{protocol.replace(' ', '')}"
    study = Study((series,), series, None, (), (), case.dates[number].date, sha256, synthetic=True)
    seen = tuple(level for level in levels if _whole(labels, level))
    return study, Anatomy(labels, seen, LevelNaming("simulated"), "mask, exact outlines", {})


def _whole(labels: Volume, level: Level) -> bool:
    """Whether the disc and its two vertebrae are in the field at all."""
    present = {int(index) for index in np.unique(labels.data)}
    lower = Structure.SACRUM if level.lower == "S1" else Structure.VERTEBRAL_BODY
    wanted = (
        anatomy_index(Structure.DISC, level.upper),
        anatomy_index(Structure.VERTEBRAL_BODY, level.upper),
        anatomy_index(lower, level.lower),
    )
    return all(index in present for index in wanted)
