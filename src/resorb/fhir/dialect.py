"""R5 is what the package speaks; here resources of ours become R4B, and R4B resources R5.

Sources: the R4B (4.3.0) and R5 (5.0.0) definitions of the nine resources, by way of `fhir.resources`.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Literal

from resorb.fhir.codes import concept
from resorb.fhir.leftovers import Json

Version = Literal["R4B", "R5"]
VERSIONS: tuple[Version, ...] = ("R4B", "R5")
#: Names of R4B and of R5, by resource.
RENAMED = {
    "Procedure": {
        "performedDateTime": "occurrenceDateTime",
        "performedPeriod": "occurrencePeriod",
        "usedCode": "used",
    },
    "Encounter": {"period": "actualPeriod"},
    "DiagnosticReport": {"imagingStudy": "study"},
    "MedicationStatement": {"medicationCodeableConcept": "medication"},
    "BodyStructure": {"location": "includedStructure"},
}
#: Where R5 wraps the CodeableConcept that R4B gives bare: the R5 name, the key of the wrapper, and whether both are
#: lists (`many`), or only R5's (`one`), or neither (`bare`).
WRAPPED = {
    "Procedure": ("used", "concept", "many"),
    "MedicationStatement": ("medication", "concept", "bare"),
    "BodyStructure": ("includedStructure", "structure", "one"),
}
#: The extension of a body site by which R4B refers to a BodyStructure; R5 has an element for it.
BODY_SITE = "http://hl7.org/fhir/StructureDefinition/bodySite"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CLINICAL_STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def written(body: Json, version: Version) -> Json:
    """A resource of ours as that version writes it."""
    return to_r4b(body) if version == "R4B" else _strict(body)


def _strict(body: Json) -> Json:
    """R5 allows either a body site or a body structure (invariant obs-8): the site becomes a component."""
    if "bodyStructure" not in body:
        return body
    level = {"code": concept("component", "level"), "valueCodeableConcept": body["bodySite"]}
    kept = {key: value for key, value in body.items() if key != "bodySite"}
    return {**kept, "component": [level, *body.get("component", [])]}


def to_r4b(r5: Json) -> Json:
    """A resource of ours in R4B."""
    body = deepcopy(r5)
    kind = body["resourceType"]
    _unwrap(kind, body)
    for old, new in RENAMED.get(kind, {}).items():
        if new in body:
            body[old] = body.pop(new)
    if kind == "Encounter":
        body["status"] = {"completed": "finished"}[body["status"]]
        body["class"] = body["class"][0]["coding"][0]
    elif kind == "MedicationStatement":
        body["status"] = "completed" if "end" in body["effectivePeriod"] else "active"
    elif kind == "ImagingStudy":
        # Two Codings here would be two modalities: the public one, which comes last, is enough.
        body["modality"] = [one["coding"][-1] for one in body["modality"]]
    elif kind == "Condition":
        # R4B has no code for an unknown status, and does not ask for one.
        del body["clinicalStatus"]
    elif "bodyStructure" in body:
        body["bodySite"]["extension"] = [{"url": BODY_SITE, "valueReference": body.pop("bodyStructure")}]
    return body


def to_r5(r4b: Json) -> Json:
    """An R4B resource, from anywhere, with the names and shapes of R5; what we do not read stays as it is."""
    body = deepcopy(r4b)
    kind = body["resourceType"]
    for old, new in RENAMED.get(kind, {}).items():
        if old in body:
            body[new] = body.pop(old)
    _wrap(kind, body)
    if kind == "Encounter":
        body["status"] = "completed" if body["status"] == "finished" else body["status"]
        body["class"] = [{"coding": [body["class"]]}]
    elif kind == "MedicationStatement" and (body["status"] == "active" or _ended(body)):
        body["status"] = "recorded"
    elif kind == "ImagingStudy" and "modality" in body:
        body["modality"] = [{"coding": [one]} for one in body["modality"]]
    elif kind == "Observation":
        _refer(body)
    return body


def located(kind: str, place: str, version: Version) -> str:
    """The place of an element, given in R5, in the version that the resource came in."""
    if version == "R5":
        return place
    first, _, rest = place.partition(".")
    name, key, _ = WRAPPED.get(kind, ("", "", ""))
    if first == name:
        rest = rest.removeprefix(key).removeprefix(".")
    old = {new: old for old, new in RENAMED.get(kind, {}).items()}
    return f"{old.get(first, first)}.{rest}".rstrip(".")


def _unwrap(kind: str, body: Json) -> None:
    name, key, how = WRAPPED.get(kind, ("", "", ""))
    if name in body:
        inside = body[name]
        if how == "many":
            body[name] = [one[key] for one in inside]
        else:
            body[name] = (inside[0] if how == "one" else inside)[key]


def _wrap(kind: str, body: Json) -> None:
    name, key, how = WRAPPED.get(kind, ("", "", ""))
    if name in body:
        inside: Any = body[name]
        if how == "many":
            body[name] = [{key: one} for one in inside]
        else:
            body[name] = [{key: inside}] if how == "one" else {key: inside}


def _ended(body: Json) -> bool:
    """Completed, and when is known: without an end it would read as if it went on."""
    known = "end" in body.get("effectivePeriod", {}) or "effectiveDateTime" in body
    return body["status"] == "completed" and known


def _refer(body: Json) -> None:
    site = body.get("bodySite", {})
    refers = [one for one in site.get("extension", []) if one.get("url") == BODY_SITE]
    if len(refers) == 1 and "valueReference" in refers[0]:
        body["bodyStructure"] = refers[0]["valueReference"]
        site["extension"] = [one for one in site["extension"] if one is not refers[0]]
