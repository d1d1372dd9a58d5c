"""Write a checkpoint as the package's model: `python -m training.export --checkpoint FILE --out DIR --version V`.

Weights are stored in half precision and cast on loading: half the file, and arithmetic stays in single precision.
"""

from __future__ import annotations

import argparse
import datetime
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training import dataset
from training.calibrate import Calibration, calibrate
from training.dataset import split_hash
from training.harmonise import CLASSES
from training.network import SLICES, STRIDE, Network
from training.prepared import PIXEL_MM

OPSET = 18


class Probability(nn.Module):
    """The network followed by softmax at a temperature; onnxruntime's own would transpose for it, and take longer."""

    def __init__(self, network: Network, temperature: float = 1.0) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, image: Tensor) -> Tensor:
        logits = self.network(image) / self.temperature
        weights = (logits - logits.amax(dim=1, keepdim=True)).exp()
        total: Tensor = weights.sum(dim=1, keepdim=True)
        return weights / total


def load_average(checkpoint: Path) -> Network:
    """The averaged network of a checkpoint, ready for inference."""
    network = Network()
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"])
    network.eval()
    return network


def to_onnx(network: Network, path: Path, temperature: float = 1.0) -> None:
    """`image` float32 (N, 3, H, W) -> `probability` float32 (N, 6, H, W); N, H and W are free, H and W in 32s."""
    example = torch.zeros(2, SLICES, 4 * STRIDE, 3 * STRIDE)
    torch.onnx.export(
        Probability(network, temperature).eval(),
        (example,),
        str(path),
        input_names=["image"],
        output_names=["probability"],
        dynamic_axes={"image": {0: "N", 2: "H", 3: "W"}, "probability": {0: "N", 2: "H", 3: "W"}},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(path)
    halve(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def halve(model: onnx.ModelProto) -> None:
    """Store single-precision weights as half precision followed by a cast, in place."""
    graph = model.graph
    casts = []
    for weight in list(graph.initializer):
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < 2:
            continue
        name = weight.name
        values = numpy_helper.to_array(weight).astype(np.float16)
        graph.initializer.remove(weight)
        graph.initializer.append(numpy_helper.from_array(values, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def description(version: str, collections: list[str], calibration: Calibration) -> dict[str, Any]:
    """What a user of the ONNX file must know."""
    return {
        "name": "resorb",
        "version": version,
        "classes": list(CLASSES),
        "working_spacing_mm": PIXEL_MM,
        "stride": STRIDE,
        "slices": SLICES,
        "orientation": "sagittal: rows superior to inferior, columns anterior to posterior; axial: rows anterior to "
        "posterior, columns right to left; channels are three neighbouring slices, the labelled one in the middle, "
        "the edge slice repeated at the ends of the stack",
        "normalisation": {
            "clip_percentiles": [0.5, 99.5],
            "subtract": "mean of the clipped volume at its native resolution",
            "divide": "standard deviation of the clipped volume at its native resolution",
            "padding": "minimum of the normalised volume",
        },
        "input": {"name": "image", "type": "float32", "shape": ["N", SLICES, "H", "W"]},
        "output": {"name": "probability", "type": "float32", "shape": ["N", len(CLASSES), "H", "W"]},
        "calibration": {
            "temperature": round(calibration.temperature, 4),
            "error_before": round(calibration.error_before, 4),
            "error_after": round(calibration.error_after, 4),
        },
        "trained_on": [*collections, "simulated studies", "implants in spider-t2space"],
        "date": datetime.date.today().isoformat(),
        "split_sha256": split_hash(),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="public data (default: RESORB_DATA or ../shared/data)")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="as for training.train")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx and model.json")
    parser.add_argument("--version", required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    network = load_average(arguments.checkpoint)
    data = dataset.data_folder(arguments.data)
    stacks = (
        dataset.prepare(data, scan, arguments.cache / "real") for scan in dataset.scans(data, "validation")
    )
    calibration = calibrate(network, stacks)
    to_onnx(network, arguments.out / "model.onnx", calibration.temperature)
    collections = list(tomllib.loads(dataset.SPLIT.read_text()))
    text = json.dumps(description(arguments.version, collections, calibration), indent=2) + "\n"
    (arguments.out / "model.json").write_text(text)


if __name__ == "__main__":
    main()
