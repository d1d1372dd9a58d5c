from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from resorb.anatomy import STRUCTURE_STEP, Structure
from resorb.simulation.spec import SpineSpec
from resorb.simulation.spine import make_spine
from resorb.simulation.tissue import Tissue
from tests.simulation.spine.skeleton_cases import index, painted

COARSE_MM = 3.0


@pytest.mark.parametrize("bodies", [4, 5, 6])
def test_a_spine_has_every_structure_of_every_vertebra(bodies: int) -> None:
    phantom = make_spine(SpineSpec.model_validate({"seed": 1, "lumbar_bodies": bodies}), pitch_mm=COARSE_MM)
    names = ["T11", "T12", *(f"L{n + 1}" for n in range(bodies)), "S1"]
    assert list(phantom.vertebrae) == names
    assert [str(level) for level in phantom.levels] == [f"{a}/{b}" for a, b in pairwise(names)]
    found, counts = np.unique(phantom.anatomy, return_counts=True)
    structures = found // STRUCTURE_STEP
    assert (structures == Structure.VERTEBRAL_BODY).sum() == len(names) - 1
    assert (structures == Structure.POSTERIOR_ELEMENTS).sum() == len(names) - 1
    assert (structures == Structure.DISC).sum() == len(names) - 1
    assert (structures == Structure.SACRUM).sum() == 1
    assert (counts[(structures >= 1) & (structures <= 4)] > 100).all()
    assert set(phantom.facets) == set(phantom.discs)


def test_the_same_seed_gives_the_same_bytes() -> None:
    spec = SpineSpec(seed=77, variety=0.6)
    first, second = make_spine(spec, pitch_mm=COARSE_MM), make_spine(spec, pitch_mm=COARSE_MM)
    assert first.fine.tissue.tobytes() == second.fine.tissue.tobytes()
    assert first.fine.mix.tobytes() == second.fine.mix.tobytes()
    assert first.anatomy.tobytes() == second.anatomy.tobytes()
    assert first.around.tissue.tobytes() == second.around.tissue.tobytes()
    other = make_spine(SpineSpec(seed=78, variety=0.6), pitch_mm=COARSE_MM)
    assert other.anatomy.shape != first.anatomy.shape or (other.anatomy != first.anatomy).any()


def test_without_scoliosis_the_skeleton_is_symmetric() -> None:
    _, canvas = painted(1.0, seed=11, variety=0.0, scoliosis_deg=0.0)
    differ = canvas.anatomy != canvas.anatomy[::-1]
    assert differ.sum() < 0.05 * (canvas.anatomy > 0).sum()  # surfaces are uneven
    arches = canvas.anatomy // STRUCTURE_STEP == Structure.POSTERIOR_ELEMENTS
    beside = np.abs(np.arange(len(arches)) - (len(arches) - 1) / 2) > 12.0
    assert (differ & arches)[beside].sum() < 1e-2 * arches[beside].sum()


def test_labels_and_tissues_agree() -> None:
    _, canvas = painted(1.0, seed=12, variety=0.8)
    structure, tissue = canvas.anatomy // STRUCTURE_STEP, canvas.fine.tissue
    bones = np.isin(structure, [Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS])
    assert np.isin(tissue[bones], [Tissue.CORTEX, Tissue.MARROW, Tissue.VEIN]).all()
    assert np.isin(tissue[structure == Structure.DISC], [Tissue.ANNULUS, Tissue.ENDPLATE]).all()
    assert np.isin(tissue[structure == 0], [Tissue.FAT, Tissue.JOINT]).all()


def test_the_whole_spine_lies_in_the_field() -> None:
    plan, canvas = painted(1.0, seed=12, variety=0.8)
    for body in plan.vertebrae[:-1]:
        for point in (body.wall()[0], body.wall()[-1], body.pose[:3, 3]):
            at = np.array([part.item() for part in index(canvas, point)])
            assert (at > 2).all() and (at < np.array(canvas.shape) - 3).all()
    labels = canvas.anatomy
    for face in (labels[:, -8:], labels[:, :2], labels[:, :, -3:]):
        assert not np.isin(face // STRUCTURE_STEP, [1, 2, 4]).any()
