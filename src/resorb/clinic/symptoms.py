"""What the patient reports on one date."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from resorb.clinic.base import ClinicRecord, Side, Text, YesNo

#: Where pain or paresthesias are felt.
Area = Literal[
    "groin",
    "buttock",
    "lateral_hip",
    "anterior_thigh",
    "lateral_thigh",
    "posterior_thigh",
    "posterolateral_thigh",
    "knee",
    "medial_leg",
    "lateral_leg",
    "posterolateral_leg",
    "posterior_leg",
    "medial_malleolus",
    "medial_foot",
    "dorsum_of_foot",
    "great_toe",
    "lateral_foot",
    "plantar_foot",
]
Provocation = Literal["sitting", "standing", "walking", "bending", "lateral_bending", "coughing", "lying"]


class Pain(ClinicRecord):
    """Pain in one place.

    Attributes:
        site: the back, or a leg (buttock and groin belong to the leg).
        side: of a leg; may be left out for the back.
        nrs: numeric rating scale, 0 none to 10 worst imaginable, over the last week unless `note` says otherwise.
        areas: where in the leg.
        worse_with, better_with: what provokes and what eases it.
    """

    site: Literal["back", "leg"]
    side: Side | None = None
    nrs: Annotated[float, Field(ge=0, le=10)] | None = None
    areas: tuple[Area, ...] = ()
    worse_with: tuple[Provocation, ...] = ()
    better_with: tuple[Provocation, ...] = ()
    note: Text = ""

    @model_validator(mode="after")
    def _sided(self) -> Self:
        if self.site == "leg" and self.side is None:
            raise ValueError("pain in a leg needs its side; write one entry for each leg")
        if self.site == "back" and self.areas:
            raise ValueError("areas belong to pain in a leg; write a second entry with site: leg")
        return self


class Paresthesias(ClinicRecord):
    """Tingling or numbness that the patient reports in one leg; a loss that was tested belongs to the examination."""

    side: Side
    areas: tuple[Area, ...] = ()
    note: Text = ""


class Symptoms(ClinicRecord):
    """Everything reported on one date; None means not asked, which is never taken for a no.

    Attributes:
        pain, paresthesias: one entry per place; an empty list means asked, and none.
        bladder: `altered` is new hesitancy, a weak stream, urgency, or a bladder whose filling is not felt.
        bowel: `altered` is a new loss of control or of the feeling of passing stool short of incontinence.
        saddle_sensation: as the patient feels it, e.g. on wiping.
        sexual_function: new change since the onset.
        pain_unmanageable: the pain cannot be borne in spite of treatment.
        weakness_progressing: the leg or foot has grown weaker over hours, days or weeks.
    """

    pain: tuple[Pain, ...] | None = None
    paresthesias: tuple[Paresthesias, ...] | None = None
    walking_aid: Literal["none", "stick", "crutches", "frame", "wheelchair"] | None = None
    bladder: Literal["normal", "altered", "retention", "incontinence"] | None = None
    bowel: Literal["normal", "constipation", "altered", "incontinence"] | None = None
    saddle_sensation: Literal["normal", "reduced", "absent"] | None = None
    sexual_function: Literal["normal", "reduced", "lost"] | None = None
    pain_unmanageable: YesNo | None = None
    weakness_progressing: YesNo | None = None
    fever: YesNo | None = None
    unexplained_weight_loss: YesNo | None = None
    night_pain: YesNo | None = None
    note: Text = ""

    def worst_nrs(self, site: Literal["back", "leg"], side: Side | None = None) -> float | None:
        """The highest rating of the pain in the back or in a leg (in either, without a side); None if there is none."""
        found = [
            p.nrs for p in self.pain or () if p.site == site and side in (None, p.side) and p.nrs is not None
        ]
        return max(found, default=None)
