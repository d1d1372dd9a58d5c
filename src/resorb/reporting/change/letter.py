"""`letter.txt`: the comparison as a plain paragraph, to be taken into a letter."""

from __future__ import annotations

from resorb.change import Change
from resorb.reporting.change.words import history_words, span_words, verdicts_told
from resorb.reporting.words import sentence


def letter(change: Change) -> str:
    """Plain text: what must be looked into at once, what was compared, what was found, and what that cannot tell."""
    first, last = change.dates[0], change.dates[-1]
    count = {2: "Two", 3: "Three", 4: "Four"}.get(len(change.dates), str(len(change.dates)))
    span = (
        ""
        if last.days is None
        else f", {span_words(last.days)} apart" + (" in all" if len(change.dates) > 2 else "")
    )
    kind = "simulated MRI" if change.synthetic else "MRI of the lumbar spine"
    opening = (
        f"{count} {kind} ({', '.join(one.name for one in change.dates)}{span}) were registered disc by disc and "
        f"measured against one reference (resorb {change.resorb_version})."
    )
    if first.date is None:
        opening += " Their dates are not known."
    found = [change.sentence, *verdicts_told(change)]
    told = list(dict.fromkeys(sentence(words) for words in found if words))
    doubts = [f"Before trusting this: {'; '.join(change.warnings)}."] if change.warnings else []
    parts = [
        *(sentence(one) for one in change.alerts),
        opening,
        *told,
        f"Between the dates: {' '.join(history_words(change.between, change))}",
        *doubts,
        change.not_recovery,
        change.not_assessed,
        change.statement,
    ]
    return " ".join(parts) + "\n"
