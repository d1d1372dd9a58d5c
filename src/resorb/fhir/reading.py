"""A FHIR bundle, ours or somebody else's, as a course."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import ValidationError

from resorb.clinic.record import Course, Visit
from resorb.errors import InputError
from resorb.fhir.background import (
    denied,
    read_age,
    read_condition,
    read_flag,
    read_patient,
    read_visit,
    starts_course,
    years_between,
)
from resorb.fhir.codes import take_key
from resorb.fhir.dialect import Version
from resorb.fhir.entries import SUBJECT, Entry, around, entries, strip, target
from resorb.fhir.followed import (
    FollowedChange,
    FollowedHerniation,
    read_change,
    read_followed,
    tells_change,
)
from resorb.fhir.imaging import read_finding, read_report, read_study
from resorb.fhir.leftovers import Json, Leftover, Unreadable
from resorb.fhir.models import Misfit, checked, invalid, version_of
from resorb.fhir.observations import SHAPES, allowed, day_of, read_observation
from resorb.fhir.treatments import read_procedure, read_statement

#: A bundle of a course of hundreds of visits is far smaller.
MAX_BYTES = 50_000_000
#: Lists of a visit; every other answer has room for one value.
LISTS = tuple(shape.many for shape in SHAPES)


@dataclass(frozen=True)
class Imported:
    """A course, and what of the bundle is not in it.

    Attributes:
        followed: herniations that the bundle follows through time, with what became of them; a course has no place
            for these.
    """

    course: Course
    version: Version
    leftovers: tuple[Leftover, ...]
    followed: tuple[FollowedHerniation, ...]


def from_bundle(text: str, version: Version | None = None, name: str = "the bundle") -> Imported:
    """Read a bundle of one patient.

    Resources are refused whole where their status or a modifier says that they did not happen, or where the record has
    no room for what they say; what is left of the others is listed element by element. Narratives are not read.

    Args:
        text: FHIR JSON.
        version: of FHIR; found from the shapes of the resources where it is None.
        name: what stands for the file in messages.

    Raises:
        InputError: not a bundle of that version, about several patients, or without the onset of the episode.
        UsageError: the version is unknown, or `fhir.resources` is not installed.
    """
    bundle = _parsed(text, name)
    if version is None:
        version = version_of(bundle, name)
    else:
        try:
            checked(bundle, version)
        except Misfit as error:
            raise invalid(error, version, name) from error
    reader = _Reader(bundle, version, name)
    course = reader.course()
    return Imported(course, version, (*around(bundle), *reader.leftovers()), tuple(reader.followed))


class _Reader:
    """The bundle while it becomes a course."""

    def __init__(self, bundle: Json, version: Version, name: str) -> None:
        self._name, self._version = name, version
        self._all = entries(bundle, version)
        self._at = {address: entry for entry in self._all for address in entry.addresses}
        self._visits: list[Json] = []
        self._visit_of: dict[int, Json] = {}
        self._extra: list[Leftover] = []
        self.followed: list[FollowedHerniation] = []

    def course(self) -> Course:
        patient = self._patient()
        for entry in self._all:
            strip(entry, self._at, patient)
        given: Json = {**self._onset(), "studies": self._studies()}
        given["patient"] = self._about(patient, date.fromisoformat(given["onset"]["date"]))
        self.followed = self._followed()
        for entry in self._of("Encounter"):
            if (visit := entry.attempt(read_visit)) is not None:
                self._visits.append(visit)
                self._visit_of[entry.number] = visit
        for entry in self._of("Observation"):
            self._observe(entry, given["patient"])
        given |= {"visits": self._visits, "treatments": self._treatments()}
        if given["treatments_complete"] and self._unread_procedures():
            given["treatments_complete"] = False
            self._extra.append(Leftover("treatments_complete", "not_true", "a Procedure could not be read"))
        for entry in self._of("Flag"):
            entry.attempt(read_flag)
        try:
            return Course.model_validate_json(json.dumps(given))
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(step) for step in fault["loc"])
            raise InputError(f"{self._name} does not make a course: {place}: {fault['msg']}") from error

    def leftovers(self) -> list[Leftover]:
        return [*self._extra, *(one for entry in self._all for one in entry.leftovers(self._version))]

    def _of(self, *kinds: str) -> list[Entry]:
        return [entry for entry in self._all if entry.kind in kinds]

    def _patient(self) -> Entry | None:
        found = self._of("Patient")
        if len(found) > 1:
            raise InputError(
                f"{self._name} holds {len(found)} patients: a course is about one; export them one by one"
            )
        subjects = {one.body[key].get("reference") for one in self._all for key in SUBJECT if key in one.body}
        if not found and len(subjects) > 1:
            raise InputError(f"{self._name} is about {len(subjects)} patients: export them one by one")
        return found[0] if found else None

    def _about(self, entry: Entry | None, onset: date) -> Json:
        given = (entry.attempt(read_patient) if entry else None) or {}
        if entry and (years := years_between(entry.before.get("birthDate"), onset)) is not None:
            given["age_years"] = years
        for one in self._of("Observation"):
            if one.peek(lambda body: take_key(body.get("code"), ("age",))):
                age = one.attempt(lambda body: read_age(body, onset))
                given |= {} if age is None else {"age_years": age}
        return given

    def _onset(self) -> Json:
        found = [
            entry
            for entry in self._of("Condition")
            if not (entry.refused or denied(entry.body)) and entry.peek(starts_course) is not None
        ]
        if len(found) != 1:
            raise InputError(
                f"{self._name} holds {len(found) or 'no'} Condition{'s' if len(found) > 1 else ''} that a course "
                "could start from: it needs one, of sciatica or of a lumbar disc with radiculopathy, with its onset"
            )
        given = found[0].attempt(read_condition)
        if given is None:
            why = found[0].refused.detail if found[0].refused else ""
            raise InputError(f"{self._name}: the Condition that the course starts from cannot be read: {why}")
        return given

    def _observe(self, entry: Entry, patient: Json) -> None:
        """Put an Observation where it belongs: into the history, or into the visit of its encounter or its day."""
        if entry.read or entry.refused:
            return
        said = entry.attempt(read_observation)
        if said is None:
            return
        part, field, value = said
        if part == "history":
            into = patient.setdefault("history", {})
            entry.body.pop("effectiveDateTime", None)
        else:
            visit = self._visit(entry)
            if visit is None:
                return
            into = visit.setdefault(part, {})
        if field in LISTS:
            into[field] = into.get(field, []) + (value if isinstance(value, list) else [value])
        elif field in into:
            entry.refuse(Unreadable("repeated", "answered twice on one date"))
        else:
            into[field] = value

    def _visit(self, entry: Entry) -> Json | None:
        met = target(entry.body.get("encounter"), self._at)
        visit = self._visit_of.get(met.number) if met else None
        day = str(entry.body.get("effectiveDateTime", ""))[:10] or (visit["date"] if visit else "")
        if visit and visit["date"] == day:
            del entry.body["encounter"]
        else:
            try:
                allowed(Visit, {"date": day})
            except Unreadable:
                entry.refuse(Unreadable("inexact", "no day on which it was found"))
                return None
            visit = next((one for one in self._visits if one["date"] == day), None)
            if visit is None:
                visit = {"date": day}
                self._visits.append(visit)
        day_of(entry.body, date.fromisoformat(day))
        return visit

    def _treatments(self) -> list[Json]:
        read = {"Procedure": read_procedure, "MedicationStatement": read_statement}
        found = [entry.attempt(read[entry.kind]) for entry in self._of(*read)]
        return [one for one in found if one is not None]

    def _followed(self) -> list[FollowedHerniation]:
        places = {entry.number: entry.attempt(read_followed) for entry in self._of("BodyStructure")}
        changes: dict[int, list[FollowedChange]] = {}
        for entry in self._of("Observation"):
            if entry.read or entry.peek(tells_change) is None:
                continue
            place = target(entry.body.get("bodyStructure"), self._at)
            if place is None or places.get(place.number) is None:
                entry.refuse(Unreadable("no_field", "of no herniation that the bundle follows"))
            elif (change := entry.attempt(read_change)) is not None:
                del entry.body["bodyStructure"]
                changes.setdefault(place.number, []).append(change)
        return [
            replace(one, changes=tuple(changes.get(number, ())))
            for number, one in places.items()
            if one is not None
        ]

    def _unread_procedures(self) -> bool:
        """Whether something was done that the course does not hold: it may have been an operation on the disc."""
        undone = ("not-done", "entered-in-error")
        return any(not one.read and one.before["status"] not in undone for one in self._of("Procedure"))

    def _studies(self) -> list[Json]:
        studies = {entry.number: entry.attempt(read_study) for entry in self._of("ImagingStudy")}
        for entry in self._of("DiagnosticReport"):
            if (read := entry.attempt(read_report)) is None:
                continue
            shown, results = read
            met = target(shown, self._at)
            study = studies.get(met.number) if met else None
            if study is None:
                entry.refuse(Unreadable("no_field", "the study it reports is not in the bundle"))
                continue
            day_of(entry.body, date.fromisoformat(study["date"]))
            found = [self._finding(one, study) for one in results]
            known = [one for one in found if one is not None]
            # A report whose findings could not be read is not one without findings.
            if known or not results:
                study["findings"] = study.get("findings", []) + known
        return [study for study in studies.values() if study is not None]

    def _finding(self, reference: Any, study: Json) -> Json | None:
        entry = target(reference, self._at)
        found = entry.attempt(read_finding) if entry else None
        if entry and found is not None:
            day_of(entry.body, date.fromisoformat(study["date"]))
            place = target(entry.body.get("bodyStructure"), self._at)
            if place is not None and place.kind == "BodyStructure":
                del entry.body["bodyStructure"]
        return found


def _parsed(text: str, name: str) -> Json:
    if len(text) > MAX_BYTES:
        raise InputError(
            f"{name} is larger than {MAX_BYTES // 1_000_000} MB: is it the bundle of one course?"
        )
    try:
        bundle = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{name} is not valid JSON: {str(error).split(':')[0]}") from error
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise InputError(f"{name} is not a FHIR bundle: it starts with `resourceType: Bundle`")
    return bundle
