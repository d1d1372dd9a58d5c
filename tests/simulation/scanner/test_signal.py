import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resorb.simulation.scanner.relaxation import relaxation
from resorb.simulation.scanner.signal import flip_back, signals, spin_echo
from resorb.simulation.spec import FIELDS_TESLA, ScannerSpec
from resorb.simulation.tissue import PARTNER, Tissue

TSE = ScannerSpec(tr_ms=3500, te_ms=100)
SPACE = ScannerSpec(sequence="space", field_tesla=3.0, tr_ms=1500, te_ms=100)


def test_spin_echo_against_the_closed_form() -> None:
    # TR = T1 ln 2 lets half recover; TE = T2 ln 4 leaves a quarter.
    assert spin_echo(0.8, 1000, 50, 1000 * math.log(2), 50 * math.log(4)) == pytest.approx(0.1)


@given(st.floats(200, 4000), st.floats(10, 2000), st.floats(600, 9000), st.floats(20, 250))
def test_flip_back_gains_signal_and_never_more_than_full_recovery(
    t1: float, t2: float, tr: float, te: float
) -> None:
    whole = math.exp(-te / t2)
    assert flip_back(1, t1, t2, tr, te) <= whole + 1e-12
    train = min(2 * te, 0.9 * tr)
    without = spin_echo(1, t1, t2, tr - train, te)  # nothing left to flip back, shorter recovery
    assert flip_back(1, t1, t2, tr, te) >= without - 1e-12


def test_flip_back_is_the_limit_of_many_repetitions() -> None:
    t1, t2, tr, te = 4000.0, 1500.0, 1500.0, 120.0
    along = 1.0
    for _ in range(200):
        left = along * math.exp(-2 * te / t2)
        along = 1 - (1 - left) * math.exp(-(tr - 2 * te) / t1)
    assert flip_back(0.9, t1, t2, tr, te) == pytest.approx(0.9 * along * math.exp(-te / t2), rel=1e-9)


@pytest.mark.parametrize("spec", [TSE, SPACE])
def test_csf_is_the_unit_and_flowing_blood_is_void(spec: ScannerSpec) -> None:
    table = signals(spec)
    assert table.of(Tissue.CSF) == pytest.approx(1)
    assert table.of(Tissue.VESSEL) == 0
    assert table.of(Tissue.AIR) == 0


def test_mixtures_are_weighted_means_and_fat_is_kept_apart() -> None:
    table = signals(TSE)
    for tissue, partner in PARTNER.items():
        if tissue is Tissue.CSF:
            continue
        expected = (1 - 51 / 255) * table.of(tissue) + 51 / 255 * table.of(partner)
        assert table.of(tissue, 51) == pytest.approx(expected, rel=1e-5)
    code = int(Tissue.MARROW) * 256 + 51
    assert table.fat[code] == pytest.approx(51 / 255 * table.of(Tissue.FAT), rel=1e-5)
    assert table.water[code] == pytest.approx(204 / 255 * table.of(Tissue.MARROW), rel=1e-5)


def test_moving_csf_fades_only_as_far_as_flow_voids_are_asked_for() -> None:
    still, half = (signals(TSE.model_copy(update={"flow_void": f})) for f in (0.0, 0.5))
    assert still.of(Tissue.CSF, 255) == pytest.approx(1)
    assert half.of(Tissue.CSF, 255) == pytest.approx(0.5)


@pytest.mark.parametrize("spec", [TSE, SPACE])
def test_the_order_of_greys_is_that_of_t2_weighted_mri(spec: ScannerSpec) -> None:
    table = signals(spec)
    order = [Tissue.CSF, Tissue.NUCLEUS, Tissue.CORD, Tissue.ANNULUS, Tissue.LIGAMENT, Tissue.CORTEX]
    values = [table.of(tissue) for tissue in order]
    assert values == sorted(values, reverse=True)
    assert 0.4 < table.of(Tissue.FAT) < 1.0


def test_every_tissue_has_a_source_and_physical_times() -> None:
    for entry in relaxation().values():
        assert entry.source
        assert all(t2 < t1 for t1, t2 in zip(entry.t1_ms, entry.t2_ms, strict=True))
        assert entry.t1(1.5) <= entry.t1(3.0)  # T1 rises with the field


def test_larger_te_darkens_all_and_darkens_the_short_t2_more() -> None:
    for tesla in FIELDS_TESLA:
        early, late = (signals(ScannerSpec(field_tesla=tesla, tr_ms=3500, te_ms=te)) for te in (80.0, 120.0))
        assert late.of(Tissue.MUSCLE) / early.of(Tissue.MUSCLE) < late.of(Tissue.CORD) / early.of(Tissue.CORD)


def test_shares_are_whole_tables() -> None:
    table = signals(TSE)
    assert table.water.shape == table.fat.shape == (len(Tissue) * 256,)
    assert np.isfinite(table.water).all() and (table.water >= 0).all()
