"""One date, complete: the study, its anatomy, what was measured and where. `measure` makes it, `report` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resorb.anatomy import Anatomy, Level
from resorb.frame import Frame
from resorb.reading import DiscReading, Reading
from resorb.study import Study, Volume


@dataclass(frozen=True, eq=False)
class Timepoint:
    """The measured state of one date.

    Attributes:
        displaced: uint8 volume on the grid of the sagittal series; a voxel of displaced material holds
            the ordinal of its level (`Level.ordinal`), all others 0.
        frames: the local frame and reference surface of every level that could be framed.
    """

    study: Study
    anatomy: Anatomy
    reading: Reading
    displaced: Volume
    frames: Mapping[Level, Frame]

    def displaced_at(self, level: Level) -> NDArray[np.bool_]:
        """Mask (i, j, k) of the displaced material of one level."""
        return np.asarray(self.displaced.data == level.ordinal)

    def disc(self, level: Level) -> DiscReading:
        """The measured record of one level.

        Raises:
            KeyError: the level is not in the reading.
        """
        for disc in self.reading.discs:
            if disc.level == str(level):
                return disc
        raise KeyError(str(level))
