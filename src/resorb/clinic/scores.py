"""Questionnaires, scored from the answers by the rules of their authors: ODI, RMDQ, Sciatica Bothersomeness, SF-36.

Answers stand in the order of the printed form; None is an item left blank (or that does not apply).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from resorb.clinic.base import ClinicRecord, Text, YesNo

ScoreName = Literal["odi", "rmdq", "sciatica_bothersomeness", "sf36_physical_functioning", "sf36_bodily_pain"]


class Score(ClinicRecord):
    """A questionnaire scored.

    Attributes:
        value: None where the authors' rules give no score, and `reason` says why.
        low, high: the ends of the scale.
        better: which end is the good one.
        answered, asked: items.
        stated: taken over as a total, without the answers.
        rule: how missing answers were treated.
        source: of the rule.
    """

    name: ScoreName
    value: float | None
    low: float = 0.0
    high: float
    better: Literal["low", "high"]
    answered: int | None
    asked: int
    stated: bool = False
    rule: str
    source: str
    reason: str = ""


class Questionnaire(ClinicRecord):
    """Answers, or a total that somebody else worked out, or both.

    Attributes:
        total: as it was reported; `resorb` says so where it contradicts the answers.
    """

    NAME: ClassVar[ScoreName]
    ASKED: ClassVar[int]
    HIGH: ClassVar[float]
    BETTER: ClassVar[Literal["low", "high"]]
    RULE: ClassVar[str]
    SOURCE: ClassVar[str]

    total: Annotated[float, Field(ge=0, le=100)] | None = None
    note: Text = ""

    @model_validator(mode="after")
    def _given(self) -> Self:
        if self.total is None and self._answers() is None:
            raise ValueError("give items, total or both")
        if self.total is not None and self.total > self.HIGH:
            raise ValueError(f"the scale ends at {self.HIGH:g}")
        return self

    def _answers(self) -> Sequence[int | bool | None] | None:
        return getattr(self, "items", None)

    def _value(self) -> tuple[float | None, str]:
        raise NotImplementedError

    def score(self) -> Score:
        """The score of the answers; of the reported total where there are none."""
        answers = self._answers()
        value, reason = (self.total, "") if answers is None else self._value()
        return Score(
            name=self.NAME,
            value=value,
            high=self.HIGH,
            better=self.BETTER,
            answered=None if answers is None else sum(a is not None for a in answers),
            asked=self.ASKED,
            stated=answers is None,
            rule="reported total" if answers is None else self.RULE,
            source=self.SOURCE,
            reason=reason,
        )


class Odi(Questionnaire):
    """Oswestry Disability Index: ten sections of 0 to 5, in per cent of what the answered sections allow."""

    NAME = "odi"
    ASKED = 10
    HIGH = 100.0
    BETTER = "low"
    RULE = "sum / (5 x answered sections) x 100; every section left out lowers the possible score by 5"
    SOURCE = (
        "Fairbank JCT, Pynsent PB, Spine 2000;25:2940-2952; rule and the worked examples 16/50 = 32 % and "
        "16/45 = 35.5 % read in secondary copies of the form [S]"
    )

    items: (
        Annotated[tuple[Annotated[int, Field(ge=0, le=5)] | None, ...], Field(min_length=10, max_length=10)]
        | None
    ) = None

    def _value(self) -> tuple[float | None, str]:
        given = _given(self.items)
        return (100.0 * sum(given) / (5 * len(given)), "") if given else (None, "no section answered")


class Rmdq(Questionnaire):
    """Roland-Morris Disability Questionnaire, 24 statements: how many are ticked."""

    NAME = "rmdq"
    ASKED = 24
    HIGH = 24.0
    BETTER = "low"
    RULE = "number of statements ticked; one that is not ticked, or does not apply, counts as no"
    SOURCE = (
        "Roland M, Morris R, Spine 1983;8:141-144; rule for statements that do not apply read in a secondary "
        "summary (scientificspine.com) [S]"
    )

    items: Annotated[tuple[YesNo | None, ...], Field(min_length=24, max_length=24)] | None = None

    def _value(self) -> tuple[float | None, str]:
        given = _given(self.items)
        return (
            (float(sum(given)), "")
            if given
            else (None, "every statement is blank: not filled in, or none ticked")
        )


class SciaticaBothersomeness(Questionnaire):
    """Sciatica Bothersomeness Index: leg pain, tingling or numbness, weakness, pain on sitting; 0 to 6 each."""

    NAME = "sciatica_bothersomeness"
    ASKED = 4
    HIGH = 24.0
    BETTER = "low"
    RULE = "sum of four items; no score with an item missing, since no rule of the authors for that was found"
    SOURCE = (
        "Grovle L et al., Eur Spine J 2010;19:263-269 (items 0 none to 6 extremely) [A]; 0-24 as in Haugen AJ et "
        "al., Eur Spine J 2011;20:1669-1675 [A]; the fourth item from memory, unverified"
    )

    items: (
        Annotated[tuple[Annotated[int, Field(ge=0, le=6)] | None, ...], Field(min_length=4, max_length=4)]
        | None
    ) = None

    def _value(self) -> tuple[float | None, str]:
        given = _given(self.items)
        if len(given) < self.ASKED:
            return None, f"{self.ASKED - len(given)} of {self.ASKED} items missing"
        return float(sum(given)), ""


_HALF = "half or more answered: the mean of the answered items stands for the missing ones; fewer: no score"
_SF36 = (
    "Ware JE et al., SF-36 Health Survey: Manual and Interpretation Guide, 1993; coding and half-scale rule read in "
    "the SAS algorithm of Apolone and Mosconi, quoted in an R port [S]"
)


class Sf36PhysicalFunctioning(Questionnaire):
    """SF-36 Physical Functioning: ten items, 1 limited a lot, 2 a little, 3 not limited; 0 to 100, high is good."""

    NAME = "sf36_physical_functioning"
    ASKED = 10
    HIGH = 100.0
    BETTER = "high"
    RULE = _HALF
    SOURCE = _SF36

    items: (
        Annotated[tuple[Annotated[int, Field(ge=1, le=3)] | None, ...], Field(min_length=10, max_length=10)]
        | None
    ) = None

    def _value(self) -> tuple[float | None, str]:
        given = _given(self.items)
        if 2 * len(given) < self.ASKED:
            return None, f"only {len(given)} of {self.ASKED} items answered"
        raw = self.ASKED * sum(given) / len(given)
        return 100.0 * (raw - 10) / 20, ""


#: SF-36 item 7, how much bodily pain: 1 none to 6 very severe.
PAIN_CODES = {1: 6.0, 2: 5.4, 3: 4.2, 4: 3.1, 5: 2.2, 6: 1.0}
#: SF-36 item 8, how much pain interfered with work: 1 not at all to 5 extremely; used without item 7.
INTERFERENCE_CODES = {1: 6.0, 2: 4.75, 3: 3.5, 4: 2.25, 5: 1.0}


class Sf36BodilyPain(Questionnaire):
    """SF-36 (version 1) Bodily Pain: how much (1 to 6), how much it interfered (1 to 5); 0 to 100, high is good."""

    NAME = "sf36_bodily_pain"
    ASKED = 2
    HIGH = 100.0
    BETTER = "high"
    RULE = "one item missing: the recoded other one stands for it"
    SOURCE = _SF36

    items: (
        tuple[Annotated[int, Field(ge=1, le=6)] | None, Annotated[int, Field(ge=1, le=5)] | None] | None
    ) = None

    def _value(self) -> tuple[float | None, str]:
        pain, interference = self.items or (None, None)
        if pain is None and interference is None:
            return None, "neither item answered"
        if pain is None:
            codes = [INTERFERENCE_CODES[interference or 1]] * 2
        elif interference is None:
            codes = [PAIN_CODES[pain]] * 2
        else:
            # Not bothered at all counts fully only where there was no pain at all.
            codes = [PAIN_CODES[pain], 6.0 if pain == interference == 1 else 6.0 - interference]
        return 100.0 * (sum(codes) - 2) / 10, ""


class Scores(ClinicRecord):
    """The questionnaires of one date."""

    odi: Odi | None = None
    rmdq: Rmdq | None = None
    sciatica_bothersomeness: SciaticaBothersomeness | None = None
    sf36_physical_functioning: Sf36PhysicalFunctioning | None = None
    sf36_bodily_pain: Sf36BodilyPain | None = None

    def all(self) -> tuple[Score, ...]:
        """Every questionnaire that was given, scored."""
        given: tuple[Questionnaire | None, ...] = (
            self.odi,
            self.rmdq,
            self.sciatica_bothersomeness,
            self.sf36_physical_functioning,
            self.sf36_bodily_pain,
        )
        return tuple(one.score() for one in given if one is not None)


def _given(items: Sequence[int | bool | None] | None) -> list[int]:
    return [int(item) for item in items or () if item is not None]
