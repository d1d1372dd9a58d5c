from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from resorb.fhir.codes import concept, rows, systems, take_key
from resorb.fhir.leftovers import Json, Unreadable

#: The permutation by which SNOMED CT checks codes, with the multiplication of the dihedral group D5 (Verhoeff 1969).
PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _times(a: int, b: int) -> int:
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


def verhoeff(code: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = PERMUTED[value]
        check = _times(check, value)
    return check == 0


def luhn(code: str) -> bool:
    """LOINC: modulus 10, from the right, every second digit doubled."""
    digits = [int(digit) for digit in code.replace("-", "")]
    doubled = [2 * d if place % 2 else d for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


CHECKS: dict[str, Callable[[Any], bool]] = {"snomed": verhoeff, "loinc": luhn}


def test_the_checks_tell_a_wrong_digit() -> None:
    # Examples of the SNOMED CT and LOINC guides: 73211009 diabetes mellitus, 2345-7 glucose.
    assert verhoeff("73211009") and not verhoeff("73211008") and not verhoeff("72311009")
    assert luhn("2345-7") and not luhn("2345-6")


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['group']}/{row['key']} {row['code']}")
def test_every_row_has_a_source_and_a_code_that_can_exist(row: Json) -> None:
    assert len(row["source"]) > 10
    assert row["display"]
    assert row["system"] in systems()
    assert CHECKS.get(row["system"], bool)(row["code"])


@pytest.mark.parametrize(
    "row", [row for row in rows() if "pydicom" in row["source"]], ids=lambda r: r["code"]
)
def test_what_is_said_to_come_from_dicom_stands_there(row: Json) -> None:
    table = getattr(codes, {"snomed": "SCT", "dcm": "DCM", "loinc": "LN"}[row["system"]])
    listed = [one for name in dir(table) if isinstance(one := getattr(table, name), Code)]
    names = {one.meaning.split(" (")[0] for one in listed if one.value == row["code"]}
    # DICOM gives 18748-4 another name than LOINC does; the row says so.
    assert row["display"] in names or (names and row["system"] == "loinc")


def test_a_written_code_means_one_thing() -> None:
    written = [(row["system"], row["code"]) for row in rows() if not row.get("only_in")]
    assert len(written) == len(set(written))


@pytest.mark.parametrize(("group", "key"), sorted({(str(row["group"]), str(row["key"])) for row in rows()}))
def test_what_is_written_means_the_same_when_it_is_read(group: str, key: str) -> None:
    assert take_key(concept(group, key), (group,)) == (group, key)


def test_a_public_code_of_another_drug_contradicts() -> None:
    odd = concept("opioid", "fentanyl_transdermal")
    odd["coding"].append(concept("opioid", "morphine")["coding"][1])
    with pytest.raises(Unreadable, match="contradict"):
        take_key(odd, ("opioid",))
