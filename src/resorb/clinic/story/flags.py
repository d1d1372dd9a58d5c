"""Red flags in words: what to do, said once, and every sign that calls for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from resorb.clinic.red_flags import RedFlag, Urgency

URGENCIES: dict[Urgency, str] = {
    "same_day_emergency": "Same-day emergency",
    "urgent": "Urgent",
    "prompt": "Prompt",
}
NO_FLAG = "No red flag is recorded."
EARLIER = "recorded at an earlier visit, and in force until somebody has acted on it"
#: Of one sign, so many entries are written out.
MOST_ENTRIES = 4


@dataclass(frozen=True)
class Sign:
    """One kind of red flag.

    Attributes:
        entries: where it was recorded, the newest first, in words.
        hidden: how many more there are.
    """

    words: str
    source: str
    verified: bool
    entries: tuple[str, ...]
    hidden: int

    @property
    def text(self) -> str:
        more = f"; and {self.hidden} more" if self.hidden else ""
        return f"{self.words} ({'; '.join(self.entries)}{more})"


@dataclass(frozen=True)
class Alarm:
    """What must be done, and the signs that call for it."""

    action: str
    signs: tuple[Sign, ...]

    @property
    def text(self) -> str:
        return f"{self.action} Recorded: {'; '.join(sign.text for sign in self.signs)}."


def alarms(flags: Iterable[RedFlag]) -> tuple[Alarm, ...]:
    """The flags by what must be done, in their order: the gravest first, none left out."""
    actions: dict[str, dict[str, list[RedFlag]]] = {}
    for flag in flags:
        actions.setdefault(_action(flag), {}).setdefault(flag.id, []).append(flag)
    return tuple(
        Alarm(action, tuple(_sign(found) for found in signs.values())) for action, signs in actions.items()
    )


def _action(flag: RedFlag) -> str:
    """The action, which begins with its urgency."""
    urgency = URGENCIES[flag.urgency]
    return flag.action if flag.action.startswith(urgency) else f"{urgency}: {flag.action}"


def _sign(flags: list[RedFlag]) -> Sign:
    first = flags[0]
    shown = flags[:MOST_ENTRIES]
    hidden = len(flags) - len(shown)
    return Sign(first.words, first.source, first.verified, tuple(map(_entry, shown)), hidden)


def _entry(flag: RedFlag) -> str:
    day = "" if flag.date is None else f", {flag.date}"
    earlier = "" if flag.latest else f", {EARLIER}"
    return f"{flag.finding}{day}{earlier}"
