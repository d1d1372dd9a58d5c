from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from resorb.clinic.treatment import (
    Dose,
    Injection,
    Opioid,
    OpioidTreatment,
    Physiotherapy,
    Surgery,
    Treatment,
    disc_history,
    morphine_equivalent,
)

START, END = date(2024, 1, 10), date(2024, 2, 20)
BETWEEN = (date(2024, 1, 15), date(2024, 7, 18))


def _opioid(drug: Opioid, *daily_mg: float) -> OpioidTreatment:
    return OpioidTreatment(
        drug=drug,
        start=START,
        end=END,
        doses=tuple(Dose(start=START, end=END, daily_mg=mg) for mg in daily_mg),
    )


@pytest.mark.parametrize(
    ("drug", "daily_mg", "mme"),
    # The two worked examples of the CDC's table, then one dose of each of the others by its factor.
    [
        ("hydrocodone", 20, 20),
        ("oxycodone", 20, 30),
        ("codeine", 60, 9),
        ("hydromorphone", 4, 20),
        ("methadone", 10, 47),
        ("oxymorphone", 10, 30),
        ("tapentadol", 100, 40),
        ("tramadol", 200, 40),
        ("fentanyl_transdermal", 25, 60),
        ("morphine", 30, 30),
    ],
)
def test_morphine_equivalents(drug: Opioid, daily_mg: float, mme: float) -> None:
    given = morphine_equivalent([_opioid(drug, daily_mg)], START)
    assert given.mme == pytest.approx(mme)
    assert not given.incomplete and "CDC" in given.source


def test_opioids_of_a_day_add_up_on_its_days_alone() -> None:
    both = [_opioid("oxycodone", 10), _opioid("tramadol", 100)]
    assert morphine_equivalent(both, END).mme == pytest.approx(15 + 20)
    assert morphine_equivalent(both, date(2024, 2, 21)).mme == 0.0
    assert morphine_equivalent([Physiotherapy(start=START)], START).mme == 0.0


def test_what_is_not_known_makes_the_sum_incomplete() -> None:
    assert morphine_equivalent([_opioid("other", 50)], START).incomplete
    assert morphine_equivalent([_opioid("oxycodone")], START).incomplete


def _operation(day: date, level: str | None = "L4/L5") -> Surgery:
    return Surgery(date=day, procedure="discectomy", level=level)


def _injection(route: str, level: str | None = "L4/L5") -> Injection:
    return Injection.model_validate({"date": date(2024, 3, 1), "route": route, "level": level})


@pytest.mark.parametrize(
    ("treatments", "complete", "history"),
    [
        ([], True, "none"),
        ([], False, "unknown"),
        ([_operation(date(2024, 3, 1))], True, "operated"),
        ([_operation(date(2024, 3, 1), None)], True, "operated"),
        ([_operation(date(2024, 3, 1), "L5/S1")], True, "none"),
        ([_operation(date(2023, 3, 1))], True, "none"),
        ([_operation(BETWEEN[0])], True, "operated"),
        ([_injection("intradiscal")], True, "injected"),
        ([_injection("intradiscal"), _operation(BETWEEN[1])], False, "operated"),
        ([_injection("transforaminal")], True, "none"),
        ([_injection("intradiscal", "L3/L4")], False, "unknown"),
    ],
)
def test_what_happened_to_a_disc(treatments: list[Treatment], complete: bool, history: str) -> None:
    assert disc_history(treatments, "L4/L5", BETWEEN, complete) == history
    assert disc_history(treatments, "L4/L5", BETWEEN[::-1], complete) == history


def test_a_treatment_does_not_end_before_it_starts() -> None:
    with pytest.raises(ValidationError, match="before it starts"):
        Physiotherapy(start=END, end=START)
