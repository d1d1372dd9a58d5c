from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

from training import train as module  # noqa: E402
from training.harmonise import BACKGROUND, BODY  # noqa: E402
from training.network import Network  # noqa: E402
from training.prepared import Prepared  # noqa: E402
from training.train import WARM_UP, Batch, Run, Stage, stages, train  # noqa: E402


def test_rate_warms_up_and_ends_where_the_stage_says() -> None:
    stage = Stage("a", 5000, 1e-3, 1e-5, {})
    assert stage.rate(0) < stage.rate(WARM_UP)
    assert stage.rate(WARM_UP) == pytest.approx(1e-3, rel=0.01)
    assert stage.rate(5000) == pytest.approx(1e-5)


def test_the_recipes_base_never_sees_the_set_that_is_cross_validated() -> None:
    base, *others = stages()
    assert not {"spider-t2space", "implanted"} & set(base.sources)
    assert all(sum(stage.sources.values()) == pytest.approx(1) for stage in (base, *others))


def stacks() -> list[Prepared]:
    random = np.random.default_rng(0)
    admissible = np.full((5, 80, 80), BACKGROUND, np.uint8)
    admissible[:, 20:60, 20:60] = BODY
    image = random.integers(0, 40, admissible.shape).astype(np.uint8) + 100 * (admissible == BODY)
    return [
        Prepared("chu-t2tse", image.astype(np.uint8), admissible, 70.0, 50.0, 4.0, np.zeros((0, 3), np.int32))
    ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", Batch(4, (64, 64), 0.5))
    monkeypatch.setattr(module, "CLOSE", Batch(6, (32, 32), 1.0))
    monkeypatch.setattr(module, "WARM_UP", 1)
    monkeypatch.setattr(module, "Network", lambda: Network((4, 8, 8, 8, 8)))


@pytest.mark.usefixtures("small")
def test_it_learns_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    recipe = [
        Stage("one", 6, 1e-3, 1e-3, {"chu-t2tse": 1.0}),
        Stage("two", 40, 1e-2, 1e-2, {"chu-t2tse": 1.0}),
    ]
    torch.manual_seed(0)
    run = Run(tmp_path)
    train(run, recipe[:1], stacks(), seed=0, workers=0)
    assert (tmp_path / "one.pt").exists()
    again = Run(tmp_path)
    again.load(again.path)
    assert (again.stage, again.step) == (1, 0)
    image, bits = next(iter(module.Crops(stacks(), recipe[1], 9)))
    before = sum(again.learn(image, bits, 0.0))
    again.step = 0
    train(again, recipe, stacks(), seed=0, workers=0)
    assert sum(again.learn(image, bits, 0.0)) < 0.8 * before
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("close", [0.0, 0.5, 1.0])
def test_a_stage_says_how_often_it_looks_from_near(close: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[tuple[int, int], float]] = []

    def sample(_: Prepared, size: tuple[int, int], __: object, at_displaced: float) -> tuple[object, object]:
        asked.append((size, at_displaced))
        return np.zeros((3, *size), np.float32), np.zeros(size, np.uint8)

    monkeypatch.setattr(module, "sample", sample)
    stage = Stage("one", 6, 1e-3, 1e-3, {"chu-t2tse": 1.0}, close)
    batches = list(islice(module.Crops(stacks(), stage, 9), 40))
    near = [images for images, bits in batches if images.shape == (6, 3, 32, 32) and len(bits) == 6]
    whole = [images for images, bits in batches if images.shape == (4, 3, 64, 64) and len(bits) == 4]
    assert len(near) + len(whole) == 40
    assert len(near) == pytest.approx(40 * close, abs=12 * (close == 0.5))
    assert asked.count(((32, 32), 1.0)) == 6 * len(near)
    assert asked.count(((64, 64), 0.5)) == 4 * len(whole)
