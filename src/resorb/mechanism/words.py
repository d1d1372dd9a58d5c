"""What a fit says, in sentences: first what cannot be told, then what can, never more than the numbers hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from resorb.mechanism.fit import Fit, ModelFit
from resorb.mechanism.forecast import NextScan
from resorb.mechanism.kinetics import DAYS_PER_MONTH, VOLUME, Mechanism

EXPLORATORY = (
    "Exploratory, for research: no model of why herniations shrink has been validated in patients. This decides "
    "nothing, and a smaller herniation is not recovery."
)
TWO_DATES = (
    "Two dates only: most of this cannot be told. With one difference per quantity the course between the dates is not "
    "seen, any rate can be paired with any final state, and the probabilities lean on what was assumed beforehand; a "
    "third date would say more."
)
GREW = (
    "The volume grew from the first date to the last by more than its measurement error: none of the three mechanisms "
    "enlarges a herniation, and none is named."
)
GROWTH = 1.645  # standard deviations of a difference above which a volume counts as grown; one-sided 5 %
CLEAR = 0.9  # probability from which one explanation is named
TWO_DATE_CAP = "With two dates no explanation is named, whatever its probability."
POOR = 0.05  # probability below which a mechanism alone counts as not supported
NEARLY = 0.5  # of the likeliest: explanations from this share on are named beside it
FEW = 50.0  # effective points of a model's sample below which its probability is called rough
OPEN_BITS = 0.05  # expected information below which no date is named

QUANTITY_WORDS = {
    "volume_mm3": ("displaced volume", "mm³", 0),
    "t2_ratio": ("T2 ratio", "", 2),
    "contact_mm2": ("contact with the disc", "mm²", 0),
    "depth_mm": ("depth", "mm", 1),
    "width_mm": ("width", "mm", 1),
    "height_mm": ("height", "mm", 1),
    "centre_mm": ("distance of its middle from the disc", "mm", 1),
    "parent_mm3": ("volume of the rest of the disc", "mm³", 0),
}
MECHANISM_WORDS = {
    Mechanism.RETRACTION: "mechanical retraction",
    Mechanism.DEHYDRATION: "dehydration and shrinkage",
    Mechanism.DEGRADATION: "enzymatic degradation",
}


@dataclass(frozen=True)
class Finding:
    """What a fit comes to.

    Attributes:
        verdict: the model that is named; None where the question stays open.
        probability: of the likeliest model, given that the material shrank.
        sentences: in the order in which they are to be read.
        explained: there is shrinkage, and a model that fits it.
    """

    verdict: str | None
    probability: float
    sentences: tuple[str, ...]
    explained: bool = True


def finding(fit: Fit) -> Finding:
    """The verdict and its sentences."""
    likeliest, probability = fit.shrinking[0]
    first = (TWO_DATES,) if fit.observed.later_dates < 2 else ()
    if fit.none_fits:
        return Finding(None, probability, (*first, _none_fits(fit), EXPLORATORY), explained=False)
    if _grew(fit):
        return Finding(None, probability, (*first, GREW, EXPLORATORY), explained=False)
    if fit.unchanged > 0.5:
        said = (
            f"Most likely nothing changed beyond measurement error (probability {_p(fit.unchanged)}): there is no "
            "shrinkage to explain."
        )
        return Finding(None, probability, (*first, said, EXPLORATORY), explained=False)
    named = bool(probability >= CLEAR and likeliest.fits and not first)
    middle = _named(likeliest, probability) if named else _open(fit)
    if first and probability >= CLEAR:
        middle = f"{middle} {TWO_DATE_CAP}"
    unsure = (
        () if fit.unchanged < POOR else (f"That nothing changed at all has probability {_p(fit.unchanged)}.",)
    )
    sentences = (*first, middle, *_alone(fit), _part(fit), *unsure, *_rough(fit), EXPLORATORY)
    return Finding(likeliest.model.name if named else None, probability, sentences)


def model_words(name: str) -> str:
    """A model's name as it is read: "dehydration and degradation together"."""
    parts = name.split(" + ")
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]} together"


def scan_words(scan: NextScan | None, first_to_last_days: float) -> str:
    """Which next date would tell most, and why, in one sentence."""
    if scan is None or scan.bits < OPEN_BITS:
        return "No later date is expected to tell the models apart much better than these data do."
    name, unit, digits = QUANTITY_WORDS[scan.quantity]
    after = (scan.days - first_to_last_days) / DAYS_PER_MONTH
    expected = " and ".join(
        f"{_number(value, digits)} if {model_words(model)}" for model, value in scan.expected
    )
    measure = f"{name} ({unit})" if unit else name
    return (
        f"Of the dates weighed, {after:.0f} month{'' if after < 1.5 else 's'} after the last scan is the earliest "
        f"that is expected to tell nearly the most ({scan.bits:.2f} of {scan.entropy_bits:.2f} bits that are open), "
        f"because by then the {measure} would be about {expected}."
    )


def shown(quantity: str, value: float) -> str:
    """A value with its unit, as it is printed."""
    _, unit, digits = QUANTITY_WORDS[quantity]
    return f"{_number(value, digits)} {unit}".strip()


def _named(likeliest: ModelFit, probability: float) -> str:
    alone = " alone" if len(likeliest.model.mechanisms) == 1 else ""
    model = model_words(likeliest.model.name)
    return f"Of the explanations compared, {model}{alone} fits best by far (probability {_p(probability)})."


def _open(fit: Fit) -> str:
    best = fit.shrinking[0][1]
    near = [(one, share) for one, share in fit.shrinking if share >= NEARLY * best]
    listed = ", ".join(f"{model_words(one.model.name)} ({_p(share)})" for one, share in near)
    if len(near) == 1:
        return f"Open: {listed} fits best, but not clearly enough to be named as the reason."
    return f"Open: these fit about equally: {listed}."


def _alone(fit: Fit) -> tuple[str, ...]:
    poor = [
        str(one.model.name) for one, share in fit.shrinking if len(one.model.mechanisms) == 1 and share < POOR
    ]
    able = {m for one, _ in fit.shrinking for m in one.model.mechanisms}
    said = []
    if poor:
        verb = "does" if len(poor) == 1 else "do"
        said.append(
            f"{' and '.join(sorted(poor)).capitalize()} alone {verb} not explain the data (below {POOR:.2f})."
        )
    if Mechanism.RETRACTION not in able:
        said.append("Retraction was not considered: the fragment had no contact with its disc.")
    return tuple(said)


def _part(fit: Fit) -> str:
    shares = [(MECHANISM_WORDS[m], fit.takes_part(m)) for m in Mechanism]
    listed = ", ".join(f"{name} {_p(share)}" for name, share in shares)
    return f"Probability that each takes part, alone or with others: {listed}."


def _rough(fit: Fit) -> tuple[str, ...]:
    few = [one for one, share in fit.shrinking if share >= POOR and one.effective < FEW]
    if not few:
        return ()
    names = ", ".join(model_words(one.model.name) for one in few)
    return (f"Rough, because few of the sampled parameters fit errors as small as these: {names}.",)


def _none_fits(fit: Fit) -> str:
    volumes = [one.value for one in fit.observed.measured[VOLUME] if one is not None]
    why = " The volume rose again between dates, which none of them can do." if _rises(volumes) else ""
    best = max(one.p_value for one in fit.models)
    return (
        "None of these fits: data made by the best of the models would be this far from it with probability "
        f"{_p(best)} only. No mechanism is named.{why}"
    )


def _rises(values: list[float]) -> bool:
    return any(later > 1.1 * earlier for earlier, later in pairwise(values))


def _grew(fit: Fit) -> bool:
    volumes = [one for one in fit.observed.measured[VOLUME] if one is not None]
    first, last = volumes[0], volumes[-1]
    return last.value - first.value > GROWTH * math.hypot(first.sd, last.sd)


def _p(probability: float) -> str:
    if probability > 0.99:
        return "above 0.99"
    return "below 0.01" if probability < 0.01 else f"{probability:.2f}"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"
