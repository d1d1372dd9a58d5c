"""A scene as inline SVG for the page: one grey image below, and a layer of outlines that can be hidden."""

from __future__ import annotations

import base64
import io

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from resorb.reporting.scene import REFERENCE, STYLES, Kind, Outline, Scene, Style
from resorb.reporting.section import PACKAGE
from resorb.study import FloatArray
from resorb.templates import templates

#: Of 9: a third of the time of the usual 6, for a page a tenth larger.
PNG_COMPRESSION = 3
#: Outlines keep this many decimals of a millimetre.
DECIMALS = 2
SCALE_BAR_MM = 10.0


def scene_svg(scene: Scene, width_px: float, *, letters: bool, scale_bar: bool = True) -> Markup:
    """One `<svg>` element in millimetres; fonts and lines keep their size when it is shown `width_px` wide.

    Args:
        scene: what to draw.
        width_px: the width it will mostly be shown at, CSS pixels.
        letters: draw the orientation letters.
        scale_bar: draw a bar of 10 mm.
    """
    values = {
        "scene": scene,
        "image": png_uri(scene.pixels),
        "paths": [(outline.kind, outline_path(outline)) for outline in scene.outlines],
        "reference": polyline(scene.reference) if scene.reference is not None else "",
        "px": scene.width_mm / width_px,
        "letters": letters,
        "scale_bar_mm": SCALE_BAR_MM if scale_bar else 0.0,
    }
    return Markup(templates(PACKAGE).get_template("scene.svg").render(values))


def outline_css() -> Markup:
    """The style sheet's rules for every kind of outline."""
    rules = [_rule(kind.value, style) for kind, style in STYLES.items()] + [_rule("reference", REFERENCE)]
    rules += [f".{kind}{{fill:url(#hatch-{kind});fill-opacity:1}}" for kind in hatched()]
    return Markup("\n".join(rules))


def hatched() -> dict[Kind, Style]:
    """The kinds whose outlines are filled by a hatch, which the page defines once."""
    return {kind: style for kind, style in STYLES.items() if style.hatch_deg is not None}


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """A grey image as a `data:` URI."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", compress_level=PNG_COMPRESSION)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def outline_path(outline: Outline) -> str:
    """The `d` attribute of a path of closed loops."""
    return "".join(f"M{polyline(loop[:-1])}Z" for loop in outline.loops)


def polyline(points: FloatArray) -> str:
    """Points (n, 2) as `x,y x,y ...`."""
    return " ".join(f"{x:.{DECIMALS}f},{y:.{DECIMALS}f}" for x, y in points.tolist())


def _rule(name: str, style: Style) -> str:
    px = 96 / 72
    dash = (
        f";stroke-dasharray:{' '.join(f'{d * style.width_pt * px:.1f}' for d in style.dash)}"
        if style.dash
        else ""
    )
    fill = f"fill:{style.colour};fill-opacity:{style.fill}" if style.fill else "fill:none"
    return f".{name}{{{fill};stroke:{style.colour};stroke-width:{style.width_pt * px:.2f}px{dash}}}"
