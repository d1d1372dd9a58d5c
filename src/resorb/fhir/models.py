"""The one door to `fhir.resources`, which knows the shapes of FHIR resources (not their codes)."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from resorb.errors import InputError, UsageError
from resorb.fhir.dialect import VERSIONS, Version
from resorb.fhir.leftovers import Json


class Misfit(Exception):  # noqa: N818 - it never leaves the package
    """A bundle that has not the shapes of a version.

    Attributes:
        faults: how many were found.
    """

    def __init__(self, faults: int, first: str) -> None:
        super().__init__(first)
        self.faults = faults


def checked(bundle: Json, version: Version) -> Any:
    """The bundle as a `fhir.resources` Bundle of that version.

    Raises:
        UsageError: the version is unknown, or `fhir.resources` is not installed.
        Misfit: it is no bundle of that version.
    """
    try:
        if version == "R4B":
            from fhir.resources.R4B.bundle import Bundle
        elif version == "R5":
            from fhir.resources.bundle import Bundle
        else:
            raise UsageError(f"there is no FHIR version {version} here: choose {' or '.join(VERSIONS)}")
    except ImportError as error:
        raise UsageError("FHIR needs the package fhir.resources: pip install 'resorb[fhir]'") from error
    try:
        return Bundle.model_validate(bundle)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in fault["loc"])
        raise Misfit(error.error_count(), f"{place}: {' '.join(fault['msg'].split())}") from error
    except (KeyError, TypeError) as error:
        # This is how fhir.resources meets a kind of resource that it does not know.
        raise Misfit(1, "a resource of a kind that this version does not have") from error


def version_of(bundle: Json, name: str) -> Version:
    """The version whose shapes a bundle has; where both fit, they mean the same for what is read.

    Raises:
        InputError: it has those of neither; the message names the first fault of the nearer one, without its value.
    """
    misfits: dict[Version, Misfit] = {}
    for version in VERSIONS:
        try:
            checked(bundle, version)
        except Misfit as error:
            misfits[version] = error
        else:
            return version
    nearer = min(misfits, key=lambda version: misfits[version].faults)
    raise invalid(misfits[nearer], nearer, name) from misfits[nearer]


def invalid(misfit: Misfit, version: Version, name: str) -> InputError:
    """What is wrong with a bundle, in one line."""
    return InputError(
        f"{name} is not a FHIR {version} bundle: {misfit}; check it with the system it came from"
    )
