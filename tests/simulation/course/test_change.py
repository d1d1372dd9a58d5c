"""What becomes of a herniation, against shapes whose volume is known."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from resorb.errors import UsageError
from resorb.simulation.course.change import evolve
from resorb.simulation.herniation import displace, press
from resorb.simulation.phantom import Displaced, Phantom
from resorb.simulation.spec import ChangeSpec, HerniationSpec, SpineSpec
from resorb.simulation.spine import make_spine
from resorb.simulation.truth import truth_of
from tests.simulation import toy
from tests.simulation.truth.shapes import AT_REST

RADIUS_MM = 6.0


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return toy.phantom(0.5)


def ball(phantom: Phantom, centre: tuple[float, float, float], kind: str = "protrusion") -> Displaced:
    """A ball behind L4/L5; at y = 0 half of it lies in the disc."""
    window = phantom.fine.window(np.array([-16.0, -22.0, -14.0]), np.array([16.0, 10.0, 14.0]))
    x, y, z = np.meshgrid(*phantom.fine.axes(window), indexing="ij")
    away = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
    return Displaced(
        level=toy.LEVELS[1],
        window=window,
        distance=(away - RADIUS_MM).astype(np.float32),
        mix=np.full(away.shape, 80, np.uint8),
        exit_point=np.array([centre[0], 0.0, centre[2]]),
        spec=HerniationSpec.model_validate({"level": "L4/L5", "side": "left", "type": kind}),
    )


def displaced_mm3(phantom: Phantom, displaced: Displaced) -> float:
    _, y, _ = np.meshgrid(*phantom.fine.axes(displaced.window), indexing="ij")
    return float(((displaced.distance < 0) & (y < 0)).sum()) * phantom.fine.pitch_mm**3


HALF_BALL_MM3 = 2 / 3 * np.pi * RADIUS_MM**3


@pytest.mark.parametrize(
    "by",
    [
        {"erosion": 1.0},
        {"shrinkage": 1.0},
        {"retraction": 1.0},
        {"erosion": 0.5, "shrinkage": 0.3, "retraction": 0.2},
    ],
    ids=lambda by: "+".join(by),
)
@pytest.mark.parametrize("remaining", [0.7, 0.2])
def test_the_volume_asked_for_remains(phantom: Phantom, by: dict[str, float], remaining: float) -> None:
    before = ball(phantom, (-4.0, 0.0, 0.0))
    after = evolve(phantom, before, ChangeSpec.model_validate({"remaining": remaining, "by": by}))
    assert after is not None
    assert displaced_mm3(phantom, after) == pytest.approx(remaining * HALF_BALL_MM3, rel=0.03, abs=5.0)


def points_of(phantom: Phantom, displaced: Displaced) -> Any:
    grid = np.stack(np.meshgrid(*phantom.fine.axes(displaced.window), indexing="ij"), -1)
    inside = (displaced.distance < 0) & (grid[..., 1] < 0)
    return grid[inside]


def test_erosion_takes_an_even_layer_off_a_free_ball(phantom: Phantom) -> None:
    centre = (-2.0, -11.0, 0.0)
    after = evolve(phantom, ball(phantom, centre, "sequestration"), ChangeSpec(remaining=0.343))
    assert after is not None
    away = np.linalg.norm(points_of(phantom, after) - centre, axis=1)
    assert away.max() == pytest.approx(0.7 * RADIUS_MM, abs=0.35)


def test_shrinkage_keeps_the_shape_and_the_neck(phantom: Phantom) -> None:
    change = ChangeSpec(remaining=0.125, by={"shrinkage": 1.0}, darkening=0.5)
    after = evolve(phantom, ball(phantom, (-4.0, 0.0, 0.0)), change)
    assert after is not None
    points = points_of(phantom, after)
    assert np.linalg.norm(points - (-4.0, 0.0, 0.0), axis=1).max() == pytest.approx(RADIUS_MM / 2, abs=0.25)
    assert np.unique(after.mix).tolist() == [40]


def test_retraction_moves_the_apex_and_not_the_width_at_the_neck(phantom: Phantom) -> None:
    before = ball(phantom, (-4.0, 0.0, 0.0))
    after = evolve(phantom, before, ChangeSpec(remaining=0.4, by={"retraction": 1.0}))
    assert after is not None
    cap = points_of(phantom, after)
    depth = -cap[:, 1].min()
    # A cap of a ball: its volume follows from its depth alone.
    assert np.pi * depth**2 * (RADIUS_MM - depth / 3) == pytest.approx(0.4 * HALF_BALL_MM3, rel=0.12)


def test_growth_grows_beyond_the_old_window(phantom: Phantom) -> None:
    before = ball(phantom, (-4.0, 0.0, 0.0))
    after = evolve(phantom, before, ChangeSpec(remaining=2.5))
    assert after is not None
    assert displaced_mm3(phantom, after) == pytest.approx(2.5 * HALF_BALL_MM3, rel=0.03)


def test_nothing_remains_of_nothing(phantom: Phantom) -> None:
    assert evolve(phantom, ball(phantom, (0.0, 0.0, 0.0)), ChangeSpec(remaining=0.0)) is None


def test_unchanged_is_unchanged(phantom: Phantom) -> None:
    before = ball(phantom, (0.0, 0.0, 0.0))
    after = evolve(phantom, before, ChangeSpec(remaining=1.0))
    assert after is not None and np.array_equal(after.distance, before.distance)


def test_a_free_fragment_cannot_retract(phantom: Phantom) -> None:
    with pytest.raises(UsageError, match="lost its neck"):
        evolve(
            phantom,
            ball(phantom, (0.0, -11.0, 0.0), "sequestration"),
            ChangeSpec(remaining=0.5, by={"retraction": 1.0}),
        )


@cache
def true_mm3(phantom: Phantom, displaced: Displaced) -> float:
    """Its volume as the truth of a study gives it."""
    truth = truth_of(press(phantom, (displaced,)), AT_REST)
    (level,) = (level for level in truth.levels if level.level == str(displaced.level))
    volume = level.focal[0].sizes.volume_mm3.value
    assert volume is not None
    return volume


@cache
def herniated(phantom: Phantom, kind: str) -> Displaced:
    asked = {"level": "L4/L5", "type": kind, "zone": "paracentral", "side": "left", "depth_mm": 7.0}
    return displace(phantom, HerniationSpec.model_validate(asked), 3)


@pytest.mark.parametrize(
    ("remaining", "by"),
    [
        (0.146, {"erosion": 1.0}),
        (0.086, {"erosion": 0.6, "shrinkage": 0.4}),
        (0.3, {"retraction": 1.0}),
        (3.0, {"erosion": 1.0}),
    ],
)
@pytest.mark.parametrize("spine", ["boxes", "anatomical"])
def test_the_share_that_remains_is_that_of_the_truth(
    coarse: dict[str, Phantom], spine: str, remaining: float, by: dict[str, float]
) -> None:
    before = herniated(coarse[spine], "extrusion")
    after = evolve(coarse[spine], before, ChangeSpec.model_validate({"remaining": remaining, "by": by}))
    assert after is not None
    share = true_mm3(coarse[spine], after) / true_mm3(coarse[spine], before)
    assert share == pytest.approx(remaining, rel=0.05)


@pytest.fixture(scope="module")
def coarse() -> dict[str, Phantom]:
    return {"boxes": toy.phantom(1.0), "anatomical": make_spine(SpineSpec(), pitch_mm=1.0)}


@pytest.mark.parametrize(("spine", "kind"), [("boxes", "extrusion"), ("anatomical", "protrusion")])
@pytest.mark.parametrize(
    ("way", "first"), [("erosion", 0.03), ("shrinkage", 0.1), ("shrinkage", 0.02), ("retraction", 0.1)]
)
def test_a_small_remnant_changes_again_or_is_gone(
    coarse: dict[str, Phantom], spine: str, kind: str, way: str, first: float
) -> None:
    before = herniated(coarse[spine], kind)
    start = true_mm3(coarse[spine], before)
    after: Displaced | None = before
    for remaining in (first, 0.9, 0.9):
        if after is None:
            break
        change = ChangeSpec.model_validate({"remaining": remaining, "by": {way: 1.0}})
        after = evolve(coarse[spine], after, change)
    left = 0.0 if after is None else true_mm3(coarse[spine], after)
    assert left == pytest.approx(0.81 * first * start, rel=0.1, abs=2.0)


def test_what_lies_wholly_in_its_disc_is_gone(phantom: Phantom) -> None:
    assert evolve(phantom, ball(phantom, (0.0, 8.0, 0.0)), ChangeSpec(remaining=0.9)) is None


def test_a_remnant_that_was_shrunk_to_a_hundredth_shrinks_on(phantom: Phantom) -> None:
    after = ball(phantom, (-4.0, 0.0, 0.0))
    for remaining in (0.01, 0.9):
        changed = evolve(phantom, after, ChangeSpec(remaining=remaining, by={"shrinkage": 1.0}))
        assert changed is not None
        after = changed
    assert displaced_mm3(phantom, after) == pytest.approx(0.009 * HALF_BALL_MM3, abs=1.0)
    assert after.distance[0].min() > RADIUS_MM - 1.0  # far away stays far away
