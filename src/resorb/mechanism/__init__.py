"""Why a herniation shrank: three proposed mechanisms as models, fitted to what was measured (docs/mechanism.md).

Exploratory, for research: nothing here has been validated in patients.
"""

from __future__ import annotations

from resorb.mechanism.explain import explain, explain_one
from resorb.mechanism.fit import Fit, ModelFit, fit
from resorb.mechanism.forecast import NextScan, Prediction, forecast, next_scan
from resorb.mechanism.from_change import observations_of
from resorb.mechanism.kinetics import Mechanism
from resorb.mechanism.observations import Observations, Observed, assumed_sd
from resorb.mechanism.priors import Priors, load_priors
from resorb.mechanism.record import MechanismRecord
from resorb.mechanism.words import finding, scan_words

__all__ = [
    "Fit",
    "Mechanism",
    "MechanismRecord",
    "ModelFit",
    "NextScan",
    "Observations",
    "Observed",
    "Prediction",
    "Priors",
    "assumed_sd",
    "explain",
    "explain_one",
    "finding",
    "fit",
    "forecast",
    "load_priors",
    "next_scan",
    "observations_of",
    "scan_words",
]
