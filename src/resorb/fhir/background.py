"""The frame of a course, read from a bundle: the patient, the onset, the visits. Reading takes a part out."""

from __future__ import annotations

from datetime import date

from resorb.clinic.record import Onset, Patient, Visit
from resorb.fhir.codes import take_key
from resorb.fhir.dialect import ACT_CODE
from resorb.fhir.elements import (
    take_day,
    take_extension,
    take_extensions,
    take_notes,
    take_period,
    take_quantity,
)
from resorb.fhir.leftovers import Json, Unreadable
from resorb.fhir.observations import allowed, usable
from resorb.fhir.writing import PSEUDONYM

VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def read_patient(body: Json) -> Json:
    """The sex, the pseudonym and the note on the history, as a record writes them in JSON."""
    given: Json = {"sex": body.pop("gender", "unknown")}
    mine = [one for one in body.get("identifier", []) if one.get("system") == PSEUDONYM]
    if mine:
        body["identifier"] = [one for one in body["identifier"] if one is not mine[0]]
        given["pseudonym"] = mine[0].get("value", "")
    if note := take_extension(body, "history-note"):
        given["history"] = {"note": note}
    return allowed(Patient, given)


def read_condition(body: Json) -> Json:
    """The onset and what stands beside it, as a record writes them in JSON.

    Raises:
        Unreadable: no day of onset, or values that the record does not allow.
    """
    starts_course(body)
    if body.get("clinicalStatus", {}).get("coding", [{}])[0].get("code") == "unknown":
        del body["clinicalStatus"]
    names = ("approximate", "mode", "leg_symptoms_date", "circumstance", "trauma", "previous_episodes")
    onset = {"date": take_day(body, "onsetDateTime")}
    onset |= {name: value for name in names if (value := take_extension(body, name)) is not None}
    given: Json = {"onset": allowed(Onset, onset), "changes": take_extensions(body, "change")}
    complete = take_extension(body, "treatments_complete")
    given["treatments_complete"] = bool(complete)
    if note := take_notes(body):
        given["note"] = note
    return given


def starts_course(body: Json) -> tuple[str, str]:
    """The code of a Condition that a course can start from.

    Raises:
        Unreadable: it has none.
    """
    return take_key(body.get("code"), ("course",))


def denied(body: Json) -> bool:
    """Whether a Condition is refuted, entered in error or qualified by a modifier."""
    codings = body.get("verificationStatus", {}).get("coding", [])
    said = {one.get("code") for one in codings if one.get("system") == VERIFICATION}
    return bool(said & {"refuted", "entered-in-error"}) or "modifierExtension" in body


def read_visit(body: Json) -> Json:
    """An Encounter as a record writes a visit in JSON, without its findings.

    Raises:
        Unreadable: it did not take place on one day.
    """
    usable(body, ("completed",))
    days = take_period(body, "actualPeriod")
    if days.get("end", days["start"]) != days["start"]:
        raise Unreadable("inexact", "a stay of several days; what was found is read by its own date")
    kinds = body.get("class", [])
    ambulatory = [c.get("code") == "AMB" and c.get("system") == ACT_CODE for k in kinds for c in k["coding"]]
    if ambulatory == [True]:
        del body["class"]
    given: Json = {"date": days["start"]}
    if note := take_extension(body, "note"):
        given["note"] = note
    for part in ("symptoms", "examination"):
        if note := take_extension(body, f"{part}-note"):
            given[part] = {"note": note}
    return allowed(Visit, given)


def read_age(body: Json, onset: date) -> float:
    """The age at the onset, in years.

    Raises:
        Unreadable: it is of another day, or no age.
    """
    usable(body, ("final", "amended", "corrected"))
    take_key(body.get("code"), ("age",))
    if take_day(body, "effectiveDateTime") != onset.isoformat():
        raise Unreadable("inexact", "the record holds the age at the onset")
    years = take_quantity(body.get("valueQuantity", {}), "age_years")
    return float(allowed(Patient, {"age_years": years})["age_years"])


def years_between(birth: object, onset: date) -> float | None:
    """Whole years from a date of birth to the onset; the date itself is not kept."""
    if not isinstance(birth, str) or len(birth) != len("2000-01-01"):
        return None
    born = date.fromisoformat(birth)
    years = onset.year - born.year - ((onset.month, onset.day) < (born.month, born.day))
    return float(years) if years >= 0 else None


def read_flag(body: Json) -> None:
    """Our own red flags follow from the course, and are worked out from it again."""
    take_key(body.get("code"), ("red_flag",))
    for key in ("code", "status", "period"):
        body.pop(key, None)
