"""Random cases: each depends on its seed and number alone, and what is drawn is varied."""

from __future__ import annotations

from collections import Counter

from resorb.simulation.draw import random_case

CASES = [random_case(1, number) for number in range(1, 401)]


def test_a_case_depends_on_its_seed_and_number_alone() -> None:
    assert random_case(1, 17) == CASES[16]
    assert random_case(2, 17) != CASES[16]
    assert len({case.model_dump_json() for case in CASES}) == len(CASES)


def test_every_kind_occurs() -> None:
    kinds = Counter((one.type, one.zone) for case in CASES for one in case.herniations)
    for morphology in ("bulge", "protrusion", "extrusion", "sequestration"):
        assert any(kind == morphology for kind, _ in kinds), morphology
    for zone in ("central", "paracentral", "subarticular", "foraminal", "extraforaminal"):
        assert any(there == zone for _, there in kinds), zone
    assert {case.spine.lumbar_bodies for case in CASES} == {4, 5, 6}
    assert {scan.sequence for case in CASES for scan in case.dates[0].series or ()} == {"tse", "space"}
    remaining = [change.remaining for case in CASES for entry in case.dates for change in entry.changes]
    assert min(remaining) == 0.0 and max(remaining) > 1.0


def test_sides_are_even_and_levels_belong_to_the_spine() -> None:
    sides = Counter(one.side for case in CASES for one in case.herniations)
    assert 0.6 < sides["left"] / sides["right"] < 1.6
    for case in CASES:
        for one in case.herniations:
            assert int(one.level.upper[1]) <= case.spine.lumbar_bodies
        levels = [one.level for one in case.herniations]
        assert len(set(levels)) == len(levels)
