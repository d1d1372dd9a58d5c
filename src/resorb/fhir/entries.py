"""The resources of a bundle while it is read: what was taken from each, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

from resorb.fhir.dialect import Version, located, to_r5
from resorb.fhir.elements import CATEGORY, NOTICE
from resorb.fhir.leftovers import Json, Leftover, Unreadable, unread

Read = TypeVar("Read")
#: Where a resource says whom it is about.
SUBJECT = ("subject", "patient")


@dataclass
class Entry:
    """One resource.

    Attributes:
        number: in the bundle, from 1.
        addresses: by which others refer to it.
        before: as it came, in R5.
        body: the working copy; reading takes out of it what it understood.
        refused: why nothing of it was read.
    """

    number: int
    kind: str
    addresses: tuple[str, ...]
    before: Json
    body: Json
    refused: Unreadable | None = None
    read: bool = False

    def attempt(self, function: Callable[[Json], Read]) -> Read | None:
        """Read with a function; where it fails, the resource stays whole and None comes back."""
        if self.refused:
            return None
        copy = deepcopy(self.body)
        try:
            result = function(copy)
        except Unreadable as error:
            self.refused = error
            return None
        except ValueError:
            self.refused = Unreadable("impossible", "a value that is not what its field holds")
            return None
        self.body, self.read = copy, True
        return result

    def peek(self, function: Callable[[Json], Read]) -> Read | None:
        """What a function would read; nothing is taken out."""
        try:
            return function(deepcopy(self.body))
        except Unreadable:
            return None

    def refuse(self, error: Unreadable) -> None:
        """Put the resource back whole."""
        self.body, self.read, self.refused = deepcopy(self.before), False, error

    def leftovers(self, version: Version) -> Iterator[Leftover]:
        """What was not read of it."""
        where = f"entry {self.number} ({self.kind})"
        if not self.read:
            refused = self.refused or Unreadable("no_field", "the record has no place for it")
            yield Leftover(where, refused.reason, refused.detail)
            return
        for key, value in self.body.items():
            if key not in ("resourceType", "id"):
                for place in unread(self.before.get(key), value, key):
                    yield Leftover(f"{where}.{located(self.kind, place, version)}", "no_field")


def entries(bundle: Json, version: Version) -> list[Entry]:
    """The resources of a bundle, in R5, without the notice that ours carry."""
    return [
        _entry(number, one["resource"], one.get("fullUrl", ""), version)
        for number, one in enumerate(bundle.get("entry", []), start=1)
        if "resourceType" in one.get("resource", {})
    ]


def around(bundle: Json) -> Iterator[Leftover]:
    """What a bundle says beside its resources."""
    for key in bundle:
        ours = key == "meta" and bundle[key] == NOTICE
        if key not in ("resourceType", "id", "type", "entry") and not ours:
            yield Leftover(key, "no_field")
    for number, one in enumerate(bundle.get("entry", []), start=1):
        read = ("fullUrl", "resource") if "resourceType" in one.get("resource", {}) else ("fullUrl",)
        for key in one:
            if key not in read:
                yield Leftover(f"entry {number}.{key}", "no_field")


def strip(entry: Entry, addresses: dict[str, Entry], patient: Entry | None) -> None:
    """Take out what says nothing of its own: our notice, the usual category, and that it is about the patient.

    A resource about somebody else is refused.
    """
    body = entry.body
    if body.get("meta") == NOTICE:
        del body["meta"]
    for key in SUBJECT:
        if patient and target(body.get(key), addresses) is patient:
            del body[key]
        elif patient and "reference" in body.get(key, {}):
            entry.refuse(Unreadable("not_true", "about somebody else"))
            return
    systems = [c.get("system") for one in body.get("category", []) for c in one.get("coding", [])]
    if entry.kind == "Observation" and systems and set(systems) == {CATEGORY}:
        del body["category"]


def target(reference: Any, addresses: dict[str, Entry]) -> Entry | None:
    """The resource that a Reference leads to, where the bundle holds it."""
    return addresses.get(str(reference.get("reference", ""))) if isinstance(reference, dict) else None


def _entry(number: int, found: Json, address: str, version: Version) -> Entry:
    body = to_r5(found) if version == "R4B" else found
    kind = str(body["resourceType"])
    known = (address, f"{kind}/{body['id']}") if "id" in body else (address,)
    return Entry(number, kind, tuple(filter(None, known)), body, deepcopy(body))
