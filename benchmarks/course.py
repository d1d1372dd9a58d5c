"""Wall time and peak memory of `resorb course` on a course of 100 visits and 10 studies with their images."""

from __future__ import annotations

import json
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import nibabel as nib
import numpy as np
import typer
from rich.table import Table as Printed

from benchmarks.common import Table, console, resorb_once
from resorb import __version__
from resorb.clinic.files import write_course
from resorb.clinic.record import Course
from resorb.reading import QUANTITIES, DiscReading, Quantity, Reading

ONSET = date(2020, 3, 2)
MOVEMENTS = ("great_toe_extension", "ankle_dorsiflexion", "hip_abduction", "knee_extension", "knee_flexion")
#: Voxels of a study: 15 sagittal slices of 4 mm.
SHAPE, SPACING_MM = (15, 320, 320), (4.0, 0.9, 0.9)


def long_course(visits: int, studies: int, *, step_days: int = 18) -> Course:
    """A course with everything in it, every few days, that gets better and worse; no images are named.

    Args:
        step_days: between two visits.
    """
    last = ONSET + timedelta(days=step_days * visits)
    between = (last - ONSET) / max(studies, 1)
    return Course.model_validate_json(_json(visits, studies, step_days, between))


def _json(visits: int, studies: int, step_days: int, between: timedelta) -> str:
    record: dict[str, Any] = {
        "patient": {"pseudonym": "long", "age_years": 50},
        "onset": {"date": f"{ONSET}", "leg_symptoms_date": f"{ONSET + timedelta(days=4)}"},
        "visits": [_visit(n, ONSET + timedelta(days=step_days * (n + 1))) for n in range(visits)],
        "treatments": _treatments(),
        "studies": [_study(ONSET + between * n + timedelta(days=9)) for n in range(studies)],
    }
    return json.dumps(record)


def _visit(n: int, day: date) -> dict[str, Any]:
    wave = 0.5 + 0.5 * float(np.cos(n / 9.0))
    grades = [max(0, min(5, round(5 - 4 * wave + k))) for k in range(len(MOVEMENTS))]
    return {
        "date": f"{day}",
        "symptoms": {
            "pain": [
                {"site": "back", "nrs": round(6 * wave)},
                {"site": "leg", "side": "left", "nrs": round(9 * wave), "areas": ["dorsum_of_foot"]},
                {"site": "leg", "side": "right", "nrs": round(3 * (1 - wave))},
            ]
        },
        "scores": {
            "odi": {"total": round(80 * wave)},
            "rmdq": {"total": round(20 * wave)},
            "sf36_bodily_pain": {"total": round(100 * (1 - wave))},
        },
        "examination": {
            "strength": [
                {"movement": movement, "side": side, "mrc": grade}
                for movement, grade in zip(MOVEMENTS, grades, strict=True)
                for side in ("left", "right")
            ]
        },
    }


def _treatments() -> list[dict[str, Any]]:
    def day(number: int) -> str:
        return f"{ONSET + timedelta(days=number)}"

    kinds = ("nsaid", "paracetamol", "neuropathic", "muscle_relaxant")
    return [
        {"kind": "activity_modification", "start": day(0), "end": day(60)},
        {"kind": "physiotherapy", "start": day(30), "end": day(400), "sessions": 40},
        {
            "kind": "opioid",
            "drug": "oxycodone",
            "start": day(5),
            "end": day(90),
            "doses": [
                {"start": day(5), "end": day(40), "daily_mg": 30},
                {"start": day(41), "end": day(90), "daily_mg": 10},
            ],
        },
        *({"kind": "medicine", "drug_class": kind, "start": day(90 * n)} for n, kind in enumerate(kinds)),
        {"kind": "injection", "date": day(200), "route": "transforaminal", "level": "L4/L5", "side": "left"},
        {"kind": "surgery", "date": day(900), "procedure": "discectomy", "level": "L4/L5", "side": "left"},
    ]


def _study(day: date) -> dict[str, Any]:
    finding = {"level": "L4/L5", "zone": "paracentral", "side": "left", "morphology": "extrusion"}
    return {"date": f"{day}", "findings": [{**finding, "source": "report"}]}


def reading(day: date, volume_mm3: float) -> Reading:
    """A reading with a herniation of that volume at L4/L5, its interval 100 mm3 to either side."""
    missing = Quantity(value=None, reason="not part of this benchmark")
    numbers: dict[str, Any] = dict.fromkeys(QUANTITIES, missing)
    numbers["volume_mm3"] = Quantity(value=volume_mm3, low=volume_mm3 - 100, high=volume_mm3 + 100)
    numbers["depth_mm"] = Quantity(value=6.0)
    centre = (0.0, 0.0, 0.0)
    disc = DiscReading(
        level="L4/L5", flags=("displaced", "focal"), side="left", origin=centre, apex=centre, **numbers
    )
    return Reading(
        resorb_version=__version__,
        study_sha256="0" * 64,
        study_date=day,
        synthetic=True,
        series="series 1",
        segmented_by="a benchmark",
        level_naming="a benchmark",
        discs=(disc,),
    )


def write_long_course(folder: Path, visits: int, studies: int) -> Path:
    """The record with an image and a reading of each study beside it; returns the record."""
    course = long_course(visits, studies)
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = -np.array(SHAPE) / 2 * SPACING_MM
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    named = []
    for n, study in enumerate(course.studies):
        data = np.broadcast_to(np.sin(rows / 20) * np.cos(columns / (20 + n)) * 500 + 500, SHAPE)
        image = nib.Nifti1Image(data.astype(np.int16), affine)
        image.header.set_xyzt_units("mm")
        nib.save(image, folder / f"{n}_T2w.nii.gz")
        volume = 150.0 + 900.0 * (studies - n) / studies
        (folder / f"{n}.json").write_text(reading(study.date, volume).to_json(), encoding="utf-8")
        named.append(study.model_copy(update={"path": f"{n}_T2w.nii.gz", "reading": f"{n}.json"}))
    record = folder / "record.yaml"
    write_course(course.model_copy(update={"studies": tuple(named)}), record)
    return record


def main(
    visits: Annotated[int, typer.Option(min=1, help="Visits of the course.")] = 100,
    studies: Annotated[int, typer.Option(min=0, help="Studies of the course.")] = 10,
    runs: Annotated[int, typer.Option(min=1, help="Times that it is rendered.")] = 3,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for course.csv; rows there are kept.")
    ] = Path("out/bench"),
) -> None:
    """Render a long course several times; print a table, and append a row per run."""
    columns = ("visits", "studies", "resorb_version", "run", "seconds", "processor_seconds", "peak_mib")
    table = Table(output / "course.csv", columns, ("visits", "studies", "resorb_version", "run"))
    with tempfile.TemporaryDirectory() as scratch:
        record = write_long_course(Path(scratch), visits, studies)
        for run in range(1, runs + 1):
            case = {"visits": visits, "studies": studies, "resorb_version": __version__, "run": run}
            if table.holds(**case):
                continue
            seconds, busy, peak = resorb_once(
                "course", str(record), "-o", str(Path(scratch) / f"out-{run}"), "--quiet"
            )
            measured = {
                "seconds": f"{seconds:.2f}",
                "processor_seconds": f"{busy:.2f}",
                "peak_mib": f"{peak:.0f}",
            }
            table.append({**case, **measured})
    printed = Printed("Visits", "Studies", "Run", "Seconds", "Processor s", "Peak MiB")
    for row in table.rows():
        if row["resorb_version"] == __version__:
            names = ("visits", "studies", "run", "seconds", "processor_seconds", "peak_mib")
            printed.add_row(*(row[name] for name in names))
    console().print(printed)


if __name__ == "__main__":
    typer.run(main)
