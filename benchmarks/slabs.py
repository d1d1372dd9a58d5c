"""Real scans against themselves: scanned again as far as that can be had from one scan, and with a herniation gone.

The copy lies differently, is resampled to other voxels and noisier: nothing has changed in it, and how it was moved is
known. In the other copy the displaced material of one level is taken away (`resorb.simulation.implant.remove`). Both
are segmented blind. SPIDER's slabs are 12 to 24 mm wide: this is what tells the error of registering narrow fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table as Printed
from scipy import ndimage

from benchmarks.common import Table, clear_errors, console, needed_data_folder, progress_bar
from benchmarks.compared import compare_two
from resorb import load, measure, segment
from resorb.anatomy import Level
from resorb.change import LevelChange
from resorb.comparison.halfway import motion_about
from resorb.comparison.levels import agree_on_levels
from resorb.comparison.registration import MARGIN_MM, register_levels
from resorb.errors import ResorbError
from resorb.registration import Registration, moved
from resorb.simulation.implant import remove
from resorb.study import FloatArray, Study, Volume
from resorb.timepoint import Timepoint

SET = "spider-t2space"
#: How the copy lies: turned about the left-right, front-back and head-foot axes, degrees, and shifted, mm, RAS+.
TURN_DEG, SHIFT_MM = (4.0, -1.0, 1.5), (0.8, -5.0, 6.0)
#: Its voxels against the original's, and its noise as a share of the bright tissue.
COARSER, NOISE = (1.1, 1.15, 1.15), 0.03
KEY = ("subject", "what", "level")
COLUMNS = (
    *(*KEY, "width_mm", "method", "stated_mm", "stated_behind_mm", "left_mm", "behind_mm", "up_mm"),
    *("first_mm3", "last_mm3", "smallest_mm3", "verdict", "tracks"),
)


def again(study: Study, seed: int) -> tuple[Study, FloatArray]:
    """The study as a noisier, coarser copy that lies differently, and (4, 4) how it was moved."""
    image = study.sagittal.volume.sagittal()
    middle = image.to_world((np.array(image.shape) - 1) / 2)
    motion = motion_about(middle, np.radians(TURN_DEG), np.array(SHIFT_MM))
    affine: FloatArray = image.affine.copy()
    affine[:3, :3] = affine[:3, :3] * np.array(COARSER)
    shape = np.round(np.array(image.shape) / COARSER).astype(int)
    grid = Volume(np.zeros(shape, np.float32), affine)
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    index = image.to_index(moved(np.asarray(np.linalg.inv(motion)), world))
    grey = image.data.astype(np.float32)
    data = ndimage.map_coordinates(grey, np.moveaxis(index, -1, 0), order=1, mode="nearest")
    noise = np.random.default_rng(seed).normal(0, NOISE * float(np.quantile(grey, 0.98)), data.shape)
    return _with_image(study, grid.with_data(np.maximum(data + noise, 0).astype(np.int16)), "again"), motion


def without(point: Timepoint, level: Level) -> Study:
    """The study with the displaced material of a level taken away."""
    image, labels = point.study.sagittal.volume, point.anatomy.labels
    return _with_image(point.study, remove(image, labels, level).image, f"without {level}")


def _with_image(study: Study, image: Volume, name: str) -> Study:
    series = replace(study.sagittal, stacks=(image,))
    return replace(study, series=(series,), sagittal=series, axial=None, sha256=f"{study.sha256} {name}")


def missed(first: Timepoint, registration: Registration, motion: FloatArray) -> FloatArray:
    """(6, 3) errors at the posterior rims to the left, backwards and upwards, mm."""
    frame = first.frames[registration.level]
    left = np.array(MARGIN_MM)
    found = []
    for motions, rim in ((registration.upper, frame.upper), (registration.lower, frame.lower)):
        at = frame.to_world(np.column_stack([left, *rim.corner(left)]))
        by_images = moved(np.asarray(np.linalg.inv(motions[1]) @ motions[0]), at)
        found.append((by_images - moved(motion, at)) @ motion[:3, :3] @ frame.axes.T)
    return np.concatenate(found)


def _rows(data: Path, subject: str) -> Iterator[dict[str, object]]:
    study = load(data / SET / f"sub-{subject}_T2w.nii.gz")
    first = measure(study, segment(study))
    copy, motion = again(study, int(subject))
    yield from _compared(subject, "again", (first, measure(copy, segment(copy))), motion)
    worst = first.reading.worst
    if worst is not None and worst.herniations:
        level = Level.parse(worst.level)
        gone = without(first, level)
        yield from _compared(subject, f"without {level}", (first, measure(gone, segment(gone))), np.eye(4))


def _compared(
    subject: str, what: str, points: tuple[Timepoint, ...], motion: FloatArray
) -> Iterator[dict[str, object]]:
    points, _ = agree_on_levels(points)
    registrations = register_levels(points)
    _, change = compare_two(points[0], points[1], None)
    image = points[0].study.sagittal.volume.sagittal()
    for name, registration in registrations.items():
        level = change.at(str(name))
        error = np.sqrt(np.mean(missed(points[0], registration, motion) ** 2, axis=0))
        tracks = [one.verdict for one in change.tracks if str(name) in (one.level, *one.levels)]
        yield {
            **{"subject": subject, "what": what, "level": str(name)},
            "width_mm": round(float(image.shape[0] * image.spacing_mm[0]), 1),
            "method": registration.method,
            "stated_mm": round(registration.error_mm, 3),
            "stated_behind_mm": round(registration.across_margin_mm, 3),
            **dict(zip(("left_mm", "behind_mm", "up_mm"), error.round(3).tolist(), strict=True)),
            **_volumes(level),
            "verdict": level.verdict.value,
            "tracks": "; ".join(one.words for one in tracks) or level.verdict.words,
        }


def _volumes(level: LevelChange) -> dict[str, object]:
    first, last = level.quantities["volume_mm3"]
    (one,) = [d for d in level.differences if d.quantity == "volume_mm3"]
    smallest = one.smallest_detectable
    return {"first_mm3": first.at_least, "last_mm3": last.at_least, "smallest_mm3": smallest}


def main(
    subjects: Annotated[list[str], typer.Argument(help="Of SPIDER, e.g. 081 118.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for slabs.csv; rows there are kept.")
    ] = Path("out/bench"),
) -> None:
    """Compare real scans with altered copies of themselves; append a row per level, and print a table."""
    table = Table(output / "slabs.csv", COLUMNS, KEY)
    with clear_errors(), progress_bar() as bar:
        data = needed_data_folder()
        for subject in bar.track(subjects, description="Comparing"):
            if any(row["subject"] == subject for row in table.rows()):
                continue
            try:
                found = list(_rows(data, subject))
            except ResorbError as error:
                bar.console.print(f"{subject}: left out: {error}")
                continue
            for row in found:
                table.append(row)
    shown = Printed(*COLUMNS[:-1])
    for kept in table.rows():
        if kept["subject"] in subjects:
            shown.add_row(*(kept[name] for name in COLUMNS[:-1]))
    console().print(shown)


if __name__ == "__main__":
    typer.run(main)
