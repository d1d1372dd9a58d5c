"""Train the network: `python -m training.train --data DIR --out DIR --minutes M --seed S`. Resumes from DIR/last.pt."""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.augment import sample
from training.dataset import Prepared, data_folder, prepare, scans
from training.network import CLASSES, Network

CROP = (480, 352)
BATCH = 4
PEAK_RATE = 2e-3
WARM_UP = 150  # iterations
EMA = 0.998
# How often each data set is drawn. Zukic's eight scans are the only expert labels of S1.
WEIGHTS = {
    "spider-t2space": 0.52,
    "chu-t2tse": 0.16,
    "zukic-mixed": 0.18,
    "discs-t2": 0.07,
    "myosegmentum": 0.07,
}


class Crops(IterableDataset[tuple[Tensor, Tensor]]):
    """An endless stream of augmented crops; worker and seed decide which."""

    def __init__(self, prepared: list[Prepared], seed: int) -> None:
        self.groups = {name: [p for p in prepared if p.collection == name] for name in WEIGHTS}
        self.seed = seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        random = np.random.default_rng((self.seed, worker.id if worker else 0))
        names = [name for name, group in self.groups.items() if group]
        weights = np.array([WEIGHTS[name] for name in names])
        while True:
            group = self.groups[random.choice(names, p=weights / weights.sum())]
            image, bits = sample(group[random.integers(len(group))], CROP, random)
            yield torch.from_numpy(image), torch.from_numpy(bits)


def partial_loss(logits: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
    """Marginal cross-entropy over admissible classes, and soft Dice where a class is certainly there or certainly not.

    `logits` (N, C, H, W); `bits` (N, H, W) uint8 with bit c set where class c is admissible.
    """
    shifts = torch.arange(CLASSES, device=bits.device, dtype=torch.uint8).view(1, -1, 1, 1)
    admissible = (bits.unsqueeze(1) >> shifts & 1).bool()
    logits = logits.float()
    total = logits.logsumexp(dim=1)
    allowed = logits.masked_fill(~admissible, -math.inf).logsumexp(dim=1)
    entropy = (total - allowed).mean()
    probability = logits.softmax(dim=1)
    truth = admissible & (admissible.sum(dim=1, keepdim=True) == 1)
    known = (truth | ~admissible)[:, 1:]
    axes = (0, 2, 3)
    overlap = (probability[:, 1:] * truth[:, 1:]).sum(axes)
    size = (probability[:, 1:] * known).sum(axes) + truth[:, 1:].sum(axes)
    present = truth[:, 1:].sum(axes) > 0
    dice = 1 - (2 * overlap + 1) / (size + 1)
    return entropy, dice[present].mean() if bool(present.any()) else entropy.new_zeros(())


def rate(iteration: int, progress: float) -> float:
    """Learning rate: a linear warm-up by iterations, then a cosine by the share of the time used."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return PEAK_RATE * min(1.0, (iteration + 1) / WARM_UP) * (cosine + 2e-3)


def train(data: Path, out: Path, minutes: float, seed: int, workers: int, threads: int) -> None:
    """Train for a wall-clock time; write out/last.pt every few minutes and at the end."""
    torch.manual_seed(seed)
    if threads:
        torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    out.mkdir(parents=True, exist_ok=True)
    network = Network().to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=1e-2)
    checkpoint = out / "last.pt"
    iteration, used = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        iteration, used = state["iteration"], state["seconds"]
    prepared = [prepare(data, scan, out / "cache") for scan in scans(data, "train")]
    ahead = 4 if workers else None
    loader = DataLoader(Crops(prepared, seed + iteration), BATCH, num_workers=workers, prefetch_factor=ahead)
    start, saved, recent = time.monotonic() - used, used, []
    for image, bits in loader:
        seconds = time.monotonic() - start
        progress = seconds / (60 * minutes)
        if progress >= 1.0:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate(iteration, progress)
        image = image.to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            logits = network(image)
        entropy, dice = partial_loss(logits, bits.to(device))
        optimiser.zero_grad(set_to_none=True)
        (entropy + dice).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        decay = min(EMA, (iteration + 1) / (iteration + 10))
        with torch.no_grad():
            for mean, now in zip(average.parameters(), network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
        recent.append((float(entropy.detach()), float(dice.detach())))
        iteration += 1
        if iteration % 50 == 0:
            losses = np.mean(recent[-50:], axis=0)
            clock = f"{iteration} {seconds / 60:.1f} min"
            print(f"{clock}  entropy {losses[0]:.4f}  dice {losses[1]:.4f}", flush=True)
        if seconds - saved > 180:
            _save(checkpoint, network, average, optimiser, iteration, seconds)
            saved = seconds
    _save(checkpoint, network, average, optimiser, iteration, time.monotonic() - start)


def _save(
    path: Path,
    network: Network,
    average: Network,
    optimiser: torch.optim.Optimizer,
    iteration: int,
    seconds: float,
) -> None:
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "iteration": iteration,
            "seconds": seconds,
        },
        partial,
    )
    partial.replace(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="public data (default: RESORB_DATA or ../shared/data)")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint and cache of resampled volumes")
    parser.add_argument("--minutes", type=float, default=60.0, help="wall-clock time to train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes that augment")
    parser.add_argument("--threads", type=int, default=2, help="threads that compute; 0 leaves it to PyTorch")
    arguments = parser.parse_args()
    options = vars(arguments)
    train(**{**options, "data": data_folder(options["data"])})


if __name__ == "__main__":
    main()
