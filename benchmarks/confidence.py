"""Does a level's confidence mean what it says? Expected against real Dice of each disc, and the line between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed

from benchmarks.blind import ModelFolder, one_model, read_blind
from benchmarks.common import Table, clear_errors, console, data_folder, progress_bar
from benchmarks.labelled import Case, cases, named
from benchmarks.overlap import dice
from resorb import InputError, NotMeasurableError, UsageError
from resorb.segmentation.confidence import expected_dice, soft_dice
from resorb.segmentation.levels import name_levels
from resorb.segmentation.model import EmbeddedModel

COLUMNS = ("set", "subject", "part", "model", "level", "soft_dice", "expected_dice", "dice", "refused")
KEY = ("set", "subject", "part", "model")
SETS = ("spider-t2space", "discs-t2")  # the ones that label discs
BINS = (0.0, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.01)


def disc_rows(case: Case, model: EmbeddedModel) -> Iterator[dict[str, object]]:
    """A row per disc that the labels hold and the model found; one row alone for a scan that was refused."""
    blind = read_blind(case)
    try:
        if isinstance(blind.study, str):
            raise NotMeasurableError(blind.study)
        seen = model(blind.study.sagittal.volume.sagittal())
        anatomy = name_levels(seen.structures, seen.probability, source=seen.source)
    except (InputError, NotMeasurableError) as error:
        yield {"refused": str(error)}
        return
    masks = {level: anatomy.disc(level) for level in anatomy.levels}
    for name, truth in named(blind.labels, blind.table).items():
        if "/" not in name:
            continue
        # The disc at the same place, whatever it is called: names are judged elsewhere.
        level = max(masks, key=lambda one: int(np.count_nonzero(masks[one] & truth)))
        mask = masks[level]
        if np.any(mask & truth):
            yield {
                "level": name,
                "soft_dice": f"{soft_dice(seen.structures, seen.probability, mask):.4f}",
                "expected_dice": f"{expected_dice(seen.structures, seen.probability, mask):.4f}",
                "dice": f"{dice(truth, mask):.4f}",
            }


def run(todo: list[Case], model: EmbeddedModel, table: Table) -> None:
    """Add the rows of every case that has none yet."""
    with progress_bar() as bar:
        task = bar.add_task("Comparing", total=len(todo))
        for case in todo:
            of_case = dict(zip(KEY, (case.collection, case.subject, case.part, model.source), strict=True))
            if not table.holds(**of_case):
                for row in list(disc_rows(case, model)):
                    table.append(of_case | row)
            bar.advance(task)


def print_reliability(rows: list[dict[str, str]]) -> None:
    """Per part: how many discs each range of expected Dice holds, and their real Dice; then the fitted line."""
    printed = Printed("Part", "Expected Dice", "Discs", "Mean expected", "Mean Dice", "Lowest Dice")
    for part in dict.fromkeys(row["part"] for row in rows):
        of_part = [row for row in rows if row["part"] == part and row["dice"]]
        expected, real, soft = (
            np.array([float(row[name]) for row in of_part]) for name in ("expected_dice", "dice", "soft_dice")
        )
        for low, high in pairwise(BINS):
            inside = (expected >= low) & (expected < high)
            if inside.any():
                printed.add_row(
                    part, f"{low:.2f} to {min(high, 1.0):.2f}", str(inside.sum()),
                    f"{expected[inside].mean():.3f}", f"{real[inside].mean():.3f}", f"{real[inside].min():.3f}",
                )  # fmt: skip
        if len(of_part) > 2:
            slope, offset = np.polyfit(soft, real, 1)
            error = float(np.abs(expected - real).mean())
            ranked = float(np.corrcoef(soft, real)[0, 1])
            printed.caption = (
                f"{printed.caption or ''}{part}: Dice = {slope:.2f} * soft Dice {offset:+.2f}, correlation "
                f"{ranked:.2f}, mean error of what is printed {error:.3f}. "
            )
    console().print(printed)


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for confidence.csv; rows there are kept.")
    ] = Path("out/confidence"),
    model: ModelFolder = None,
    subjects: Annotated[
        str, typer.Option("--subjects", help="test, validation, train or all, by training/split.toml.")
    ] = "validation",
) -> None:
    """Compare expected with real Dice, disc by disc, and fit the line of `bounds.DICE_PER_CONFIDENCE`."""
    with clear_errors():
        root = data_folder()
        if root is None:
            raise InputError("RESORB_DATA names no folder of public MRI")
        todo: list[Case] = []
        for collection in SETS:
            try:
                todo += cases(root / collection, subjects)
            except UsageError:  # a set without subjects of this part
                continue
        network = one_model(model)(todo[0])
        table = Table(output / "confidence.csv", COLUMNS, KEY)
        run(todo, network, table)
        print_reliability([row for row in table.rows() if row["model"] == network.source])


if __name__ == "__main__":
    typer.run(main)
