"""Train the network through the stages of recipe.toml: `python -m training.train --data DIR --out DIR`. Resumes.

`training/folds.py` walks one of them with a fifth of SPIDER's subjects left out, for cross-validation.
"""

from __future__ import annotations

import argparse
import copy
import csv
import math
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.augment import sample
from training.dataset import data_folder, prepare, scans
from training.loss import partial_loss
from training.network import Network
from training.prepared import Prepared

RECIPE = Path(__file__).with_name("recipe.toml")


@dataclass(frozen=True)
class Batch:
    """Crops of one step.

    Attributes:
        count: how many.
        size: rows and columns of each, pixels.
        at_displaced: share, of those from stacks with displaced material, that lie on it.
    """

    count: int
    size: tuple[int, int]
    at_displaced: float


WHOLE = Batch(4, (448, 320), 0.5)
CLOSE = Batch(8, (256, 192), 1.0)
WARM_UP = 150  # steps
EMA = 0.998
SAVE_SECONDS = 180
WORD_EVERY = 50
CURVE = ("stage", "step", "minutes", "entropy", "dice")


@dataclass(frozen=True)
class Stage:
    """One stage of the recipe."""

    name: str
    steps: int
    peak_rate: float
    end_rate: float
    sources: dict[str, float]
    close: float = 0.0

    def rate(self, step: int) -> float:
        """Learning rate: a linear warm-up, then a cosine from the peak to the end."""
        cosine = 0.5 * (1 + math.cos(math.pi * min(step / self.steps, 1.0)))
        rate = self.end_rate + (self.peak_rate - self.end_rate) * cosine
        return rate * min(1.0, (step + 1) / WARM_UP)


def stages() -> list[Stage]:
    """The stages of the recipe, in order."""
    return [Stage(**entry) for entry in tomllib.loads(RECIPE.read_text())["stage"]]


class Crops(IterableDataset[tuple[Tensor, Tensor]]):
    """An endless stream of batches of augmented crops; worker and seed decide which."""

    def __init__(self, stacks: list[Prepared], stage: Stage, seed: int) -> None:
        groups = {name: [one for one in stacks if one.collection == name] for name in stage.sources}
        self.groups = [group for group in groups.values() if group]
        weights = np.array([stage.sources[name] for name, group in groups.items() if group])
        self.weights = weights / weights.sum()
        self.close = stage.close
        self.seed = seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        cv2.setNumThreads(0)
        worker = get_worker_info()
        random = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            batch = CLOSE if random.random() < self.close else WHOLE
            pairs = [
                sample(self._stack(random), batch.size, random, batch.at_displaced)
                for _ in range(batch.count)
            ]
            images, bits = (np.stack(ones) for ones in zip(*pairs, strict=True))
            yield torch.from_numpy(images), torch.from_numpy(bits)

    def _stack(self, random: np.random.Generator) -> Prepared:
        group = self.groups[random.choice(len(self.groups), p=self.weights)]
        return group[random.integers(len(group))]


class Run:
    """Network, its running average and optimiser, with a checkpoint file that a run goes on from."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "last.pt"
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = Network().to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=1e-3, weight_decay=1e-2)
        self.stage, self.step, self.seconds = 0, 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        for name in ("network", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.stage, self.step, self.seconds = state["stage"], state["step"], state["seconds"]

    def save(self, path: Path) -> None:
        """Write a checkpoint; whole or not at all."""
        names = ("network", "average", "optimiser")
        state = {name: getattr(self, name).state_dict() for name in names}
        partial = path.with_suffix(".partial")
        torch.save(state | {"stage": self.stage, "step": self.step, "seconds": self.seconds}, partial)
        partial.replace(path)

    def learn(self, image: Tensor, bits: Tensor, rate: float) -> tuple[float, float]:
        """One step; its two losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        image = image.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.network(image)
        entropy, dice = partial_loss(logits, bits.to(self.device))
        self.optimiser.zero_grad(set_to_none=True)
        (entropy + dice).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        decay = min(EMA, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
        self.step += 1
        return float(entropy.detach()), float(dice.detach())


def train(run: Run, recipe: list[Stage], stacks: list[Prepared], seed: int, workers: int) -> None:
    """Walk the stages that are left; a checkpoint every few minutes, and one named after each stage at its end."""
    for number, stage in enumerate(recipe):
        if number < run.stage:
            continue
        crops = Crops(stacks, stage, seed + 1_000_003 * number + run.step)
        loader = DataLoader(crops, None, num_workers=workers, prefetch_factor=8 if workers else None)
        recent: list[tuple[float, float]] = []
        start = saved = time.monotonic() - run.seconds
        for image, bits in loader:
            if run.step >= stage.steps:
                break
            recent.append(run.learn(image, bits, stage.rate(run.step)))
            run.seconds = time.monotonic() - start
            if run.step % WORD_EVERY == 0:
                entropy, dice = np.mean(recent[-WORD_EVERY:], axis=0)
                _say(run, stage, float(entropy), float(dice))
            if time.monotonic() - saved > SAVE_SECONDS:
                run.save(run.path)
                saved = time.monotonic()
        run.stage, run.step = number + 1, 0
        run.save(run.folder / f"{stage.name}.pt")
        run.save(run.path)


def _say(run: Run, stage: Stage, entropy: float, dice: float) -> None:
    minutes = run.seconds / 60
    words = f"{stage.name} {run.step}/{stage.steps} {minutes:.1f} min"
    print(f"{words}  entropy {entropy:.4f}  dice {dice:.4f}", flush=True)
    curve = run.folder / "curve.csv"
    new = not curve.exists()
    with curve.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(CURVE)
        writer.writerow([stage.name, run.step, f"{minutes:.2f}", f"{entropy:.5f}", f"{dice:.5f}"])


def gather(data: Path, cache: Path, left_out: set[str] | None = None) -> list[Prepared]:
    """Everything to train on: the split's training part, and all that was made into `cache`.

    `left_out` replaces the split for SPIDER: all of its subjects but these.
    """
    real = list(scans(data, "train"))
    if left_out is not None:
        spider = [s for part in ("train", "validation", "test") for s in scans(data, part) if s.graded]
        real = [s for s in real if not s.graded] + [s for s in spider if s.subject not in left_out]
    names = {scan.subject for scan in real if scan.graded}
    implanted = [
        path for path in sorted((cache / "implants").glob("*.npz")) if path.stem.split("_")[0] in names
    ]
    made = [
        path
        for name in ("simulated", "fragments", "nothing")
        for path in sorted((cache / name).glob("*.npz"))
    ]
    made += implanted
    return [prepare(data, scan, cache / "real") for scan in real] + [Prepared.read(path) for path in made]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="public data (default: RESORB_DATA or ../shared/data)")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, the curve, and the cache")
    parser.add_argument("--cache", type=Path, help="resampled and simulated stacks (default: OUT/cache)")
    parser.add_argument("--start", type=Path, help="checkpoint of an earlier stage to go on from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes that augment")
    parser.add_argument("--threads", type=int, default=2, help="threads that compute; 0 leaves it to PyTorch")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    run = Run(arguments.out)
    if run.path.exists():
        run.load(run.path)
    elif arguments.start:
        run.load(arguments.start)
    stacks = gather(data_folder(arguments.data), arguments.cache or arguments.out / "cache")
    train(run, stages(), stacks, arguments.seed, arguments.workers)


if __name__ == "__main__":
    main()
