from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel

from resorb.errors import InputError
from resorb.stored import parse_stored


class Note(BaseModel):
    kind: Literal["note"] = "note"
    schema_version: int = 2
    text: str


def test_a_record_comes_back() -> None:
    note = Note(text="a")
    assert parse_stored(Note, note.model_dump_json(), name="note", version=2) == note


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "this note is not valid JSON"),
        ("[]", "not a resorb note"),
        ('{"kind": "reading"}', "not a resorb note"),
        ('{"kind": "note", "schema_version": 3}', "schema version 3, newer than this resorb knows"),
        ('{"kind": "note", "text": 1}', "this note is invalid"),
    ],
)
def test_what_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_stored(Note, text, name="note", version=2)


def test_older_ones_are_upgraded_step_by_step() -> None:
    upgrades = {
        0: lambda record: {"kind": "note", "schema_version": 1, "words": record["words"]},
        1: lambda record: {"kind": "note", "schema_version": 2, "text": " ".join(record["words"])},
    }
    old = '{"kind": "note", "schema_version": 0, "words": ["a", "b"]}'
    assert parse_stored(Note, old, name="note", version=2, upgrades=upgrades) == Note(text="a b")
    newer = '{"kind": "note", "schema_version": 1, "words": ["c"]}'
    assert parse_stored(Note, newer, name="note", version=2, upgrades=upgrades) == Note(text="c")
