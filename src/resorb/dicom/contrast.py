"""What a series is weighted by, told from its timing first and its name second.

The bands of echo, repetition and inversion time are those of clinical spine protocols at 1-3 T (spin echo
T1: TR < 1000 ms, TE < 30 ms; T2: TR > 1500 ms, TE > 60 ms; STIR: TI 120-230 ms, widened for low field).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from resorb.dicom.header import Facts
from resorb.study import Contrast

T2_MIN_TE_MS, T2_MAX_TE_MS, T2_MIN_TR_MS = 60.0, 300.0, 1500.0
#: Variable-flip-angle 3D sequences (SPACE, CUBE, VISTA) are run faster than 2D ones.
T2_3D_MIN_TR_MS = 900.0
T1_MAX_TE_MS, T1_MAX_TR_MS = 30.0, 1000.0
STIR_TI_MS = (80.0, 250.0)


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(patterns)})(?![a-z0-9*])")


_LOCALIZER = _words(
    "locali[sz]er", "loc", "scout", "survey", "rep[eé]rage", "localizador", "3[ -]?plane?(?: loc)?"
)
_NOT_ANATOMY = _words(
    "dwi", "diff(?:usion)?", "adc", "trace", "dti", "myelo(?:gram|graphy|graphie)?", "mip", "perf(?:usion)?"
)
_GRADIENT = _words(
    "ciss", "fiesta", "trufi", "b-?ffe", "medic", "merge", "mffe", "gre", "ffe", "t2 ?star", r"t2\*"
)
_STIR = _words("stir", "tirm", "ir-?tse", "short tau")
_FLAIR = _words("flair")
_T2 = _words("t2", "t2[- ]?(?:w|wi|tse|fse|frfse|sag|tra|ax|cor)", "[a-z]+t2w?")
_T1 = _words("t1", "t1[- ]?(?:w|wi|tse|fse|se|sag|tra|ax|cor)")
_PD = _words("pd", "pdw", "dp", "proton density", "densit[eéà] (?:de |di )?protons?")
_FAT_SUPPRESSED = _words(
    *("fs", "fatsat", "fat ?sat(?:urated|uration)?", "fat ?sup(?:p|pressed|pression)?", "spair", "spir"),
    *("dixon ?w(?:ater)?", "fettges[aä]ttigt", "fetts[aä]ttigung", "fettunterdr[uü]ckung"),
    *("sat(?:uration)? (?:de )?graisse", "sat(?:uraci[oó]n)? grasa"),
)

_MANUFACTURERS = {
    "siemens": "SIEMENS",
    "philips": "PHILIPS",
    "ge ": "GE",
    "general electric": "GE",
    "canon": "CANON",
    "toshiba": "TOSHIBA",
    "hitachi": "HITACHI",
    "fujifilm": "FUJIFILM",
    "esaote": "ESAOTE",
    "united imaging": "UIH",
    "uih": "UIH",
}

#: A part of the body that is not the lumbar spine: its name, and the words that tell it.
_OTHER_PARTS = {
    "head": _words(
        "head", "brain", "skull", "kopf", "sch[aä]del", "cerebr[a-z]*", "cr[aâ]n[a-z]*", "encephal[a-z]*"
    ),
    "neck": _words("neck", "c-?spine", "cervical[a-z]*(?: spine)?", "hws", "hals"),
    "knee": _words("knee", "knie", "genou", "rodilla", "ginocchio"),
    "shoulder": _words("shoulder", "schulter", "[eé]paule", "hombro", "spalla"),
    "limb": _words("hip", "ankle", "foot", "hand", "wrist", "elbow", "extremity", "leg", "arm", "h[uü]fte"),
    "breast": _words("breast", "mamma"),
    "chest": _words("chest", "heart", "thorax", "cardiac"),
    "prostate": _words("prostate", "prostata"),
}
_LUMBAR = _words(
    "l-?spine", "lspine", "lumb[a-z]*", "lws", "lsspine", "ls", "lendenwirbel[a-z]*", "l[sS]-?spine"
)


@dataclass(frozen=True)
class Weighting:
    """The contrast of a series, whether its fat is suppressed, and from which facts that follows."""

    contrast: Contrast
    fat_suppressed: bool
    why: str


def weighting(facts: Facts) -> Weighting:
    """Classify one series."""
    contrast, why = _contrast(facts)
    fat = (
        bool(facts.options & {"FS", "SFS", "FAT_SAT", "FATSAT", "FAT-SAT"})
        or facts.suppression in ("FAT", "FAT_AND_WATER")
        or "WATER" in facts.image_type
        or bool(_FAT_SUPPRESSED.search(facts.words))
    )
    return Weighting(contrast, fat, why)


def _contrast(facts: Facts) -> tuple[Contrast, str]:
    words, te, tr, ti = facts.words, facts.te_ms, facts.tr_ms, facts.ti_ms
    if "LOCALIZER" in facts.image_type or _LOCALIZER.search(words):
        return Contrast.LOCALIZER, "called a localizer by its header"
    if reason := _no_anatomy(facts):
        return Contrast.OTHER, reason
    if _FLAIR.search(words) or (ti and ti > 1500):
        return (Contrast.T1, "T1 FLAIR") if te and te <= T1_MAX_TE_MS else (Contrast.OTHER, "FLAIR")
    if ti and STIR_TI_MS[0] <= ti <= STIR_TI_MS[1]:
        return Contrast.STIR, f"inversion time {ti:g} ms"
    if _STIR.search(words) or facts.acquisition_contrast == "STIR":
        return Contrast.STIR, "called STIR by its header"
    if te and tr:
        return _by_timing(facts, te, tr)
    return _by_name(facts)


def _no_anatomy(facts: Facts) -> str:
    """Why this is no plain anatomical image; empty if it may be one."""
    kinds = {
        "DIFFUSION",
        "ADC",
        "TRACEW",
        "FA",
        "MIP",
        "PROJECTION IMAGE",
        "PHASE",
        "PHASE MAP",
        "P",
        "T2 MAP",
        "T1 MAP",
    }
    kinds |= {"SUBTRACTION", "FAT", "OPP_PHASE", "OUT_PHASE", "MOSAIC", "VELOCITY", "REAL", "IMAGINARY"}
    if kinds & set(facts.image_type[2:]) or facts.b_value:
        return "a derived map or diffusion image"
    if "EP" in facts.scanning:
        return "echo planar"
    if _NOT_ANATOMY.search(facts.words):
        return "called diffusion, perfusion, projection or myelography by its header"
    return ""


def _by_timing(facts: Facts, te: float, tr: float) -> tuple[Contrast, str]:
    timing = f"TE {te:g} ms, TR {tr:g} ms"
    if ("GR" in facts.scanning and "SE" not in facts.scanning) or _GRADIENT.search(facts.words):
        return Contrast.OTHER, f"gradient echo ({timing})"
    if te > T2_MAX_TE_MS:
        return Contrast.OTHER, f"so heavily T2-weighted that tissue is dark ({timing})"
    if te >= T2_MIN_TE_MS and tr >= (T2_3D_MIN_TR_MS if facts.three_d else T2_MIN_TR_MS):
        return Contrast.T2, timing
    if te <= T1_MAX_TE_MS and tr <= T1_MAX_TR_MS:
        return Contrast.T1, timing
    if te < T2_MIN_TE_MS and tr >= T2_MIN_TR_MS:
        return Contrast.PD, timing
    return Contrast.OTHER, f"neither T1 nor T2 by its timing ({timing})"


def _by_name(facts: Facts) -> tuple[Contrast, str]:
    named = {
        contrast
        for contrast, pattern in ((Contrast.T2, _T2), (Contrast.T1, _T1), (Contrast.PD, _PD))
        if pattern.search(facts.words)
    }
    stated = {"T2": Contrast.T2, "T1": Contrast.T1, "PROTON_DENSITY": Contrast.PD}.get(
        facts.acquisition_contrast
    )
    if stated:
        return stated, "called so by its header (no echo and repetition time)"
    if len(named) == 1 and not _GRADIENT.search(facts.words):
        return named.pop(), "called so by its name (no echo and repetition time)"
    return Contrast.UNKNOWN, "neither timing nor a name in its header"


def manufacturer(facts: Facts) -> str:
    """One of a few known names; the raw value is never passed on."""
    text = f"{facts.manufacturer.casefold()} "
    return next(
        (name for word, name in _MANUFACTURERS.items() if word in text), "other" if text.strip() else ""
    )


def body_part(facts: Facts) -> str:
    """`lumbar`, the name of another part of the body, or empty where the header does not tell."""
    stated = facts.body_part.casefold().replace("_", " ")
    # Body part is often left at the scanner's default: the word lumbar anywhere wins.
    if _LUMBAR.search(stated) or _LUMBAR.search(facts.words):
        return "lumbar"
    for text in (stated, facts.words):
        for part, pattern in _OTHER_PARTS.items():
            if pattern.search(text):
                return part
    return ""
