"""Which root or roots the findings of one visit point to, with the published accuracy of each finding.

No probability is worked out: single signs have likelihood ratios between 1 and 3, nobody has shown that they are
independent, and none tells L5 from S1 well (Iversen T et al., BMC Musculoskelet Disord 2013;14:206; Suri P et al.,
Spine 2011;36:63). The answer is the smallest set of roots that accounts for all weakness, reflex loss and sensory
loss; where several sets do, all are named. Stretch tests and places of pain only choose among those sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Literal

from resorb.clinic.base import SIDES, ClinicRecord, Location, Root, Side
from resorb.clinic.examination import Examination, Reflex
from resorb.clinic.record import Visit
from resorb.clinic.tables import Row, table, verified

Kind = Literal["strength", "reflex", "sensation", "test", "pain"]
#: What an examiner finds at the root itself; every one of these has to be accounted for.
LOCALISING: frozenset[Kind] = frozenset({"strength", "reflex", "sensation"})
#: The roots that lumbar herniations reach.
CANDIDATES: tuple[Root, ...] = ("L2", "L3", "L4", "L5", "S1")
#: No single sign tells these two apart well (Iversen 2013): one distinguishing finding is not enough to name one.
HARD_TO_TELL: frozenset[Root] = frozenset({"L5", "S1"})
MIN_DISTINGUISHING = 2
FULL_STRENGTH = 5
CAUTION = (
    "What the findings point to, not a diagnosis. No single test had a likelihood ratio above 4.0 or below 0.4 "
    "(Iversen 2013), and the tests are not independent, so that no probability can be given."
)
OTHER: dict[Side, Side] = {"left": "right", "right": "left"}


class Pointer(ClinicRecord):
    """One abnormal finding and the roots it points to.

    Attributes:
        where: its place in the visit.
        accuracy: as published, with its own source in `source`.
        used: it takes part in the answer; `unused` says why not (an unverified source; equal on both sides).
    """

    kind: Kind
    side: Side
    words: str
    roots: tuple[Root, ...]
    where: Location
    accuracy: str
    source: str
    used: bool
    unused: str = ""


class RootOpinion(ClinicRecord):
    """What the findings of one side point to.

    Attributes:
        alternatives: sets of roots; each set accounts for the findings by itself. Empty where nothing that may be
            used points anywhere.
        words: the alternatives in words, e.g. "L5", "L5 or S1", "L4 and L5".
        not_excluded: other roots that share some of the findings.
        expected_but_normal: tested and normal, although a root of the answer would have affected it; no single
            negative test excludes a root.
        judgement: published accuracy of the whole clinical judgement for those roots.
    """

    side: Side
    alternatives: tuple[tuple[Root, ...], ...]
    words: str
    pointers: tuple[Pointer, ...]
    not_excluded: tuple[Root, ...]
    expected_but_normal: tuple[str, ...]
    judgement: tuple[str, ...]
    caution: str = CAUTION


def root_opinions(visit: Visit) -> tuple[RootOpinion, ...]:
    """The opinion on each side that has an abnormal finding, left first."""
    found = tuple(pointers(visit))
    return tuple(
        _opinion(side, own, visit.examination)
        for side in SIDES
        if (own := tuple(p for p in found if p.side == side))
    )


def pointers(visit: Visit) -> Iterator[Pointer]:
    """Every abnormal finding and every place of pain or paresthesias of a visit, with the roots of its table."""
    exam = visit.examination
    for n, strength in enumerate(exam.strength):
        if strength.mrc < FULL_STRENGTH:
            row = _row("myotomes", "movement", strength.movement)
            words = f"{row['words']} MRC {strength.mrc}"
            yield _pointer("strength", strength.side, words, row, ("examination", "strength", n))
    for n, reflex in enumerate(exam.reflexes):
        if reflex.grade in ("absent", "reduced"):
            row = _row("reflexes", "reflex", reflex.reflex)
            where = ("examination", "reflexes", n)
            unused = "the same on both sides" if _symmetric(exam, reflex) else ""
            yield _pointer("reflex", reflex.side, f"{row['words']} {reflex.grade}", row, where, unused)
    for n, sensation in enumerate(exam.sensation):
        if sensation.impaired:
            row = _row("dermatomes", "dermatome", sensation.dermatome)
            words = f"sensation impaired in {sensation.dermatome} ({row['words']})"
            yield _pointer("sensation", sensation.side, words, row, ("examination", "sensation", n))
    yield from _tests(exam)
    yield from _areas(visit)


def _tests(exam: Examination) -> Iterator[Pointer]:
    rows = {row["name"]: row for row in table("signs") if row["kind"] == "test"}
    for n, test in enumerate(exam.tests):
        if test.result == "positive" and test.test in rows:
            row = rows[test.test]
            side = OTHER[test.side] if test.test.startswith("crossed") else test.side
            angle = "" if test.angle_deg is None else f" at {test.angle_deg:g} degrees"
            words = f"{row['words']} positive{angle}"
            yield _pointer("test", side, words, row, ("examination", "tests", n))


def _areas(visit: Visit) -> Iterator[Pointer]:
    symptoms = visit.symptoms
    for n, pain in enumerate(symptoms.pain or ()):
        if pain.side is not None and pain.nrs != 0:
            for area in pain.areas:
                row = _row("areas", "area", area)
                yield _pointer("pain", pain.side, f"pain in the {row['words']}", row, ("symptoms", "pain", n))
    for n, felt in enumerate(symptoms.paresthesias or ()):
        for area in felt.areas:
            row = _row("areas", "area", area)
            where = ("symptoms", "paresthesias", n)
            yield _pointer("pain", felt.side, f"paresthesias in the {row['words']}", row, where)


def _pointer(kind: Kind, side: Side, words: str, row: Row, where: Location, unused: str = "") -> Pointer:
    accuracy = row if kind == "test" else _accuracy(kind, str(row.get("reflex", "")))
    source = str(row["source"])
    if accuracy is not row:
        source += f"; accuracy: {accuracy['source']}"
    reason = unused or ("" if verified(row) else "the roots of this finding are from memory, unverified")
    return Pointer(
        kind=kind,
        side=side,
        words=words,
        roots=tuple(row["roots"]),
        where=where,
        accuracy=str(accuracy["accuracy"]),
        source=source,
        used=not reason,
        unused=reason,
    )


def _row(name: str, key: str, value: str) -> Row:
    return next(row for row in table(name) if row[key] == value)


def _accuracy(kind: Kind, name: str) -> Row:
    """The row of that very finding, else the row of its kind."""
    rows = [row for row in table("signs") if row["kind"] == kind and row.get("name", name) == name]
    return max(rows, key=lambda row: "name" in row)


def _symmetric(exam: Examination, reflex: Reflex) -> bool:
    """A reflex that is weak alike on both sides says nothing about one root."""
    other = [r.grade for r in exam.reflexes if r.reflex == reflex.reflex and r.side == OTHER[reflex.side]]
    return bool(other) and other[0] == reflex.grade


def _opinion(side: Side, found: Sequence[Pointer], exam: Examination) -> RootOpinion:
    used = [p for p in found if p.used]
    hard = [p for p in used if p.kind in LOCALISING]
    alternatives = _widened(_covers(hard, used) if hard else _best(used), used)
    named = {root for roots in alternatives for root in roots}
    sharing = {root for p in hard for root in p.roots if root in CANDIDATES} - named
    return RootOpinion(
        side=side,
        alternatives=alternatives,
        words=say(alternatives),
        pointers=tuple(found),
        not_excluded=tuple(root for root in CANDIDATES if root in sharing),
        expected_but_normal=tuple(_normal(side, named, exam)),
        judgement=tuple(
            f"{row['words']}: {row['accuracy']} ({row['source']})"
            for row in table("signs")
            if row["kind"] == "judgement" and row["name"] in named
        ),
    )


def _covers(hard: Sequence[Pointer], used: Sequence[Pointer]) -> tuple[tuple[Root, ...], ...]:
    """The smallest sets of roots that account for all of `hard`; among them those that explain most of `used`."""
    for size in range(1, len(CANDIDATES) + 1):
        fits = [roots for roots in combinations(CANDIDATES, size) if _explained(hard, roots) == len(hard)]
        if fits:
            most = max(_explained(used, roots) for roots in fits)
            return tuple(roots for roots in fits if _explained(used, roots) == most)
    return ()


def _best(soft: Sequence[Pointer]) -> tuple[tuple[Root, ...], ...]:
    """Single roots that explain most of the findings: pain and stretch tests alone do not prove two."""
    counts = {root: _explained(soft, (root,)) for root in CANDIDATES}
    most = max(counts.values())
    return tuple((root,) for root in CANDIDATES if most and counts[root] == most)


def _explained(found: Iterable[Pointer], roots: Sequence[Root]) -> int:
    return sum(not set(roots).isdisjoint(p.roots) for p in found)


def _widened(
    alternatives: tuple[tuple[Root, ...], ...], used: Sequence[Pointer]
) -> tuple[tuple[Root, ...], ...]:
    """L5 or S1 alone is named only on two findings that tell it from the other."""
    if len(alternatives) != 1 or len(alternatives[0]) != 1 or alternatives[0][0] not in HARD_TO_TELL:
        return alternatives
    (root,) = alternatives[0]
    (other,) = HARD_TO_TELL - {root}
    distinguishing = sum(root in p.roots and other not in p.roots for p in used)
    return alternatives if distinguishing >= MIN_DISTINGUISHING else (("L5",), ("S1",))


def say(alternatives: Sequence[Sequence[str]]) -> str:
    """`L5`, `L5 or S1`, `L4 and L5`; `no root` where there is none."""
    between = " or " if all(len(roots) == 1 for roots in alternatives) else ", or "
    return between.join(" and ".join(roots) for roots in alternatives) or "no root"


def _normal(side: Side, roots: set[Root], exam: Examination) -> Iterator[str]:
    for strength in exam.strength:
        row = _row("myotomes", "movement", strength.movement)
        if strength.side == side and strength.mrc == FULL_STRENGTH and _expected(row, roots):
            yield f"{row['words']} MRC {FULL_STRENGTH}"
    for reflex in exam.reflexes:
        row = _row("reflexes", "reflex", reflex.reflex)
        if reflex.side == side and reflex.grade == "normal" and _expected(row, roots):
            yield f"{row['words']} normal"
    for sensation in exam.sensation:
        row = _row("dermatomes", "dermatome", sensation.dermatome)
        if sensation.side == side and not sensation.impaired and _expected(row, roots):
            yield f"sensation in {sensation.dermatome} normal"
    for row in table("signs"):
        crossed = str(row.get("name", "")).startswith("crossed")
        for test in exam.tests:
            leg = OTHER[test.side] if crossed else test.side
            if (
                row.get("name") == test.test
                and leg == side
                and test.result == "negative"
                and _expected(row, roots)
            ):
                yield f"{row['words']} negative"


def _expected(row: Row, roots: set[Root]) -> bool:
    return verified(row) and not roots.isdisjoint(row.get("roots", ()))
