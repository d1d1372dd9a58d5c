from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resorb.change import Outcome
from resorb.clinic.changes import follow
from resorb.clinic.files import read_course
from resorb.clinic.record import Course
from resorb.clinic.treatment import Surgery
from resorb.fhir import FollowedChange, FollowedHerniation, followed_herniations, from_bundle, to_bundle
from resorb.fhir.dialect import VERSIONS, Version
from tests.clinic.compared import FIRST, IDENTIFIER, LAST, change
from tests.clinic.courses import courses

MODEL = read_course(Path(__file__).parents[2] / "examples" / "model_case.yaml").course
VERDICT = FollowedChange(FIRST, LAST, "regressed", 812.0, 204.0, -608.0, -708.0, -508.0)
FOLLOWED = (
    FollowedHerniation("2.25.42", "L4/L5", "left", (VERDICT, FollowedChange(FIRST, LAST, "indeterminate"))),
    FollowedHerniation("2.25.43", "L5/S1"),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(courses(), st.sampled_from(VERSIONS))
def test_every_course_comes_back_whole(course: Course, version: Version) -> None:
    exported = to_bundle(course, version, identifiers=True)
    imported = from_bundle(exported.to_json(), version)
    # FHIR knows no empty text: an empty path is listed, not written.
    whole = course.model_copy(update={"changes": tuple(filter(None, course.changes))})
    assert imported.course.to_json() == whole.to_json()
    assert imported.leftovers == ()
    assert len(exported.leftovers) == course.changes.count("")
    for part in _parts(exported.content):
        # Every FHIR element holds something, and a string something to see and no control characters (R5, datatypes).
        assert part not in ({}, [])
        if isinstance(part, str):
            assert part.strip() and not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", part)


def _parts(whole: Any) -> Iterator[Any]:
    yield whole
    if isinstance(whole, dict | list):
        for part in whole.values() if isinstance(whole, dict) else whole:
            yield from _parts(part)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_model_case_comes_back_with_the_herniation_it_follows(version: Version) -> None:
    imported = from_bundle(to_bundle(MODEL, version, identifiers=True, followed=FOLLOWED).to_json())
    assert imported.course == MODEL
    assert imported.followed == FOLLOWED
    assert imported.leftovers == ()
    assert imported.version == version


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("verdict", get_args(Outcome))
def test_a_comparison_goes_out_with_its_herniation_and_comes_back(version: Version, verdict: Outcome) -> None:
    given = MODEL.model_copy(update={"changes": ("compared",)})
    followed = followed_herniations(follow(given, {0: change(verdict)}))
    assert followed[0].identifier == IDENTIFIER and followed[0].changes[0].verdict == verdict
    exported = to_bundle(given, version, followed=followed)
    imported = from_bundle(exported.to_json())
    assert imported.followed == followed and imported.leftovers == ()
    told = [e["resource"] for e in exported.content["entry"] if "effectivePeriod" in e["resource"]]
    observation = next(one for one in told if one["resourceType"] == "Observation")
    assert "not recovery" in observation["note"][0]["text"]
    assert {p["valueQuantity"]["code"] for p in observation["component"] if "valueQuantity" in p} == {"mm3"}


def test_after_an_operation_no_verdict_goes_out() -> None:
    given = MODEL.model_copy(
        update={"treatments": (*MODEL.treatments, Surgery(date=date(2024, 3, 1), procedure="discectomy"))}
    )
    (followed,) = followed_herniations(follow(given, {0: change("regressed")}))
    assert [one.verdict for one in followed.changes] == ["indeterminate"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_course_gives_the_same_bytes(version: Version) -> None:
    assert to_bundle(MODEL, version).to_json() == to_bundle(MODEL, version).to_json()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_may_name_the_patient_is_withheld_and_listed(version: Version) -> None:
    exported = to_bundle(MODEL, version)
    assert "model-case" not in exported.to_json()
    assert "sagittal_T2w" not in exported.to_json()
    places = {one.where for one in exported.leftovers}
    assert places == {"patient.pseudonym", "studies[0].path", "studies[1].path"}
    assert {one.reason for one in exported.leftovers} == {"withheld"}
    back = from_bundle(exported.to_json()).course
    assert back.patient.pseudonym == ""
    assert back.visits == MODEL.visits


@pytest.mark.parametrize("version", VERSIONS)
def test_whatever_is_added_to_any_resource_is_listed(version: Version) -> None:
    bundle = json.loads(to_bundle(MODEL, version, followed=FOLLOWED).to_json())
    for entry in bundle["entry"]:
        entry["resource"]["language"] = "de"
    imported = from_bundle(json.dumps(bundle), version)
    expected = [
        f"entry {n} ({e['resource']['resourceType']}).language" for n, e in enumerate(bundle["entry"], 1)
    ]
    assert [one.where for one in imported.leftovers] == expected
    assert imported.course.visits == MODEL.visits


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resource_that_is_removed_is_missed(version: Version) -> None:
    """The bundle carries the course in its resources, and nowhere else."""
    bundle = json.loads(to_bundle(MODEL, version, identifiers=True).to_json())
    whole = from_bundle(json.dumps(bundle), version).course.to_json()
    for n, entry in enumerate(bundle["entry"]):
        kind = entry["resource"]["resourceType"]
        if kind in ("Condition", "Flag") or n % 7:
            continue
        without = {**bundle, "entry": [one for one in bundle["entry"] if one is not entry]}
        assert from_bundle(json.dumps(without), version).course.to_json() != whole, (n, kind)
