"""Requests: what is impossible or unknown is refused, in one line that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from resorb.errors import UsageError
from resorb.simulation.spec import CaseSpec, HerniationSpec, ScannerSpec

CASE = """
name = "one"
[[herniations]]
level = "L4/L5"
side = "left"
[[dates]]
date = 2024-01-02
[[dates]]
date = 2024-07-02
changes = [{ herniation = 1, remaining = 0.2 }]
"""


def read(tmp_path: Path, text: str) -> CaseSpec:
    path = tmp_path / "case.toml"
    path.write_text(text, encoding="utf-8")
    return CaseSpec.from_toml(path)


def test_a_case_is_read(tmp_path: Path) -> None:
    case = read(tmp_path, CASE)
    assert [str(one.level) for one in case.herniations] == ["L4/L5"]
    assert case.dates[1].changes[0].remaining == 0.2


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "one"', 'name = "one"\ncolour = "red"', "colour"),
        ('side = "left"', 'side = "left"\ndepth_mm = -3.0', "depth_mm"),
        ('side = "left"', 'side = "left"\ndepth_mm = 60.0', "less than or equal to 25"),
        ('side = "left"', 'side = "left"\nvolume_mm3 = nan', "volume_mm3"),
        ('side = "left"', "", "side"),
        ('"L4/L5"', '"L9/L10"', "herniations.0.level: L9/L10 is not a disc level"),
        ('"L4/L5"', "5", "herniations.0.level: 5"),
        ("remaining = 0.2", "remaining = 0.2, by = {}", "by"),
        ("remaining = 0.2 }]", "remaining = 0.2 }, { herniation = 1, remaining = 0.5 }]", "changed twice"),
        ("2024-07-02", "2024-01-02", "dates must differ"),
        ("2024-07-02", "2023-01-02", "follow one another"),
        ("herniation = 1", "herniation = 3", "herniation 3 is changed"),
        ("remaining = 0.2", "remaining = -1", "remaining"),
        ("[[dates]]", "[dates", "not valid TOML"),
        ('name = "one"', 'name = "../one"', "name"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, old: str, new: str, named: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, CASE.replace(old, new, 1 if old == "[[dates]]" else -1))
    assert named in str(refused.value) and "\n" not in str(refused.value)


def test_a_case_without_dates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dates"):
        read(tmp_path, 'name = "one"\ndates = []')


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        CaseSpec.from_toml(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "sequestration", "side": "left", "neck_mm": 4.0},
        {"type": "protrusion", "side": "left", "migration_mm": 5.0},
        {"zone": "central", "side": "left"},
        {"zone": "foraminal"},
    ],
)
def test_a_herniation_that_contradicts_itself_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HerniationSpec.model_validate({"level": "L4/L5", **asked})


def test_only_field_strengths_with_known_relaxation_are_scanned_at() -> None:
    assert ScannerSpec(field_tesla=3.0).field_tesla == 3.0
    with pytest.raises(ValidationError, match=r"1\.5 and 3 T"):
        ScannerSpec(field_tesla=7.0)
