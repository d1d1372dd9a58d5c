"""Contrast and shape are told from the voxels: a closed-form spine by the spin-echo equation, and public scans."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resorb.anatomy import Structure
from resorb.errors import NotMeasurableError
from resorb.segmentation.suitability import check_suitability, look
from resorb.study import Volume
from tests.segmentation.look import named, scan, structures, world

SPINE = structures()
ANATOMY = named(SPINE)


def without(*gone: Structure) -> Volume:
    return SPINE.with_data(
        np.where(np.isin(SPINE.data, [int(g) for g in gone]), 0, SPINE.data).astype(np.uint8)
    )


def scaled(spine: Volume, by: float) -> Volume:
    affine = spine.affine.copy()
    affine[:3] *= by
    return Volume(spine.data, affine)


def test_t2_is_measured_without_a_word() -> None:
    assert check_suitability(scan(SPINE, "T2"), ANATOMY) == ()


def test_t1_is_refused_unless_it_was_asked_for() -> None:
    image = scan(SPINE, "T1")
    with pytest.raises(NotMeasurableError, match=r"T1-weighted.*--series"):
        check_suitability(image, ANATOMY)
    (warning,) = check_suitability(image, ANATOMY, asked_for=True)
    assert "T1-weighted" in warning


def test_suppressed_fat_is_a_warning() -> None:
    (warning,) = check_suitability(scan(SPINE, "STIR"), ANATOMY)
    assert "fat looks suppressed" in warning


def test_dark_csf_without_bright_fat_is_not_called_t1() -> None:
    image = scan(SPINE, "T2")
    image.data[SPINE.data == Structure.THECAL_SAC] = 20.0
    image.data[world(SPINE)[..., 1] < -20.0] = 10.0
    with pytest.raises(NotMeasurableError, match="not look T2-weighted"):
        check_suitability(image, ANATOMY)


@settings(max_examples=12)
@given(
    scale=st.floats(0.01, 50.0),
    tilt=st.floats(-0.012, 0.012),
    noise=st.floats(0.0, 0.3),
    sequence=st.sampled_from(("T2", "T1", "STIR")),
)
def test_neither_scale_nor_coil_nor_noise_changes_the_verdict(
    scale: float, tilt: float, noise: float, sequence: str
) -> None:
    """A coil whose sensitivity halves or doubles over 60 mm, and the noise of 0.3 T."""
    image = scan(SPINE, sequence)
    rng = np.random.default_rng(0)
    marrow = float(np.median(image.data[SPINE.data == Structure.VERTEBRAL_BODY]))
    coil = np.exp(tilt * world(SPINE)[..., 2])
    real, other = rng.normal(0.0, noise * marrow, (2, *SPINE.shape))
    seen = SPINE.with_data(scale * np.hypot(image.data * coil + real, other))
    found = look(seen, SPINE.data)
    assert found.csf_to_marrow is not None and found.muscle_to_marrow is not None
    assert (found.csf_to_marrow < 1.0) == (sequence == "T1")
    if noise < 0.15:
        assert (found.muscle_to_marrow > 1.08) == (sequence == "STIR")


def test_a_spine_of_another_size_is_refused() -> None:
    """The same spine at the size of a neck; with its sacrum it would be a small person's."""
    neck = scaled(without(Structure.SACRUM), 0.62)
    with pytest.raises(NotMeasurableError, match="not of lumbar size"):
        check_suitability(scan(neck, "T2"), named(neck))


def test_short_vertebrae_without_a_sacrum_are_doubted() -> None:
    chest = scaled(without(Structure.SACRUM), 0.8)
    (warning,) = check_suitability(scan(chest, "T2"), named(chest))
    assert "thoracic" in warning
    small = scaled(SPINE, 0.8)
    assert check_suitability(scan(small, "T2"), named(small)) == ()


@pytest.mark.parametrize(
    ("gone", "words"),
    [((Structure.VERTEBRAL_BODY,), "no column"), ((Structure.THECAL_SAC,), "hardly any thecal sac")],
)
def test_discs_alone_are_no_lumbar_spine(gone: tuple[Structure, ...], words: str) -> None:
    part = without(*gone)
    with pytest.raises(NotMeasurableError, match=words):
        check_suitability(scan(part, "T2"), named(part))


def test_contrast_of_public_scans_is_told_from_the_experts_bodies(data_folder: Path) -> None:
    """Zukic's train and validation scans: bodies by experts; the sac is what lies behind them at T1's or T2's CSF."""
    folder = data_folder / "zukic-mixed"
    for name, darker in (
        ("sub-08_T1w", True),
        ("sub-02_T1w", True),
        ("sub-11_T2w", False),
        ("sub-15_T2w", False),
    ):
        image = nib.load(folder / f"{name}.nii.gz")
        labels = nib.load(folder / f"{name[:6]}_dseg.nii.gz")
        volume = Volume(np.asarray(image.dataobj), image.affine).sagittal()
        bodies = Volume(np.asarray(labels.dataobj), labels.affine).sagittal().data > 1
        middle = round(float(np.argwhere(bodies)[:, 0].mean()))
        marks = np.zeros(volume.shape, np.uint8)
        marks[bodies] = Structure.VERTEBRAL_BODY
        back = [int(np.flatnonzero(row).max(initial=-1)) for row in bodies[middle]]
        for row, end in enumerate(back):
            if end > 0:
                marks[middle - 2 : middle + 3, row, end + 6 : end + 12] = Structure.THECAL_SAC
        ratio = look(volume, marks).csf_to_marrow
        assert ratio is not None and (ratio < 1.0) == darker, (name, ratio)
