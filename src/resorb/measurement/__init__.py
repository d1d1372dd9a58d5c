"""Measure: from a study and its anatomy to a reading, in the frame of every level."""

from resorb.measurement.discs import measure

__all__ = ["measure"]
