from __future__ import annotations

import csv
import io

import pytest

from resorb.reading import QUANTITIES, Quantity
from resorb.reporting.table import levels_csv, quantity
from tests.reporting import spine


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_value_comes_back_exactly() -> None:
    odd = spine.disc(spine.LEVELS[0], depth_mm=Quantity(value=1 / 3, low=0.1, high=0.7), side="right")
    record = spine.reading((odd, *spine.reading().discs[1:]))
    table = rows(levels_csv(record))
    assert [row["level"] for row in table] == [disc.level for disc in record.discs]
    for row, disc in zip(table, record.discs, strict=True):
        for name in QUANTITIES:
            measured = quantity(disc, name)
            for suffix, value in (("", measured.value), ("_low", measured.low), ("_high", measured.high)):
                cell = row[name + suffix]
                assert (float(cell) if cell else None) == value
        assert tuple(filter(None, row["flags"].split("; "))) == disc.flags
        assert (row["side"] or None) == disc.side


def test_a_missing_value_is_an_empty_cell_with_its_reason() -> None:
    cropped = Quantity(value=None, low=120.0, reason="cropped")
    table = rows(levels_csv(spine.reading((spine.disc(spine.LEVELS[0], volume_mm3=cropped),))))
    assert table[0]["volume_mm3"] == ""
    assert table[0]["volume_mm3_low"] == "120.0"
    assert table[0]["missing_because"] == "volume_mm3: cropped; t2_ratio: CSF is clipped"


def test_units_stand_in_the_headers() -> None:
    header = levels_csv(spine.reading()).splitlines()[0].split(",")
    assert {"depth_mm", "area_mm2", "volume_mm3"} <= set(header)


def test_a_name_that_is_no_quantity_is_refused() -> None:
    with pytest.raises(KeyError):
        quantity(spine.disc(spine.LEVELS[0]), "level")
