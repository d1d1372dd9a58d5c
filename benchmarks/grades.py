"""What resorb measures at every disc against what radiologists graded: herniation, bulging, degeneration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table as Printed

from benchmarks.agreement import counts, interval_by_subject, kappa, linear, quadratic
from benchmarks.blind import Folds, ModelFolder, ModelOf, chosen_model, segmented
from benchmarks.common import Table, clear_errors, console, needed_data_folder, progress_bar
from benchmarks.implant_cases import SET
from benchmarks.implant_classifier import Auc, auc_by_subject
from benchmarks.labelled import PARTS, Case, Grade, cases, grades, open_study
from resorb import (
    Anatomy,
    Level,
    Study,
    Timepoint,
    __version__,
    anatomy_from_mask,
    measure,
)
from resorb.anatomy import VERTEBRAE
from resorb.reading import DiscReading, Quantity

L5S1 = Level("L5", "S1")
EXPERT = "expert masks"
#: By grade: what is to tell it, and how that is called.
SCORES = {
    "herniated": {"depth_mm": "depth", "focal_mm": "depth of the deepest herniation"},
    "bulging": {
        "circumference_share": "share of the circumference",
        "bulge_mm3": "bulging volume",
        "depth_mm": "depth",
    },
}
GOALS = {"herniated": 0.93, "bulging": 0.85, "pfirrmann": 0.60}
MEASURED = ("depth_mm", "focal_mm", "circumference_share", "bulge_mm3", "degeneration")
GRADES = ("1", "2", "3", "4", "5")
OF_DISC = ("set", "subject", "part", "model", "resorb_version", "disc")
COLUMNS = (*OF_DISC, "level", "herniated", "bulging", "slipped", "pfirrmann", *MEASURED, "missing")

Rows = list[dict[str, str]]


def levels_upwards() -> list[Level]:
    """Discs of a spine of five lumbar bodies, counted upwards from L5/S1, as gradings.csv counts them."""
    usual = [name for name in VERTEBRAE if name not in ("T13", "L6")]
    return [Level(*pair) for pair in zip(usual[-2::-1], usual[:0:-1], strict=True)]


def disc_rows(case: Case, study: Study, anatomy: Anatomy | str) -> Iterator[dict[str, object]]:
    """A row per graded disc: what is measured of the disc that has the name of its number.

    Args:
        case: the case; its set holds gradings.csv.
        study: its study.
        anatomy: in any storage order; or why the scan was refused.
    """
    timepoint = None if isinstance(anatomy, str) else measure(study, anatomy)
    for number, grade in sorted(grades(case.folder, case.subject).items()):
        level = levels_upwards()[number - 1]
        values, missing = ({}, str(anatomy)) if timepoint is None else _measured(timepoint, level)
        yield {"disc": number, "level": str(level), **_graded(grade), **values, "missing": missing}


def _graded(grade: Grade) -> dict[str, object]:
    return {
        "herniated": int(grade.herniated),
        "bulging": int(grade.bulging),
        "slipped": int(grade.slipped),
        "pfirrmann": grade.pfirrmann or "",
    }


def _measured(timepoint: Timepoint, level: Level) -> tuple[dict[str, str], str]:
    """What tells of the grades, lower bounds where the field cuts it; or why there is none."""
    if level not in timepoint.anatomy.levels:
        return {}, "no such level was found"
    disc = timepoint.disc(level)
    if disc.depth_mm.at_least is None:
        return {}, disc.depth_mm.reason
    numbers = {
        "depth_mm": disc.depth_mm.at_least,
        "focal_mm": _deepest(disc),
        "circumference_share": disc.circumference_share.at_least,
        "bulge_mm3": disc.bulge_volume_mm3.at_least,
    }
    grade = disc.degeneration.value if disc.degeneration else None
    known = {name: f"{number:.3f}" for name, number in numbers.items() if number is not None}
    return known | {"degeneration": grade or ""}, ""


def _deepest(disc: DiscReading) -> float:
    depths: list[Quantity] = [one.depth_mm for one in disc.herniations]
    return max((depth.at_least or 0.0 for depth in depths), default=0.0)


def areas(rows: Rows, score: str, grade: str = "herniated") -> Auc | None:
    """Area under the curve of a score over discs, with its interval by patient; None without both kinds of discs.

    A disc graded so that was not measured scores 0; another one is left out, for it is no success either.
    """
    counted = [row for row in rows if row[score] or row[grade] == "1"]
    classes = np.array([int(row[grade]) for row in counted], np.int64)
    if not 0 < classes.sum() < len(classes) or not any(row[score] for row in counted):
        return None
    values = np.array([float(row[score] or 0.0) for row in counted])
    return auc_by_subject(values, classes, [row["subject"] for row in counted])


def printed(rows: Rows) -> Printed:
    """Areas under the curve by part of the split, with and without the levels graded as slipped."""
    table = Printed(
        "Subjects",
        "Graded as",
        "By",
        "Levels",
        "Discs",
        "So graded",
        "Not measured",
        "AUC (95 % by patient)",
        "Goal",
    )
    for part, levels, chosen in _parts(rows):
        for grade, scores in SCORES.items():
            for score, name in scores.items():
                area = areas(chosen, score, grade)
                if area is not None:
                    table.add_row(
                        part, grade, name, levels, str(len(chosen)), str(sum(row[grade] == "1" for row in chosen)),
                        str(sum(bool(row["missing"]) for row in chosen)),
                        f"{area.value:.3f} ({area.low:.3f}-{area.high:.3f})", f"{GOALS[grade]:.2f}",
                    )  # fmt: skip
    return table


def degeneration(rows: Rows) -> Printed | None:
    """Weighted kappa of the degeneration class with the Pfirrmann grade, by part; None where no disc has both."""
    table = Printed("Subjects", "Levels", "Discs", "No class", "Same grade", "Kappa, linear weights (95 % by patient)",
                    "quadratic weights", "Goal", title="Pfirrmann grade")  # fmt: skip
    for part, levels, chosen in _parts(rows):
        graded = [row for row in chosen if row["pfirrmann"]]
        both = [row for row in graded if row["degeneration"]]
        if both:
            same = np.mean([row["degeneration"] == row["pfirrmann"] for row in both])
            shown = [_weighted(both, weights) for weights in (linear(len(GRADES)), quadratic(len(GRADES)))]
            missing = str(len(graded) - len(both))
            table.add_row(
                part, levels, str(len(both)), missing, f"{same:.0%}", *shown, f"{GOALS['pfirrmann']:.2f}"
            )
    return table if table.row_count else None


def _weighted(rows: Rows, weights: NDArray[np.float64]) -> str:
    def of(part: Sequence[int] | NDArray[np.intp]) -> float:
        chosen = [rows[n] for n in part]
        said, true = [row["degeneration"] for row in chosen], [row["pfirrmann"] for row in chosen]
        return kappa(counts(said, true, GRADES), weights)

    low, high = interval_by_subject(of, [row["subject"] for row in rows])
    return f"{of(range(len(rows))):.3f} ({low:.3f}-{high:.3f})"


def _parts(rows: Rows) -> Iterator[tuple[str, str, Rows]]:
    """(part of the split, which levels, their rows): every part that is there, and all together."""
    parts = [part for part in PARTS if any(row["part"] == part for row in rows)]
    for part in [*parts, "all"] if len(parts) > 1 else parts:
        of_part = [row for row in rows if part in (row["part"], "all")]
        yield part, "all", of_part
        yield part, "without slipped", [row for row in of_part if row["slipped"] == "0"]


def run(chosen: list[Case], model_of: ModelOf, table: Table, *, expert: bool) -> Rows:
    """Measure every disc that is not in the table yet; returns the rows of all that were asked for."""
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
            for row in disc_rows(case, study, _anatomy(case, study, model_of, expert=expert)):
                if not table.holds(**of_case, disc=row["disc"]):
                    table.append(of_case | row)
    return [row for row in table.rows() if tuple(row[name] for name in OF_DISC[:-1]) in asked]


def _anatomy(case: Case, study: Study, model_of: ModelOf, *, expert: bool) -> Anatomy | str:
    if not expert:
        return segmented(study, model_of(case))
    return anatomy_from_mask(study, case.labels, "spider", segmenter=model_of(case), lowest_disc=L5S1)


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where grades.csv goes; rows there are kept.")
    ] = Path("out/grades"),
    model: ModelFolder = None,
    folds: Folds = None,
    expert: Annotated[bool, typer.Option("--expert", help="Measure the experts' masks instead.")] = False,
    subjects: Annotated[str, typer.Option("--subjects", help="test, validation, train or all.")] = "all",
) -> None:
    """Measure every graded disc, and print how well that tells the discs radiologists graded apart."""
    with clear_errors():
        data = needed_data_folder()
        model_of = chosen_model(model, folds)
        table = Table(output / "grades.csv", COLUMNS, OF_DISC)
        rows = run(cases(data / SET, subjects), model_of, table, expert=expert)
        console().print(printed(rows))
        if (agreed := degeneration(rows)) is not None:
            console().print(agreed)
        for who in dict.fromkeys((row["subject"], row["missing"]) for row in rows if row["missing"]):
            console().print(f"Not measured: {who[0]}: {who[1]}", markup=False)


if __name__ == "__main__":
    typer.run(main)
