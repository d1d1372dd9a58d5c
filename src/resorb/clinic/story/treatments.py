"""Treatments in words: what, when, and with which dose."""

from __future__ import annotations

from resorb.clinic.treatment import (
    Dose,
    Injection,
    Medicine,
    OpioidTreatment,
    Physiotherapy,
    Surgery,
    Treatment,
)


def treatment_name(treatment: Treatment) -> str:
    """`discectomy`, `transforaminal injection`, `oxycodone`, `physiotherapy`."""
    if isinstance(treatment, Surgery):
        name: str = treatment.procedure if treatment.procedure != "other" else "other operation"
    elif isinstance(treatment, Injection):
        name = f"{treatment.route} injection"
    elif isinstance(treatment, OpioidTreatment):
        name = treatment.drug if treatment.drug != "other" else "other opioid"
    elif isinstance(treatment, Medicine):
        name = treatment.drug or treatment.drug_class
        name = name if name != "other" else "other medicine"
    else:
        name = treatment.kind
    return " ".join(name.replace("_", " ").split())


def treatment_words(treatment: Treatment) -> tuple[str, str, str]:
    """(name, dates, details)."""
    name = treatment_name(treatment)
    if isinstance(treatment, Surgery | Injection):
        drug = treatment.drug if isinstance(treatment, Injection) else ""
        where = (treatment.level, treatment.side, drug)
        return name, f"{treatment.date}", ", ".join(part for part in where if part)
    start, end = treatment.start, treatment.end
    dates = f"from {start}, no end recorded" if end is None else f"{start} to {end}"
    if isinstance(treatment, OpioidTreatment | Medicine):
        patch = isinstance(treatment, OpioidTreatment) and treatment.drug == "fentanyl_transdermal"
        unit = "micrograms per hour" if patch else "mg a day"
        return name, dates, "; ".join(_dose(dose, unit) for dose in treatment.doses)
    sessions = treatment.sessions if isinstance(treatment, Physiotherapy) else None
    return name, dates, "" if sessions is None else f"{sessions} sessions"


def _dose(dose: Dose, unit: str) -> str:
    return f"{dose.daily_mg:g} {unit} from {dose.start}{f' to {dose.end}' if dose.end else ''}"
