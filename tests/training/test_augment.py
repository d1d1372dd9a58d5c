from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")

from training.augment import sample
from training.harmonise import BACKGROUND, BODY, DISC
from training.prepared import Prepared

HALF = 0.5  # of the crops lie on displaced material


def stack(collection: str = "chu-t2tse", slice_mm: float = 1.0, marks: int = 0) -> Prepared:
    random = np.random.default_rng(3)
    admissible = np.full((9, 300, 200), BACKGROUND, np.uint8)
    admissible[:, 100:160, 60:120] = BODY
    admissible[4, 40:60, 60:120] = DISC
    image = random.integers(20, 60, admissible.shape, dtype=np.uint8)
    image[admissible == BODY] += 100
    where = np.argwhere(admissible == DISC)[:marks].astype(np.int32)
    return Prepared(collection, image, admissible, 60.0, 40.0, slice_mm, where)


def test_a_sample_is_repeatable_and_has_no_class_that_the_stack_lacks() -> None:
    one, bits = sample(stack(), (128, 96), np.random.default_rng(5), HALF)
    two, _ = sample(stack(), (128, 96), np.random.default_rng(5), HALF)
    assert one.shape == (3, 128, 96) and bits.shape == (128, 96)
    assert np.array_equal(one, two)
    assert np.isfinite(one).all()
    for seed in range(20):
        assert set(np.unique(sample(stack(), (128, 96), np.random.default_rng(seed), HALF)[1])) <= {1, 2, 16}


def test_labels_move_with_the_image() -> None:
    """The body is 2.5 grey deviations brighter: where contrast is kept in order, so is it in the crop."""
    darker = 0
    for seed in range(40):
        image, bits = sample(stack(slice_mm=4.0), (160, 128), np.random.default_rng(seed), HALF)
        body, other = image[1][bits == BODY], image[1][(bits == BACKGROUND) & (image[1] > image[1].min())]
        if len(body) > 50 and len(other) > 50:
            darker += int(np.median(body) <= np.median(other))
    assert darker <= 6  # free grey curves turn contrast round now and then


def test_as_many_crops_as_asked_lie_on_displaced_material() -> None:
    one = stack(marks=200)

    def hits(at_displaced: float) -> int:
        crops = (sample(one, (96, 96), np.random.default_rng(seed), at_displaced) for seed in range(60))
        return sum(bool((bits == DISC).any()) for _, bits in crops)

    assert hits(1.0) == 60
    assert hits(0.0) + 10 < hits(HALF) < 60


def test_slices_of_a_2d_stack_are_never_averaged() -> None:
    thick = stack(slice_mm=4.0)
    thick.image[:] = np.arange(9, dtype=np.uint8)[:, None, None] * 20
    values = {
        round(float(v), 3)
        for seed in range(12)
        for v in np.unique(np.diff(sample(thick, (64, 64), np.random.default_rng(seed), HALF)[0][:, 32, 32]))
    }
    assert len(values) > 1  # neighbours differ: three slices, not one


def test_axial_slices_have_no_band_in_front() -> None:
    axial = stack("simulated-axial", slice_mm=4.0)
    assert axial.axial
    image, _ = sample(axial, (128, 96), np.random.default_rng(0), HALF)
    assert np.isfinite(image).all()
