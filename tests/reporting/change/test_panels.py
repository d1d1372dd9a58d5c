from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.draw import polygon2mask

from resorb.reporting.change.panels import PIXEL_MM, Panel, Panels
from resorb.reporting.scene import Kind
from resorb.study import Plane, Volume
from resorb.timepoint import Timepoint
from tests.reporting import spine
from tests.reporting.change import case


def area(panel: Panel, kind: Kind) -> float:
    """What the loops of a kind surround, mm2."""
    inside = np.zeros(panel.scene.pixels.shape, bool)
    for outline in panel.scene.outlines:
        if outline.kind == kind:
            for loop in outline.loops:
                inside ^= polygon2mask(inside.shape, loop[:, ::-1] / PIXEL_MM - 0.5)
    return float(inside.sum() * PIXEL_MM**2)


@pytest.fixture(scope="module")
def panels() -> Panels:
    change = case.change()
    return Panels(change, case.timepoints(), change.at("L4/L5"), change.tracks[0])


def panel(panels: Panels, plane: Plane, n: int) -> Panel:
    return [one for one in panels.panels if one.plane is plane][n]


def test_a_row_holds_every_date_and_the_difference(panels: Panels) -> None:
    told = [(one.plane, one.date, one.difference) for one in panels.panels]
    assert told == [
        (p, n, d) for p in (Plane.SAGITTAL, Plane.AXIAL) for n, d in ((1, False), (2, False), (2, True))
    ]


def test_the_planes_go_through_the_fullest_sections_of_the_date_with_most_of_it(panels: Panels) -> None:
    # The material reaches from 1 to 8 mm to the left, and from 3 mm below to 5 mm above mid-disc.
    assert panels.largest == 0
    assert panels.cut(Plane.SAGITTAL).place_mm == pytest.approx(4.5, abs=2.5)
    assert panels.cut(Plane.AXIAL).place_mm == pytest.approx(1.0, abs=2.5)


def test_a_filled_arrow_points_at_the_herniation_and_a_hollow_one_at_where_it_was(panels: Panels) -> None:
    for plane in (Plane.SAGITTAL, Plane.AXIAL):
        there, gone = (panel(panels, plane, n).scene.arrow for n in (0, 1))
        assert there is not None and gone is not None
        assert not there.hollow and gone.hollow
        assert there.tip == pytest.approx(gone.tip)
        apex = panels.cut(plane).picture(np.array([5.0, 4.0, 1.0]))
        assert np.linalg.norm(there.tip - apex) < 2.0
        assert panel(panels, plane, 2).scene.arrow is None


def test_an_axial_arrow_comes_from_behind_on_the_herniations_own_side(panels: Panels) -> None:
    arrow = panel(panels, Plane.AXIAL, 0).scene.arrow
    assert arrow is not None
    assert (arrow.tail - arrow.tip > 0).all(), "to the patient's left, and behind"


def above(point: Timepoint, rows: int) -> Timepoint:
    """The same date, with the uppermost rows of its field alone."""

    def cut(one: Volume) -> Volume:
        return Volume(one.data[:, :rows], one.affine)

    sagittal = replace(point.study.sagittal, stacks=(cut(point.study.sagittal.volume),))
    return replace(
        point,
        study=replace(point.study, series=(sagittal,), sagittal=sagittal),
        anatomy=replace(point.anatomy, labels=cut(point.anatomy.labels)),
        displaced=cut(point.displaced),
    )


def test_what_a_date_did_not_image_is_not_shown_as_lost() -> None:
    first, last = case.timepoints()
    middle = np.linalg.inv(last.displaced.affine) @ np.append(last.frames[spine.DISPLACED].origin, 1.0)
    change = case.change()
    cropped = (first, above(last, round(float(middle[1]))))
    difference = panel(Panels(change, cropped, change.at("L4/L5"), change.tracks[0]), Plane.SAGITTAL, 2)
    assert area(difference, Kind.LOST) < 2.0 and area(difference, Kind.KEPT) > 10.0


def test_the_difference_shows_what_was_lost_and_what_stayed(panels: Panels) -> None:
    # In the sagittal plane 4 mm deep: 4 mm of 8 mm of height are gone.
    difference = panel(panels, Plane.SAGITTAL, 2)
    assert area(difference, Kind.LOST) == pytest.approx(16.0, rel=0.3)
    assert area(difference, Kind.KEPT) == pytest.approx(16.0, rel=0.3)
    assert area(difference, Kind.GAINED) == 0.0


def test_growth_is_shown_as_plainly_as_loss() -> None:
    first, second = case.timepoints()
    change = case.change()
    grown = Panels(
        change,
        (second, first),
        change.at("L4/L5"),
        change.tracks[0].model_copy(update={"herniations": ((), (1,))}),
    )
    difference = panel(grown, Plane.SAGITTAL, 2)
    assert area(difference, Kind.GAINED) == pytest.approx(16.0, rel=0.3)
    assert area(difference, Kind.LOST) == 0.0


def test_the_former_outline_lies_in_the_same_place_on_the_later_date(panels: Panels) -> None:
    first, second = (panel(panels, Plane.SAGITTAL, n) for n in (0, 1))
    assert area(second, Kind.BEFORE) == pytest.approx(area(first, Kind.DISPLACED), rel=0.02)
    assert area(first, Kind.BEFORE) == 0.0
    assert area(second, Kind.DISPLACED) == 0.0, "no herniation was found: what is left is a bulge"
    assert area(second, Kind.BEHIND) > 5.0


def test_pictures_have_one_scale_and_the_letters_of_their_plane(panels: Panels) -> None:
    assert len({(one.scene.width_mm, one.scene.pixels.shape) for one in panels.panels}) == 1
    assert panel(panels, Plane.SAGITTAL, 0).scene.letters == ("A", "P", "S", "I")
    assert panel(panels, Plane.AXIAL, 0).scene.letters == ("R", "L", "A", "P")
    assert [name.text for name in panel(panels, Plane.SAGITTAL, 0).scene.names] == ["L4", "L5"]


def test_the_herniation_that_is_followed_decides_the_plane_not_its_neighbour() -> None:
    first, second = case.timepoints()
    other = case.herniation().model_copy(
        update={"number": 2, "centre": (-7.5, -3.0, 1.0), "apex": (-7.5, -4.0, 1.0)}
    )
    small = {name: case.known(3.0) for name in ("width_mm", "height_mm", "depth_mm")}
    mine = case.herniation().model_copy(
        update={"centre": (-1.5, -3.0, 1.0), "apex": (-1.5, -4.0, 1.0), **small}
    )
    discs = tuple(
        disc.model_copy(update={"herniations": (mine, other)}) if disc.level == "L4/L5" else disc
        for disc in first.reading.discs
    )
    first = replace(first, reading=first.reading.model_copy(update={"discs": discs}))
    change = case.change()
    shown = Panels(change, (first, second), change.at(str(spine.DISPLACED)), change.tracks[0])
    assert shown.cut(Plane.SAGITTAL).place_mm < 4.5
