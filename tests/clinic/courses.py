"""Any course that the schema allows, for hypothesis; and short ways to build the parts of one."""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from resorb import written
from resorb.clinic.examination import Examination, Reflex, Sensation, SignTest, Strength
from resorb.clinic.record import Course, Onset, Visit
from resorb.clinic.symptoms import Pain, Symptoms

LEVELS = ("T12/L1", "L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1", "L5/L6", "L6/S1")
DAY = date(2024, 3, 20)
Fields = dict[str, Any]


def visit(symptoms: Fields | None = None, day: date = DAY, **examination: Any) -> Visit:
    """A visit with these symptoms and these parts of an examination."""
    return Visit(date=day, symptoms=Symptoms(**symptoms or {}), examination=Examination(**examination))


def course(*visits: Visit, **given: Any) -> Course:
    """A course that began on 1 March 2024."""
    return Course(**{"onset": Onset(date=date(2024, 3, 1)), "visits": visits, **given})


def strength(movement: str, mrc: int, side: str = "left") -> Strength:
    return Strength.model_validate({"movement": movement, "side": side, "mrc": mrc})


def reflex(name: str, grade: str, side: str = "left") -> Reflex:
    return Reflex.model_validate({"reflex": name, "side": side, "grade": grade})


def sensation(dermatome: str, feeling: str = "reduced", side: str = "left") -> Sensation:
    return Sensation.model_validate({"dermatome": dermatome, "side": side, "light_touch": feeling})


def sign(test: str, side: str = "left", result: str = "positive") -> SignTest:
    return SignTest.model_validate({"test": test, "side": side, "result": result})


def leg_pain(*areas: str, side: str = "left", nrs: float = 6, **given: Any) -> Pain:
    return Pain.model_validate({"site": "leg", "side": side, "nrs": nrs, "areas": areas, **given})


def courses() -> st.SearchStrategy[Course]:
    """Every part of the schema, each value within its bounds."""
    return _model(Course)


def _model(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    fields = {
        name: _values(field.annotation, field.metadata)
        for name, field in kind.model_fields.items()
        if name not in ("kind", "schema_version")
    }
    return st.fixed_dictionaries(fields).map(lambda given: kind(**REPAIRS.get(kind.__name__, _same)(given)))


def _values(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [
            m for meta in arguments[1:] for m in (meta.metadata if isinstance(meta, FieldInfo) else [meta])
        ]
        return _values(arguments[0], [*metadata, *inner])
    if origin in (Union, types.UnionType):
        return st.one_of(*(_values(one, metadata) for one in arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return _tuples(arguments, metadata)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _model(annotation)
    return _scalars(annotation, metadata)


def _tuples(arguments: tuple[Any, ...], metadata: list[Any]) -> st.SearchStrategy[Any]:
    if arguments[-1] is not Ellipsis:
        return st.tuples(*(_values(one, []) for one in arguments))
    low = next((m.min_length for m in metadata if isinstance(m, MinLen)), 0)
    return st.lists(_values(arguments[0], []), min_size=low, max_size=max(low, 1)).map(tuple)


def _scalars(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    low: Any = next((m.ge for m in metadata if isinstance(m, Ge)), None)
    high: Any = next((m.le for m in metadata if isinstance(m, Le)), None)
    if annotation is type(None):
        return st.none()
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(min_value=low, max_value=high)
    if annotation is float:
        return st.floats(min_value=low, max_value=high, allow_nan=False, allow_infinity=False)
    if annotation is date:
        return st.dates(min_value=date(1990, 1, 1), max_value=date(2040, 1, 1))
    assert annotation is str, annotation
    if any(getattr(m, "func", None) is written._level_name for m in metadata):
        return st.sampled_from(LEVELS)
    longest = next((m.max_length for m in metadata if isinstance(m, MaxLen)), None)
    if longest == 64:  # the pseudonym
        return st.text("AZaz09._-", max_size=8)
    least = next((m.min_length for m in metadata if isinstance(m, MinLen)), 0)
    return st.text(st.characters(codec="utf-8"), min_size=least, max_size=12)


def _same(given: Fields) -> Fields:
    return given


def _pain(given: Fields) -> Fields:
    if given["site"] == "back":
        return {**given, "areas": ()}
    return {**given, "side": given["side"] or "left"}


def _sensation(given: Fields) -> Fields:
    untested = given["light_touch"] is None and given["pinprick"] is None
    return {**given, "pinprick": "reduced"} if untested else given


def _sign(given: Fields) -> Fields:
    return given if "straight_leg_raise" in given["test"] else {**given, "angle_deg": None}


def _finding(given: Fields) -> Fields:
    lateral = given["zone"] not in (None, "central") and given["side"] == "midline"
    return {**given, "side": "left"} if lateral else given


def _lasting(given: Fields) -> Fields:
    backwards = given["end"] is not None and given["end"] < given["start"]
    return {**given, "end": given["start"]} if backwards else given


def _questionnaire(highest: float) -> Callable[[Fields], Fields]:
    def repair(given: Fields) -> Fields:
        nothing = given["items"] is None and given["total"] is None
        total = 0.0 if nothing else given["total"]
        return {**given, "total": None if total is None else min(total, highest)}

    return repair


#: What a model asks of its fields together, by the name of the model.
REPAIRS: dict[str, Callable[[Fields], Fields]] = {
    "Pain": _pain,
    "Sensation": _sensation,
    "SignTest": _sign,
    "ImagingFinding": _finding,
    **dict.fromkeys(
        ("ActivityModification", "Physiotherapy", "Dose", "Medicine", "OpioidTreatment"), _lasting
    ),
    **dict.fromkeys(("Odi", "Sf36PhysicalFunctioning", "Sf36BodilyPain"), _questionnaire(100)),
    **dict.fromkeys(("Rmdq", "SciaticaBothersomeness"), _questionnaire(24)),
}
