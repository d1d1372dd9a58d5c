from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from training.export import Probability, to_onnx  # noqa: E402
from training.network import Network  # noqa: E402


@pytest.mark.filterwarnings("ignore")
def test_exported_model_agrees_at_any_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network((4, 8, 8, 8, 8)).eval()
    to_onnx(network, tmp_path / "model.onnx", temperature=1.7)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 64, 96), (2, 3, 128, 64)):
        image = torch.randn(shape)
        (found,) = session.run(["probability"], {"image": image.numpy()})
        with torch.no_grad():
            wanted = Probability(network, 1.7)(image).numpy()
        assert found.shape == (shape[0], 6, *shape[2:])
        assert np.abs(found - wanted).max() < 5e-3
