"""The sentences to read first: what was found, in words that say no more than the numbers support."""

from __future__ import annotations

from dataclasses import dataclass

from resorb.reading import DiscReading, Reading
from resorb.reporting.class_words import herniation_sentences, qualifications
from resorb.reporting.words import number, phrase, reason_words, side_words


@dataclass(frozen=True)
class Findings:
    """What was found: the sentences to read first, and what else was seen."""

    main: tuple[str, ...]
    further: tuple[str, ...]


def findings(reading: Reading) -> Findings:
    """Herniations and uncovered disc first, or that there is none; then bulges and what was not measured.

    Levels above the lumbar spine stand in the table only.
    """
    lumbar = [disc for disc in reading.discs if "thoracic" not in disc.flags]
    main = [text for disc in lumbar if disc.herniated for text in _herniated(disc)]
    measured = [disc for disc in lumbar if disc.depth_mm.value is not None]
    broad = [disc for disc in lumbar if disc.displaced and not disc.herniated]
    levels = ", ".join(f"{disc.level} {phrase('depth_mm', disc.depth_mm)}" for disc in broad)
    bulges = [
        f"Disc behind the reference line, not shown to be focal (a bulge, or wider than the field): {levels}."
    ]
    further = [text for disc in lumbar for text in qualifications(disc)]
    further += bulges if broad and main else []
    if broad and not main:
        # Said first, and no "none found" above it: a herniation may hide in what the field cuts.
        main += bulges
    elif not main and measured:
        main.append(
            "No focal displaced disc material above the detection limits at the "
            f"{_count(len(measured), 'level')} measured ({', '.join(disc.level for disc in measured)})."
        )
    elif not main:
        main.append("No level could be measured; this says nothing about whether disc material is displaced.")
    main += [_uncovered(disc) for disc in lumbar if "uncovered" in disc.flags]
    further += [
        f"{disc.level}: displacement not measured ({reason_words(disc.depth_mm.reason)})."
        for disc in lumbar
        if not disc.displaced and disc.depth_mm.value is None
    ]
    return Findings(tuple(main), tuple(further))


def _herniated(disc: DiscReading) -> list[str]:
    """What is said of a herniated level; where it was not classed, that its displaced material is focal."""
    said = [_focal(disc)] if disc.classes is None else herniation_sentences(disc)
    if "low_confidence" in disc.flags:
        said[0] += " The outlines at this level are uncertain."
    if "cropped" in disc.flags:
        said[0] += " It touches the edge of the field, so there may be more of it."
    return said


def _focal(disc: DiscReading) -> str:
    return (
        f"{disc.level}: focal displaced disc material, {side_words(disc.side)}; "
        f"depth behind the reference line {phrase('depth_mm', disc.depth_mm)}, "
        f"volume {phrase('volume_mm3', disc.volume_mm3)}."
    )


def _uncovered(disc: DiscReading) -> str:
    value = disc.slip_mm.value
    by = "a slip" if value is None else f"a slip of {number('slip_mm', abs(value))} mm"
    return f"{disc.level}: disc uncovered by {by}, not counted as herniation."


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
