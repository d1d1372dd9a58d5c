"""`resorb demo`: the model case, simulated, read blind on both dates, compared, and set beside its clinical course."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resorb.comparing import Comparison, compare
from resorb.joined import write_model_course
from resorb.limits import load_limits
from resorb.output import output_errors, output_folder
from resorb.pipeline import Clock, Progress, read, write_run
from resorb.simulation.case import model_case
from resorb.simulation.files import date_folder, write_case
from resorb.simulation.truth import StudyTruth
from resorb.timepoint import Timepoint

STUDY_FOLDER, CHANGE_FOLDER, COURSE_FOLDER = "study", "change", "course"
#: The two dates as they were read, in order.
READINGS = ("first", "second")
_SHARES = {
    "simulate": (0.0, 0.4),
    "first": (0.4, 0.6),
    "second": (0.6, 0.8),
    "compare": (0.8, 0.95),
    "course": (0.95, 1.0),
}


@dataclass(frozen=True, eq=False)
class Demonstration:
    """What was read and compared, and what is true of each date."""

    readings: tuple[Timepoint, ...]
    comparison: Comparison
    truths: tuple[StudyTruth, ...]


def demonstrate(
    output: Path | str, *, overwrite: bool = False, progress: Progress | None = None
) -> Demonstration:
    """Simulate the model case as DICOM, read and compare both dates as any other, and write its course.

    Args:
        output: folder that will hold study/ (the simulated patient with its truth), first/ and second/ (what `read`
            writes), change/ (what `compare` writes of those two), course/ (the clinical record of the model case and
            its report) and run.json. Whole or nothing.
        overwrite: replace an output folder that resorb made.

    Raises:
        OutputError: the output cannot be written.
    """
    output = Path(output)
    case = model_case().model_copy(update={"format": "dicom"})
    clock = Clock(progress, _SHARES)
    with output_folder(output, overwrite=overwrite) as folder:
        study = folder / STUDY_FOLDER
        with output_errors(output), clock.step("simulate", "Simulating") as tell:
            study.mkdir()
            truths = write_case(study, case, progress=tell)
        scans = [study / date_folder(case, n) / "dicom" for n in range(len(READINGS))]
        readings = []
        for scan, name in zip(scans, READINGS, strict=True):
            with clock.step(name, f"Reading the {name} MRI") as tell:
                readings.append(read(scan, folder / name, progress=tell))
        with clock.step("compare", "Comparing") as tell:
            stored = [folder / name for name in READINGS]
            comparison = compare(stored, folder / CHANGE_FOLDER, progress=tell)
        with output_errors(output), clock.step("course", "Writing the course"):
            write_model_course(
                folder / COURSE_FOLDER, scans, [f"../{name}" for name in READINGS], (f"../{CHANGE_FOLDER}",)
            )
        with output_errors(output):
            write_run(folder, {}, load_limits(), clock)
    return Demonstration(tuple(readings), comparison, truths)
