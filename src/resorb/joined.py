"""The course of one patient beside the images: record -> review, story, time line -> folder."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resorb import __version__
from resorb.clinic.changes import change_file, follow, read_changes
from resorb.clinic.files import Record, parse_course, read_course, write_course
from resorb.clinic.imaging import ImagingStudy
from resorb.clinic.report.record import CourseReport
from resorb.clinic.report.sections import sections
from resorb.clinic.review import read_readings, review
from resorb.clinic.story.imaging import levels_of_interest
from resorb.clinic.story.letter import letter
from resorb.clinic.story.story import tell
from resorb.clinic.timeline.draw import write_time_line
from resorb.clinic.timeline.tracks import time_line
from resorb.errors import InputError, NotMeasurableError
from resorb.loading import load
from resorb.output import RUN_FILE, output_errors, output_folder
from resorb.reading import RESEARCH_USE, Point, Reading
from resorb.reporting.findings import findings
from resorb.reporting.page import Heading, document
from resorb.reporting.pdf import pdf_available, write_pdf
from resorb.reporting.thumbnail import figure_thumbnail, thumbnail

RUN_SCHEMA_VERSION = 1
REPORT_FILE, PDF_FILE = "report.html", "report.pdf"

#: Called with what is being done and the fraction of the whole that is done, in [0, 1].
Progress = Callable[[str, float], None]
Picture = NDArray[np.uint8]


def course(
    record: Path | str, output: Path | str, *, overwrite: bool = False, progress: Progress | None = None
) -> CourseReport:
    """Review a course and write its report; what `resorb course` does.

    Args:
        record: YAML or JSON; the paths in it start from its folder.
        output: folder that will hold report.html, report.pdf where the extra `pdf` is installed, timeline.png,
            timeline.svg, letter.txt, course.json and run.json. Whole or nothing.
        overwrite: replace an output folder that resorb made.

    Raises:
        InputError: the record, or a reading or comparison that it names, cannot be read or is invalid.
        OutputError: the output cannot be written.
    """
    record, output = Path(record), Path(output)
    since = time.perf_counter()
    read = read_course(record)
    inputs = (record, *_named(read, record.parent))
    with output_folder(output, overwrite=overwrite, inputs=inputs) as folder, output_errors(output):
        report = _write(read, record, folder, progress)
        run = {
            "kind": "run",
            "schema_version": RUN_SCHEMA_VERSION,
            "resorb_version": __version__,
            "input_sha256": report.record_sha256,
            "readings_sha256": [_sha256(path) for path in _reading_files(read, record.parent)],
            "changes_sha256": [_sha256(change_file(record.parent, name)) for name in read.course.changes],
            "seconds": {"course": round(time.perf_counter() - since, 3)},
            "files": sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()),
        }
        (folder / RUN_FILE).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    return report


def write_course_report(record: Path, folder: Path, *, progress: Progress | None = None) -> CourseReport:
    """The same into an existing folder, without run.json.

    Raises:
        InputError: as `course`.
        OSError: a file cannot be written.
    """
    return _write(read_course(record), record, folder, progress)


def _write(read: Record, record: Path, folder: Path, progress: Progress | None) -> CourseReport:
    tell_progress = progress or (lambda _what, _fraction: None)
    tell_progress("Reading what the record names", 0.0)
    readings = read_readings(read.course, record.parent)
    changes = read_changes(read.course, record.parent)
    tell_progress("Loading pictures", 0.2)
    pictures, notes = _pictures(read, readings, record.parent)
    story = tell(read.course, readings, read.lines, changes)
    reviewed = review(read, readings, changes)
    report = CourseReport(
        resorb_version=__version__,
        record_sha256=_sha256(record),
        synthetic=any(r.synthetic for r in readings.values()) or any(c.synthetic for c in changes.values()),
        review=reviewed,
        story=story,
        letter=letter(read.course, reviewed, story),
        notes=notes,
        course=read.course,
    )
    tell_progress("Drawing", 0.5)
    followed = follow(read.course, changes, levels_of_interest(read.course, readings))
    line = time_line(read.course, readings, pictures, followed)
    figure = write_time_line(line, folder, synthetic=report.synthetic)
    quoted = {n: findings(reading).main for n, reading in readings.items()}
    page = document(_heading(report), sections(report, figure, quoted, followed))
    (folder / REPORT_FILE).write_text(page, encoding="utf-8")
    if pdf_available():
        tell_progress("Laying out the PDF", 0.8)
        write_pdf(page, folder / PDF_FILE)
    (folder / "letter.txt").write_text(report.letter, encoding="utf-8")
    (folder / "course.json").write_text(report.to_json(), encoding="utf-8")
    tell_progress("Drawing", 1.0)
    return report


def write_model_course(
    folder: Path, scans: Sequence[Path], readings: Sequence[str], changes: tuple[str, ...]
) -> CourseReport:
    """Write the record of the model case and its report into a new folder.

    Args:
        scans: the simulated study of each date.
        readings: the stored reading of each date, as the record names it.
        changes: stored comparisons, as the record names them.

    Raises:
        OSError: a file cannot be written.
    """
    text = resources.files("resorb.clinic").joinpath("cases", "model_case.yaml").read_text("utf-8")
    model = parse_course(text, "model_case.yaml").course
    paths = [os.path.relpath(scan, folder).replace(os.sep, "/") for scan in scans]
    studies = tuple(
        study.model_copy(update={"path": path, "reading": reading})
        for study, path, reading in zip(model.studies, paths, readings, strict=True)
    )
    folder.mkdir()
    record = folder / "record.yaml"
    write_course(model.model_copy(update={"studies": studies, "changes": changes}), record)
    return write_course_report(record, folder)


def _heading(report: CourseReport) -> Heading:
    patient = report.course.patient
    age = "" if patient.age_years is None else f", {patient.age_years:g} years at the onset"
    sex = "" if patient.sex == "unknown" else f", {patient.sex}"
    return Heading(
        title="Clinical course and lumbar MRI",
        heading="Clinical course beside the images",
        line=f"{patient.pseudonym or 'No pseudonym'}{sex}{age}; onset {report.course.onset.date}",
        synthetic="SYNTHETIC images, not a patient" if report.synthetic else "",
        statement=RESEARCH_USE,
        outlines=False,
    )


def _pictures(
    record: Record, readings: Mapping[int, Reading], folder: Path
) -> tuple[dict[int, Picture], tuple[str, ...]]:
    """A small picture of each study that has one, and why others that name images have none."""
    studies = [(n, study) for n, study in enumerate(record.course.studies) if study.modality == "MR"]
    levels = levels_of_interest(record.course, readings)
    centres = {n: _centre(readings[n], levels) for n, study in studies if n in readings and study.path}
    # One scale for all: each is shown around the level where that is known of all of them.
    near = all(centres.get(n) is not None for n, study in studies if study.path)
    found: dict[int, Picture] = {}
    notes = []
    for n, study in studies:
        try:
            picture = _picture(study, folder, centres.get(n) if near else None)
        except (InputError, NotMeasurableError, OSError):
            missing = study.path is not None and not (folder / study.path).exists()
            why = "its images are not where the record says" if missing else "its images cannot be shown"
            notes.append(f"No picture of the study of {study.date}: {why}.")
        else:
            found |= {} if picture is None else {n: picture}
    return found, tuple(notes)


def _picture(study: ImagingStudy, folder: Path, centre: Point | None) -> Picture | None:
    """From the images themselves; else from the figure beside the stored reading; None where neither is named."""
    if study.path is not None:
        return thumbnail(load(folder / study.path).sagittal.volume, centre)
    figure = None if study.reading is None else _reading_file(folder, study.reading).with_name("figure.png")
    return figure_thumbnail(figure) if figure is not None and figure.exists() else None


def _centre(reading: Reading, levels: tuple[str, ...]) -> Point | None:
    """The point to show: of the level that the course is about, else of the worst one."""
    disc = next((d for level in levels for d in reading.discs if d.level == level), reading.worst)
    return None if disc is None else disc.apex or disc.origin


def _named(record: Record, folder: Path) -> tuple[Path, ...]:
    """Every file and folder that a record names and that is there: none may be written over."""
    studies = record.course.studies
    names = [name for study in studies for name in (study.path, study.reading) if name is not None]
    names += record.course.changes
    return tuple(path for name in names if (path := folder / name).exists())


def _reading_files(record: Record, folder: Path) -> list[Path]:
    return [
        _reading_file(folder, study.reading) for study in record.course.studies if study.reading is not None
    ]


def _reading_file(folder: Path, name: str) -> Path:
    path = folder / name
    return path / "reading.json" if path.is_dir() else path


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path} again: {error.strerror}") from error
