"""Real scans with a herniation of the evaluation generator that shrinks: does a comparison say so?

The herniation is put into a test scan at a level not graded as herniated; that is the first date. On the second the
same herniation, grown from the same tear, is as large, a quarter smaller, half as large, or not there, and the scan
lies differently, is coarser and noisier (`benchmarks.slabs.again`). Both are segmented blind. What changed is known:
material that was put in. Anatomy, contrast and what else bulges are real.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed

from benchmarks.blind import ModelFolder, loaded_again
from benchmarks.change import LOST, QUIET
from benchmarks.common import Table, clear_errors, console, needed_data_folder
from benchmarks.compared import SAME_MM, compare_two
from benchmarks.displaced import OF_CASE, PartOfSplit, PerScan, Planted, fill, plant, rows_with
from benchmarks.implant_cases import SET, Subject
from benchmarks.labelled import Case, cases
from benchmarks.slabs import again
from resorb import InputError, Level, Study, Timepoint, Volume, measure, segment
from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.change import Change
from resorb.comparison.shared import METHOD
from resorb.errors import NotMeasurableError, UsageError
from resorb.segmentation.model import EmbeddedModel
from resorb.simulation.implant.evaluation import implant_for_evaluation
from resorb.study import FloatArray

VOLUME_MM3 = (400.0, 1000.0)
#: What becomes of the herniation, and the share of its volume that remains.
REMAINS = {"unchanged": 1.0, "a quarter less": 0.75, "half": 0.5, "gone": 0.0}
MEASURED = ("first_mm3", "last_mm3", "low_mm3", "high_mm3")
COLUMNS = (
    *(*OF_CASE, "type", "zone", "asked_mm3", "what", "true_first_mm3", "true_last_mm3", *MEASURED),
    *("verdict", "of_herniation", "alarms", "left_out"),
)


def material_mm3(before: Volume, displaced: Volume) -> float:
    """How much of an implant was no disc before, mm3.

    Args:
        before: `anatomy_index` labels of the untouched scan.
        displaced: share of each voxel that is displaced material, on the same grid.
    """
    disc = before.data // STRUCTURE_STEP == int(Structure.DISC)
    return float(displaced.data[~disc].sum()) * displaced.voxel_volume_mm3


def rows(scan: Subject, case: Case, planted: Planted, model: EmbeddedModel) -> Iterator[dict[str, str]]:
    """A row per course of one herniation.

    Raises:
        InputError, NotMeasurableError: the first date is refused.
    """
    labels = scan.anatomy.labels
    first = _read(_study(planted.made.image, case), model)
    there = material_mm3(labels, planted.made.displaced)
    for number, (what, share) in enumerate(REMAINS.items()):
        try:
            image, left = _shrunk(scan, planted, share)
            copy, _ = again(_study(image, case), seed=number)
            points, change = compare_two(first, _read(copy, model), None)
            of_change = _of_change(change, _level_at(points[0], planted.frame.origin))
        except (UsageError, InputError, NotMeasurableError) as error:
            yield {"what": what, "left_out": str(error)}
            continue
        yield {
            "what": what,
            "true_first_mm3": f"{there:.0f}",
            "true_last_mm3": f"{left:.0f}",
            **of_change,
        }


def _shrunk(scan: Subject, planted: Planted, share: float) -> tuple[Volume, float]:
    """The scan with a share of the herniation left, and how much that is, mm3."""
    if share == 0.0:
        return scan.image, 0.0
    if share == 1.0:
        return planted.made.image, material_mm3(scan.anatomy.labels, planted.made.displaced)
    spec = planted.spec.model_copy(update={"volume_mm3": share * (planted.spec.volume_mm3 or 0.0)})
    made = implant_for_evaluation(scan.image, scan.anatomy.labels, spec, planted.seed)
    return made.image, material_mm3(scan.anatomy.labels, made.displaced)


def _study(image: Volume, case: Case) -> Study:
    study = loaded_again(image, case)
    if isinstance(study, str):
        raise NotMeasurableError(study)
    return study


def _read(study: Study, model: EmbeddedModel) -> Timepoint:
    return measure(study, segment(study, segmenter=model, asked_for=True))


def _level_at(point: Timepoint, place: FloatArray) -> Level:
    """The level whose reference lies at a place (3,), mm, whatever it is called.

    Raises:
        NotMeasurableError: none is near.
    """
    away = {level: float(np.linalg.norm(frame.origin - place)) for level, frame in point.frames.items()}
    nearest = min(away, key=lambda level: away[level], default=None)
    if nearest is None or away[nearest] > SAME_MM:
        raise NotMeasurableError("the level was not found or could not be framed")
    return nearest


def _of_change(change: Change, level: Level) -> dict[str, str]:
    """What is said of the level and of its largest herniation, and how many other levels are called changed.

    Volumes of a part, where a field ends within the material, are left out: what is true of the part is not known.

    Raises:
        NotMeasurableError: the level is not compared.
    """
    here = next((one for one in change.levels if one.level == str(level)), None)
    if here is None:
        raise NotMeasurableError("the level was not framed on both dates")
    (difference,) = [one for one in here.differences if one.quantity == "volume_mm3"]
    volumes = here.quantities["volume_mm3"]
    whole = not any(METHOD in one.method for one in volumes)
    tracks = [one for one in change.tracks if here.level in (one.level, *one.levels)]
    largest = max(tracks, key=lambda one: one.quantities["volume_mm3"][0].value or 0.0, default=None)
    numbers = (volumes[0].value, volumes[1].value, difference.absolute.low, difference.absolute.high)
    return {
        **{name: _number(value) if whole else "" for name, value in zip(MEASURED, numbers, strict=True)},
        "verdict": here.verdict.value,
        "of_herniation": "" if largest is None else largest.verdict.value,
        "alarms": str(sum(one.verdict.value not in QUIET for one in change.levels if one is not here)),
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def run(chosen: Sequence[Case], model: EmbeddedModel, data: Path, per_scan: int, table: Table) -> None:
    """Follow every herniation that is not in the table yet."""

    def rows_of(case: Case, scan: Subject, level: Level, number: int) -> list[dict[str, str]]:
        planted = plant(scan, level, number, VOLUME_MM3)
        if isinstance(planted, str):
            return [{"left_out": planted}]
        spec = planted.spec
        asked = {"type": spec.type, "zone": spec.zone, "asked_mm3": f"{spec.volume_mm3:.0f}"}
        try:
            return [asked | row for row in rows(scan, case, planted, model)]
        except (InputError, NotMeasurableError) as error:
            return [asked | {"what": what, "left_out": str(error)} for what in REMAINS]

    fill(table, chosen, model, data, per_scan, rows_of)


def printed(found: Sequence[dict[str, str]]) -> Printed:
    """One line per course."""
    table = Printed(
        "Herniation", "Cases", "Regressed or resolved: it", "its level", "Level unchanged", "cannot be told",
        "grown or new", "Change of volume mm3: error, 95 % limits", "Intervals that hold", "Alarms at other levels",
        "Left out",
    )  # fmt: skip
    for what in REMAINS:
        of_what = [row for row in found if row["what"] == what]
        seen = [row for row in of_what if row["verdict"]]
        verdicts = [row["verdict"] for row in seen]
        lost = sum(one in LOST for one in verdicts)
        quiet = [verdicts.count(one) for one in QUIET]
        errors, holds = _errors(seen)
        limits = (
            f"{np.mean(errors):+.0f} ± {1.96 * np.std(errors, ddof=1):.0f}" if len(errors) > 1 else "no case"
        )
        table.add_row(
            what, str(len(seen)), str(sum(row["of_herniation"] in LOST for row in seen)), str(lost),
            *map(str, quiet), str(len(verdicts) - lost - sum(quiet)), limits, f"{sum(holds)} of {len(holds)}",
            str(sum(int(row["alarms"]) for row in seen)), str(len(of_what) - len(seen)),
        )  # fmt: skip
    return table


def _errors(seen: Sequence[dict[str, str]]) -> tuple[list[float], list[bool]]:
    """Measured less true change of volume, mm3, of each row, and whether its interval holds the true one."""
    errors, holds = [], []
    for row in seen:
        true = float(row["true_last_mm3"]) - float(row["true_first_mm3"])
        if row["first_mm3"] and row["last_mm3"]:
            errors.append(float(row["last_mm3"]) - float(row["first_mm3"]) - true)
        if row["low_mm3"] and row["high_mm3"]:
            holds.append(float(row["low_mm3"]) <= true <= float(row["high_mm3"]))
    return errors, holds


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where shrunk.csv goes; rows there are kept.")
    ] = Path("out/bench"),
    model: ModelFolder = None,
    part: PartOfSplit = "test",
    per_scan: PerScan = 3,
) -> None:
    """Put herniations into scans, let them shrink, compare the dates blind, and print what is said of them."""
    with clear_errors():
        data = needed_data_folder()
        chosen = cases(data / SET, part)
        network = EmbeddedModel(model)
        table = Table(output / "shrunk.csv", COLUMNS, OF_CASE)
        run(chosen, network, data, per_scan, table)
        console().print(printed(rows_with(table, chosen, network)))


if __name__ == "__main__":
    typer.run(main)
