"""Measure: from a study and its anatomy to a reading, in the frame of every level."""

from resorb.measurement.discs import measure
from resorb.measurement.word import with_word

__all__ = ["measure", "with_word"]
