"""The reader's file: what it may say, and where it is wrong."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from resorb.errors import InputError
from resorb.reader import ReaderWord, read_word

TEXT = """kind: reader
author: A. Reader
date: 2024-03-01
levels:
  - level: L4-L5
    morphology: extrusion
    side: left
    zone: paracentral
    modic: 1
  - level: L5/S1
    rim_enhancement: thick
"""


def written(folder: Path, text: str, name: str = "word.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_word_is_read_with_its_lines(tmp_path: Path) -> None:
    word, lines = read_word(written(tmp_path, TEXT))
    assert word.given_by == "A. Reader, 2024-03-01"
    first, second = word.levels
    assert (first.level, first.morphology, first.modic, first.msu_size) == ("L4/L5", "extrusion", 1, None)
    assert (second.level, second.rim_enhancement) == ("L5/S1", "thick")
    assert lines.of(("levels", 0, "zone")) == 8 and lines.of(("levels", 1)) == 10


def test_json_says_the_same(tmp_path: Path) -> None:
    word, _ = read_word(written(tmp_path, TEXT))
    again, _ = read_word(written(tmp_path, word.model_dump_json(indent=1), "word.json"))
    assert again == word


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("morphology: extrusion", "morphology: extruded", "line 6: `morphology`"),
        ("level: L4-L5", "level: L4-S2", "line 5: `level`: L4/S2 is not a disc level"),
        ("level: L5/S1", "level: L4/L5", "L4/L5 stands here twice"),
        ("modic: 1", "modic: 4", "line 9: `modic`: should be less than or equal to 3 (given: 4)"),
        ("modic: 1", "modick: 1", "line 9: unknown key `modick`"),
        ("date: 2024-03-01", "date: 1.3.2024", "line 3: `date`: a date reads YYYY-MM-DD"),
        ("author: A. Reader\n", "", "`author` is missing"),
        ("side: left", "side: midline", "paracentral material lies to the left or to the right"),
        ("side: left", "height_level: pedicle", "needs `height_vertebra`"),
        ("side: left", "height_level: disc\n    height_vertebra: L5", "lies behind no vertebra"),
        ("kind: reader", "kind: course", "is not a reader's word"),
        ("kind: reader", "schema_version: 2", "newer than this resorb knows"),
        ("    side: left", "    side: left\n    side: left", "line 8: `side` is given twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(before: str, after: str, said: str, tmp_path: Path) -> None:
    assert before in TEXT
    path = written(tmp_path, TEXT.replace(before, after, 1))
    with pytest.raises(InputError) as caught:
        read_word(path)
    assert said in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"reader's file .*nowhere\.yaml cannot be read"):
        read_word(tmp_path / "nowhere.yaml")


def test_the_published_schema_is_that_of_the_record() -> None:
    stored = resources.files("resorb").joinpath("reader.schema.json").read_text("utf-8")
    assert json.loads(stored) == ReaderWord.model_json_schema()
