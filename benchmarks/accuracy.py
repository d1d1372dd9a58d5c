"""How well a model segments any folder of images with expert labels, structure by structure, and names their levels."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

if not __package__:
    sys.path[0] = str(
        Path(__file__).resolve().parents[1]
    )  # run as a file: the modules beside it are `benchmarks`

import numpy as np
import typer
from scipy import ndimage

from benchmarks.accuracy_tables import print_tables
from benchmarks.blind import Blind, Folds, ModelFolder, ModelOf, chosen_model, found, read_blind, segmented
from benchmarks.common import Table, clear_errors, progress_bar
from benchmarks.labelled import BONE, Case, Mask, cases, named, structures
from benchmarks.margins import Surroundings, margins
from benchmarks.names import names_given
from benchmarks.overlap import dice, surface_distance
from resorb import Anatomy, __version__

#: Distance of a slice from the middle of the labelled structure, where the field is wider than `WIDE_MM`.
BANDS_MM = {"0-9 mm": (0.0, 9.0), "9-20 mm": (9.0, 20.0), "beyond 20 mm": (20.0, np.inf)}
WIDE_MM = 50.0
WHOLE = "all"
#: A slab that averages to fewer is no volume, and says nothing about thick slices.
MIN_SLICES = 3
OF_CASE = ("set", "subject", "part", "contrast", "thickness_mm", "model", "resorb_version")
SCORES = (
    *OF_CASE, "slice_mm", "structure", "region", "dice", "dice_all", "mean_surface_mm", "p95_surface_mm",
    "known_by", "refused",
)  # fmt: skip
MARGINS = (*OF_CASE, "level", "herniated", "slices", "missed", "median_mm", "p95_mm", "distances_mm")
NAMES = (*OF_CASE, "levels", "right", "wrong", "doubts", "refused")


@dataclass(frozen=True)
class Tables:
    """The files that a run adds to: a row per case and structure, per case and disc, and per case."""

    scores: Table
    margins: Table
    names: Table


def tables(folder: Path) -> Tables:
    """Open the tables of a folder; they are made with their first rows."""
    return Tables(
        Table(folder / "accuracy.csv", SCORES, (*OF_CASE, "structure", "region")),
        Table(folder / "margins.csv", MARGINS, (*OF_CASE, "level")),
        Table(folder / "names.csv", NAMES, OF_CASE),
    )


def run(todo: Iterable[Case], model_of: ModelOf, thickness_mm: float | None, output: Path) -> set[str]:
    """Score every case that is not in the tables yet; returns the sources of the models that were asked for.

    Raises:
        InputError: the image or the labels of a case cannot be read.
    """
    kept, sources = tables(output), set()
    todo = list(todo)
    with progress_bar() as bar:
        task = bar.add_task("Scoring", total=len(todo))
        for case in todo:
            model = model_of(case)
            sources.add(model.source)
            of_case = _of_case(case, thickness_mm, model.source)
            bar.update(task, description=f"{case.collection} {case.subject} {case.contrast}")
            # The row of names is written last: where it stands, the case is done.
            if not kept.names.holds(**of_case):
                blind = read_blind(case, thickness_mm)
                if thickness_mm is not None and blind.labels.shape[0] < MIN_SLICES:
                    bar.console.print(
                        f"left out: {case.collection} {case.subject}: of slices so thick fewer than {MIN_SLICES}"
                    )
                else:
                    _append(kept, of_case, blind, segmented(blind.study, model))
            bar.advance(task)
    return sources


def _of_case(case: Case, thickness_mm: float | None, source: str) -> dict[str, object]:
    thickness = "" if thickness_mm is None else f"{thickness_mm:g}"
    values = (case.collection, case.subject, case.part, case.contrast, thickness, source, __version__)
    return dict(zip(OF_CASE, values, strict=True))


def _append(kept: Tables, of_case: dict[str, object], blind: Blind, anatomy: Anatomy | str) -> None:
    rows: list[tuple[Table, dict[str, object]]] = [(kept.scores, row) for row in score_rows(blind, anatomy)]
    rows += [(kept.margins, row) for row in margin_rows(blind, anatomy)]
    rows.append((kept.names, name_row(blind, anatomy)))
    for table, row in rows:
        if not table.holds(**of_case, **row):
            table.append(of_case | row)


def score_rows(blind: Blind, anatomy: Anatomy | str) -> Iterator[dict[str, object]]:
    """A row per structure, whole and by distance from its middle; a refused scan scores 0."""
    grid = blind.labels
    spacing = grid.spacing_mm
    refused = anatomy if isinstance(anatomy, str) else ""
    for structure, truth in structures(grid, blind.table).items():
        seen, where = found(anatomy, structure, grid.shape), blind.known[structure]
        # Next to the unknown nothing is a surface: S1 goes on below the label of its body.
        inner = np.asarray(ndimage.binary_erosion(where, border_value=1))
        distance = surface_distance(truth, seen, spacing, inner)
        row = {"slice_mm": f"{spacing[0]:.2f}", "structure": structure, "known_by": blind.known_by}
        yield row | {
            "region": WHOLE, **_dices(truth, seen, where), "refused": refused,
            "mean_surface_mm": f"{distance.mean_mm:.3f}", "p95_surface_mm": f"{distance.p95_mm:.3f}",
        }  # fmt: skip
        if grid.shape[0] * spacing[0] > WIDE_MM:
            aside = np.abs(np.arange(grid.shape[0]) - np.argwhere(truth)[:, 0].mean()) * spacing[0]
            for band, (low, high) in BANDS_MM.items():
                part = (aside >= low) & (aside < high)
                if truth[part].any():
                    yield row | {
                        "region": band,
                        **_dices(truth[part], seen[part], where[part]),
                        "refused": refused,
                    }


def _dices(truth: Mask, seen: Mask, where: Mask) -> dict[str, object]:
    return {"dice": f"{dice(truth & where, seen & where):.4f}", "dice_all": f"{dice(truth, seen):.4f}"}


def margin_rows(blind: Blind, anatomy: Anatomy | str) -> Iterator[dict[str, object]]:
    """A row per disc: how far apart the two posterior margins are. Distances are kept as value:count."""
    discs = {name: mask for name, mask in named(blind.labels, blind.table).items() if "/" in name}
    there = structures(blind.labels, blind.table)
    if not discs:
        return
    bone = np.any(
        [np.zeros(blind.labels.shape, bool), *(there[name] for name in BONE if name in there)], axis=0
    )
    around = Surroundings(there.get("canal"), bone, blind.labels.spacing_mm)
    found_discs = found(anatomy, "disc", blind.labels.shape)
    measured = margins(discs, found_discs, around)
    for number, level in enumerate(reversed(list(discs_downwards(discs))), start=1):
        margin = measured[level]
        if not len(margin.distances_mm):
            continue
        median, high = np.percentile(margin.distances_mm, [50, 95])
        counted = Counter(f"{value:.2f}" for value in margin.distances_mm)
        yield {
            "level": level, "herniated": int(number in blind.herniated), "slices": margin.slices,
            "missed": margin.missed, "median_mm": f"{median:.3f}", "p95_mm": f"{high:.3f}",
            "distances_mm": " ".join(f"{value}:{count}" for value, count in sorted(counted.items())),
        }  # fmt: skip


def discs_downwards(discs: dict[str, Mask]) -> list[str]:
    """The names of discs from above downwards, by where they lie."""
    return sorted(discs, key=lambda name: float(np.argwhere(discs[name])[:, 1].mean()))


def name_row(blind: Blind, anatomy: Anatomy | str) -> dict[str, object]:
    """How many of the levels that the labels tell are named right, and whether the names are doubted."""
    if isinstance(anatomy, str):
        return {"levels": 0, "right": 0, "wrong": "", "doubts": "", "refused": anatomy}
    given = names_given(anatomy, named(blind.labels, blind.table))
    wrong = [f"{name} as {called or 'nothing'}" for name, called in given.items() if called != name]
    return {
        "levels": len(given), "right": len(given) - len(wrong), "wrong": "; ".join(wrong),
        "doubts": "; ".join(anatomy.naming.doubts), "refused": "",
    }  # fmt: skip


def main(
    folder: Annotated[Path, typer.Argument(help="A set (images, labels, dseg.tsv), or a folder of sets.")],
    thickness: Annotated[
        float | None, typer.Option("--thickness", min=0.5, max=10, help="Average slices to about so many mm.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the tables go; rows there are kept.")
    ] = Path("out/accuracy"),
    model: ModelFolder = None,
    folds: Folds = None,
    subjects: Annotated[
        str, typer.Option("--subjects", help="test, validation, train or all, by training/split.toml.")
    ] = "test",
) -> None:
    """Segment every image of a folder, and print how far the result agrees with the expert labels."""
    with clear_errors():
        chosen = cases(folder, subjects)
        sources = run(chosen, chosen_model(model, folds), thickness, output)
        asked = {tuple(str(v) for v in _of_case(c, thickness, s).values()) for c in chosen for s in sources}
        kept = tables(output)
        rows = [
            [row for row in table.rows() if tuple(row[name] for name in OF_CASE) in asked]
            for table in (kept.scores, kept.margins, kept.names)
        ]
        print_tables(*rows)


if __name__ == "__main__":
    typer.run(main)
