"""Can the three mechanisms be told apart? Simulated patients whose courses the fitted equations did not make.

    python -m benchmarks.mechanism courses 8      states of simulated herniations, from voxel geometry (slow)
    python -m benchmarks.mechanism geometry       how far the reduced formulas are off from them
    python -m benchmarks.mechanism patients 120   fits; --dates 2 for two dates, --unusual for courses no model has
    python -m benchmarks.mechanism path           one patient of each mechanism from images and true masks (slow)
    python -m benchmarks.mechanism population     draws from the priors beside published rates of regression
    python -m benchmarks.mechanism pictures       those of docs/mechanism.md

Each appends rows to CSV files in the output folder, and goes on where it stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Shown

from benchmarks.common import Table, clear_errors, console, progress_bar
from benchmarks.mechanism_courses import add_courses, course_table
from benchmarks.mechanism_path import followed, path_case
from benchmarks.mechanism_patients import UNUSUAL, Course, Patient, draw_patient, read_courses
from benchmarks.mechanism_pictures import write_pictures
from benchmarks.mechanism_population import write_population
from benchmarks.mechanism_tables import AMOUNTS, MODELS, show
from resorb import __version__
from resorb.errors import InputError
from resorb.mechanism import Fit, Mechanism, explain, finding, fit, forecast
from resorb.mechanism.forecast import AVERAGE
from resorb.mechanism.kinetics import (
    DAYS_PER_MONTH,
    QUANTITIES,
    Shape,
    eroded,
    layer_mm,
    retracted,
    shrunk,
    water_volume,
    way_mm,
)
from resorb.study import FloatArray

Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the CSV files; rows there are kept.")
]
OUT = Path("out/mechanism")
FIRST_SPINE = 101
COLUMNS = (
    "case",
    "dates",
    "unusual",
    "resorb_version",
    "herniation",
    "type",
    "truth",
    "likeliest",
    "probability",
    "verdict",
    "none_fits",
    *MODELS,
    "volume_inside",
    "t2_inside",
    "volume_scan_inside",
    "t2_scan_inside",
    "amount_true",
    "amount_fitted",
    "seconds",
)
KEY = ("case", "dates", "unusual", "resorb_version")
PATH_COLUMNS = (
    "seed",
    "truth",
    "herniation",
    "volumes_mm3",
    "verdict",
    "resorb_version",
    "not_fitted",
    *MODELS[1:],
)
app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def courses(
    spines: Annotated[int, typer.Argument(min=1, help="How many spines, three herniations each.")] = 8,
    output: Output = OUT,
) -> None:
    """Carry simulated herniations along each way of shrinking; a row per state."""
    with clear_errors():
        for seed in range(FIRST_SPINE, FIRST_SPINE + spines):
            add_courses(course_table(output), seed, lambda line: print(line, file=sys.stderr, flush=True))


@app.command()
def geometry(output: Output = OUT) -> None:
    """How far the reduced formulas are off from voxel geometry, as a share of the first date's value."""
    with clear_errors():
        found = [one for one in _courses(output) if "+" not in one.way]
    shown = Shown(
        "way", "quantity", "herniations", "mean", "RMS", "worst", title="Reduced formulas less voxel geometry"
    )
    for way in ("retraction", "shrinkage", "erosion"):
        own = [one for one in found if one.way == way]
        misses: dict[str, list[float]] = {}
        for course in own:
            for name, miss in _misses(course).items():
                misses.setdefault(name, []).extend(miss)
        for name, values in misses.items():
            v = np.array(values)
            rms, worst = float(np.sqrt(np.mean(v**2))), float(np.abs(v).max())
            shown.add_row(way, name, str(len(own)), f"{v.mean():+.3f}", f"{rms:.3f}", f"{worst:.3f}")
    console().print(shown)


@app.command()
def patients(
    count: Annotated[int, typer.Argument(min=1, help="How many simulated patients.")] = 120,
    dates: Annotated[int, typer.Option(min=2, max=8, help="Scans over 12 months.")] = 4,
    unusual: Annotated[bool, typer.Option("--unusual", help="Courses that no model is made for.")] = False,
    output: Output = OUT,
) -> None:
    """Fit simulated patients, and count what the verdicts are worth."""
    table = Table(output / "mechanism.csv", COLUMNS, KEY)
    with clear_errors():
        found = _courses(output)
    with progress_bar() as bar:
        task = bar.add_task("Fitting", total=count)
        for case in range(count):
            kind = UNUSUAL[case % len(UNUSUAL)] if unusual else ""
            entry = {"case": case, "dates": dates, "unusual": kind, "resorb_version": __version__}
            if not table.holds(**entry):
                table.append({**entry, **_row(draw_patient(found, dates, case, kind))})
            bar.advance(task)
    show(table.rows())


@app.command()
def population(output: Output = OUT) -> None:
    """Draw patients from the priors, and set them beside published rates of regression by morphology."""
    write_population(output)


@app.command()
def path(
    seed: Annotated[int, typer.Option(help="Which simulated spine.")] = 31,
    output: Output = OUT,
) -> None:
    """The whole path for one patient of each mechanism: images, true masks, measuring, comparing, fitting (slow)."""
    table = Table(output / "mechanism_path.csv", PATH_COLUMNS, ("seed", "truth", "resorb_version"))
    for mechanism in Mechanism:
        entry = {"seed": seed, "truth": str(mechanism), "resorb_version": __version__}
        if table.holds(**entry):
            continue
        for one in explain(followed(path_case(str(mechanism), seed))).herniations:
            shares = {m.name: m.given_shrinkage for m in one.models if m.mechanisms}
            volumes = [round(m.value) for m in one.measured if m.quantity == "volume_mm3"]
            found = {
                "herniation": one.name,
                "volumes_mm3": " ".join(map(str, volumes)),
                "not_fitted": one.reason,
            }
            table.append({**entry, **found, **shares, "verdict": one.verdict or ""})
    shown = Shown(*PATH_COLUMNS[1:5], *Mechanism, title="The whole path, from images and true masks")
    for row in table.rows():
        shown.add_row(*(row[name] for name in (*PATH_COLUMNS[1:5], *Mechanism)))
    console().print(shown)


@app.command()
def pictures(output: Output = Path("docs/images")) -> None:
    """Draw the pictures of docs/mechanism.md."""
    write_pictures(output)


def _courses(output: Path) -> list[Course]:
    path = course_table(output).path
    if not path.exists():
        raise InputError(f"{path} is not there: run `python -m benchmarks.mechanism courses` first")
    return read_courses(path)


def _misses(course: Course) -> dict[str, list[float]]:
    """Predicted less true ratio of each size, at each state; both are carried there by the same amount."""
    shape = Shape.of(
        {k: v for k, v in course.first.items() if k in QUANTITIES}, free=course.first["contact_mm2"] <= 0
    )
    states = slice(1, -1)
    remaining = course.remaining[states][None]
    nothing = np.zeros((1, 1))
    if course.way == "erosion":
        predicted = eroded(shape, -course.states["layer_mm"][states][None], nothing, nothing)
    elif course.way == "retraction":
        nearer = course.first["depth_mm"] - course.states["depth_mm"][states]
        predicted = retracted(shape, nearer[None], nothing)
    else:
        predicted = shrunk(shape, remaining, np.ones_like(remaining))
    found = {}
    for name in ("volume_mm3", "contact_mm2", "depth_mm", "width_mm", "height_mm"):
        if course.first[name] > 0:
            true = course.states[name][states] / course.first[name]
            found[name] = (np.asarray(predicted[name])[0] - true).tolist()
    return found


def _row(patient: Patient) -> dict[str, object]:
    since = time.perf_counter()
    fitted = fit(patient.observed)
    seconds = time.perf_counter() - since
    said = finding(fitted)
    chances = {one.model.name: one.probability for one in fitted.models}
    true, guess = _amounts(patient, fitted)
    return {
        "herniation": patient.key,
        "type": patient.kind,
        "truth": " + ".join(patient.truth),
        "likeliest": fitted.shrinking[0][0].model.name,
        "probability": round(said.probability, 4),
        "verdict": said.verdict or "",
        "none_fits": int(not said.explained),
        **{name: round(chances.get(name, 0.0), 4) for name in MODELS},
        **_inside(patient, fitted),
        "amount_true": true,
        "amount_fitted": guess,
        "seconds": round(seconds, 2),
    }


def _inside(patient: Patient, fitted: Fit) -> dict[str, object]:
    """Whether the truth half a year after the last date, and what a scan shows, lie in their 95 % intervals."""
    day = float(patient.true_months[-1]) * DAYS_PER_MONTH
    found: dict[str, object] = {}
    for one in forecast(fitted, (day,)):
        if one.model == AVERAGE and one.quantity in {"volume_mm3", "t2_ratio"}:
            name = one.quantity.split("_")[0]
            if name == "t2" and patient.true["volume_mm3"][-1] <= 0:
                continue
            true, scan = float(patient.true[one.quantity][-1]), patient.measured_ahead[one.quantity]
            found[f"{name}_inside"] = int(one.low - 1e-9 <= true <= one.high + 1e-9)
            found[f"{name}_scan_inside"] = int(one.scan_low <= scan <= one.scan_high)
    return found


def _amounts(patient: Patient, fitted: Fit) -> tuple[object, object]:
    """How far the true mechanism went in a year, and the posterior median under the model that is true."""
    if len(patient.truth) != 1 or not patient.amounts:
        return "", ""
    (mechanism,) = patient.truth
    one = next(m for m in fitted.models if m.model.mechanisms == patient.truth)
    year = np.array([12.0])
    makers: dict[Mechanism, Callable[[], FloatArray]] = {
        Mechanism.RETRACTION: lambda: way_mm(fitted.shape, one.draws, year),
        Mechanism.DEHYDRATION: lambda: 1.0 - water_volume(one.draws, year),
        Mechanism.DEGRADATION: lambda: layer_mm(one.draws, year),
    }
    return round(patient.amounts[AMOUNTS[mechanism]], 4), round(float(np.median(makers[mechanism]())), 4)


if __name__ == "__main__":
    app()
