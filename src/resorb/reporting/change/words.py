"""A change in words that say no more than the numbers support; verdicts come worded, with the change itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from resorb.change import Between, Change, Difference, History, LevelChange, Track, Verdict
from resorb.reading import Quantity
from resorb.reporting.words import MEASURES, number, reason_words, shown, side_words

#: Of the mean Gregorian year.
DAYS_PER_MONTH = 30.4375
HISTORIES: dict[History, str] = {
    "none": "no operation on the disc and no injection into it",
    "unknown": "not known whether the disc was operated on or injected: no change may be called spontaneous",
    "injected": "an injection into the disc: no change may be called spontaneous",
    "operated": "an operation: no change may be called spontaneous, and operated tissue cannot be told from disc "
    "without contrast",
}
#: The quantities of the table that a clinician reads, in its order; the others are in change.csv and the audit.
OF_HERNIATION = ("volume_mm3", "depth_mm", "area_mm2")
OF_LEVEL = ("volume_mm3", "depth_mm", "canal_occupied", "sac_area_mm2", "t2_ratio")
SYMPTOM_CHECK = (
    "Severe narrowing of the canal: ask about symptoms the same day, whatever the images did since."
)


def interval_words(change: Change, number_: int) -> str:
    """`first MRI`, or how long after the first a date is."""
    if number_ == 1:
        return "first MRI"
    days = change.dates[number_ - 1].days
    return f"MRI {number_}" if days is None else f"{span_words(days)} later"


def span_words(days: float) -> str:
    """A stretch of time as people say it."""
    if abs(days) < 1.5 * DAYS_PER_MONTH:
        return f"{days:.0f} day{'' if days == 1 else 's'}"
    months = days / DAYS_PER_MONTH
    return f"{months:.0f} months" if months < 24 else f"{months / 12:.1f} years"


def wrapped(text: str, characters: int) -> list[str]:
    """Lines of at most so many characters."""
    return textwrap.wrap(text, max(characters, 20))


def subject(one: Track | LevelChange) -> str:
    """`L4/L5, on the patient's left`."""
    side = f", {side_words(one.side)}" if isinstance(one, Track) and one.side else ""
    return f"{one.level}{side}"


def history_words(between: Iterable[Between], change: Change) -> list[str]:
    """What was done between neighbouring dates, a line each; that nothing is known where nothing is said."""
    told = list(between)
    lines = []
    for first in range(1, len(change.dates)):
        names = f"{change.dates[first - 1].name} to {change.dates[first].name}"
        said = [one for one in told if one.first == first]
        for one in said or [Between(first=first, last=first + 1, history="unknown")]:
            levels = f" ({', '.join(one.levels)})" if one.levels else ""
            lines.append(f"{names}{levels}: {HISTORIES[one.history]}.")
    return lines


def verdicts_told(change: Change) -> list[str]:
    """What the finding must not leave out, once each: every herniation, and every level that changed without one."""
    levels = [one.verdict for one in change.levels if one.verdict.value not in ("unchanged", "indeterminate")]
    return list(
        dict.fromkeys(verdict.words for verdict in (*(one.verdict for one in change.tracks), *levels))
    )


def spanning(differences: Iterable[Difference], verdict: Verdict) -> dict[str, Difference]:
    """By quantity, the differences between the two dates of a verdict."""
    return {d.quantity: d for d in differences if (d.first, d.last) == (verdict.first, verdict.last)}


def signed(name: str, quantity: Quantity) -> str:
    """A difference with its sign and interval; an em dash where it is missing."""
    if quantity.value is None:
        return "—"
    text = _sign(name, quantity.value)
    if quantity.low is not None and quantity.high is not None:
        text += f" ({_sign(name, quantity.low)} to {_sign(name, quantity.high)})"
    return text


def percent(share: Quantity | None) -> str:
    """A relative difference in per cent with its interval; an em dash where there is none."""
    if share is None or share.value is None:
        return "—"
    text = _percent(share.value)
    if share.low is not None and share.high is not None:
        text += f" ({_percent(share.low)} to {_percent(share.high)})"
    return f"{text} %"


def beyond(difference: Difference | None) -> str:
    """Whether a difference is larger than measurement error, in a word or two."""
    if difference is None or difference.beyond_error is None:
        return "not known"
    return "yes" if difference.beyond_error else "no"


def missing(values: Iterable[Quantity]) -> str:
    """Why values are missing, each reason once; empty where none is."""
    return "; ".join(dict.fromkeys(reason_words(q.reason) for q in values if q.value is None))


def value(name: str, quantity: Quantity) -> str:
    """A quantity as a table shows it."""
    return shown(name, quantity) if name in MEASURES else "—"


def calibrated(change: Change) -> bool:
    """Whether differences have 95 % intervals."""
    parts: tuple[Track | LevelChange, ...] = (*change.tracks, *change.levels)
    return any(d.absolute.low is not None for one in parts for d in one.differences)


def _sign(name: str, value: float) -> str:
    text = number(name, value)
    return text if text.startswith("\N{MINUS SIGN}") or not float(text) else f"+{text}"


def _percent(share: float) -> str:
    text = f"{100 * share:+.0f}"
    return "0" if not float(text) else text.replace("-", "\N{MINUS SIGN}")
