"""Silence for the DICOM libraries, whose warnings print raw header values."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import gdcm
from pydicom import config


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's and GDCM's warnings, which may hold a patient's identifiers, from every log.

    Values that break the standard (odd dates, long strings, unknown character sets) are common in
    real files and are let through here; what is used of them is checked where it is used.
    """
    logger = logging.getLogger("pydicom")
    disabled = logger.disabled
    logger.disabled = True
    for switch_off in (gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff, gdcm.Trace.DebugOff):
        switch_off()
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = disabled
