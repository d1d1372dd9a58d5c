"""What labels mean, which cases a folder holds, and where labels tell whether a structure is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.blind import averaged, middle_slices, slices_in_one
from benchmarks.known import BY_EXTENT, known
from benchmarks.labelled import Meaning, cases, expert_labels, grades, meanings, named, parse
from resorb import InputError, Structure, UsageError, Volume
from tests.benchmarks.sets import AS_SPIDER, SPIDER_NAMES, spine, write_set, write_spider


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("vertebral body L5", Meaning("body", "L5")),
        ("vertebral body S1", Meaning("sacrum", "S1")),
        ("vertebra (body and posterior elements)", Meaning("vertebra")),
        ("vertebra L4", Meaning("vertebra", "L4")),
        ("intervertebral disc", Meaning("disc")),
        ("disc L5/S1", Meaning("disc", "L5/S1")),
        ("Intervertebral disc T12-L1", Meaning("disc", "T12/L1")),
        ("spinal canal", Meaning("canal")),
        ("thecal sac", Meaning("canal")),
        ("sacrum", Meaning("sacrum")),
        ("posterior elements L3", Meaning("posterior elements", "L3")),
        ("spinal cord", None),
        ("psoas", None),
    ],
)
def test_names_of_labels_are_understood(name: str, meaning: Meaning | None) -> None:
    assert parse(name) == meaning


def test_subjects_of_the_split_keep_their_part_and_others_are_test(tmp_path: Path) -> None:
    for subject in ("018", "005", "999"):
        write_spider(tmp_path / "spider-t2space", subject)
    write_spider(tmp_path / "elsewhere", "018")
    found = {(case.collection, case.subject): case.part for case in cases(tmp_path, "all")}
    assert found == {
        ("spider-t2space", "018"): "validation",
        ("spider-t2space", "005"): "train",
        ("spider-t2space", "999"): "test",
        ("elsewhere", "018"): "test",
    }
    assert [case.subject for case in cases(tmp_path / "spider-t2space", "validation")] == ["018"]


def test_a_folder_without_cases_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        cases(tmp_path / "nowhere", "test")
    with pytest.raises(InputError, match=r"dseg\.tsv"):
        cases(tmp_path, "test")
    write_spider(tmp_path)
    with pytest.raises(UsageError, match="train"):
        cases(tmp_path, "train")
    with pytest.raises(UsageError, match="--subjects"):
        cases(tmp_path, "some")


def test_a_table_that_names_nothing_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path, "1\tpsoas\n", AS_SPIDER[spine().data])
    with pytest.raises(InputError, match="none of its names"):
        meanings(tmp_path)


def test_labels_are_put_on_the_grid_of_the_image(tmp_path: Path) -> None:
    (case,) = cases(write_spider(tmp_path), "test")
    grid = spine().sagittal()
    assert np.array_equal(expert_labels(case, grid).data, AS_SPIDER[grid.data])
    finer = Volume(np.zeros([2 * n for n in grid.shape]), grid.affine @ np.diag([0.5, 0.5, 0.5, 1.0]))
    placed = expert_labels(case, finer).data
    assert np.array_equal(placed[::2, ::2, ::2], AS_SPIDER[grid.data])


def test_discs_without_names_are_counted_from_the_lowest(tmp_path: Path) -> None:
    (case,) = cases(write_spider(tmp_path), "test")
    grid = spine().sagittal()
    found = named(expert_labels(case, grid), meanings(tmp_path))
    assert set(found) == {"L3/L4", "L4/L5", "L5/S1"}
    height = {name: grid.to_world(np.argwhere(mask).mean(axis=0))[2] for name, mask in found.items()}
    assert height["L3/L4"] > height["L4/L5"] > height["L5/S1"]
    assert np.array_equal(np.any(list(found.values()), axis=0), grid.data == Structure.DISC)


def test_grades_are_read_by_subject_and_number(tmp_path: Path) -> None:
    assert grades(tmp_path, "007") == {}
    (tmp_path / "gradings.csv").write_text(
        "Patient,IVD label,Spondylolisthesis,Disc herniation\n7,1,0,1\n7,2,1,0\n70,1,1,1\n", encoding="utf-8"
    )
    found = grades(tmp_path, "007")
    assert {n: (g.herniated, g.slipped) for n, g in found.items()} == {1: (True, False), 2: (False, True)}


def test_spiders_rule_leaves_open_what_spider_does_not_label(tmp_path: Path) -> None:
    (case,) = cases(write_spider(tmp_path / "any-name"), "test")
    structures = spine().sagittal()
    where, rule = known(expert_labels(case, structures), meanings(case.folder), ())
    assert rule == "rule for vertebrae, discs and canal"
    assert where["disc"][structures.data == Structure.DISC].all()
    first_disc, first_sacrum = (
        np.argwhere(structures.data == part)[:, 1].min() for part in (Structure.DISC, Structure.SACRUM)
    )
    # Discs may follow above the highest that is labelled, and arches behind the sacrum; nothing else is open.
    assert not where["disc"][:, :first_disc].all()
    assert where["disc"][:, first_disc:].all()
    assert not where["vertebra"][:, first_sacrum:].all()
    assert where["vertebra"][structures.data == Structure.VERTEBRAL_BODY].all()


def test_a_set_without_a_rule_is_known_within_its_labels(tmp_path: Path) -> None:
    structures = spine().sagittal()
    names = "1\tvertebral body L5\n2\tthecal sac\n"
    labels = np.select(
        [structures.data == Structure.VERTEBRAL_BODY, structures.data == Structure.THECAL_SAC], [1, 2]
    )
    labels[:5] = 0
    folder = write_set(tmp_path, names, labels)
    where, rule = known(structures.with_data(labels), meanings(folder), ())
    assert rule == BY_EXTENT
    rows = np.flatnonzero((labels == 1).any(axis=(0, 2)))
    assert not where["body"][:5].any()
    assert not where["body"][:, rows[-1] + 1 :].any()
    assert where["body"][10, rows[0] : rows[-1] + 1].all()


def test_slices_are_averaged_around_a_middle_one() -> None:
    assert [slices_in_one(s, 4.0) for s in (0.9, 1.0, 3.3, 4.4)] == [5, 5, 1, 1]
    assert slices_in_one(1.0, None) == 1
    data = np.arange(12, dtype=np.uint8).repeat(4).reshape(12, 2, 2) * 10
    affine = np.diag([-0.9, -0.5, -0.5, 1.0])
    volume = Volume(data, affine)
    thick = averaged(volume, 5)
    assert thick.data[:, 0, 0].tolist() == [30, 80]
    assert middle_slices(data, 5)[:, 0, 0].tolist() == [30, 80]
    assert thick.spacing_mm == pytest.approx([4.5, 0.5, 0.5])
    assert thick.to_world([0, 1, 1]) == pytest.approx(volume.to_world([3, 1, 1]))
    assert thick.to_world([1, 0, 0]) == pytest.approx(volume.to_world([8, 0, 0]))


def test_the_names_of_spider_are_those_of_the_data() -> None:
    assert [parse(line.split("\t")[1]) for line in SPIDER_NAMES.splitlines()] == [
        Meaning("vertebra"),
        Meaning("disc"),
        Meaning("canal"),
    ]
