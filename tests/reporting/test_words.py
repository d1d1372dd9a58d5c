from __future__ import annotations

import pytest

from resorb.reading import Quantity
from resorb.reporting.findings import findings
from resorb.reporting.words import doubts, flag_words, phrase, shown, slice_place
from tests.reporting import spine

MISSING = Quantity(value=None, reason="cropped")


def test_a_displaced_level_gets_one_sentence_with_side_depth_and_volume() -> None:
    (text,) = findings(spine.reading()).main
    assert text == (
        "L4/L5: focal displaced disc material, on the patient's left; depth behind the reference line 0.2 mm, "
        "volume 2 mm³."
    )


def test_focal_is_said_only_where_it_was_measured() -> None:
    broad = spine.disc(spine.DISPLACED, displaced=True, flags=("displaced",))
    found = findings(spine.reading((broad,)))
    (text,) = found.main
    assert "not shown to be focal" in text
    assert broad.level in text
    assert found.further == ()


def test_a_bulge_stands_below_a_focal_finding() -> None:
    focal = spine.disc(spine.DISPLACED, displaced=True)
    broad = spine.disc(spine.LEVELS[2], displaced=True, flags=("displaced",))
    found = findings(spine.reading((focal, broad)))
    assert found.main[0].startswith(f"{focal.level}: focal")
    (text,) = found.further
    assert broad.level in text
    assert focal.level not in text


def test_levels_above_the_lumbar_spine_are_not_findings() -> None:
    above = spine.disc(spine.LEVELS[0], flags=("thoracic", "unmeasurable"), depth_mm=MISSING)
    found = findings(spine.reading((above, spine.disc(spine.LEVELS[1]))))
    assert not any(above.level in text for text in (*found.main, *found.further))


def test_nothing_displaced_names_what_was_measured_and_what_was_not() -> None:
    lost = spine.disc(
        spine.LEVELS[2], flags=("unmeasurable",), depth_mm=Quantity(value=None, reason="no frame")
    )
    texts = findings(spine.reading((spine.disc(spine.LEVELS[0]), spine.disc(spine.LEVELS[1]), lost)))
    assert texts.main[0].startswith("No focal displaced disc material")
    assert "2 levels measured (L3/L4, L4/L5)" in texts.main[0]
    assert texts.further == ("L5/S1: displacement not measured (no frame).",)


def test_nothing_measured_is_not_called_nothing_found() -> None:
    texts = findings(spine.reading((spine.disc(spine.LEVELS[0], depth_mm=MISSING),)))
    assert texts.main[0].startswith("No level could be measured")
    assert not any("No focal" in text for text in texts.main)


def test_disc_laid_open_by_a_slip_is_not_called_herniation() -> None:
    slipped = spine.disc(spine.LEVELS[2], flags=("uncovered",), slip_mm=Quantity(value=-8.31))
    texts = findings(spine.reading((slipped,)))
    assert "L5/S1: disc uncovered by a slip of 8.3 mm, not counted as herniation." in texts.main
    assert texts.main[0].startswith("No focal displaced")


def test_doubt_of_a_displaced_level_stands_in_its_sentence() -> None:
    unsure = spine.disc(
        spine.DISPLACED,
        displaced=True,
        flags=("displaced", "focal", "low_confidence", "cropped"),
        volume_mm3=MISSING,
    )
    (text,) = findings(spine.reading((unsure,))).main
    assert "volume not measured (touches the edge" in text
    assert "uncertain" in text
    assert "there may be more" in text


@pytest.mark.parametrize(
    ("quantity", "cell", "words"),
    [
        (Quantity(value=6.24), "6.2", "6.2 mm"),
        (Quantity(value=-0.01), "0.0", "0.0 mm"),
        (Quantity(value=-3.0), "−3.0", "−3.0 mm"),  # noqa: RUF001 - the minus sign people read
        (Quantity(value=6.0, low=5.0, high=7.25), "6.0 (5.0 to 7.2)", "6.0 mm (95 % interval 5.0 to 7.2)"),
        (Quantity(value=None, reason="no CSF"), "—", "not measured (no CSF)"),
        (
            Quantity(value=None, low=4.0, reason="cropped"),
            "≥ 4.0",
            "at least 4.0 mm (cropped)",
        ),
    ],
)
def test_numbers_are_rounded_and_missing_ones_are_never_zero(
    quantity: Quantity, cell: str, words: str
) -> None:
    assert shown("depth_mm", quantity) == cell
    assert phrase("depth_mm", quantity) == words


def test_each_doubt_appears_once() -> None:
    record = spine.reading((spine.disc(spine.LEVELS[0], flags=("cropped",)),))
    texts = doubts(record, ("CSF is clipped", "the slices are thick"))
    assert texts == (
        "Level names: the count may be off by one.",
        "CSF is clipped.",
        "The slices are thick.",
        "L3/L4: touches the edge of the field.",
    )


def test_the_place_of_a_slice_is_the_patients_side() -> None:
    assert slice_place(0.2) == "in the midline"
    assert slice_place(-4.0) == "4.0 mm to the right of the midline"
    assert slice_place(None) == "middle of the disc"


def test_an_unknown_flag_is_shown_as_it_is() -> None:
    assert flag_words("very_new") == "very new"
