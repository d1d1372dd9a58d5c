from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from training.augment import sample  # noqa: E402
from training.dataset import Prepared  # noqa: E402
from training.export import Probability, to_onnx  # noqa: E402
from training.network import Network  # noqa: E402
from training.train import partial_loss, rate  # noqa: E402


def test_no_loss_for_a_class_that_is_admissible() -> None:
    logits = torch.full((1, 6, 4, 4), -20.0)
    logits[:, 3] = 20.0
    entropy, dice = partial_loss(logits, torch.full((1, 4, 4), 0b001001, dtype=torch.uint8))
    assert float(entropy) == pytest.approx(0.0, abs=1e-6)
    assert float(dice) == 0.0  # nothing is certain, so nothing is compared


def test_loss_for_a_class_that_is_not_admissible() -> None:
    logits = torch.full((1, 6, 4, 4), -20.0)
    logits[:, 4] = 20.0
    entropy, dice = partial_loss(logits, torch.full((1, 4, 4), 0b000010, dtype=torch.uint8))
    assert float(entropy) == pytest.approx(40.0, rel=1e-3)
    assert float(dice) > 0.9


def test_dice_ignores_voxels_where_the_class_is_uncertain() -> None:
    logits = torch.full((1, 6, 4, 4), -20.0)
    logits[:, 1] = 20.0
    bits = torch.full((1, 4, 4), 0b000011, dtype=torch.uint8)
    bits[0, 0] = 0b000010
    assert float(partial_loss(logits, bits)[1]) == pytest.approx(0.0, abs=1e-3)


def test_rate_warms_up_and_ends_near_zero() -> None:
    assert rate(0, 0.0) < rate(200, 0.0)
    assert rate(10_000, 1.0) < rate(10_000, 0.5) < rate(10_000, 0.0)


def test_a_sample_is_repeatable_and_labelled_inside_its_image() -> None:
    random = np.random.default_rng(3)
    admissible = np.ones((9, 300, 200), np.uint8)
    admissible[:, 100:160, 60:120] = 2
    image = random.integers(20, 200, admissible.shape, dtype=np.uint8)
    scan = Prepared("chu-t2tse", image, admissible, 20, 200, 110, 50, 1.0, np.zeros((0, 3), np.float32))
    one, bits = sample(scan, (128, 96), np.random.default_rng(5))
    two, _ = sample(scan, (128, 96), np.random.default_rng(5))
    assert one.shape == (3, 128, 96) and bits.shape == (128, 96)
    assert np.array_equal(one, two)
    assert set(np.unique(bits)) <= {1, 2}


@pytest.mark.filterwarnings("ignore")
def test_exported_model_agrees_at_any_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network((4, 8, 8, 8, 8)).eval()
    to_onnx(network, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 64, 96), (2, 3, 128, 64)):
        image = torch.randn(shape)
        (found,) = session.run(["probability"], {"image": image.numpy()})
        with torch.no_grad():
            wanted = Probability(network)(image).numpy()
        assert found.shape == (shape[0], 6, *shape[2:])
        assert np.abs(found - wanted).max() < 5e-3
