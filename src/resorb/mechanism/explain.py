"""From a Change, or from one herniation's observations, to the record of what could have produced it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

import numpy as np

from resorb import __version__
from resorb.change import Change
from resorb.errors import UsageError
from resorb.mechanism.fit import Fit, fit
from resorb.mechanism.forecast import forecast, next_scan
from resorb.mechanism.from_change import observations_of
from resorb.mechanism.kinetics import DAYS_PER_MONTH, Mechanism
from resorb.mechanism.observations import Observations
from resorb.mechanism.priors import load_priors
from resorb.mechanism.record import (
    HerniationRecord,
    MeasuredRecord,
    MechanismRecord,
    ModelRecord,
    NextScanRecord,
    ParameterRecord,
    PredictionRecord,
)
from resorb.mechanism.words import EXPLORATORY, finding, scan_words

AHEAD_MONTHS = 12.0
STEPS = 25  # dates of the drawn curves
DIGITS = 6


def explain(change: Change) -> MechanismRecord:
    """Fit every herniation of a Change; those that cannot be fitted carry the reason."""
    names = {track.identifier: track.level for track in change.tracks}
    herniations = tuple(
        HerniationRecord(identifier=identifier, name=names[identifier], reason=str(found))
        if isinstance(found, UsageError)
        else explain_one(identifier, found)
        for identifier, found in observations_of(change)
    )
    return MechanismRecord(
        exploratory=EXPLORATORY,
        resorb_version=__version__,
        change_sha256=hashlib.sha256(change.to_json().encode()).hexdigest(),
        synthetic=change.synthetic,
        priors=dict(load_priors().sources),
        herniations=herniations,
    )


def explain_one(identifier: str, observed: Observations) -> HerniationRecord:
    """Fit one herniation, and put everything that is known of it into a record."""
    fitted = fit(observed)
    found, scan = finding(fitted), next_scan(fitted)
    words = scan_words(scan, observed.days[-1])
    ahead = np.linspace(0.0, observed.days[-1] + AHEAD_MONTHS * DAYS_PER_MONTH, STEPS).tolist()
    days = sorted({round(day, 1) for day in (*ahead, *observed.days)})
    return HerniationRecord(
        identifier=identifier,
        name=observed.name or identifier,
        notes=observed.notes,
        verdict=found.verdict,
        sentences=found.sentences,
        measured=_measured(observed),
        models=_models(fitted),
        takes_part={str(m): _rounded(fitted.takes_part(m)) for m in Mechanism},
        predictions=tuple(
            PredictionRecord.model_validate(
                {key: _rounded(v) if isinstance(v, float) else v for key, v in asdict(one).items()}
            )
            for one in forecast(fitted, days)
        ),
        next_scan=None
        if scan is None
        else NextScanRecord(
            days=round(scan.days, 1),
            bits=_rounded(scan.bits),
            entropy_bits=_rounded(scan.entropy_bits),
            curve=tuple((round(day, 1), _rounded(bits)) for day, bits in scan.curve),
            words=words,
        ),
    )


def _measured(observed: Observations) -> tuple[MeasuredRecord, ...]:
    return tuple(
        MeasuredRecord(quantity=name, days=day, value=one.value, sd=_rounded(one.sd))
        for name, values in observed.measured.items()
        for day, one in zip(observed.days, values, strict=True)
        if one is not None
    )


def _models(fitted: Fit) -> tuple[ModelRecord, ...]:
    given = {one.model.name: share for one, share in fitted.shrinking}
    records = []
    for one in fitted.models:
        parameters = []
        for prior in fitted.priors.of(one.model):
            middle, low, high = one.interval(prior.name)
            before = prior.interval()
            parameters.append(
                ParameterRecord(
                    name=prior.name,
                    unit=prior.unit,
                    meaning=prior.meaning,
                    source=prior.source,
                    median=_rounded(middle),
                    low=_rounded(low),
                    high=_rounded(high),
                    prior_low=_rounded(before[0]),
                    prior_high=_rounded(before[1]),
                )
            )
        share = given.get(one.model.name)
        records.append(
            ModelRecord(
                name=one.model.name,
                mechanisms=tuple(str(m) for m in one.model.mechanisms),
                prior=_rounded(one.prior),
                probability=_rounded(one.probability),
                given_shrinkage=None if share is None else _rounded(share),
                p_value=_rounded(one.p_value),
                fits=one.fits,
                effective_draws=round(one.effective, 1),
                parameters=tuple(parameters),
            )
        )
    return tuple(records)


def _rounded(value: float) -> float:
    """To six digits: what processors round differently does not reach the stored bytes."""
    return float(f"{value:.{DIGITS}g}")
