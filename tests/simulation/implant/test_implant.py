from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from resorb.anatomy import Level, Structure, anatomy_index
from resorb.errors import UsageError
from resorb.simulation.implant import Implanted, implant
from resorb.simulation.spec import HerniationSpec
from resorb.study import FloatArray, Volume
from tests.simulation.implant.scan import LEVEL, Scan, scan, stored

DISC = anatomy_index(Structure.DISC, "L4")
SAC = anatomy_index(Structure.THECAL_SAC)


def request(**changes: Any) -> HerniationSpec:
    asked: dict[str, Any] = {
        "level": LEVEL, "type": "protrusion", "zone": "central", "depth_mm": 7.0, "width_mm": 14.0,
        "height_mm": 9.0, "brightness": 0.1,
    }  # fmt: skip
    return HerniationSpec(**(asked | changes))


@pytest.fixture(scope="module")
def plain() -> Scan:
    return scan()


@pytest.fixture(scope="module")
def coarse() -> Scan:
    return scan((2.0, 0.8, 0.8))


@pytest.fixture(scope="module")
def done(plain: Scan) -> Implanted:
    return implant(plain.image, plain.labels, request(), 1)


def extent(result: Implanted) -> FloatArray:
    """(2, 3) world limits of what is at least half displaced, to the voxels' faces."""
    index = np.argwhere(result.displaced.data >= 0.5)
    world = result.displaced.to_world(index)
    half = result.displaced.spacing_mm / 2
    return np.stack([world.min(axis=0) - half, world.max(axis=0) + half])


def volume_of(result: Implanted) -> float:
    return float(result.displaced.data.sum(dtype=np.float64)) * result.displaced.voxel_volume_mm3


def frequency(given: Scan) -> FloatArray:
    """The higher of a slice's two spatial frequencies, as a share of Nyquist's."""
    rows, columns = (np.abs(2 * np.fft.fftfreq(n)) for n in given.image.shape[1:])
    return np.asarray(np.maximum(rows[:, None], columns))


def zero_filled() -> Scan:
    """A scan of which half the frequencies along each axis of its slices were measured."""
    given = scan(dtype=np.float32)
    spectrum = np.fft.fft2(given.image.data, axes=(1, 2)) * (frequency(given) <= 0.5)
    image = given.image.with_data(np.fft.ifft2(spectrum, axes=(1, 2)).real.astype(np.float32))
    return Scan(image, given.labels)


def test_half_an_ellipsoid_has_its_closed_form(plain: Scan) -> None:
    volume = 2 / 3 * np.pi * 7.0 * 7.0 * 4.5
    result = implant(plain.image, plain.labels, request(volume_mm3=volume), 1, roughness=0.0)
    assert result.truth["volume_mm3"] == pytest.approx(volume, rel=0.02)
    assert result.truth["seen_volume_mm3"] == pytest.approx(volume_of(result), rel=1e-4)
    assert volume_of(result) == pytest.approx(volume, rel=0.03)
    low, high = extent(result)
    assert -low[1] == pytest.approx(7.0, abs=0.4)  # the posterior walls lie in the plane y = 0
    assert high[0] - low[0] == pytest.approx(14.0, abs=1.0)
    assert high[2] - low[2] == pytest.approx(9.0, abs=0.6)
    at = result.displaced.to_index([0.0, -3.5, 0.0]).round().astype(int)
    width = result.displaced.data[:, at[1], at[2]].sum() * result.displaced.spacing_mm[0]
    assert width == pytest.approx(14.0 * np.sqrt(1 - 0.25), rel=0.06)


@settings(max_examples=4)
@given(
    depth=st.floats(4.0, 9.0),
    kind=st.sampled_from(["protrusion", "extrusion", "sequestration"]),
    side=st.sampled_from(["left", "right"]),
    seed=st.integers(0, 99),
)
def test_what_was_asked_for_is_there_on_the_side_it_was_asked_for(
    plain: Scan, depth: float, kind: str, side: str, seed: int
) -> None:
    spec = request(type=kind, zone="paracentral", side=side, depth_mm=depth, height_mm=11.0)
    result = implant(plain.image, plain.labels, spec, seed)
    assert result.truth["depth_mm"] == pytest.approx(depth, abs=0.25)
    low, high = extent(result)
    assert -low[1] == pytest.approx(depth, abs=0.7)
    assert high[0] - low[0] == pytest.approx(14.0, abs=2.0)
    assert volume_of(result) == pytest.approx(result.truth["volume_mm3"], rel=0.05)
    middle = ndimage.center_of_mass(result.displaced.data)
    left = -result.displaced.to_world(middle)[0]
    assert left == pytest.approx(5.0 if side == "left" else -5.0, abs=1.5)


def test_voxels_where_nothing_moved_are_the_same_to_the_bit(plain: Scan, done: Implanted) -> None:
    world = plain.image.to_world(np.moveaxis(np.indices(plain.image.shape), 0, -1))
    away = (np.abs(world[..., 2]) > 22) | (world[..., 1] > 4) | (world[..., 1] < -22)
    assert np.array_equal(done.image.data[away], plain.image.data[away])
    assert not np.array_equal(done.image.data, plain.image.data)


def test_edges_are_no_sharper_than_a_scan_that_was_filled_up_with_zeros() -> None:
    given = zero_filled()
    change = implant(given.image, given.labels, request(), 1).image.data - given.image.data
    power = np.abs(np.fft.fft2(change, axes=(1, 2))) ** 2
    assert power[:, frequency(given) > 0.7].sum() < 1e-4 * power.sum()


def test_the_disc_gets_the_material_the_sac_loses_it_and_bone_stays(plain: Scan, done: Implanted) -> None:
    before, after = plain.labels.data, done.labels.data
    inside = done.displaced.data >= 0.5
    assert (after[inside] == DISC).all()
    assert np.count_nonzero(after == SAC) < np.count_nonzero(before == SAC)
    assert not (after[inside] == SAC).any()
    for structure in (Structure.VERTEBRAL_BODY, Structure.SACRUM, Structure.POSTERIOR_ELEMENTS):
        assert np.array_equal(after // 100 == structure, before // 100 == structure)
    assert not done.displaced.data[before // 100 == Structure.VERTEBRAL_BODY].any()


def test_material_looks_like_the_disc_and_the_sac_goes_on_behind_it(plain: Scan, done: Implanted) -> None:
    core = ndimage.binary_erosion(done.displaced.data > 0.99, iterations=2)
    disc = ndimage.binary_erosion(plain.labels.data == DISC, iterations=2)
    assert done.image.data[core].mean() == pytest.approx(plain.image.data[disc].mean(), abs=6)
    at = plain.image.to_index([0.0, -11.0, 0.0]).round().astype(int)
    assert done.image.data[tuple(at)] > 180


def test_noise_inside_is_the_noise_outside() -> None:
    # Of a scan with a sharp band: where power falls off gradually, the band found ends before the noise does.
    # 2 mm inside, because edges of such a scan ring.
    plain = zero_filled()
    done = implant(plain.image, plain.labels, request(), 1)
    core = ndimage.binary_erosion(done.displaced.data > 0.99, np.ones((1, 3, 3)), iterations=4)
    disc = ndimage.binary_erosion(plain.labels.data == DISC, np.ones((1, 3, 3)), iterations=4)

    def rest(data: FloatArray) -> FloatArray:
        return np.asarray(data - ndimage.gaussian_filter(data, (0, 2, 2)))

    here, there = rest(done.image.data.astype(float)), rest(plain.image.data.astype(float))
    assert here[core].std() == pytest.approx(there[disc].std(), rel=0.2)
    for axis in (1, 2):
        pairs = [
            np.corrcoef(
                field[where & np.roll(where, -1, axis)],
                np.roll(field, -1, axis)[where & np.roll(where, -1, axis)],
            )
            for field, where in ((here, core), (there, disc))
        ]
        assert pairs[0][0, 1] == pytest.approx(pairs[1][0, 1], abs=0.2)


@pytest.mark.parametrize(
    ("axes", "flips"),
    [((2, 1, 0), (False, True, False)), ((1, 0, 2), (True, True, True)), ((1, 2, 0), (False, False, True))],
)
def test_storage_order_does_not_matter(
    plain: Scan, done: Implanted, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> None:
    result = implant(stored(plain.image, axes, flips), stored(plain.labels, axes, flips), request(), 1)
    expected = stored(done.image, axes, flips)
    assert np.array_equal(result.image.data, expected.data)
    assert np.allclose(result.image.affine, expected.affine)
    assert result.truth == pytest.approx(done.truth)


@pytest.mark.parametrize("spacing", [(4.0, 0.6, 0.6), (5.0, 0.9, 0.9), (1.0, 1.0, 1.0)])
def test_slices_of_any_thickness_hold_the_same_material(
    done: Implanted, spacing: tuple[float, float, float]
) -> None:
    other = scan(spacing)
    result = implant(other.image, other.labels, request(), 1)
    assert volume_of(result) == pytest.approx(volume_of(done), rel=0.05)
    assert result.truth["depth_mm"] == pytest.approx(7.0, abs=0.2)


def test_a_tilted_scan_holds_the_same_material(plain: Scan, done: Implanted) -> None:
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    image, labels = (Volume(v.data, turn @ v.affine) for v in (plain.image, plain.labels))
    result = implant(image, labels, request(), 1)
    assert volume_of(result) == pytest.approx(volume_of(done), rel=0.03)
    assert np.abs(result.displaced.data - done.displaced.data).max() < 0.3


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_the_dtype_and_the_range_stay(dtype: type[np.generic]) -> None:
    given = scan((2.0, 0.8, 0.8), dtype=dtype)
    result = implant(given.image, given.labels, request(), 1)
    assert result.image.data.dtype == dtype
    assert result.image.data.min() >= given.image.data.min()
    assert result.image.data.max() <= given.image.data.max()
    assert result.labels.data.dtype == given.labels.data.dtype


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_shape(coarse: Scan) -> None:
    first, again, other = (implant(coarse.image, coarse.labels, request(), seed) for seed in (1, 1, 2))
    assert again.image.data.tobytes() == first.image.data.tobytes()
    assert not np.array_equal(other.displaced.data, first.displaced.data)


def test_what_is_left_out_is_drawn(coarse: Scan) -> None:
    spec = HerniationSpec(level=LEVEL, type="extrusion", side="left")
    depths = {implant(coarse.image, coarse.labels, spec, seed).truth["depth_mm"] for seed in range(3)}
    assert len(depths) == 3
    assert all(4.0 < depth < 12.0 for depth in depths)


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"depth_mm": 20.0}, "the canal there holds 1[0-9.]+ mm"),
        ({"level": Level("L1", "L2")}, "L1/L2 is not in the scan"),
        ({"zone": "extraforaminal", "side": "left"}, "extraforaminal zone of L4/L5 is not in the scan"),
        ({"depth_mm": 0.5}, "ask for a depth of"),
        ({"volume_mm3": 4000.0}, "holds [0-9]+ mm3, not 4000"),
    ],
)
def test_the_impossible_is_refused_with_its_limit(coarse: Scan, changes: dict[str, Any], limit: str) -> None:
    with pytest.raises(UsageError, match=limit):
        implant(coarse.image, coarse.labels, request(**changes), 1)


def test_labels_of_another_grid_are_refused(coarse: Scan) -> None:
    other = scan((1.0, 1.0, 1.0))
    with pytest.raises(UsageError, match="not on the grid"):
        implant(coarse.image, other.labels, request(), 1)


def test_a_herniation_that_would_lie_in_bone_is_refused(coarse: Scan) -> None:
    left, back, up = np.moveaxis(
        coarse.labels.to_world(np.moveaxis(np.indices(coarse.labels.shape), 0, -1)), -1, 0
    )
    narrow = (left < -6) & (back < -2.5) & (np.abs(up) < 14)
    labels = coarse.labels.with_data(
        np.where(narrow, anatomy_index(Structure.POSTERIOR_ELEMENTS, "L4"), coarse.labels.data).astype(
            np.uint16
        )
    )
    with pytest.raises(UsageError, match=r"would lie in bone: the canal there is [0-9.]+ mm deep"):
        implant(
            coarse.image, labels, request(zone="paracentral", side="left", depth_mm=9.0, width_mm=18.0), 1
        )
