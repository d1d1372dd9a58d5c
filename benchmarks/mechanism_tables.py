"""The tables of `benchmarks.mechanism`: what its rows say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rich.table import Table as Shown

from benchmarks.common import console
from benchmarks.mechanism_patients import UNUSUAL
from resorb import __version__
from resorb.mechanism import Mechanism

GROUPS = ("retraction", "dehydration", "degradation", "mixture")
MODELS = (
    "unchanged",
    "retraction",
    "dehydration",
    "degradation",
    "retraction + dehydration",
    "retraction + degradation",
    "dehydration + degradation",
    "retraction + dehydration + degradation",
)
CLEAR = 0.9
AMOUNTS = {
    Mechanism.RETRACTION: "way_mm",
    Mechanism.DEHYDRATION: "water_lost",
    Mechanism.DEGRADATION: "layer_mm",
}


def show(rows: Iterable[Mapping[str, str]]) -> None:
    """Print every table of the rows there are."""
    own = [row for row in rows if row["resorb_version"] == __version__]
    for dates in sorted({row["dates"] for row in own}):
        usual = [row for row in own if row["dates"] == dates and not row["unusual"]]
        if usual:
            _confusion(usual, f"{dates} dates over 12 months")
            _worth(usual)
        if strange := [row for row in own if row["dates"] == dates and row["unusual"]]:
            _strange(strange, f"{dates} dates, courses that no model is made for")


def _group(name: str) -> str:
    return "mixture" if "+" in name else name


def _part(row: Mapping[str, str], mechanism: Mechanism) -> float:
    """Probability that a mechanism takes part, given that the material shrank."""
    shares = {name: float(row[name]) for name in MODELS[1:]}
    return sum(shares[name] for name in shares if mechanism in name) / max(sum(shares.values()), 1e-9)


def _chosen(row: Mapping[str, str]) -> str:
    """The likeliest of the three mechanisms and of all mixtures together."""
    shares = dict.fromkeys(GROUPS, 0.0)
    for name in MODELS[1:]:
        shares[_group(name)] += float(row[name])
    return max(shares, key=lambda group: shares[group])


def _confusion(rows: Sequence[Mapping[str, str]], title: str) -> None:
    shown = Shown(
        "truth", *GROUPS, "right", title=f"{title}: likeliest group by true one ({len(rows)} patients)"
    )
    for truth in GROUPS:
        own = [_chosen(row) for row in rows if _group(row["truth"]) == truth]
        if own:
            cells = [str(own.count(group)) for group in GROUPS]
            shown.add_row(truth, *cells, f"{own.count(truth) / len(own):.2f}")
    right = np.mean([_chosen(row) == _group(row["truth"]) for row in rows])
    shown.add_row("all", *[""] * len(GROUPS), f"{right:.2f}")
    console().print(shown)


def _worth(rows: Sequence[Mapping[str, str]]) -> None:
    shown = Shown("what", "value", "of", title="What the verdicts and forecasts are worth")
    clear = [row for row in rows if float(row["probability"]) >= CLEAR]
    right = [row["likeliest"] == row["truth"] for row in clear]
    shown.add_row("likeliest model at 0.9 or more", f"{len(clear) / len(rows):.2f}", str(len(rows)))
    shown.add_row("of these right", f"{np.mean(right):.2f}" if right else "-", str(len(right)))
    named = [row for row in rows if row["verdict"]]
    lies = [row for row in named if not set(row["verdict"].split(" + ")) & set(row["truth"].split(" + "))]
    shown.add_row("a model was named", f"{len(named) / len(rows):.2f}", str(len(rows)))
    shown.add_row("a model was named of which nothing is true", str(len(lies)), str(len(named)))
    for words, said, limit in (("takes part", True, CLEAR), ("takes no part", False, 1 - CLEAR)):
        told = [
            (str(mechanism) in row["truth"].split(" + ")) is said
            for row in rows
            for mechanism in Mechanism
            if (_part(row, mechanism) >= limit if said else _part(row, mechanism) <= limit)
        ]
        right_share = f"{np.mean(told):.2f}" if told else "-"
        shown.add_row(f"right, where a mechanism {words} at {CLEAR}", right_share, str(len(told)))
    shown.add_row(
        "mean of the highest probability",
        f"{np.mean([float(r['probability']) for r in rows]):.2f}",
        str(len(rows)),
    )
    shown.add_row("nothing explained", f"{np.mean([int(r['none_fits']) for r in rows]):.2f}", str(len(rows)))
    for name in ("volume_inside", "t2_inside", "volume_scan_inside", "t2_scan_inside"):
        values = [int(row[name]) for row in rows if row[name]]
        shown.add_row(f"18 months: {name.replace('_', ' ')} 95 %", f"{np.mean(values):.2f}", str(len(values)))
    for mechanism in Mechanism:
        pairs = [
            (float(r["amount_fitted"]), float(r["amount_true"]))
            for r in rows
            if r["truth"] == mechanism and r["amount_true"]
        ]
        if pairs:
            fitted, true = np.array(pairs).T
            shown.add_row(
                f"bias of {AMOUNTS[mechanism]}", f"{(fitted.mean() / true.mean() - 1):+.2f}", str(len(pairs))
            )
    seconds = [float(row["seconds"]) for row in rows]
    shown.add_row(
        "seconds a fit, median and worst", f"{np.median(seconds):.1f}, {max(seconds):.1f}", str(len(rows))
    )
    console().print(shown)


def _strange(rows: Sequence[Mapping[str, str]], title: str) -> None:
    shown = Shown(
        "course",
        "patients",
        "nothing explained",
        "named",
        "named wrongly",
        "mean highest probability",
        title=title,
    )
    for kind in UNUSUAL:
        own = [row for row in rows if row["unusual"] == kind]
        if own:
            named = [row for row in own if row["verdict"]]
            wrong = [row for row in named if kind == "growth" or "degradation" not in row["verdict"]]
            cells = [sum(int(row["none_fits"]) for row in own), len(named), len(wrong)]
            mean = np.mean([float(row["probability"]) for row in own])
            shown.add_row(kind, str(len(own)), *map(str, cells), f"{mean:.2f}")
    console().print(shown)
