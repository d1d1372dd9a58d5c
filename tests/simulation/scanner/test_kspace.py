import numpy as np
import pytest
from numpy.typing import NDArray

from resorb.simulation.scanner.kspace import Readout

SHAPE = (6, 160, 144)


def image(readout: Readout, signal: NDArray[np.float32], seed: int = 0) -> NDArray[np.float64]:
    seeds = np.random.SeedSequence(seed).spawn(len(signal))
    return readout.image(signal, signal, seeds).astype(np.float64)


@pytest.mark.parametrize("acquired", [1.0, 0.6])
def test_noise_in_air_is_rayleigh_and_in_bright_regions_gaussian(acquired: float) -> None:
    sigma = 0.04
    readout = Readout(acquired, sigma, 0.0, 0)
    air = image(readout, np.zeros(SHAPE, np.float32))
    # Gudbjartsson and Patz 1995: mean sigma sqrt(pi/2), variance (2 - pi/2) sigma^2.
    assert air.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.02)
    assert air.var() == pytest.approx((2 - np.pi / 2) * sigma**2, rel=0.04)
    bright = image(readout, np.ones(SHAPE, np.float32))
    assert bright.std() == pytest.approx(sigma, rel=0.02)
    assert bright.mean() == pytest.approx(np.sqrt(1 + sigma**2), rel=0.002)


def test_interpolated_noise_is_smooth_and_its_spectrum_ends() -> None:
    noise = image(Readout(0.5, 0.02, 0.0, 0), np.ones(SHAPE, np.float32)) - 1
    spectrum = np.abs(np.fft.fft2(noise[:, 8:-8, 8:-8])) ** 2
    frequency = np.abs(np.fft.fftfreq(SHAPE[1] - 16))
    inner = spectrum[:, frequency < 0.15].mean()
    assert spectrum[:, frequency > 0.35].mean() < 0.02 * inner
    neighbours = np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]
    assert neighbours > 0.5


def test_edges_stay_in_place_and_ring_mildly() -> None:
    signal = np.zeros(SHAPE, np.float32)
    signal[:, :, 72:] = 1
    line = image(Readout(0.75, 1e-6, 0.0, 0), signal)[0, 80]
    assert 0.5 * (line[71] + line[72]) == pytest.approx(0.5, abs=0.01)  # the edge lies between 71 and 72
    assert 1.005 < line.max() < 1.09  # an abrupt end of k-space would overshoot by 1.09
    assert line[100:130].mean() == pytest.approx(1, abs=0.002)


def test_ghosts_lie_along_the_phase_axis_only_and_can_be_off() -> None:
    signal = np.zeros(SHAPE, np.float32)
    signal[:, 70:80, 60:80] = 1
    for axis in (0, 1):
        off, on = (image(Readout(0.9, 1e-5, g, axis), signal)[0] for g in (0.0, 1.0))
        along = (np.s_[:60, 60:80], np.s_[70:80, :50])
        assert off[along[axis]].max() < 0.03
        assert on[along[axis]].max() > 0.03
        assert on[along[1 - axis]].max() < 0.03


def test_same_seeds_same_noise_and_others_other() -> None:
    readout = Readout(0.7, 0.05, 0.3, 0)
    signal = np.ones(SHAPE, np.float32)
    assert np.array_equal(image(readout, signal, 4), image(readout, signal, 4))
    assert not np.array_equal(image(readout, signal, 4), image(readout, signal, 5))


@pytest.mark.parametrize("across", [1 / 1.3, 0.6])
def test_slices_of_an_interpolated_slab_share_their_noise(across: float) -> None:
    # Correlation is the transform of the power: the weight is 1 up to 0.4 of what is acquired, then falls as a cosine.
    share = np.linspace(0, 1, 2001)
    weight = 0.3 + 0.7 * 0.5 * (1 + np.cos(np.pi * np.clip((share - 0.4) / 0.6, 0, 1)))
    alike = np.average(np.cos(np.pi * across * share), weights=weight**2)
    sigma = 0.03
    noise = image(Readout(0.6, sigma, 0.0, 0, across), np.ones((30, 120, 120), np.float32))[8:-8] - 1
    assert noise.std() == pytest.approx(sigma, rel=0.03)
    assert np.corrcoef(noise[1:].ravel(), noise[:-1].ravel())[0, 1] == pytest.approx(alike, abs=0.03)


def test_interpolation_across_slices_keeps_a_flat_slab_and_moves_no_edge() -> None:
    signal = np.zeros((24, 80, 80), np.float32)
    signal[12:] = 1
    line = image(Readout(1.0, 1e-6, 0.0, 0, 0.6), signal)[:, 40, 40]
    assert 0.5 * (line[11] + line[12]) == pytest.approx(0.5, abs=0.02)
    assert line[18:22].mean() == pytest.approx(1, abs=0.01)
