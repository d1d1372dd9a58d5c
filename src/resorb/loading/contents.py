"""`Contents`: everything readable in one input, before anything is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from resorb.study import Series


@dataclass(frozen=True, eq=False)
class Contents:
    """The series of one input and the facts of the study.

    Attributes:
        series: at least one, by number.
        warnings: what was left out or is doubtful, in words.
        study_date: the date of the scan, where the headers give one.
        sha256: of the file (NIfTI), or over the sorted digests of the DICOM files.
        synthetic: the input says of itself that it is simulated.
    """

    series: tuple[Series, ...]
    warnings: tuple[str, ...]
    study_date: date | None
    sha256: str
    synthetic: bool
