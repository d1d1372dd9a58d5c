"""What could have produced a change: stored Change -> fitted models -> folder."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from resorb import __version__
from resorb.change import Change
from resorb.errors import InputError
from resorb.mechanism.explain import explain
from resorb.mechanism.figure import figure_svg, write_figure
from resorb.mechanism.kinetics import VOLUME
from resorb.mechanism.record import MechanismRecord
from resorb.mechanism.section import MechanismSection
from resorb.output import RUN_FILE, output_errors, output_folder
from resorb.reporting.page import Heading, document

RUN_SCHEMA_VERSION = 1
MIN_VOLUMES = 2  # a course needs two points
REPORT_FILE, RECORD_FILE, CHANGE_FILE = "report.html", "mechanism.json", "change.json"


def mechanism(
    change: Path | str, output: Path | str | None = None, *, overwrite: bool = False
) -> MechanismRecord:
    """Weigh the proposed mechanisms for every herniation of a stored Change; what `resorb mechanism` does.

    Exploratory, for research.

    Args:
        change: `change.json`, or the folder that `resorb compare` made.
        output: folder that will hold report.html, mechanism.json, mechanism.png, mechanism.svg and run.json; whole or
            nothing. None writes nothing.
        overwrite: replace an output folder that resorb made.

    Raises:
        InputError: the change cannot be read, or is none.
        OutputError: the output cannot be written.
    """
    since = time.perf_counter()
    path = Path(change)
    path = path / CHANGE_FILE if path.is_dir() else path
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or 'unknown error').lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not valid JSON; give the change.json that `resorb compare` wrote"
        ) from error
    try:
        record = explain(Change.from_json(text))
    except InputError as error:
        raise InputError(f"{path}: {error}; give the change.json that `resorb compare` wrote") from error
    if output is None:
        return record
    with (
        output_folder(Path(output), overwrite=overwrite, inputs=(path,)) as folder,
        output_errors(Path(output)),
    ):
        write_report(record, folder)
        run = {
            "kind": "run",
            "schema_version": RUN_SCHEMA_VERSION,
            "resorb_version": __version__,
            "input_sha256": hashlib.sha256(content).hexdigest(),
            "seconds": {"mechanism": round(time.perf_counter() - since, 3)},
            "files": sorted(p.name for p in folder.iterdir()),
        }
        (folder / RUN_FILE).write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    return record


def change_sections(change: Change) -> tuple[MechanismSection, ...]:
    """The folded section for the report of a change; none where no herniation can be fitted."""
    volumes = (track.quantities.get(VOLUME, ()) for track in change.tracks)
    if not any(sum(one.value is not None for one in given) >= MIN_VOLUMES for given in volumes):
        return ()
    record = explain(change)
    fitted = any(one.models for one in record.herniations)
    return (MechanismSection(record, figure_svg(record)),) if fitted else ()


def write_report(record: MechanismRecord, folder: Path) -> MechanismSection:
    """Write the record, its figure and its page into an existing folder.

    Returns:
        The section, open on the page; a report of the change folds it.

    Raises:
        OSError: a file cannot be written.
    """
    section = MechanismSection(record, write_figure(record, folder), folded=False)
    heading = Heading(
        title="Why might it have shrunk?",
        heading="Why might it have shrunk?",
        line="Three proposed mechanisms, weighed on one patient's serial MRI; exploratory",
        synthetic="SYNTHETIC studies, not a patient" if record.synthetic else "",
        statement=record.statement,
        outlines=False,
    )
    (folder / REPORT_FILE).write_text(document(heading, (section,)), encoding="utf-8")
    (folder / RECORD_FILE).write_text(record.to_json(), encoding="utf-8")
    return section
