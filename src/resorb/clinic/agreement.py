"""Whether findings and images point to the same root, and what would settle it where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from resorb.clinic.base import ClinicRecord, Side
from resorb.clinic.imaging_roots import ImagingOpinion
from resorb.clinic.roots import OTHER, RootOpinion
from resorb.clinic.tables import table

#: The gravest last.
Verdict = Literal["agree", "partly", "disagree", "other_side", "not_comparable"]
GRAVITY: tuple[Verdict, ...] = ("not_comparable", "agree", "partly", "disagree", "other_side")
#: Convention of resorb: an examination further from the images than this may describe another state.
CLOSE_DAYS = 60
NO_HERNIATION = (
    "The images of this date describe no herniation that could be compared. Findings that remain need no present "
    "compression: 38 % of those with a motor deficit were still weak at 1 year (Suri 2012, n = 95)."
)
NO_FINDINGS = "No finding of this visit points to a root, so there is nothing to compare with the images."


class Settling(ClinicRecord):
    """Something that would settle an open question."""

    words: str
    source: str


class Comparison(ClinicRecord):
    """One imaging study against the visit nearest to it.

    Attributes:
        verdict: agree (a set of roots that accounts for the findings is among the candidates of the images),
            partly (some of its roots are), disagree, other_side (the roots are, on the other side),
            not_comparable.
        words: one line for each side with findings.
    """

    study_date: date
    visit_date: date
    days_apart: int
    verdict: Verdict
    words: tuple[str, ...]
    would_settle: tuple[Settling, ...]


def compare(
    visit: tuple[date, Sequence[RootOpinion]], study: tuple[date, Sequence[ImagingOpinion]]
) -> Comparison:
    """Hold the opinions of a visit against those of a study."""
    (seen, opinions), (imaged, images) = visit, study
    pointing = [opinion for opinion in opinions if opinion.alternatives]
    if not images or not pointing:
        verdicts: list[Verdict] = ["not_comparable"]
        lines = [NO_FINDINGS if images else NO_HERNIATION]
    else:
        candidates = frozenset(pair for one in images for pair in one.named)
        cauda = any(one.cauda_equina for one in images)
        verdicts = [_verdict(one, candidates, cauda) for one in pointing]
        lines = [_line(one, verdict, images) for one, verdict in zip(pointing, verdicts, strict=True)]
    apart = abs((imaged - seen).days)
    if apart > CLOSE_DAYS:
        lines.append(
            f"Images and examination are {apart} days apart: the state may have changed between them."
        )
    verdict = max(verdicts, key=GRAVITY.index)
    return Comparison(
        study_date=imaged,
        visit_date=seen,
        days_apart=apart,
        verdict=verdict,
        words=tuple(lines),
        would_settle=_settling(_questions(verdict, pointing, images)),
    )


def _verdict(opinion: RootOpinion, candidates: frozenset[tuple[str, Side]], cauda_equina: bool) -> Verdict:
    """Central material can reach every root of the cauda equina, so that it never quite disagrees."""

    def reached(side: Side) -> list[int]:
        """How many roots of each alternative are missing among the candidates of a side."""
        return [sum((root, side) not in candidates for root in roots) for roots in opinion.alternatives]

    if 0 in reached(opinion.side):
        return "agree"
    if cauda_equina or any(
        n < len(roots) for n, roots in zip(reached(opinion.side), opinion.alternatives, strict=True)
    ):
        return "partly"
    return "other_side" if 0 in reached(OTHER[opinion.side]) else "disagree"


def _line(opinion: RootOpinion, verdict: Verdict, images: Sequence[ImagingOpinion]) -> str:
    imaged = "; ".join(dict.fromkeys(f"{one.finding.level}: {one.words}" for one in images))
    said = {
        "agree": "they agree",
        "partly": "they agree in part",
        "disagree": "they do not agree",
        "other_side": "the roots agree, the side does not",
        "not_comparable": "they cannot be compared",
    }[verdict]
    return f"Findings on the {opinion.side} point to {opinion.words}; the images to {imaged}: {said}."


def _questions(
    verdict: Verdict, pointing: Sequence[RootOpinion], images: Sequence[ImagingOpinion]
) -> list[str]:
    questions = {"disagree": ["disagree"], "partly": ["disagree"], "other_side": ["side"]}.get(verdict, [])
    if images and not pointing:
        questions.append("unexamined")
    if any(len(one.alternatives) > 1 for one in pointing):
        questions.append("alternatives")
    if any("zone" in one.missing for one in images):
        questions.append("zone")
    return questions


def _settling(questions: Sequence[str]) -> tuple[Settling, ...]:
    return tuple(
        Settling(words=row["words"], source=row["source"])
        for question in questions
        for row in table("settling")
        if row["when"] == question
    )
