"""From a `Change` to what the models are fitted to; the only place here that knows the record of a comparison."""

from __future__ import annotations

from collections.abc import Iterator

from resorb.change import Change, History, Track, history_of
from resorb.errors import UsageError
from resorb.mechanism.kinetics import CONTACT, DEPTH, PARENT, QUANTITIES, T2_RATIO, VOLUME
from resorb.mechanism.observations import Observations, Observed, assumed_sd
from resorb.mechanism.words import QUANTITY_WORDS
from resorb.reading import Quantity

NORMAL_95 = 1.959964  # half width of a 95 % interval in standard deviations
#: What was done to a disc, so that no mechanism of its own may be looked for.
TREATED: dict[History, str] = {"operated": "operated on", "injected": "injected"}
_DISC = "disc_volume_mm3"  # with what is displaced of it


def observations_of(change: Change) -> Iterator[tuple[str, Observations | UsageError]]:
    """Every herniation of a Change by its identifier, or the reason why nothing can be fitted to it."""
    for track in change.tracks:
        try:
            yield track.identifier, of_track(change, track)
        except UsageError as error:
            yield track.identifier, error


def of_track(change: Change, track: Track) -> Observations:
    """One herniation, from the first date on which it has a volume.

    The parent disc is the disc less what is displaced of it. Where a value has no interval, its error is that of
    `[assumed_error]` in `priors.toml`, which a note says.

    Raises:
        UsageError: a date is not known, there are not two with a volume, or the disc was operated on or injected.
    """
    name = " ".join(part for part in (track.level, track.side) if part)
    volumes = track.quantities.get(VOLUME, ())
    present = [n for n, one in enumerate(volumes) if one.value is not None and one.value > 0]
    if not present:
        raise UsageError(f"{name}: no volume was measured on any date")
    start = present[0]
    if (history := history_of(change.between, track.level, start + 1, len(change.dates))) in TREATED:
        raise UsageError(
            f"{name}: the disc was {TREATED[history]} between the dates, and none of the models knows of that"
        )
    days = [one.days for one in change.dates[start:]]
    known = [day for day in days if day is not None]
    if len(known) < len(days):
        raise UsageError(
            f"{name}: a date is not known; without times between the dates nothing can be fitted"
        )
    measured: dict[str, tuple[Observed | None, ...]] = {}
    assumed: set[str] = set()
    for quantity in QUANTITIES:
        values = _values(change, track, quantity)[start:]
        found = tuple(_observed(quantity, value, assumed) for value in values)
        if any(one is not None for one in found):
            measured[quantity] = found
    contact = measured.get(CONTACT, (None,))[0]
    incomparable = _incomparable(track)
    if incomparable:
        measured.pop(T2_RATIO, None)
    free = contact is not None and contact.value <= contact.sd
    notes = (*_notes(history, start, assumed), *incomparable)
    return Observations(tuple(day - known[0] for day in known), measured, free, name, notes, change.synthetic)


def _values(change: Change, track: Track, quantity: str) -> tuple[Quantity, ...]:
    """Per date; empty where the Change does not have it."""
    if quantity != PARENT:
        return track.quantities.get(quantity, ())
    at_level = next((one.quantities for one in change.levels if one.level == track.level), {})
    discs, displaced = at_level.get(_DISC, ()), at_level.get(VOLUME, ())
    return tuple(_less(disc, part) for disc, part in zip(discs, displaced, strict=False))


def _less(disc: Quantity, part: Quantity) -> Quantity:
    if disc.value is None or part.value is None:
        return Quantity(value=None, reason="the disc or its displaced part was not measured")
    return Quantity(value=disc.value - part.value)


def _observed(quantity: str, found: Quantity, assumed: set[str]) -> Observed | None:
    if found.value is None or (quantity == DEPTH and found.value <= 0):
        return None
    if found.low is not None and found.high is not None and found.high > found.low:
        # Where nothing was found, its volume of 0 has an upper end only.
        return Observed(found.value, max(found.high - found.value, found.value - found.low) / NORMAL_95)
    assumed.add(quantity)
    return Observed(found.value, assumed_sd(quantity, found.value))


def _notes(history: History, start: int, assumed: set[str]) -> tuple[str, ...]:
    notes = []
    if history == "unknown":
        notes.append("It is not known whether the disc was operated on or injected into between the dates.")
    if start:
        notes.append(
            "The herniation was not there on the first date of the comparison; time counts from when it was."
        )
    if assumed:
        names = ", ".join(words for name, (words, *_) in QUANTITY_WORDS.items() if name in assumed)
        notes.append(f"Without an interval of their own, errors were assumed for: {names}.")
    return tuple(notes)


def _incomparable(track: Track) -> tuple[str, ...]:
    """Why T2 ratios that were measured may not be compared; empty where they may."""
    ratios = track.quantities.get(T2_RATIO, ())
    for one in track.differences:
        if one.quantity != T2_RATIO or one.absolute.value is not None:
            continue
        if all(ratios[number - 1].value is not None for number in (one.first, one.last)):
            return (f"T2 ratios were left out: {one.absolute.reason}.",)
    return ()
