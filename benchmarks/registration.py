"""How far two dates of a simulated patient miss each other at the posterior disc margin once they are registered.

Targets are three points of each posterior rim, 10 mm to the right, in and 10 mm to the left of the midline; truth is
how their vertebra was moved. Beside it: the same from the frames alone, and how far the measured change of volume is
from the true one where each date has a reference surface of its own, and where both share one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed

from benchmarks.common import Table, clear_errors, console
from benchmarks.compared import Segment
from benchmarks.pairs import BENCHMARK_SEED, PROTOCOLS, Patients, Subject
from benchmarks.repeat import KEY, by_model, exact, of_this_version, unclaimed
from resorb import __version__, measure
from resorb.anatomy import Level
from resorb.comparison.joint import joint_frames
from resorb.comparison.registration import register_levels
from resorb.errors import ResorbError
from resorb.registration import Registration, moved
from resorb.simulation.truth import DateGeometry
from resorb.study import FloatArray
from resorb.timepoint import Timepoint

COLUMNS = (
    *(*KEY, "dates", "protocols", "level"),
    *(
        "method",
        "stated_mm",
        "stated_behind_mm",
        "points_mm",
        "frames_mm",
        "behind_mm",
        "bending_deg",
        "seconds_per_level",
    ),
    *("true_change_mm3", "own_change_mm3", "joint_change_mm3"),
)
ASIDE_MM = (-10.0, 0.0, 10.0)
OUTLINES: dict[str, Segment] = {"exact": exact, "model": by_model}


def targets(
    one: Subject, date: int, level: Level, geometry: DateGeometry
) -> list[tuple[FloatArray, FloatArray]]:
    """For the upper and the lower rim: (3, 3) targets on a date, and (4, 4) their vertebra's motion, rest -> date."""
    truth = one.truths[date].at(str(level))
    aside = np.outer(ASIDE_MM, truth.axes[0])
    return [
        (np.array(corner) + aside, np.array(geometry.vertebrae[vertebra]))
        for corner, vertebra in ((truth.upper_corner, level.upper), (truth.lower_corner, level.lower))
    ]


def missed(
    one: Subject,
    dates: tuple[int, int],
    registration: Registration,
    geometries: tuple[DateGeometry, DateGeometry],
) -> FloatArray:
    """(6, 3) errors to the left, backwards and upwards, mm."""
    level = registration.level
    first, last = (
        targets(one, date, level, geometry) for date, geometry in zip(dates, geometries, strict=True)
    )
    axes = np.array(one.truths[dates[1]].at(str(level)).axes)
    found = []
    for motions, (places, before), (_, after) in zip(
        (registration.upper, registration.lower), first, last, strict=True
    ):
        by_truth = moved(after @ np.linalg.inv(before), places)
        by_images = moved(np.asarray(np.linalg.inv(motions[1]) @ motions[0]), places)
        found.append((by_images - by_truth) @ axes.T)
    return np.concatenate(found)


def _rows(kept: Path, one: Subject, outlines: str) -> Iterator[dict[str, object]]:
    place = kept / one.name
    geometries = [
        DateGeometry.model_validate_json((place / f"{n}_geometry.json").read_text("utf-8"))
        for n in range(len(one.scans))
    ]
    points: dict[tuple[int, str], Timepoint] = {}
    for (date, scans), protocol in product(enumerate(one.scans), PROTOCOLS):
        study, anatomy = scans[protocol]
        points[date, protocol] = measure(study, OUTLINES[outlines](study, anatomy))
    for date, protocols in product(range(1, len(one.scans)), product(PROTOCOLS, repeat=2)):
        pair = points[0, protocols[0]], points[date, protocols[1]]
        since = time.process_time()
        registrations = register_levels(pair)
        seconds = (time.process_time() - since) / max(len(registrations), 1)
        joint = [
            measure(point.study, point.anatomy, frames=frames)
            for point, frames in zip(pair, joint_frames(pair, registrations), strict=True)
        ]
        for level, registration in registrations.items():
            at = {"dates": f"1-{date + 1}", "protocols": "-".join(protocols), "level": str(level)}
            both = geometries[0], geometries[date]
            errors = missed(one, (0, date), registration, both)
            frames = missed(one, (0, date), by_frames(pair, level), both)
            volumes = [one.truths[n].at(str(level)).sizes.volume_mm3.value for n in (0, date)]
            yield {
                **{"subject": one.name, "outlines": outlines, "resorb_version": __version__, **at},
                "method": registration.method,
                "stated_mm": round(registration.error_mm, 3),
                "stated_behind_mm": round(registration.across_margin_mm, 3),
                "points_mm": _written(errors),
                "frames_mm": _written(frames),
                "behind_mm": round(float(errors[:, 1].mean()), 3),
                "bending_deg": round(registration.bending_deg(0, 1), 2),
                "seconds_per_level": round(seconds, 2),
                "true_change_mm3": _difference(volumes),
                "own_change_mm3": _difference([p.disc(level).volume_mm3.value for p in pair]),
                "joint_change_mm3": _difference([p.disc(level).volume_mm3.value for p in joint]),
            }


def by_frames(pair: tuple[Timepoint, Timepoint], level: Level) -> Registration:
    """What the frames of both dates alone would make of it."""
    motions = np.tile(np.eye(4), (2, 1, 1))
    for motion, point in zip(motions, pair, strict=True):
        frame = point.frames[level]
        motion[:3, :3], motion[:3, 3] = frame.axes, -frame.axes @ frame.origin
    return Registration(level, motions, motions, motions, 0.0, "spine coordinates")


def _written(errors: FloatArray) -> str:
    return ";".join(f"{length:.3f}" for length in np.linalg.norm(errors, axis=1))


def _difference(values: list[float | None]) -> str:
    first, last = values
    return "" if first is None or last is None else f"{last - first:.1f}"


def main(
    count: Annotated[int, typer.Argument(min=1, help="How many simulated patients.")] = 20,
    outlines: Annotated[
        str, typer.Option(help="exact: those of the simulation; model: segmented blind; or both.")
    ] = "exact",
    seed: Annotated[int, typer.Option(help="Which patients.")] = BENCHMARK_SEED,
    kept: Annotated[
        Path, typer.Option(help="Folder of the simulated patients; those there are used.")
    ] = Path("out/pairs"),
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for registration.csv; rows there are kept.")
    ] = Path("out/registration"),
) -> None:
    """Register the dates of simulated patients; append a row per pair and level, and print a table."""
    kinds = tuple(OUTLINES) if outlines == "both" else (outlines,)
    table, patients = Table(output / "registration.csv", COLUMNS, KEY), Patients(kept, seed, count)
    with clear_errors():
        for name, kind in unclaimed(table, patients, kinds):
            try:
                # A patient's rows together, so that one who was broken off is done again.
                table.extend(list(_rows(kept, patients.subject(name), kind)))
            except ResorbError as error:
                typer.echo(f"{name} was left out: {error}", err=True)
    console().print(printed(of_this_version(table)))


def printed(rows: list[dict[str, str]]) -> Printed:
    """The table of all rows: a line per outlines and protocols."""
    shown = Printed(title="Registration at the posterior disc margin, mm", title_justify="left")
    for header in (
        *(
            "Outlines",
            "Protocols",
            "Levels",
            "Median",
            "95 %",
            "Largest",
            "Backwards, SD",
            "RMS stated / true",
        ),
        *("Frames alone: median", "95 %", "Fell back", "s per level"),
        *("Volume change, SD of error, mm3: own references", "joint reference"),
    ):
        shown.add_column(header, justify="left" if header in ("Outlines", "Protocols") else "right")
    groups = sorted({(row["outlines"], row["protocols"]) for row in rows})
    for group in [*groups, *sorted({(outlines, "all") for outlines, _ in groups})]:
        chosen = [r for r in rows if r["outlines"] == group[0] and group[1] in (r["protocols"], "all")]
        points, frames = (
            np.array([_numbers(r[name]) for r in chosen]) for name in ("points_mm", "frames_mm")
        )
        stated = np.array([float(r["stated_mm"]) for r in chosen])
        shown.add_row(
            *group,
            f"{len(chosen)}",
            *(f"{value:.2f}" for value in (np.median(points), np.quantile(points, 0.95), points.max())),
            f"{np.std([float(r['behind_mm']) for r in chosen]):.2f}",
            f"{np.sqrt(np.mean(stated**2)):.2f} / {np.sqrt(np.mean(points**2)):.2f}",
            f"{np.median(frames):.2f}",
            f"{np.quantile(frames, 0.95):.2f}",
            f"{sum(r['method'] != 'vertebrae' for r in chosen)}",
            f"{np.median([float(r['seconds_per_level']) for r in chosen]):.2f}",
            *(f"{_spread(chosen, name):.0f}" for name in ("own_change_mm3", "joint_change_mm3")),
        )
    return shown


def _numbers(written: str) -> list[float]:
    return [float(number) for number in written.split(";")]


def _spread(rows: list[dict[str, str]], name: str) -> float:
    """Standard deviation of the error of a change, over the levels where both volumes are whole."""
    errors = [float(r[name]) - float(r["true_change_mm3"]) for r in rows if r[name] and r["true_change_mm3"]]
    return float(np.std(errors)) if errors else float("nan")


if __name__ == "__main__":
    typer.run(main)
