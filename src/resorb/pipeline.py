"""The path of the data, composed: load -> segment -> measure -> report; only this module knows every step."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from resorb import __version__
from resorb.anatomy import Level
from resorb.errors import InputError, NotMeasurableError, ResorbError, StrictRefusal, UsageError
from resorb.limits import Limits, load_limits
from resorb.loading import Choice, Contents, choose, load, load_series
from resorb.measurement import measure
from resorb.output import RUN_FILE, output_errors, output_folder, write_volume
from resorb.reporting import report
from resorb.segmentation import anatomy_from_mask, segment
from resorb.timepoint import Timepoint

if TYPE_CHECKING:
    from resorb.simulation.truth import StudyTruth

RUN_SCHEMA_VERSION = 1

#: The series of the simulated study that is read.
STUDY_FILE = "sagittal_T2w.nii.gz"
#: Where the demo writes the clinical course.
COURSE_FOLDER = "course"
_SIMULATED = 0.6  # of the demo's time

#: Called with what is being done and the fraction of the whole that is done, in [0, 1].
Progress = Callable[[str, float], None]

#: The libraries whose versions can change a number.
_LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-image",
    "nibabel",
    "pydicom",
    "onnxruntime",
    "simpleitk",
    "matplotlib",
)

#: Where each step's share of the whole begins, as measured on 3D studies; used for the progress bar only.
_SHARES = {"load": (0.0, 0.03), "segment": (0.03, 0.75), "measure": (0.75, 0.85), "report": (0.85, 1.0)}


@dataclass(frozen=True)
class Options:
    """What can be asked of a reading; the defaults need no thought.

    Attributes:
        series: the number of the sagittal series to measure, instead of the one that is chosen.
        mask: a label map made elsewhere, used instead of the embedded model.
        scheme: how that label map numbers its structures (`resorb.SCHEMES`).
        lowest_disc: the name of the lowest disc in the image, where counting from the sacrum is wrong.
        limits: a TOML file whose values override those of limits.toml.
        strict: refuse, and write nothing, where anything is in doubt.
    """

    series: int | None = None
    mask: Path | None = None
    scheme: str | None = None
    lowest_disc: Level | None = None
    limits: Path | None = None
    strict: bool = False


@dataclass(frozen=True, eq=False)
class Listing:
    """What is in a study, and what a reading of it would use; `refusal` says why it could not be read."""

    contents: Contents
    choice: Choice | None
    refusal: ResorbError | None = None


def info(path: Path | str, *, series: int | None = None) -> Listing:
    """List every series of a study, and the choice that `read` would make; what `resorb info` shows.

    Raises:
        InputError: the study cannot be read, or is invalid.
        UsageError: there is no series of that number.
    """
    contents = load_series(path)
    try:
        return Listing(contents, choose(contents.series, series))
    except (InputError, NotMeasurableError) as error:
        return Listing(contents, None, type(error)(f"{path}: {error}"))


def read(
    study: Path | str,
    output: Path | str,
    options: Options | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Timepoint:
    """Load, segment, measure and report one study; what `resorb read` does.

    Args:
        study: NIfTI file, DICOM folder or zip.
        output: folder that will hold reading.json, levels.csv, anatomy.nii.gz, anatomy.tsv,
            displaced.nii.gz, report.html, figure.png, figure.svg and run.json, and anatomy_axial-N.nii.gz
            for each axial stack on which the spine was found. Whole or nothing.
        overwrite: replace an output folder that resorb made.

    Raises:
        UsageError: the options contradict each other or name what is not there.
        InputError: the study, the mask or the limits cannot be read, or are invalid.
        NotMeasurableError: readable, but not lumbar T2 MRI.
        StrictRefusal: something is in doubt and `options.strict` is set.
        OutputError: the output cannot be written.
    """
    study, output = Path(study), Path(output)
    options = options or Options()
    inputs = tuple(path for path in (study, options.mask, options.limits) if path is not None)
    with output_folder(output, overwrite=overwrite, inputs=inputs) as folder:
        return _read_into(folder, output, study, options, progress)


def demo(
    output: Path | str, *, overwrite: bool = False, progress: Progress | None = None
) -> tuple[Timepoint, StudyTruth]:
    """Simulate the model case into `output`/study, both of its dates, read the first, and write its course.

    `output`/course holds the clinical record of the model case and its report.

    Returns:
        What was measured, and what is true.

    Raises:
        OutputError: the output cannot be written.
    """
    # Imported here: no other command needs them, and they take a second.
    from resorb.joined import write_model_course
    from resorb.simulation.case import model_case
    from resorb.simulation.files import date_folder, write_case

    output = Path(output)
    case = model_case()
    say = progress or (lambda _name, _fraction: None)
    with output_folder(output, overwrite=overwrite) as folder:
        study = folder / "study"
        with output_errors(output):
            study.mkdir()
            truth, *_ = write_case(study, case, progress=lambda name, done: say(name, _SIMULATED * done))
        scan = study / date_folder(case, 0) / STUDY_FILE

        def after(name: str, done: float) -> None:
            say(name, _SIMULATED + (1 - _SIMULATED) * done)

        def beside() -> None:
            write_model_course(
                folder / COURSE_FOLDER, [study / date_folder(case, n) / STUDY_FILE for n in (0, 1)]
            )

        return _read_into(folder, output, scan, Options(), after, beside), truth


def _read_into(
    folder: Path,
    target: Path,
    path: Path,
    options: Options,
    progress: Progress | None,
    beside: Callable[[], None] | None = None,
) -> Timepoint:
    """Walk the path and write everything into an existing folder; `target` is its name in messages.

    `beside` writes more into it, once the reading stands there.
    """
    if (options.mask is None) != (options.scheme is None):
        raise UsageError("--mask and --scheme belong together: give both, or neither")
    limits = load_limits(options.limits)
    clock = _Clock(progress)

    with clock.step("load", "Loading"):
        study = load(path, series=options.series)
    with clock.step("segment", "Segmenting") as inner:
        if options.mask is not None and options.scheme is not None:
            anatomy = anatomy_from_mask(
                study, options.mask, options.scheme, lowest_disc=options.lowest_disc, progress=inner
            )
        else:
            asked_for = options.series is not None
            anatomy = segment(study, lowest_disc=options.lowest_disc, asked_for=asked_for, progress=inner)
    with clock.step("measure", "Measuring"):
        timepoint = measure(study, anatomy, limits)
    if options.strict:
        _refuse_doubts(timepoint)
    with output_errors(target):
        with clock.step("report", "Drawing") as inner:
            report(timepoint, folder, progress=inner)
        _write_records(folder, timepoint)
        if beside is not None:
            beside()
        _write_run(folder, timepoint, options, limits, clock)
    return timepoint


def doubts(timepoint: Timepoint) -> tuple[str, ...]:
    """Everything about a reading that is not certain, in words; `--strict` refuses when there is any."""
    reading = timepoint.reading
    said = [*reading.doubts, *reading.warnings]
    for flag, words in (
        ("unmeasurable", "could not be measured"),
        ("low_confidence", "was segmented unsurely"),
    ):
        said += [f"{disc.level} {words}" for disc in reading.discs if flag in disc.flags]
    return tuple(dict.fromkeys(said))


def _refuse_doubts(timepoint: Timepoint) -> None:
    if said := doubts(timepoint):
        raise StrictRefusal(f"refused under --strict, nothing was written: {'; '.join(said)}")


def _write_records(folder: Path, timepoint: Timepoint) -> None:
    (folder / "reading.json").write_text(timepoint.reading.to_json(), encoding="utf-8")
    write_volume(folder / "anatomy.nii.gz", timepoint.anatomy.labels)
    for number, axial in enumerate(timepoint.anatomy.axial, start=1):
        if axial.data.any():
            write_volume(folder / f"anatomy_axial-{number}.nii.gz", axial)
    write_volume(folder / "displaced.nii.gz", timepoint.displaced)
    rows = ["index\tstructure\tlevel"]
    rows += [f"{index}\t{structure}\t{level}" for index, structure, level in timepoint.anatomy.index_table()]
    (folder / "anatomy.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _write_run(folder: Path, timepoint: Timepoint, options: Options, limits: Limits, clock: _Clock) -> None:
    """What was run on what, with which versions. No path of the input: a name may hold an identifier."""
    asked = asdict(replace(options, mask=None, limits=None))
    asked |= {"mask": options.mask is not None, "limits": options.limits is not None}
    asked["lowest_disc"] = str(options.lowest_disc) if options.lowest_disc else None
    run = {
        "kind": "run",
        "schema_version": RUN_SCHEMA_VERSION,
        "resorb_version": __version__,
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "started": clock.started.isoformat(timespec="seconds"),
        "seconds": clock.seconds,
        "input_sha256": timepoint.study.sha256,
        "mask_sha256": _sha256(options.mask) if options.mask else None,
        "series": timepoint.study.sagittal.number,
        "segmented_by": timepoint.anatomy.source,
        "limits": {"sha256": limits.sha256, "overrides": {name: limits[name] for name in limits.overrides}},
        "options": asked,
        "files": sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()),
    }
    (folder / RUN_FILE).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path} again: {error.strerror}") from error


class _Clock:
    """Times the steps, and turns the progress within each into progress of the whole."""

    def __init__(self, progress: Progress | None) -> None:
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self._progress = progress or (lambda _name, _fraction: None)

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Progress]:
        begin, end = _SHARES[name]
        self._progress(title, begin)
        since = time.perf_counter()
        yield lambda _detail, fraction: self._progress(title, begin + (end - begin) * fraction)
        self.seconds[name] = round(time.perf_counter() - since, 3)
        self._progress(title, end)
