"""Classes of the model case, measured on its true labels, against the truth of its geometry."""

from __future__ import annotations

import pytest

from resorb.anatomy import Anatomy, Level, LevelNaming
from resorb.measurement import measure
from resorb.reading import DiscReading
from resorb.simulation.case import SimulatedDate
from resorb.simulation.truth import LevelTruth
from resorb.study import Contrast, Plane, Series, Study

HERNIATED = Level("L4", "L5")


@pytest.fixture(scope="module")
def levels(simulated: SimulatedDate) -> dict[str, tuple[DiscReading, LevelTruth]]:
    scan = simulated.scans[0]
    series = Series(1, scan.stacks, Plane.SAGITTAL, Contrast.T2)
    study = Study((series,), series, None, (), (), study_date=None, sha256="ab" * 32)
    names = tuple(Level.parse(one.level) for one in simulated.truth.levels)
    anatomy = Anatomy(scan.labels[0], names, LevelNaming("the phantom"), "mask, scheme resorb", {})
    reading = measure(study, anatomy).reading
    return {disc.level: (disc, simulated.truth.at(disc.level)) for disc in reading.discs}


@pytest.mark.parametrize("name", ["morphology", "zone", "side", "height_level"])
def test_the_herniation_is_classed_as_it_is(
    levels: dict[str, tuple[DiscReading, LevelTruth]], name: str
) -> None:
    disc, truth = levels[str(HERNIATED)]
    assert disc.classes is not None and disc.herniated
    assert getattr(disc.classes, name).value == getattr(truth.classes, name).value


def test_its_roots_are_those_of_the_truth(levels: dict[str, tuple[DiscReading, LevelTruth]]) -> None:
    disc, truth = levels[str(HERNIATED)]
    assert disc.classes is not None and disc.classes.roots == truth.classes.roots
    assert disc.canal_compromise is not None
    assert disc.canal_compromise.value == truth.canal_compromise.value


def test_no_level_above_it_is_herniated(levels: dict[str, tuple[DiscReading, LevelTruth]]) -> None:
    above = [(disc, truth) for disc, truth in levels.values() if "L1" <= disc.level < str(HERNIATED)]
    assert len(above) == 3
    for disc, truth in above:
        assert not truth.focal and not disc.herniated


def test_every_lumbar_level_has_its_grade_and_its_sac_beside_the_thresholds(
    levels: dict[str, tuple[DiscReading, LevelTruth]],
) -> None:
    for name, (disc, truth) in levels.items():
        if not name.startswith("L"):
            continue
        assert disc.degeneration is not None and disc.degeneration.value in list("12345")
        assert not disc.degeneration.verified
        assert disc.sac_narrowing is not None and truth.sac_area_mm2.value is not None
        assert disc.sac_area_mm2.value == pytest.approx(truth.sac_area_mm2.value, rel=0.12)
