"""Can implanted discs be told from untouched ones? A small network and hand-made features, scored by subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

Pictures = NDArray[np.float32]
Scores = NDArray[np.float64]
#: Trains on (pictures, classes) and scores other pictures; the higher, the more like an implant.
Classifier = Callable[[Pictures, NDArray[np.int64], Pictures], Scores]

FOLDS, BOOTSTRAPS = 5, 2000
CORE_PIXELS = 32  # half of the middle part that features look at: 15 mm around the disc's posterior margin
RIDGE = 30.0
STEPS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 160, 16, 1e-3, 1e-2
THREADS = 2
SHIFT_PIXELS = 5
CUT_PIXELS = 72  # what the network sees of a picture: 34 mm, at a place that changes


@dataclass(frozen=True)
class Auc:
    """Area under the curve with its 95 % interval, by bootstrap over subjects."""

    value: float
    low: float
    high: float
    implanted: int
    untouched: int

    def __str__(self) -> str:
        counts = f"{self.implanted} + {self.untouched}"
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f}), {counts}"


def high_pass(pictures: Pictures) -> Pictures:
    """Only what changes from pixel to pixel, evened out: noise and the finest texture, no shapes."""
    smooth = ndimage.gaussian_filter(pictures, (0, 0, 1.5, 1.5))
    residual = pictures - smooth
    spread = np.sqrt(ndimage.gaussian_filter(residual**2, (0, 0, 4.0, 4.0)))
    return np.asarray(np.clip(residual / np.maximum(spread, 1e-3), -3, 3), np.float32)


def auc(scores: Scores, classes: NDArray[np.int64]) -> float:
    """Area under the receiver's curve, ties counted half."""
    ranks = stats.rankdata(scores)
    ones = int(classes.sum())
    return float((ranks[classes == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(classes) - ones)))


def auc_by_subject(scores: Scores, classes: NDArray[np.int64], subjects: Sequence[str]) -> Auc:
    """The area, and the interval that drawing other subjects gives."""
    rng = np.random.default_rng(0)
    names = np.unique(subjects)
    members = [np.flatnonzero(np.asarray(subjects) == name) for name in names]
    drawn = []
    for _ in range(BOOTSTRAPS):
        chosen = np.concatenate([members[n] for n in rng.integers(len(names), size=len(names))])
        if 0 < classes[chosen].sum() < len(chosen):
            drawn.append(auc(scores[chosen], classes[chosen]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    ones = int(classes.sum())
    return Auc(auc(scores, classes), float(low), float(high), ones, len(classes) - ones)


def by_folds(
    classify: Classifier, pictures: Pictures, classes: NDArray[np.int64], subjects: Sequence[str]
) -> Scores:
    """Score every picture by a classifier that never saw its subject; scores are ranks within their fold."""
    names = np.unique(subjects)
    fold_of = dict(
        zip(np.random.default_rng(1).permutation(names), np.arange(len(names)) % FOLDS, strict=True)
    )
    fold = np.array([fold_of[name] for name in subjects])
    scores = np.zeros(len(classes))
    for number in range(FOLDS):
        inside = fold == number
        if inside.any():
            found = classify(pictures[~inside], classes[~inside], pictures[inside])
            scores[inside] = stats.rankdata(found) / (len(found) + 1)
    return scores


def by_features(train: Pictures, classes: NDArray[np.int64], test: Pictures) -> Scores:
    """Ridge-penalised logistic regression on hand-made features of texture, edges and brightness."""
    seen, asked = (np.stack([features(picture) for picture in part]) for part in (train, test))
    middle, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-9
    weights = _logistic(np.clip((seen - middle) / spread, -5, 5), classes)
    scaled = np.clip((asked - middle) / spread, -5, 5)
    return np.asarray(scaled @ weights[1:] + weights[0])


def features(picture: NDArray[np.float32]) -> Scores:
    """Statistics of the middle of a picture (3, rows, columns): of grey, gradients, noise and its correlation."""
    half = picture.shape[1] // 2
    core = picture[:, half - CORE_PIXELS : half + CORE_PIXELS, half - CORE_PIXELS : half + CORE_PIXELS]
    found: list[float] = [*np.quantile(core, [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])]
    dark = core < np.quantile(core, 0.35)
    previous = core
    for sigma in (0.7, 1.4, 2.8):
        smooth = ndimage.gaussian_filter(core, (0, sigma, sigma))
        band, previous = previous - smooth, smooth
        inside = band[dark]
        found += [
            np.log(band.std() + 1e-6), np.log(inside.std() + 1e-6), float(stats.kurtosis(inside)),
            float(stats.skew(inside)),
        ]  # fmt: skip
        for shift, axis in ((1, 1), (1, 2), (2, 1), (2, 2), (1, 0)):
            both = dark & np.roll(dark, shift, axis)
            moved = np.roll(band, shift, axis)
            found.append(float(np.corrcoef(band[both], moved[both])[0, 1]) if both.sum() > 10 else 0.0)
    gradient = np.hypot(*np.gradient(core, axis=(1, 2)))
    found += [*np.quantile(gradient, [0.1, 0.5, 0.9, 0.99])]
    spectrum = np.abs(np.fft.fft2((core[1] - core[1].mean()) * np.outer(np.hanning(64), np.hanning(64)))) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    edges = np.linspace(0, 0.5, 9)
    power = [spectrum[(radius >= a) & (radius < b)].mean() for a, b in pairwise(edges)]
    found += [*np.log(np.array(power) + 1e-9)]
    return np.asarray(found, np.float64)


def _logistic(values: Scores, classes: NDArray[np.int64]) -> Scores:
    """Weights, intercept first, by Newton's method; classes count alike whatever their sizes."""
    design = np.column_stack([np.ones(len(values)), values])
    share = classes.mean()
    importance = np.where(classes == 1, 0.5 / share, 0.5 / (1 - share))
    penalty = np.diag([0.0] + [RIDGE] * values.shape[1])
    weights = np.zeros(design.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (importance * (chance - classes)) + penalty @ weights
        curve = (
            (design.T * (importance * chance * (1 - chance))) @ design + penalty + 1e-6 * np.eye(len(weights))
        )
        weights -= np.linalg.solve(curve, slope)
    return weights


def by_network(train: Pictures, classes: NDArray[np.int64], test: Pictures) -> Scores:
    """A small convolutional network; pictures are shifted, mirrored and brightened in training."""
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    layers: list[object] = []
    for before, after, width, stride in ((3, 12, 5, 2), (12, 16, 3, 1), (16, 24, 3, 1), (24, 32, 3, 1)):
        layers += [torch.nn.Conv2d(before, after, width, stride, width // 2), torch.nn.BatchNorm2d(after)]
        layers += [torch.nn.ReLU()] if stride > 1 else [torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    layers += [
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(32, 1),
    ]
    net = torch.nn.Sequential(*layers)
    optimiser = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3 * LEARNING_RATE, total_steps=STEPS)
    weight = torch.tensor(float((classes == 0).sum() / max((classes == 1).sum(), 1)))
    loss_of = torch.nn.BCEWithLogitsLoss(pos_weight=weight)
    for _ in range(STEPS):
        chosen = rng.integers(len(train), size=BATCH)
        batch = np.stack([_varied(train[n], rng) for n in chosen])
        optimiser.zero_grad()
        wanted = torch.tensor(classes[chosen], dtype=torch.float32)
        loss_of(net(torch.from_numpy(batch))[:, 0], wanted).backward()
        optimiser.step()
        schedule.step()
    net.eval()
    margin = (test.shape[-1] - CUT_PIXELS) // 2
    seen = np.ascontiguousarray(test[:, :, margin : margin + CUT_PIXELS, margin : margin + CUT_PIXELS])
    with torch.no_grad():
        return np.asarray(net(torch.from_numpy(seen))[:, 0].numpy(), np.float64)


def _varied(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    margin = (picture.shape[-1] - CUT_PIXELS) // 2
    shift = margin + rng.integers(-SHIFT_PIXELS, SHIFT_PIXELS + 1, 2)
    part = picture[:, shift[0] : shift[0] + CUT_PIXELS, shift[1] : shift[1] + CUT_PIXELS]
    if rng.random() < 0.5:
        part = part[::-1]  # right and left
    if rng.random() < 0.5:
        part = part[:, ::-1]  # above and below
    return np.ascontiguousarray(part * np.float32(rng.uniform(0.85, 1.15)))
