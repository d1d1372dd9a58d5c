"""The embedded model: that it finds the structures of a study it never saw, and looks for them where the spine is."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.anatomy import Structure
from resorb.errors import InputError
from resorb.segmentation.model import EmbeddedModel, Segmentation
from resorb.segmentation.segment import segment
from resorb.simulation.case import SimulatedDate
from resorb.study import Contrast, Plane, Series, Study, Volume


@pytest.fixture(scope="module")
def found(simulated: SimulatedDate) -> Segmentation:
    return EmbeddedModel()(simulated.scans[0].stacks[0].sagittal())


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


@pytest.mark.parametrize(
    ("structure", "floor"),
    [(Structure.VERTEBRAL_BODY, 0.85), (Structure.DISC, 0.75), (Structure.THECAL_SAC, 0.55)],
)
def test_a_synthetic_study_is_segmented(
    found: Segmentation, simulated: SimulatedDate, structure: Structure, floor: float
) -> None:
    """A floor, well below what the model reaches: it trips where the way to the model and back is broken."""
    truth = simulated.scans[0].labels[0].sagittal().data // 100 == structure
    assert dice(found.structures.data == structure, truth) > floor


def test_the_result_lies_on_the_grid_of_the_image(found: Segmentation, simulated: SimulatedDate) -> None:
    image = simulated.scans[0].stacks[0].sagittal()
    assert found.structures.shape == found.probability.shape == image.shape
    np.testing.assert_array_equal(found.structures.affine, image.affine)
    assert found.structures.data.dtype == found.probability.dtype == np.uint8
    assert set(np.unique(found.structures.data)) <= set(Structure)


def test_a_voxels_probability_is_that_of_its_own_structure(found: Segmentation) -> None:
    # The most probable of six is at least a sixth.
    assert found.probability.min() >= 255 // len(Structure)
    inside = found.probability[found.structures.data == Structure.VERTEBRAL_BODY]
    assert np.median(inside) > 0.8 * 255


def study_of(image: Volume) -> Study:
    series = Series(1, (image,), Plane.SAGITTAL, Contrast.T2)
    return Study((series,), series, None, (), (), None, "0" * 64)


def test_what_is_named_otherwise_is_at_most_as_probable_as_the_likelier_name_left_it() -> None:
    structures = Volume(np.full((1, 2, 2), Structure.DISC, np.uint8), np.eye(4))
    told = Segmentation(structures, np.array([[[250, 100], [200, 200]]], np.uint8), "drawn")
    voxels = np.array([[[True, True], [False, True]]])
    named = told.with_structure(voxels, Structure.BACKGROUND)
    assert named.structures.data.tolist() == [[[0, 0], [Structure.DISC, 0]]]
    assert named.probability.tolist() == [[[5, 100], [200, 55]]]
    assert told.probability.tolist() == [[[250, 100], [200, 200]]]


def test_another_storage_order_gives_the_same_anatomy_in_the_world(simulated: SimulatedDate) -> None:
    """Five middle slices, stored as written and stored downwards, leftwards, forwards."""
    middle = simulated.scans[0].stacks[0].sagittal()
    first = middle.shape[0] // 2 - 2
    affine = middle.affine.copy()
    affine[:3, 3] = middle.to_world((first, 0, 0))
    stored = Volume(middle.data[first : first + 5], affine)

    turned = affine[:, [1, 0, 2, 3]].copy()
    turned[:3, 3] = stored.to_world((4, 0, stored.shape[2] - 1))
    turned[:3, 1:3] *= -1
    other = Volume(np.ascontiguousarray(stored.data.transpose(1, 0, 2)[:, ::-1, ::-1]), turned)

    one, two = segment(study_of(stored)), segment(study_of(other))
    assert one.levels == two.levels and len(one.levels) >= 5
    assert two.labels.shape == other.shape
    np.testing.assert_array_equal(two.labels.affine, other.affine)
    index = np.argwhere(one.labels.data > 0)
    there = np.round(other.to_index(stored.to_world(index))).astype(int)
    np.testing.assert_array_equal(two.labels.data[tuple(there.T)], one.labels.data[tuple(index.T)])
    assert np.count_nonzero(two.labels.data) == len(index)
    assert replace(one, labels=two.labels).confidence == two.confidence


PACKAGED = Path(str(resources.files("resorb.segmentation")))


def test_a_candidate_in_a_folder_of_its_own_is_run_and_named(
    simulated: SimulatedDate, tmp_path: Path
) -> None:
    """Only its files count: the network of the package, under another version, gives the package's result."""
    shutil.copy(PACKAGED / "model.onnx", tmp_path)
    facts = json.loads((PACKAGED / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(facts | {"version": "2.0.0-a"}))
    image = simulated.scans[0].stacks[0].sagittal()
    slices = Volume(image.data[5:7], image.affine)
    candidate, packaged = EmbeddedModel(tmp_path)(slices), EmbeddedModel()(slices)
    assert "2.0.0-a" in candidate.source and "2.0.0-a" not in packaged.source
    np.testing.assert_array_equal(candidate.structures.data, packaged.structures.data)


@pytest.mark.parametrize("wrong", ["nothing", "no json", "no network", "another json"])
def test_a_folder_that_holds_no_model_is_refused_in_one_line(tmp_path: Path, wrong: str) -> None:
    if wrong != "nothing":
        (tmp_path / "model.onnx").write_bytes(
            b"no network" if wrong == "no network" else (PACKAGED / "model.onnx").read_bytes()
        )
    if wrong in {"no network", "another json"}:
        text = (PACKAGED / "model.json").read_text()
        (tmp_path / "model.json").write_text(text if wrong == "no network" else '{"version": 1}')
    with pytest.raises(InputError, match=re.escape(str(tmp_path))) as refused:
        EmbeddedModel(tmp_path)
    assert "model.onnx and model.json" in str(refused.value)


def test_progress_ends_at_one(simulated: SimulatedDate) -> None:
    told: list[float] = []
    image = simulated.scans[0].stacks[0].sagittal()
    few = Volume(image.data[:2, :64, :64], image.affine)
    result = EmbeddedModel()(few, lambda _what, fraction: told.append(fraction))
    assert told[0] == 0.5 and told[-1] == 1.0 and told == sorted(told)
    assert result.source.startswith("resorb model ")


@pytest.mark.parametrize("value", [0, 700])
def test_an_image_of_one_grey_is_no_reason_to_fail(value: int) -> None:
    flat = Volume(np.full((1, 40, 40), value, np.int16), np.diag([4.0, 0.7, 0.7, 1.0]))
    found = EmbeddedModel()(flat)
    assert np.isfinite(found.probability).all()
    assert not (found.structures.data == Structure.DISC).any()


def test_what_lies_beside_the_spine_changes_nothing(simulated: SimulatedDate) -> None:
    """A field with 120 mm of air on both sides: only a window around the spine goes to the network."""
    image = simulated.scans[0].stacks[0].sagittal()
    middle = image.shape[0] // 2
    few = Volume(image.data[middle - 2 : middle + 2], image.affine)
    columns = round(120.0 / float(few.spacing_mm[2]))
    wide = np.pad(few.data, ((0, 0), (0, 0), (columns, columns)), constant_values=few.data.min())
    affine = few.affine.copy()
    affine[:3, 3] = few.to_world((0, 0, -columns))
    sizes: list[int] = []

    model = EmbeddedModel()
    run = model._session.run

    class Session:
        def run(self, names: None, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
            sizes.append(feed["image"].shape[-1])
            result: list[NDArray[np.float32]] = run(names, feed)
            return result

    model._session = Session()
    found = model(Volume(wide, affine))
    assert sizes[-1] * 0.5 < 0.6 * wide.shape[2] * float(few.spacing_mm[2])
    assert not found.structures.data[..., : columns // 2].any()
    truth = simulated.scans[0].labels[0].sagittal().data[middle - 2 : middle + 2] // 100
    mine = found.structures.data[..., columns:-columns]
    assert dice(mine == Structure.VERTEBRAL_BODY, truth == Structure.VERTEBRAL_BODY) > 0.8


def test_the_result_does_not_depend_on_which_slice_is_ready_first(simulated: SimulatedDate) -> None:
    image = simulated.scans[0].stacks[0].sagittal()
    few = Volume(image.data[4:9], image.affine)
    one, two = EmbeddedModel()(few), EmbeddedModel()(few)
    np.testing.assert_array_equal(one.structures.data, two.structures.data)
    np.testing.assert_array_equal(one.probability, two.probability)
