"""Wall time and peak memory of `resorb read` and `resorb compare`: a 3D study, the same with 4 mm slices, two of the
goals' sizes; and each of the 3D ones compared with a noisier copy of itself, reading included.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import nibabel as nib
import numpy as np
import typer
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.common import Table, data_folder, resorb_once
from resorb import Volume, __version__, load
from resorb.output import write_volume
from resorb.simulation.case import simulate
from resorb.simulation.spec import CaseSpec, DateSpec, ScannerSpec

THICK_MM = 4.0
#: Read when no study is named and the real data is not there.
SPACE = ScannerSpec(sequence="space")
#: The sizes that the goals are set for, simulated.
SIZED = {
    "3D, 70 slices": ScannerSpec(
        sequence="space", slice_mm=0.9, slices=70, pixel_mm=0.47, field_of_view_mm=300.0
    ),
    "TSE, 15 slices": ScannerSpec(slices=15),
}
#: Compared with themselves: from two files to the whole report.
COMPARED = ("3D", "3D, 70 slices")
NOISE = 0.01  # of the brightest tissue
TWO_DATES = ("--date", "2024-01-15", "--date", "2024-07-18")
DEFAULT_STUDY = Path("spider-t2space") / "sub-146_T2w.nii.gz"


def thick_slices(volume: Volume, thick_mm: float = THICK_MM) -> Volume:
    """The same volume as slices of about `thick_mm`, each the mean of the thin sagittal slices it covers."""
    sagittal = volume.sagittal()
    n = max(1, round(thick_mm / float(sagittal.spacing_mm[0])))
    slices = sagittal.shape[0] // n
    data = sagittal.data[: slices * n].reshape(slices, n, *sagittal.shape[1:]).mean(axis=1)
    affine = sagittal.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (n - 1) / 2
    affine[:3, 0] *= n
    return Volume(np.rint(data).astype(np.int16), affine)


def apart(work: Callable[..., None], *arguments: object) -> None:
    """Do work in a process of its own: the peak memory of a child that is timed later is at least its parent's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(work, *arguments).result()


def write_simulated(path: Path, scanner: ScannerSpec) -> None:
    """Write a simulated study as such a scanner images it, in the 16-bit integers that scanners store."""
    case = CaseSpec(dates=(DateSpec(date=date(2024, 1, 1), series=(scanner,)),))
    stack = next(simulate(case)).scans[0].stacks[0]
    write_volume(path, stack.with_data(np.rint(stack.data).astype(np.int16)))


def write_thick(path: Path, thick: Path) -> None:
    """Write a study again with its slices averaged."""
    write_volume(thick, thick_slices(load(path).sagittal.volume))


def write_noisier(path: Path, later: Path) -> None:
    """Write a study again with a little more noise, as of another day."""
    volume = load(path).sagittal.volume
    noise = np.random.default_rng(1).normal(0.0, NOISE * float(np.percentile(volume.data, 99)), volume.shape)
    write_volume(later, volume.with_data(np.maximum(volume.data + noise, 0.0).astype(np.float32)))


def commands_of(study: Path, folder: Path) -> dict[str, tuple[Path, tuple[str, ...]]]:
    """Per case, the study that it is about and the command of `resorb`; what it needs is made in the folder."""
    studies = {"3D": study, "4 mm": folder / "thick_T2w.nii.gz"}
    apart(write_thick, study, studies["4 mm"])
    for number, (name, scanner) in enumerate(SIZED.items()):
        studies[name] = folder / f"sized-{number}_T2w.nii.gz"
        apart(write_simulated, studies[name], scanner)
    commands: dict[str, tuple[Path, tuple[str, ...]]] = {
        name: (path, ("read", str(path))) for name, path in studies.items()
    }
    for number, name in enumerate(COMPARED):
        later = folder / f"later-{number}_T2w.nii.gz"
        apart(write_noisier, studies[name], later)
        both = (str(studies[name]), str(later))
        commands[f"{name}, compared"] = (studies[name], ("compare", *both, *TWO_DATES))
    return commands


def grid_of(path: Path) -> tuple[tuple[int, ...], float]:
    """Voxels along each axis of a NIfTI file, and the distance of its slices, mm, without its data."""
    image = nib.load(path)
    across = next(axis for axis, towards in enumerate(nib.aff2axcodes(image.affine)) if towards in "LR")
    return image.shape, float(image.header.get_zooms()[across])


def main(
    study: Annotated[
        Path | None, typer.Argument(help="A 3D study; else one of the data folder, else a synthetic one.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for speed.csv; rows there are kept.")
    ] = Path("out/bench"),
    runs: Annotated[int, typer.Option(min=1, help="Runs of each case.")] = 3,
) -> None:
    """Read and compare studies several times; print a table, and append a row per run."""
    columns = ("case", "resorb_version", "cores", "run", "voxels", "slice_mm", "seconds", "peak_mib")
    table = Table(output / "speed.csv", columns, ("case", "resorb_version", "cores", "run"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if study is None and (data := data_folder()) is not None and (data / DEFAULT_STUDY).exists():
            study = data / DEFAULT_STUDY
        if study is None:
            study = folder / "study_T2w.nii.gz"
            apart(write_simulated, study, SPACE)
        for name, (path, command) in commands_of(study, folder).items():
            shape, slice_mm = grid_of(path)
            for run in range(1, runs + 1):
                case = {"case": name, "resorb_version": __version__, "cores": cores, "run": run}
                if table.holds(**case):
                    continue
                seconds, _, peak_mib = resorb_once(*command, "-o", str(folder / f"{name}-{run}"), "--quiet")
                table.append(
                    {
                        **case,
                        "voxels": " x ".join(map(str, shape)),
                        "slice_mm": f"{slice_mm:.2f}",
                        "seconds": f"{seconds:.2f}",
                        "peak_mib": f"{peak_mib:.0f}",
                    }
                )
    _print(table)


def _print(table: Table) -> None:
    printed = Printed("Study", "Voxels", "Slice mm", "Cores", "Runs", "Median s", "Slowest s", "Peak MiB")
    rows = [row for row in table.rows() if row["resorb_version"] == __version__]
    for name, cores in dict.fromkeys((row["case"], row["cores"]) for row in rows):
        of_case = [row for row in rows if (row["case"], row["cores"]) == (name, cores)]
        seconds = [float(row["seconds"]) for row in of_case]
        printed.add_row(
            name,
            of_case[0]["voxels"],
            of_case[0]["slice_mm"],
            cores,
            str(len(of_case)),
            f"{statistics.median(seconds):.1f}",
            f"{max(seconds):.1f}",
            f"{max(float(row['peak_mib']) for row in of_case):.0f}",
        )
    Console().print(printed)


if __name__ == "__main__":
    typer.run(main)
