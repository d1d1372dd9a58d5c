"""`fhir.resources` knows shapes, not codes: the required bindings, written down here from the specification."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resorb.clinic.examination import Strength
from resorb.clinic.files import read_course
from resorb.fhir import FollowedHerniation, to_bundle
from resorb.fhir.codes import BASE, systems
from resorb.fhir.dialect import VERSIONS, Version
from resorb.reading import RESEARCH_USE
from tests.clinic.courses import course, visit

Json = dict[str, Any]
MODEL = read_course(Path(__file__).parents[2] / "examples" / "model_case.yaml").course
RICH = course(
    visit({"bladder": "retention"}, strength=(Strength(movement="knee_extension", side="left", mrc=1),)),
    treatments=MODEL.treatments,
    studies=MODEL.studies,
)
EVENT = {
    "preparation",
    "in-progress",
    "not-done",
    "on-hold",
    "stopped",
    "completed",
    "entered-in-error",
    "unknown",
}
REPORT = {
    "registered",
    "partial",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "appended",
    "cancelled",
} | {
    "entered-in-error",
    "unknown",
}
OBSERVATION = (REPORT - {"partial", "appended"}) | {"amended", "corrected"}
FLAG = {"active", "inactive", "entered-in-error"}
STUDY = {"registered", "available", "cancelled", "entered-in-error", "unknown"}
#: `status` by resource and version.
STATUS: dict[str, dict[str, set[str]]] = {
    "Observation": {"R4B": OBSERVATION, "R5": OBSERVATION},
    "DiagnosticReport": {"R4B": REPORT, "R5": REPORT | {"modified"}},
    "Procedure": {"R4B": EVENT, "R5": EVENT},
    "ImagingStudy": {"R4B": STUDY, "R5": STUDY},
    "Flag": {"R4B": FLAG, "R5": FLAG},
    "MedicationStatement": {
        "R4B": {
            "active",
            "completed",
            "entered-in-error",
            "intended",
            "stopped",
            "on-hold",
            "unknown",
            "not-taken",
        },
        "R5": {"recorded", "entered-in-error", "draft"},
    },
    "Encounter": {
        "R4B": {"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled"},
        "R5": {"planned", "in-progress", "on-hold", "discharged", "completed", "cancelled", "discontinued"},
    },
}
GENDER = {"male", "female", "other", "unknown"}
CATEGORY = {"survey", "exam", "social-history", "imaging"}
#: As the UCUM specification writes them; what stands in braces is an annotation, and counts as 1.
UNITS = {"%", "deg", "mL", "mg/d", "ug/h", "a", "{score}"}
HL7 = {
    "http://terminology.hl7.org/CodeSystem/observation-category": CATEGORY,
    "http://terminology.hl7.org/CodeSystem/data-absent-reason": {"unknown"},
    "http://terminology.hl7.org/CodeSystem/condition-clinical": {"unknown"},
    "http://terminology.hl7.org/CodeSystem/v3-ActCode": {"AMB"},
}


def _resources(version: Version) -> list[Json]:
    found = []
    for one in (MODEL, RICH):
        bundle = json.loads(to_bundle(one, version, followed=(FOLLOWED,)).to_json())
        assert bundle["type"] == "collection"
        addresses = [entry["fullUrl"] for entry in bundle["entry"]]
        assert len(set(addresses)) == len(addresses)
        found += [entry["resource"] for entry in bundle["entry"]]
        for reference in _all(bundle, "reference"):
            assert reference in addresses
    return found


FOLLOWED = FollowedHerniation("2.25.42", "L4/L5", "left")


def _all(part: Any, key: str) -> Iterator[Any]:
    """Every value of a key, at any depth."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == key:
                yield value
            yield from _all(value, key)
    elif isinstance(part, list):
        for one in part:
            yield from _all(one, key)


@pytest.fixture(scope="module", params=VERSIONS)
def written(request: pytest.FixtureRequest) -> tuple[Version, list[Json]]:
    return request.param, _resources(request.param)


def test_every_status_is_one_that_the_version_knows(written: tuple[Version, list[Json]]) -> None:
    version, resources = written
    for one in resources:
        kind = one["resourceType"]
        if kind in STATUS:
            assert one["status"] in STATUS[kind][version], kind
        elif kind == "Patient":
            assert one["gender"] in GENDER
        else:
            assert "status" not in one and kind in ("Condition", "BodyStructure")
    kinds = {one["resourceType"] for one in resources}
    assert kinds == {*STATUS, "Patient", "Condition", "BodyStructure"}


def test_r5_says_that_the_clinical_status_is_unknown_and_r4b_nothing(
    written: tuple[Version, list[Json]],
) -> None:
    version, resources = written
    for one in resources:
        if one["resourceType"] == "Condition":
            assert ("clinicalStatus" in one) == (version == "R5")


def test_every_coding_is_of_a_known_system_and_has_words(written: tuple[Version, list[Json]]) -> None:
    for codings in (*_all(written[1], "coding"), *_all(written[1], "tag")):
        for coding in codings:
            system, code = coding["system"], coding["code"]
            assert coding["display"].strip()
            if system in HL7:
                assert code in HL7[system]
            else:
                assert system in systems().values() or system.startswith(f"{BASE}/CodeSystem/")


def test_every_quantity_is_in_ucum(written: tuple[Version, list[Json]]) -> None:
    for key in ("valueQuantity", "rateQuantity"):
        for quantity in _all(written[1], key):
            assert quantity["system"] == "http://unitsofmeasure.org"
            assert quantity["code"] in UNITS


def test_an_observation_has_a_body_site_or_a_body_structure(written: tuple[Version, list[Json]]) -> None:
    """R5 invariant obs-8; in R4B an extension of the site leads to the structure."""
    version, resources = written
    found = [one for one in resources if one["resourceType"] == "Observation"]
    assert not any("bodySite" in one and "bodyStructure" in one for one in found)
    led = [one for one in found if "bodyStructure" in one or "extension" in one.get("bodySite", {})]
    assert led and all(("bodyStructure" in one) == (version == "R5") for one in led)


def test_an_observation_has_a_value_or_says_why_not(written: tuple[Version, list[Json]]) -> None:
    """Invariant obs-6: a reason only without a value."""
    for one in written[1]:
        if one["resourceType"] == "Observation":
            valued = any(key.startswith("value") for key in one)
            assert not (valued and "dataAbsentReason" in one)
            assert valued or "dataAbsentReason" in one or one["component"]


def test_a_study_has_one_modality(written: tuple[Version, list[Json]]) -> None:
    found = [one["modality"] for one in written[1] if one["resourceType"] == "ImagingStudy"]
    assert found and all(len(one) == 1 for one in found)


def test_every_resource_says_research_use(written: tuple[Version, list[Json]]) -> None:
    assert all(one["meta"]["tag"][0]["display"] == RESEARCH_USE for one in written[1])


def test_a_red_flag_is_the_first_thing_after_the_patient(written: tuple[Version, list[Json]]) -> None:
    rich = written[1][[n for n, one in enumerate(written[1]) if one["resourceType"] == "Patient"][1] :]
    assert rich[1]["resourceType"] == "Flag"
    assert "same-day emergency" in rich[1]["code"]["text"].lower()


def test_the_model_case_in_public_codes(written: tuple[Version, list[Json]]) -> None:
    codes = {(coding["system"], coding["code"]) for found in _all(written[1], "coding") for coding in found}
    assert {
        ("http://loinc.org", "72514-3"),
        ("http://loinc.org", "18748-4"),
        ("http://snomed.info/sct", "84020006"),
        ("http://www.whocc.no/atc", "N02AA05"),
    } <= codes
    # The record does not hold a diagnosis, so none is claimed.
    assert not any("icd" in system for system, _ in codes)
