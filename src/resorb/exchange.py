"""A record of a course to a file with a FHIR bundle, and back."""

from __future__ import annotations

from pathlib import Path

from resorb.clinic.changes import follow, read_changes
from resorb.clinic.files import read_course, write_course
from resorb.errors import InputError, UsageError
from resorb.fhir import Exported, Imported, followed_herniations, from_bundle, to_bundle
from resorb.fhir.dialect import Version
from resorb.output import output_file

RECORD_SUFFIXES = (".yaml", ".yml", ".json")


def export_course(
    record: Path, output: Path, version: Version = "R5", *, identifiers: bool = False, overwrite: bool = False
) -> Exported:
    """Write the course of a record as a FHIR bundle, with the herniations that its comparisons follow.

    Args:
        record: YAML or JSON; the paths in it start from its folder.
        output: JSON file.
        identifiers: with the pseudonym and the paths of files, both of which may name the patient.

    Raises:
        InputError: the record, or a comparison that it names, cannot be read or is invalid.
        OutputError: the output exists, or cannot be written.
        UsageError: the version is unknown, or `fhir.resources` is not installed.
    """
    course = read_course(record).course
    followed = followed_herniations(follow(course, read_changes(course, record.parent)))
    exported = to_bundle(course, version, identifiers=identifiers, followed=followed)
    with output_file(output, overwrite=overwrite, inputs=(record,)) as path:
        path.write_text(exported.to_json(), encoding="utf-8")
    return exported


def import_bundle(bundle: Path, output: Path, *, overwrite: bool = False) -> Imported:
    """Write the course of a FHIR bundle as a record.

    Args:
        output: YAML or JSON file, by its suffix.

    Raises:
        InputError: the bundle cannot be read, or makes no course.
        OutputError: the output exists, or cannot be written.
        UsageError: the output is neither, or `fhir.resources` is not installed.
    """
    if output.suffix.lower() not in RECORD_SUFFIXES:
        raise UsageError(f"{output} is no name of a record: let it end in .yaml or .json")
    try:
        text = bundle.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise InputError(f"the bundle {bundle} cannot be read: {reason}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the bundle {bundle} is not text in UTF-8; export it as FHIR JSON") from error
    imported = from_bundle(text, name=str(bundle))
    with output_file(output, overwrite=overwrite, inputs=(bundle,)) as path:
        write_course(imported.course, path)
    return imported
