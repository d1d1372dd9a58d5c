"""Stored readings: what goes out comes back, and what is no reading of ours is refused in one line."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from resorb.errors import InputError
from resorb.reading import (
    HERNIATION_QUANTITIES,
    QUANTITIES,
    SCHEMA_VERSION,
    Class,
    Classes,
    DiscReading,
    Herniation,
    PlaneExtent,
    Quantity,
    Reading,
)

MISSING = Quantity(value=None, reason="cropped", low=12.5)


def disc(
    level: str = "L4/L5", depth: Quantity = MISSING, *flags: str, **others: Quantity | str
) -> DiscReading:
    numbers: dict[str, Any] = {name: MISSING for name in QUANTITIES}
    return DiscReading(level=level, flags=flags, **numbers | {"depth_mm": depth} | others)


def reading(*discs: DiscReading) -> Reading:
    return Reading(
        resorb_version="1.2.3",
        study_sha256="ab" * 32,
        study_date=date(2024, 3, 11),
        series="series 3",
        segmented_by="a test",
        level_naming="the sacrum",
        warnings=("one",),
        discs=discs or (disc(),),
    )


def herniation(number: int = 1, **others: Quantity | Classes) -> Herniation:
    numbers: dict[str, Any] = {name: Quantity(value=1.0) for name in HERNIATION_QUANTITIES}
    plane = PlaneExtent(base_mm=MISSING, extent_mm=Quantity(value=9.0))
    return Herniation(
        number=number,
        apex=(1, 2, 3),
        centre=(1, 2, 4),
        continuous=True,
        axial=plane,
        sagittal=plane,
        **numbers | others,
    )


finite = st.floats(allow_nan=False, allow_infinity=False)
quantities = st.one_of(
    st.builds(Quantity, value=finite, low=st.none() | finite, method=st.text(), source=st.text()),
    st.builds(Quantity, value=st.none(), low=st.none() | finite, reason=st.text(min_size=1)),
)


@given(depth=quantities, t2=quantities)
def test_what_is_written_comes_back(depth: Quantity, t2: Quantity) -> None:
    record = reading(disc("L4/L5", depth, "displaced", t2_ratio=t2, side="left"), disc("L5/S1"))
    assert Reading.from_json(record.to_json()) == record


def test_the_file_says_what_it_is() -> None:
    record = json.loads(reading().to_json())
    assert (record["kind"], record["schema_version"]) == ("reading", SCHEMA_VERSION)
    assert "Research use only" in record["statement"]
    assert "tumour" in record["not_assessed"]
    assert record["study_date"] == "2024-03-11"


#: What version 1 did not know.
NEW_IN_2 = (
    "disc_height_index", "focal_volume_mm3", "bulge_volume_mm3", "cranial_migration_mm", "caudal_migration_mm",
    "contact_mm2", "circumference_share", "canal_occupied", "sac_area_mm2", "classes", "canal_compromise",
    "degeneration", "herniations",
)  # fmt: skip


def test_a_reading_of_version_1_is_upgraded() -> None:
    record = json.loads(reading(disc("L4/L5", Quantity(value=6.5), "displaced")).to_json())
    old = record | {
        "schema_version": 1,
        "discs": [{k: v for k, v in one.items() if k not in NEW_IN_2} for one in record["discs"]],
    }
    (upgraded,) = Reading.from_json(json.dumps(old)).discs
    assert upgraded.depth_mm.value == 6.5
    assert upgraded.herniations == () and upgraded.classes is None
    for name in NEW_IN_2[:9]:
        assert getattr(upgraded, name) == Quantity(value=None, reason="not measured by this version")


def test_herniations_and_classes_come_back() -> None:
    one = Class(
        value="extrusion", margin=0.4, unit="mm", limit="a limit", near=True, given_by="a reader, 2024-03-12"
    )
    classes = Classes(
        morphology=one, msu_size=one, msu_zone=one, zone=one, side=one, height_level=one, roots=("L5 left",)
    )
    found = herniation(classes=classes)
    record = reading(
        disc().model_copy(update={"herniations": (found,), "classes": classes, "canal_compromise": one})
    )
    assert Reading.from_json(record.to_json()) == record


def test_the_depth_of_a_herniated_level_is_that_of_its_deepest_herniation() -> None:
    level, deep = Quantity(value=6.0, low=1.0, high=9.0), Quantity(value=6.0, low=4.0, high=7.0)
    alone = disc("L4/L5", level)
    assert alone.deepest_mm is level
    found = (herniation(), herniation(2, depth_mm=deep), herniation(3, depth_mm=MISSING))
    assert alone.model_copy(update={"herniations": found[:2]}).deepest_mm is deep
    # Of one that the field cuts at least 12.5 mm are there.
    assert alone.model_copy(update={"herniations": found}).deepest_mm is MISSING


def test_every_quantity_of_a_herniation_is_listed() -> None:
    of_record = {n for n, f in Herniation.model_fields.items() if f.annotation is Quantity}
    assert of_record == set(HERNIATION_QUANTITIES)


def changed(**keys: object) -> str:
    return json.dumps(json.loads(reading().to_json()) | keys)


def in_depth(**keys: object) -> str:
    record = json.loads(reading().to_json())
    record["discs"][0]["depth_mm"] |= keys
    return json.dumps(record)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "not valid JSON", id="empty"),
        pytest.param('{"kind": "reading"', "not valid JSON", id="cut off"),
        pytest.param("[]", "not a resorb reading", id="a list"),
        pytest.param("{}", "not a resorb reading", id="an empty object"),
        pytest.param(changed(kind="run"), "not a resorb reading", id="another kind"),
        pytest.param(changed(schema_version=SCHEMA_VERSION + 1), "update resorb", id="newer"),
        pytest.param(changed(schema_version="new"), "invalid", id="a version that is no number"),
        pytest.param(changed(patient_name="x"), "invalid", id="an unknown key"),
        pytest.param(in_depth(certainty=1), "invalid", id="an unknown key within"),
        pytest.param(changed(discs=None), "invalid", id="no discs"),
        pytest.param(changed(study_date="yesterday"), "invalid", id="no date"),
        pytest.param(in_depth(value="deep"), "invalid", id="a number in words"),
        pytest.param(in_depth(value=None, reason=""), "invalid", id="missing without a reason"),
        pytest.param(in_depth(value=float("nan")), "invalid", id="NaN"),
        pytest.param(in_depth(low=float("-inf")), "invalid", id="infinite"),
    ],
)
def test_what_is_no_reading_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Reading.from_json(text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["value", "low", "high"])
def test_numbers_are_finite(number: float, name: str) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Quantity.model_validate({"value": 1.0} | {name: number})


def test_a_missing_value_needs_a_reason() -> None:
    with pytest.raises(ValidationError, match="needs a reason"):
        Quantity(value=None)
    assert Quantity(value=None, reason="cropped").at_least is None
    assert MISSING.at_least == 12.5
    assert Quantity(value=0.0, low=-1.0).at_least == 0.0


def test_a_record_is_never_changed() -> None:
    record = reading()
    with pytest.raises(ValidationError, match="frozen"):
        record.series = "series 4"


def test_the_worst_level_is_focal_before_displaced_before_deep() -> None:
    broad = disc("L2/L3", Quantity(value=9.0), "displaced")
    focal = disc("L3/L4", Quantity(value=4.0), "displaced", "focal")
    bulge = disc("L4/L5", Quantity(value=2.5))
    unknown = disc("L5/S1", Quantity(value=None, reason="not in the field"))
    assert reading(broad, focal, bulge, unknown).worst == focal
    assert reading(broad, bulge, unknown).worst == broad
    assert reading(bulge, unknown).worst == bulge
    assert reading(unknown).worst is None
    deeper = disc("L5/S1", Quantity(value=None, reason="cropped", low=3.0))
    assert reading(bulge, deeper).worst == deeper


def test_every_quantity_of_the_tables_is_in_the_record() -> None:
    of_record = {n for n, f in DiscReading.model_fields.items() if f.annotation is Quantity}
    assert of_record == set(QUANTITIES)
