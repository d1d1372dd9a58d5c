"""Does resorb measure what is there? Simulated studies of known truth, with true masks and with a model's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.common import Table, clear_errors, console, progress_bar
from benchmarks.human import print_human
from benchmarks.measurement_rows import COLUMNS, KEY, OF_STUDY, Row, rows_of
from benchmarks.measurement_tables import print_tables
from benchmarks.phantoms import ACQUISITIONS, REPEATS, SCORED_SEED, Patient, patient, study_of
from resorb import Anatomy, Study, Timepoint, UsageError, __version__, measure, segment
from resorb.errors import InputError, NotMeasurableError
from resorb.segmentation.model import EmbeddedModel

TRUE = "true"
CHOICES = ("true", "model", "both")

Measure = Callable[[Study, Anatomy], Timepoint]


def run(
    numbers: range, seed: int, models: tuple[EmbeddedModel | None, ...], kept: Path | None, table: Table
) -> None:
    """Measure every study that is not in the table yet.

    Args:
        numbers: which patients of the seed.
        models: which masks; None for the true ones.
        kept: folder that simulated patients are kept in.
    """
    done = {tuple(row[name] for name in OF_STUDY) for row in table.rows()}
    with progress_bar() as bar:
        task = bar.add_task("Measuring", total=len(numbers) * len(models))
        for number in numbers:
            for model in models:
                todo = _todo(seed, number, model, done)
                made = patient(seed, number, images=model is not None, kept=kept) if todo else None
                for acquisition, of_study in todo.items():
                    if made is None or (acquisition in REPEATS and acquisition not in made.shots):
                        continue
                    for row in study_rows(made, acquisition, model):
                        table.append(of_study | row)
                bar.advance(task)


def _todo(
    seed: int, number: int, model: EmbeddedModel | None, done: set[tuple[str, ...]]
) -> dict[str, dict[str, object]]:
    """What is still to be measured of a patient, by acquisition."""
    masks = TRUE if model is None else model.source
    wanted = ACQUISITIONS if model else (*ACQUISITIONS, *REPEATS)
    keys = {
        name: dict(zip(OF_STUDY, (str(seed), str(number), name, masks, __version__), strict=True))
        for name in wanted
    }
    return {name: dict(key) for name, key in keys.items() if tuple(key.values()) not in done}


def study_rows(made: Patient, acquisition: str, model: EmbeddedModel | None) -> list[Row]:
    """The rows of one study; one that says why where it was refused."""
    study, anatomy = study_of(made, acquisition)
    try:
        if model is not None:
            anatomy = segment(study, segmenter=model, asked_for=True)
        timepoint = measure(study, anatomy)
    except (InputError, NotMeasurableError) as error:
        return [{"level": "", "herniation": "", "missing": str(error)}]
    return list(rows_of(made, acquisition, timepoint))


def main(
    n: Annotated[int, typer.Option("--n", min=1, help="How many patients.")] = 300,
    masks: Annotated[str, typer.Option("--masks", help="true, model or both.")] = "both",
    model: Annotated[
        Path | None,
        typer.Option("--model", help="A folder with model.onnx and model.json; else the embedded one."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where measurement.csv goes; rows there are kept.")
    ] = Path("out/measurement"),
    kept: Annotated[
        Path | None,
        typer.Option("--kept", help="A folder that simulated patients are kept in, for another run."),
    ] = None,
) -> None:
    """Measure simulated studies, and print how far the result agrees with what is true."""
    with clear_errors():
        if masks not in CHOICES:
            raise UsageError(f"--masks is {', '.join(CHOICES)}, not '{masks}'")
        network = None if masks == "true" else EmbeddedModel(model)
        models = {"true": (None,), "model": (network,), "both": (None, network)}[masks]
        table = Table(output / "measurement.csv", COLUMNS, KEY)
        run(range(1, n + 1), SCORED_SEED, models, kept, table)
        wanted = {str(number) for number in range(1, n + 1)}
        rows = [row for row in table.rows() if row["case"] in wanted and row["resorb_version"] == __version__]
        for one in models:
            source = TRUE if one is None else one.source
            print_tables([row for row in rows if row["masks"] == source], source, given=one is None)
        print_human(console())


if __name__ == "__main__":
    typer.run(main)
