"""The small parts of FHIR resources, both ways: values, texts, dates, extensions. Reading takes a part out.

All of it speaks R5; `dialect` turns whole resources to and from R4B.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from datetime import date
from typing import Any

from resorb.fhir.codes import BASE, UCUM, concept, own, take_key, unit
from resorb.fhir.leftovers import Json, Unreadable
from resorb.reading import RESEARCH_USE

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
#: What FHIR allows in a string: something to see, and of the control characters only tab and line ends.
LEGAL = re.compile(r"[ \r\n\t\S]+")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
#: How units without a code of their own are written by others.
SCORE_UNITS = ("{score}", "1", "")
#: A resource travels alone: each says what it is for.
NOTICE = {"tag": [{**own("notice", "research-use"), "display": RESEARCH_USE}]}


def resource(kind: str, **parts: Any) -> Json:
    """A resource of ours; parts that are None or empty are left out."""
    return {
        "resourceType": kind,
        "meta": NOTICE,
        **{k: v for k, v in parts.items() if v not in (None, [], {})},
    }


def put_text(element: Json, key: str, text: str) -> Json:
    """Write a text; one that FHIR does not allow gets its exact form beside it, as an extension of the element."""
    shown = text if _legal(text) else _shown(text)
    element[key] = shown
    if shown != text:
        element["extension"] = [_exact("exact-text", text)]
    return element


def take_text(element: Json, key: str) -> str:
    """The text of an element, in its exact form; empty where there is none."""
    text = str(element.pop(key, ""))
    exact = take_extensions(element, "exact-text")
    return str(exact[0]) if exact else text


def notes(text: str) -> list[Json]:
    """A note as Annotations."""
    return [put_text({}, "text", text)] if text else []


def take_notes(body: Json) -> str:
    """The one note of a resource, without author and time; several are joined by line ends."""
    found = body.get("note", [])
    text = "\n".join(take_text(one, "text") for one in found)
    return text


def extension(name: str, value: bool | int | date | str) -> Json:
    """An extension of resorb's own."""
    url = f"{BASE}/StructureDefinition/{name}"
    if isinstance(value, bool):
        return {"url": url, "valueBoolean": value}
    if isinstance(value, int):
        return {"url": url, "valueInteger": value}
    if isinstance(value, date):
        return {"url": url, "valueDate": value.isoformat()}
    return {"url": url, "valueString": value} if _legal(value) else _exact(name, value)


def extensions(**given: Any) -> list[Json]:
    """Extensions of resorb's own, their names with hyphens; what is None or empty is left out."""
    return [extension(name.replace("_", "-"), v) for name, v in given.items() if v is not None and v != ""]


def take_extensions(body: Json, name: str) -> list[Any]:
    """The values of every extension of resorb's own with that name."""
    url = f"{BASE}/StructureDefinition/{name.replace('_', '-')}"
    mine = [one for one in body.get("extension", []) if one.get("url") == url]
    if not mine:
        return []
    body["extension"] = [one for one in body["extension"] if one.get("url") != url]
    return [_extended(one) for one in mine]


def take_extension(body: Json, name: str) -> Any:
    """The value of one extension; None where there is none."""
    return next(iter(take_extensions(body, name)), None)


def quantity(name: str, value: float) -> Json:
    """A number of the record with its UCUM unit."""
    code = unit(name)
    return {"value": value, "unit": code.strip("{}"), "system": UCUM, "code": code}


def take_quantity(found: Json, name: str) -> float:
    """The number of a Quantity in the unit that the record uses.

    Raises:
        Unreadable: another unit, a bound (`<`), or no number.
    """
    code, wanted = str(found.get("code", "")), unit(name)
    if "comparator" in found or "value" not in found:
        raise Unreadable("inexact", "a bound, or no number")
    if found.get("system", UCUM) != UCUM:
        raise Unreadable("unknown_code", "a unit of UCUM is needed")
    if code != wanted and not (wanted == "{score}" and code in SCORE_UNITS):
        raise Unreadable("unknown_code", f"the record holds it in {wanted}")
    value = found["value"]
    for key in ("value", "unit", "system", "code"):
        found.pop(key, None)
    return float(value)


def value_of(name: str, value: bool | int | float | str) -> Json:
    """`value[x]` of an answer; `name` is its field in the record."""
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int):
        return {"valueInteger": value}
    if isinstance(value, float):
        return {"valueQuantity": quantity(name, value)}
    return {"valueCodeableConcept": concept(name, value)}


def take_value(body: Json, name: str) -> Any:
    """The answer that `value[x]` holds; None where a reason stands in its place, or nothing.

    Raises:
        Unreadable: it holds what the record cannot.
    """
    if body.get("dataAbsentReason") == no_value()["dataAbsentReason"]:
        del body["dataAbsentReason"]
    key = next((key for key in body if key.startswith("value")), None)
    if key is None:
        return None
    if key in ("valueBoolean", "valueInteger"):
        return body.pop(key)
    if key == "valueQuantity":
        return take_quantity(body[key], name)
    if key == "valueCodeableConcept":
        return take_key(body[key], (name,))[1]
    raise Unreadable("no_field", f"{key} has no place in the record")


def no_value() -> Json:
    """What stands where a value was not given."""
    return {"dataAbsentReason": {"coding": [{"system": ABSENT, "code": "unknown", "display": "Unknown"}]}}


def take_day(body: Json, key: str) -> str:
    """A date of a resource; a time of day stays behind.

    Raises:
        Unreadable: no date, or one without a day.
    """
    text = str(body.get(key, ""))
    if not DAY.match(text):
        raise Unreadable("inexact", f"no day in {key}")
    if DAY.fullmatch(text):
        del body[key]
    return text[:10]


def period(start: date, end: date | None) -> Json:
    """A Period; without an end it goes on."""
    return {"start": start.isoformat(), **({"end": end.isoformat()} if end else {})}


def take_period(body: Json, key: str) -> Json:
    """The start and the end of a Period, as the record writes them; a single day starts and ends on it.

    Raises:
        Unreadable: no start.
    """
    found = body.get(key, {})
    given: Json = {"start": take_day(found, "start")}
    if "end" in found:
        given["end"] = take_day(found, "end")
    return given


def _legal(text: str) -> bool:
    return bool(LEGAL.fullmatch(text)) and not CONTROL.search(text) and text == text.strip()


def _shown(text: str) -> str:
    return re.sub(r"[^\S\r\n\t]", " ", CONTROL.sub(" ", text)).strip() or "-"


def _exact(name: str, text: str) -> Json:
    encoded = b64encode(text.encode("utf-8")).decode("ascii")
    return {"url": f"{BASE}/StructureDefinition/{name}", "valueBase64Binary": encoded}


def _extended(one: Json) -> Any:
    if "valueBase64Binary" in one:
        return b64decode(one["valueBase64Binary"]).decode("utf-8")
    return next((value for key, value in one.items() if key.startswith("value")), None)
