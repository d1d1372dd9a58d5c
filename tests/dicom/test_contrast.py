"""Contrast from timing first, from names in several languages second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resorb.dicom.contrast import body_part, manufacturer, weighting
from resorb.dicom.header import Facts
from resorb.study import Contrast

PLAIN = Facts(
    te_ms=None, tr_ms=None, ti_ms=None, echo_train=None, field_t=1.5, thickness_mm=4.0,
    scanning=frozenset({"SE"}), options=frozenset(), image_type=("ORIGINAL", "PRIMARY", "M"), three_d=False,
    acquisition_contrast="", suppression="", contrast_agent=False, b_value=None, manufacturer="",
    body_part="", words="", description="", synthetic=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("te", "tr", "ti", "three_d", "expected"),
    [
        (100, 3500, None, False, Contrast.T2),
        (85, 2200, 0, False, Contrast.T2),
        (240, 1200, None, True, Contrast.T2),  # 3D with variable flip angles
        (100, 1200, None, False, Contrast.OTHER),
        (10, 500, None, False, Contrast.T1),
        (30, 3000, None, False, Contrast.PD),
        (60, 4500, 160, False, Contrast.STIR),
        (40, 3500, 120, False, Contrast.STIR),  # low field
        (100, 9000, 2500, False, Contrast.OTHER),  # FLAIR
        (8, 2000, 860, False, Contrast.PD),  # an inversion time of no known purpose
        (900, 8000, None, False, Contrast.OTHER),  # myelography
    ],
)
def test_timing(te: float, tr: float, ti: float | None, three_d: bool, expected: Contrast) -> None:
    assert weighting(replace(PLAIN, te_ms=te, tr_ms=tr, ti_ms=ti, three_d=three_d)).contrast is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("t2 tse sag", Contrast.T2),
        ("sag t2 frfse", Contrast.T2),
        ("st2w tse", Contrast.T2),
        ("lws t2 gewichtet", Contrast.T2),
        ("rachis lombaire sag t2", Contrast.T2),
        ("t1 tse sag", Contrast.T1),
        ("t1w", Contrast.T1),
        ("sagittale t2 stir", Contrast.STIR),
        ("t2 tirm", Contrast.STIR),
        ("dp tse", Contrast.PD),
        ("t2* medic", Contrast.UNKNOWN),
        ("t1 and t2", Contrast.UNKNOWN),
        ("sag", Contrast.UNKNOWN),
        ("t2 localizer", Contrast.LOCALIZER),
        ("scout", Contrast.LOCALIZER),
        ("t2 myelo", Contrast.OTHER),
        ("dwi", Contrast.OTHER),
    ],
)
def test_names_where_there_is_no_timing(words: str, expected: Contrast) -> None:
    assert weighting(replace(PLAIN, words=words)).contrast is expected


def test_timing_outweighs_a_name() -> None:
    assert weighting(replace(PLAIN, te_ms=10, tr_ms=500, words="t2 tse")).contrast is Contrast.T1


def test_gradient_echo_is_no_t2() -> None:
    found = weighting(replace(PLAIN, te_ms=70, tr_ms=3000, scanning=frozenset({"GR"})))
    assert found.contrast is Contrast.OTHER
    assert "gradient" in found.why


@pytest.mark.parametrize(
    "change",
    [
        {"options": frozenset({"FS"})},
        {"suppression": "FAT"},
        {"image_type": ("DERIVED", "PRIMARY", "DIXON", "WATER")},
        {"words": "t2 tse fs sag"},
        {"words": "t2 spair"},
        {"words": "t2 fettgesättigt"},
        {"words": "t2 saturation de graisse"},
    ],
)
def test_fat_suppression(change: dict[str, object]) -> None:
    found = weighting(replace(PLAIN, te_ms=90, tr_ms=4000, **change))  # type: ignore[arg-type]
    assert found.contrast is Contrast.T2
    assert found.fat_suppressed
    assert not weighting(
        replace(PLAIN, te_ms=90, tr_ms=4000, options=frozenset({"SAT_GEMS", "FC"}))
    ).fat_suppressed


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("SIEMENS", "SIEMENS"),
        ("Siemens Healthineers", "SIEMENS"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("Philips Medical Systems", "PHILIPS"),
        ("Jane's own scanner", "other"),
        ("", ""),
    ],
)
def test_manufacturers_have_one_name_each(raw: str, name: str) -> None:
    assert manufacturer(replace(PLAIN, manufacturer=raw)) == name


@pytest.mark.parametrize(
    ("stated", "words", "part"),
    [
        ("LSPINE", "", "lumbar"),
        ("HEAD", "t2 sag", "head"),
        ("HEAD", "t2 sag lws", "lumbar"),  # the scanner's default left in place
        ("KNEE", "", "knee"),
        ("", "t2 tse sag knie", "knee"),
        ("CSPINE", "", "neck"),
        ("SPINE", "t2 tse sag", ""),
        ("", "", ""),
    ],
)
def test_body_part(stated: str, words: str, part: str) -> None:
    assert body_part(replace(PLAIN, body_part=stated, words=words)) == part
