"""One date, composed: load -> segment -> measure -> report. `comparing` composes what follows from several."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from resorb import __version__
from resorb.anatomy import Level
from resorb.errors import InputError, NotMeasurableError, ResorbError, StrictRefusal, UsageError
from resorb.lazy import importing
from resorb.limits import Limits, load_limits
from resorb.loading import Choice, Contents, choose, load, load_series
from resorb.measurement import measure, with_word
from resorb.output import RUN_FILE, output_errors, output_folder
from resorb.reporting import report
from resorb.segmentation import anatomy_from_mask, segment

if TYPE_CHECKING:
    from resorb.timepoint import Timepoint

RUN_SCHEMA_VERSION = 1

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

#: What the steps after segmenting need, with all that they import: a second, which the network leaves to Python.
LATER_STEPS = (
    "resorb.measurement.discs",
    "resorb.timepoint_folder",
    "resorb.reporting.figure",
    "resorb.reporting.page",
    "resorb.reporting.sections",
)

#: Where each step's share of the whole begins, as measured on 3D studies; used for the progress bar only.
SHARES = {"load": (0.0, 0.03), "segment": (0.03, 0.75), "measure": (0.75, 0.85), "report": (0.85, 1.0)}


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
        reader: a reader's file, whose classes stand beside or in place of those measured.
    """

    series: int | None = None
    mask: Path | None = None
    scheme: str | None = None
    lowest_disc: Level | None = None
    limits: Path | None = None
    strict: bool = False
    reader: Path | None = None


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
        output: folder that will hold reading.json, levels.csv, anatomy.nii.gz, anatomy.tsv, displaced.nii.gz,
            report.html, figure.png, figure.svg, run.json, and what `compare` needs besides: timepoint.json, the
            measured series in images/, and anatomy_axial-N.nii.gz for each axial stack on which the spine was
            found. Whole or nothing.
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
    inputs = tuple(path for path in (study, options.mask, options.limits, options.reader) if path is not None)
    with output_folder(output, overwrite=overwrite, inputs=inputs) as folder:
        return _read_into(folder, output, study, options, progress)


def _read_into(
    folder: Path, target: Path, path: Path, options: Options, progress: Progress | None
) -> Timepoint:
    """Walk the path and write everything into an existing folder; `target` is its name in messages."""
    limits, clock = load_limits(options.limits), Clock(progress)
    timepoint = measured(path, options, limits, clock)
    from resorb.timepoint_folder import write_timepoint

    if options.strict:
        refuse_doubts(doubts(timepoint))
    with output_errors(target):
        with clock.step("report", "Drawing") as inner, ThreadPoolExecutor(1) as thread:
            written = thread.submit(write_timepoint, folder, timepoint, limits, __version__)
            report(timepoint, folder, progress=inner)
            written.result()
        _write_run(folder, timepoint, options, limits, clock)
    return timepoint


def measured(path: Path, options: Options, limits: Limits, clock: Clock) -> Timepoint:
    """Load, segment and measure one study; nothing is written, and `options.strict` is left to the caller.

    Raises:
        UsageError, InputError, NotMeasurableError: as `read`.
    """
    if (options.mask is None) != (options.scheme is None):
        raise UsageError("--mask and --scheme belong together: give both, or neither")
    word = None
    if options.reader:
        # Read first: what is wrong with it is said before the seconds of segmentation.
        from resorb.reader import read_word

        word = read_word(options.reader)
    with clock.step("load", "Loading"):
        study = load(path, series=options.series)
    with clock.step("segment", "Segmenting") as inner, importing(*LATER_STEPS):
        if options.mask is not None and options.scheme is not None:
            anatomy = anatomy_from_mask(
                study, options.mask, options.scheme, lowest_disc=options.lowest_disc, progress=inner
            )
        else:
            asked_for = options.series is not None
            anatomy = segment(study, lowest_disc=options.lowest_disc, asked_for=asked_for, progress=inner)
    with clock.step("measure", "Measuring"):
        timepoint = measure(study, anatomy, limits)
    return timepoint if word is None else replace(timepoint, reading=with_word(timepoint.reading, *word))


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


def refuse_doubts(said: Sequence[str]) -> None:
    """Refuse, for `--strict`, where there is any doubt.

    Raises:
        StrictRefusal: there is one.
    """
    if said:
        raise StrictRefusal(f"refused under --strict, nothing was written: {'; '.join(said)}")


def _write_run(folder: Path, timepoint: Timepoint, options: Options, limits: Limits, clock: Clock) -> None:
    """What was run on what. No path of the input: a name may hold an identifier."""
    asked = asdict(replace(options, mask=None, limits=None, reader=None))
    asked |= {name: getattr(options, name) is not None for name in ("mask", "limits", "reader")}
    asked["lowest_disc"] = str(options.lowest_disc) if options.lowest_disc else None
    facts = {
        "input_sha256": timepoint.study.sha256,
        "mask_sha256": _sha256(options.mask) if options.mask else None,
        "reader_sha256": _sha256(options.reader) if options.reader else None,
        "series": timepoint.study.sagittal.number,
        "segmented_by": timepoint.anatomy.source,
        "options": asked,
    }
    write_run(folder, facts, limits, clock)


def write_run(folder: Path, facts: Mapping[str, object], limits: Limits, clock: Clock) -> None:
    """Write `run.json`: `facts`, the versions, the times, the limits, and every file in the folder.

    Raises:
        OSError: it cannot be written.
    """
    run = {
        "kind": "run",
        "schema_version": RUN_SCHEMA_VERSION,
        "resorb_version": __version__,
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "started": clock.started.isoformat(timespec="seconds"),
        "seconds": clock.seconds,
        **facts,
        "limits": {"sha256": limits.sha256, "overrides": {name: limits[name] for name in limits.overrides}},
        "files": sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()),
    }
    (folder / RUN_FILE).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path} again: {error.strerror}") from error


class Clock:
    """Times the steps, and turns the progress within each into progress of the whole.

    Args:
        progress: called with what is being done and the fraction of the whole that is done.
        shares: by step, where its share of the whole begins and ends.
    """

    def __init__(
        self, progress: Progress | None, shares: Mapping[str, tuple[float, float]] | None = None
    ) -> None:
        self.started = datetime.now(UTC)
        self.seconds: dict[str, float] = {}
        self._progress = progress or (lambda _name, _fraction: None)
        self._shares = shares or SHARES

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Progress]:
        """Time one step; the block is given what to report its own progress to."""
        begin, end = self._shares[name]
        self._progress(title, begin)
        since = time.perf_counter()
        yield lambda _detail, fraction: self._progress(title, begin + (end - begin) * fraction)
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - since, 3)
        self._progress(title, end)
