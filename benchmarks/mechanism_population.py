"""Populations drawn from the priors of `resorb.mechanism`, beside published rates of regression by morphology."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.common import Table, console
from resorb.mechanism.kinetics import VOLUME, Mechanism, Shape, predict
from resorb.mechanism.priors import draw, load_priors
from resorb.mechanism.sampling import normal_scores
from resorb.study import FloatArray

DRAWS = 4000
MONTHS = 12.0
REGRESSED = 0.75  # of the first volume: a loss of a quarter, the least that pooled degrees of reduction count
GONE = 0.1  # of the first volume: hardly to be seen
COLUMNS = ("morphology", "model", "regressed", "gone", "draws")


@dataclass(frozen=True)
class Published:
    """Share of herniations that regressed, and that vanished, in pooled series."""

    chiu_2015: float
    zou_2023: float
    gone: float | None


#: Chiu 2015 (Clin Rehabil 29:184) and Zou 2023 (Clin Spine Surg, doi 10.1097/BSD.0000000000001490).
PUBLISHED = {
    "protrusion": Published(0.41, 0.3753, None),
    "extrusion": Published(0.70, 0.6691, 0.15),
    "sequestration": Published(0.96, 0.8777, 0.43),
}
#: Of usual sizes: a protrusion, a large extrusion with a narrow neck, a free fragment. Declared assumptions.
SHAPES = {
    "protrusion": Shape(depth_mm=5.0, width_mm=14.0, height_mm=8.0, neck=0.1),
    "extrusion": Shape(depth_mm=8.0, width_mm=14.0, height_mm=13.0, neck=0.75),
    "sequestration": Shape(depth_mm=7.0, width_mm=11.0, height_mm=13.0, neck=1.0, free=True),
}
NAMES = {
    "retraction": "retraction alone",
    "dehydration": "dehydration alone",
    "degradation": "degradation alone",
    "all": "all, with unchanged",
}


def write_population(output: Path) -> None:
    """Draw, print, append to `population.csv`, and draw `mechanism-population.png`."""
    table = Table(output / "population.csv", COLUMNS, ("morphology", "model"))
    for morphology, shape in SHAPES.items():
        for model, left in _volumes(shape).items():
            if table.holds(morphology=morphology, model=model):
                continue
            regressed, gone = (round(float(np.mean(left < limit)), 4) for limit in (REGRESSED, GONE))
            row: dict[str, object] = {
                "morphology": morphology,
                "model": model,
                "regressed": regressed,
                "gone": gone,
            }
            table.append({**row, "draws": len(left)})
    rows = table.rows()
    for one in rows:
        console().print(
            f"{one['morphology']:14} {one['model']:12} regressed {one['regressed']}, gone {one['gone']}"
        )
    _figure(rows).savefig(output / "mechanism-population.png", dpi=150)


def _volumes(shape: Shape) -> dict[str, FloatArray]:
    """Share of the volume that is left after a year, per model and in the proportions of the models' priors."""
    priors = load_priors()
    found, everything, chances = {}, [], priors.models(free=shape.free)
    for model, chance in chances.items():
        own = priors.of(model)
        given = draw(own, normal_scores(DRAWS, len(own), 7))
        left = predict(model.mechanisms, shape, given, np.array([MONTHS]))[VOLUME][:, 0]
        if len(model.mechanisms) == 1:
            found[model.name] = left
        everything.append(left[: round(DRAWS * chance)])
    return {**found, "all": np.concatenate(everything)}


def _figure(rows: list[dict[str, str]]) -> Figure:
    figure = Figure(figsize=(7.2, 3.0), facecolor="white")
    panels = figure.subplots(1, 3, sharey=True)
    hatches = dict(zip([*map(str, Mechanism), "all"], ("//", "..", "xx", ""), strict=True))
    for axes, (morphology, published) in zip(panels, PUBLISHED.items(), strict=True):
        own = [row for row in rows if row["morphology"] == morphology]
        for n, row in enumerate(own):
            hatch = hatches[row["model"]]
            axes.bar(
                n, float(row["regressed"]), color="#DDDDDD", edgecolor="#333333", hatch=hatch, linewidth=0.6
            )
            axes.plot(n, float(row["gone"]), "v", color="black", markersize=4)
        axes.axhline(published.chiu_2015, color="#0072B2", linestyle="--", linewidth=1)
        axes.axhline(published.zou_2023, color="#D55E00", linestyle="-.", linewidth=1)
        if published.gone is not None:
            axes.axhline(published.gone, color="#009E73", linestyle=":", linewidth=1.2)
        axes.set_title(morphology, fontsize=8)
        axes.set_xticks(range(len(own)), [NAMES[row["model"]].replace(" ", "\n") for row in own], fontsize=5)
        axes.tick_params(axis="y", labelsize=6)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(0, 1.02)
    panels[0].set_ylabel("share of patients", fontsize=7)
    figure.text(
        0.07,
        0.015,
        "Drawn from the priors. Bars: a quarter or more lost after 12 months; triangles: nine tenths or more. "
        "Published: dashed Chiu 2015,\ndash-dotted Zou 2023 (any regression, over very different times); dotted: "
        "complete resolution (Chiu 2015).",
        fontsize=5.5,
    )
    figure.subplots_adjust(left=0.07, right=0.99, top=0.9, bottom=0.27, wspace=0.08)
    return figure
