from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import resorb
from resorb.anatomy import Structure, anatomy_index
from resorb.errors import UsageError
from resorb.reading import Reading
from resorb.simulation.implant import implant, remove
from resorb.simulation.spec import HerniationSpec
from tests.simulation.implant.scan import LEVEL, scan

SPEC = HerniationSpec(
    level=LEVEL,
    type="protrusion",
    zone="paracentral",
    side="left",
    depth_mm=7.0,
    width_mm=13.0,
    height_mm=9.0,
)


@pytest.mark.parametrize("spacing", [(0.9, 0.5, 0.5), (4.0, 0.6, 0.6)])
def test_what_was_put_in_and_taken_out_leaves_the_scan_about_as_it_was(
    spacing: tuple[float, float, float],
) -> None:
    given = scan(spacing)
    with_it = implant(given.image, given.labels, SPEC, 3)
    without = remove(with_it.image, with_it.labels, LEVEL, with_it.displaced)
    where = with_it.displaced.data > 0.5
    before, between, after = (
        v.data.astype(float)[where] for v in (given.image, with_it.image, without.image)
    )
    assert np.abs(between - before).mean() > 60
    assert np.abs(after - before).mean() < 0.35 * np.abs(between - before).mean()
    disc = anatomy_index(Structure.DISC, "L4")
    reached = given.labels.to_world(np.argwhere(without.labels.data == disc))[:, 1].min()
    assert reached > -1.0
    sac = anatomy_index(Structure.THECAL_SAC)
    counts = [np.count_nonzero(v.data == sac) for v in (given.labels, without.labels)]
    assert counts[1] == pytest.approx(counts[0], rel=0.02)


def test_the_rest_of_the_scan_stays_to_the_bit() -> None:
    given = scan()
    with_it = implant(given.image, given.labels, SPEC, 3)
    without = remove(with_it.image, with_it.labels, LEVEL)
    world = given.image.to_world(np.moveaxis(np.indices(given.image.shape), 0, -1))
    away = (np.abs(world[..., 2]) > 22) | (world[..., 1] > 4) | (world[..., 1] < -23)
    assert np.array_equal(without.image.data[away], given.image.data[away])
    assert without.image.data.dtype == given.image.data.dtype
    assert without.truth["depth_mm"] == pytest.approx(7.0, abs=0.6)


def test_nothing_displaced_is_refused() -> None:
    given = scan((2.0, 0.8, 0.8))
    with pytest.raises(UsageError, match="nothing is displaced at L4/L5"):
        remove(given.image, given.labels, LEVEL)


@pytest.fixture(scope="module")
def sub_146(data_folder: Path) -> tuple[Reading, Reading]:
    """Read as it is, and blind once its L4/L5 displacement is taken away."""
    study = resorb.load(data_folder / "spider-t2space" / "sub-146_T2w.nii.gz")
    anatomy = resorb.segment(study)
    before = resorb.measure(study, anatomy).reading
    removed = remove(study.sagittal.volume, anatomy.labels, LEVEL)
    series = replace(study.sagittal, stacks=(removed.image,))
    changed = replace(study, sagittal=series, series=(series,))
    return before, resorb.measure(changed, resorb.segment(changed)).reading


@pytest.mark.slow
def test_the_focal_displacement_of_sub_146_is_taken_away(sub_146: tuple[Reading, Reading]) -> None:
    """No focal displacement there, the other levels as before (at the slab's edge, L5/S1, a root is disc on both)."""
    before, after = sub_146
    assert [disc.level for disc in after.discs] == [disc.level for disc in before.discs]
    for old, new in zip(before.discs, after.discs, strict=True):
        if old.level == str(LEVEL):
            assert "focal" in old.flags
            assert "focal" not in new.flags
            continue
        assert ("focal" in old.flags) == ("focal" in new.flags)
        assert ("displaced" in old.flags) == ("displaced" in new.flags)
        assert (old.depth_mm.at_least is None) == (new.depth_mm.at_least is None)
        if old.depth_mm.at_least is not None:
            assert new.depth_mm.at_least == pytest.approx(old.depth_mm.at_least, abs=0.5)
