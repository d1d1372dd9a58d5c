"""What became of a herniation, in the verdict of a stored comparison; an operation in between takes the word away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from resorb.change import Outcome
from resorb.clinic.changes import Followed
from resorb.clinic.story.clause import Clause, Datum, Topic
from resorb.clinic.treatment import Intervention
from resorb.reading import Quantity

TOPIC: Topic = "imaging"
#: On the images; none of them is a word for how the patient is.
VERDICTS: Mapping[Outcome, str] = {
    "resolved": "{} is no longer found on the images",
    "regressed": "{} has regressed",
    "unchanged": "{} is unchanged within measurement error",
    "grown": "{} has grown",
    "new": "{} is new",
    "recurrent": "{} has come back",
    "indeterminate": "what became of {} cannot be told from the images",
}
MATERIAL = "displaced disc material at {}, where the comparison found no herniation,"
OPERATED = "{} was operated on between the images: what became of it cannot be told from them"
#: What "resolved" means; the number alone would say that something is left.
BELOW = ", less than such scans can show"
HISTORIES: Mapping[Intervention, str] = {
    "none": ", without an operation on or an injection into the disc in between",
    "unknown": "; whether something was done to the disc in between is not known",
    "injected": ", after an injection into the disc",
    "operated": "",
}


def change_clauses(followed: Sequence[Followed]) -> Iterator[Clause]:
    """The verdict on each herniation that was compared, with its volumes and the interval of their difference."""
    for one in followed:
        what = f"the herniation at {one.place}" if one.identifier else MATERIAL.format(one.place)
        said = OPERATED if one.history == "operated" else VERDICTS[one.verdict.value]
        numbers = _numbers(one)
        words = f"{said.format(what)}{f' ({numbers})' if numbers else ''}{HISTORIES[one.history]}"
        value = f"{one.verdict.value}; {numbers}" if numbers else one.verdict.value
        day = one.last or one.first
        if day is None:
            continue
        datum = Datum(date=day, field=f"comparison, {one.place}", value=value, where=one.where)
        yield Clause(topic=TOPIC, words=words, data=(datum,))


def interval_words(quantity: Quantity) -> str:
    """`-608 mm³, 95 % interval -700 to -516`, with a true minus."""
    if quantity.value is None:
        return f"not known ({quantity.reason})"
    said = f"{quantity.value:+.0f} mm³"
    if quantity.low is not None and quantity.high is not None:
        said += f", 95 % interval {quantity.low:+.0f} to {quantity.high:+.0f}"
    return said.replace("-", "\N{MINUS SIGN}")


def _numbers(one: Followed) -> str:
    last, resolved = one.verdict.last, one.verdict.value == "resolved"
    volumes = [
        f"{_volume(volume)} on {day}{BELOW if resolved and n == last else ''}"
        for n, (volume, day) in enumerate(zip(one.volumes, one.days, strict=True), start=1)
        if n in (one.verdict.first, one.verdict.last) and day is not None
    ]
    if one.difference is not None:
        volumes.append(f"difference {interval_words(one.difference.absolute)}")
    return "; ".join(volumes)


def _volume(volume: Quantity) -> str:
    if volume.value is not None:
        return f"{volume.value:.0f} mm³"
    return f"at least {volume.low:.0f} mm³" if volume.low is not None else f"not measured ({volume.reason})"
