"""One vertebra on another date: outlines and images together, from starts that are off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resorb.comparison.registration_patch import Patch, patch_of
from resorb.comparison.registration_vertebra import fit
from resorb.registration import moved
from resorb.study import FloatArray
from tests.comparison.dates import NO_TURN, Triple, date, margin, placed

PLACE: tuple[Triple, Triple] = ((3.0, 5.0, -4.0), (6.0, -4.0, 3.0))


@pytest.fixture(scope="module")
def patches() -> tuple[Patch, Patch]:
    first, second = (patch_of(one.study.sagittal.volume, one.anatomy, "L5") for one in (date(), date(*PLACE)))
    return first, second


def missed_mm(motion: FloatArray) -> float:
    missed = moved(motion, margin(NO_TURN, NO_TURN)) - margin(*PLACE)
    return float(np.sqrt(np.mean(np.sum(missed**2, axis=-1))))


def test_a_start_several_millimetres_and_degrees_off_is_enough(patches: tuple[Patch, Patch]) -> None:
    start = np.eye(4)
    start[:3, 3] = np.add(PLACE[1], (2.0, -3.0, 2.0))
    assert missed_mm(start) > 3.0
    found = fit(*patches, [start])
    assert missed_mm(found.motion) < 0.5
    assert missed_mm(found.outlines) < 0.8
    assert found.likeness > 0.8


def test_of_several_starts_the_best_is_used(patches: tuple[Patch, Patch]) -> None:
    nowhere = np.eye(4)
    nowhere[:3, 3] = [60.0, 60.0, 60.0]
    found = fit(*patches, [nowhere, placed(*PLACE)])
    assert missed_mm(found.motion) < 0.5


def test_the_image_corrects_a_wrong_outline(patches: tuple[Patch, Patch]) -> None:
    """The second date's outline is drawn 2 mm too far back: the outlines follow it, the fit half-way at most."""
    first, second = patches
    row = int(np.argmax(np.abs(second.image.directions[1])))
    voxels = 2.0 / float(second.image.spacing_mm[row]) * np.sign(-second.image.directions[1, row])
    shifted = np.roll(second.distance, round(voxels), axis=row)
    found = fit(first, replace(second, distance=shifted), [placed(*PLACE)])
    assert missed_mm(found.outlines) > 1.4
    assert missed_mm(found.motion) < 0.75 * missed_mm(found.outlines)


def test_other_brightness_and_contrast_do_not_matter(patches: tuple[Patch, Patch]) -> None:
    first, second = patches
    brighter = replace(second, image=second.image.with_data(3.0 * second.image.data + 200.0))
    found = [fit(first, other, [placed(*PLACE)]) for other in (second, brighter)]
    np.testing.assert_allclose(found[0].motion, found[1].motion, atol=1e-3)


def test_an_image_of_something_else_is_not_alike(patches: tuple[Patch, Patch]) -> None:
    first, second = patches
    noise = np.random.default_rng(2).normal(size=second.image.shape).astype(np.float32)
    found = fit(first, replace(second, image=second.image.with_data(noise)), [placed(*PLACE)])
    assert found.likeness < 0.3
