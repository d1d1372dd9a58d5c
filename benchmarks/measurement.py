"""Does resorb measure what is there? Simulated studies of known truth, with true masks and with a model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.blind import ModelFolder
from benchmarks.common import Table, clear_errors, console, progress_bar
from benchmarks.human import print_human
from benchmarks.measurement_rows import COLUMNS, KEY, OF_STUDY, Row, rows_of
from benchmarks.measurement_tables import print_tables
from benchmarks.phantoms import ACQUISITIONS, EVERY, REPEATS, SCORED_SEED, Patient, patient, study_of
from resorb import Anatomy, Study, UsageError, __version__, measure, segment
from resorb.errors import InputError, NotMeasurableError
from resorb.segmentation.model import EmbeddedModel

TRUE = "true"
CHOICES = ("true", "model", "both")

#: The thick slices are segmented once, with the axial stacks, and measured with and without those.
FUSED = ACQUISITIONS[-1]
Part = Annotated[
    str,
    typer.Option(
        "--part", help="Measure only this part of the patients, e.g. 1/2; another process does the rest."
    ),
]


@dataclass
class Outlines:
    """The masks of one patient: the true ones, or those that a model draws, each image only once."""

    made: Patient
    model: EmbeddedModel | None
    _drawn: dict[str, Anatomy] = field(default_factory=dict)

    def of(self, acquisition: str) -> tuple[Study, Anatomy]:
        """A study and its masks.

        Raises:
            InputError, NotMeasurableError: the model refuses it.
        """
        study, true = study_of(self.made, acquisition)
        if self.model is None:
            return study, true
        whole = FUSED if FUSED.startswith(acquisition) else acquisition
        if whole not in self._drawn:
            self._drawn[whole] = segment(study_of(self.made, whole)[0], segmenter=self.model, asked_for=True)
        drawn = self._drawn[whole]
        return study, drawn if study.axial else replace(drawn, axial=())


def run(
    numbers: Sequence[int],
    seed: int,
    models: tuple[EmbeddedModel | None, ...],
    kept: Path | None,
    table: Table,
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
                if todo := _todo(seed, number, model, done):
                    made = patient(seed, number, images=model is not None, kept=kept)
                    outlines = Outlines(made, model)
                    for acquisition, of_study in todo.items():
                        if acquisition in ACQUISITIONS or acquisition in made.shots:
                            table.extend([of_study | row for row in study_rows(outlines, acquisition)])
                bar.advance(task)


def numbers_of(n: int, part: str) -> Sequence[int]:
    """The patients 1 to n of a part, "1/2" being every second one from the first on.

    Raises:
        UsageError: that is no part.
    """
    first, _, of = part.partition("/")
    if not (first.isdecimal() and of.isdecimal() and 1 <= int(first) <= int(of)):
        raise UsageError(f"--part is like 1/2, the first of two, not '{part}'")
    return range(int(first), n + 1, int(of))


def _todo(
    seed: int, number: int, model: EmbeddedModel | None, done: set[tuple[str, ...]]
) -> dict[str, dict[str, object]]:
    """What is still to be measured of a patient, by acquisition."""
    masks = TRUE if model is None else model.source
    again = () if model is not None or number % EVERY else REPEATS
    keys = {
        name: dict(zip(OF_STUDY, (str(seed), str(number), name, masks, __version__), strict=True))
        for name in (*ACQUISITIONS, *again)
    }
    return {name: dict(key) for name, key in keys.items() if tuple(key.values()) not in done}


def study_rows(outlines: Outlines, acquisition: str) -> list[Row]:
    """The rows of one study; one that says why where it was refused."""
    try:
        timepoint = measure(*outlines.of(acquisition))
    except (InputError, NotMeasurableError) as error:
        return [{"level": "", "herniation": "", "missing": str(error)}]
    return list(rows_of(outlines.made, acquisition, timepoint))


def main(
    n: Annotated[int, typer.Option("--n", min=1, help="How many patients.")] = 300,
    masks: Annotated[str, typer.Option("--masks", help="true, model or both.")] = "both",
    model: ModelFolder = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where measurement.csv goes; rows there are kept.")
    ] = Path("out/measurement"),
    kept: Annotated[
        Path | None,
        typer.Option("--kept", help="A folder that simulated patients are kept in, for another run."),
    ] = None,
    part: Part = "1/1",
) -> None:
    """Measure simulated studies, and print how far the result agrees with what is true."""
    with clear_errors():
        if masks not in CHOICES:
            raise UsageError(f"--masks is {', '.join(CHOICES)}, not '{masks}'")
        network = None if masks == "true" else EmbeddedModel(model)
        models = {"true": (None,), "model": (network,), "both": (None, network)}[masks]
        table = Table(output / "measurement.csv", COLUMNS, KEY)
        run(numbers_of(n, part), SCORED_SEED, models, kept, table)
        wanted = {str(number) for number in range(1, n + 1)}
        rows = [row for row in table.rows() if row["case"] in wanted and row["resorb_version"] == __version__]
        for one in models:
            source = TRUE if one is None else one.source
            print_tables([row for row in rows if row["masks"] == source], source, given=one is None)
        print_human(console())


if __name__ == "__main__":
    typer.run(main)
