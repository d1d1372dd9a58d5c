"""The finding of a comparison in one sentence, and what must not wait."""

from __future__ import annotations

from collections.abc import Sequence

from resorb.anatomy import Level
from resorb.change import LevelChange, Outcome, Track, Verdict
from resorb.comparison.follow import VOLUME, Scans
from resorb.reading import DiscReading

NO_CHANGE = "No herniation was found on any date, and no level changed {beyond}."
SEVERE = (
    "{level}: the displaced material fills most of the spinal canal on {date} (severe canal compromise). Ask the same "
    "day about bladder, bowel, saddle sensation and leg weakness: any of them needs urgent care, whatever the change."
)
#: The gravest first: which of several verdicts stands for a level, and which is told first.
_GRAVITY: tuple[Outcome, ...] = (
    "new",
    "recurrent",
    "grown",
    "regressed",
    "resolved",
    "indeterminate",
    "unchanged",
)


def sentence(tracks: Sequence[Track], levels: Sequence[LevelChange], beyond: str) -> str:
    """The largest herniation's verdict, and how many others there are; else the gravest of the levels.

    Args:
        beyond: how a change beyond its error is called.
    """
    if tracks:
        most = max(tracks, key=lambda one: max(q.at_least or 0.0 for q in one.quantities[VOLUME]))
        others = len(tracks) - 1
        more = f" {others} other herniation{'s' if others > 1 else ''} followed." if others else ""
        return f"{most.verdict.words}{more}"
    changed = [one.verdict for one in levels if one.verdict.value not in ("unchanged", "indeterminate")]
    if changed:
        return min(changed, key=_gravity).words
    if any(one.verdict.value == "unchanged" for one in levels):
        open_ = [one.level for one in levels if one.verdict.value == "indeterminate"]
        left = f" It cannot be said of {', '.join(open_)}." if open_ else ""
        return NO_CHANGE.format(beyond=beyond) + left
    return "No herniation was found on any date; whether a level changed cannot be said."


def gravest(tracks: Sequence[Track], level: Level) -> Verdict:
    """The verdict that stands for a level with herniations."""
    own = (track.verdict for track in tracks if str(level) in (track.level, *track.levels))
    return min(own, key=_gravity)


def _gravity(verdict: Verdict) -> int:
    return _GRAVITY.index(verdict.value)


def alerts(scans: Scans) -> tuple[str, ...]:
    """What a clinician must look into at once, by the last date."""
    last, name = scans.discs[-1], scans.dates[-1].name
    return tuple(
        SEVERE.format(level=level, date=name) for level, disc in sorted(last.items()) if _severe(disc)
    )


def _severe(disc: DiscReading) -> bool:
    return disc.canal_compromise is not None and disc.canal_compromise.value == "severe"
