"""Draw how the loss fell: `python -m training.curve CURVE.csv --out PNG`."""

from __future__ import annotations

import argparse
import csv
from itertools import groupby
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

LOSSES = {"entropy": "cross-entropy over the permitted classes", "dice": "Dice loss"}
COLOURS = {"entropy": "#0b4f6c", "dice": "#d1495b"}
HIGHEST = 0.7  # shown; the first steps lie above


def along(rows: list[dict[str, str]]) -> tuple[list[int], dict[str, int]]:
    """The step of every row counted from the very first, and where each stage begins.

    Args:
        rows: of `curve.csv`: stage, step within it, losses.
    """
    steps: list[int] = []
    begins: dict[str, int] = {}
    for stage, of_stage in groupby(rows, key=lambda row: row["stage"]):
        begins[stage] = steps[-1] if steps else 0
        steps += [begins[stage] + int(row["step"]) for row in of_stage]
    return steps, begins


def draw(rows: list[dict[str, str]], path: Path) -> None:
    """One line per loss, the stages marked."""
    steps, begins = along(rows)
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for name, words in LOSSES.items():
        style = "--" if name == "dice" else "-"
        axes.plot(steps, [float(row[name]) for row in rows], color=COLOURS[name], ls=style, label=words)
    for stage, begin in begins.items():
        axes.axvline(begin, color="0.75", lw=0.8, zorder=0)
        axes.text(begin + 0.005 * steps[-1], 0.9 * HIGHEST, stage, fontsize=9, color="0.3")
    axes.set(ylim=(0, HIGHEST), xlabel="training step", ylabel="training loss, mean of 50 steps")
    axes.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.88))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("curve", type=Path, help="curve.csv of a run")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with arguments.curve.open(newline="", encoding="utf-8") as file:
        draw(list(csv.DictReader(file)), arguments.out)


if __name__ == "__main__":
    main()
