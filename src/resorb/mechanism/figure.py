"""`mechanism.png` and `mechanism.svg`: what was measured, what each mechanism expects, and how likely each model is.

Told apart in grey by dash and mark. Colours of Okabe and Ito, Color Universal Design (2008).
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from resorb.mechanism.forecast import AVERAGE
from resorb.mechanism.kinetics import DAYS_PER_MONTH, Mechanism
from resorb.mechanism.record import HerniationRecord, MechanismRecord, PredictionRecord
from resorb.mechanism.words import QUANTITY_WORDS, model_words

WIDTH_IN, ROW_IN, HEAD_IN, DPI = 7.2, 4.5, 0.5, 200
INK, SOFT = "#222222", "#777777"
LINES = {
    str(Mechanism.RETRACTION): ("#0072B2", (0, (5, 2))),
    str(Mechanism.DEHYDRATION): ("#E69F00", (0, (1, 1.2))),
    str(Mechanism.DEGRADATION): ("#009E73", (0, (7, 1.5, 1.5, 1.5))),
}
PANELS = ("volume_mm3", "t2_ratio", "contact_mm2")
OTHER_PANELS = ("depth_mm", "width_mm", "height_mm", "parent_mm3")
RC: dict[RcKeyType, object] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 7,
    "svg.fonttype": "path",
    "svg.hashsalt": "resorb",
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
}
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def write_figure(record: MechanismRecord, folder: Path) -> str:
    """Write `mechanism.png` and `mechanism.svg` into a folder; the same record gives the same bytes.

    Returns:
        The SVG's text; empty, and nothing is written, where no herniation was fitted.

    Raises:
        OSError: a file cannot be written.
    """
    if not any(one.models for one in record.herniations):
        return ""
    with rc_context(RC):
        figure = draw(record)
        figure.savefig(folder / "mechanism.png", format="png", dpi=DPI, metadata={"Software": None})
        text = _svg(figure)
    (folder / "mechanism.svg").write_text(text, encoding="utf-8")
    return text


def figure_svg(record: MechanismRecord) -> str:
    """The same figure as SVG, for a page; empty where no herniation was fitted."""
    if not any(one.models for one in record.herniations):
        return ""
    with rc_context(RC):
        return _svg(draw(record))


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=NO_METADATA)
    return text.getvalue()


def draw(record: MechanismRecord) -> Figure:
    """One row of panels per herniation that was fitted: three quantities over time, and the models' probabilities."""
    rows = [one for one in record.herniations if one.models]
    figure = Figure(figsize=(WIDTH_IN, HEAD_IN + ROW_IN * len(rows)), dpi=DPI, facecolor="white")
    parts = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, one in zip(parts, rows, strict=True):
        panels = part.subplots(2, 2)
        part.subplots_adjust(left=0.09, right=0.985, bottom=0.17, top=0.86, hspace=0.42, wspace=0.55)
        for axes, quantity in zip(panels.ravel()[:3], _panels(one), strict=False):
            _course(axes, one, quantity)
        _probabilities(panels[1, 1], one)
        part.suptitle(f"{one.name}: what each mechanism alone would show", fontsize=8, color=INK, y=0.95)
        said = "SYNTHETIC patient. " if record.synthetic else ""
        foot = (
            f"{said}Exploratory, research use only; says nothing about recovery. Points: measured, with 95 % "
            "intervals. Lines: each mechanism alone,\nfitted; grey band: all models, weighed by their probability: "
            "95 % interval of the true value."
        )
        part.text(0.09, 0.02, foot, fontsize=5.5, color=SOFT, va="bottom")
    return figure


def _panels(one: HerniationRecord) -> tuple[str, ...]:
    """Three quantities that were measured more than once, those that tell most first."""
    counts = {name: sum(m.quantity == name for m in one.measured) for name in QUANTITY_WORDS}
    return tuple(name for name in (*PANELS, *OTHER_PANELS) if counts[name] > 1)[:3]


def _course(axes: Axes, one: HerniationRecord, quantity: str) -> None:
    band = _of(one, quantity, AVERAGE)
    months = [p.days / DAYS_PER_MONTH for p in band]
    axes.fill_between(
        months, [p.low for p in band], [p.high for p in band], color="#D9D9D9", linewidth=0, zorder=1
    )
    for name, (colour, dash) in LINES.items():
        if line := _of(one, quantity, name):
            axes.plot(
                months,
                [p.median for p in line],
                color=colour,
                linestyle=dash,
                linewidth=1.3,
                label=name,
                zorder=2,
            )
    points = [m for m in one.measured if m.quantity == quantity]
    axes.errorbar(
        [m.days / DAYS_PER_MONTH for m in points],
        [m.value for m in points],
        yerr=[1.96 * m.sd for m in points],
        fmt="o",
        color=INK,
        markersize=3,
        linewidth=0.8,
        capsize=2,
        zorder=3,
    )
    name, unit, _ = QUANTITY_WORDS[quantity]
    axes.set_ylabel(f"{name} ({unit})" if unit else name, color=INK)
    axes.set_xlabel("months since the first scan", color=INK)
    top = max((m.value + 2.5 * m.sd for m in points), default=1.0)
    axes.set_ylim(0, 1.05 * max(top, max((p.median for p in band), default=0.0)))
    axes.margins(x=0.02)
    axes.spines[["top", "right"]].set_visible(False)
    if quantity == PANELS[0]:
        axes.legend(frameon=False, fontsize=6, handlelength=3.2, loc="upper right")


def _probabilities(axes: Axes, one: HerniationRecord) -> None:
    """Bars of the models' probabilities, with a mark where each stood before the data."""
    models = sorted((m for m in one.models if m.mechanisms), key=lambda m: (len(m.mechanisms), m.name))
    total = sum(m.prior for m in models)
    places = np.arange(len(models))
    colours = [LINES[m.name][0] if m.name in LINES else "#999999" for m in models]
    axes.barh(places, [m.given_shrinkage or 0.0 for m in models], color=colours, height=0.62)
    axes.plot(
        [m.prior / total for m in models], places, "|", color=INK, markersize=8, label="before the data"
    )
    axes.set_yticks(
        places, [model_words(m.name).replace(" and ", " +\n").replace(" together", "") for m in models]
    )
    axes.tick_params(axis="y", labelsize=5, length=0)
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.set_xlabel("probability, given that it shrank", color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=6, loc="lower right", handlelength=1)


def _of(one: HerniationRecord, quantity: str, model: str) -> list[PredictionRecord]:
    return [p for p in one.predictions if p.quantity == quantity and p.model == model]
