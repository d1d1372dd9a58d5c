"""Scanners that displace marrow differently: the discs tell by how much, and the registration follows them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from resorb.anatomy import Level, Structure
from resorb.comparison.registration import register_levels
from resorb.comparison.registration_fat import USUAL_MM, fat_shift
from resorb.framing import fit_frame
from resorb.registration import moved
from resorb.study import FloatArray
from resorb.timepoint import Timepoint
from tests.comparison.dates import L4L5, NO_TURN, Triple, date, margin, placed
from tests.spine import LENGTH, PITCH

LEVELS = (Level("L3", "L4"), L4L5, Level("L5", "S1"))
PLACE: tuple[Triple, Triple] = ((2.0, 3.0, -2.0), (3.0, -2.0, 4.0))
SPACING: Triple = (2.0, 0.7, 0.7)
NUCLEUS = np.array([12.0, 9.0, 3.0])  # half axes, mm


@cache
def scanned(place: tuple[Triple, Triple], fat_voxels: int = 0) -> Timepoint:
    """Discs with a bright nucleus; all marrow lies some voxels farther back in the image than it is."""
    one = date(*place, None, SPACING)
    labels = one.anatomy.labels
    structure = labels.data // 100
    world = labels.to_world(np.moveaxis(np.indices(labels.shape), 0, -1))
    upright = moved(np.asarray(np.linalg.inv(placed(*place))), world) * [-1.0, -1.0, 1.0]
    grey = np.where(structure == Structure.THECAL_SAC, 230.0, 20.0)
    for middle in (-PITCH, 0.0, PITCH):
        off = (upright - [0.0, -LENGTH / 2, middle]) / NUCLEUS
        grey += 90.0 * np.exp(-np.sum(off**2, axis=-1)) * (structure == Structure.DISC)
    marrow = np.isin(structure, [int(Structure.VERTEBRAL_BODY), int(Structure.SACRUM)])
    axis = labels.axis_towards((0.0, 1.0, 0.0))
    backwards = int(np.sign(-labels.directions[1, axis]))
    grey[np.roll(marrow, fat_voxels * backwards, axis=axis)] = 110.0
    noise = np.random.default_rng(0).normal(0, 2.0, grey.shape)
    volume = labels.with_data((grey + noise).astype(np.int16))
    series = replace(one.study.sagittal, stacks=(volume,))
    ordered = replace(one.anatomy, labels=labels.sagittal())
    frames = {level: fit_frame(ordered, level, slip_limit_mm=3.0) for level in LEVELS}
    return replace(one, study=replace(one.study, series=(series,), sagittal=series), frames=frames)


def off_mm(motion: FloatArray) -> FloatArray:
    missed = moved(motion, margin(NO_TURN, NO_TURN)) - margin(*PLACE)
    return np.asarray(missed.mean(axis=0))


def test_motions_that_follow_displaced_marrow_are_put_back() -> None:
    displaced = placed(*PLACE)
    displaced[:3, 3] += [0.0, -0.6, 0.4]
    pair = scanned((NO_TURN, NO_TURN)), scanned(PLACE)
    found = fat_shift(*pair, dict.fromkeys(LEVELS, (displaced, displaced)))
    np.testing.assert_allclose(found.shift, [0.0, 0.6, -0.4], atol=0.2)
    assert found.error_mm < 0.5 * USUAL_MM


def test_motions_that_are_right_are_left_alone() -> None:
    pair = scanned((NO_TURN, NO_TURN)), scanned(PLACE)
    found = fat_shift(*pair, dict.fromkeys(LEVELS, (placed(*PLACE), placed(*PLACE))))
    assert np.linalg.norm(found.shift) < 0.15


def test_nothing_is_shifted_across_the_slices() -> None:
    aside = placed(*PLACE)
    aside[:3, 3] += [0.8, 0.0, 0.0]
    found = fat_shift(scanned((NO_TURN, NO_TURN)), scanned(PLACE), dict.fromkeys(LEVELS, (aside, aside)))
    assert abs(found.shift[0]) < 0.05


def test_where_no_disc_can_be_compared_nothing_is_shifted_and_the_error_says_so() -> None:
    still = scanned((NO_TURN, NO_TURN))
    noise = np.random.default_rng(3).uniform(0, 200, still.study.sagittal.volume.shape).astype(np.int16)
    series = replace(still.study.sagittal, stacks=(still.study.sagittal.volume.with_data(noise),))
    blind = replace(still, study=replace(still.study, sagittal=series))
    found = fat_shift(still, blind, dict.fromkeys(LEVELS, (np.eye(4), np.eye(4))))
    np.testing.assert_array_equal(found.shift, 0.0)
    assert found.error_mm == USUAL_MM


@pytest.mark.parametrize("fat_voxels", [0, 1])
def test_the_registration_follows_water_not_marrow(fat_voxels: int) -> None:
    """With outlines drawn on the water's grid too, an image of marrow 0.7 mm too far back would pull 0.4 mm."""
    pair = scanned((NO_TURN, NO_TURN)), scanned(PLACE, fat_voxels)
    found = register_levels(pair, (L4L5,))[L4L5]
    assert found.method == "vertebrae"
    assert np.linalg.norm(off_mm(found.between(0, 1))[1:]) < 0.25
