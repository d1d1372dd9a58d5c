"""What became of a herniation, said no more certainly than the error allows.

Volume decides. All levels of a pair of dates are looked at together, so that a pair in which nothing changed draws a
false alarm at any of them in at most 5 % (Holm 1979, Scand J Stat 6, 65-70, with weights as in Benjamini & Hochberg
1997, Scand J Stat 24, 407-418). More of the 5 % is spent where there is more material, so that a large herniation is
not held back by four discs that have little to lose. The weight is a function of the mean of both dates and of nothing
else: where nothing changed it tells next to nothing of their difference, which keeps the bound; whether a herniation
was found does tell of it, for chance that makes a date's volume large also makes the herniation. Where there is no
herniation, depth has to have changed too: asking for both can only take alarms away (intersection-union test; Berger
1982, Technometrics 24, 295-300), so that the rate of the volumes alone still bounds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from resorb.change import Dated, History, Outcome, Verdict
from resorb.comparison.error import CONFIDENCE, Compared
from resorb.reading import Quantity

ALPHA = 1 - CONFIDENCE
#: What every herniation or level weighs among all that are looked at, and from which mean volume on it weighs more.
WEIGHT_MM3, USUAL_MM3 = 100.0, 200.0
CORRECTION = "Holm's correction, weighted by volume"
BEYOND = "beyond measurement error"
#: The same where few patients stand behind the table of repeat imaging.
BEYOND_ESTIMATED = "beyond the estimated measurement error"
NOT_DEEPER = (
    "The volume behind the disc's margin differs, its depth does not: it may be material far to the sides."
)
REASONS: Mapping[History, str] = {
    "unknown": "What was done to the disc between the dates is not known: nothing is said of why it changed.",
    "injected": "The disc was injected between the dates: a change may come from that.",
    "operated": (
        "The disc was operated on between the dates: scar and remaining or new disc material cannot be told apart "
        "without contrast, which resorb does not read."
    ),
}
SPONTANEOUS = "No surgery or injection into the disc between the dates, as stated: the change is spontaneous."


@dataclass(frozen=True)
class Case:
    """One herniation, or the displaced material of a level without one, on two dates.

    Attributes:
        name: how it is called in words, e.g. "L4/L5 left".
        volume: compared; its two quantities are `values`.
        found: whether a herniation was found on either date; both False for a level without one.
        found_before: it was seen before the first of the two dates.
        detectable_mm3: the least volume told from nothing on either date.
        informative: largest share of the first volume that the smallest detectable change may be for "unchanged";
            informative_mm3: the same of a level without a herniation.
        notable: share of the first volume above which a difference within its error is not called unchanged either.
        bulge: of the disc on the last date.
        deeper: of a level without a herniation, the depth too has changed beyond its error; its volume alone may be
            material far to the sides, where thick slices tell disc from its margin poorly.
        estimated: the error that it is judged by is an estimate, and the words say so.
        part: which part of it is compared, where a field does not show all; empty otherwise.
        barred: why this is not judged at all; empty otherwise.
        notes: what else weakens the verdict.
    """

    name: str
    dates: tuple[Dated, Dated]
    volume: Compared
    values: tuple[Quantity, Quantity]
    found: tuple[bool, bool]
    found_before: bool = False
    history: History = "unknown"
    detectable_mm3: tuple[float, ...] = (0.0, 0.0)
    informative: float = 0.5
    informative_mm3: float = np.inf
    notable: float = np.inf
    bulge: Quantity | None = None
    deeper: bool = True
    estimated: bool = False
    part: str = ""
    barred: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def beyond(self) -> str:
        """How a change beyond its error is called."""
        return BEYOND_ESTIMATED if self.estimated else BEYOND

    @property
    def weight(self) -> float:
        """How much of the false alarms that are allowed is spent on it, mm3; for cases that are tested."""
        mean = float(np.mean([one.value or 0.0 for one in self.values]))
        return WEIGHT_MM3 + max(mean - USUAL_MM3, 0.0)

    @property
    def tested(self) -> bool:
        """Whether it is one of the family in which false alarms are controlled."""
        return not self.barred and self.history != "operated" and self.volume.p_value is not None


def judge(cases: Sequence[Case]) -> tuple[Verdict, ...]:
    """Verdicts of all herniations and levels that are looked at together."""
    tested = [case for case in cases if case.tested]
    p_values = [float(case.volume.p_value or 0.0) for case in tested]
    adjusted = dict(zip(map(id, tested), holm(p_values, [case.weight for case in tested]), strict=True))
    return tuple(_verdict(case, adjusted.get(id(case)), len(tested)) for case in cases)


def holm(p_values: Sequence[float], weights: Sequence[float]) -> tuple[float, ...]:
    """P-values corrected for how many they are (Holm's step-down method, weighted); equal weights are his plain one.

    Args:
        p_values: (n,); weights: (n,) above 0, which must not depend on them where nothing changed.
    """
    order = np.argsort(np.divide(p_values, weights), kind="stable")
    ordered, weighing = np.asarray(p_values)[order], np.asarray(weights)[order]
    left = np.cumsum(weighing[::-1])[::-1]  # of itself and those that come after it
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(ordered * left / weighing), 1.0)
    return tuple(float(p) for p in corrected)


def _verdict(case: Case, adjusted: float | None, looked_at: int) -> Verdict:
    value, words, why = _outcome(case, adjusted)
    reasons = [*why, *case.notes]
    if value != "indeterminate" and looked_at > 1:
        reasons.append(f"{looked_at} herniations and levels were looked at together ({CORRECTION}).")
    if value not in ("unchanged", "indeterminate"):
        reasons.append(SPONTANEOUS if case.history == "none" else REASONS[case.history])
    first, last = case.dates
    return Verdict(
        first=first.number,
        last=last.number,
        value=value,
        words=f"{case.name}, {case.part}: {words}" if case.part else f"{case.name}: {words}",
        reasons=tuple(reasons),
        p_value=case.volume.p_value if case.tested else None,
    )


def _outcome(case: Case, adjusted: float | None) -> tuple[Outcome, str, list[str]]:
    """Value, words without the name, and why."""
    one, two = case.values
    if case.barred:
        return "indeterminate", f"not judged: {case.barred}.", []
    if case.history == "operated":
        measured = f"{volume(one)} before, {volume(two)} after it"
        return "indeterminate", f"operated on between the dates ({measured}).", [REASONS["operated"]]
    difference = case.volume.difference
    if one.value is None or two.value is None:
        return "indeterminate", f"the change in volume is not known ({difference.absolute.reason}).", []
    if adjusted is None:
        return "indeterminate", f"{volume(one)} and {volume(two)}, without a known error.", []
    if adjusted < ALPHA and difference.beyond_error:
        if not any(case.found) and not case.deeper:
            return (
                "indeterminate",
                f"no herniation on either date; {volume(one)} and {volume(two)}.",
                [NOT_DEEPER],
            )
        return _changed(case, one.value, two.value)
    return _unchanged(case, one.value)


def _changed(case: Case, one: float, two: float) -> tuple[Outcome, str, list[str]]:
    what = "" if any(case.found) else "the material behind the disc's margin, which holds no herniation, "
    it = what or "it "
    from_to = f"from {mm3(one)} to {mm3(two)}"
    if two > one:
        if case.found == (False, True) and one <= case.detectable_mm3[0]:
            if case.found_before:
                return "recurrent", f"it has come back: {sized(case.values[1])}, {case.beyond}.", []
            return "new", f"a new herniation of {sized(case.values[1])}, {case.beyond}.", []
        return "grown", f"{it}has grown by {_by(case)}, {from_to}, {case.beyond}.", _no_summit(case)
    if case.found[0] and two <= case.detectable_mm3[1] and not case.part:
        return "resolved", _resolved(case, one), []
    return "regressed", f"{it}has shrunk by {_by(case)}, {from_to}, {case.beyond}.", _no_summit(case)


def _resolved(case: Case, one: float) -> str:
    """What is left may still be there: it is stated with its interval, and the bulge beside it."""
    seen = "is all but gone" if case.found[1] else "is no longer seen"
    left = f"{mm3(one)} before, now {sized(case.values[1])}, which such scans cannot tell from none"
    bulge = case.bulge.value if case.bulge is not None else None
    rest = f" The disc still bulges by {mm3(bulge)}." if bulge is not None else ""
    return f"it {seen}: {left}; the loss is {case.beyond}.{rest}"


def _no_summit(case: Case) -> list[str]:
    """Dates on which the material is there, but stands out from the bulge no longer or not yet."""
    if not any(case.found):
        return []
    dates = [date.name for date, found in zip(case.dates, case.found, strict=True) if not found]
    return [
        f"On {date} it does not stand out from the disc's bulge, and is known by difference."
        for date in dates
    ]


def _unchanged(case: Case, one: float) -> tuple[Outcome, str, list[str]]:
    smallest = case.volume.difference.smallest_detectable or 0.0
    both = f"{volume(case.values[0])} and {volume(case.values[1])}"
    limit = f"a change of less than {mm3(smallest)} cannot be told from none on these scans"
    if case.volume.difference.beyond_error:
        chance = f"alone it would be {case.beyond}, but not among all that were looked at"
        return "indeterminate", f"{both}; {limit}.", [f"The difference may be chance: {chance}."]
    small = [
        v.value is not None and v.value <= limit
        for v, limit in zip(case.values, case.detectable_mm3, strict=True)
    ]
    if case.found == (False, True) and small[0]:
        return "indeterminate", f"first seen on {case.dates[1].name}, but {limit} ({both}).", []
    if case.found == (True, False) and small[1]:
        return "indeterminate", f"no longer found on {case.dates[1].name}, but {limit} ({both}).", []
    if any(case.found) and smallest > case.informative * one:
        return "indeterminate", f"{both}; {limit}: too much to call it unchanged.", []
    if any(case.found) and abs(case.volume.difference.absolute.value or 0.0) > case.notable * one:
        return "indeterminate", f"{both}; {limit}, but the difference may be real.", []
    if not any(case.found) and smallest > case.informative_mm3:
        least = f"a herniation of {mm3(case.informative_mm3)} could have come or gone unseen"
        return "indeterminate", f"no herniation on either date ({both}), but {limit}: {least}.", []
    what = (
        f"unchanged within {case.beyond.removeprefix('beyond ')}"
        if any(case.found)
        else f"no herniation on either date, and no change {case.beyond}"
    )
    return "unchanged", f"{what} ({both}; {limit}).", _no_summit(case)


def _by(case: Case) -> str:
    """`72 % (65 to 79)`, or in mm3 where the share has no interval."""
    difference = case.volume.difference
    relative, absolute = difference.relative, difference.absolute
    sign = 1.0 if (absolute.value or 0.0) > 0 else -1.0
    if relative is not None and relative.value is not None:
        low, high = sorted(100 * sign * (end or 0.0) + 0.0 for end in (relative.low, relative.high))
        return f"{100 * sign * relative.value:.0f} % ({low:.0f} to {high:.0f})"
    low, high = sorted(sign * (end or 0.0) + 0.0 for end in (absolute.low, absolute.high))
    return f"{mm3(sign * (absolute.value or 0.0))} ({low:,.0f} to {high:,.0f})"


def mm3(value: float) -> str:
    """A volume in words; a rounded zero has no sign."""
    return f"{max(value, 0.0) if round(value) == 0 else value:,.0f} mm³"


def sized(quantity: Quantity) -> str:
    """A volume with its interval, where it has one."""
    words = mm3(quantity.value or 0.0)
    if quantity.low is not None and quantity.high is not None:
        words += f" ({quantity.low:,.0f} to {quantity.high:,.0f})"
    return words


def volume(quantity: Quantity) -> str:
    """A volume, its lower bound, or that it is not known."""
    if quantity.value is not None:
        return mm3(quantity.value)
    return "not measured" if quantity.low is None else f"at least {mm3(quantity.low)}"
