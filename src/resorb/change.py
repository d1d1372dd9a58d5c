"""What became of a patient's herniations: `Change`, `Track`, `Verdict`. Plain validated records, JSON in and out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from resorb.reading import NOT_ASSESSED, RESEARCH_USE, Quantity
from resorb.recovered import Recovery
from resorb.stored import parse_stored

SCHEMA_VERSION = 1  # of this record; older ones are upgraded, newer ones refused

#: Stands beside every verdict (el Barzouhi et al. 2013, N Engl J Med, doi 10.1056/NEJMoa1209250).
NOT_RECOVERY = (
    "A smaller herniation is a finding on images, not recovery: at 1 year a herniation was still visible in 35 % of "
    "those with a favourable and in 33 % of those with an unfavourable outcome (AUC 0.48, el Barzouhi 2013)."
)
#: What became of a herniation; `new` and `recurrent` are growth from nothing.
Outcome = Literal["resolved", "regressed", "unchanged", "grown", "new", "recurrent", "indeterminate"]
#: What was done to a disc between two dates, the gravest last; only with `none` may a change be called spontaneous.
History = Literal["none", "unknown", "injected", "operated"]
_GRAVITY: tuple[History, ...] = ("none", "unknown", "injected", "operated")
Day = date  # a field called `date` hides the type
Sha256 = Annotated[str, Field(min_length=1)]
DateNumber = Annotated[int, Field(ge=1, description="number of a date, from 1 in order of time")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Dated(_Record):
    """One date of the comparison, and the series that was measured.

    Attributes:
        days: since the first date; None where a date is not known.
        spacing_mm: of the sagittal series, left-right (the slices), down, back.
        sequence: acquisition facts that decide whether signals may be compared.
        segmented_by: what drew the outlines.
    """

    number: DateNumber
    date: Day | None = None
    days: float | None = None
    study_sha256: Sha256
    series: str
    spacing_mm: tuple[float, float, float]
    sequence: dict[str, str | float] = {}
    segmented_by: str = ""

    @property
    def name(self) -> str:
        """The date, or its number where it has none."""
        return str(self.date) if self.date is not None else f"date {self.number}"


class Between(_Record):
    """What was done to discs between two neighbouring dates.

    Attributes:
        levels: the discs it was done to; empty: any of them may have been.
    """

    first: DateNumber
    last: DateNumber
    history: History
    levels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.last != self.first + 1:
            raise ValueError(f"dates {self.first} and {self.last} are no neighbours")
        return self


def history_of(between: Iterable[Between], level: str, first: int, last: int) -> History:
    """The gravest of what was done to a disc from date `first` to date `last`; `unknown` where nothing is said.

    Args:
        between: of all neighbouring dates, in any order; several may speak of the same ones.
        level: of the disc.
        first, last: numbers of the dates.
    """
    told = tuple(between)
    found: list[History] = []
    for number in range(first, last):
        said = [one.history for one in told if one.first == number and level in (one.levels or (level,))]
        found.append(max(said, key=_GRAVITY.index, default="unknown"))
    return max(found, key=_GRAVITY.index, default="unknown")


class Difference(_Record):
    """One quantity on a later date against an earlier one.

    Attributes:
        first, last: numbers of the two dates.
        absolute: last less first, in the quantity's unit, with its 95 % interval.
        relative: that as a share of the first, -0.72 for a loss of 72 %; None where the first is nothing or unknown.
        smallest_detectable: the least absolute difference that such scans tell from none (95 %); None if not known.
        beyond_error: the difference is larger than that; None where it cannot be said.
    """

    quantity: str
    first: DateNumber
    last: DateNumber
    absolute: Quantity
    relative: Quantity | None = None
    smallest_detectable: Annotated[float, Field(ge=0)] | None = None
    beyond_error: bool | None = None


class Verdict(_Record):
    """What became of a herniation, or of a level, from one date to another.

    Attributes:
        words: one sentence that says it with its interval and the limits of what is known.
        reasons: why it is so, and what weakens it.
        p_value: of no change, before the correction for looking at several levels; None where nothing was tested.
    """

    first: DateNumber
    last: DateNumber
    value: Outcome
    words: str
    reasons: tuple[str, ...] = ()
    p_value: Annotated[float, Field(ge=0, le=1)] | None = None


class Event(_Record):
    """Something that happened to a herniation's pieces, seen on a date for the first time."""

    date: DateNumber
    kind: Literal["new", "vanished", "split", "merged", "migrated"]
    words: str


class Definition(_Record):
    """A published definition of regression, applied to one change.

    Attributes:
        name: e.g. "at least 50 % smaller".
        met: by the measured change; None where it cannot be said.
        certain: the whole 95 % interval lies on that side of the threshold.
        verified: the source was read.
    """

    name: str
    first: DateNumber
    last: DateNumber
    met: bool | None
    certain: bool
    threshold: float | None
    unit: str
    source: str
    verified: bool


class Rate(_Record):
    """A quantity's course over time.

    Attributes:
        per_month: change in the quantity's unit per month of 30.44 days, by weighted least squares over all dates.
        half_life_months: of an exponential loss; None where it does not apply, with `half_life_reason`.
    """

    quantity: str
    per_month: Quantity
    half_life_months: Quantity | None = None
    half_life_reason: str = ""


class PublishedCourse(_Record):
    """How often herniations of this form regressed in a published series, and what that figure cannot tell."""

    morphology: str
    share: Annotated[float, Field(ge=0, le=1)]
    what: str
    source: str
    limits: str


class Track(_Record):
    """One herniation through time.

    Attributes:
        identifier: stable: the same studies give the same one, whatever else is compared with them later.
        level: where it was first seen; levels: per date, the one that its largest piece is counted to.
        herniations: per date, the numbers of the herniations of that level's reading that belong to it.
        quantities: per name, one Quantity per date.
        differences: of the first date to the last, and of neighbouring dates.
        verdict: of the first date to the last; `steps`: of neighbouring dates, where there are more than two.
    """

    identifier: Annotated[str, Field(min_length=1)]
    level: str
    levels: tuple[str, ...] = ()
    side: str | None = None
    herniations: tuple[tuple[int, ...], ...]
    events: tuple[Event, ...] = ()
    quantities: dict[str, tuple[Quantity, ...]]
    differences: tuple[Difference, ...] = ()
    verdict: Verdict
    steps: tuple[Verdict, ...] = ()
    definitions: tuple[Definition, ...] = ()
    course: tuple[Rate, ...] = ()
    published: tuple[PublishedCourse, ...] = ()

    @model_validator(mode="after")
    def _one_per_date(self) -> Self:
        _check_dates(len(self.herniations), self.quantities)
        return self


class LevelChange(_Record):
    """One disc level through time: all displaced material of it, bulge and herniations together.

    Attributes:
        names: of this level on each date, where they differ; empty otherwise.
        registered_by: "vertebrae" or "spine coordinates", `registration_reason` says why not the former.
        registration_error_mm: expected error at the posterior disc margin; None where it is not known.
        registration_behind_mm: the part of it across the margin, which every error of a difference holds.
    """

    level: str
    names: tuple[str, ...] = ()
    registered_by: str
    registration_error_mm: Annotated[float, Field(ge=0)] | None = None
    registration_behind_mm: Annotated[float, Field(ge=0)] | None = None
    registration_reason: str = ""
    quantities: dict[str, tuple[Quantity, ...]]
    differences: tuple[Difference, ...] = ()
    verdict: Verdict
    course: tuple[Rate, ...] = ()

    @model_validator(mode="after")
    def _one_per_date(self) -> Self:
        lengths = {len(values) for values in self.quantities.values()}
        if len(lengths) > 1:
            raise ValueError("quantities of a level have different numbers of dates")
        return self


class Change(_Record):
    """Everything that was compared, for any number of dates.

    Attributes:
        between: what was done to discs between neighbouring dates, as far as it is known.
        alerts: what a clinician must look into at once, whatever the change; printed first.
        warnings: what weakens the comparison.
        sentence: the finding in one sentence.
        error_source: what the errors of differences were tabulated from.
        recovery: of synthetic herniations put into these scans; None where that was not asked for.
    """

    kind: Literal["change"] = "change"
    schema_version: Literal[1] = 1
    statement: str = RESEARCH_USE
    not_recovery: str = NOT_RECOVERY
    not_assessed: str = NOT_ASSESSED
    resorb_version: str
    synthetic: bool = False
    sentence: str = ""
    error_source: str = ""
    alerts: tuple[str, ...] = ()
    dates: Annotated[tuple[Dated, ...], Field(min_length=2)]
    between: tuple[Between, ...] = ()
    levels: tuple[LevelChange, ...]
    tracks: tuple[Track, ...] = ()
    warnings: tuple[str, ...] = ()
    recovery: Recovery | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if [one.number for one in self.dates] != list(range(1, len(self.dates) + 1)):
            raise ValueError("the dates are not numbered from 1 in order")
        identifiers = [track.identifier for track in self.tracks]
        if len(set(identifiers)) < len(identifiers):
            raise ValueError("two tracks have the same identifier")
        for track in self.tracks:
            _check_dates(len(self.dates), track.quantities)
        for level in self.levels:
            _check_dates(len(self.dates), level.quantities)
        return self

    def at(self, level: str) -> LevelChange:
        """The change of a level by name.

        Raises:
            KeyError: it was not compared.
        """
        for one in self.levels:
            if one.level == level:
                return one
        raise KeyError(level)

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Change:
        """Read a stored change.

        Raises:
            InputError: not JSON, not a change, made by a newer resorb, or invalid.
        """
        return parse_stored(cls, text, name="change", version=SCHEMA_VERSION)


def _check_dates(count: int, quantities: dict[str, tuple[Quantity, ...]]) -> None:
    for name, values in quantities.items():
        if len(values) != count:
            raise ValueError(f"{name} has {len(values)} values for {count} dates")
