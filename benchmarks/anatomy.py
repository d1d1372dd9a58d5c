"""Sizes of bodies and discs: people's label maps against simulated spines, measured the same way."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import nibabel as nib
import numpy as np
import typer
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.anatomy_sizes import sizes
from benchmarks.common import ROOT, Table, data_folder
from resorb import Structure
from resorb.anatomy import VERTEBRAE, anatomy_index
from resorb.simulation.spec import SpineSpec
from resorb.simulation.spine.build import skeleton
from resorb.simulation.spine.draw import draw_plan

SETS = ("disc-shapes", "chu-t2tse", "zukic-mixed", "myosegmentum", "discs-t2")
COLUMNS = ("set", "case", "name", "quantity", "value")
SIMULATED = "simulated"


def main(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the rows go.")] = Path("out/anatomy"),
    cases: Annotated[int, typer.Option("--cases", help="Simulated spines.")] = 30,
    pitch_mm: Annotated[float, typer.Option("--pitch", help="Of the simulated spines, mm.")] = 1.0,
) -> None:
    """Measure every label map of the data folder but those of test subjects, and as many simulated spines."""
    table = Table(output / "sizes.csv", COLUMNS, ("set", "case"))
    console = Console()
    for name, case, path in _maps():
        if not table.holds(set=name, case=case):
            _add(table, name, case, _of_map(path))
    for seed in range(cases):
        if not table.holds(set=SIMULATED, case=seed):
            _add(table, SIMULATED, str(seed), _of_spine(seed, pitch_mm))
    console.print(_printed(table.rows()))


def _maps() -> Iterator[tuple[str, str, Path]]:
    """(set, case, label map) of all subjects that may be learned from."""
    folder = data_folder()
    if folder is None:
        return
    split = tomllib.loads((ROOT / "training" / "split.toml").read_text(encoding="utf-8"))
    test = {(name, case) for name in SETS for case in split.get(name, {}).get("test", [])}
    test |= {("disc-shapes", case) for case in split["discs-t2"]["test"]}  # the same cohort
    for name in SETS:
        for path in sorted((folder / name).glob("*_dseg.nii.gz")):
            case = path.name.removeprefix("sub-").removesuffix("_dseg.nii.gz")
            if (name, case) not in test:
                yield name, case, path


def _of_map(path: Path) -> Iterator[tuple[str, str, float]]:
    image = nib.load(path)
    lines = (path.parent / "dseg.tsv").read_text(encoding="utf-8").splitlines()[1:]
    names = {int(line.split("\t")[0]): re.sub(r"^.* ", "", line.split("\t")[1]) for line in lines}
    return sizes(np.asarray(image.dataobj).astype(np.uint16), image.affine, names)


def _of_spine(seed: int, pitch_mm: float) -> Iterator[tuple[str, str, float]]:
    plan = draw_plan(SpineSpec(seed=seed, variety=0.0))
    canvas = skeleton(plan, pitch_mm)
    bodies = {anatomy_index(Structure.VERTEBRAL_BODY, name): name for name in VERTEBRAE}
    discs = {anatomy_index(Structure.DISC, disc.level.upper): str(disc.level) for disc in plan.discs}
    yield from sizes(canvas.anatomy, canvas.fine.affine, bodies)
    yield from sizes(canvas.anatomy, canvas.fine.affine, discs)


def _add(table: Table, name: str, case: str, rows: Iterator[tuple[str, str, float]]) -> None:
    for block, quantity, value in rows:
        table.append(
            {"set": name, "case": case, "name": block, "quantity": quantity, "value": round(value, 2)}
        )


def _printed(rows: list[dict[str, str]]) -> Printed:
    """Mean and standard deviation of people and of simulated spines, side by side."""
    values: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        values[row["name"], row["quantity"]][row["set"]].append(float(row["value"]))
    printed = Printed("what", "quantity", *SETS, SIMULATED, title="mean +- sd (n), mm and degrees")
    for (name, quantity), by_set in sorted(values.items(), key=lambda item: (item[0][1], item[0][0])):
        cells = [_cell(by_set.get(key, [])) for key in (*SETS, SIMULATED)]
        if any(cells[:-1]):
            printed.add_row(name, quantity, *cells)
    return printed


def _cell(values: list[float]) -> str:
    return f"{np.mean(values):.1f} +- {np.std(values):.1f} ({len(values)})" if values else ""


if __name__ == "__main__":
    typer.run(main)
