"""The reader's word: what a person says of the levels of one study, read from a small file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from resorb.errors import InputError
from resorb.written import Day, Kind, LevelText, Lines, Text, WrittenRecord, parse_written, read_text

SCHEMA_VERSION = 1  # older ones are upgraded, newer ones refused
READER = Kind("reader", "a reader's word", SCHEMA_VERSION, "reader's file")

Morphology = Literal["none", "bulge", "protrusion", "extrusion", "sequestration"]
Zone = Literal["central", "paracentral", "subarticular", "foraminal", "extraforaminal"]
HeightLevel = Literal["disc", "suprapedicle", "pedicle", "infrapedicle"]


class LevelWord(WrittenRecord):
    """What the reader says of one level; what is left out stays as resorb measured it.

    Attributes:
        herniation: the number of the herniation that the words from `morphology` to `msu_zone` are about; None for the
            one that names the level.
        morphology, zone, side, height_level: the terms of the combined task force, v2.0.
        height_vertebra: behind which body the material lies.
        canal_compromise: in the worst axial section, by thirds.
        degeneration: Pfirrmann grade.
        modic: type of the endplate change; 0 for none.
        rim_enhancement: of the displaced material after contrast.
        ligament_containment: whether the posterior longitudinal ligament holds the material.
    """

    level: LevelText
    herniation: Annotated[int, Field(ge=1)] | None = None
    morphology: Morphology | None = None
    zone: Zone | None = None
    side: Literal["left", "right", "midline"] | None = None
    height_level: HeightLevel | None = None
    height_vertebra: Literal["T12", "L1", "L2", "L3", "L4", "L5", "L6", "S1"] | None = None
    msu_size: Annotated[int, Field(ge=1, le=3)] | None = None
    msu_zone: Literal["A", "B", "C"] | None = None
    canal_compromise: Literal["none", "mild", "moderate", "severe"] | None = None
    degeneration: Annotated[int, Field(ge=1, le=5)] | None = None
    modic: Annotated[int, Field(ge=0, le=3)] | None = None
    rim_enhancement: Literal["none", "thin", "thick"] | None = None
    ligament_containment: Literal["contained", "uncontained"] | None = None

    @model_validator(mode="after")
    def _place(self) -> Self:
        if self.height_level == "disc" and self.height_vertebra is not None:
            raise ValueError("material at the disc lies behind no vertebra: leave out `height_vertebra`")
        if self.height_level not in (None, "disc") and self.height_vertebra is None:
            raise ValueError(f"`height_level: {self.height_level}` needs `height_vertebra`")
        if self.zone not in (None, "central") and self.side == "midline":
            raise ValueError(f"{self.zone} material lies to the left or to the right, not in the midline")
        return self


class ReaderWord(WrittenRecord):
    """What one reader says of one study.

    Attributes:
        author: who says so, as the report shall name them.
        date: when it was said.
        levels: each level and herniation once.
    """

    kind: Literal["reader"] = "reader"
    schema_version: Literal[1] = 1
    author: Annotated[str, Field(min_length=1, max_length=80)]
    date: Day
    levels: Annotated[tuple[LevelWord, ...], Field(min_length=1)]
    note: Text = ""

    @property
    def given_by(self) -> str:
        """Author and date, as the classes carry them."""
        return f"{self.author}, {self.date.isoformat()}"

    @model_validator(mode="after")
    def _once(self) -> Self:
        named = [(one.level, one.herniation) for one in self.levels]
        twice = sorted({level for level, number in named if named.count((level, number)) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands here twice: put what is said of a level together")
        return self


def read_word(path: Path) -> tuple[ReaderWord, Lines]:
    """Read a reader's file, with the line of each of its parts; anything but `.json` is read as YAML.

    Raises:
        InputError: the file cannot be read, is not YAML or JSON, or holds something impossible; the message names the
            line.
    """
    is_json = path.suffix.lower() == ".json"
    return parse_written(ReaderWord, read_text(path, READER), str(path), READER, is_json=is_json)


def unknown_level(place: int, lines: Lines, levels: tuple[str, ...]) -> InputError:
    """What to raise where a reader names a level that the study does not show.

    Args:
        place: of the level in the file, from 0.
        lines: of the file.
        levels: those that the study shows.
    """
    line = lines.of(("levels", place, "level"))
    return InputError(
        f"{lines.name}, line {line}: the study does not show this level, only {', '.join(levels)}"
    )
