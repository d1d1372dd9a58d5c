"""A course as a FHIR bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from resorb.clinic.imaging import ImagingFinding, ImagingStudy
from resorb.clinic.record import Course, Visit
from resorb.clinic.red_flags import red_flags
from resorb.fhir.codes import BASE, concept
from resorb.fhir.dialect import ACT_CODE, CLINICAL_STATUS, Version, written
from resorb.fhir.elements import NOTICE, extension, extensions, notes, put_text, quantity, resource
from resorb.fhir.followed import FollowedHerniation, of_change, of_followed
from resorb.fhir.imaging import of_report, of_study
from resorb.fhir.leftovers import Json, Leftover
from resorb.fhir.models import checked
from resorb.fhir.observations import FINDING, observation, of_item, of_visit, single_answers
from resorb.fhir.treatments import of_treatment

PSEUDONYM = f"{BASE}/identifier/pseudonym"
ASK = "may name the patient; written only where identifiers are asked for"


@dataclass(frozen=True)
class Exported:
    """A bundle, and what of the course is not in it.

    Attributes:
        course: that it was made from.
        bundle: of `fhir.resources`, of the version asked for.
    """

    course: Course
    bundle: Any
    leftovers: tuple[Leftover, ...]
    content: Json

    def to_json(self) -> str:
        """The bundle as FHIR JSON."""
        return json.dumps(self.content, indent=2, ensure_ascii=False) + "\n"


def to_bundle(
    course: Course,
    version: Version = "R5",
    *,
    identifiers: bool = False,
    followed: Sequence[FollowedHerniation] = (),
) -> Exported:
    """A course as a bundle of type `collection`.

    Its resources in order: Patient, a Flag for each red flag, Condition, Observations of the history; an Encounter per
    visit with its Observations; Procedures and MedicationStatements; BodyStructures; ImagingStudies, each with its
    findings (Observations) and DiagnosticReport; verdicts of comparisons (Observations). The same course gives the
    same bytes.

    Args:
        identifiers: with the pseudonym and the paths of files, both of which may name the patient.
        followed: herniations known to be the same on several dates, with what became of them; findings at their level
            and side refer to them. See `followed_herniations`.

    Raises:
        UsageError: the version is unknown, or `fhir.resources` is not installed.
    """
    leftovers = (*_blank(course), *(() if identifiers else _withheld(course)))
    given = course.model_copy(update={"changes": tuple(filter(None, course.changes))})
    given = given if identifiers else _without_names(given)
    entries = _Entries(sha256(given.to_json().encode()).hexdigest())
    entries.add(_patient(given), subject="")
    for flag in _flags(given):
        entries.add(flag)
    entries.add(_condition(given))
    for one in _background(given):
        entries.add({**one, "effectiveDateTime": given.onset.date.isoformat()})
    for visit in given.visits:
        _add_visit(entries, visit)
    for treatment in given.treatments:
        entries.add(of_treatment(treatment))
    places = {one: entries.add(of_followed(one), subject="patient") for one in followed}
    for study in given.studies:
        _add_study(entries, study, places)
    for herniation, place in places.items():
        for change in herniation.changes:
            entries.add(of_change(change, herniation.level, place))
    content = entries.bundle(version)
    return Exported(course, checked(content, version), leftovers, content)


class _Entries:
    """The resources so far, each with an address that follows from the course."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._found: list[tuple[str, Json]] = []

    def add(self, body: Json, subject: str = "subject") -> Json:
        """Add a resource, and say how to refer to it; all but the first, the Patient, refer to that one."""
        address = f"urn:uuid:{uuid5(NAMESPACE_URL, f'{BASE}/{self._seed}/{len(self._found)}')}"
        if subject:
            body = {**body, subject: {"reference": self._found[0][0]}}
        self._found.append((address, body))
        return {"reference": address}

    def bundle(self, version: Version) -> Json:
        entry = [{"fullUrl": address, "resource": written(body, version)} for address, body in self._found]
        return {"resourceType": "Bundle", "meta": NOTICE, "type": "collection", "entry": entry}


def _blank(course: Course) -> Iterator[Leftover]:
    for n, path in enumerate(course.changes):
        if not path:
            yield Leftover(f"changes[{n}]", "no_field", "FHIR knows no empty text")


def _withheld(course: Course) -> Iterator[Leftover]:
    if course.patient.pseudonym:
        yield Leftover("patient.pseudonym", "withheld", ASK)
    for n, study in enumerate(course.studies):
        for name in ("path", "reading"):
            if getattr(study, name) is not None:
                yield Leftover(f"studies[{n}].{name}", "withheld", ASK)
    for n, path in enumerate(course.changes):
        if path:
            yield Leftover(f"changes[{n}]", "withheld", ASK)


def _without_names(course: Course) -> Course:
    studies = tuple(study.model_copy(update={"path": None, "reading": None}) for study in course.studies)
    patient = course.patient.model_copy(update={"pseudonym": ""})
    return course.model_copy(update={"patient": patient, "studies": studies, "changes": ()})


def _patient(course: Course) -> Json:
    patient = course.patient
    named = [{"system": PSEUDONYM, "value": patient.pseudonym}] if patient.pseudonym else None
    return resource(
        "Patient",
        identifier=named,
        gender=patient.sex,
        extension=extensions(history_note=patient.history.note),
    )


def _flags(course: Course) -> Iterator[Json]:
    """Red flags come first in every output; a reader works them out again, so they are not read back."""
    for flag in red_flags(course):
        code = concept("red_flag", flag.id)
        code["coding"][0]["display"] = flag.words
        put_text(code, "text", f"{flag.words}: {flag.finding}. {flag.action}")
        days = {"start": flag.date.isoformat()} if flag.date else None
        yield resource("Flag", status="active", code=code, period=days)


def _condition(course: Course) -> Json:
    onset = course.onset
    known = extensions(
        approximate=onset.approximate or None,
        mode=onset.mode,
        leg_symptoms_date=onset.leg_symptoms_date,
        circumstance=onset.circumstance,
        trauma=onset.trauma,
        previous_episodes=onset.previous_episodes,
        treatments_complete=course.treatments_complete,
    )
    return resource(
        "Condition",
        clinicalStatus={"coding": [{"system": CLINICAL_STATUS, "code": "unknown", "display": "Unknown"}]},
        code=concept("course", "course"),
        onsetDateTime=onset.date.isoformat(),
        extension=[*known, *(extension("change", path) for path in course.changes)],
        note=notes(course.note),
    )


def _background(course: Course) -> Iterator[Json]:
    if course.patient.age_years is not None:
        age = quantity("age_years", course.patient.age_years)
        yield observation("age", "age_years", valueQuantity=age)
    yield from single_answers("history", course.patient.history)


def _add_visit(entries: _Entries, visit: Visit) -> None:
    day = visit.date.isoformat()
    met = entries.add(
        resource(
            "Encounter",
            status="completed",
            **{"class": [{"coding": [{"system": ACT_CODE, "code": "AMB", "display": "ambulatory"}]}]},
            actualPeriod={"start": day, "end": day},
            extension=extensions(
                note=visit.note,
                symptoms_note=visit.symptoms.note,
                examination_note=visit.examination.note,
            ),
        )
    )
    for one in of_visit(visit):
        entries.add({**one, "encounter": met, "effectiveDateTime": day})


def _add_study(entries: _Entries, study: ImagingStudy, places: dict[FollowedHerniation, Json]) -> None:
    shown = entries.add(of_study(study))
    if study.findings is None:
        return
    results = []
    for finding in study.findings:
        place = next((ref for one, ref in places.items() if _same_place(one, finding)), None)
        refers = {"bodyStructure": place} if place else {}
        day = {"effectiveDateTime": study.date.isoformat()}
        results.append(entries.add({**of_item(finding, FINDING), **refers, **day}))
    entries.add(of_report(study, shown, results))


def _same_place(followed: FollowedHerniation, finding: ImagingFinding) -> bool:
    return (followed.level, followed.side) == (finding.level, finding.side)
