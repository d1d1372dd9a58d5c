"""Real herniations as two readers drew them: does a network that never saw the patient find them, and how well?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed
from scipy import ndimage

from benchmarks.blind import Folds, ModelFolder, ModelOf, chosen_model, segmented
from benchmarks.common import Table, clear_errors, console, needed_data_folder, progress_bar
from benchmarks.implant_cases import SET
from benchmarks.labelled import Case, Mask, cases, open_study
from resorb import Anatomy, Structure, Study, Volume, __version__
from training import outlines
from training.outlines import Herniation, Spacing
from training.redraw import drawings
from training.redrawn import LEFT_OUT, READERS

#: What is predicted this near to what a reader drew, behind his reference, is compared with it.
NEIGHBOURHOOD_MM = 10.0
FOUND = 0.5  # of the voxels that both readers drew
KEY = ("subject", "level", "model", "resorb_version")
COLUMNS = (
    *KEY,
    "part",
    "recall",
    "dice_1",
    "dice_2",
    "readers_dice",
    "drawn_mm3",
    "predicted_mm3",
    "refused",
)


def predicted(disc: Mask, herniation: Herniation, drawn: Mask, spacing: Spacing) -> Mask:
    """Disc behind a reader's reference and near what he drew; masks (slice, column, row) as in the file."""
    near = ndimage.distance_transform_edt(~drawn, sampling=spacing) <= NEIGHBOURHOOD_MM
    return np.asarray(outlines.expert_material(herniation, disc, spacing) & near)


def scores(disc: Mask, pair: tuple[Herniation, Herniation], spacing: Spacing) -> dict[str, str]:
    """How far a predicted disc agrees with each reader, and how far they agree with each other.

    Args:
        disc: (slice, column, row) of all that is predicted to be disc.
        pair: the two drawings.
        spacing: mm, in the same order.
    """
    size = (disc.shape[0], disc.shape[1], disc.shape[2])
    drawn = [outlines.material(one, size, spacing) for one in pair]
    seen = [predicted(disc, one, mask, spacing) for one, mask in zip(pair, drawn, strict=True)]
    both = drawn[0] & drawn[1]
    volume = float(np.prod(spacing))
    return {
        "recall": f"{float((disc & both).sum() / both.sum()):.3f}",
        **{f"dice_{n}": f"{outlines.dice(d, s):.3f}" for n, d, s in zip(READERS, drawn, seen, strict=True)},
        "readers_dice": f"{outlines.dice(*drawn):.3f}",
        "drawn_mm3": f"{volume * np.mean([mask.sum() for mask in drawn]):.0f}",
        "predicted_mm3": f"{volume * np.mean([mask.sum() for mask in seen]):.0f}",
    }


def pairs(subject: str) -> Iterator[tuple[str, tuple[Herniation, Herniation]]]:
    """(level, both drawings) of a subject's herniations that two readers drew."""
    first, second = (drawings(reader) for reader in READERS)
    for subject_, level in sorted(set(first) & set(second)):
        if subject_ == subject:
            yield level, (first[subject_, level], second[subject_, level])


def run(chosen: list[Case], model_of: ModelOf, table: Table) -> set[str]:
    """Score every drawn herniation that is not in the table yet; returns the models' sources."""
    sources = set()
    drawn = {case: found for case in chosen if (found := list(pairs(case.subject)))}
    with progress_bar() as bar:
        task = bar.add_task("Looking", total=len(drawn))
        for case, herniations in drawn.items():
            bar.update(task, description=case.subject)
            model = model_of(case)
            sources.add(model.source)
            of_case = {"subject": case.subject, "model": model.source, "resorb_version": __version__}
            if not all(table.holds(**of_case, level=level) for level, _ in herniations):
                study = open_study(case.image)
                anatomy = segmented(study, model)
                for level, pair in herniations:
                    row = of_case | {"level": level, "part": case.part} | _row(study, anatomy, pair)
                    if not table.holds(**of_case, level=level):
                        table.append(row)
            bar.advance(task)
    return sources


def _row(study: Study, anatomy: Anatomy | str, pair: tuple[Herniation, Herniation]) -> dict[str, str]:
    grid = study.sagittal.volume
    if isinstance(anatomy, str):
        return scores(np.zeros(grid.shape, bool), pair, _spacing(grid)) | {"refused": anatomy}
    return scores(grid.from_sagittal(anatomy.structure(Structure.DISC)).data, pair, _spacing(grid))


def _spacing(grid: Volume) -> Spacing:
    a, b, c = (float(mm) for mm in grid.spacing_mm)
    return a, b, c


def printed(rows: list[dict[str, str]]) -> Printed:
    """A row per herniation, and the means of those on whose drawings the readers agree."""
    table = Printed(
        "Herniation", "Part", "Of both readers' voxels", "Dice, reader 1", "reader 2", "Readers", "Drawn mm3",
        "Predicted mm3",
    )  # fmt: skip
    names = ("recall", "dice_1", "dice_2", "readers_dice", "drawn_mm3", "predicted_mm3")
    for row in rows:
        aside = " (aside)" if (row["subject"], row["level"]) in LEFT_OUT else ""
        table.add_row(f"{row['subject']} {row['level']}{aside}", row["part"], *(row[name] for name in names))
    counted = [row for row in rows if (row["subject"], row["level"]) not in LEFT_OUT]
    if counted:
        found = sum(float(row["recall"]) > FOUND for row in counted)
        means = [np.mean([float(row[name]) for row in counted]) for name in names[1:]]
        cells = [f"{mean:.3f}" for mean in means[:3]] + [f"{mean:.0f}" for mean in means[3:]]
        table.add_row("mean", "", f"found {found} of {len(counted)}", *cells)
    return table


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where redrawn.csv goes; rows there are kept.")
    ] = Path("out/redrawn"),
    model: ModelFolder = None,
    folds: Folds = None,
    subjects: Annotated[str, typer.Option("--subjects", help="test, validation, train or all.")] = "all",
) -> None:
    """Compare what a model calls disc behind the reference with what two readers drew there."""
    with clear_errors():
        data = needed_data_folder()
        model_of = chosen_model(model, folds)
        table = Table(output / "redrawn.csv", COLUMNS, KEY)
        sources = run(cases(data / SET, subjects), model_of, table)
        console().print(printed([row for row in table.rows() if row["model"] in sources]))


if __name__ == "__main__":
    typer.run(main)
