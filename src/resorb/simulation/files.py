"""A simulated patient as files: images as a scanner sends them, labels, truth and deformation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import STRUCTURE_STEP, VERTEBRAE, Structure
from resorb.dicom.write import SeriesHeader, write_series
from resorb.simulation.case import PITCH_MM, Progress, SimulatedDate, simulate
from resorb.simulation.course.deformation import deformation
from resorb.simulation.fine import fine_labels
from resorb.simulation.nifti import write_field, write_nifti
from resorb.simulation.phantom import Phantom
from resorb.simulation.scanner import Scan
from resorb.simulation.spec import CaseSpec
from resorb.simulation.truth import StudyTruth, date_geometry
from resorb.study import Plane

CASE_FILE, TRUTH_FILE, GEOMETRY_FILE = "case.json", "truth.json", "geometry.json"
FINE_FILE, DEFORMATION_FILE = "fine_dseg.nii.gz", "deformation.nii.gz"


def date_folder(case: CaseSpec, number: int) -> str:
    """What the folder of a date is called; number counts from 0."""
    return f"{number + 1:02d}_{case.dates[number].date.isoformat()}"


def write_case(
    folder: Path, case: CaseSpec, *, pitch_mm: float = PITCH_MM, progress: Progress | None = None
) -> tuple[StudyTruth, ...]:
    """Simulate a case and write it into an existing folder; the same case gives the same bytes.

    One folder per date holds, per series, the images (NIfTI, or a DICOM folder) and on the same grid the
    labels (`..._dseg.nii.gz`, numbered by `dseg.tsv`) and the displaced material; further truth.json, geometry.json
    (how every vertebra moved), dense labels on the fine grid and, from the second date on, the deformation from
    the first.

    Args:
        pitch_mm: of the fine grid.

    Raises:
        UsageError: what is asked for is impossible; the message names the limit.
        OSError: the folder cannot be written.
    """
    (folder / CASE_FILE).write_text(
        case.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8"
    )
    truths: list[StudyTruth] = []
    first: SimulatedDate | None = None
    # Compressing takes as long as drawing does, and runs beside it.
    with ThreadPoolExecutor(max_workers=2) as pool:
        pending: list[Future[object]] = []
        for number, made in enumerate(simulate(case, pitch_mm=pitch_mm, progress=progress)):
            place = folder / date_folder(case, number)
            place.mkdir()
            (place / TRUTH_FILE).write_text(made.truth.to_json(), encoding="utf-8")
            geometry = date_geometry(made.phantom, made.pose, case.spine)
            (place / GEOMETRY_FILE).write_text(geometry.model_dump_json(indent=2) + "\n", encoding="utf-8")
            (place / "dseg.tsv").write_text(_index_table(made.phantom), encoding="utf-8")
            for n, scan in enumerate(made.scans, start=1):
                pending += [pool.submit(job) for job in _scan_jobs(place, case, made, n, scan)]
            pending.append(pool.submit(_write_fine, place, made))
            if first is not None:
                pending.append(pool.submit(_write_deformation, place, first, made))
            first = first or made
            truths.append(made.truth)
        for job in pending:
            job.result()
    return tuple(truths)


def image_names(scans: tuple[Scan, ...]) -> tuple[str, ...]:
    """What each series of a date is called: its plane, numbered where a plane comes twice."""
    planes = [scan.spec.plane for scan in scans]
    return tuple(
        plane if planes.count(plane) == 1 else f"{plane}-{planes[: n + 1].count(plane)}"
        for n, plane in enumerate(planes)
    )


def _scan_jobs(
    place: Path, case: CaseSpec, made: SimulatedDate, number: int, scan: Scan
) -> Iterator[Callable[[], object]]:
    name = image_names(made.scans)[number - 1]
    if case.format == "dicom":
        header = SeriesHeader(
            study=f"{case.model_dump_json()} {made.spec.date}",
            number=number,
            study_date=made.spec.date,
            plane=Plane(scan.spec.plane),
            sequence=scan.spec.sequence,
            vendor=scan.spec.vendor,
            field_tesla=scan.spec.field_tesla,
            tr_ms=scan.spec.tr_ms or 0.0,
            te_ms=scan.spec.te_ms or 0.0,
            slice_mm=scan.spec.slice_mm or 0.0,
        )
        yield partial(write_series, place / "dicom", scan.stacks, header)
    for n, (image, labels, displaced) in enumerate(
        zip(scan.stacks, scan.labels, scan.displaced, strict=True), start=1
    ):
        stack = name if len(scan.stacks) == 1 else f"{name}_stack-{n}"
        if case.format == "nifti":
            yield partial(write_nifti, place / f"{stack}_T2w.nii.gz", image, f"{case.name} T2")
        yield partial(write_nifti, place / f"{stack}_dseg.nii.gz", labels, f"{case.name} labels")
        yield partial(write_nifti, place / f"{stack}_displaced.nii.gz", displaced, f"{case.name} displaced")


def _write_fine(place: Path, made: SimulatedDate) -> None:
    write_nifti(place / FINE_FILE, fine_labels(made.phantom, made.pose), "fine labels")


def _write_deformation(place: Path, first: SimulatedDate, made: SimulatedDate) -> None:
    parts = deformation((first.phantom, first.pose), (made.phantom, made.pose))
    write_field(place / DEFORMATION_FILE, parts, "mm from date 1 to this one, on date 1's grid")


def _index_table(phantom: Phantom) -> str:
    """dseg.tsv: what each label is."""
    rows = ["index\tstructure\tlevel"]
    present: NDArray[np.uint16] = np.flatnonzero(np.bincount(phantom.anatomy.ravel()))[1:].astype(np.uint16)
    names = {level.ordinal: str(level) for level in phantom.levels}
    for index in present.tolist():
        structure, ordinal = divmod(index, STRUCTURE_STEP)
        whose = names.get(ordinal, "") if structure == Structure.DISC else ""
        if structure != Structure.DISC and ordinal:
            whose = VERTEBRAE[ordinal - 1]
        rows.append(f"{index}\t{Structure(structure).label}\t{whose}")
    return "\n".join(rows) + "\n"
