"""Answers, findings and scores of a visit as Observations, and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from resorb.clinic.base import SIDES, ClinicRecord
from resorb.clinic.examination import Examination, Reflex, Sensation, SignTest, Strength
from resorb.clinic.imaging import ImagingFinding
from resorb.clinic.record import History, Visit
from resorb.clinic.scores import Questionnaire, Scores
from resorb.clinic.symptoms import Pain, Paresthesias, Symptoms
from resorb.fhir.codes import concept, take_key
from resorb.fhir.elements import (
    CATEGORY,
    no_value,
    notes,
    put_text,
    quantity,
    resource,
    take_notes,
    take_quantity,
    take_text,
    take_value,
    value_of,
)
from resorb.fhir.leftovers import Json, Unreadable


@dataclass(frozen=True)
class Shape:
    """How one kind of finding becomes an Observation.

    Attributes:
        part, many: where it belongs in a visit, e.g. `examination`, `strength`.
        group: its code system; `named` is the field whose value is the code, or `code` is the same for all.
        value: the field that is the Observation's value; the others become components.
        site: what follows the side in a body site, or `level` for a disc.
        present: the finding itself is the answer yes.
    """

    model: type[ClinicRecord]
    part: str
    many: str
    group: str
    named: str = ""
    code: str = ""
    value: str = ""
    site: str = "-leg"
    present: bool = False


SHAPES = (
    Shape(Pain, "symptoms", "pain", "symptoms", code="pain", value="nrs"),
    Shape(Paresthesias, "symptoms", "paresthesias", "symptoms", code="paresthesias", present=True),
    Shape(Strength, "examination", "strength", "movement", named="movement", value="mrc"),
    Shape(Reflex, "examination", "reflexes", "reflex", named="reflex", value="grade"),
    Shape(Sensation, "examination", "sensation", "dermatome", named="dermatome", site=""),
    Shape(SignTest, "examination", "tests", "test", named="test", value="result"),
)
FINDING = Shape(ImagingFinding, "", "", "finding", code="disc", value="morphology", site="level")
#: Models whose fields are single answers, by the name of their code system.
SINGLE: dict[str, type[ClinicRecord]] = {
    "symptoms": Symptoms,
    "examination": Examination,
    "history": History,
}
CATEGORIES = {
    "symptoms": "survey",
    "scores": "survey",
    "history": "social-history",
    "age": "social-history",
    "finding": "imaging",
    "change": "imaging",
}
GROUPS = ("symptoms", "examination", "history", "scores", "movement", "reflex", "dermatome", "test")
#: A score worked out again from the same answers differs by rounding only.
ROUNDING = 1e-6
ITEM = re.compile(r"item-([1-9]\d?)")


def observation(group: str, code: str, **parts: Any) -> Json:
    """An Observation of ours, without its subject and date."""
    kind = CATEGORIES.get(group, "exam")
    return resource(
        "Observation",
        status="final",
        category=[{"coding": [{"system": CATEGORY, "code": kind, "display": kind.replace("-", " ")}]}],
        code=concept(group, code),
        **parts,
    )


def of_visit(visit: Visit) -> Iterator[Json]:
    """Every answer, finding and score of a visit."""
    yield from single_answers("symptoms", visit.symptoms)
    yield from single_answers("examination", visit.examination)
    for shape in SHAPES:
        items = getattr(getattr(visit, shape.part), shape.many)
        if items == () and shape.part == "symptoms":
            yield observation(shape.group, shape.code, valueBoolean=False)
        yield from (of_item(item, shape) for item in items or ())
    for name in Scores.model_fields:
        if (given := getattr(visit.scores, name)) is not None:
            yield _of_score(name, given)


def single_answers(group: str, given: ClinicRecord) -> Iterator[Json]:
    """The answers of a part that are neither lists nor notes."""
    for name in type(given).model_fields:
        value = getattr(given, name)
        if value is not None and name != "note" and not isinstance(value, tuple):
            yield observation(group, name, **value_of(name, value))


def of_item(item: ClinicRecord, shape: Shape) -> Json:
    """One finding."""
    given = item.model_dump(exclude_none=True)
    note, said_by = given.pop("note", ""), given.pop("source", "")
    code = given.pop(shape.named) if shape.named else shape.code
    site = _site(given, shape)
    value = {"valueBoolean": True} if shape.present else {}
    if shape.value in given:
        value = value_of(shape.value, given.pop(shape.value))
    component = [
        {"code": concept("component", name), **value_of(name, one)}
        for name, found in given.items()
        for one in (found if isinstance(found, tuple) else (found,))
    ]
    return observation(
        shape.group,
        code,
        bodySite=concept(*site) if site else None,
        **(value or ({} if component else no_value())),
        component=component,
        performer=[put_text({}, "display", said_by)] if said_by else None,
        note=notes(note),
    )


def read_observation(body: Json) -> tuple[str, str, Any]:
    """What an Observation says: the part of the visit, the field, and its value as a record writes it in JSON.

    A finding of a list comes as a dict, an empty list as `[]`; `body` loses what was read.

    Raises:
        Unreadable: it cannot become part of the record.
    """
    usable(body, ("final", "amended", "corrected"))
    group, code = take_key(body.get("code"), GROUPS)
    if group == "scores":
        return group, code, _read_score(body, code)
    for shape in SHAPES:
        if shape.group == group and (shape.named or shape.code == code):
            if shape.part == "symptoms" and body.get("valueBoolean") is False:
                del body["valueBoolean"]
                return shape.part, shape.many, []
            return shape.part, shape.many, read_item(body, shape, code)
    if code not in SINGLE.get(group, Visit).model_fields:
        raise Unreadable("unknown_code", f"a {group} code that this resorb does not know")
    value = take_value(body, code)
    if value is None:
        raise Unreadable("no_field", "no answer")
    return group, code, allowed(SINGLE[group], {code: value})[code]


def read_item(body: Json, shape: Shape, code: str) -> Json:
    """One finding as a record writes it in JSON.

    Raises:
        Unreadable: it cannot become part of the record.
    """
    given: Json = {shape.named: code} if shape.named else {}
    if shape.present and body.pop("valueBoolean", None) is not True:
        raise Unreadable("no_field", "no answer")
    if "bodySite" in body:
        given |= _read_site(body["bodySite"], shape)
    if shape.value and (value := take_value(body, shape.value)) is not None:
        given[shape.value] = value
    for part in body.get("component", []):
        name = take_key(part.get("code"), ("component",))[1]
        field = shape.model.model_fields.get(name)
        if field is None:
            raise Unreadable("unknown_code", "a component that the record does not have")
        value = take_value(part, name)
        if field.default == ():
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    if "performer" in body and "source" in shape.model.model_fields:
        given["source"] = take_text(body["performer"][0], "display")
    if note := take_notes(body):
        given["note"] = note
    return allowed(shape.model, given)


def usable(body: Json, statuses: tuple[str, ...]) -> None:
    """Take the status out of a resource.

    Raises:
        Unreadable: it says that this did not happen, is not known to have, or is qualified by a modifier.
    """
    if body.get("status") not in statuses:
        raise Unreadable("not_true", f"only {', '.join(statuses)} are read")
    if "modifierExtension" in body or "implicitRules" in body:
        raise Unreadable("not_true", "a modifier that this resorb does not know")
    del body["status"]


def allowed(model: type[ClinicRecord], given: Json) -> Json:
    """The same, once the record's own rules have let it pass.

    Raises:
        Unreadable: they do not.
    """
    try:
        model.model_validate_json(json.dumps(given))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in fault["loc"])
        raise Unreadable("impossible", f"{place}: {fault['msg']}".removeprefix(": ")) from error
    return given


def day_of(body: Json, day: date) -> None:
    """Take out a date that the record holds already; another one, or a time of day, stays."""
    if body.get("effectiveDateTime") == day.isoformat():
        del body["effectiveDateTime"]


def _site(given: Json, shape: Shape) -> tuple[str, str] | None:
    if shape.site == "level":
        return "level", given.pop("level")
    side, place = given.pop("side", ""), given.pop("site", "")
    if place == "back":
        return "site", f"{side}-back".strip("-")
    return "site", f"{side}{shape.site}"


def _read_site(found: Json, shape: Shape) -> Json:
    group, key = take_key(found, ("level",) if shape.site == "level" else ("site",))
    if group == "level":
        return {"level": key}
    side, _, place = (key, "", "") if key in SIDES else key.rpartition("-")
    if shape.code == "pain":
        return {"site": place, **({"side": side} if side else {})}
    if place not in ("", "leg"):
        raise Unreadable("impossible", "the record holds this of a leg")
    return {"side": side}


def _of_score(name: str, given: Questionnaire) -> Json:
    value = given.score().value
    items = getattr(given, "items", None)
    component: list[Json] = [
        {
            "code": concept("item", f"item-{n}"),
            **(no_value() if answer is None else value_of("item", answer)),
        }
        for n, answer in enumerate(items or (), start=1)
    ]
    if items is not None and given.total is not None:
        component.append(
            {"code": concept("component", "total"), "valueQuantity": quantity(name, given.total)}
        )
    return observation(
        "scores",
        name,
        **(no_value() if value is None else {"valueQuantity": quantity(name, value)}),
        component=component,
        note=notes(given.note),
    )


def _read_score(body: Json, name: str) -> Json:
    """The answers and the reported total. A value beside answers is worked out from them, and must agree."""
    model = _questionnaire(name)
    given: Json = {}
    items: dict[int, Any] = {}
    for part in body.get("component", []):
        group, key = take_key(part.get("code"), ("item", "component"))
        if group == "item" and (number := ITEM.fullmatch(key)):
            items[int(number[1])] = take_value(part, "item")
        elif key == "total" and "valueQuantity" in part:
            given["total"] = take_quantity(part["valueQuantity"], name)
        else:
            raise Unreadable("unknown_code", "a component that the record does not have")
    value = take_value(body, name)
    if items:
        given["items"] = [items.get(n) for n in range(1, max(items) + 1)]
    elif value is not None:
        given["total"] = float(value)
    if note := take_notes(body):
        given["note"] = note
    stated = model.model_validate_json(json.dumps(allowed(model, given))).score().value
    if value is not None and (stated is None or not math.isclose(stated, value, abs_tol=ROUNDING)):
        raise Unreadable("impossible", "the score does not follow from the answers")
    return given


def _questionnaire(name: str) -> type[Questionnaire]:
    if name not in Scores.model_fields:
        raise Unreadable("unknown_code", "a questionnaire that this resorb does not know")
    annotation: Any = Scores.model_fields[name].annotation
    found: type[Questionnaire] = annotation.__args__[0]
    return found
