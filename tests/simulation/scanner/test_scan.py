from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resorb.anatomy import Structure, anatomy_index
from resorb.errors import UsageError
from resorb.simulation.phantom import Displaced, Tissues
from resorb.simulation.scanner import acquire
from resorb.simulation.scanner.scan import Scan
from resorb.simulation.spec import HerniationSpec, ScannerSpec
from resorb.simulation.tissue import Tissue
from resorb.study import FloatArray, Volume
from tests.simulation import toy
from tests.simulation.scanner.blocks import CLEAN, Rigid, crossing, filled, halves, turned

SAC = anatomy_index(Structure.THECAL_SAC)
STILL = Rigid()


def spec(**wish: Any) -> ScannerSpec:
    return CLEAN.model_copy(update=wish)


def seen(scan: Scan, stack: int = 0) -> FloatArray:
    """The image as (slice from the right, row downwards, column backwards), float."""
    return scan.stacks[stack].sagittal().data.astype(np.float64)


def grey(scan: Scan, world: tuple[float, float, float]) -> float:
    """Mean grey of 5 x 5 pixels about a world point."""
    stack = scan.stacks[0]
    i, j, k = np.rint(stack.to_index(world)).astype(int)
    return float(stack.data[i - 2 : i + 3, j - 2 : j + 3, k].mean())


@pytest.mark.parametrize("slice_mm", [2.0, 5.0])
@pytest.mark.parametrize("axis", [1, 2])
def test_an_edge_stands_at_half_maximum_where_geometry_puts_it(slice_mm: float, axis: int) -> None:
    phantom = halves(Tissue.CSF, Tissue.CORTEX, axis, -10.0)
    scan = acquire(phantom, STILL, spec(slice_mm=slice_mm, gap_mm=0.3, pixel_mm=0.6), 3)
    stack = scan.stacks[0].sagittal()
    middle = stack.to_index([0.0, -10.0, -20.0 if axis == 1 else -10.0]).round().astype(int)
    along = 3 - axis  # the array axis along which the edge is crossed: rows run down, columns back
    band = stack.data[1][:, middle[2] - 40 : middle[2] + 40]
    if axis == 1:
        band = stack.data[1][middle[1] - 40 : middle[1] + 40].T
    profile = band.mean(1).astype(np.float64)[middle[along] - 30 : middle[along] + 30]
    at = crossing(profile, 0.5 * (np.percentile(profile, 90) + np.percentile(profile, 10)))
    index = middle.astype(np.float64)
    index[0], index[along] = 1, at + middle[along] - 30
    assert abs(stack.to_world(index)[axis] + 10.0) < 0.05


@pytest.mark.parametrize(("deg", "shift"), [(1.0, 0.0), (-6.0, 0.3), (7.0, -0.2)])
def test_image_and_labels_agree_on_oblique_edges(deg: float, shift: float) -> None:
    phantom = halves(Tissue.CSF, Tissue.CORTEX, 1, -10.0)
    pose = turned(deg, 0, (0.0, shift, 0.0))  # nods: the edge runs obliquely through the image
    scan = acquire(phantom, pose, spec(pixel_mm=0.6), 0)
    image, labels = scan.stacks[0].sagittal(), scan.labels[0].sagittal()
    inside = labels.data[1] == SAC
    off = []
    for row in range(110, 190):
        first = int(inside[row].argmax())  # the first column behind the edge
        profile = image.data[1, row, first - 12 : first + 12].astype(np.float64)
        half = 0.5 * (image.data[1, row, first + 10 : first + 40].mean() + profile[:6].mean())
        at = pose.to_rest(image.to_world([1, row, first - 12 + crossing(profile, half)]))
        between = pose.to_rest(image.to_world([1, row, first - 0.5]))
        off.append((at[1] + 10.0, between[1] + 10.0))
    by_image, by_labels = np.mean(off, axis=0)
    assert abs(by_image) < 0.05 and abs(by_labels) < 0.05


def test_partial_volume_is_the_share_of_the_slice() -> None:
    # An edge at right angles to the slices: what a slice shows is how much of it is CSF.
    phantom = halves(Tissue.CSF, Tissue.CORTEX, 0, 0.0)
    for shift in (-1.0, 0.0, 1.0):
        scan = acquire(phantom, turned(0, 0, (shift, 0, 0)), spec(slice_mm=4, gap_mm=0, slices=3), 1)
        image = scan.stacks[0].sagittal()
        x = image.to_world([1.0, 100.0, 100.0])[0]
        tilt = image.directions[:, 0]
        assert abs(tilt[0]) > 0.99
        full = image.data[2, 95:105, 95:105].mean()
        share = image.data[1, 95:105, 95:105].mean() / full
        assert share == pytest.approx(np.clip(0.5 + (shift - x) / 4, 0, 1), abs=0.06)


@pytest.mark.parametrize("plane", ["sagittal", "axial"])
def test_labels_are_those_of_the_phantom_at_the_voxel_centres(plane: str) -> None:
    phantom, pose = toy.phantom(1.0), turned(4.0, 2, (3.0, -2.0, 5.0))
    scan = acquire(
        phantom, pose, ScannerSpec.model_validate({"plane": plane, "slices": 3, "pixel_mm": 1.0}), 0
    )
    for labels in scan.labels:
        index = np.random.default_rng(0).integers(0, labels.shape, (4000, 3))
        rest = (pose.to_rest(labels.to_world(index)) - phantom.fine.origin) / phantom.fine.pitch_mm
        whole = np.rint(rest).astype(int)
        held = ((whole >= 0) & (whole < phantom.anatomy.shape)).all(1)
        safe = held & (np.abs(rest - np.floor(rest) - 0.5) > 0.02).all(1)  # not on a border of voxels
        found = labels.data[tuple(index[safe].T)]
        assert np.array_equal(found, phantom.anatomy[tuple(whole[safe].T)])
        assert (labels.data[tuple(index[~held].T)] == 0).all()


def test_displaced_material_is_marked_with_its_number() -> None:
    spine = toy.phantom(0.5)
    fine = Tissues(spine.fine.tissue.copy(), spine.fine.mix, spine.fine.affine)
    found: list[Displaced] = []
    for centre, radius in (((4.0, -4.0, 0.0), 4.0), ((-4.0, -4.0, 30.0), 3.0)):
        window = fine.window(np.array(centre) - radius - 2, np.array(centre) + radius + 2)
        x, y, z = np.meshgrid(*fine.axes(window), indexing="ij")
        distance = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2) - radius
        fine.tissue[window][distance < 0] = Tissue.DISPLACED
        found.append(
            Displaced(
                level=toy.LEVELS[1],
                window=window,
                distance=distance.astype(np.float32),
                mix=np.zeros(distance.shape, np.uint8),
                exit_point=np.array(centre),
                spec=HerniationSpec(level=toy.LEVELS[1], side="left"),
                number=len(found) + 1,
            )
        )
    phantom = replace(spine, fine=fine, displaced=tuple(found))
    volume = acquire(phantom, turned(5, 2), spec(pixel_mm=0.5, slice_mm=2, gap_mm=0, slices=15), 0).displaced[
        0
    ]
    for number, radius in ((1, 4.0), (2, 3.0)):
        ball = 4 / 3 * np.pi * radius**3
        assert (volume.data == number).sum() * volume.voxel_volume_mm3 == pytest.approx(ball, rel=0.05)


@settings(max_examples=5, deadline=None)
@given(st.floats(-12, 12), st.floats(-12, 12))
def test_axial_stacks_lie_along_the_discs(nod: float, lean: float) -> None:
    pose = Rigid(turned(nod, 0).move @ turned(lean, 1).move)
    scan = acquire(toy.phantom(2.0), pose, spec(plane="axial"), 0)
    disc_normal = pose.move[:3, 2]
    assert len(scan.stacks) == 3
    for stack, level in zip(scan.stacks, toy.LEVELS, strict=True):
        normal = np.cross(stack.directions[:, 0], stack.directions[:, 1])
        angle = np.degrees(np.arccos(min(abs(float(normal @ disc_normal)), 1.0)))
        assert angle < 0.1
        middle = toy.middle_z(level.upper) - (toy.BODY_MM + toy.DISC_MM) / 2
        centre = pose.move[:3, :3] @ [0.0, toy.DEPTH_MM / 2, middle]
        assert abs((stack.to_world([0, 0, 1.0]) - centre) @ disc_normal) < 0.01


def test_gaps_and_pixels_are_as_asked_and_voxels_where_the_affine_says() -> None:
    scan = acquire(toy.phantom(1.0), STILL, spec(slice_mm=3, gap_mm=0.6, pixel_mm=0.5), 0)
    stack = scan.stacks[0]
    assert stack.spacing_mm == pytest.approx([0.5, 0.5, 3.6])
    assert stack.data.dtype == np.int16 and scan.labels[0].data.dtype == np.uint16
    assert scan.labels[0].affine == pytest.approx(stack.affine)
    sac, body = (0.0, -10.0, 0.0), (0.0, 17.0, toy.middle_z("L4"))
    assert grey(scan, sac) > 5 * grey(scan, body)


def test_every_storage_order_shows_the_same_world() -> None:
    phantom = toy.phantom(2.0)
    by_vendor = [acquire(phantom, STILL, spec(vendor=v, slices=4), 5) for v in ("siemens", "philips")]
    assert (
        by_vendor[0].stacks[0].affine[0, 2] * by_vendor[1].stacks[0].affine[0, 2] < 0
    )  # stored the other way
    first, second = (seen(scan) for scan in by_vendor)
    assert np.array_equal(by_vendor[0].labels[0].sagittal().data, by_vendor[1].labels[0].sagittal().data)
    assert by_vendor[0].stacks[0].sagittal().affine == pytest.approx(by_vendor[1].stacks[0].sagittal().affine)
    assert first / first.max() == pytest.approx(second / second.max(), abs=0.003)


def test_same_seed_same_bytes() -> None:
    phantom, wish = toy.phantom(2.0), ScannerSpec(slices=3, pixel_mm=1.0)
    a, b, c = (acquire(phantom, STILL, wish, seed) for seed in (1, 1, 2))
    assert a.stacks[0].data.tobytes() == b.stacks[0].data.tobytes()
    assert a.labels[0].data.tobytes() == b.labels[0].data.tobytes()
    assert a.stacks[0].data.tobytes() != c.stacks[0].data.tobytes()


def test_greys_are_those_of_the_table() -> None:
    for tissue, mix in ((Tissue.MARROW, 100), (Tissue.NUCLEUS, 0), (Tissue.MUSCLE, 30)):
        scan = acquire(filled(tissue, mix), STILL, spec(), 0)
        ratio = grey(scan, (0.0, 25.0, 10.0)) / grey(scan, (0.0, -12.0, 10.0))
        assert ratio == pytest.approx(scan.signals.of(tissue, mix), rel=0.01)


@pytest.mark.parametrize("snr", [12, 40])
def test_noise_has_the_snr_that_is_asked_for(snr: float) -> None:
    scan = acquire(filled(Tissue.CSF), STILL, spec(snr=snr), 0)
    stack = scan.stacks[0]
    i, j, _ = np.rint(stack.to_index([0.0, 0.0, 0.0])).astype(int)
    region = stack.data[i - 20 : i + 20, j - 50 : j + 50].astype(np.float64)
    assert region.mean() / region.std() == pytest.approx(snr, rel=0.04)
    air = stack.data[4:35].astype(np.float64)
    assert air.mean() * snr / region.mean() == pytest.approx(np.sqrt(np.pi / 2), rel=0.05)


def test_vessels_are_void() -> None:
    scan = acquire(filled(Tissue.VESSEL), STILL, spec(), 0)
    assert grey(scan, (0.0, 25.0, 10.0)) < 0.01 * grey(scan, (0.0, -12.0, 10.0))


def _edge_mm(first: Tissue, second: Tissue, wish: ScannerSpec) -> float:
    """Where the front border (y) of CSF-labelled tissue stands in the image."""
    stack = acquire(halves(first, second, 1, -10.0), STILL, wish, 0).stacks[0].sagittal()
    i, j, k = np.rint(stack.to_index([0.0, -10.0, 0.0])).astype(int)
    profile = stack.data[i, j - 20 : j + 20, k - 15 : k + 15].mean(0).astype(np.float64)
    at = crossing(profile, 0.5 * (profile[:6].mean() + profile[-6:].mean()))
    return float(stack.to_world([i, j, k - 15 + at])[1])


def test_chemical_shift_moves_fat_by_what_is_asked_and_nothing_else() -> None:
    wish = spec(chemical_shift_px=1.5, pixel_mm=0.6)
    assert _edge_mm(Tissue.CSF, Tissue.CORTEX, wish) == pytest.approx(-10.0, abs=0.05)
    assert abs(_edge_mm(Tissue.FAT, Tissue.CORTEX, wish) + 10.0) == pytest.approx(0.9, abs=0.06)
    across = spec(
        chemical_shift_px=1.5, pixel_mm=0.6, vendor="ge"
    )  # frequency along the columns: the edge does not move
    assert _edge_mm(Tissue.FAT, Tissue.CORTEX, across) == pytest.approx(-10.0, abs=0.05)


@pytest.mark.parametrize(
    "wish",
    [
        {"shading": 0.8},
        {"ghosting": 0.8},
        {"flow_void": 0.8},
        {"chemical_shift_px": 2.0},
        {"saturation": 0.8},
    ],
)
def test_each_artefact_can_be_on_and_off(wish: dict[str, float]) -> None:
    phantom = toy.phantom(2.0)
    off, on = (seen(acquire(phantom, STILL, spec(**w), 0)) for w in ({}, wish))
    assert np.abs(on / np.median(on[on > 50]) - off / np.median(off[off > 50])).max() > 0.05
    assert np.array_equal(off, seen(acquire(phantom, STILL, spec(**dict.fromkeys(wish, 0)), 0)))


def test_shading_is_bright_near_the_back_and_leaves_csf_its_grey() -> None:
    plain, shaded = (acquire(filled(Tissue.MUSCLE), STILL, spec(shading=s), 0) for s in (0.0, 1.0))
    back, front = (0.0, -33.0, 0.0), (0.0, 33.0, 0.0)
    assert grey(plain, back) == pytest.approx(grey(plain, front), rel=0.05)
    assert grey(shaded, back) > 1.5 * grey(shaded, front)
    assert grey(shaded, (0.0, -12.0, 0.0)) == pytest.approx(grey(plain, (0.0, -12.0, 0.0)), rel=0.1)


def test_the_saturation_band_spares_the_spine() -> None:
    phantom = toy.phantom(2.0)
    off, on = (acquire(phantom, STILL, spec(saturation=s), 0) for s in (0.0, 1.0))
    for z in (-60.0, 0.0, 60.0):
        assert grey(on, (0.0, toy.DEPTH_MM - 2, z)) == pytest.approx(
            grey(off, (0.0, toy.DEPTH_MM - 2, z)), rel=0.05
        )
        assert grey(on, (0.0, 80.0, z)) < 0.5 * grey(off, (0.0, 80.0, z))


def test_clipping_takes_the_share_that_is_asked_for() -> None:
    scan = acquire(filled(Tissue.MUSCLE), STILL, spec(clip=0.4, snr=25), 0)
    csf = scan.stacks[0].data[scan.labels[0].data == SAC]
    assert (csf == csf.max()).mean() == pytest.approx(0.4, abs=0.03)
    free = acquire(filled(Tissue.MUSCLE), STILL, spec(snr=25), 0)
    csf = free.stacks[0].data[free.labels[0].data == SAC]
    assert (csf == csf.max()).mean() < 0.001


def test_flow_voids_darken_csf_only_and_mostly_at_the_back_of_the_sac() -> None:
    phantom = toy.phantom(1.0)
    off, on = (acquire(phantom, STILL, spec(flow_void=f), 0) for f in (0.0, 1.0))
    lost = seen(off) - seen(on)
    sac = off.labels[0].sagittal().data == SAC
    away = off.labels[0].sagittal().data == anatomy_index(Structure.VERTEBRAL_BODY, "L4")
    assert lost[sac].mean() > 0.03 * seen(off)[sac].mean()
    assert np.abs(lost[away]).max() < 0.05 * seen(off)[sac].mean()
    y = Volume(sac, off.labels[0].sagittal().affine).to_world(np.argwhere(sac))[:, 1]
    back = y < np.median(y)
    assert lost[sac][back].mean() > 2 * abs(lost[sac][~back].mean())


def test_a_series_is_whole_where_the_phantom_ends() -> None:
    # No seam of the fine grid's border in the fat: neighbouring pixels differ no more there than elsewhere.
    scan = acquire(toy.phantom(1.0), STILL, spec(), 0)
    image, stack = seen(scan)[1], scan.stacks[0].sagittal()
    _, row, column = np.rint(stack.to_index([0.0, 41.0, 30.0])).astype(int)
    around = image[row - 12 : row + 12, column - 18 : column + 5]
    assert np.abs(np.diff(around.mean(0))).max() < 0.04 * around.mean()


def test_a_level_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="L1/L2"):
        acquire(
            toy.phantom(2.0), STILL, ScannerSpec.model_validate({"plane": "axial", "stacks": ["L1/L2"]}), 0
        )


def test_facts_carry_the_names_that_readers_know() -> None:
    facts = acquire(toy.phantom(2.0), STILL, spec(slices=3, pixel_mm=1.0), 0).sequence
    assert facts["manufacturer"] == "siemens" and facts["acquisition"] == "2D" and facts["tr_ms"] == 3500
