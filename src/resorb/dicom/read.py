"""A set of DICOM files in any order, under any names, to the `Series` of one study."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from io import BytesIO

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from resorb.dicom.contrast import Weighting, body_part, manufacturer, weighting
from resorb.dicom.geometry import MIN_SLICES, Arrangement, Stack, arrange, separate
from resorb.dicom.header import Header, Slice, slices_of
from resorb.dicom.pixels import Pixels, assemble, decode
from resorb.dicom.quiet import quiet
from resorb.errors import InputError, NotMeasurableError
from resorb.study import Contrast, Plane, Series, Volume

#: Reads the bytes of one file or archive entry; may be called more than once.
Source = Callable[[], bytes]

DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
#: MR images: plain, enhanced, enhanced colour, legacy converted.
IMAGE_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.4{part}" for part in ("", ".1", ".3", ".4"))
DAMAGED = "damaged or truncated DICOM"
FIRST_PLAUSIBLE_YEAR = 1980
#: Stacks of one series whose normals differ by more than this show different planes.
MIXED_PLANES_DEG = 50.0


@dataclass(frozen=True, eq=False)
class DicomStudy:
    """What the files of one study hold.

    Attributes:
        series: every image series, by number.
        warnings: what was left out or is doubtful, in words.
        sha256: over the digests of the DICOM files, sorted: names and order do not matter.
    """

    series: tuple[Series, ...]
    warnings: tuple[str, ...]
    study_date: date | None
    sha256: str
    synthetic: bool


@dataclass
class _Found:
    """What the first pass, over headers only, has found."""

    slices: list[Slice] = field(default_factory=list)
    sources: dict[int, Source] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    studies: set[str] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)
    dates: set[date] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)
    other_modality: int = 0


def looks_like_dicom(head: bytes) -> bool:
    """Whether a file's first 132 or more bytes begin a DICOM file, with or without its preamble."""
    if head[128:132] == b"DICM":
        return True
    # Without a preamble, the first element is of group 0002 or 0008, element below 0x20.
    return len(head) > 8 and head[:2] in (b"\x02\x00", b"\x08\x00") and head[2] < 0x20 and head[3] == 0


def read_dicom(sources: Iterable[Source], name: str) -> DicomStudy:
    """Read one study from files of any kind; what is not DICOM is passed over.

    Args:
        sources: one per file.
        name: what the user called the input; for messages.

    Raises:
        InputError: no DICOM image among the files, none readable, or images of several studies.
        NotMeasurableError: images, but none of MRI or none with a place in the patient.
    """
    with quiet():
        found = _scan(sources)
        _refuse_unusable(found, name)
        series = _all_series(found)
    if not series:
        raise InputError(f"{name}: no image could be decoded (damaged or truncated DICOM files)")
    warnings = [f"{_count(n, 'file')} left out: {reason}" for reason, n in sorted(found.left_out.items())]
    if len(found.dates) > 1:
        warnings.append(f"the headers give {len(found.dates)} different study dates; the earliest is used")
    if not found.dates:
        warnings.append("the headers give no study date")
    return DicomStudy(
        series=tuple(series),
        warnings=tuple(warnings),
        study_date=min(found.dates, default=None),
        sha256=sha256("".join(sorted(found.digests.values())).encode()).hexdigest(),
        synthetic=any(item.facts.synthetic for item in found.slices),
    )


def _scan(sources: Iterable[Source]) -> _Found:
    found = _Found()
    for index, source in enumerate(sources):
        try:
            data = source()
        except OSError:
            found.left_out["cannot be opened"] += 1
            continue
        if not looks_like_dicom(data[:132]):
            continue
        try:
            dataset = dcmread(BytesIO(data), stop_before_pixels=True, force=True)
            if str(dataset.file_meta.get("MediaStorageSOPClassUID", "")) == DIRECTORY_CLASS:
                continue
            _note(dataset, index, found)
        except (
            Exception
        ):  # a damaged file makes pydicom raise anything, AttributeError and struct.error among it
            found.left_out[DAMAGED] += 1
            continue
        found.digests[index] = sha256(data).hexdigest()
        found.sources[index] = source
    return found


def _note(dataset: Dataset, index: int, found: _Found) -> None:
    header = Header(dataset)
    if header.number("Rows") is None:
        # What ends before the study's identifier, or is an image without a size, was cut short.
        cut = "StudyInstanceUID" not in dataset or header.text("SOPClassUID") in IMAGE_CLASSES
        found.left_out[DAMAGED if cut else "no image (report, presentation state or other)"] += 1
        return
    if header.text("Modality") not in ("MR", ""):
        found.other_modality += 1
        found.left_out["no MRI"] += 1
        return
    slices = list(slices_of(dataset, index))
    if not slices:
        found.left_out["an image without a place in the patient (such as a screen capture)"] += 1
        return
    # All that can fail on a damaged header comes before the first note is taken.
    study, patient = header.text("StudyInstanceUID"), header.text("PatientID")
    day = _date(header.text("StudyDate")) or _date(header.text("AcquisitionDate"))
    found.slices += slices
    found.studies |= {study} - {""}
    found.patients |= {patient} - {""}
    found.dates |= {day} if day else set()


def _date(text: str) -> date | None:
    """A DICOM date; None for one that is missing, invalid or a placeholder of an anonymiser."""
    digits = re.fullmatch(r"(\d{4})[.-]?(\d\d)[.-]?(\d\d)", text)
    try:
        day = date(*map(int, digits.groups())) if digits else None
    except ValueError:
        return None
    return day if day and day.year >= FIRST_PLAUSIBLE_YEAR else None


def _refuse_unusable(found: _Found, name: str) -> None:
    if not found.slices:
        reasons = "; ".join(f"{_count(n, 'file')}: {reason}" for reason, n in sorted(found.left_out.items()))
        if found.other_modality:
            raise NotMeasurableError(f"{name}: images, but no MRI ({reasons})")
        if any("image" in reason for reason in found.left_out):
            raise NotMeasurableError(
                f"{name}: DICOM, but no MR image with a place in the patient ({reasons})"
            )
        if found.left_out:
            raise InputError(f"{name}: no readable DICOM image ({reasons})")
        raise InputError(f"{name}: no DICOM file in it; name a study's folder, a zip of it or a NIfTI file")
    if len(found.studies) > 1 or len(found.patients) > 1:
        what = (
            _count(len(found.studies), "study")
            if len(found.studies) > 1
            else _count(len(found.patients), "patient")
        )
        raise InputError(f"{name}: holds images of {what}; name a folder that holds one study of one patient")


def _all_series(found: _Found) -> list[Series]:
    by_series: dict[str, list[Slice]] = {}
    for item in found.slices:
        by_series.setdefault(item.series, []).append(item)
    made: list[tuple[int | None, Series]] = []
    spaces: dict[str, int] = {}
    for slices in sorted(by_series.values(), key=lambda s: (s[0].series_number or 0, s[0].series)):
        slices.sort(key=lambda s: (s.order, tuple(s.position), found.digests[s.file]))
        space = spaces.setdefault(slices[0].frame_of_reference, len(spaces) + 1)
        groups = separate(slices)
        for n, group in enumerate(groups, start=1):
            part = f"image {n} of {len(groups)} per position" if len(groups) > 1 else ""
            made += [(slices[0].series_number, s) for s in _series(group, found, part, space)]
    return _numbered(made)


def _series(slices: list[Slice], found: _Found, part: str, space: int) -> list[Series]:
    """The series, one per plane, that slices of one contrast form; none where no slice can be decoded."""
    frames = _decode_all(slices, found)
    readable = [item for item in slices if (item.file, item.frame) in frames]
    if not readable:
        found.left_out["pixels cannot be decoded"] += len({item.file for item in slices})
        return []
    arrangement = arrange(readable)
    if lost := len(slices) - len(readable):
        arrangement.faults.insert(0, f"{_count(lost, 'slice')} left out: pixels cannot be decoded")
    facts = readable[0].facts
    weighted = weighting(facts)
    planes = _planes(arrangement, weighted)
    if len(planes) > 1:
        arrangement.faults.append(f"slices of {len(planes)} planes in one series, listed apart")
    listed: list[Series] = []
    for plane, stacks in planes:
        volumes, faults = _volumes(stacks, frames)
        if not volumes:
            found.left_out["voxels of no plausible size"] += len(
                {s.file for stack in stacks for s in stack.slices}
            )
            continue
        if plane is not Plane.AXIAL and len(stacks) > 1 and weighted.contrast is not Contrast.LOCALIZER:
            proper = len(stacks[0].slices) >= MIN_SLICES
            if proper and arrangement.orientations > 1 and len(planes) == 1:
                faults.append(f"mixed orientations ({len(stacks)} stacks); the largest is used")
        listed.append(
            Series(
                number=0,
                stacks=volumes,
                plane=plane,
                contrast=weighted.contrast,
                description=facts.description,
                why="; ".join(filter(None, [weighted.why, part])),
                faults=(*arrangement.faults, *faults),
                sequence=_sequence(readable[0], weighted, space),
            )
        )
    return listed


def _planes(arrangement: Arrangement, weighted: Weighting) -> list[tuple[Plane, list[Stack]]]:
    """Stacks by plane, those of the largest stack first; a localizer's planes stay together."""
    remaining = list(arrangement.stacks)
    if weighted.contrast is Contrast.LOCALIZER:
        return [(remaining[0].plane, remaining)]
    planes: list[tuple[Plane, list[Stack]]] = []
    least = np.cos(np.radians(MIXED_PLANES_DEG))
    while remaining:
        normal = remaining[0].slices[0].normal
        same = [stack for stack in remaining if abs(float(stack.slices[0].normal @ normal)) >= least]
        planes.append((remaining[0].plane, same))
        remaining = [stack for stack in remaining if stack not in same]
    return planes


def _decode_all(slices: Sequence[Slice], found: _Found) -> dict[tuple[int, int], Pixels]:
    by_file: dict[int, list[Slice]] = {}
    for item in slices:
        by_file.setdefault(item.file, []).append(item)
    frames: dict[tuple[int, int], Pixels] = {}
    for file, items in by_file.items():
        try:
            decoded = decode(found.sources[file](), items)
        except Exception:  # decoders raise anything on damaged pixels; the slice is then named as lost
            continue
        frames.update(((file, frame), pixels) for frame, pixels in decoded.items())
    return frames


def _volumes(
    stacks: Sequence[Stack], frames: dict[tuple[int, int], Pixels]
) -> tuple[tuple[Volume, ...], list[str]]:
    volumes: list[Volume] = []
    faults: list[str] = []
    for stack in stacks:
        try:
            volumes.append(Volume(assemble(stack, frames), stack.affine))
        except InputError as error:
            faults.append(f"{_count(len(stack.slices), 'slice')} left out: {error}")
    return tuple(volumes), faults


def _sequence(item: Slice, weighted: Weighting, space: int) -> dict[str, str | float]:
    facts = item.facts
    stated: dict[str, str | float | None] = {
        "manufacturer": manufacturer(facts) or None,
        "field_strength_t": facts.field_t,
        "tr_ms": facts.tr_ms,
        "te_ms": facts.te_ms,
        "ti_ms": facts.ti_ms,
        "echo_train_length": facts.echo_train,
        "acquisition": "3D" if facts.three_d else "2D",
        "fat_suppressed": "yes" if weighted.fat_suppressed else "no",
        "contrast_agent": "yes" if facts.contrast_agent else "no",
        "body_part": body_part(facts) or None,
        "frame_of_reference": float(space),
    }
    return {key: value for key, value in stated.items() if value is not None}


def _numbered(made: Sequence[tuple[int | None, Series]]) -> list[Series]:
    """The scanner's numbers where they are unique; what shares a number gets free ones after the highest."""
    taken: set[int] = set()
    following = max((number for number, _ in made if number is not None), default=0) + 1
    series: list[Series] = []
    for number, item in made:
        if number is None or number in taken:
            number, following = following, following + 1
        taken.add(number)
        series.append(replace(item, number=number))
    return sorted(series, key=lambda s: s.number)


def _count(number: int, noun: str) -> str:
    plural = "studies" if noun == "study" else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
