"""Codes: every answer of a record has one of resorb's own, its words, and one of a public system where it is known."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from resorb.fhir.leftovers import Json, Unreadable

#: The root of resorb's own code systems and extensions. `.example` is reserved (RFC 2606): it leads nowhere.
BASE = "https://resorb.example/fhir"
UCUM = "http://unitsofmeasure.org"


@cache
def _tables() -> Json:
    return tomllib.loads(resources.files("resorb.fhir").joinpath("codes.toml").read_text("utf-8"))


def systems() -> dict[str, str]:
    """The addresses of the public code systems, by the short names of the table."""
    return dict(_tables()["systems"])


def rows() -> list[Json]:
    """The public codes: `group` and `key` of the record, `system`, `code`, `display` and `source` of each."""
    return list(_tables()["code"])


def unit(name: str) -> str:
    """The UCUM unit of a number of the record; a score has none but its name."""
    return str(_tables()["units"].get(name, "{score}"))


def words(group: str, key: str) -> str:
    """An answer in words."""
    plain = str(_tables()["phrases"].get(group, "{}")).format(key.replace("_", " ").replace("-", " "))
    return str(_tables()["words"].get(f"{group}/{key}", plain))


def concept(group: str, key: str) -> Json:
    """A CodeableConcept: resorb's own code, the public ones, and the text."""
    text = words(group, key)
    public = [
        {"system": systems()[row["system"]], "code": row["code"], "display": row["display"]}
        for row in rows()
        if row["group"] == group and row["key"] == key and not row.get("only_in")
    ]
    return {"coding": [own(group, key), *public], "text": text}


def own(group: str, key: str) -> Json:
    """A Coding of resorb's own."""
    return {"system": f"{BASE}/CodeSystem/{group}", "code": key, "display": words(group, key)}


def take_key(found: Any, groups: Iterable[str]) -> tuple[str, str]:
    """The group and key that a CodeableConcept stands for; the codings that say so are taken out of it.

    Raises:
        Unreadable: none of its codes is known, or they contradict each other.
    """
    codings = found.get("coding", []) if isinstance(found, dict) else []
    groups = tuple(groups)
    meanings = _agreed(codings, [_meaning(coding, groups) for coding in codings])
    known = {meaning for meaning in meanings if meaning}
    if len(known) != 1:
        raise Unreadable("unknown_code", "codes that contradict each other" if known else "no known code")
    (group, key) = known.pop()
    left = [coding for coding, meaning in zip(codings, meanings, strict=True) if not meaning]
    found["coding"] = left
    if found.get("text") == words(group, key):
        del found["text"]
    return group, key


def _agreed(codings: list[Json], meanings: list[tuple[str, str] | None]) -> list[tuple[str, str] | None]:
    """What codings mean together: a public code that resorb writes beside its own says no other thing than that.

    Alone it may say less: that of fentanyl, but not that it is a patch.
    """
    for meaning in filter(None, meanings):
        written = [(one["system"], one["code"]) for one in concept(*meaning)["coding"]]
        named = [(str(one.get("system", "")), str(one.get("code", ""))) for one in codings]
        if written[0] in named:
            return [meaning if name in written else m for name, m in zip(named, meanings, strict=True)]
    return meanings


def _meaning(coding: Json, groups: tuple[str, ...]) -> tuple[str, str] | None:
    system, code = str(coding.get("system", "")), str(coding.get("code", ""))
    for group in groups:
        if system == f"{BASE}/CodeSystem/{group}":
            return group, code
    short = next((name for name, address in systems().items() if address == system), "")
    fitting = [
        row
        for row in rows()
        if row["group"] in groups
        and row["system"] == short
        and not row.get("only_out")
        and (code == row["code"] or (row.get("prefix") and code.startswith(row["code"])))
    ]
    # The longest prefix says most: N02AA05 is oxycodone before it is any opioid.
    best = max(fitting, key=lambda row: len(row["code"]), default=None)
    return (best["group"], best["key"]) if best else None
