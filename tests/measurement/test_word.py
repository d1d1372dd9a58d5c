"""A reader's word in a reading: whose it is, what it stands in place of, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from resorb.errors import InputError
from resorb.measurement import with_word
from resorb.reader import read_word
from resorb.reading import (
    HERNIATION_QUANTITIES,
    QUANTITIES,
    Class,
    Classes,
    DiscReading,
    Herniation,
    PlaneExtent,
    Quantity,
    Reading,
)

ONE = Quantity(value=1.0)
BY = "A. Reader, 2024-03-01"


def classes(morphology: str) -> Classes:
    return Classes(
        morphology=Class(value=morphology, margin=1.0, unit="mm"),
        msu_size=Class(value="2"),
        msu_zone=Class(value="A"),
        zone=Class(value="paracentral"),
        side=Class(value="left"),
        height_level=Class(value="disc"),
        roots=("L5 left",),
    )


def herniation(number: int, morphology: str) -> Herniation:
    plane = PlaneExtent(base_mm=ONE, extent_mm=ONE)
    return Herniation.model_validate(
        {
            "number": number,
            "apex": (0, 0, 0),
            "centre": (0, 0, 0),
            "continuous": True,
            "axial": plane,
            "sagittal": plane,
            "classes": classes(morphology),
            **dict.fromkeys(HERNIATION_QUANTITIES, ONE),
        }
    )


def disc(level: str, *morphologies: str) -> DiscReading:
    found = tuple(herniation(n, name) for n, name in enumerate(morphologies, 1))
    return DiscReading.model_validate(
        {
            "level": level,
            "herniations": found,
            "classes": classes(morphologies[0]) if morphologies else None,
            "side": "left" if morphologies else None,
            **dict.fromkeys(QUANTITIES, ONE),
        }
    )


def said(folder: Path, *levels: str, discs: tuple[DiscReading, ...]) -> Reading:
    path = folder / "word.yaml"
    text = f"kind: reader\nauthor: A. Reader\ndate: 2024-03-01\nlevels:\n{''.join(levels)}"
    path.write_text(text, encoding="utf-8")
    reading = Reading(
        resorb_version="0",
        study_sha256="ab" * 32,
        series="1",
        segmented_by="a stand-in",
        level_naming="the sacrum",
        discs=discs,
    )
    return with_word(reading, *read_word(path))


def test_the_word_stands_under_its_readers_name_and_says_what_it_replaces(tmp_path: Path) -> None:
    after = said(
        tmp_path,
        "- {level: L4/L5, morphology: extrusion, msu_size: 2, modic: 1}\n",
        discs=(disc("L4/L5", "protrusion"), disc("L5/S1")),
    )
    first, second = after.discs
    assert first.classes is not None and first.modic is not None
    found = first.classes.morphology
    assert (found.value, found.given_by, found.margin) == ("extrusion", BY, None)
    assert "in place of protrusion" in found.limit
    assert first.herniations[0].classes == first.classes
    assert (first.modic.value, first.modic.given_by) == ("1", BY)
    assert "in place of" not in first.classes.msu_size.limit and first.classes.msu_size.given_by == BY
    assert first.classes.zone.given_by == "", "what the reader left out stays as measured"
    assert second == disc("L5/S1")
    assert first.depth_mm == ONE and Reading.from_json(after.to_json()) == after


@pytest.mark.parametrize(
    ("words", "roots"),
    [
        ("zone: foraminal", ("L4 left",)),
        ("side: right", ("L5 right",)),
        ("zone: central, side: midline", ("L5 left", "L5 right", "cauda equina")),
        ("height_level: infrapedicle, height_vertebra: L5", ("L5 left", "S1 left")),
    ],
)
def test_roots_follow_the_readers_place(words: str, roots: tuple[str, ...], tmp_path: Path) -> None:
    after = said(
        tmp_path, f"- {{level: L4/L5, {words}}}\n", discs=(disc("L4/L5", "protrusion"), disc("L5/S1"))
    )
    assert after.discs[0].classes is not None and after.discs[0].classes.roots == roots


def test_a_numbered_herniation_may_come_to_name_its_level(tmp_path: Path) -> None:
    line = "- {level: L4/L5, herniation: 2, morphology: sequestration}\n"
    first = said(tmp_path, line, discs=(disc("L4/L5", "extrusion", "protrusion"),)).discs[0]
    kinds = [one.classes.morphology.value for one in first.herniations if one.classes]
    assert kinds == ["extrusion", "sequestration"]
    assert first.classes == first.herniations[1].classes


def test_a_level_that_resorb_found_healthy_can_be_herniated_and_the_other_way_round(tmp_path: Path) -> None:
    lines = "- {level: L4/L5, morphology: none}\n", "- {level: L5/S1, morphology: protrusion, side: right}\n"
    first, second = said(tmp_path, *lines, discs=(disc("L4/L5", "protrusion"), disc("L5/S1"))).discs
    assert not first.herniated and second.herniated
    assert second.side == "right" and second.classes is not None
    assert second.classes.zone.value is None and second.classes.roots == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("- {level: L2/L3, modic: 1}\n", "line 5: the study does not show this level, only L4/L5"),
        ("- {level: L4/L5, herniation: 3, modic: 1}\n", "line 5: there is no herniation 3 at L4/L5: 1 were"),
        ("- {level: L4/L5, side: midline}\n", "line 5: what lies in the midline is central"),
    ],
)
def test_what_the_study_does_not_hold_is_refused_with_its_line(line: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        said(tmp_path, line, discs=(disc("L4/L5", "protrusion"),))
    assert "word.yaml" in str(caught.value)
