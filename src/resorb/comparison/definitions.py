"""Published definitions of regression, beside ours: what each of them says of the same change.

Most take a decrease at its face value, without its error; only limits of agreement (Kjaer et al. 2016,
PMC4714478) ask whether the change is larger than the measurement's own. Thresholds and sources: `limits.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass

from resorb.change import Definition, Difference, Verdict
from resorb.limits import Limits
from resorb.reading import Quantity

OURS = "beyond the smallest detectable change of these scans (resorb)"
COMPLETE = "complete"


@dataclass(frozen=True)
class _Share:
    """A loss of at least (or more than) a share of the first volume."""

    name: str
    limit: str
    includes: bool


_SHARES = (
    _Share("any decrease", "regression_any", False),
    _Share("more than 25 % smaller", "regression_quarter", False),
    _Share("at least 50 % smaller", "regression_half", True),
    _Share("more than 70 % smaller", "regression_most", False),
)


def definitions(volume: Difference, verdict: Verdict, limits: Limits) -> tuple[Definition, ...]:
    """What the published definitions, and ours, say of one change in volume.

    Args:
        volume: the difference; without a value nothing is met or missed.
        verdict: ours, of the same dates.
        limits: the thresholds in force.
    """
    made = [_by_share(one, volume, limits) for one in _SHARES]
    return (*made, _complete(volume, verdict), _agreement(volume, limits), _ours(volume, verdict))


def _by_share(one: _Share, volume: Difference, limits: Limits) -> Definition:
    limit = limits.entries[one.limit]
    loss = _turned(volume.relative)
    met = None
    certain = False
    if loss is not None and loss.value is not None:
        met = _beyond(loss.value, limit.value, one.includes)
        ends = [_beyond(end, limit.value, one.includes) for end in (loss.low, loss.high) if end is not None]
        certain = len(ends) == 2 and all(end == met for end in ends)
        if limit.value == 0.0:  # that there is a decrease is told from none, not by the interval's end
            certain = certain or bool(met and volume.beyond_error)
    return Definition(
        name=one.name,
        first=volume.first,
        last=volume.last,
        met=met,
        certain=certain,
        threshold=limit.value,
        unit=limit.unit,
        source=limit.source,
        verified=limit.verified,
    )


def _complete(volume: Difference, verdict: Verdict) -> Definition:
    judged = verdict.value != "indeterminate"
    return Definition(
        name=COMPLETE,
        first=volume.first,
        last=volume.last,
        met=verdict.value == "resolved" if judged else None,
        certain=judged and verdict.value != "resolved",  # less than can be seen may still be there
        threshold=1.0,
        unit="ratio",
        source="Zou et al. 2023 (doi 10.1097/BSD.0000000000001490): 100 %; here below the detection limit",
        verified=True,
    )


def _agreement(volume: Difference, limits: Limits) -> Definition:
    limit = limits.entries["manual_agreement"]
    change = volume.absolute
    met, certain = None, False
    if change.value is not None:
        met = change.value < -limit.value
        ends = [end < -limit.value for end in (change.low, change.high) if end is not None]
        certain = len(ends) == 2 and all(end == met for end in ends)
    return Definition(
        name="beyond the limits of agreement of manual outlines",
        first=volume.first,
        last=volume.last,
        met=met,
        certain=certain,
        threshold=limit.value,
        unit=limit.unit,
        source=limit.source,
        verified=limit.verified,
    )


def _ours(volume: Difference, verdict: Verdict) -> Definition:
    # A difference within its error is not beyond it, whatever else keeps it from being called unchanged.
    judged = verdict.value != "indeterminate" or (verdict.p_value is not None and not volume.beyond_error)
    return Definition(
        name=OURS,
        first=volume.first,
        last=volume.last,
        met=verdict.value in ("regressed", "resolved") if judged else None,
        certain=judged,
        threshold=volume.smallest_detectable,
        unit="mm3",
        source="repeat imaging of simulated patients (repeat.toml); the rule is that of Kjaer et al. 2016, PMC4714478",
        verified=True,
    )


def _beyond(loss: float, threshold: float, includes: bool) -> bool:
    return loss >= threshold if includes else loss > threshold


def _turned(relative: Quantity | None) -> Quantity | None:
    """A relative change as a loss, so that more is more."""
    if relative is None or relative.value is None:
        return None
    low, high = relative.low, relative.high
    return Quantity(
        value=-relative.value, low=None if high is None else -high, high=None if low is None else -low
    )
