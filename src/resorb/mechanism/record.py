"""`MechanismRecord`: what the models say of every herniation of a Change, as one stored record (`mechanism.json`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from resorb.reading import NOT_ASSESSED, RESEARCH_USE
from resorb.stored import parse_stored

SCHEMA_VERSION = 1  # of this record; older ones are upgraded, newer ones refused
Probability = Annotated[float, Field(ge=0, le=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ParameterRecord(_Record):
    """A parameter of a model: its posterior median and 95 % interval, beside those of its prior."""

    name: str
    unit: str
    meaning: str
    source: str
    median: float
    low: float
    high: float
    prior_low: float
    prior_high: float


class ModelRecord(_Record):
    """One explanation.

    Attributes:
        prior, probability: before and after the data, "unchanged" included.
        given_shrinkage: probability among those that shrink; None for "unchanged".
        p_value: how often data of the model itself would be as far from it; below 0.01 it does not fit.
        effective_draws: worth of the sample behind the intervals.
    """

    name: str
    mechanisms: tuple[str, ...]
    prior: Probability
    probability: Probability
    given_shrinkage: Probability | None
    p_value: Probability
    fits: bool
    effective_draws: float
    parameters: tuple[ParameterRecord, ...]


class PredictionRecord(_Record):
    """One quantity on one date under a model; 95 % intervals of the true value and of what a scan would measure."""

    quantity: str
    model: str
    days: float
    median: float
    low: float
    high: float
    scan_low: float
    scan_high: float


class MeasuredRecord(_Record):
    """What went into the fit: one value with its standard deviation."""

    quantity: str
    days: float
    value: float
    sd: float


class NextScanRecord(_Record):
    """The date of a next scan that is expected to tell nearly the most about the model. No advice to scan."""

    days: float
    bits: float
    entropy_bits: float
    curve: tuple[tuple[float, float], ...]
    words: str


class HerniationRecord(_Record):
    """One herniation.

    Attributes:
        identifier: of the Change's track; name: in words.
        reason: why nothing was fitted; empty where it was, and then everything below is filled.
        verdict: the model that is named; None where the question stays open.
        sentences: to be read in their order: what cannot be told comes first.
        takes_part: per mechanism, the probability that it acts, alone or with others, given that the material shrank.
        predictions: on the measured dates, between them, and up to a year after the last.
    """

    identifier: str
    name: str
    reason: str = ""
    notes: tuple[str, ...] = ()
    verdict: str | None = None
    sentences: tuple[str, ...] = ()
    measured: tuple[MeasuredRecord, ...] = ()
    models: tuple[ModelRecord, ...] = ()
    takes_part: dict[str, Probability] = {}
    predictions: tuple[PredictionRecord, ...] = ()
    next_scan: NextScanRecord | None = None


class MechanismRecord(_Record):
    """Every herniation of a Change.

    Attributes:
        exploratory: what this must not be taken for.
        priors: where the prior probabilities and the other assumptions come from, by table of `priors.toml`.
    """

    kind: Literal["mechanism"] = "mechanism"
    schema_version: Literal[1] = 1
    statement: str = RESEARCH_USE
    not_assessed: str = NOT_ASSESSED
    exploratory: str
    resorb_version: str
    change_sha256: str
    synthetic: bool
    priors: dict[str, str]
    herniations: tuple[HerniationRecord, ...]

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> MechanismRecord:
        """Read a stored record.

        Raises:
            InputError: not JSON, no such record, made by a newer resorb, or invalid.
        """
        return parse_stored(cls, text, name="mechanism record", version=SCHEMA_VERSION)
