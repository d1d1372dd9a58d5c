"""The pictures of docs/mechanism.md."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from resorb import __version__
from resorb.mechanism import Observations, Observed, assumed_sd, explain_one, load_priors
from resorb.mechanism.figure import write_figure
from resorb.mechanism.kinetics import QUANTITIES, Mechanism, Shape, predict
from resorb.mechanism.record import MechanismRecord
from resorb.mechanism.words import EXPLORATORY
from resorb.study import FloatArray

SHAPE = Shape(depth_mm=8.0, width_mm=12.0, height_mm=12.0, neck=0.45)
DPI = 150
COLOURS = {"retraction": "#0072B2", "dehydration": "#E69F00", "degradation": "#009E73"}
DASHES = {"retraction": "--", "dehydration": ":", "degradation": "-."}
#: Parameters of the curves: such that each mechanism leaves about a quarter of the volume after a year.
TYPICAL = {
    "retraction_rate": 0.18,
    "retraction_reach": 0.6,
    "parent_gain": 0.6,
    "dehydration_rate": 0.2,
    "water_share": 0.85,
    "signal_lead": 1.8,
    "signal_loss": 0.6,
    "erosion_speed": 0.22,
    "erosion_lag": 1.5,
    "resistant_share": 0.02,
    "rim_signal": 0.0,
}
SHOWN = (
    ("volume_mm3", "volume"),
    ("t2_ratio", "T2 ratio"),
    ("contact_mm2", "contact"),
    ("depth_mm", "depth"),
    ("width_mm", "width"),
)


def write_pictures(folder: Path) -> None:
    """Write `mechanism-shapes.png`, `mechanism-curves.png` and `mechanism-example.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    _shapes().savefig(folder / "mechanism-shapes.png", dpi=DPI)
    _curves().savefig(folder / "mechanism-curves.png", dpi=DPI)
    with TemporaryDirectory() as scratch:
        write_figure(_example(), Path(scratch))
        shutil.copy(Path(scratch) / "mechanism.png", folder / "mechanism-example.png")


def _shapes() -> Figure:
    """What each mechanism does to the outline, in a cut at right angles to the reference surface."""
    figure = Figure(figsize=(7.2, 1.75), facecolor="white")
    panels = figure.subplots(1, 3)
    half, middle, wide = SHAPE.half_depth_mm, SHAPE.middle_mm, SHAPE.width_mm / 2
    for axes, mechanism in zip(panels, Mechanism, strict=True):
        axes.add_patch(Rectangle((-11, -4), 22, 4, color="#DDDDDD", linewidth=0))
        axes.axhline(0, color="black", linewidth=0.8)
        _outline(axes, (wide, half), middle, {"color": "black", "linewidth": 1.0})
        for step in (1, 2, 3):
            style = {"color": COLOURS[mechanism], "linestyle": DASHES[mechanism], "linewidth": 1.2}
            if mechanism is Mechanism.RETRACTION:
                _outline(axes, (wide, half), middle - 1.6 * step, style)
            elif mechanism is Mechanism.DEHYDRATION:
                scale = 1 - 0.2 * step
                _outline(axes, (scale * wide, scale * half), scale * middle, style)
            else:
                _outline(axes, (wide - 1.1 * step, half - 1.1 * step), middle, style)
        axes.set_title(mechanism, fontsize=9)
        axes.text(-10.5, -3.2, "disc", fontsize=7)
        axes.set_xlim(-11, 11)
        axes.set_ylim(-4, 9.5)
        axes.set_aspect("equal")
        axes.axis("off")
    panels[0].annotate("reference surface", (10.6, -0.9), fontsize=6, ha="right")
    figure.subplots_adjust(left=0.01, right=0.99, top=0.9, bottom=0.02, wspace=0.05)
    return figure


def _outline(axes: Axes, half: tuple[float, float], middle: float, style: dict[str, object]) -> None:
    """The part of an ellipse that lies behind the reference surface; axes across and away from the disc."""
    angle = np.linspace(0, 2 * np.pi, 721)
    x, z = half[0] * np.cos(angle), middle + half[1] * np.sin(angle)
    axes.plot(np.where(z >= 0, x, np.nan), np.where(z >= 0, z, np.nan), **style)  # type: ignore[arg-type]


def _curves() -> Figure:
    """Every quantity against time under each mechanism alone."""
    figure = Figure(figsize=(7.2, 1.9), facecolor="white")
    months = np.linspace(0, 14, 60)
    given: dict[str, FloatArray] = {name: np.array([value]) for name, value in TYPICAL.items()}
    for axes, (quantity, title) in zip(figure.subplots(1, len(SHOWN), sharey=True), SHOWN, strict=True):
        for mechanism in Mechanism:
            ratio = predict((mechanism,), SHAPE, given, months)[quantity][0]
            axes.plot(
                months, ratio, color=COLOURS[mechanism], linestyle=DASHES[mechanism], label=str(mechanism)
            )
        axes.set_title(title, fontsize=8)
        axes.set_xlabel("months", fontsize=7)
        axes.tick_params(labelsize=6)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylim(0, 1.6)
    figure.axes[0].set_ylabel("share of the first date", fontsize=7)
    figure.axes[0].legend(fontsize=5, frameon=False, loc="upper right")
    figure.subplots_adjust(left=0.07, right=0.99, top=0.87, bottom=0.24, wspace=0.12)
    return figure


def _example() -> MechanismRecord:
    """Four dates of a herniation that erodes, as the page's example has them."""
    rows = {
        "volume_mm3": (820.0, 610.0, 390.0, 190.0),
        "t2_ratio": (0.36, 0.37, 0.35, 0.38),
        "contact_mm2": (64.0, 52.0, 38.0, 22.0),
        "depth_mm": (8.4, 7.6, 6.7, 5.3),
        "width_mm": (14.1, 12.6, 10.4, 8.0),
    }
    measured = {
        name: tuple(Observed(value, assumed_sd(name, value)) for value in rows[name])
        for name in QUANTITIES
        if name in rows
    }
    observed = Observations((0.0, 122.0, 241.0, 368.0), measured, name="L4/L5 left", synthetic=True)
    return MechanismRecord(
        exploratory=EXPLORATORY,
        resorb_version=__version__,
        change_sha256="",
        synthetic=True,
        priors=dict(load_priors().sources),
        herniations=(explain_one("L4/L5-left-1", observed),),
    )
