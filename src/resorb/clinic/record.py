"""The clinical course of one patient: a validated record, read from YAML or JSON, with its JSON Schema.

Nothing in it identifies the patient: a pseudonym, the sex and the age are all there is room for.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from resorb.clinic.base import ClinicRecord, Day, PathText, Text, YesNo
from resorb.clinic.examination import Examination
from resorb.clinic.imaging import ImagingStudy
from resorb.clinic.scores import Scores
from resorb.clinic.symptoms import Symptoms
from resorb.clinic.treatment import Treatment

SCHEMA_VERSION = 1  # of this record; older ones are upgraded, newer ones refused


class History(ClinicRecord):
    """What was known before; None means not asked, which is never taken for a no."""

    cancer: YesNo | None = None
    immunosuppression: YesNo | None = None
    intravenous_drug_use: YesNo | None = None
    long_term_corticosteroids: YesNo | None = None
    osteoporosis: YesNo | None = None
    diabetes: YesNo | None = None
    recent_infection: YesNo | None = None
    note: Text = ""


class Patient(ClinicRecord):
    """Whom the course is about.

    Attributes:
        pseudonym: a name that means nothing outside the study; never a hospital number.
        age_years: at the onset.
    """

    pseudonym: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    sex: Literal["female", "male", "other", "unknown"] = "unknown"
    age_years: Annotated[float, Field(ge=0, le=120)] | None = None
    history: History = History()


class Onset(ClinicRecord):
    """How it began.

    Attributes:
        date: of the first symptom of this episode.
        approximate: the date is a guess to within weeks.
        leg_symptoms_date: when the leg joined in.
        circumstance: in words, e.g. "bending awkwardly".
        trauma: `minor` is a fall from standing height or less; `major` more than that.
        previous_episodes: of sciatica.
    """

    date: Day
    approximate: YesNo = False
    mode: Literal["sudden", "gradual"] | None = None
    leg_symptoms_date: Day | None = None
    circumstance: Text = ""
    trauma: Literal["none", "minor", "major"] | None = None
    previous_episodes: Annotated[int, Field(ge=0, le=100)] | None = None


class Visit(ClinicRecord):
    """One date on which the patient was asked, examined or filled in a questionnaire."""

    date: Day
    symptoms: Symptoms = Symptoms()
    scores: Scores = Scores()
    examination: Examination = Examination()
    note: Text = ""


class Course(ClinicRecord):
    """The clinical course of one patient, beside the images.

    Attributes:
        treatments_complete: every operation and injection of the whole time is listed. Without it a change
            between two images may not be called spontaneous.
        changes: paths of stored comparisons (`change.json`, or their folders), from the folder of the record.
    """

    kind: Literal["course"] = "course"
    schema_version: Literal[1] = 1
    patient: Patient = Patient()
    onset: Onset
    visits: tuple[Visit, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    treatments_complete: YesNo = False
    studies: tuple[ImagingStudy, ...] = ()
    changes: tuple[PathText, ...] = ()
    note: Text = ""

    def to_json(self) -> str:
        """The record as JSON; what was not given is left out."""
        stored = _without_blanks(self.model_dump(mode="json", exclude_none=True))
        return json.dumps(stored, indent=2, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record; editors check YAML against it too."""
    schema = Course.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Clinical course of a lumbar disc herniation (resorb)",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _without_blanks(value: Any) -> Any:
    """Without empty texts and empty sub-records, which say nothing; an empty list says that there was none."""
    if isinstance(value, dict):
        kept = {key: _without_blanks(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in ("", {})}
    return [_without_blanks(one) for one in value] if isinstance(value, list) else value
