from dataclasses import replace

import numpy as np

from resorb.simulation.scanner import acquire
from resorb.simulation.scanner.signal import signals
from resorb.simulation.scanner.variation import Contrast, Person
from resorb.simulation.spec import ScannerSpec
from resorb.simulation.tissue import Tissue
from tests.simulation import toy
from tests.simulation.scanner.blocks import CLEAN, Rigid

TSE = ScannerSpec(tr_ms=3500, te_ms=100)
SPINE = toy.phantom(2.0)


def people(count: int) -> list[Person]:
    """People of other sizes."""
    made = []
    for n in range(count):
        bodies = {}
        for name, body in SPINE.vertebrae.items():
            pose = body.pose.copy()
            pose[:3, 3] *= 1 + 0.01 * n
            bodies[name] = replace(body, pose=pose)
        made.append(Person.of(replace(SPINE, vertebrae=bodies)))
    return made


def test_one_person_is_the_same_on_every_grid_and_another_is_not() -> None:
    again, (same, other) = Person.of(toy.phantom(4.0)), people(2)
    assert again == same and other != same
    tissue = replace(SPINE.fine, tissue=np.full_like(SPINE.fine.tissue, Tissue.FAT))
    assert Person.of(replace(SPINE, fine=tissue)) == same  # whatever was pressed into the canal


def test_people_and_scanners_scatter_about_the_table() -> None:
    usual = signals(TSE)
    rng = np.random.default_rng(0)
    drawn = [signals(TSE, person, Contrast.of(rng)) for person in people(80)]
    for tissue in (Tissue.MARROW, Tissue.NUCLEUS, Tissue.CORD, Tissue.FAT, Tissue.MUSCLE):
        ratios = np.array([table.of(tissue) / usual.of(tissue) for table in drawn])
        assert 0.85 < np.median(ratios) < 1.18
        assert 0.08 < np.log(ratios).std() < 0.5
    assert all(table.of(Tissue.CSF) == 1 for table in drawn)


def test_disc_and_displaced_material_differ_alike() -> None:
    person = people(3)[2]
    assert person.t2[Tissue.ANNULUS] == person.t2[Tissue.DISPLACED] == person.t2[Tissue.NUCLEUS]


def test_two_scans_of_one_person_differ_by_the_scanner_only() -> None:
    first, again, other = (acquire(SPINE, Rigid(), CLEAN, seed).signals for seed in (1, 1, 2))
    assert np.array_equal(first.water, again.water)
    person = Person.of(SPINE)
    neutral = signals(TSE, person)
    assert first.of(Tissue.FAT) != other.of(Tissue.FAT)
    # Tissues of like T2 keep their ratio: a scanner cannot tell them apart.
    ratios = [table.of(Tissue.FAT) / table.of(Tissue.EPIDURAL_FAT) for table in (first, other, neutral)]
    assert np.allclose(ratios, 1)
