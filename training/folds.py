"""Five models for cross-validation on SPIDER: `python -m training.folds --base FILE --cache DIR --out DIR`. Resumes.

Each leaves a fifth of the 32 subjects out of everything, the split's test part or not; none of them is shipped. All
start from the base stage (`--base`), which saw no patient of SPIDER, and go straight to `STAGE`, the last of
version 2.0.0.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch

from training import dataset
from training.train import Run, gather, stages, train

FOLDS = 5
STAGE = "final"
PARTS = ("train", "validation", "test")


def folds(data: Path) -> list[list[str]]:
    """Who is left out of each fold: subjects in order of their graded herniations, dealt out like cards."""
    every = [s for part in PARTS for s in dataset.scans(data, part) if s.graded]
    order = sorted(every, key=lambda scan: (-len(dataset.herniated_discs(data, scan)), scan.subject))
    return [sorted(scan.subject for scan in order[n::FOLDS]) for n in range(FOLDS)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="public data (default: RESORB_DATA or ../shared/data)")
    parser.add_argument("--base", type=Path, required=True, help="checkpoint at the end of the base stage")
    parser.add_argument("--cache", type=Path, required=True, help="as for training.train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000, help="of that stage, per fold")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = dataset.data_folder(arguments.data)
    parts = folds(data)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "folds.json").write_text(json.dumps(parts, indent=2) + "\n")
    base, *others = stages()
    recipe = [base, *(replace(one, steps=arguments.steps) for one in others if one.name == STAGE)]
    for number, left_out in enumerate(parts):
        torch.manual_seed(arguments.seed + number)
        run = Run(arguments.out / f"fold-{number}")
        if run.path.exists():
            run.load(run.path)
        else:
            run.load(arguments.base)
            run.stage, run.step = 1, 0  # past the base stage
        stacks = gather(data, arguments.cache, left_out=set(left_out))
        train(run, recipe, stacks, arguments.seed + number, arguments.workers)


if __name__ == "__main__":
    main()
