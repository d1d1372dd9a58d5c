"""What was measured, in words that say no more than the numbers support."""

from __future__ import annotations

from dataclasses import dataclass

from resorb.reading import Quantity, Reading


@dataclass(frozen=True)
class Measure:
    """How a quantity is named and rounded for people."""

    name: str
    unit: str
    decimals: int


MEASURES: dict[str, Measure] = {
    "depth_mm": Measure("depth behind the line", "mm", 1),
    "area_mm2": Measure("largest area", "mm²", 0),
    "volume_mm3": Measure("volume", "mm³", 0),
    "width_mm": Measure("width", "mm", 1),
    "height_mm": Measure("height", "mm", 1),
    "slip_mm": Measure("slip", "mm", 1),
    "disc_height_mm": Measure("disc height", "mm", 1),
    "disc_volume_mm3": Measure("disc volume", "mm³", 0),
    "t2_ratio": Measure("T2 against CSF", "", 2),
    "disc_height_index": Measure("disc height index", "", 2),
    "focal_volume_mm3": Measure("herniated volume", "mm³", 0),
    "bulge_volume_mm3": Measure("bulge volume", "mm³", 0),
    "cranial_migration_mm": Measure("migration upwards", "mm", 1),
    "caudal_migration_mm": Measure("migration downwards", "mm", 1),
    "contact_mm2": Measure("contact with the disc", "mm²", 0),
    "circumference_share": Measure("share of the circumference", "", 2),
    "canal_occupied": Measure("share of the canal", "", 2),
    "sac_area_mm2": Measure("sac area", "mm²", 0),
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
