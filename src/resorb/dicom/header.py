"""What one frame's header says: `Slice` (where it lies, how its values read) and `Facts` (how it was made)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from resorb.study import FloatArray

#: Functional groups of enhanced multi-frame images that hold what resorb uses.
FUNCTIONAL_GROUPS = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "FrameContentSequence",
    "FrameAnatomySequence",
    "MRImageFrameTypeSequence",
    "MREchoSequence",
    "MRTimingAndRelatedParametersSequence",
    "MRModifierSequence",
    "MRDiffusionSequence",
)
_DESCRIPTION = re.compile(r"[\w /+.()\-]{1,40}")
#: A longer run of digits may be a date of birth or a record number.
_MANY_DIGITS = re.compile(r"\d{6,}")
MAX_FRAME_PIXELS = 8192 * 8192


@dataclass(frozen=True)
class Facts:
    """How an image was acquired, as far as the header tells; times in ms.

    `words` is free text (description, protocol and sequence names, casefolded) to search in, never to
    print; `description` may be printed.
    """

    te_ms: float | None
    tr_ms: float | None
    ti_ms: float | None
    echo_train: float | None
    field_t: float | None
    thickness_mm: float | None
    scanning: frozenset[str]
    options: frozenset[str]
    image_type: tuple[str, ...]
    three_d: bool
    acquisition_contrast: str
    suppression: str
    contrast_agent: bool
    b_value: float | None
    manufacturer: str
    body_part: str
    words: str
    description: str
    synthetic: bool


@dataclass(frozen=True, eq=False)
class Slice:
    """One frame of one file, without its pixels.

    Attributes:
        file: index of the file in the input; frame: index of the frame in the file.
        rows, columns: size of the frame.
        position: (3,) LPS mm of the centre of the first pixel.
        along_row, along_column: (3,) LPS unit vectors of increasing column and row index.
        pixel_mm: distance between (rows, columns).
        order: instance number, then frame: which of two copies is the first.
    """

    file: int
    frame: int
    series: str
    rows: int
    columns: int
    position: FloatArray
    along_row: FloatArray
    along_column: FloatArray
    pixel_mm: tuple[float, float]
    slope: float
    intercept: float
    inverted: bool
    bits_stored: int
    order: tuple[float, int]
    series_number: int | None
    frame_of_reference: str
    temporal: float | None
    acquisition: float | None
    facts: Facts

    @property
    def normal(self) -> FloatArray:
        return np.cross(self.along_row, self.along_column)

    @property
    def place(self) -> tuple[float, ...]:
        """Equal for slices that show the same place."""
        lying = (*self.along_row, *self.along_column)
        where = (
            *(round(float(v), 3) + 0.0 for v in lying),
            *(round(float(v), 2) + 0.0 for v in self.position),
        )
        return (*where, self.rows, self.columns, *self.pixel_mm)


class Header:
    """A frame's header: its functional groups where there are any, then the data set itself."""

    def __init__(self, dataset: Dataset, frame: int = 0) -> None:
        self.layers: list[Dataset] = []
        per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
        shared = dataset.get("SharedFunctionalGroupsSequence") or []
        for groups in ([per_frame[frame]] if frame < len(per_frame) else [], list(shared)[:1]):
            for group in groups:
                for keyword in FUNCTIONAL_GROUPS:
                    if items := group.get(keyword):
                        self.layers.append(items[0])
        self.layers.append(dataset)

    def get(self, keyword: str) -> Any:
        for layer in self.layers:
            value = layer.get(keyword)
            if value is not None and value != "":
                return value
        return None

    def text(self, keyword: str) -> str:
        return " ".join(self.texts(keyword))

    def texts(self, keyword: str) -> tuple[str, ...]:
        value = self.get(keyword)
        if value is None:
            return ()
        # A person's name is iterable too, letter by letter.
        values = value if isinstance(value, MultiValue | list | tuple) else [value]
        return tuple(str(v).strip() for v in values)

    def numbers(self, keyword: str, count: int) -> FloatArray | None:
        """Exactly `count` finite numbers, or None."""
        try:
            values = np.array([float(text) for text in self.texts(keyword)])
        except ValueError:
            return None
        return values if values.shape == (count,) and np.isfinite(values).all() else None

    def number(self, *keywords: str) -> float | None:
        """The first of these keywords that holds a finite number (the first one, where it holds several)."""
        for keyword in keywords:
            for text in self.texts(keyword)[:1]:
                try:
                    value = float(text)
                except ValueError:
                    continue
                if math.isfinite(value):
                    return value
        return None


def slices_of(dataset: Dataset, file: int) -> Iterator[Slice]:
    """The frames of one image object that have a place in the patient; none for a secondary capture."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    if not per_frame and (Header(dataset).number("NumberOfFrames") or 1) > 1:
        return  # several frames with one position: no geometry
    frames = len(per_frame) if per_frame else 1
    for frame in range(frames):
        if found := _slice(Header(dataset, frame), file, frame):
            yield found


def _slice(header: Header, file: int, frame: int) -> Slice | None:
    position = header.numbers("ImagePositionPatient", 3)
    orientation = header.numbers("ImageOrientationPatient", 6)
    pixel = header.numbers("PixelSpacing", 2)
    rows, columns = header.number("Rows"), header.number("Columns")
    if position is None or orientation is None or pixel is None or not rows or not columns:
        return None
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(along_row @ along_column) > 0.01 or (pixel <= 0).any():
        return None
    if header.number("SamplesPerPixel") not in (None, 1.0) or rows * columns > MAX_FRAME_PIXELS:
        return None
    along_row = along_row / lengths[0]
    along_column = along_column - (along_column @ along_row) * along_row
    series_number = header.number("SeriesNumber")
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    return Slice(
        file=file,
        frame=frame,
        series=header.text("SeriesInstanceUID"),
        rows=int(rows),
        columns=int(columns),
        position=position,
        along_row=along_row,
        along_column=along_column / np.linalg.norm(along_column),
        pixel_mm=(float(pixel[0]), float(pixel[1])),
        slope=slope if slope else 1.0,  # a slope of 0 would erase the image
        intercept=intercept or 0.0,
        inverted=header.text("PhotometricInterpretation") == "MONOCHROME1",
        bits_stored=int(header.number("BitsStored") or 16),
        order=(header.number("InstanceNumber") or 0.0, frame),
        series_number=None if series_number is None else int(series_number),
        frame_of_reference=header.text("FrameOfReferenceUID"),
        temporal=header.number("TemporalPositionIndex", "TemporalPositionIdentifier"),
        acquisition=header.number("AcquisitionNumber", "FrameAcquisitionNumber"),
        facts=_facts(header),
    )


def _facts(header: Header) -> Facts:
    scanning = {text.upper() for text in header.texts("ScanningSequence")}
    pulse = header.text("EchoPulseSequence").upper()
    scanning |= {"SE"} if pulse in ("SPIN", "BOTH") else set()
    scanning |= {"GR"} if pulse in ("GRADIENT", "BOTH") else set()
    scanning |= {"EP"} if header.text("EchoPlanarPulseSequence").upper() == "YES" else set()
    scanning |= {"IR"} if header.text("InversionRecovery").upper() == "YES" else set()
    image_type = tuple(text.upper() for text in header.texts("FrameType") or header.texts("ImageType"))
    text = [
        header.text(k) for k in ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName")
    ]
    marks = (*image_type, *text, header.text("ContentLabel"), header.text("ContentDescription"))
    anatomy = header.get("AnatomicRegionSequence")
    region = str(anatomy[0].get("CodeMeaning", "")) if anatomy else ""
    return Facts(
        te_ms=header.number("EffectiveEchoTime", "EchoTime"),
        tr_ms=header.number("RepetitionTime"),
        ti_ms=header.number("InversionTime", "InversionTimes"),
        echo_train=header.number("EchoTrainLength", "RFEchoTrainLength"),
        field_t=header.number("MagneticFieldStrength"),
        thickness_mm=header.number("SliceThickness"),
        scanning=frozenset(scanning),
        options=frozenset(text.upper() for text in header.texts("ScanOptions")),
        image_type=image_type,
        three_d=header.text("MRAcquisitionType").upper() == "3D",
        acquisition_contrast=header.text("AcquisitionContrast").upper(),
        suppression=header.text("SpectrallySelectedSuppression").upper(),
        contrast_agent=bool(header.text("ContrastBolusAgent")),
        b_value=header.number("DiffusionBValue"),
        manufacturer=header.text("Manufacturer"),
        body_part=f"{header.text('BodyPartExamined')} {region}".strip(),
        words=" ".join(text).casefold().replace("_", " "),
        description=_describe(header),
        synthetic=header.text("SyntheticData").upper() == "YES"
        or any("SYNTHETIC" in mark.upper() for mark in marks),
    )


def _describe(header: Header) -> str:
    """The scanner's name of the series, where it is plain and holds nothing of the patient's name or number."""
    text = header.text("SeriesDescription")
    if not _DESCRIPTION.fullmatch(text) or _MANY_DIGITS.search(text):
        return ""
    identity = f"{header.text('PatientName')} {header.text('PatientID')} {header.text('OtherPatientIDs')}"
    private = {part for part in re.split(r"\W+|_", identity.casefold()) if len(part) >= 3}
    private.discard("synthetic")  # the name of nobody
    return "" if any(part in text.casefold() for part in private) else text
