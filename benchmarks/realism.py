"""Whether simulated images look like real ones, in numbers: the same measurement on both, range against value."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import nibabel as nib
import numpy as np
import typer
from rich.console import Console
from rich.table import Table as Printed
from scipy import ndimage

from benchmarks.common import ROOT, Table, data_folder
from benchmarks.tissues import Sample, clipped, measure
from resorb import Structure, Volume, load
from resorb.anatomy import STRUCTURE_STEP, Anatomy
from resorb.errors import UsageError
from resorb.output import write_volume
from resorb.segmentation import anatomy_from_mask, segment
from resorb.simulation.case import SimulatedDate, simulate
from resorb.simulation.draw import random_case
from resorb.study import Study

COLUMNS = ("set", "study", "sequence", "level", "grade", "measure", "value", "to_marrow", "to_csf")
SUMMARY = ("set", "measure", "grade", "ratio", "n", "studies", "p5", "p50", "p95")
COMPARISON = (
    *("sequence", "measure", "grade", "ratio", "real_p5", "real_p50", "real_p95", "real_n"),
    *("p5", "p50", "p95", "n", "inside", "spread", "median_inside"),
)
#: The voxels of the public TSE sets.
TSE_MM = 1.0
#: Fewer real values make no range.
MIN_RANGE = 5
#: The sequence of each public set, and which structures its experts labelled.
SEQUENCE = {"spider-t2space": "space", "sct-lumbar": "space"}
EXPERT = {
    "chu-t2tse": Structure.VERTEBRAL_BODY,
    "zukic-mixed": Structure.VERTEBRAL_BODY,
    "discs-t2": Structure.DISC,
}

app = typer.Typer(add_completion=False, help=__doc__)
Output = Annotated[Path, typer.Option("--output", "-o", help="Where tables and labels go.")]


@dataclass(frozen=True)
class RealScan:
    """One public T2 image and its experts' labels, where it has some."""

    collection: str
    study: str
    image: Path
    labels: Path | None

    @property
    def sequence(self) -> str:
        return SEQUENCE.get(self.collection, "tse")


def real_scans(data: Path) -> Iterator[RealScan]:
    """The T2 images that figures may be tuned to: the training and validation parts, never the test part."""
    split = tomllib.loads((ROOT / "training" / "split.toml").read_text(encoding="utf-8"))
    for collection, parts in split.items():
        for subject in sorted((*parts["train"], *parts["validation"])):
            image = data / collection / f"sub-{subject}_T2w.nii.gz"
            if image.exists():
                yield RealScan(
                    collection, f"sub-{subject}", image, image.with_name(f"sub-{subject}_dseg.nii.gz")
                )
    if (image := data / "sct-lumbar" / "t2_lumbar.nii.gz").exists():
        yield RealScan("sct-lumbar", "t2_lumbar", image, None)


def anatomy_of(scan: RealScan, study: Study) -> Anatomy:
    """The experts' labels, completed by the embedded model; the model's alone where there are none."""
    if scan.collection == "spider-t2space" and scan.labels is not None:
        return anatomy_from_mask(study, scan.labels, "spider")
    return segment(study)


def labels_of(scan: RealScan, study: Study, cache: Path) -> Volume:
    """Labels in resorb's numbering on the sagittal series' grid."""
    path = cache / f"{scan.collection}_{scan.study}.nii.gz"
    if not path.exists():
        anatomy = anatomy_of(scan, study)
        kept = anatomy.labels
        if (structure := EXPERT.get(scan.collection)) and scan.labels is not None:
            expert = load_labels(scan.labels)
            drop = (kept.data // STRUCTURE_STEP == int(structure)) & (expert.data == 0)
            kept = kept.with_data(np.where(drop, 0, kept.data).astype(np.uint16))
        cache.mkdir(parents=True, exist_ok=True)
        write_volume(path, kept)
    return load_labels(path)


def load_labels(path: Path) -> Volume:
    """A label map as it is stored."""
    image = nib.load(path)
    return Volume(np.asarray(image.dataobj).astype(np.uint16), np.asarray(image.affine))


def gradings(data: Path) -> dict[tuple[str, int], str]:
    """(study, number of the disc counted upwards from L5/S1 = 1) to its Pfirrmann grade."""
    path = data / "spider-t2space" / "gradings.csv"
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (f"sub-{int(row['Patient']):03d}", int(row["IVD label"])): row["Pfirrman grade"].strip()
            for row in csv.DictReader(file)
        }


def rows_of(
    samples: Iterable[Sample], grade_of: dict[str, str], csf_clipped: bool
) -> Iterator[dict[str, object]]:
    """Samples as rows of the table; what hangs on clipped CSF is left out."""
    for sample in samples:
        if csf_clipped and sample.measure == "csf":
            continue
        yield {
            "level": sample.level,
            "grade": grade_of.get(sample.level, ""),
            "measure": sample.measure,
            "value": f"{sample.value:.4g}",
            "to_marrow": "" if sample.to_marrow is None else f"{sample.to_marrow:.4f}",
            "to_csf": "" if sample.to_csf is None or csf_clipped else f"{sample.to_csf:.4f}",
        }


@app.command()
def real(output: Output = Path("out/realism"), data: Path | None = None) -> None:
    """Measure the public sets (training and validation parts) and print their ranges."""
    root = data or data_folder()
    if root is None:
        raise typer.BadParameter("no data: name a folder, or set RESORB_DATA")
    table = Table(output / "real.csv", COLUMNS, ("set", "study"))
    grades = gradings(root)
    for scan in real_scans(root):
        key = {"set": scan.collection, "study": scan.study}
        if table.holds(**key):
            continue
        typer.echo(f"{scan.collection} {scan.study}", err=True)
        study = load(scan.image)
        labels = labels_of(scan, study, output / "labels")
        image = study.sagittal.volume
        samples = measure(image, labels)
        names = list(dict.fromkeys(s.level for s in samples if s.level))
        grade_of = (
            {name: grades.get((scan.study, n), "") for n, name in enumerate(reversed(names), start=1)}
            if scan.collection == "spider-t2space"
            else {}
        )
        is_clipped = clipped(image, labels)
        if is_clipped:
            typer.echo("  CSF is clipped", err=True)
        for row in rows_of(samples, grade_of, is_clipped):
            table.append({**key, "sequence": scan.sequence, **row})
    ranges = summarise(table.rows())
    write_summary(output / "ranges.csv", ranges)
    print_summary(ranges)


def summarise(rows: Iterable[dict[str, str]]) -> list[dict[str, object]]:
    """5, 50 and 95 % of each measure per set, nuclei also by grade."""
    made: list[dict[str, object]] = []
    for key, found in sorted(grouped(rows, lambda row: row["set"]).items()):
        limits = np.percentile([value for _, value in found], [5, 50, 95])
        counts = (len(found), len({study for study, _ in found}))
        made.append(dict(zip(SUMMARY, (*key, *counts, *(f"{v:.3f}" for v in limits)), strict=True)))
    return made


def write_summary(path: Path, ranges: list[dict[str, object]]) -> None:
    """The whole table anew."""
    path.unlink(missing_ok=True)
    table = Table(path, SUMMARY, ("set", "measure", "grade", "ratio"))
    for row in ranges:
        table.append(row)


def print_summary(ranges: list[dict[str, object]]) -> None:
    """One line per measure and ratio, one column per set."""
    sets = list(dict.fromkeys(str(row["set"]) for row in ranges))
    printed = Printed("Measure", "Ratio", *sets, title="5 / 50 / 95 % (number)")
    cells: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in ranges:
        key = (str(row["measure"]), str(row["grade"]), str(row["ratio"]))
        cells.setdefault(key, {})[str(row["set"])] = f"{row['p5']} {row['p50']} {row['p95']} ({row['n']})"
    for (name, grade, ratio), by_set in sorted(cells.items()):
        printed.add_row(f"{name} {grade}".strip(), ratio, *(by_set.get(one, "") for one in sets))
    Console(width=200).print(printed)


def random_patients(
    number: int, seed: int, without: Container[str] = ()
) -> Iterator[tuple[str, SimulatedDate]]:
    """The first date of random simulated patients, with their names; a patient that is refused is passed over."""
    for n in range(number):
        case = random_case(seed, n)
        name = f"{seed}-{case.name}"
        if name in without:
            continue
        typer.echo(name, err=True)
        try:
            yield name, next(simulate(case.model_copy(update={"dates": case.dates[:1]})))
        except UsageError as error:
            typer.echo(f"  refused: {error}", err=True)


@app.command()
def simulated(
    number: Annotated[int, typer.Argument(min=1, help="How many random patients.")] = 10,
    seed: int = 1,
    output: Output = Path("out/realism"),
) -> None:
    """Measure the first scan of random simulated patients, and compare with the ranges of the real ones."""
    table = Table(output / "simulated.csv", COLUMNS, ("set", "study"))
    done = {row["study"] for row in table.rows()}
    for name, made in random_patients(number, seed, done):
        key = {"set": "simulated", "study": name}
        scan = made.scans[0]
        image, labels = scan.stacks[0], scan.labels[0]
        grade_of = {str(level): str(disc.grade) for level, disc in made.phantom.discs.items()}
        samples = measure(image, labels)
        if scan.spec.sequence == "tse":
            # The public TSE sets were resampled: sharpness and texture compare only after the same.
            samples = [one for one in samples if one.to_marrow is not None]
            samples += [one for one in measure(*resampled(image, labels)) if one.to_marrow is None]
        for row in rows_of(samples, grade_of, clipped(image, labels)):
            table.append({**key, "sequence": scan.spec.sequence, **row})
    compare(output)


def resampled(image: Volume, labels: Volume, pitch_mm: float = TSE_MM) -> tuple[Volume, Volume]:
    """Both on cubes of pitch_mm, as the public TSE sets are: linear for the image, nearest for the labels."""
    affine = image.affine.copy()
    affine[:3, :3] = image.directions * pitch_mm
    shape = tuple(int(n * mm // pitch_mm) for n, mm in zip(image.shape, image.spacing_mm, strict=True))
    scale = pitch_mm / image.spacing_mm
    grey = ndimage.affine_transform(
        image.data.astype(np.float32), scale, output_shape=shape, order=1, mode="nearest"
    )
    names = ndimage.affine_transform(labels.data, scale, output_shape=shape, order=0, mode="nearest")
    return Volume(grey, affine), Volume(names, affine)


@app.command()
def compare(output: Output = Path("out/realism")) -> None:
    """Set what was measured on simulated scans beside what was measured on real ones."""
    real_rows = Table(output / "real.csv", COLUMNS, ("set", "study")).rows()
    made_rows = Table(output / "simulated.csv", COLUMNS, ("set", "study")).rows()
    if not real_rows or not made_rows:
        raise typer.BadParameter(f"{output} does not hold both: run `real` and `simulated` first")
    printed = Printed(
        "Sequence",
        "Measure",
        "Ratio",
        "Real 5 / 50 / 95 %",
        "Simulated 5 / 50 / 95 %",
        "Inside",
        "Spread",
        "Median",
    )
    path = output / "compare.csv"
    path.unlink(missing_ok=True)
    table = Table(path, COMPARISON, ("sequence", "measure", "grade", "ratio"))
    for row in compared(real_rows, made_rows):
        table.append(row)
        printed.add_row(
            str(row["sequence"]),
            f"{row['measure']} {row['grade']}".strip(),
            str(row["ratio"]),
            f"{row['real_p5']} {row['real_p50']} {row['real_p95']} ({row['real_n']})",
            f"{row['p5']} {row['p50']} {row['p95']} ({row['n']})",
            str(row["inside"]),
            str(row["spread"]),
            "" if row["median_inside"] else "[red]outside[/red]",
        )
    Console(width=140).print(printed)


Key = tuple[str, str, str, str]


def compared(real_rows: list[dict[str, str]], made_rows: list[dict[str, str]]) -> Iterator[dict[str, object]]:
    """Simulated against real values of the same sequence; what no real scan of it shows is left out.

    `inside` is the share of simulated values within the real 5-95 %, `spread` their own 5-95 % as a share of it.
    """
    made, found = (grouped(rows, lambda row: row["sequence"]) for rows in (made_rows, real_rows))
    for (sequence, name, grade, ratio), values in sorted(made.items()):
        against = found.get((sequence, name, grade, ratio), [])
        if len(against) < MIN_RANGE:
            continue
        low, _, high = limits = np.percentile([value for _, value in against], [5, 50, 95])
        ours = np.array([value for _, value in values])
        three = np.percentile(ours, [5, 50, 95])
        figures = (*(f"{v:.3f}" for v in limits), len(against), *(f"{v:.3f}" for v in three), len(ours))
        inside = float(np.mean((ours >= low) & (ours <= high)))
        spread = (three[2] - three[0]) / (high - low) if high > low else np.nan
        verdict = (f"{inside:.2f}", f"{spread:.2f}", bool(low <= three[1] <= high))
        yield dict(zip(COMPARISON, (sequence, name, grade, ratio, *figures, *verdict), strict=True))


def grouped(
    rows: Iterable[dict[str, str]], by: Callable[[dict[str, str]], str]
) -> dict[Key, list[tuple[str, float]]]:
    """(study, value) by (group, measure, grade, ratio); nuclei come with their grade and all together."""
    groups: dict[Key, list[tuple[str, float]]] = {}
    for row in rows:
        grades = ("", row["grade"]) if row["grade"] and row["measure"] == "nucleus" else ("",)
        for ratio in ("to_marrow", "to_csf") if row["to_marrow"] or row["to_csf"] else ("value",):
            itself = ratio == f"to_{row['measure']}"
            for grade in grades if row[ratio] and not itself else ():
                key = (by(row), row["measure"], grade, ratio)
                groups.setdefault(key, []).append((row["study"], float(row[ratio])))
    return groups


if __name__ == "__main__":
    app()
