from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import outlines, redraw
from training.outlines import Herniation, Points, Spacing

SPACING: Spacing = (0.9, 0.5, 0.5)
SHAPE = (5, 60, 60)
CORNERS = np.array([[20.0, 20.0], [20.0, 40.0]])  # an upright line, 10 mm long


def herniation(margins: dict[int, Points], corners: Points = CORNERS, **other: object) -> Herniation:
    fragments: dict[int, list[Points]] = other.get("fragments", {})  # type: ignore[assignment]
    return Herniation("001", "L4/L5", "", {0: corners}, margins, fragments)


def half_disc(radius: float, centre: tuple[float, float] = (20.0, 30.0)) -> Points:
    """Half a circle behind the upright line, in voxels."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 200)
    return np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], axis=1)


@given(st.floats(6, 10))
def test_half_disc_holds_its_area_volume_and_depth(radius: float) -> None:
    drawn = herniation({1: half_disc(radius), 2: half_disc(radius)})
    mask = outlines.material(drawn, SHAPE, SPACING)
    # the column of voxel centres on the line itself is not behind it: half a voxel along the diameter
    expected = np.pi * radius**2 / 2 - radius
    assert mask[1].sum() == pytest.approx(expected, abs=6)  # digitised edge
    assert not mask[[0, 3, 4]].any()
    assert outlines.depth_mm(drawn, SPACING) == pytest.approx(radius * 0.5, abs=0.05)


def test_what_lies_before_the_line_is_no_material() -> None:
    concave = np.array([[20.0, 20.0], [15.0, 30.0], [20.0, 40.0]])
    drawn = herniation({0: concave})
    assert not outlines.material(drawn, SHAPE, SPACING).any()
    assert outlines.depth_mm(drawn, SPACING) == 0.0


def test_margin_that_dips_before_the_line_keeps_only_what_is_behind() -> None:
    wavy = np.array([[20.0, 20.0], [30.0, 20.0], [30.0, 30.0], [12.0, 30.0], [12.0, 40.0], [20.0, 40.0]])
    mask = outlines.material(herniation({0: wavy}), SHAPE, SPACING)[0]
    columns, rows = np.nonzero(mask)
    assert columns.min() == 21 and rows.max() <= 30
    assert mask.sum() == pytest.approx(10 * 10, abs=20)


def test_material_behind_the_body_counts_and_is_measured_from_its_wall() -> None:
    migrated = np.array([[20.0, 5.0], [26.0, 5.0], [26.0, 40.0], [20.0, 40.0]])
    drawn = herniation({0: migrated})
    mask = outlines.material(drawn, SHAPE, SPACING)[0]
    assert mask[23, 8] and mask[23, 30] and not mask[23, 45]
    assert outlines.depth_mm(drawn, SPACING) == pytest.approx(3.0, abs=0.05)


def test_fragment_is_its_own_outline() -> None:
    square = np.array([[29.5, 9.5], [35.5, 9.5], [35.5, 15.5], [29.5, 15.5]])
    drawn = herniation({}, fragments={3: [square]})
    mask = outlines.material(drawn, SHAPE, SPACING)
    assert mask.sum() == 36 and mask[3, 30:36, 10:16].all()
    assert drawn.drawn == [3]


def test_slipped_level_is_measured_across_its_oblique_line() -> None:
    slipped = np.array([[20.0, 20.0], [32.0, 36.0]])  # 20 voxels long
    away = np.array([0.8, -0.6]) * 4.0  # 4 voxels at right angles, behind the line
    margin = np.stack([slipped[0], slipped[0] + away, slipped[1] + away, slipped[1]])
    drawn = herniation({0: margin}, slipped)
    assert outlines.depth_mm(drawn, SPACING) == pytest.approx(2.0, abs=0.03)
    assert outlines.material(drawn, SHAPE, SPACING).sum() == pytest.approx(80, abs=12)


def test_corners_are_interpolated_and_held() -> None:
    drawn = Herniation("001", "L4/L5", "", {2: CORNERS, 6: CORNERS + 4.0}, {}, {})
    assert outlines.corners_at(drawn, 3) == pytest.approx(CORNERS + 1.0)
    assert outlines.corners_at(drawn, 0) == pytest.approx(CORNERS)
    assert outlines.corners_at(drawn, 9) == pytest.approx(CORNERS + 4.0)


def test_parallel_margins_lie_their_distance_apart() -> None:
    line = np.array([[30.0, 10.0], [30.0, 50.0]])
    assert outlines.margin_distances(line, line + np.array([3.0, 0.0]), SPACING) == pytest.approx(1.5)
    assert outlines.margin_distances(line, line, SPACING) == pytest.approx(0.0)


def test_agreement_of_concentric_half_discs() -> None:
    one = herniation({1: half_disc(10.0), 2: half_disc(10.0), 3: half_disc(10.0)})
    other = herniation({1: half_disc(8.0), 2: half_disc(8.0)})
    found = outlines.agreement(one, other, SHAPE, SPACING)
    assert found.mean_mm == pytest.approx(1.0, abs=0.03)
    assert found.high_mm == pytest.approx(1.0, abs=0.1)
    assert found.dice == pytest.approx(2 * 2 * 64 / (3 * 100 + 2 * 64), abs=0.03)
    assert (found.slices_both, found.slices_one) == (2, 1)


def test_agreement_with_oneself_is_perfect() -> None:
    one = herniation({1: half_disc(9.0)})
    found = outlines.agreement(one, one, SHAPE, SPACING)
    assert (found.dice, found.mean_mm, found.slices_one) == (1.0, 0.0, 0)


def test_agreement_without_a_common_slice_has_no_distance() -> None:
    found = outlines.agreement(
        herniation({0: half_disc(9.0)}), herniation({3: half_disc(9.0)}), SHAPE, SPACING
    )
    assert found.dice == 0.0 and np.isnan(found.mean_mm)


def test_expert_material_is_the_label_behind_the_line() -> None:
    disc = np.zeros(SHAPE, bool)
    disc[2, 10:26, 22:38] = True
    mask = outlines.expert_material(herniation({2: half_disc(5.0)}), disc, SPACING)
    assert mask.sum() == 5 * 16 and mask[2, 21:26, 22:38].all()


TOML = """
[[herniation]]
subject = "045"
level = "L5/S1"
notes = "central"
[herniation.corners]
3 = [[20.0, 20.0], [20.0, 40.0]]
[herniation.margins]
3 = [[20.0, 20.0], [26.0, 30.0], [20.0, 40.0]]
[herniation.fragments]
4 = [[[1.0, 1.0], [2.0, 1.0], [2.0, 2.0]]]
"""


def test_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "reader-1.toml"
    path.write_text(TOML)
    (read,) = outlines.read(path)
    assert (read.subject, read.level, read.notes, read.drawn) == ("045", "L5/S1", "central", [3, 4])
    assert read.margins[3][1].tolist() == [26.0, 30.0]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('level = "L5/S1"\n', "", "'level' is missing"),
        ("3 = [[20.0, 20.0], [20.0, 40.0]]\n", "", "no corners"),
        ("[26.0, 30.0]", "[26.0]", "slice 3"),
        ("[2.0, 1.0], [2.0, 2.0]", "[2.0, 1.0]", "at least 3"),
    ],
)
def test_faulty_file_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "reader-7.toml"
    path.write_text(TOML.replace(old, new))
    with pytest.raises(ValueError, match=r"reader-7\.toml: ") as caught:
        outlines.read(path)
    assert says in str(caught.value)


def test_discs_are_counted_from_below() -> None:
    labels = np.zeros((10, 40, 90), np.uint8)
    for top in (10, 40, 70):
        labels[:, 5:35, top : top + 8] = 2
    labels[0, 0, 0] = 2  # a stray voxel is no disc
    for level, row in (("L5/S1", 70), ("L4/L5", 40), ("L3/L4", 10)):
        found = np.argwhere(redraw.disc_of_level(labels, level, (1.0, 1.0, 1.0)))
        assert found[:, 2].min() == row and len(found) == 10 * 30 * 8
    with pytest.raises(ValueError, match="only 3 discs"):
        redraw.disc_of_level(labels, "L2/L3", (1.0, 1.0, 1.0))


def test_grid_and_drawing_fall_on_their_voxels() -> None:
    image = np.zeros((1, 100, 120), np.uint8)
    image[0, 60, 70] = 255
    case = redraw.Case(image, np.zeros(image.shape, bool), np.eye(4), SPACING, (40, 50))
    picture = np.asarray(redraw.picture(case, 0, (0.0, 255.0)).convert("L"))
    bright = np.unravel_index(picture[195:216, 195:216].argmax(), (21, 21))
    assert bright == pytest.approx((10, 10), abs=2)  # voxel (60, 70) is drawn around (205, 205)
    assert redraw._to_picture(np.array([[60.0, 70.0]]), case) == [(205.0, 205.0)]


def test_drawing_holds_the_nodule_that_the_label_leaves_out(data_folder: Path) -> None:
    drawn = redraw.drawings(1)
    graded = {"045": 1, "050": 1, "057": 1, "098": 2, "107": 1, "146": 1, "209": 2, "239": 1}
    assert {s: sum(subject == s for subject, _ in drawn) for s in graded} == graded
    case = redraw.load(data_folder, "045", "L5/S1")
    mask = outlines.material(drawn["045", "L5/S1"], case.shape, case.spacing)
    for index in range(11, 17):  # data/README.md of the public sets: slices 11-16
        assert mask[index].any() and not case.disc[index][mask[index]].all()
