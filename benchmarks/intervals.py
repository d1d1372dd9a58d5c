"""Calibrates the 95 % intervals of `resorb.measurement.intervals`, on simulated studies that no benchmark scores.

Per quantity and side the numbers of a `Reach` are the non-negative ones with the least loss of quantile regression at
97.5 % (Koenker and Bassett, Econometrica 1978;46:33). Then both sides are widened by one factor, by which intervals
fitted without a patient would just have held 95 % of that patient's truths (cross-conformal: Vovk, Ann Math Artif
Intell 2015;74:9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed
from scipy.optimize import linprog

from benchmarks.blind import ModelFolder
from benchmarks.common import ROOT, Table, clear_errors, console
from benchmarks.measurement import CHOICES, TRUE, Part, numbers_of, run
from benchmarks.measurement_rows import COLUMNS, KEY, QUANTITIES, value
from benchmarks.measurement_tables import Rows, herniations, levels, lumbar
from benchmarks.phantoms import CALIBRATION_SEED
from resorb import UsageError, __version__
from resorb.measurement.intervals import Reach, Reaches, Seen, stored, terms
from resorb.segmentation.model import EmbeddedModel
from resorb.study import FloatArray

SHIPPED = ROOT / "src" / "resorb" / "measurement" / "intervals.toml"
TAIL = 0.975
COVERAGE = 0.95
FOLDS = 8
MIN_ROWS = 40  # fewer tell nothing of a tail
MIN_PATIENTS = 20  # with fewer, one patient whose levels are missed or misnamed makes the tail
MIN_BASE = 1e-3  # a reach of nothing holds nothing
#: Largest numbers: no quantity is uncertain by more than half of itself, whatever few outliers say.
MOST = (np.inf, 0.5, np.inf, np.inf, np.inf, np.inf)
NUMBERS = ("base", "share", "pixel", "slice", "axial", "doubt")
SLICE, AXIAL = NUMBERS.index("slice"), NUMBERS.index("axial")
PARTS = ("mask", "model")
WHOLE_RUN = "1/1"
HEAD = (
    "Reach of 95 % intervals below and above a value, as resorb.measurement.intervals reads it.",
    "Written by `python -m benchmarks.intervals`; not edited by hand.",
)
Sides = tuple[FloatArray, FloatArray]
#: Of one kind of masks: what it was calibrated on, and its reaches.
Calibrated = tuple[str, Reaches]
NOTHING: Calibrated = ("not calibrated", {})


def observed(rows: Rows, name: str) -> tuple[FloatArray, FloatArray, list[str]]:
    """(terms (n, 6), truth less value (n,), whose) of a quantity; no row where nothing was there and nothing seen."""
    features, errors, whose = [], [], []
    for row in rows:
        found, true = value(row, name), value(row, f"{name} true")
        if found is None or true is None or (found == 0.0 and true == 0.0):
            continue
        confidence = value(row, "confidence")
        seen = Seen(
            float(row["pixel_mm"]),
            float(row["slice_mm"]),
            axial="axial" in row[f"{name} source"],
            doubt=0.0 if confidence is None else 1.0 - confidence,
        )
        features.append(terms(name, found, seen))
        errors.append(true - found)
        whose.append(row["case"])
    return np.array(features, np.float64).reshape(-1, len(NUMBERS)), np.array(errors), whose


def fitted(features: FloatArray, errors: FloatArray, whose: Sequence[str]) -> Sides:
    """The numbers below and above, (6,) each, widened until they hold what they should."""
    fold = np.unique(whose, return_inverse=True)[1] % FOLDS
    scores = np.empty(len(errors))
    for number in np.unique(fold):
        out = fold == number
        scores[out] = _score(features[out], errors[out], _sides(features[~out], errors[~out]))
    rank = min(int(np.ceil(COVERAGE * (len(scores) + 1))), len(scores)) - 1
    factor = float(np.sort(scores)[rank])
    below, above = _sides(features, errors)
    return factor * below, factor * above


def _sides(features: FloatArray, errors: FloatArray) -> Sides:
    """Reach below and above; what was hardly seen with axial slices has with them the reach it has without."""
    columns, known = features.copy(), np.count_nonzero(features[:, AXIAL]) >= MIN_ROWS
    if not known:
        columns[:, SLICE] += columns[:, AXIAL]
        columns[:, AXIAL] = 0.0
    sides = _reach(columns, -errors), _reach(columns, errors)
    for numbers in sides if not known else ():
        numbers[AXIAL] = numbers[SLICE]
    return sides


def _score(features: FloatArray, errors: FloatArray, sides: Sides) -> FloatArray:
    """(n,) by how much a reach would have to grow to hold each error."""
    reach = np.where(errors < 0, features @ sides[0], features @ sides[1])
    return np.asarray(np.abs(errors) / reach)


def _reach(features: FloatArray, errors: FloatArray) -> FloatArray:
    """(6,) numbers of 0 or more with the least loss of quantile regression."""
    scale = np.maximum(np.abs(features).max(axis=0), 1e-9)  # comparable columns: a better-behaved programme
    count, width = features.shape
    cost = np.concatenate([np.zeros(width), np.full(count, TAIL), np.full(count, 1.0 - TAIL)])
    equal = np.hstack([features / scale, np.eye(count), -np.eye(count)])
    bounds = [(0, most * size) for most, size in zip(MOST, scale, strict=True)] + [(0, None)] * 2 * count
    found = linprog(cost, A_eq=equal, b_eq=errors, bounds=bounds, method="highs")
    numbers = np.asarray(found.x[:width] / scale, np.float64)
    numbers[0] = max(numbers[0], MIN_BASE)
    return numbers


def table_of(rows: Rows) -> Reaches:
    """Reaches of every quantity that was seen often enough."""
    rows = [row for row in lumbar(rows) if row["resorb_version"] == __version__]
    found = {}
    for whose, chosen in (("disc", levels(rows)), ("herniation", herniations(rows))):
        for name in QUANTITIES:
            features, errors, patients = observed(chosen, name)
            if len(errors) >= MIN_ROWS:
                below, above = fitted(features, errors, patients)
                found[f"{whose}.{name}"] = (_rounded(below), _rounded(above))
    return found


def _rounded(numbers: FloatArray) -> Reach:
    return Reach(**{name: float(f"{number:.4g}") for name, number in zip(NUMBERS, numbers, strict=True)})


def written(parts: Mapping[str, Calibrated]) -> str:
    """The text of intervals.toml."""
    lines = [f"# {line}" for line in HEAD]
    for part, (about, table) in parts.items():
        lines += ["", f"[{part}]", f'about = "{about}"']
        for name, sides in table.items():
            both = zip(("below", "above"), sides, strict=True)
            lines.append(
                f'"{name}" = {{ {", ".join(f"{side} = {_inline(reach)}" for side, reach in both)} }}'
            )
    return "\n".join(lines) + "\n"


def _inline(reach: Reach) -> str:
    return "{ " + ", ".join(f"{name} = {getattr(reach, name):.4g}" for name in NUMBERS) + " }"


def printed(parts: Mapping[str, Calibrated]) -> Printed:
    """Half widths in the two usual resolutions, of a value of nothing and of a usual one."""
    table = Printed("Masks", "Quantity", "Value", "3D, 0.9 mm", "4.4 mm slices", "with axial slices")
    usual = {"_mm3": 600.0, "_mm2": 60.0, "_mm": 6.0}
    for part, (_, entries) in parts.items():
        for name, sides in entries.items():
            size = next((size for unit, size in usual.items() if name.endswith(unit)), 0.3)
            seen = [Seen(0.47, 0.9, False, 0.1), Seen(0.6, 4.4, False, 0.1), Seen(0.6, 4.4, True, 0.1)]
            reaches = [tuple(side.of(name, size, one) for side in sides) for one in seen]
            table.add_row(part, name, f"{size:g}", *(f"-{low:.3g} +{high:.3g}" for low, high in reaches))
    return table


def calibration(rows: Rows, source: str) -> Calibrated:
    """What was calibrated on, and the reaches; none from too few patients."""
    patients = len({row["case"] for row in rows})
    about = f"{patients} simulated patients of seed {CALIBRATION_SEED}, masks: {source}"
    if patients < MIN_PATIENTS:
        return f"not calibrated: {about} are too few", {}
    return about, table_of(rows)


def main(
    n: Annotated[int, typer.Option("--n", min=1, help="How many patients.")] = 300,
    masks: Annotated[str, typer.Option("--masks", help="true, model or both.")] = "both",
    model: ModelFolder = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where intervals.csv goes; rows there are kept.")
    ] = Path("out/intervals"),
    kept: Annotated[
        Path | None,
        typer.Option("--kept", help="A folder that simulated patients are kept in, for another run."),
    ] = None,
    part: Part = WHOLE_RUN,
    target: Annotated[Path, typer.Option("--target", help="The file to write.")] = SHIPPED,
) -> None:
    """Measure simulated studies and write how far the truth lies from what was measured."""
    with clear_errors():
        if masks not in CHOICES:
            raise UsageError(f"--masks is {', '.join(CHOICES)}, not '{masks}'")
        network = None if masks == TRUE else EmbeddedModel(model)
        models = {"true": (None,), "model": (network,), "both": (None, network)}[masks]
        table = Table(output / "intervals.csv", COLUMNS, KEY)
        run(numbers_of(n, part), CALIBRATION_SEED, models, kept, table)
        if part != WHOLE_RUN:
            console().print("Measured; without --part the reaches are fitted and written.")
            return
        rows = table.rows()
        parts = dict.fromkeys(PARTS, NOTHING) | (stored(target) if target.exists() else {})
        for part, source in (("mask", TRUE), ("model", network.source if network else "")):
            own = [row for row in rows if row["masks"] == source]
            if own:
                parts[part] = calibration(own, source)
        target.write_text(written(parts), encoding="utf-8")
        console().print(printed(parts))


if __name__ == "__main__":
    typer.run(main)
