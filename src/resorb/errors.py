"""The errors a user can meet, each with the exit code the command line gives it."""

from __future__ import annotations


class ResorbError(Exception):
    """Something resorb refuses, said in one line: what is wrong, with which input, what to do.

    Messages never hold a patient's identifier; inputs are named by the path the user typed, by
    series number, or by hash.
    """

    exit_code = 1


class UsageError(ResorbError):
    """The request itself is wrong or impossible (unknown series, unknown scheme, bad option)."""

    exit_code = 2


class InputError(ResorbError):
    """The input cannot be read, or what it holds is invalid (truncated, not an image, nonsense affine)."""

    exit_code = 3


class NotMeasurableError(ResorbError):
    """The input was read, but is not measurable as lumbar T2 MRI (no T2 series, no spine in it)."""

    exit_code = 4


class StrictRefusal(ResorbError):  # noqa: N818 - it is a refusal the user asked for, not a failure
    """A doubt that `--strict` turns into a refusal; nothing is written."""

    exit_code = 5


class OutputError(ResorbError):
    """The output cannot be written where it was asked for."""

    exit_code = 6
