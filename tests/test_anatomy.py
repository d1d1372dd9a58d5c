"""Level names and the numbers written to the label volume."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from resorb.anatomy import VERTEBRAE, Anatomy, Level, LevelNaming, Structure, anatomy_index
from resorb.errors import UsageError
from resorb.study import Volume

#: Written down apart from the code: spines of 11-13 thoracic and 4-6 lumbar bodies.
THORACIC = [f"T{n}/T{n + 1}" for n in range(1, 13)]
NEIGHBOURS = {
    *THORACIC,
    *("T11/L1", "T12/L1", "T13/L1"),
    *("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/L6"),
    *("L4/S1", "L5/S1", "L6/S1"),
}


def test_only_neighbours_are_a_level() -> None:
    taken = set()
    for upper, lower in product(VERTEBRAE, VERTEBRAE):
        try:
            taken.add(str(Level(upper, lower)))
        except UsageError as error:
            assert "\n" not in str(error)
    assert taken == NEIGHBOURS


@pytest.mark.parametrize("text", ["L5/S1", "l5-s1", " L5/S1 "])
def test_a_level_is_read_as_people_write_it(text: str) -> None:
    assert Level.parse(text) == Level("L5", "S1")


@pytest.mark.parametrize("text", ["", "L5", "L5/", "L5/L4", "L4/L6", "C5/C6", "L5S1", "disc 3", "L5/S1/S2"])
def test_what_is_no_level_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="levels read like L4/L5"):
        Level.parse(text)


def test_levels_are_ordered_from_above_downwards() -> None:
    levels = [Level.parse(t) for t in ("L5/S1", "T12/L1", "L1/L2", "T11/T12", "L4/L5")]
    assert [str(level) for level in sorted(levels)] == ["T11/T12", "T12/L1", "L1/L2", "L4/L5", "L5/S1"]
    assert max(levels) == Level("L5", "S1")


def test_every_structure_of_every_vertebra_has_its_own_number() -> None:
    numbers = [anatomy_index(s, v) for s in Structure if s for v in (*VERTEBRAE, None)]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 0 and max(numbers) <= np.iinfo(np.uint16).max


def test_the_numbers_of_stored_files_stay_what_they_are() -> None:
    # Files written by one version are read by another: these numbers are part of the format.
    assert anatomy_index(Structure.VERTEBRAL_BODY, "L5") == 118
    assert anatomy_index(Structure.POSTERIOR_ELEMENTS, "T12") == 212
    assert anatomy_index(Structure.SACRUM, "S1") == 320
    assert anatomy_index(Structure.DISC, "L4") == 417
    assert anatomy_index(Structure.THECAL_SAC) == 500
    assert [s.label for s in Structure][1:] == [
        "vertebral_body",
        "posterior_elements",
        "sacrum",
        "disc",
        "thecal_sac",
    ]


@pytest.fixture
def anatomy() -> Anatomy:
    labels = np.zeros((1, 1, 9), np.uint16)
    labels[0, 0, 1:8] = [117, 417, 118, 418, 320, 217, 500]
    levels = (Level("L4", "L5"), Level("L5", "S1"))
    return Anatomy(Volume(labels, np.eye(4)), levels, LevelNaming("the sacrum"), "a test", {})


def test_masks_hold_their_own_voxels(anatomy: Anatomy) -> None:
    def where(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[int]:
        return np.flatnonzero(mask).tolist()

    assert where(anatomy.body("L4")) == [1]
    assert where(anatomy.disc(Level("L4", "L5"))) == [2]
    assert where(anatomy.disc(Level("L5", "S1"))) == [4]
    assert where(anatomy.body("S1")) == [5]
    assert where(anatomy.structure(Structure.DISC)) == [2, 4]
    assert where(anatomy.mask(Structure.POSTERIOR_ELEMENTS, "L4")) == [6]
    assert where(anatomy.structure(Structure.THECAL_SAC)) == [7]
    assert where(anatomy.body("L3")) == []


def test_the_table_names_every_number_present(anatomy: Anatomy) -> None:
    assert list(anatomy.index_table()) == [
        (117, "vertebral_body", "L4"),
        (118, "vertebral_body", "L5"),
        (217, "posterior_elements", "L4"),
        (320, "sacrum", "S1"),
        (417, "disc", "L4/L5"),
        (418, "disc", "L5/S1"),
        (500, "thecal_sac", ""),
    ]


def test_the_table_names_what_only_an_axial_stack_shows(anatomy: Anatomy) -> None:
    stack = Volume(np.array([[[0, 118, 218, 500]]], np.uint16), np.eye(4))
    both = replace(anatomy, axial=(stack, stack.with_data(np.zeros_like(stack.data))))
    assert set(both.index_table()) == {*anatomy.index_table(), (218, "posterior_elements", "L5")}
