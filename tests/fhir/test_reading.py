"""Bundles of other systems: what they say becomes a course, and what cannot is listed."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from resorb.clinic.files import read_course
from resorb.clinic.record import Course
from resorb.clinic.treatment import Physiotherapy
from resorb.errors import InputError, UsageError
from resorb.fhir import Imported, from_bundle, to_bundle
from resorb.fhir.dialect import VERSIONS, Version
from tests.clinic.courses import course

MODEL = read_course(Path(__file__).parents[2] / "examples" / "model_case.yaml").course

Json = dict[str, Any]
SUBJECT = {"reference": "Patient/MRN-4711"}
LOINC, SNOMED, ATC = "http://loinc.org", "http://snomed.info/sct", "http://www.whocc.no/atc"
ICD = "http://hl7.org/fhir/sid/icd-10"
PATIENT: Json = {
    "resourceType": "Patient",
    "id": "MRN-4711",
    "identifier": [{"system": "urn:oid:1.2.3", "value": "4711"}],
    "name": [{"family": "Miller", "given": ["John"]}],
    "birthDate": "1966-05-01",
    "gender": "male",
}
SCIATICA: Json = {
    "resourceType": "Condition",
    "subject": SUBJECT,
    "code": {"coding": [{"system": ICD, "code": "M54.4", "display": "Lumbago with sciatica"}]},
    "onsetDateTime": "2023-12-18",
}


def bundle(*resources: Json, **beside: Any) -> str:
    entry = [
        {"fullUrl": f"urn:uuid:0b0b0b0b-0000-4000-8000-{n:012d}", "resource": one}
        for n, one in enumerate((PATIENT, SCIATICA, *resources), start=1)
    ]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entry, **beside})


def concept(system: str, code: str, **more: Any) -> Json:
    return {"coding": [{"system": system, "code": code}], **more}


def pain(**given: Any) -> Json:
    return {
        "resourceType": "Observation",
        "status": "final",
        "subject": SUBJECT,
        "code": concept(LOINC, "72514-3"),
        "bodySite": concept(SNOMED, "32153003"),
        "effectiveDateTime": "2024-01-10",
        "valueQuantity": {"value": 9, "system": "http://unitsofmeasure.org", "code": "{score}"},
        **given,
    }


def statement(medication: Json, **given: Any) -> Json:
    return {
        "resourceType": "MedicationStatement",
        "subject": SUBJECT,
        "status": "active",
        "medicationCodeableConcept": medication,
        "effectivePeriod": {"start": "2024-01-10"},
        **given,
    }


def procedure(**given: Any) -> Json:
    return {
        "resourceType": "Procedure",
        "subject": SUBJECT,
        "status": "completed",
        "code": concept(SNOMED, "91251008"),
        "performedPeriod": {"start": "2024-01-22", "end": "2024-06-28"},
        **given,
    }


def listed(imported: Imported) -> set[tuple[str, str]]:
    """What was left out, beside what every bundle here says of the patient."""
    return {
        (one.where, one.reason) for one in imported.leftovers if not one.where.startswith("entry 1 (Patient)")
    }


def test_pain_in_the_left_leg_makes_a_visit() -> None:
    imported = from_bundle(bundle(pain()))
    (visit,) = imported.course.visits
    assert (str(visit.date), visit.symptoms.worst_nrs("leg", "left")) == ("2024-01-10", 9)
    assert listed(imported) == set()


def test_the_patient_is_an_age_and_a_sex() -> None:
    imported = from_bundle(bundle())
    assert (imported.course.patient.age_years, imported.course.patient.sex) == (57, "male")
    whole = imported.course.to_json() + repr(imported.leftovers)
    for secret in ("4711", "Miller", "John", "1966"):
        assert secret not in whole
    places = {one.where for one in imported.leftovers}
    assert places == {f"entry 1 (Patient).{key}" for key in ("identifier", "name", "birthDate")}


def test_observations_of_one_day_share_a_visit() -> None:
    back = pain(bodySite=concept(SNOMED, "77568009"), valueQuantity={"value": 5, "unit": "score"})
    later = pain(effectiveDateTime="2024-02-01T10:30:00+01:00")
    imported = from_bundle(bundle(pain(), back, later))
    assert [len(visit.symptoms.pain or ()) for visit in imported.course.visits] == [2, 1]
    assert listed(imported) == {("entry 5 (Observation).effectiveDateTime", "no_field")}


def test_an_encounter_is_a_visit() -> None:
    met = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": SUBJECT,
        "period": {"start": "2024-01-10", "end": "2024-01-10"},
    }
    refers = pain(encounter={"reference": "Encounter/e1"})
    del refers["effectiveDateTime"]
    imported = from_bundle(bundle(met, refers))
    assert imported.version == "R4B"
    assert len(imported.course.visits) == 1
    assert imported.course.visits[0].symptoms.pain
    assert listed(imported) == set()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"status": "entered-in-error"}, "not_true"),
        ({"status": "cancelled"}, "not_true"),
        ({"status": "preliminary"}, "not_true"),
        ({"modifierExtension": [{"url": "https://x.example/m", "valueBoolean": True}]}, "not_true"),
        ({"valueQuantity": {"value": 9, "comparator": "<"}}, "inexact"),
        (
            {"valueQuantity": {"value": 90, "system": "http://unitsofmeasure.org", "code": "%"}},
            "unknown_code",
        ),
        ({"valueQuantity": {"value": 11}}, "impossible"),
        ({"bodySite": concept(SNOMED, "61685007")}, "unknown_code"),
        ({"bodySite": concept(SNOMED, "7771000")}, "impossible"),
        ({"valueQuantity": {"value": 9, "system": "https://x.example", "code": "1"}}, "unknown_code"),
        ({"subject": {"reference": "Patient/father"}}, "not_true"),
        ({"effectiveDateTime": 5}, "inexact"),
        ({"code": concept(LOINC, "8480-6")}, "unknown_code"),
        ({"effectiveDateTime": "2024-01"}, "inexact"),
        ({"valueQuantity": None, "valueString": "bad"}, "no_field"),
    ],
)
def test_what_may_not_be_relied_on_is_refused_whole(changed: Json, reason: str) -> None:
    odd = {key: value for key, value in {**pain(), **changed}.items() if value is not None}
    imported = from_bundle(bundle(odd))
    assert imported.course.visits == ()
    assert listed(imported) == {("entry 3 (Observation)", reason)}


def test_codes_that_contradict_each_other_are_refused() -> None:
    both = {"coding": [{"system": SNOMED, "code": code} for code in ("32153003", "62175007")]}
    assert listed(from_bundle(bundle(pain(bodySite=both)))) == {("entry 3 (Observation)", "unknown_code")}


def test_a_second_answer_on_one_day_is_listed() -> None:
    base = "https://resorb.example/fhir/CodeSystem"
    fever = {
        "resourceType": "Observation",
        "status": "final",
        "code": concept(f"{base}/symptoms", "fever"),
        "effectiveDateTime": "2024-01-10",
        "valueBoolean": True,
    }
    imported = from_bundle(bundle(fever, {**fever, "valueBoolean": False}))
    assert imported.course.visits[0].symptoms.fever is True
    assert listed(imported) == {("entry 4 (Observation)", "repeated")}


def test_an_opioid_by_its_atc_code_with_its_doses() -> None:
    days = {"start": "2024-01-10", "end": "2024-01-23"}
    dosage = {
        "timing": {"repeat": {"boundsPeriod": days}},
        "doseAndRate": [
            {"rateQuantity": {"value": 30, "system": "http://unitsofmeasure.org", "code": "mg/d"}}
        ],
    }
    tablets = {"text": "1 tablet twice a day"}
    drug = concept(ATC, "N02AA05", text="Oxycodon 10 mg")
    imported = from_bundle(bundle(statement(drug, dosage=[dosage, tablets])))
    (opioid,) = json.loads(imported.course.to_json())["treatments"]
    assert opioid == {
        "kind": "opioid",
        "drug": "oxycodone",
        "start": "2024-01-10",
        "doses": [{**days, "daily_mg": 30.0}],
    }
    where = "entry 3 (MedicationStatement)"
    assert listed(imported) == {
        (f"{where}.medicationCodeableConcept.text", "no_field"),
        (f"{where}.dosage[]", "no_field"),
    }


def test_a_class_of_drugs_holds_its_members() -> None:
    imported = from_bundle(bundle(statement(concept(ATC, "M01AE01", text="ibuprofen"))))
    (medicine,) = json.loads(imported.course.to_json())["treatments"]
    assert (medicine["drug_class"], medicine["drug"]) == ("nsaid", "ibuprofen")
    # By the code alone fentanyl may be a lozenge: it is no patch.
    imported = from_bundle(bundle(statement(concept(ATC, "N02AB03"))))
    assert json.loads(imported.course.to_json())["treatments"][0]["drug"] == "other"


@pytest.mark.parametrize(
    "odd",
    [
        statement(concept(ATC, "N02AA05"), status="not-taken"),
        statement(concept(ATC, "N02AA05"), status="entered-in-error"),
        statement(concept(ATC, "N02AA05"), status="completed"),
        procedure(status="not-done"),
        procedure(status="completed", performedPeriod={"start": "2024-01-22"}),
    ],
)
def test_a_treatment_that_did_not_happen_is_none(odd: Json) -> None:
    imported = from_bundle(bundle(odd))
    assert imported.course.treatments == ()
    assert listed(imported) == {(f"entry 3 ({odd['resourceType']})", "not_true")}


def test_physiotherapy_is_a_treatment() -> None:
    assert from_bundle(bundle(procedure())).course.treatments == (
        Physiotherapy(start=date(2024, 1, 22), end=date(2024, 6, 28)),
    )


def test_an_unfinished_list_of_treatments_stays_unfinished() -> None:
    assert from_bundle(bundle(procedure())).course.treatments_complete is False


@pytest.mark.parametrize(("status", "complete"), [("completed", False), ("not-done", True)])
def test_with_an_operation_that_cannot_be_read_no_list_is_complete(status: str, complete: bool) -> None:
    """Else a change after an operation that nobody could read would be called spontaneous."""
    stored = json.loads(to_bundle(course(treatments_complete=True), "R4B").to_json())
    unknown = procedure(status=status, code={"text": "operation on the disc"})
    stored["entry"].append({"fullUrl": "urn:uuid:0b0b0b0b-0000-4000-8000-00000000000f", "resource": unknown})
    imported = from_bundle(json.dumps(stored))
    assert imported.course.treatments_complete is complete
    assert ("treatments_complete" in {one.where for one in imported.leftovers}) is not complete


def test_a_report_in_words_is_not_one_without_findings() -> None:
    study = {
        "resourceType": "ImagingStudy",
        "id": "s",
        "status": "available",
        "subject": SUBJECT,
        "started": "2024-01-15",
        "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "MR"}],
    }
    report = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": concept(LOINC, "18748-4"),
        "imagingStudy": [{"reference": "ImagingStudy/s"}],
        "conclusion": "large extrusion",
    }
    imported = from_bundle(bundle(study, report))
    (found,) = imported.course.studies
    assert (found.modality, found.findings) == ("MR", None)
    assert listed(imported) == {("entry 4 (DiagnosticReport)", "no_field")}


def test_kinds_without_a_place_and_what_stands_beside_are_listed() -> None:
    allergy = {"resourceType": "AllergyIntolerance", "patient": SUBJECT}
    link = [{"relation": "next", "url": "https://x.example/page2"}]
    assert listed(from_bundle(bundle(allergy, link=link))) == {
        ("entry 3 (AllergyIntolerance)", "no_field"),
        ("link", "no_field"),
    }
    assert listed(from_bundle(bundle({}))) == {("entry 3.resource", "no_field")}


def test_a_refuted_condition_starts_no_course() -> None:
    verification = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    refuted = {**SCIATICA, "verificationStatus": concept(verification, "refuted")}
    imported = from_bundle(bundle(refuted))
    assert str(imported.course.onset.date) == "2023-12-18"
    assert listed(imported) == {("entry 3 (Condition)", "no_field")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a FHIR bundle"),
        ('{"resourceType": "Patient"}', "not a FHIR bundle"),
        (json.dumps({"resourceType": "Bundle", "type": "collection"}), "no Condition"),
        (bundle(SCIATICA), "2 Conditions"),
        (bundle(PATIENT), "2 patients"),
        (bundle({**pain(), "colour": "red"}), "colour"),
        (bundle({"resourceType": "Observation", "status": "final"}), "code"),
        (bundle({"resourceType": "Horoscope"}), "kind"),
    ],
)
def test_a_bundle_that_makes_no_course_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        from_bundle(text, name="visit.json")
    assert str(caught.value).startswith("visit.json")
    assert "\n" not in str(caught.value) and "4711" not in str(caught.value)


def test_without_a_patient_all_must_be_about_the_same() -> None:
    alone = json.loads(bundle(pain()))
    del alone["entry"][0]
    assert from_bundle(json.dumps(alone)).course.patient.sex == "unknown"
    alone["entry"][1]["resource"]["subject"] = {"reference": "Patient/father"}
    with pytest.raises(InputError, match="2 patients"):
        from_bundle(json.dumps(alone))


def test_an_onset_without_a_day_is_refused_in_one_line() -> None:
    vague = json.loads(bundle())
    vague["entry"][1]["resource"]["onsetDateTime"] = "2023"
    with pytest.raises(InputError, match="cannot be read: no day in onsetDateTime"):
        from_bundle(json.dumps(vague))


def test_an_unknown_version_is_a_wrong_request() -> None:
    with pytest.raises(UsageError, match="R4B or R5"):
        to_bundle(course(), "DSTU2")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="R4B or R5"):
        from_bundle(bundle(), "R4")  # type: ignore[arg-type]


def test_a_score_that_does_not_follow_from_its_answers_is_refused() -> None:
    items = [4, 3, 4, 3, 4, 3, 3, None, 3, 2]
    given = {
        "onset": {"date": "2024-01-01"},
        "visits": [{"date": "2024-01-10", "scores": {"odi": {"items": items}}}],
    }
    stored = json.loads(to_bundle(Course.model_validate_json(json.dumps(given))).to_json())
    odi = next(e["resource"] for e in stored["entry"] if e["resource"].get("component"))
    # 29 of the 45 points that nine answered sections allow (Fairbank and Pynsent 2000).
    assert odi["valueQuantity"]["value"] == pytest.approx(100 * 29 / 45)
    odi["valueQuantity"]["value"] = 10
    imported = from_bundle(json.dumps(stored))
    assert imported.course.visits[0].scores.odi is None
    assert [one.reason for one in imported.leftovers] == ["impossible"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_damaged_bundle_makes_a_course_or_is_refused(version: Version) -> None:
    """Every element of every kind of resource is left out in turn."""
    whole = from_bundle(bundle(pain(), procedure(), statement(concept(ATC, "N02AA05")))).course
    studied = whole.model_copy(update={"studies": MODEL.studies, "visits": MODEL.visits[:1]})
    stored = json.loads(to_bundle(studied, version).to_json())
    seen = set()
    for entry in stored["entry"]:
        body = entry["resource"]
        for key in [key for key in body if (body["resourceType"], key) not in seen]:
            seen.add((body["resourceType"], key))
            kept = body.pop(key)
            try:
                assert from_bundle(json.dumps(stored), version).course.onset == whole.onset
            except InputError as error:
                assert "\n" not in str(error)
            body[key] = kept
    assert len(seen) > 60
