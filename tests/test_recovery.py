"""The recovery check with stand-ins for the model that outline all, a known part, or nothing of an implant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.anatomy import Structure
from resorb.errors import NotMeasurableError
from resorb.limits import load_limits
from resorb.measurement import measure
from resorb.recovered import Implant, Recovery
from resorb.recovery import FEWEST, _recovered, recover
from resorb.segmentation.levels import name_levels
from resorb.segmentation.model import Progress, Segmentation
from resorb.study import Volume
from resorb.timepoint import Timepoint
from tests import spine

LIMITS = load_limits()
#: Of background (bright as fat is), bone three times, disc and sac; and what parts disc and sac from fat.
GREY = np.array([120, 110, 110, 110, 40, 230], np.uint8)
DARK, BRIGHT = 80, 175
Painted = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class ByGrey:
    """Outlines disc and sac by their grey values, as they were made; `paint` spoils it."""

    def __init__(self, paint: Painted) -> None:
        self.paint, self.seen = paint, 0

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation:
        self.seen += 1
        grey = image.data.astype(float)
        found = np.select([grey > BRIGHT, grey < DARK], [int(Structure.THECAL_SAC), int(Structure.DISC)], 0)
        structures = image.with_data(self.paint(found.astype(np.uint8)))
        return Segmentation(structures, np.full(image.shape, 255, np.uint8), "by grey")


@pytest.fixture(scope="module")
def healthy() -> Timepoint:
    structures = spine.sampled(spacing=(2.0, 0.8, 0.8))
    anatomy = name_levels(structures.sagittal(), None, source="true outlines")
    labels = structures.from_sagittal(anatomy.labels.data)
    study = spine.study_of(structures)
    series = replace(study.sagittal, stacks=(structures.with_data(GREY[structures.data]),))
    return measure(replace(study, series=(series,), sagittal=series), replace(anatomy, labels=labels))


@pytest.fixture(scope="module")
def found(healthy: Timepoint) -> Recovery:
    return recover([healthy], LIMITS, implants=FEWEST, segmenter=ByGrey(lambda found: found))


def test_what_outlines_all_of_an_implant_finds_all_of_it(found: Recovery) -> None:
    assert len(found.implants) == FEWEST
    assert found.share.value is not None and found.share.low is not None and found.share.high is not None
    assert found.share.value == pytest.approx(1.0, abs=0.12)
    assert found.share.low < found.share.value < found.share.high
    assert (
        f"Of {FEWEST} synthetic herniations put into these scans, {100 * found.share.value:.0f} %"
        in found.words
    )
    assert "decides nothing" in found.statement


def test_the_known_volumes_span_small_and_large(found: Recovery) -> None:
    known = [one.known_mm3 for one in found.implants]
    assert min(known) < 250 and max(known) > 400
    assert {one.level for one in found.implants} == {"L3/L4", "L4/L5", "L5/S1"}


def test_what_outlines_nothing_of_it_finds_nothing(healthy: Timepoint) -> None:
    """Whatever the image shows, the outlines are those of the first look."""
    first: dict[tuple[int, ...], NDArray[np.uint8]] = {}

    def blind(outlined: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return first.setdefault(outlined.shape, outlined)

    one_level = replace(healthy, frames={level: f for level, f in list(healthy.frames.items())[1:2]})
    nothing = recover([one_level], LIMITS, implants=FEWEST, segmenter=ByGrey(blind))
    assert nothing.share.value == pytest.approx(0.0, abs=0.01)
    assert nothing.found == 0


def test_few_implants_state_no_share() -> None:
    made = [
        Implant(
            date=1, level="L4/L5", morphology="protrusion", known_mm3=200.0, measured_mm3=180.0, found=True
        )
    ] * (FEWEST - 1)
    share, scatter = _recovered(made)
    assert share.value is None and scatter is None and "only 9" in share.reason


def test_the_interval_holds_the_true_share_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(400):
        known = rng.uniform(100, 800, 20)
        measured = 0.8 * known + rng.normal(0, 40, 20)
        share, scatter = _recovered(
            [
                Implant(
                    date=1, level="L4/L5", morphology="extrusion", known_mm3=k, measured_mm3=m, found=True
                )
                for k, m in zip(known, measured, strict=True)
            ]
        )
        assert share.low is not None and share.high is not None and scatter is not None
        held += share.low <= 0.8 <= share.high
    assert 0.91 <= held / 400 <= 0.985


def test_without_a_healthy_level_there_is_nothing_to_check(healthy: Timepoint) -> None:
    with pytest.raises(NotMeasurableError, match="nowhere"):
        recover([replace(healthy, frames={})], LIMITS, segmenter=ByGrey(lambda found: found))


def test_progress_goes_up(healthy: Timepoint) -> None:
    told: list[float] = []
    segmenter = ByGrey(lambda found: found)
    recover(
        [healthy], LIMITS, implants=3, segmenter=segmenter, progress=lambda _what, done: told.append(done)
    )
    assert told == sorted(told) and told[0] >= 0.0 and told[-1] <= 1.0
    assert segmenter.seen <= 3 + len(healthy.frames)
