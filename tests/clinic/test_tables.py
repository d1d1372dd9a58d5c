from __future__ import annotations

import re
from importlib import resources
from typing import Any, get_args

import pytest

from resorb.clinic import tables
from resorb.clinic.base import Root
from resorb.clinic.examination import Movement, ReflexName
from resorb.clinic.symptoms import Area
from resorb.clinic.tables import TABLES, table, verified
from resorb.clinic.treatment import Opioid

ROWS = [(name, n, row) for name in TABLES for n, row in enumerate(table(name))]


@pytest.mark.parametrize(("name", "n", "row"), ROWS, ids=[f"{name}-{n}" for name, n, _ in ROWS])
def test_every_row_carries_its_source(name: str, n: int, row: dict[str, Any]) -> None:
    source = row["source"]
    # A publication that can be found, or the plain word that there is none.
    published = re.search(r"\d{4}|PMID|PMC|doi|single centre|combined task force", source)
    assert published or tables.UNVERIFIED in source or source.startswith("resorb: "), (name, n)


def test_every_table_of_the_folder_is_read() -> None:
    folder = resources.files("resorb.clinic").joinpath("tables")
    assert {path.name for path in folder.iterdir()} == {f"{name}.toml" for name in TABLES}


@pytest.mark.parametrize(
    ("name", "key", "vocabulary"),
    [
        ("myotomes", "movement", get_args(Movement)),
        ("dermatomes", "dermatome", get_args(Root)),
        ("reflexes", "reflex", get_args(ReflexName)),
        ("areas", "area", get_args(Area)),
        ("opioids", "drug", [drug for drug in get_args(Opioid) if drug != "other"]),
    ],
)
def test_tables_and_vocabulary_are_the_same(name: str, key: str, vocabulary: list[str]) -> None:
    assert sorted(row[key] for row in table(name)) == sorted(vocabulary)


@pytest.mark.parametrize("name", ["myotomes", "dermatomes", "reflexes", "areas"])
def test_rows_name_roots(name: str) -> None:
    assert all(
        set(row["roots"]) <= set(get_args(Root)) and row["roots"] and row["words"] for row in table(name)
    )


# Berra 2021, tables 1-2, as evidence of the roots a table must name: (table, key, value) -> roots.
BERRA = {
    ("myotomes", "movement", "hip_flexion"): {"L2", "L3"},
    ("myotomes", "movement", "knee_extension"): {"L3", "L4"},
    ("myotomes", "movement", "ankle_dorsiflexion"): {"L4", "L5"},
    ("myotomes", "movement", "great_toe_extension"): {"L5"},
    ("myotomes", "movement", "ankle_plantarflexion"): {"S1"},
    ("reflexes", "reflex", "patellar"): {"L3", "L4"},
    ("reflexes", "reflex", "achilles"): {"S1"},
    ("areas", "area", "medial_malleolus"): {"L4"},
    ("areas", "area", "posterolateral_leg"): {"L5"},
    ("areas", "area", "plantar_foot"): {"S1"},
}


@pytest.mark.parametrize(("where", "roots"), BERRA.items(), ids=lambda x: str(x))
def test_the_published_root_table(where: tuple[str, str, str], roots: set[str]) -> None:
    name, key, value = where
    (row,) = [row for row in table(name) if row[key] == value]
    assert set(row["roots"]) == roots
    assert verified(row)


def test_accuracy_as_published() -> None:
    tests = {row["name"]: row for row in table("signs") if row["kind"] == "test"}
    for name, sensitivity, specificity in [
        ("straight_leg_raise", 0.92, 0.28),
        ("crossed_straight_leg_raise", 0.28, 0.90),
    ]:
        row = tests[name]
        assert (row["sensitivity"], row["specificity"]) == (sensitivity, specificity)
        assert row["lr_positive"] == pytest.approx(sensitivity / (1 - specificity), abs=0.01)
        assert row["lr_negative"] == pytest.approx((1 - sensitivity) / specificity, abs=0.01)


def test_any_cauda_equina_sign_is_a_same_day_emergency() -> None:
    rows = [row for row in table("red_flags") if row["group"] == "cauda_equina"]
    assert len(rows) == 10
    assert {row["urgency"] for row in rows} == {"same_day_emergency"}
    assert all("emergency department" in row["action"] for row in rows)
    assert {row["group"] for row in table("red_flags")} >= {
        "deficit",
        "pain",
        "infection",
        "tumour",
        "fracture",
    }


def test_every_outlook_names_denominator_time_and_definition() -> None:
    for row in table("outlook"):
        assert all(row[key] for key in ("statement", "population", "denominator", "time", "definition"))
        assert verified(row)
