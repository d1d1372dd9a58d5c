"""Does a model see displaced material? The evaluation generator's herniations, put into scans and segmented blind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table as Printed
from scipy import ndimage

from benchmarks.blind import ModelFolder, found, loaded_again, segmented
from benchmarks.common import Table, clear_errors, console, needed_data_folder, progress_bar
from benchmarks.implant_cases import LEVELS, SET, Subject, level_frame, read_subject
from benchmarks.labelled import Case, Mask, cases
from benchmarks.overlap import dice
from resorb import Anatomy, Level, Structure, UsageError, Volume, __version__
from resorb.anatomy import STRUCTURE_STEP
from resorb.errors import NotMeasurableError
from resorb.frame import Frame
from resorb.measurement.displaced import find_displaced
from resorb.segmentation.model import EmbeddedModel
from resorb.simulation.implant import Implanted
from resorb.simulation.implant.evaluation import implant_for_evaluation
from resorb.simulation.spec import HerniationSpec

TYPES = ("protrusion", "extrusion", "sequestration")
ZONES = ("central", "paracentral", "subarticular")
VOLUME_MM3 = (150.0, 800.0)
TRIES = 4  # requests drawn for a level before it counts as having no room
#: What is predicted this near to the truth, behind the reference, is compared with it.
NEIGHBOURHOOD_MM = 10.0
FOUND = 0.5  # of the implant's voxels
OF_CASE = ("set", "subject", "part", "level", "model", "resorb_version")
RESULTS = (
    "implant_mm3", "implant_recall", "implant_dice", "truth_mm3", "bulge_mm3", "predicted_mm3", "dice",
)  # fmt: skip
PartOfSplit = Annotated[
    str, typer.Option("--part", help="test, validation, train or all, by training/split.toml.")
]
PerScan = Annotated[
    int, typer.Option("--per-scan", min=1, help="Herniations per scan, each in its own copy.")
]
#: The rows of a level, from the case, its scan, the level, and the number of the herniation.
RowsOf = Callable[[Case, Subject, Level, int], list[dict[str, str]]]
COLUMNS = (*OF_CASE, "type", "zone", "side", "asked_mm3", "seed", "depth_mm", *RESULTS, "refused", "left_out")


@dataclass(frozen=True, eq=False)
class Planted:
    """One herniation in one scan."""

    spec: HerniationSpec
    seed: int
    made: Implanted
    frame: Frame


def plant(
    scan: Subject, level: Level, number: int, volume_mm3: tuple[float, float] = VOLUME_MM3
) -> Planted | str:
    """Put a herniation of a drawn size and place behind a disc; or say why it cannot be done.

    Args:
        scan: the scan with its expert labels.
        level: where.
        number: the case's number, which decides the type.
        volume_mm3: the least and the most that is asked for.
    """
    grade = scan.grades.get(level)
    if grade is None or grade.herniated:
        return "not graded" if grade is None else "graded as herniated"
    why = ""
    for seed in range(TRIES):
        spec = _draw(
            level,
            TYPES[number % len(TYPES)],
            volume_mm3,
            np.random.default_rng([seed, int(scan.name), level.ordinal]),
        )
        try:
            frame = level_frame(scan.anatomy, level)
            made = implant_for_evaluation(scan.image, scan.anatomy.labels, spec, seed)
        except NotMeasurableError as error:
            return str(error)
        except UsageError as error:
            why = str(error)
            continue
        if float(made.displaced.data.sum()) * made.displaced.voxel_volume_mm3 >= volume_mm3[0]:
            return Planted(spec, seed, made, frame)
        why = f"what was made is smaller than {volume_mm3[0]:.0f} mm3"
    return why


def _draw(
    level: Level, kind: str, volume_mm3: tuple[float, float], rng: np.random.Generator
) -> HerniationSpec:
    zone = str(rng.choice(ZONES))
    side = None if zone == "central" else str(rng.choice(["left", "right"]))
    volume = float(np.exp(rng.uniform(*np.log(volume_mm3))))
    return HerniationSpec.model_validate(
        {"level": level, "type": kind, "zone": zone, "side": side, "volume_mm3": volume}
    )


def agreement(before: Volume, planted: Planted, predicted: Mask) -> dict[str, float]:
    """How far what a model calls disc behind the reference surface agrees with what is there.

    The truth decides where is looked: behind the reference surface (fitted to the expert labels), within
    `NEIGHBOURHOOD_MM` of the implant and of the part of its disc that bulges there. In it, the truth is all that
    the experts call disc, of any level, and the implant; the prediction is all that the model calls disc, whatever
    level it gives it to. The implant by itself is compared with the prediction less the experts' disc.

    Args:
        before: expert labels without the implant, in sagittal order.
        planted: the herniation, its scan in sagittal order.
        predicted: the model's discs on the same grid.
    """
    made, frame = planted.made, planted.frame
    implant = made.displaced.data > 0.5
    own = implant | (before.data == STRUCTURE_STEP * int(Structure.DISC) + frame.level.ordinal)
    behind, _ = find_displaced(own, frame, before)
    reach = np.ceil(NEIGHBOURHOOD_MM / before.spacing_mm).astype(int)
    low = np.maximum(behind.index.min(axis=0) - reach, 0)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, behind.index.max(axis=0) + reach + 1, strict=True))
    core = np.zeros(before.shape, bool)
    core[tuple(behind.index.T)] = True
    near = ndimage.distance_transform_edt(~core[box], sampling=before.spacing_mm) <= NEIGHBOURHOOD_MM
    points = np.moveaxis(np.indices(near.shape), 0, -1) + low
    region = near & (frame.behind_mm(before.to_world(points)) > 0)
    disc_before = (before.data // STRUCTURE_STEP == int(Structure.DISC))[box] & region
    there, seen, new = disc_before | (implant[box] & region), predicted[box] & region, implant[box] & region
    voxel = before.voxel_volume_mm3
    return {
        "implant_mm3": float(made.displaced.data.sum()) * voxel,
        "implant_recall": float((predicted & implant).sum() / implant.sum()),
        "implant_dice": dice(new & ~disc_before, seen & ~disc_before),
        "truth_mm3": float(there.sum()) * voxel,
        "bulge_mm3": float(disc_before.sum()) * voxel,
        "predicted_mm3": float(seen.sum()) * voxel,
        "dice": dice(there, seen),
    }


def fill(
    table: Table, chosen: Sequence[Case], model: EmbeddedModel, data: Path, per_scan: int, rows_of: RowsOf
) -> None:
    """Append the rows of every level that is not in the table yet.

    Of each scan, levels are tried in a drawn order until `per_scan` of them hold a herniation; their rows say its type.

    Args:
        table: its key is `OF_CASE`.
        rows_of: makes the rows of a level, given the case, its scan with the experts' labels, the level and the
            number of the herniation.
    """
    with progress_bar() as bar:
        task = bar.add_task("Implanting", total=per_scan * len(chosen))
        for place, case in enumerate(chosen):
            scan: Subject | None = None
            made = 0
            for level in _levels_in_order(case.subject):
                if made == per_scan:
                    break
                bar.update(task, description=f"{case.subject} {level}", completed=per_scan * place + made)
                values = (case.collection, case.subject, case.part, str(level), model.source, __version__)
                of_case = dict(zip(OF_CASE, values, strict=True))
                row = table.row(**of_case)
                if row is None:
                    scan = scan or read_subject(data, case.subject)
                    found = [of_case | one for one in rows_of(case, scan, level, per_scan * place + made)]
                    table.extend(found)
                    row = found[0]
                made += bool(row.get("type"))
            bar.update(task, completed=per_scan * (place + 1))


def rows_with(table: Table, chosen: Sequence[Case], model: EmbeddedModel) -> list[dict[str, str]]:
    """The rows of these cases that this model and this version of resorb made."""
    subjects = {case.subject for case in chosen}
    return [
        row
        for row in table.rows()
        if row["subject"] in subjects and (row["model"], row["resorb_version"]) == (model.source, __version__)
    ]


def run(chosen: Sequence[Case], model: EmbeddedModel, data: Path, per_scan: int, table: Table) -> None:
    """Make and segment every case that is not in the table yet."""

    def rows_of(case: Case, scan: Subject, level: Level, number: int) -> list[dict[str, str]]:
        planted = plant(scan, level, number)
        if isinstance(planted, str):
            return [{"left_out": planted}]
        return [_row(scan, planted, segmented(loaded_again(planted.made.image, case), model))]

    fill(table, chosen, model, data, per_scan, rows_of)


def _levels_in_order(subject: str) -> Iterator[Level]:
    """The lumbar levels of a subject, in a drawn order that stays the same."""
    names = np.random.default_rng(int(subject)).permutation(LEVELS)
    return (Level.parse(str(name)) for name in names)


def _row(scan: Subject, planted: Planted, anatomy: Anatomy | str) -> dict[str, str]:
    spec = planted.spec
    seen = found(anatomy, "disc", scan.image.shape)
    results = agreement(scan.anatomy.labels, planted, seen)
    return {
        "type": spec.type, "zone": spec.zone, "side": spec.side or "", "asked_mm3": f"{spec.volume_mm3:.0f}",
        "seed": str(planted.seed), "depth_mm": f"{planted.made.truth['depth_mm']:.2f}",
        **{name: f"{results[name]:.4f}" for name in RESULTS},
        "refused": anatomy if isinstance(anatomy, str) else "",
    }  # fmt: skip


def printed(rows: list[dict[str, str]]) -> Printed:
    """One row per type and one for all."""
    table = Printed("Displaced material", "Cases", f"Found (recall > {FOUND})", "Dice median", "mean",
                    "10th percentile", "Implant alone, median",
                    "Volume error mm3, median", "its size, median")  # fmt: skip
    for kind in (*TYPES, "all"):
        of_kind = [row for row in rows if kind in (row["type"], "all")]
        if not of_kind:
            continue

        def column(name: str, of_kind: list[dict[str, str]] = of_kind) -> NDArray[np.float64]:
            return np.array([float(row[name]) for row in of_kind])

        error = column("predicted_mm3") - column("truth_mm3")
        scores = column("dice")
        table.add_row(
            kind, str(len(of_kind)), str(int((column("implant_recall") > FOUND).sum())),
            f"{np.median(scores):.3f}", f"{scores.mean():.3f}", f"{np.percentile(scores, 10):.3f}",
            f"{np.median(column('implant_dice')):.3f}", f"{np.median(error):+.0f}", f"{np.median(np.abs(error)):.0f}",
        )  # fmt: skip
    return table


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where displaced.csv goes; rows there are kept.")
    ] = Path("out/displaced"),
    model: ModelFolder = None,
    part: PartOfSplit = "test",
    per_scan: PerScan = 3,
) -> None:
    """Put herniations into scans, segment them blind, and print how much of the displaced material is found."""
    with clear_errors():
        data = needed_data_folder()
        chosen = cases(data / SET, part)
        network = EmbeddedModel(model)
        table = Table(output / "displaced.csv", COLUMNS, OF_CASE)
        run(chosen, network, data, per_scan, table)
        rows = rows_with(table, chosen, network)
        console().print(printed([row for row in rows if not row["left_out"]]))
        for row in rows:
            if row["refused"]:
                console().print(f"Refused: {row['subject']} {row['level']}: {row['refused']}", markup=False)


if __name__ == "__main__":
    typer.run(main)
