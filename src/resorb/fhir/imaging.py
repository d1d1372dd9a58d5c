"""Imaging studies, and what their reports say of each disc; and back."""

from __future__ import annotations

from resorb.clinic.imaging import ImagingStudy
from resorb.fhir.codes import BASE, concept, take_key
from resorb.fhir.elements import (
    extensions,
    notes,
    resource,
    take_day,
    take_extension,
    take_notes,
)
from resorb.fhir.leftovers import Json, Unreadable
from resorb.fhir.observations import FINDING, read_item, usable


def of_study(given: ImagingStudy) -> Json:
    """An imaging study, without its subject."""
    return resource(
        "ImagingStudy",
        status="available",
        modality=[concept("modality", given.modality)],
        started=given.date.isoformat(),
        extension=extensions(path=given.path, reading=given.reading),
        note=notes(given.note),
    )


def read_study(body: Json) -> Json:
    """A study as a record writes it in JSON; `body` loses what was read.

    Raises:
        Unreadable: it cannot become part of the record.
    """
    usable(body, ("available",))
    given: Json = {"date": take_day(body, "started")}
    if "modality" in body:
        keys = {take_key(one, ("modality",))[1] for one in body["modality"]}
        if len(keys) > 1:
            raise Unreadable("impossible", "several modalities in one study")
        given["modality"] = keys.pop()
    for name in ("path", "reading"):
        if (value := take_extension(body, name)) is not None:
            given[name] = value
    if note := take_notes(body):
        given["note"] = note
    return given


def of_report(given: ImagingStudy, study: Json, results: list[Json]) -> Json:
    """The report that lists the herniations of a study; without results it says that there was none."""
    return resource(
        "DiagnosticReport",
        status="unknown",
        code=concept("report", "herniations"),
        effectiveDateTime=given.date.isoformat(),
        study=[study],
        result=results,
    )


def read_report(body: Json) -> tuple[Json, list[Json]]:
    """The study and the results that a report of ours refers to.

    A report of somebody else that refers to no results is not one without findings: its text may tell of them.

    Raises:
        Unreadable: it is not such a report.
    """
    ours = any(c.get("system") == f"{BASE}/CodeSystem/report" for c in body.get("code", {}).get("coding", []))
    results = body.get("result", [])
    if not ours and not results:
        raise Unreadable("no_field", "a report in words; the record holds findings by disc")
    usable(body, ("unknown", "final", "amended", "corrected", "appended"))
    take_key(body.get("code"), ("report",))
    studies = body.get("study", [])
    if len(studies) != 1:
        raise Unreadable("no_field", "a report of one study is needed")
    del body["study"]
    body.pop("result", None)
    return studies[0], results


def read_finding(body: Json) -> Json:
    """One disc as a record writes it in JSON; `body` loses what was read.

    Raises:
        Unreadable: it cannot become part of the record.
    """
    usable(body, ("final", "amended", "corrected"))
    take_key(body.get("code"), ("finding",))
    return read_item(body, FINDING, FINDING.code)
