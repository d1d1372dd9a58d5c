"""Treatments as Procedures and MedicationStatements, and back."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from resorb.clinic.base import ClinicRecord
from resorb.clinic.treatment import (
    ActivityModification,
    Dose,
    Injection,
    Medicine,
    OpioidTreatment,
    Physiotherapy,
    Surgery,
    Treatment,
)
from resorb.fhir.codes import concept, take_key, words
from resorb.fhir.elements import (
    extensions,
    notes,
    period,
    put_text,
    quantity,
    resource,
    take_day,
    take_extension,
    take_notes,
    take_period,
    take_quantity,
    take_text,
)
from resorb.fhir.leftovers import Json, Unreadable
from resorb.fhir.observations import allowed, usable

KINDS: dict[str, type[ClinicRecord]] = {
    "activity_modification": ActivityModification,
    "physiotherapy": Physiotherapy,
    "injection": Injection,
    "surgery": Surgery,
}
#: Fentanyl patches are dosed by the hour.
PATCH = "fentanyl_transdermal"


def of_treatment(given: Treatment) -> Json:
    """A treatment as a resource, without its subject."""
    if isinstance(given, Medicine | OpioidTreatment):
        return _statement(given)
    if isinstance(given, Injection | Surgery):
        return _procedure(given)
    return resource(
        "Procedure",
        status="completed" if given.end else "in-progress",
        code=concept("treatment", given.kind),
        occurrencePeriod=period(given.start, given.end),
        extension=extensions(sessions=getattr(given, "sessions", None)),
        note=notes(given.note),
    )


def read_procedure(body: Json) -> Json:
    """A Procedure as a record writes its treatment in JSON; `body` loses what was read.

    Raises:
        Unreadable: it cannot become part of the record.
    """
    code = body.get("code", {})
    which = _which(code)
    if which:
        field, kind, value = which
        usable(body, ("completed",))
        given: Json = {"kind": kind, field: value, "date": _procedure_day(body)}
        given |= _where(body)
        if kind == "injection" and (used := body.get("used", [{}])[0].get("concept")):
            given["drug"] = take_text(used, "text")
    else:
        given = {"kind": take_key(code, ("treatment",))[1], **take_period(body, "occurrencePeriod")}
        usable(body, ("completed",) if "end" in given else ("in-progress",))
        if (sessions := take_extension(body, "sessions")) is not None:
            given["sessions"] = sessions
    if note := take_notes(body):
        given["note"] = note
    if given["kind"] not in KINDS:
        raise Unreadable("unknown_code", "a treatment that this resorb does not know")
    return allowed(KINDS[given["kind"]], given)


def read_statement(body: Json) -> Json:
    """A MedicationStatement as a record writes its treatment in JSON; `body` loses what was read.

    Raises:
        Unreadable: it cannot become part of the record.
    """
    usable(body, ("recorded",))
    if "adherence" in body:
        raise Unreadable("not_true", "whether it was taken is qualified")
    what = body.get("medication", {}).get("concept", {})
    text = take_text(what, "text")
    group, key = take_key(what, ("opioid", "drug_class"))
    given: Json = {"kind": "opioid", "drug": key}
    if group == "drug_class":
        given = {"kind": "medicine", "drug_class": key, "drug": text}
    elif text != words(group, key):
        what["text"] = text
    given |= take_period(body, "effectivePeriod") if "effectivePeriod" in body else _one_day(body)
    if doses := _read_doses(body, PATCH if key == PATCH else "daily_mg"):
        given["doses"] = doses
    if note := take_notes(body):
        given["note"] = note
    return allowed(OpioidTreatment if group == "opioid" else Medicine, given)


def _statement(given: Medicine | OpioidTreatment) -> Json:
    if isinstance(given, OpioidTreatment):
        what = concept("opioid", given.drug)
    else:
        what = concept("drug_class", given.drug_class)
        del what["text"]
        if given.drug:
            put_text(what, "text", given.drug)
    patch = isinstance(given, OpioidTreatment) and given.drug == PATCH
    return resource(
        "MedicationStatement",
        status="recorded",
        medication={"concept": what},
        effectivePeriod=period(given.start, given.end),
        dosage=[_dosage(dose, patch) for dose in given.doses],
        note=notes(given.note),
    )


def _dosage(dose: Dose, patch: bool) -> Json:
    out: Json = {
        "timing": {"repeat": {"boundsPeriod": period(dose.start, dose.end)}},
        "doseAndRate": [{"rateQuantity": quantity(PATCH if patch else "daily_mg", dose.daily_mg)}],
    }
    if not patch:
        out["route"] = concept("route", "oral")
    return put_text(out, "text", dose.note) if dose.note else out


def _read_doses(body: Json, rate: str) -> list[Json]:
    """The dosages that give a rate and its days; others stay behind."""
    given, left = [], []
    for dosage in body.get("dosage", []):
        copy = deepcopy(dosage)
        try:
            given.append(_read_dose(copy, rate))
            left.append(copy)
        except Unreadable:
            left.append(dosage)
    body["dosage"] = left
    return given


def _read_dose(body: Json, rate: str) -> Json:
    given = take_period(body.get("timing", {}).get("repeat", {}), "boundsPeriod")
    rates = [one["rateQuantity"] for one in body.get("doseAndRate", []) if "rateQuantity" in one]
    if len(rates) != 1:
        raise Unreadable("no_field", "one rate is needed")
    given["daily_mg"] = take_quantity(rates[0], rate)
    if "route" in body and (rate == PATCH or take_key(body["route"], ("route",))[1] != "oral"):
        raise Unreadable("impossible", "a dose that is not by mouth")
    if note := take_text(body, "text"):
        given["note"] = note
    return allowed(Dose, given)


def _procedure(given: Injection | Surgery) -> Json:
    if isinstance(given, Injection):
        code, used = concept("injection", given.route), given.drug
    else:
        code, used = concept("procedure", given.procedure), ""
    sites = [
        *([concept("level", given.level)] if given.level else []),
        *([concept("site", given.side)] if given.side else []),
    ]
    return resource(
        "Procedure",
        status="completed",
        code=code,
        occurrenceDateTime=given.date.isoformat(),
        bodySite=sites,
        used=[{"concept": put_text({}, "text", used)}] if used else None,
        note=notes(given.note),
    )


def _which(code: Any) -> tuple[str, str, str] | None:
    """The field, kind and value of an injection or operation; None for a lasting treatment."""
    try:
        group, key = take_key(code, ("injection", "procedure"))
    except Unreadable:
        return None
    return ("route", "injection", key) if group == "injection" else ("procedure", "surgery", key)


def _procedure_day(body: Json) -> str:
    if "occurrenceDateTime" in body:
        return take_day(body, "occurrenceDateTime")
    days = take_period(body, "occurrencePeriod")
    if days.get("end", days["start"]) != days["start"]:
        raise Unreadable("inexact", "a period where the record holds a day")
    return str(days["start"])


def _where(body: Json) -> Json:
    given = {}
    for site in body.get("bodySite", []):
        group, key = take_key(site, ("level", "site"))
        given["level" if group == "level" else "side"] = key
    return given


def _one_day(body: Json) -> Json:
    day = take_day(body, "effectiveDateTime")
    return {"start": day, "end": day}
