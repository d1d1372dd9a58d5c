"""What to doubt before anything else: contradictions, mimics, questions that nobody asked; the same in every output."""

from __future__ import annotations

from collections.abc import Iterator

from resorb.clinic.review import Review


def contradiction_words(review: Review) -> Iterator[str]:
    """What cannot be right, with its line; what is only a likely slip is left to the list of all."""
    for one in review.contradictions:
        if one.kind != "doubt":
            line = "" if one.line is None else f", line {one.line} of the record"
            yield f"{one.kind.capitalize()}{line}: {one.words}."


def mimic_words(review: Review) -> Iterator[str]:
    """What else the findings of a visit fit, each once, of the newest visit that suggests it."""
    newest = {(m.id, m.side): (visit.date, m) for visit in review.visits for m in visit.mimics}
    for day, mimic in newest.values():
        side = f", {mimic.side}" if mimic.side else ""
        yield f"Think of {mimic.words}{side} (findings of {day}). To settle: {mimic.settle}."


def not_asked_words(review: Review) -> str:
    """Cauda equina questions and tests that the last visit leaves open; empty where there is none."""
    last = review.visits[-1] if review.visits else None
    if last is None:
        return "No visit is recorded: nothing was asked or examined."
    names = ", ".join(name.replace("_", " ") for name in last.not_asked)
    return f"Not asked or examined at the last visit ({last.date}): {names}." if names else ""


def opinion_words(review: Review) -> str:
    """What the findings of the last visit that has any point to; empty where there is none."""
    pointing = [visit for visit in review.visits if visit.opinions]
    if not pointing:
        return ""
    said = [f"on the {one.side} to {one.words}" for one in pointing[-1].opinions]
    return f"Findings of {pointing[-1].date} point {' and '.join(said)}, which is no diagnosis."
