from __future__ import annotations

import tomllib

from training.dataset import PARTS, SPLIT


def test_no_subject_is_in_two_parts() -> None:
    for parts in tomllib.loads(SPLIT.read_text()).values():
        subjects = [subject for part in PARTS for subject in parts[part]]
        assert len(subjects) == len(set(subjects))
        assert set(parts) == set(PARTS)


def test_one_person_scanned_twice_stays_in_one_part() -> None:
    parts = tomllib.loads(SPLIT.read_text())["zukic-mixed"]
    assert any({"10", "11"} <= set(parts[part]) for part in PARTS)
