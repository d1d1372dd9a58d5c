from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from resorb.reporting.picture import Pictures
from resorb.reporting.scene import Kind, Scene
from resorb.study import FloatArray
from tests.reporting import spine

PIXEL = 0.25


def filled(scene: Scene, kind: Kind) -> FloatArray:
    """Centroid (2,) and area of everything inside the loops of a kind, mm and mm2."""
    inside = np.zeros(scene.pixels.shape, bool)
    for outline in scene.outlines:
        if outline.kind == kind:
            for loop in outline.loops:
                inside |= polygon2mask(inside.shape, loop[:, ::-1] / PIXEL - 0.5)
    rows, columns = np.nonzero(inside)
    return np.array([(columns.mean() + 0.5) * PIXEL, (rows.mean() + 0.5) * PIXEL, inside.sum() * PIXEL**2])


def test_outlines_lie_on_the_image_and_the_picture_is_about_the_level() -> None:
    point = spine.timepoint()
    scene = Pictures(point).level(point.disc(spine.DISPLACED), 60.0, PIXEL)
    assert scene.pixels.shape == (240, 240)
    # By construction: rim at the origin, 9 mm behind the picture's centre; material 4 mm deep and 8 mm high.
    x, y, area = filled(scene, Kind.DISPLACED)
    assert [x, y] == pytest.approx([30 + 9 + 2.0, 30 - 1.0], abs=0.6)
    assert area == pytest.approx(32.0, rel=0.2)
    bright = np.argwhere(scene.pixels > 200)
    sac = filled(scene, Kind.SAC)
    assert (bright.mean(axis=0)[::-1] + 0.5) * PIXEL == pytest.approx(sac[:2], abs=0.3)
    assert len(bright) * PIXEL**2 == pytest.approx(sac[2], rel=0.1)


@settings(deadline=None, max_examples=15)
@given(st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3))
def test_storage_order_does_not_change_the_picture(axes: list[int], flips: tuple[bool, bool, bool]) -> None:
    shape, affine = spine.grid(shape=(9, 90, 80))
    plain = spine.timepoint(shape, affine)
    matrix, sizes = affine[:, [*axes, 3]].copy(), [shape[axis] for axis in axes]
    for axis, flip in enumerate(flips):
        if flip:
            matrix[:, 3] += matrix[:, axis] * (sizes[axis] - 1)
            matrix[:, axis] *= -1
    other = spine.timepoint((sizes[0], sizes[1], sizes[2]), matrix)
    scenes = [Pictures(p).level(p.disc(spine.DISPLACED), 50.0, 0.5) for p in (plain, other)]
    assert np.abs(scenes[0].pixels.astype(int) - scenes[1].pixels).max() <= 1
    assert scenes[0].place == scenes[1].place
    assert scenes[0].arrow is not None and scenes[1].arrow is not None
    assert scenes[0].arrow.tip == pytest.approx(scenes[1].arrow.tip)


def test_the_slice_goes_through_the_apex_or_the_midline() -> None:
    point = spine.timepoint()
    pictures = Pictures(point)
    # Slices every 4 mm from the midline: the apex is 5 mm to the left.
    assert pictures.level(point.disc(spine.DISPLACED), 60.0, 1.0).place == "4.0 mm to the left of the midline"
    assert pictures.level(point.disc(spine.LEVELS[0]), 60.0, 1.0).place == "in the midline"


def test_the_arrow_comes_from_the_canal_and_stops_short_of_the_apex() -> None:
    point = spine.timepoint()
    arrow = Pictures(point).level(point.disc(spine.DISPLACED), 60.0, 1.0).arrow
    assert arrow is not None
    apex = np.array([30 + 9 + 4.0, 30 - 1.0])  # 4 mm behind the rim, 1 mm above the origin
    assert 0.5 < np.linalg.norm(arrow.tip - apex) < 2.0
    assert arrow.tip[0] > apex[0]
    assert arrow.tail[0] > arrow.tip[0] + 5


def test_only_flagged_material_is_called_displaced() -> None:
    plain = spine.reading(tuple(spine.disc(level) for level in spine.LEVELS))
    # The midline slice holds no material: move the picture to it by building it on the midline.
    point = spine.timepoint(record=plain)
    pictures = Pictures(point)
    shifted = pictures.view.slice_at(spine.APEX)
    kinds = {
        outline.kind
        for outline in pictures._outlines(shifted, pictures.crop(point.disc(spine.DISPLACED), 60.0))
    }
    assert Kind.BEHIND in kinds
    assert Kind.DISPLACED not in kinds
    assert pictures.level(point.disc(spine.DISPLACED), 60.0, 1.0).arrow is None


def test_names_stand_on_their_vertebrae() -> None:
    point = spine.timepoint()
    scene = Pictures(point).level(point.disc(spine.LEVELS[2]), 70.0, 1.0)
    at = {name.text: (name.x, name.y) for name in scene.names}
    assert set(at) >= {"L5", "S1"}
    assert at["L5"][1] < at["S1"][1]
    for x, y in at.values():
        assert scene.pixels[int(y), int(x)] > 60  # on bone, brighter than disc and background


def test_the_overview_names_every_level_and_marks_the_crop() -> None:
    point = spine.timepoint()
    pictures = Pictures(point)
    disc = point.disc(spine.DISPLACED)
    scene = pictures.overview(disc, 60.0, 0.5)
    assert [name.text for name in scene.names] == ["L3/L4", "L4/L5", "L5/S1"]
    assert scene.height_mm == pytest.approx(150.0)
    assert scene.box is not None and scene.box.height == 60.0
    assert scene.box.y == pytest.approx(75.0 - 30.0)


def test_the_window_comes_from_tissue_not_from_the_brightest_voxel() -> None:
    point = spine.timepoint()
    before = Pictures(point).window
    point.study.sagittal.volume.data[0, 0, 0] = 1e6
    assert Pictures(point).window == before
    assert before[0] == pytest.approx(60, abs=1)
    assert before[1] == pytest.approx(240, abs=1)


def test_a_level_without_frame_and_a_blank_image_are_still_drawn() -> None:
    point = spine.timepoint(framed=False)
    scene = Pictures(point).level(point.disc(spine.DISPLACED), 60.0, 1.0)
    assert scene.reference is None
    assert scene.pixels.any()
    point.study.sagittal.volume.data[:] = 0
    assert not Pictures(point).level(point.disc(spine.DISPLACED), 60.0, 1.0).pixels.any()
