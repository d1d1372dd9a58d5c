"""Classes in the report: the herniation as a radiologist names it, what is near a limit, and whose word it is."""

from __future__ import annotations

import re

from resorb.reading import (
    HERNIATION_QUANTITIES,
    Class,
    Classes,
    DiscReading,
    Herniation,
    PlaneExtent,
    Quantity,
)
from resorb.reporting import sections
from resorb.reporting.class_words import name_words
from resorb.reporting.findings import findings
from resorb.reporting.table import levels_csv
from tests.reporting import spine

BY = "<A. Reader>, 2024-03-01"


def classes(morphology: str = "extrusion", near: bool = False, by: str = "") -> Classes:
    return Classes(
        morphology=Class(
            value=morphology, margin=0.2, unit="mm", limit="extent over base", near=near, given_by=by
        ),
        msu_size=Class(value="2", verified=False),
        msu_zone=Class(value="B", verified=False),
        zone=Class(value="paracentral", margin=1.24, unit="mm", limit="mm from the midline"),
        side=Class(value="left"),
        height_level=Class(value="suprapedicle"),
        height_vertebra="L5",
        roots=("L5 left",),
    )


def quantity(value: float) -> Quantity:
    return Quantity(value=value, low=value - 0.2, high=value + 0.2)


def herniation(one: Classes) -> Herniation:
    plane = PlaneExtent(base_mm=quantity(8), extent_mm=quantity(9))
    sizes = {"depth_mm": 8.4, "volume_mm3": 1240.0, "cranial_migration_mm": 0.0, "caudal_migration_mm": 6.2}
    numbers = {name: quantity(sizes.get(name, 1.0)) for name in HERNIATION_QUANTITIES}
    fixed = {"number": 1, "apex": spine.APEX, "centre": spine.APEX, "continuous": True}
    return Herniation.model_validate({**fixed, "axial": plane, "sagittal": plane, "classes": one, **numbers})


def disc(one: Classes, **changes: object) -> DiscReading:
    return spine.disc(
        spine.DISPLACED,
        displaced=True,
        classes=one,
        herniations=(herniation(one),) if one.morphology.value == "extrusion" else (),
        canal_occupied=Quantity(value=0.38, low=0.31, high=0.45),
        canal_compromise=Class(value="moderate", margin=0.05, unit="ratio", near=True),
        **changes,
    )


def test_a_herniation_is_named_sized_placed_and_its_roots_said() -> None:
    (text,) = findings(spine.reading((disc(classes()),))).main
    assert text == (
        "L4/L5: left paracentral extrusion (MSU 2-B, lines unverified); 8.4 mm (95 % interval 8.2 to 8.6) deep, "
        "volume 1240 mm³ (95 % interval 1240 to 1240), reaching 6.2 mm downwards beyond the disc, lying at the "
        "suprapedicle level of L5. It takes up 38 % (95 % interval 31 to 45 %) of the canal at worst (moderate "
        "compromise, near the limit). Within its reach: L5 left."
    )


def test_central_material_has_no_side_in_its_name() -> None:
    central = classes().model_copy(
        update={"zone": Class(value="central"), "side": Class(value="midline"), "msu_size": Class(value=None)}
    )
    assert name_words(central) == "central extrusion"


def test_nearness_and_the_readers_word_stand_below_the_finding() -> None:
    found = findings(spine.reading((disc(classes(near=True)),)))
    assert found.further == ("L4/L5: near a limit, so it may be read otherwise: morphology.",)
    found = findings(spine.reading((disc(classes(by=BY), modic=Class(value="1", given_by=BY)),)))
    assert found.further == (f"L4/L5, the word of {BY}: morphology extrusion, Modic type 1.",)


def test_what_is_classed_as_a_bulge_is_not_called_herniated() -> None:
    found = findings(spine.reading((disc(classes("bulge")),)))
    assert "not shown to be focal" in found.main[0] and "MSU" not in " ".join(found.main)


def test_the_section_escapes_marks_and_places_nothing_that_only_bulges() -> None:
    one = disc(
        classes(near=True, by=BY), degeneration=Class(value="4", margin=0.01, unit="ratio", limit="dark")
    )
    html = str(
        sections.classes(spine.reading((one, spine.disc(spine.LEVELS[2], classes=classes("bulge"))))).html()
    )
    assert "<A. Reader>" not in html and "&lt;A. Reader&gt;" in html
    first, second = re.findall(r"<tr[^>]*><th scope=\"row\">L./(?:L5|S1).*?</tr>", html, re.DOTALL)[:2]
    assert "≈ </span>extrusion" in first and "suprapedicle, L5" in first and "L5 left" in first
    assert "Pfirrmann-like grade 4" in first.replace("\n", " ")
    assert "bulge" in second and "paracentral" not in second and "L5 left" not in second
    assert "1.2 mm from its limit" in html and "resorb" in html


def test_the_table_holds_classes_and_whose_they_are() -> None:
    header, row = levels_csv(spine.reading((disc(classes(near=True, by=BY)),))).splitlines()
    cells = dict(zip(header.split(","), re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', row), strict=True))
    assert (cells["morphology"], cells["zone"], cells["msu_zone"]) == ("extrusion", "paracentral", "B")
    assert (cells["height_level"], cells["height_vertebra"], cells["roots"]) == (
        "suprapedicle",
        "L5",
        "L5 left",
    )
    assert cells["canal_compromise"] == "moderate" and cells["modic"] == ""
    assert cells["near_a_limit"] == "morphology; canal_compromise"
    assert cells["given_by"] == f'"morphology: {BY}"'
