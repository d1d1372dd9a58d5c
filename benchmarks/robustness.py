"""What becomes of scans that are not as the model knows them: read, doubted or refused, against what should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table as Printed

from benchmarks.blind import ModelFolder
from benchmarks.common import Table, clear_errors, console, data_folder, progress_bar
from benchmarks.labelled import Case, cases, stored
from benchmarks.odd import CHANGES, strangers
from resorb import InputError, NotMeasurableError, Study, Volume, segment
from resorb.anatomy import STRUCTURE_STEP, Anatomy
from resorb.segmentation.metal import metal_like_void_mm
from resorb.segmentation.model import EmbeddedModel, Segmentation
from resorb.segmentation.suitability import Look, look
from resorb.simulation import acquire, lie, make_spine
from resorb.simulation.spec import PoseSpec, ScannerSpec, SpineSpec
from resorb.study import Contrast, Plane, Series

COLUMNS = (
    "case", "subject", "model", "wanted", "outcome", "right", "levels", "said",
    "csf_to_marrow", "fat_to_csf", "muscle_to_marrow", "void_mm", "check_seconds",
)  # fmt: skip
KEY = ("case", "subject", "model")
PARTS = ("train", "validation")  # bounds are decided on them; the test part is for accuracy alone
#: What should become of an unchanged scan whose contrast nobody tells, by the last part of its file name.
WANTED = {"T2w": "read", "T1w": "refused", "TIRM": "doubted", "water": "doubted"}
CHANGED_EVERY = 6  # T2 scans that are changed
SPINES = 8  # simulated, of each count
T1 = ScannerSpec(tr_ms=600.0, te_ms=20.0)
FACTS = ("csf_to_marrow", "fat_to_csf", "muscle_to_marrow")

Made = tuple[str, str, str, Callable[[], Volume]]  # case, subject, wanted, image


@dataclass
class Remembering:
    """A segmenter that keeps what it found, so that a refused scan can still be measured by its tissues."""

    model: EmbeddedModel
    found: Segmentation | None = None

    def __call__(self, image: Volume, progress: object = None) -> Segmentation:
        self.found = self.model(image)
        return self.found


def study_of(volume: Volume) -> Study:
    """A study of one sagittal series that tells nothing of its contrast."""
    series = Series(1, (volume,), Plane.SAGITTAL, Contrast.UNKNOWN)
    return Study((series,), series, None, (), (), None, "0" * 64)


def made(root: Path | None, model: EmbeddedModel) -> Iterator[Made]:
    """Every case, in order; images are made when they are asked for."""
    for name, image in strangers().items():
        yield "no spine", name, "refused", partial(_itself, image)
    for bodies in (5, 4, 6):
        for seed in range(SPINES):
            wanted = f"read as L{bodies}/S1 or doubted"
            yield f"{bodies} lumbar bodies", str(seed), wanted, partial(simulated, bodies, seed)
    for seed in range(3):
        yield "simulated T1", str(seed), "refused", partial(simulated, 5, seed, T1)
    if root is None:
        return
    real = [case for part in PARTS for case in cases(root, part)]
    for case in real:
        yield (
            f"unchanged {case.contrast}",
            name_of(case),
            WANTED[case.contrast],
            partial(stored, case.image),
        )
    for case in [case for case in real if case.contrast == "T2w"][::CHANGED_EVERY]:
        for name, (change, wanted) in CHANGES.items():
            yield name, name_of(case), wanted, partial(changed, case, change, model)


def _itself(image: Volume) -> Volume:
    return image


def name_of(case: Case) -> str:
    """Set and subject."""
    return f"{case.collection} {case.subject}"


def changed(
    case: Case, change: Callable[[Volume, NDArray[np.uint8]], Volume], model: EmbeddedModel
) -> Volume:
    """A case's image, changed with the help of its own segmentation."""
    image = stored(case.image)
    return change(image, model(image).structures.data)


def simulated(bodies: int, seed: int, scanner: ScannerSpec | None = None) -> Volume:
    """A sagittal series of a simulated spine with so many lumbar bodies."""
    asked = SpineSpec.model_validate(
        {"seed": 70_000 + seed, "lumbar_bodies": bodies, "variety": 0.1 * (seed % 5)}
    )
    spine = make_spine(asked)
    return acquire(spine, lie(spine, PoseSpec(), seed), scanner or ScannerSpec(), seed).stacks[0]


def row_of(case: str, wanted: str, image: Volume, model: EmbeddedModel) -> dict[str, object]:
    """Segment one image as a user's would be, and say what came of it."""
    remembering = Remembering(model)
    anatomy: Anatomy | None = None
    try:
        anatomy = segment(study_of(image), segmenter=remembering)
        said = [*anatomy.naming.doubts, *anatomy.warnings]
        outcome = "doubted" if said else "read"
    except (NotMeasurableError, InputError) as error:
        said, outcome = [str(error)], "refused"
    levels = [str(level) for level in anatomy.levels] if anatomy else []
    right = outcome in wanted.split(" or ") or _named_right(wanted, outcome, levels)
    row: dict[str, object] = {
        "wanted": wanted, "outcome": outcome, "right": int(right), "levels": " ".join(levels), "said": "; ".join(said),
    }  # fmt: skip
    if remembering.found is None:
        return row
    structures = remembering.found.structures.data
    if anatomy is not None:
        structures = np.asarray(anatomy.labels.sagittal().data // STRUCTURE_STEP, np.uint8)
    began = time.perf_counter()
    seen, void = look(image.sagittal(), structures), metal_like_void_mm(image.sagittal(), structures)
    seconds = time.perf_counter() - began
    return row | _facts(seen) | {"void_mm": f"{void:.1f}", "check_seconds": f"{seconds:.3f}"}


def _named_right(wanted: str, outcome: str, levels: list[str]) -> bool:
    """A spine whose count is told must have its lowest disc named so."""
    return outcome == "read" and wanted.startswith("read as ") and levels[-1] == wanted.split()[2]


def _facts(seen: Look) -> dict[str, object]:
    values = {name: getattr(seen, name) for name in FACTS}
    return {name: "" if value is None else f"{value:.3f}" for name, value in values.items()}


def print_outcomes(rows: list[dict[str, str]]) -> None:
    """Per kind of case: how many were read, doubted and refused, how many as they should be, and the ratios' range."""
    printed = Printed(
        "Case", "Wanted", "Cases", "Read", "Doubted", "Refused", "Right", "CSF", "Muscle", "Void mm"
    )
    for case in dict.fromkeys(row["case"] for row in rows):
        of_case = [row for row in rows if row["case"] == case]
        counts = [sum(row["outcome"] == one for row in of_case) for one in ("read", "doubted", "refused")]
        ranges = []
        for name in ("csf_to_marrow", "muscle_to_marrow", "void_mm"):
            values = [float(row[name]) for row in of_case if row[name]]
            ranges.append(f"{min(values):.2f}-{max(values):.2f}" if values else "")
        right = sum(int(row["right"]) for row in of_case)
        printed.add_row(case, of_case[0]["wanted"], str(len(of_case)), *map(str, counts), str(right), *ranges)
    console().print(printed)


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for robustness.csv; rows there are kept.")
    ] = Path("out/robustness"),
    model: ModelFolder = None,
    only: Annotated[str, typer.Option("--only", help="Cases whose name holds this.")] = "",
) -> None:
    """Segment changed, foreign and simulated images, and print what came of each kind."""
    with clear_errors():
        network = EmbeddedModel(model)
        table = Table(output / "robustness.csv", COLUMNS, KEY)
        todo = [one for one in made(data_folder(), network) if only in one[0]]
        with progress_bar() as bar:
            task = bar.add_task("Segmenting", total=len(todo))
            for case, subject, wanted, image in todo:
                of_case = {"case": case, "subject": subject, "model": network.source}
                bar.update(task, description=f"{case}: {subject}")
                if not table.holds(**of_case):
                    table.append(of_case | row_of(case, wanted, image(), network))
                bar.advance(task)
        print_outcomes([row for row in table.rows() if row["model"] == network.source])


if __name__ == "__main__":
    typer.run(main)
