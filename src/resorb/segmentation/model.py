"""The embedded model: an ONNX network over sagittal slices, run slice by slice with onnxruntime."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from resorb.study import FloatArray, Volume

Image = NDArray[np.float32]
Progress = Callable[[str, float], None]

THREADS = 2
TRUNCATE = (0.5, 99.5)  # percentiles to which intensities are clipped before they are normalised


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a segmenter returns, in the sagittal order of its input (`Volume.sagittal`).

    Attributes:
        structures: uint8 volume of `Structure` values.
        probability: uint8 (slices, rows, columns), probability of each voxel's own structure times 255.
        source: what made it.
    """

    structures: Volume
    probability: NDArray[np.uint8]
    source: str


class Segmenter(Protocol):
    """The narrow seam: an image in sagittal order in, structures out."""

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation: ...


@dataclass(frozen=True)
class ModelCard:
    """What `model.json` says of the embedded model."""

    version: str
    spacing_mm: float
    multiple: int
    sha256: str


class EmbeddedModel:
    """The model inside the package, as a `Segmenter`.

    Every sagittal slice is resampled to the model's pixels, seen together with its two neighbours, and its
    probabilities are brought back to the slice's own pixels and decided there at once, so that no
    full-size float volume is ever held.
    """

    def __init__(self) -> None:
        self._session, self.card = _session()

    @property
    def source(self) -> str:
        return f"resorb model {self.card.version} ({self.card.sha256[:12]})"

    def __call__(self, image: Volume, progress: Progress | None = None) -> Segmentation:
        """Segment an image (slices, rows, columns) in sagittal order."""
        slices, rows, columns = image.shape
        down_rows = _resampler(rows, float(image.spacing_mm[1]), self.card.spacing_mm)
        down_columns = _resampler(columns, float(image.spacing_mm[2]), self.card.spacing_mm)
        up_rows = _interpolator(down_rows.shape[0], self.card.spacing_mm, rows, float(image.spacing_mm[1]))
        up_columns = _interpolator(
            down_columns.shape[0], self.card.spacing_mm, columns, float(image.spacing_mm[2])
        )
        normalise = _normaliser(image.data)

        def resampled(k: int) -> Image:
            return np.asarray(down_rows @ normalise(image.data[k]) @ down_columns.T, np.float32)

        height, width = (_padded(r.shape[0], self.card.multiple) for r in (down_rows, down_columns))
        window = np.zeros((1, 3, height, width), np.float32)
        window[:] = float(
            normalise(np.array([image.data.min()]))[0]
        )  # beyond the field it is dark, as air is
        inner = window[0, :, : down_rows.shape[0], : down_columns.shape[0]]
        structures = np.zeros(image.shape, np.uint8)
        probability = np.zeros(image.shape, np.uint8)
        before, here = resampled(0), resampled(0)
        for k in range(slices):
            after = resampled(k + 1) if k + 1 < slices else here
            inner[0], inner[1], inner[2] = before, here, after
            output = self._session.run(None, {"image": window})[0][0, :, : inner.shape[1], : inner.shape[2]]
            full = np.matmul(np.matmul(up_rows, output), up_columns.T)
            structures[k] = full.argmax(axis=0)
            probability[k] = np.clip(full.max(axis=0) * 255.0 + 0.5, 0, 255)
            before, here = here, after
            if progress:
                progress("Segmenting", (k + 1) / slices)
        return Segmentation(image.with_data(structures), probability, self.source)


@cache
def _session() -> tuple[onnxruntime.InferenceSession, ModelCard]:
    folder = resources.files("resorb.segmentation")
    weights = folder.joinpath("model.onnx").read_bytes()
    facts = json.loads(folder.joinpath("model.json").read_text("utf-8"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    card = ModelCard(
        str(facts["version"]),
        float(facts["working_spacing_mm"]),
        int(facts["stride"]),
        hashlib.sha256(weights).hexdigest(),
    )
    return session, card


def _normaliser(data: NDArray[np.generic]) -> Callable[[NDArray[np.generic]], Image]:
    """Clip to the volume's percentiles, then zero mean and unit deviation over the clipped volume."""
    sample = data[:: max(1, data.shape[0] // 16)].astype(np.float32)
    low, high = (float(v) for v in np.percentile(sample, TRUNCATE))
    clipped = np.clip(sample, low, high)
    mean, deviation = float(clipped.mean()), max(float(clipped.std()), 1e-6)
    return lambda values: (np.clip(values.astype(np.float32), low, high) - mean) / deviation


def _padded(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _resampler(size: int, spacing: float, wanted: float) -> Image:
    """(m, size) matrix that brings pixels of `spacing` to pixels of `wanted` mm over the same extent.

    Linear; where it makes pixels larger it averages over them (a triangle as wide as two new pixels).
    """
    count = max(1, round(size * spacing / wanted))
    centres = (np.arange(count) + 0.5) * wanted / spacing - 0.5
    reach = max(1.0, wanted / spacing)
    weight = np.clip(1.0 - np.abs(centres[:, None] - np.arange(size)[None]) / reach, 0.0, None)
    weight[:, 0] += np.where(weight.sum(axis=1) == 0, 1.0, 0.0) * (centres < 0)
    weight[:, -1] += np.where(weight.sum(axis=1) == 0, 1.0, 0.0) * (centres > size - 1)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float32)


def _interpolator(count: int, spacing: float, size: int, wanted: float) -> Image:
    """(size, count) linear interpolation from `count` pixels of `spacing` to `size` pixels of `wanted` mm."""
    at = np.clip((np.arange(size) + 0.5) * wanted / spacing - 0.5, 0.0, count - 1.0)
    weight: FloatArray = np.clip(1.0 - np.abs(at[:, None] - np.arange(count)[None]), 0.0, None)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float32)
