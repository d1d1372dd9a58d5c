"""The embedded model: an ONNX network over sagittal or axial slices, run slice by slice with onnxruntime."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, lru_cache, reduce
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors

from resorb.anatomy import Structure
from resorb.errors import InputError
from resorb.segmentation.resampling import Decided, Image, Interpolator, decide, resampler
from resorb.segmentation.window import Window, around, grown, sampled
from resorb.study import Volume

Progress = Callable[[str, float], None]

#: Slices seen at the same time, each on one thread: nothing waits for anything.
THREADS = 2
#: Counted up whenever what is done to the network's answer (`rim`, `sides`, `specks`, `axial`) changes, so that stored
#: outlines of before are made again.
OUTLINES = 5
#: The probability, times 255, of what was not looked at.
CERTAIN = 255
#: What onnxruntime says to a file that is no network.
NOT_A_NETWORK = (
    onnx_errors.InvalidProtobuf,
    onnx_errors.InvalidGraph,
    onnx_errors.InvalidArgument,
    onnx_errors.Fail,
)
TRUNCATE = (0.5, 99.5)  # percentiles to which intensities are clipped before they are normalised


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a segmenter returns, in the order of its input (`Volume.sagittal` or `Volume.axial`).

    Attributes:
        structures: uint8 volume of `Structure` values.
        probability: uint8 (slices, rows, columns), probability of each voxel's own structure times 255.
        source: what made it.
        likely_disc: (slices, rows, columns) where disc is likely though perhaps not the likeliest
            (`resampling.LIKELY_ODDS`); None where that is not told.
        likely_body: the same for a vertebral body (`resampling.BODY_ODDS`).
    """

    structures: Volume
    probability: NDArray[np.uint8]
    source: str
    likely_disc: NDArray[np.bool_] | None = None
    likely_body: NDArray[np.bool_] | None = None

    def with_structure(self, voxels: NDArray[np.bool_], structure: Structure) -> Segmentation:
        """The same with some voxels, a mask, as another structure: at most as probable as the likelier one left it."""
        structures, probability = self.structures.data.copy(), self.probability.copy()
        structures[voxels] = structure
        probability[voxels] = np.minimum(probability[voxels], CERTAIN - probability[voxels])
        return replace(self, structures=self.structures.with_data(structures), probability=probability)


class Segmenter(Protocol):
    """The narrow seam: an image in sagittal or axial order in, structures out."""

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation: ...


@dataclass(frozen=True)
class ModelCard:
    """What `model.json` says of the embedded model."""

    version: str
    spacing_mm: float
    multiple: int
    sha256: str


class EmbeddedModel:
    """A network in a folder, by default the one inside the package, as a `Segmenter`.

    Every slice is resampled to the model's pixels, seen together with its two neighbours, and its
    probabilities are brought back to the slice's own pixels and decided there at once, so that no
    full-size float volume is ever held. A few slices are looked at whole, the others only where the spine is.

    Args:
        folder: holds `model.onnx` and `model.json` of another network of the same interface, such as a candidate;
            None for the one inside the package.

    Raises:
        InputError: the folder lacks one of the two files, or they are not such a network.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._session, self.card = _session(folder)

    @property
    def source(self) -> str:
        return f"resorb model {self.card.version} ({self.card.sha256[:12]}, outlines {OUTLINES})"

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation:
        """Segment an image (slices, rows, columns), its slices sagittal or axial and in that order.

        Where nothing was looked at, it is background with certainty.
        """
        if (
            image.data.min() == image.data.max()
        ):  # one grey shows nothing, though a network always sees something
            return _nothing(image, self.source)
        look = _Look(image, self.card, self._session)
        spacing_mm = (float(image.spacing_mm[1]), float(image.spacing_mm[2]))
        structures = np.zeros(image.shape, np.uint8)
        probability = np.full(image.shape, CERTAIN, np.uint8)
        disc, body = (np.zeros(image.shape, bool) for _ in range(2))
        tell = progress or (lambda _name, _fraction: None)
        whole = Window(0, image.shape[1], 0, image.shape[2])
        samples = sampled(image.shape[0], float(image.spacing_mm[0]))
        seen: set[int] = set()
        with ThreadPoolExecutor(THREADS) as workers:

            def see(numbers: Sequence[int], window: Window) -> None:
                found = workers.map(lambda k: look(k, window), numbers)
                for k, one in zip(numbers, found, strict=True):
                    structures[k][window.area], probability[k][window.area] = one.structure, one.probability
                    disc[k][window.area], body[k][window.area] = one.likely_disc, one.likely_body
                    seen.add(k)
                    tell("Segmenting", len(seen) / image.shape[0])

            see(samples, whole)
            window = around([structures[k] > 0 for k in samples], spacing_mm) or whole
            rest = _between(samples, [k for k in samples if structures[k][window.area].any()], image.shape[0])
            while rest:
                see(rest, window)
                wider = [grown(window, structures[k] > 0, spacing_mm) for k in rest]
                rest = [k for k, one in zip(rest, wider, strict=True) if one != window]
                window = reduce(Window.joined, wider, window)
        for k in samples:
            outside = np.ones(image.shape[1:], bool)
            outside[window.area] = False
            structures[k][outside], probability[k][outside] = 0, CERTAIN
            disc[k][outside] = body[k][outside] = False
        tell("Segmenting", 1.0)
        return Segmentation(image.with_data(structures), probability, self.source, disc, body)


def _nothing(image: Volume, source: str) -> Segmentation:
    background = image.with_data(np.zeros(image.shape, np.uint8))
    nowhere = np.zeros(image.shape, bool)
    return Segmentation(background, np.full(image.shape, CERTAIN, np.uint8), source, nowhere, nowhere)


def _between(samples: Sequence[int], found: Sequence[int], slices: int) -> list[int]:
    """Numbers of the slices still to be seen: up to the next sample beyond those on which something was found."""
    first = max((k for k in samples if k < min(found, default=0)), default=-1)
    last = min((k for k in samples if k > max(found, default=slices)), default=slices)
    return [k for k in range(first + 1, last) if k not in samples]


class _Look:
    """Runs the network on a part of a slice; holds what all slices of a stack have in common."""

    def __init__(self, image: Volume, card: ModelCard, session: onnxruntime.InferenceSession) -> None:
        self._image, self._card, self._session = image, card, session
        self._normalise = _normaliser(image.data)
        # Beyond the field it is dark, as air is.
        self._dark = float(self._normalise(np.array([image.data.min()]))[0])
        _, rows, columns = image.shape
        spacing = [float(mm) for mm in image.spacing_mm[1:]]
        self._down = [
            resampler(n, mm, card.spacing_mm) for n, mm in zip((rows, columns), spacing, strict=True)
        ]
        self._up = [
            Interpolator.between(down.shape[0], card.spacing_mm, down.shape[1], mm)
            for down, mm in zip(self._down, spacing, strict=True)
        ]
        self._spacing = spacing
        self._resampled = lru_cache(maxsize=2 * THREADS + 4)(self._resample)

    def __call__(self, number: int, window: Window) -> Decided:
        """The window of a slice, decided; rows and columns as in the image."""
        ends = ((window.top, window.bottom), (window.left, window.right))
        spans = [self._span(axis, *end) for axis, end in enumerate(ends)]
        size = [stop - start for start, stop in spans]
        padded = [_padded(n, self._card.multiple) for n in size]
        seen = np.full((1, 3, *padded), self._dark, np.float32)
        part = tuple(slice(*span) for span in spans)
        for channel, k in enumerate((number - 1, number, number + 1)):
            k = min(max(k, 0), self._image.shape[0] - 1)
            seen[0, channel, : size[0], : size[1]] = self._resampled(k)[part]
        output = self._session.run(None, {"image": seen})[0][0, :, : size[0], : size[1]]
        rows, columns = (
            up.part(*end, offset=span[0], count=n)
            for up, end, span, n in zip(self._up, ends, spans, size, strict=True)
        )
        return decide(output, rows, columns)

    def _resample(self, number: int) -> Image:
        rows, columns = self._down
        slice_ = self._normalise(self._image.data[number])
        return np.asarray((columns @ (rows @ slice_).T).T)

    def _span(self, axis: int, first: int, last: int) -> tuple[int, int]:
        """Model pixels that cover pixels `first` to `last`, and as many beyond as the network takes anyway."""
        count, ratio = self._down[axis].shape[0], self._spacing[axis] / self._card.spacing_mm
        start, stop = int(first * ratio), min(count, math.ceil(last * ratio))
        size = min(count, _padded(stop - start, self._card.multiple))
        start = max(0, min(start - (size - (stop - start)) // 2, count - size))
        return start, start + size


@cache
def _session(folder: Path | None) -> tuple[onnxruntime.InferenceSession, ModelCard]:
    place = folder or resources.files("resorb.segmentation")
    try:
        weights = place.joinpath("model.onnx").read_bytes()
        facts = json.loads(place.joinpath("model.json").read_text("utf-8"))
        card = ModelCard(
            version=str(facts["version"]),
            spacing_mm=float(facts["working_spacing_mm"]),
            multiple=int(facts["stride"]),
            sha256=hashlib.sha256(weights).hexdigest(),
        )
        session = onnxruntime.InferenceSession(weights, _options(), providers=["CPUExecutionProvider"])
    except OSError as error:
        raise InputError(f"{place}: a model is a folder that holds model.onnx and model.json") from error
    except (ValueError, KeyError, TypeError, *NOT_A_NETWORK) as error:
        raise InputError(f"{place}: its model.onnx and model.json are not a model of resorb's") from error
    return session, card


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _normaliser(data: NDArray[np.generic]) -> Callable[[NDArray[np.generic]], Image]:
    """Clip to the volume's percentiles, then zero mean and unit deviation over the clipped volume."""
    sample = data[:: max(1, data.shape[0] // 16)].astype(np.float32)
    low, high = (float(v) for v in np.percentile(sample, TRUNCATE))
    clipped = np.clip(sample, low, high)
    mean, deviation = float(clipped.mean()), max(float(clipped.std()), 1e-6)
    return lambda values: (np.clip(values.astype(np.float32), low, high) - mean) / deviation


def _padded(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
