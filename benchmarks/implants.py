"""Can implants be told from untouched discs? Makes both in real scans, and lets classifiers try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.common import Table, data_folder
from benchmarks.implant_cases import Generator, make, picture_path, rows_of, split
from benchmarks.implant_classifier import (
    Auc,
    Classifier,
    Pictures,
    auc_by_subject,
    by_features,
    by_folds,
    by_network,
    high_pass,
)
from resorb.anatomy import Level

#: A disc that stands out by this much is taken for the untouched counterpart of an implant.
LEAST_DEPTH_MM, LEAST_MM3 = 2.5, 50.0
FEWEST = 15  # of each class, or nothing is asked
LEAST_ADDED_MM3 = 50.0  # an implant that adds less to the bulge of its disc is hardly one
#: Pairs are alike to within this: depth (mm), logarithm of the volume, Pfirrmann grade, place in the spine (levels).
SCALES = np.array([0.8, 0.4, 1.0, 1.0])
FARTHEST = 2.5
#: The network is slow, and asked the questions that decide only.
OF_NETWORK = ("matched", "control", "sham")
CLASSIFIERS: dict[str, Classifier] = {"features": by_features, "network": by_network}
COLUMNS = (
    "generator",
    "comparison",
    "classifier",
    "subjects",
    "auc",
    "low",
    "high",
    "implanted",
    "untouched",
)
KEY = ("generator", "comparison", "classifier", "subjects")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Pictures of two classes, 1 for what a generator made."""

    pictures: Pictures
    classes: NDArray[np.int64]
    subjects: list[str]

    def high_pass(self) -> Comparison:
        return Comparison(high_pass(self.pictures), self.classes, self.subjects)

    def of(self, names: Sequence[str]) -> NDArray[np.bool_]:
        return np.isin(self.subjects, list(names))


def main(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where cases, pictures and tables go.")],
    generator: Annotated[str, typer.Option("--generator", help="training or evaluation.")] = "evaluation",
    subjects: Annotated[
        str, typer.Option("--subjects", help="train (to tune by), or all (held-out figures).")
    ] = "train",
    seeds: Annotated[int, typer.Option("--seeds", help="Implants per level.")] = 1,
    classifier: Annotated[str, typer.Option("--classifier", help="features, network, or both.")] = "both",
    only_cases: Annotated[bool, typer.Option("--only-cases", help="Make the cases, and stop.")] = False,
) -> None:
    """Make implants at ungraded levels, then print how well they are told from untouched discs."""
    data = data_folder()
    if data is None:
        raise typer.BadParameter("no data: set RESORB_DATA")
    if classifier not in ("both", *CLASSIFIERS):
        raise typer.BadParameter("--classifier is features, network or both")
    if generator not in ("training", "evaluation") or subjects not in ("train", "all"):
        raise typer.BadParameter("--generator is training or evaluation, --subjects is train or all")
    made: Generator = "training" if generator == "training" else "evaluation"
    parts = split()
    names = parts["train"] if subjects == "train" else [name for part in parts.values() for name in part]
    for number, name in enumerate(names, start=1):
        typer.echo(f"{number}/{len(names)} {name}", err=True)
        make(data, name, made, seeds, output)
    if only_cases:
        return
    table = Table(output / "auc.csv", COLUMNS, KEY)
    for title, comparison in comparisons(output, made, names).items():
        for name, classify in CLASSIFIERS.items():
            if classifier not in ("both", name) or (name == "network" and title not in OF_NETWORK):
                continue
            for scope, result in _scored(comparison, classify, parts, subjects):
                _add(
                    table,
                    {"generator": made, "comparison": title, "classifier": name, "subjects": scope},
                    result,
                )
    _print(table, made)


def comparisons(output: Path, generator: Generator, names: Sequence[str]) -> dict[str, Comparison]:
    """Every question that there are enough cases to ask, as two classes of pictures.

    - any: implants against the same discs before; it shows whether there is a herniation, not the seam.
    - matched: implants against untouched discs that stand out as far, pair by pair (depth,
      volume, degeneration, place in the spine).
    - matched, noise: the same pairs, only what changes from pixel to pixel.
    - control: the same pairs with the implant not yet made; what is found here are other people's spines and
      other slices, and no seam: the implants cannot be blamed for it.
    - control, noise: the same, only what changes from pixel to pixel.
    - sham: through the whole pipeline, but no deeper than many a disc stands out anyway, against the same discs before.
    - sham, noise: the same, only what changes from pixel to pixel.
    """
    rows = [row for row in rows_of(output, generator) if row["subject"] in names]
    untouched = [row for row in rows if row["kind"] == "untouched"]
    implanted = [row for row in rows if row["kind"] == "implanted"]
    shams = [row for row in rows if row["kind"] == "sham"]
    before = {(row["subject"], row["level"]): float(row["volume_mm3"]) for row in untouched}
    grown = [
        r for r in implanted if float(r["volume_mm3"]) - before[r["subject"], r["level"]] > LEAST_ADDED_MM3
    ]
    ones, zeros = pairs(grown, untouched)
    matched, control = _compare(output, ones, zeros), _compare(output, ones, zeros, before=True)
    sham = _compare(output, shams)
    asked = {
        "any": _compare(output, implanted),
        "matched": matched,
        "matched, noise": matched and matched.high_pass(),
        "control": control,
        "control, noise": control and control.high_pass(),
        "sham": sham,
        "sham, noise": sham and sham.high_pass(),
    }
    return {title: comparison for title, comparison in asked.items() if comparison is not None}


def pairs(
    implanted: list[dict[str, str]], untouched: list[dict[str, str]]
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Every untouched disc that stands out, with the implant most like it, each used once, the best pairs first."""
    real = [
        r for r in untouched if float(r["depth_mm"]) > LEAST_DEPTH_MM and float(r["volume_mm3"]) > LEAST_MM3
    ]
    if not real or not implanted:
        return [], []

    def coordinates(rows: list[dict[str, str]]) -> NDArray[np.float64]:
        values = [
            (
                float(r["depth_mm"]),
                np.log(float(r["volume_mm3"])),
                float(r["pfirrmann"]),
                Level.parse(r["level"]).ordinal,
            )
            for r in rows
        ]
        return np.asarray(np.array(values) / SCALES)

    apart = np.linalg.norm(coordinates(implanted)[:, None] - coordinates(real)[None], axis=-1)
    ones, zeros = [], []
    for _ in range(min(apart.shape)):
        i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
        if apart[i, j] > FARTHEST:
            break
        ones.append(implanted[i])
        zeros.append(real[j])
        apart[i], apart[:, j] = np.inf, np.inf
    return ones, zeros


def _compare(
    output: Path,
    ones: list[dict[str, str]],
    zeros: list[dict[str, str]] | None = None,
    *,
    before: bool = False,
) -> Comparison | None:
    """What was made (or the same slices before) against other rows, or against the same slices before; None for few."""
    if len(ones) < FEWEST or (zeros is not None and len(zeros) < FEWEST):
        return None
    made = [np.load(picture_path(output, row))[int(before)] for row in ones]
    other = [np.load(picture_path(output, row))[1] for row in (ones if zeros is None else zeros)]
    classes = np.array([1] * len(made) + [0] * len(other), np.int64)
    subjects = [row["subject"] for row in [*ones, *(ones if zeros is None else zeros)]]
    return Comparison(np.stack([*made, *other]), classes, subjects)


def _scored(
    comparison: Comparison, classify: Classifier, parts: dict[str, list[str]], subjects: str
) -> list[tuple[str, Auc]]:
    """By folds over the subjects asked for; with all of them, also trained on train and asked of the others."""
    scores = by_folds(classify, comparison.pictures, comparison.classes, comparison.subjects)
    found = [(f"{subjects}, 5-fold", auc_by_subject(scores, comparison.classes, comparison.subjects))]
    if subjects == "all":
        inside = comparison.of(parts["train"])
        held = classify(comparison.pictures[inside], comparison.classes[inside], comparison.pictures[~inside])
        outside = [name for name, known in zip(comparison.subjects, inside, strict=True) if not known]
        found.append(("held out", auc_by_subject(held, comparison.classes[~inside], outside)))
    return found


def _add(table: Table, case: dict[str, str], result: Auc) -> None:
    table.append(
        case
        | {
            "auc": f"{result.value:.3f}",
            "low": f"{result.low:.3f}",
            "high": f"{result.high:.3f}",
            "implanted": str(result.implanted),
            "untouched": str(result.untouched),
        }
    )


def _print(table: Table, generator: Generator) -> None:
    printed = Printed("Comparison", "Classifier", "Subjects", "AUC", "95 % interval", "Implanted + untouched")
    for row in table.rows():
        if row["generator"] == generator:
            interval = f"{row['low']}-{row['high']}"
            counts = f"{row['implanted']} + {row['untouched']}"
            printed.add_row(
                row["comparison"], row["classifier"], row["subjects"], row["auc"], interval, counts
            )
    Console().print(printed)


if __name__ == "__main__":
    typer.run(main)
