"""What was done and taken, with dates and doses; opioids in morphine equivalents; what a Change may be called."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from resorb.clinic.base import ClinicRecord, Day, LevelText, Side, Text
from resorb.clinic.tables import table

Opioid = Literal[
    "codeine",
    "fentanyl_transdermal",
    "hydrocodone",
    "hydromorphone",
    "methadone",
    "morphine",
    "oxycodone",
    "oxymorphone",
    "tapentadol",
    "tramadol",
    "other",
]
#: What was done to a disc between two dates: only with `none` may a change be called spontaneous.
Intervention = Literal["none", "injected", "operated", "unknown"]


class _Lasting(ClinicRecord):
    """A treatment from a first to a last day, both included; `end` is None while it goes on."""

    start: Day
    end: Day | None = None
    note: Text = ""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end is not None and self.end < self.start:
            raise ValueError(f"it ends ({self.end}) before it starts ({self.start})")
        return self


class ActivityModification(_Lasting):
    """Rest, avoiding loads or postures, sick leave."""

    kind: Literal["activity_modification"] = "activity_modification"


class Physiotherapy(_Lasting):
    """Exercises, manual therapy, traction."""

    kind: Literal["physiotherapy"] = "physiotherapy"
    sessions: Annotated[int, Field(ge=0, le=1000)] | None = None


class Dose(_Lasting):
    """One dose level.

    Attributes:
        daily_mg: what is taken in a day, mg by mouth; for fentanyl patches the rate, micrograms per hour.
    """

    daily_mg: Annotated[float, Field(ge=0, le=5000)]


class Medicine(_Lasting):
    """A medicine that is no opioid: an NSAID, paracetamol, a neuropathic agent, a corticosteroid by mouth."""

    kind: Literal["medicine"] = "medicine"
    drug_class: Literal["nsaid", "paracetamol", "neuropathic", "muscle_relaxant", "corticosteroid", "other"]
    drug: Text = ""
    doses: tuple[Dose, ...] = ()


class OpioidTreatment(_Lasting):
    """An opioid, with its doses in order of date.

    Attributes:
        drug: by its international name; `other` has no morphine equivalent here.
        doses: each with its first and last day; between and outside them nothing is assumed.
    """

    kind: Literal["opioid"] = "opioid"
    drug: Opioid
    doses: tuple[Dose, ...] = ()


class Injection(ClinicRecord):
    """An injection at the spine; `intradiscal` counts as a treatment of the disc."""

    kind: Literal["injection"] = "injection"
    date: Day
    route: Literal["transforaminal", "interlaminar", "caudal", "facet", "intradiscal", "other"]
    drug: Text = ""
    level: LevelText | None = None
    side: Side | None = None
    note: Text = ""


class Surgery(ClinicRecord):
    """An operation on the lumbar spine."""

    kind: Literal["surgery"] = "surgery"
    date: Day
    procedure: Literal["discectomy", "decompression", "fusion", "disc_replacement", "other"]
    level: LevelText | None = None
    side: Side | None = None
    note: Text = ""


Treatment = Annotated[
    ActivityModification | Physiotherapy | Medicine | OpioidTreatment | Injection | Surgery,
    Field(discriminator="kind"),
]


class MorphineEquivalent(ClinicRecord):
    """Opioids of one day, in milligrams of morphine by mouth (MME).

    Attributes:
        mme: the sum over the doses written down for that day.
        incomplete: a dose or a factor of that day is not known, so that the true sum is higher.
    """

    day: date
    mme: float
    incomplete: bool
    source: str


def morphine_equivalent(treatments: Iterable[Treatment], day: date) -> MorphineEquivalent:
    """Morphine milligram equivalents of a day, by the conversion factors of `tables/opioids.toml`.

    They compare doses; they are not for changing from one opioid to another.
    """
    factors = {row["drug"]: row for row in table("opioids")}
    total, incomplete, sources = 0.0, False, set()
    for opioid in treatments:
        if not isinstance(opioid, OpioidTreatment) or not _covers(opioid, day):
            continue
        doses = [dose for dose in opioid.doses if _covers(dose, day)]
        incomplete |= not doses or opioid.drug not in factors
        if doses and opioid.drug in factors:
            total += float(factors[opioid.drug]["factor"]) * sum(dose.daily_mg for dose in doses)
            sources.add(str(factors[opioid.drug]["source"]))
    return MorphineEquivalent(
        day=day, mme=round(total, 6), incomplete=incomplete, source="; ".join(sorted(sources))
    )


def disc_history(
    treatments: Iterable[Treatment], level: str, between: tuple[date, date], complete: bool
) -> Intervention:
    """What was done to a disc from the first to the second date, both included.

    An operation or a disc injection without a level may have been at this one, and counts.

    Args:
        complete: every operation and injection of that time is known to be listed.
    """
    first, last = sorted(between)
    at_disc = [
        t
        for t in treatments
        if isinstance(t, Surgery | Injection) and first <= t.date <= last and t.level in (None, level)
    ]
    if any(isinstance(t, Surgery) for t in at_disc):
        return "operated"
    if any(isinstance(t, Injection) and t.route == "intradiscal" for t in at_disc):
        return "injected"
    return "none" if complete else "unknown"


def _covers(lasting: _Lasting, day: date) -> bool:
    return lasting.start <= day and (lasting.end is None or day <= lasting.end)
