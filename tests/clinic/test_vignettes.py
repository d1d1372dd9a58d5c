"""Written cases with their expected answers: no textbook root missed, every red flag caught, the mimics named."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from resorb.clinic.files import read_course
from resorb.clinic.review import Review, review

FOLDER = Path(__file__).parent / "vignettes"
EXPECTED: list[dict[str, Any]] = tomllib.loads((FOLDER / "expected.toml").read_text("utf-8"))["vignette"]
each = pytest.mark.parametrize("expected", EXPECTED, ids=lambda e: e["file"].removesuffix(".yaml"))


@cache
def _review(file: str) -> Review:
    return review(read_course(FOLDER / file))


def _reviewed(expected: dict[str, Any]) -> Review:
    return _review(expected["file"])


def test_thirty_or_more_each_with_a_source() -> None:
    assert len(EXPECTED) >= 30
    assert {e["file"] for e in EXPECTED} == {path.name for path in FOLDER.glob("*.yaml")}
    assert all(e["source"] for e in EXPECTED)


@each
def test_roots(expected: dict[str, Any]) -> None:
    first = _reviewed(expected).visits[0]
    for side in ("left", "right"):
        named = {r for o in first.opinions if o.side == side for roots in o.alternatives for r in roots}
        assert named == set(expected[side])


@each
def test_red_flags(expected: dict[str, Any]) -> None:
    assert {flag.id for flag in _reviewed(expected).red_flags} == set(expected["red_flags"])


@each
def test_mimics(expected: dict[str, Any]) -> None:
    reviewed = _reviewed(expected)
    assert {one.id for visit in reviewed.visits for one in visit.mimics} == set(expected["mimics"])


@each
def test_agreement_with_the_images(expected: dict[str, Any]) -> None:
    reviewed = _reviewed(expected)
    assert [one.verdict for one in reviewed.comparisons] == expected["verdicts"]
    assert all(
        one.would_settle for one in reviewed.comparisons if one.verdict not in ("agree", "not_comparable")
    )
    assert sorted({one.kind for one in reviewed.contradictions}) == sorted(expected["contradictions"])
    assert all(one.line is not None for one in reviewed.contradictions)
