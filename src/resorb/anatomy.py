"""The vocabulary of the lumbar spine, and one labelled volume per image stack: `Level`, `Structure`, `Anatomy`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import total_ordering

import numpy as np
from numpy.typing import NDArray

from resorb.errors import UsageError
from resorb.study import Volume

#: Vertebrae from above downwards. T13 and L6 stand for a supernumerary rib-bearing or lumbar body.
VERTEBRAE: tuple[str, ...] = (
    *(f"T{n}" for n in range(1, 14)),
    *(f"L{n}" for n in range(1, 7)),
    "S1",
)
_ORDINAL = {name: n for n, name in enumerate(VERTEBRAE, start=1)}

#: An anatomy index is STRUCTURE_STEP * structure + ordinal of the vertebra (of the upper one, for a disc).
STRUCTURE_STEP = 100


class Structure(IntEnum):
    """What a voxel belongs to; the values are also the class indices of the embedded model."""

    BACKGROUND = 0
    VERTEBRAL_BODY = 1
    POSTERIOR_ELEMENTS = 2
    SACRUM = 3
    DISC = 4
    THECAL_SAC = 5

    @property
    def label(self) -> str:
        """The name written to files, e.g. `vertebral_body`."""
        return self.name.lower()


@total_ordering
@dataclass(frozen=True)
class Level:
    """A disc level, named by the vertebrae above and below it, e.g. L4/L5; ordered from above downwards.

    Raises:
        UsageError: the two names are not vertebrae that can be neighbours.
    """

    upper: str
    lower: str

    def __post_init__(self) -> None:
        if (
            self.upper not in _ORDINAL
            or self.lower not in _ORDINAL
            or not _neighbours(self.upper, self.lower)
        ):
            raise UsageError(
                f"{self.upper}/{self.lower} is not a disc level; levels read like L4/L5 or L5/S1"
            )

    @classmethod
    def parse(cls, text: str) -> Level:
        """`"L5/S1"` or `"L5-S1"` to a Level.

        Raises:
            UsageError: the text names no disc level.
        """
        upper, _, lower = text.strip().upper().replace("-", "/").partition("/")
        return cls(upper, lower)

    def __str__(self) -> str:
        return f"{self.upper}/{self.lower}"

    def __lt__(self, other: Level) -> bool:
        return self.ordinal < other.ordinal

    @property
    def ordinal(self) -> int:
        """Position of the upper vertebra in `VERTEBRAE`, from 1."""
        return _ORDINAL[self.upper]


def _neighbours(upper: str, lower: str) -> bool:
    """T12/L1, T11/L1 and L4..L6/S1 are neighbours too, in spines with fewer or more bodies than usual."""
    if upper[0] == lower[0]:
        return int(lower[1:]) == int(upper[1:]) + 1
    return (upper in {"T11", "T12", "T13"} and lower == "L1") or (
        upper in {"L4", "L5", "L6"} and lower == "S1"
    )


def anatomy_index(structure: Structure, vertebra: str | None = None) -> int:
    """The integer written to `anatomy.nii.gz` for a structure of a level (`anatomy.tsv` names each)."""
    return STRUCTURE_STEP * int(structure) + (_ORDINAL[vertebra] if vertebra else 0)


def is_given(source: str) -> bool:
    """Whether what segmented (`Anatomy.source`) is a mask that was given, no network."""
    return source.startswith("mask")


@dataclass(frozen=True)
class LevelNaming:
    """How the levels got their names, and how sure that is.

    Attributes:
        anchor: what the count starts from, in words (e.g. "the sacrum").
        doubts: reasons why the count may be off, in words; empty when none was found.
    """

    anchor: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Every voxel's structure and level, on the grid of the sagittal series and on those of the axial stacks.

    Attributes:
        labels: uint16 volume of `anatomy_index` values; 0 is background.
        levels: the disc levels present, from above downwards.
        naming: how they were named.
        source: what segmented it, e.g. "resorb model 1" or "mask, scheme spider".
        confidence: per level in [0, 1], the Dice that the outline of its disc is expected to have; empty if unknown.
        warnings: what the segmentation noticed, in words.
        axial: for each stack of the axial series, in their order and each on its own grid, a uint16 volume of
            `anatomy_index` values; all 0 where a stack was left out. Empty without an axial series.
    """

    labels: Volume
    levels: tuple[Level, ...]
    naming: LevelNaming
    source: str
    confidence: dict[Level, float]
    warnings: tuple[str, ...] = ()
    axial: tuple[Volume, ...] = ()

    @property
    def is_given(self) -> bool:
        """Whether the masks were given, not made by a network."""
        return is_given(self.source)

    def structure(self, structure: Structure) -> NDArray[np.bool_]:
        """Mask (i, j, k) of one structure, all levels."""
        return np.asarray(self.labels.data // STRUCTURE_STEP == int(structure))

    def mask(self, structure: Structure, vertebra: str) -> NDArray[np.bool_]:
        """Mask (i, j, k) of one structure of one vertebra, or of the disc below it."""
        return np.asarray(self.labels.data == anatomy_index(structure, vertebra))

    def disc(self, level: Level) -> NDArray[np.bool_]:
        """Mask (i, j, k) of the disc of a level, displaced material included."""
        return self.mask(Structure.DISC, level.upper)

    def body(self, vertebra: str) -> NDArray[np.bool_]:
        """Mask (i, j, k) of a vertebral body; of the sacrum for S1."""
        return self.mask(Structure.SACRUM if vertebra == "S1" else Structure.VERTEBRAL_BODY, vertebra)

    def index_table(self) -> Iterator[tuple[int, str, str]]:
        """(index, structure, level) of every label in any volume; level is a vertebra, a disc level or empty."""
        vertebrae = dict(enumerate(VERTEBRAE, start=1))
        discs = {level.ordinal: str(level) for level in self.levels}
        present = [np.unique(volume.data) for volume in (self.labels, *self.axial)]
        for index in np.unique(np.concatenate(present)).tolist():
            if not index:
                continue
            structure, ordinal = divmod(index, STRUCTURE_STEP)
            names = discs if structure == Structure.DISC else vertebrae
            yield index, Structure(structure).label, names.get(ordinal, "")
