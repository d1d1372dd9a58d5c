"""Published definitions of regression against changes whose answer is plain."""

from __future__ import annotations

import pytest

from resorb.change import Definition, Difference, Outcome, Verdict
from resorb.comparison.definitions import definitions
from resorb.limits import load_limits
from resorb.reading import Quantity

LIMITS = load_limits()


def judged(loss: float, reach: float, value: Outcome = "regressed") -> dict[str, Definition]:
    """Of 1,000 mm3, a share was lost, known to within `reach`."""
    difference = Difference(
        quantity="volume_mm3",
        first=1,
        last=2,
        absolute=Quantity(value=-1000 * loss, low=-1000 * (loss + reach), high=-1000 * (loss - reach)),
        relative=Quantity(value=-loss, low=-(loss + reach), high=-(loss - reach)),
        smallest_detectable=90.0,
    )
    verdict = Verdict(first=1, last=2, value=value, words="")
    return {one.name: one for one in definitions(difference, verdict, LIMITS)}


@pytest.mark.parametrize(
    ("loss", "met"),
    [
        (0.10, (True, False, False, False)),
        (0.25, (True, False, False, False)),
        (0.30, (True, True, False, False)),
        (0.50, (True, True, True, False)),
        (0.72, (True, True, True, True)),
        (-0.20, (False, False, False, False)),
    ],
)
def test_thresholds(loss: float, met: tuple[bool, ...]) -> None:
    found = judged(loss, 0.05)
    names = ("any decrease", "more than 25 % smaller", "at least 50 % smaller", "more than 70 % smaller")
    assert tuple(found[name].met for name in names) == met


def test_an_interval_across_the_threshold_is_not_certain() -> None:
    assert not judged(0.52, 0.05)["at least 50 % smaller"].certain
    assert judged(0.60, 0.05)["at least 50 % smaller"].certain
    assert judged(0.40, 0.05)["at least 50 % smaller"].certain  # certainly not met


def test_complete_and_ours_follow_the_verdict() -> None:
    found = judged(1.0, 0.02, "resolved")
    assert found["complete"].met and not found["complete"].certain
    assert judged(0.72, 0.05)["complete"].certain and judged(0.72, 0.05)["complete"].met is False
    open_ = judged(0.72, 0.3, "indeterminate")
    assert open_["complete"].met is None and not open_["complete"].certain
    (ours,) = [one for name, one in judged(0.72, 0.05).items() if "resorb" in name]
    assert ours.met and ours.threshold == 90.0


def test_limits_of_agreement_are_those_of_manual_outlines() -> None:
    name = "beyond the limits of agreement of manual outlines"
    assert judged(0.72, 0.05)[name].met and not judged(0.40, 0.05)[name].met


def test_what_is_unverified_is_marked() -> None:
    found = judged(0.72, 0.05)
    assert not found["more than 70 % smaller"].verified and found["at least 50 % smaller"].verified


def test_nothing_is_met_by_what_was_not_measured() -> None:
    missing = Difference(
        quantity="volume_mm3", first=1, last=2, absolute=Quantity(value=None, reason="cropped")
    )
    verdict = Verdict(first=1, last=2, value="indeterminate", words="")
    assert {one.met for one in definitions(missing, verdict, LIMITS)} == {None}


def test_what_lies_within_the_error_is_not_beyond_it_though_it_is_not_called_unchanged() -> None:
    volume = Difference(
        quantity="volume_mm3", first=1, last=2, absolute=Quantity(value=-260.0, low=-600.0, high=80.0)
    )

    def ours(p_value: float | None, beyond_error: bool) -> tuple[bool | None, bool]:
        verdict = Verdict(first=1, last=2, value="indeterminate", words="", p_value=p_value)
        judged = volume.model_copy(update={"beyond_error": beyond_error})
        (one,) = [d for d in definitions(judged, verdict, LIMITS) if "resorb" in d.name]
        return one.met, one.certain

    assert ours(0.2, False) == (False, True)
    assert ours(0.03, True) == (None, False)  # beyond its own error, and perhaps by chance among many
    assert ours(None, False) == (None, False)  # not tested
