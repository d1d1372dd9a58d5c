"""The record of one level: its flags, its quantities and its herniations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from resorb.anatomy import Anatomy, Level
from resorb.limits import Limits
from resorb.measurement.around import share_beyond
from resorb.measurement.canal import sac_area_mm2
from resorb.measurement.classes import bulge_or_none, canal_compromise, gravest
from resorb.measurement.classify import classes_of, placed, unplaced
from resorb.measurement.displaced import is_separate
from resorb.measurement.focal import prominence
from resorb.measurement.herniations import Measured, nothing, record
from resorb.measurement.level import AXIAL, SAGITTAL, LevelScene
from resorb.measurement.material import LEFT
from resorb.measurement.quantity import NOTHING, known, measured, missing, point, whole
from resorb.measurement.shape import shape_of
from resorb.reading import QUANTITIES, Classes, DiscReading, Herniation, Quantity

#: Above this level discs are measured, not judged: rib joints look like displaced disc, and limits are lumbar.
FIRST_LUMBAR = Level("T12", "L1")
CUT_DISC_MM2 = 40.0  # a disc with more than this on the field's last slice goes on beyond it
NO_GAP = "the endplates do not face each other"
NO_FRONT = "the fronts of the two bodies are not seen"
NO_SIDES = "the field does not show enough of the disc's circumference"
NO_SAC = "there is no thecal sac at this level"

Side = Literal["left", "right", "midline"]


def slip_limit(level: Level, limits: Limits) -> float:
    """Forward slip from which it is called listhesis, mm."""
    return limits["listhesis_anterior_sacral" if level.lower == "S1" else "listhesis_anterior"]


def unmeasurable(anatomy: Anatomy, level: Level, why: str) -> DiscReading:
    """A level that has a disc but no frame: its volume, and why the rest is missing."""
    none = missing(why)
    numbers: dict[str, Any] = {name: none for name in QUANTITIES if name != "disc_volume_mm3"}
    return DiscReading(
        level=str(level),
        flags=("thoracic", "unmeasurable") if level < FIRST_LUMBAR else ("unmeasurable",),
        notes=(why,),
        confidence=anatomy.confidence.get(level),
        disc_volume_mm3=_disc_volume(anatomy, level),
        **numbers,
    )


def disc_record(
    scene: LevelScene,
    everything: Measured | None,
    herniations: Sequence[Measured],
    ratios: tuple[Quantity, Sequence[Quantity]],
) -> DiscReading:
    """The record of a framed level.

    Args:
        scene: the level.
        everything: all displaced material; None where no disc comes near the reference.
        herniations: its herniations.
        ratios: T2 ratio of all of it, and of each herniation.
    """
    frame = scene.frame
    records = tuple(
        record(one, n, ratio) for n, (one, ratio) in enumerate(zip(herniations, ratios[1], strict=True), 1)
    )
    flags, notes = _flags(scene, records)
    beyond = "displaced" in flags
    around = _around(scene)
    sizes: dict[str, Any] = _sizes(everything, herniations)
    classes = _classes(scene, everything, records, around)
    occupied = sizes["canal_occupied"].value
    return DiscReading(
        level=str(frame.level),
        flags=tuple(flags),
        notes=tuple(notes),
        confidence=scene.anatomy.confidence.get(frame.level),
        origin=point(frame.origin),
        upper_corner=point(frame.upper_corner),
        lower_corner=point(frame.lower_corner),
        lower_corner_source=frame.lower.source,
        apex=point(frame.to_world(everything.sagittal.apex))
        if beyond and everything and not everything.sagittal.empty
        else None,
        **_of_disc(scene, around),
        **sizes,
        t2_ratio=ratios[0],
        classes=classes,
        canal_compromise=canal_compromise(
            occupied,
            scene.limits,
            displaced=classes.morphology.value not in ("none", None) and occupied is not None,
            reason=sizes["canal_occupied"].reason,
        ),
        herniations=records,
        side=_side(scene, herniations) if beyond else None,
    )


def _around(scene: LevelScene) -> float | None:
    """Share of the circumference over which the disc reaches beyond its rims by more than the floor and their error."""
    rim_error = scene.limits["rim_error" if scene.anatomy.is_given else "rim_error_model"]
    return share_beyond(
        scene.surface,
        shape_of(scene.anatomy.disc(scene.frame.level), scene.anatomy.labels),
        scene.limits["bulge_floor"] + rim_error,
    )


def _of_disc(scene: LevelScene, around: float | None) -> dict[str, Any]:
    """What is measured of the disc itself and of the sac beside it, displaced or not."""
    frame = scene.frame
    return {
        "slip_mm": measured(frame.slip_mm, "offset of the facing posterior corners in the midline", SAGITTAL),
        "disc_volume_mm3": _disc_volume(scene.anatomy, frame.level),
        "disc_height_mm": known(
            frame.disc_height_mm if np.isfinite(frame.disc_height_mm) else None,
            NO_GAP,
            "mean distance between the facing endplates, midline third",
            SAGITTAL,
        ),
        "disc_height_index": known(
            frame.height_index,
            NO_FRONT,
            "mean of anterior, middle and posterior height over the disc's length, midline",
            SAGITTAL,
            ratio=True,
        ),
        "circumference_share": known(
            around,
            NO_SIDES,
            "share of the circumference over which the disc reaches beyond its rims",
            SAGITTAL,
            ratio=True,
        ),
        "sac_area_mm2": _sac_area(scene),
    }


def _flags(scene: LevelScene, herniations: Sequence[Herniation]) -> tuple[list[str], list[str]]:
    frame, limits, displaced = scene.frame, scene.limits, scene.displaced
    flags, notes = [], []
    thoracic = frame.level < FIRST_LUMBAR
    if thoracic:
        flags.append("thoracic")
    low, high = scene.surface.face
    by_slice = displaced.depth_by_slice_mm((low, high))
    beyond = not thoracic and (float(by_slice.max()) >= limits["displaced_depth"] or bool(herniations))
    if beyond:
        flags.append("displaced")
        if _focal(scene, herniations):
            flags.append("focal")
    slipped = (
        frame.slip_mm >= slip_limit(frame.level, limits) or -frame.slip_mm >= limits["listhesis_posterior"]
    )
    if slipped:
        flags.append("listhesis")
    if slipped and scene.uncovered_mm3 >= limits["uncovered_volume"]:
        flags.append("uncovered")
        notes.append(
            f"{scene.uncovered_mm3:.0f} mm3 of disc lie uncovered between the slipped corners, not counted as displaced"
        )
    if beyond and is_separate(scene.anatomy.disc(frame.level), displaced):
        notes.append("the deepest piece is separate from its disc; it is counted to the nearest level")
    if displaced.cropped:
        flags.append("cropped")
    confidence = scene.anatomy.confidence.get(frame.level)
    if confidence is not None and confidence < limits["low_confidence"]:
        flags.append("low_confidence")
    return flags, notes


def _focal(scene: LevelScene, herniations: Sequence[Herniation]) -> bool:
    """Whether what is displaced is deep, stands out from the bulge on both sides, and is narrow."""
    limits, displaced = scene.limits, scene.displaced
    widest = limits["focal_share"] * scene.circumference_mm
    spacing = float(displaced.volume.spacing_mm[0])
    by_slice = displaced.depth_by_slice_mm(scene.surface.face)
    peak = prominence(by_slice, spacing, limits["focal_relative_depth"])
    deep = float(by_slice.max()) >= limits["focal_depth"]
    if deep and peak.height_mm >= limits["focal_prominence"] and peak.width_mm < widest:
        return True
    # Beside the face, and in the canal between two others.
    return any(
        (one.depth_mm.at_least or 0.0) >= limits["focal_depth"] and (one.width_mm.at_least or 0.0) < widest
        for one in herniations
    )


def _sizes(everything: Measured | None, herniations: Sequence[Measured]) -> dict[str, Quantity]:
    """The quantities of all displaced material."""
    zero = measured(0.0, NOTHING, SAGITTAL)
    if everything is None:
        names = ("depth_mm", "area_mm2", "volume_mm3", "focal_volume_mm3", "bulge_volume_mm3", "contact_mm2")
        return {**dict.fromkeys(names, zero), **nothing(), "canal_occupied": zero}
    focal = sum(one.volume_mm3 for one in herniations)
    cut = everything.cropped
    found = {
        "depth_mm": everything.depth(),
        "volume_mm3": everything.volume(),
        "focal_volume_mm3": whole(
            focal,
            any(one.cropped for one in herniations),
            "volume of the herniations",
            everything.volume_source,
        ),
        "bulge_volume_mm3": whole(
            max(everything.volume_mm3 - focal, 0.0),
            cut,
            "volume displaced beside the herniations",
            everything.volume_source,
        ),
        "canal_occupied": everything.canal(),
    }
    if everything.sagittal.empty:
        by_slice = everything.voxels.by_slice_mm2()
        area = measured(float(by_slice.max()), "largest sagittal section", SAGITTAL)
        return {**found, **nothing(), "area_mm2": area, "contact_mm2": zero}
    return {
        **found,
        "area_mm2": everything.areas()["area_mm2"],
        "width_mm": everything.width(),
        "height_mm": everything.height(),
        **everything.migrations(),
        "contact_mm2": everything.contact(),
    }


def _classes(
    scene: LevelScene, everything: Measured | None, herniations: Sequence[Herniation], around: float | None
) -> Classes:
    """Those of the gravest herniation; of the disc's bulge where there is none."""
    own = [one.classes for one in herniations if one.classes is not None]
    if own:
        return own[gravest([one.morphology for one in own])]
    if everything is None or everything.sagittal.empty:
        return unplaced(bulge_or_none(around or 0.0, scene.limits), NOTHING)
    if around is None:
        around = everything.circumference_share
    localised = around <= scene.limits["focal_share"]
    if localised and everything.depth_mm >= scene.limits["displaced_depth"]:
        return classes_of(everything, scene, around)
    kind = bulge_or_none(around, scene.limits)
    return unplaced(kind, NOTHING) if kind.value == "none" else placed(kind, everything, scene)


def _sac_area(scene: LevelScene) -> Quantity:
    method = "thecal sac at disc height, at right angles to the canal"
    for source in (AXIAL, SAGITTAL):
        area = sac_area_mm2(scene.sacs.get(source), scene.frame)
        if area is not None:
            return measured(area, method, source)
    return missing(NO_SAC, method)


def _disc_volume(anatomy: Anatomy, level: Level) -> Quantity:
    mask = anatomy.disc(level)
    pixel = float(anatomy.labels.spacing_mm[1] * anatomy.labels.spacing_mm[2])
    edge = pixel * max(int(mask[0].sum()), int(mask[-1].sum()))
    volume = float(np.count_nonzero(mask) * anatomy.labels.voxel_volume_mm3)
    return whole(
        volume, edge > CUT_DISC_MM2, "volume of the disc mask, displaced material included", SAGITTAL
    )


def _side(scene: LevelScene, herniations: Sequence[Measured]) -> Side:
    """Side of the centre of the deepest herniation; without one, of all that is deeper than a share of the depth."""
    if herniations:
        centre = float(max(herniations, key=lambda one: one.depth_mm).best.centre[LEFT])
    else:
        displaced = scene.displaced
        deep = displaced.behind_mm >= scene.limits["focal_relative_depth"] * displaced.behind_mm.max()
        centre = float(displaced.local[deep, LEFT].mean())
    if abs(centre) <= scene.limits["midline_half_width"]:
        return "midline"
    return "left" if centre > 0 else "right"
