"""Herniated or not: what resorb measures at every disc against what radiologists graded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed

from benchmarks.blind import one_model, segmented
from benchmarks.common import Table, clear_errors, console, data_folder, progress_bar
from benchmarks.implant_cases import SET
from benchmarks.implant_classifier import Auc, auc_by_subject
from benchmarks.labelled import PARTS, Case, cases, grades, open_study
from resorb import (
    Anatomy,
    InputError,
    Level,
    Study,
    Timepoint,
    __version__,
    anatomy_from_mask,
    load_limits,
    measure,
)
from resorb.anatomy import VERTEBRAE
from resorb.measurement.displaced import find_displaced
from resorb.measurement.focal import prominence

L5S1 = Level("L5", "S1")
EXPERT = "expert masks"
SCORES = {"depth_mm": "depth", "focal_mm": "focal depth"}
OF_DISC = ("set", "subject", "part", "model", "resorb_version", "disc")
COLUMNS = (*OF_DISC, "level", "herniated", "slipped", *SCORES, "missing")


def levels_upwards() -> list[Level]:
    """Discs of a spine of five lumbar bodies, counted upwards from L5/S1, as gradings.csv counts them."""
    usual = [name for name in VERTEBRAE if name not in ("T13", "L6")]
    return [Level(*pair) for pair in zip(usual[-2::-1], usual[:0:-1], strict=True)]


def disc_rows(case: Case, study: Study, anatomy: Anatomy | str) -> Iterator[dict[str, object]]:
    """A row per graded disc: depth and focal depth of the disc that has the name of its number.

    Args:
        case: the case; its set holds gradings.csv.
        study: its study.
        anatomy: in any storage order; or why the scan was refused.
    """
    timepoint = None if isinstance(anatomy, str) else measure(study, anatomy)
    for number, grade in sorted(grades(case.folder, case.subject).items()):
        level = levels_upwards()[number - 1]
        values, missing = ({}, str(anatomy)) if timepoint is None else _measured(timepoint, level)
        yield {
            "disc": number, "level": str(level), "herniated": int(grade.herniated), "slipped": int(grade.slipped),
            **values, "missing": missing,
        }  # fmt: skip


def _measured(timepoint: Timepoint, level: Level) -> tuple[dict[str, str], str]:
    """Depth (a lower bound where the field cuts it) and its prominence over the bulge beside; or why there is none."""
    if level not in timepoint.anatomy.levels:
        return {}, "no such level was found"
    disc = timepoint.disc(level)
    depth = disc.depth_mm.at_least
    if depth is None or level not in timepoint.frames:
        return {}, disc.depth_mm.reason
    ordered = replace(timepoint.anatomy, labels=timepoint.anatomy.labels.sagittal())
    behind, _ = find_displaced(ordered.disc(level), timepoint.frames[level], ordered.labels)
    share = load_limits()["focal_relative_depth"]
    peak = prominence(behind.depth_by_slice_mm(), float(ordered.labels.spacing_mm[0]), share)
    return {"depth_mm": f"{depth:.3f}", "focal_mm": f"{peak.height_mm:.3f}"}, ""


def areas(rows: list[dict[str, str]], score: str) -> Auc | None:
    """Area under the curve of a score over discs, with its interval by patient; None without both kinds of discs.

    A herniated disc that was not measured scores 0; another one is left out, for it is no success either.
    """
    counted = [row for row in rows if row[score] or row["herniated"] == "1"]
    classes = np.array([int(row["herniated"]) for row in counted], np.int64)
    if not 0 < classes.sum() < len(classes):
        return None
    values = np.array([float(row[score] or 0.0) for row in counted])
    return auc_by_subject(values, classes, [row["subject"] for row in counted])


def printed(rows: list[dict[str, str]]) -> Printed:
    """Areas under the curve by part of the split, with and without the levels graded as slipped."""
    table = Printed(
        "Subjects", "Score", "Levels", "Discs", "Herniated", "Not measured", "AUC (95 % by patient)"
    )
    parts = [part for part in PARTS if any(row["part"] == part for row in rows)]
    for part in [*parts, "all"] if len(parts) > 1 else parts:
        of_part = [row for row in rows if part in (row["part"], "all")]
        for score, name in SCORES.items():
            unslipped = [row for row in of_part if row["slipped"] == "0"]
            for levels, chosen in (("all", of_part), ("without slipped", unslipped)):
                area = areas(chosen, score)
                if area is not None:
                    table.add_row(
                        part, name, levels, str(len(chosen)), str(sum(row["herniated"] == "1" for row in chosen)),
                        str(sum(bool(row["missing"]) for row in chosen)),
                        f"{area.value:.3f} ({area.low:.3f}-{area.high:.3f})",
                    )  # fmt: skip
    return table


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where grades.csv goes; rows there are kept.")
    ] = Path("out/grades"),
    model: Annotated[
        Path | None,
        typer.Option("--model", help="A folder with model.onnx and model.json; else the embedded one."),
    ] = None,
    expert: Annotated[bool, typer.Option("--expert", help="Measure the experts' masks instead.")] = False,
    subjects: Annotated[str, typer.Option("--subjects", help="test, validation, train or all.")] = "all",
) -> None:
    """Measure every graded disc, and print how well depth tells the herniated ones from the others."""
    with clear_errors():
        data = data_folder()
        if data is None:
            raise InputError("no data: name its folder with RESORB_DATA")
        model_of = one_model(model)
        chosen = cases(data / SET, subjects)
        table = Table(output / "grades.csv", COLUMNS, OF_DISC)
        asked = set()
        with progress_bar() as bar:
            for case in bar.track(chosen, description="Measuring"):
                source = EXPERT if expert else model_of(case).source
                values = (case.collection, case.subject, case.part, source, __version__)
                of_case = dict(zip(OF_DISC[:-1], values, strict=True))
                asked.add(values)
                if all(table.holds(**of_case, disc=number) for number in grades(case.folder, case.subject)):
                    continue
                study = open_study(case.image)
                anatomy = (
                    anatomy_from_mask(
                        study, case.labels, "spider", segmenter=model_of(case), lowest_disc=L5S1
                    )
                    if expert
                    else segmented(study, model_of(case))
                )
                for row in disc_rows(case, study, anatomy):
                    if not table.holds(**of_case, disc=row["disc"]):
                        table.append(of_case | row)
        rows = [row for row in table.rows() if tuple(row[name] for name in OF_DISC[:-1]) in asked]
        console().print(printed(rows))
        for who in dict.fromkeys((row["subject"], row["missing"]) for row in rows if row["missing"]):
            console().print(f"Not measured: {who[0]}: {who[1]}", markup=False)


if __name__ == "__main__":
    typer.run(main)
