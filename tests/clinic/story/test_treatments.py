"""Treatments in words."""

from __future__ import annotations

from datetime import date

from resorb.clinic.story.treatments import treatment_words
from resorb.clinic.treatment import Dose, Injection, OpioidTreatment, Physiotherapy

DAY = date(2024, 3, 20)


def test_treatments_in_words() -> None:
    dose = Dose(start=DAY, daily_mg=25)
    patch = OpioidTreatment(drug="fentanyl_transdermal", start=DAY, doses=(dose,))
    assert treatment_words(patch) == (
        "fentanyl transdermal",
        f"from {DAY}, no end recorded",
        f"25 micrograms per hour from {DAY}",
    )
    needle = Injection(date=DAY, route="transforaminal", level="L4/L5", side="left", drug="dexamethasone")
    assert treatment_words(needle) == ("transforaminal injection", f"{DAY}", "L4/L5, left, dexamethasone")
    assert treatment_words(Physiotherapy(start=DAY, end=DAY, sessions=0))[2] == "0 sessions"
