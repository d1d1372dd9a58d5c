from __future__ import annotations

import hashlib

import pytest

from resorb.errors import InputError
from resorb.mechanism import MechanismRecord, explain
from tests.mechanism.cases import change


@pytest.fixture(scope="module")
def record() -> MechanismRecord:
    return explain(change())


def test_a_record_survives_storage(record: MechanismRecord) -> None:
    assert MechanismRecord.from_json(record.to_json()) == record
    with pytest.raises(InputError, match="newer than this resorb"):
        MechanismRecord.from_json(record.to_json().replace('"schema_version": 1', '"schema_version": 2'))


def test_it_holds_what_went_in_and_every_model(record: MechanismRecord) -> None:
    assert record.change_sha256 == hashlib.sha256(change().to_json().encode()).hexdigest()
    (one,) = record.herniations
    assert one.identifier == "L4/L5-left-1" and one.name == "L4/L5 left"
    assert len(one.models) == 8
    assert sum(model.probability for model in one.models) == pytest.approx(1.0, abs=1e-4)
    assert {m.quantity for m in one.measured} == {
        "volume_mm3",
        "depth_mm",
        "contact_mm2",
        "t2_ratio",
        "parent_mm3",
    }
    assert {p.days for p in one.predictions} >= {0.0, 100.0, 200.0}
    assert max(p.days for p in one.predictions) == pytest.approx(200 + 365.25, abs=0.1)
    assert all(p.source for model in one.models for p in model.parameters)
    assert "no advice" not in (one.next_scan.words if one.next_scan else "")


def test_what_cannot_be_fitted_carries_its_reason() -> None:
    (one,) = explain(change(unknown=True)).herniations
    assert "a date is not known" in one.reason
    assert not one.models


def test_the_same_change_gives_the_same_bytes(record: MechanismRecord) -> None:
    assert explain(change()).to_json() == record.to_json()
