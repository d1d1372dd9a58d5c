"""Measure: from a study and its anatomy to a reading, in the frame of every level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resorb.anatomy import Anatomy, Level
    from resorb.frame import Frame
    from resorb.limits import Limits
    from resorb.reader import ReaderWord
    from resorb.reading import Reading
    from resorb.study import Study
    from resorb.timepoint import Timepoint
    from resorb.written import Lines

__all__ = ["measure", "with_word"]


def measure(
    study: Study,
    anatomy: Anatomy,
    limits: Limits | None = None,
    *,
    frames: Mapping[Level, Frame] | None = None,
) -> Timepoint:
    """Measure every disc level of a study; arguments as for `resorb.measurement.discs.measure`."""
    # What measures is imported when it is needed: a study is read and segmented meanwhile.
    from resorb.measurement import discs

    return discs.measure(study, anatomy, limits, frames=frames)


def with_word(reading: Reading, word: ReaderWord, lines: Lines) -> Reading:
    """A reading with a reader's classes in it; arguments as for `resorb.measurement.word.with_word`."""
    from resorb.measurement import word as words

    return words.with_word(reading, word, lines)
