"""What was measured, in words that say no more than the numbers support."""

from __future__ import annotations

from dataclasses import dataclass

from resorb.reading import DiscReading, Quantity, Reading


@dataclass(frozen=True)
class Measure:
    """How a quantity is named and rounded for people."""

    name: str
    unit: str
    decimals: int


MEASURES: dict[str, Measure] = {
    "depth_mm": Measure("depth behind the line", "mm", 1),
    "area_mm2": Measure("largest sagittal area", "mm²", 0),
    "volume_mm3": Measure("volume", "mm³", 0),
    "width_mm": Measure("width", "mm", 1),
    "height_mm": Measure("height", "mm", 1),
    "slip_mm": Measure("slip", "mm", 1),
    "disc_height_mm": Measure("disc height", "mm", 1),
    "disc_volume_mm3": Measure("disc volume", "mm³", 0),
    "t2_ratio": Measure("T2 against CSF", "", 2),
}

FLAGS: dict[str, str] = {
    "displaced": "displaced disc material",
    "focal": "focal",
    "listhesis": "slipped vertebra (listhesis)",
    "uncovered": "disc uncovered by a slip",
    "cropped": "touches the edge of the field",
    "thoracic": "above the lumbar spine, not judged",
    "low_confidence": "outlines are uncertain",
    "unmeasurable": "not measurable",
}

REASONS: dict[str, str] = {"cropped": "touches the edge of the field; only a lower bound can be given"}


def flag_words(flag: str) -> str:
    """A flag for people; an unknown one as it is."""
    return FLAGS.get(flag, flag.replace("_", " "))


def reason_words(reason: str) -> str:
    """Why a value is missing, for people."""
    return REASONS.get(reason, reason)


def number(name: str, value: float) -> str:
    """A value rounded as its quantity is, without a unit; a rounded zero has no sign."""
    text = f"{value:.{MEASURES[name].decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def shown(name: str, quantity: Quantity) -> str:
    """The table's cell: value with interval, lower bound, or an em dash."""
    if quantity.value is None:
        return "—" if quantity.low is None else f"≥ {number(name, quantity.low)}"
    text = number(name, quantity.value)
    if quantity.low is not None and quantity.high is not None:
        text += f" ({number(name, quantity.low)} to {number(name, quantity.high)})"
    return text


def phrase(name: str, quantity: Quantity) -> str:
    """A quantity within a sentence, with its unit; in words where it is missing."""
    unit = MEASURES[name].unit
    if quantity.value is None:
        if quantity.low is not None:
            return f"at least {number(name, quantity.low)} {unit}".rstrip() + f" ({quantity.reason})"
        return f"not measured ({reason_words(quantity.reason)})"
    text = f"{number(name, quantity.value)} {unit}".rstrip()
    if quantity.low is not None and quantity.high is not None:
        text += f" (95 % interval {number(name, quantity.low)} to {number(name, quantity.high)})"
    return text


def calibrated(reading: Reading) -> bool:
    """Whether any quantity has a 95 % interval."""
    return any(
        quantity.value is not None and quantity.low is not None and quantity.high is not None
        for disc in reading.discs
        for name in MEASURES
        if isinstance(quantity := getattr(disc, name), Quantity)
    )


def side_words(side: str | None) -> str:
    """The side, as the patient has it."""
    return {
        "left": "on the patient's left",
        "right": "on the patient's right",
        "midline": "in the midline",
    }.get(side or "", "side not determined")


def slice_place(left_mm: float | None) -> str:
    """Which sagittal slice is shown, from its distance to the left of the midline."""
    if left_mm is None:
        return "middle of the disc"
    if abs(left_mm) < 0.5:
        return "in the midline"
    return f"{abs(left_mm):.1f} mm to the {'left' if left_mm > 0 else 'right'} of the midline"


@dataclass(frozen=True)
class Findings:
    """What was found: the sentences to read first, and what else was seen."""

    main: tuple[str, ...]
    further: tuple[str, ...]


def findings(reading: Reading) -> Findings:
    """Focal displaced material and uncovered disc first, or that there is none; then bulges and what was not measured.

    Levels above the lumbar spine stand in the table only.
    """
    lumbar = [disc for disc in reading.discs if "thoracic" not in disc.flags]
    main = [_displaced(disc) for disc in lumbar if "focal" in disc.flags]
    measured = [disc for disc in lumbar if disc.depth_mm.value is not None]
    broad = [disc for disc in lumbar if disc.displaced and "focal" not in disc.flags]
    levels = ", ".join(f"{disc.level} {phrase('depth_mm', disc.depth_mm)}" for disc in broad)
    bulges = [
        f"Disc behind the reference line, not shown to be focal (a bulge, or wider than the field): {levels}."
    ]
    further = bulges if broad and main else []
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


def _displaced(disc: DiscReading) -> str:
    text = (
        f"{disc.level}: focal displaced disc material, {side_words(disc.side)}; "
        f"depth behind the reference line {phrase('depth_mm', disc.depth_mm)}, "
        f"volume {phrase('volume_mm3', disc.volume_mm3)}."
    )
    if "low_confidence" in disc.flags:
        text += " The outlines at this level are uncertain."
    if "cropped" in disc.flags:
        text += " It touches the edge of the field, so there may be more of it."
    return text


def _uncovered(disc: DiscReading) -> str:
    value = disc.slip_mm.value
    by = "a slip" if value is None else f"a slip of {number('slip_mm', abs(value))} mm"
    return f"{disc.level}: disc uncovered by {by}, not counted as herniation."


def doubts(reading: Reading, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What a reader must know before trusting the numbers, each once: naming, input, and flagged levels.

    Args:
        reading: the record.
        more: warnings of the input and the segmentation; those that the reading repeats appear once.
    """
    texts = [f"Level names: {text}" for text in reading.doubts] + [*reading.warnings, *more]
    for flag in ("low_confidence", "cropped"):
        levels = [disc.level for disc in reading.discs if flag in disc.flags]
        if levels:
            texts.append(f"{', '.join(levels)}: {flag_words(flag)}.")
    return tuple(dict.fromkeys(map(sentence, texts)))


def sentence(text: str) -> str:
    """With a capital letter at the start and a full stop at the end."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
