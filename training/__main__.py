"""Make the embedded model from the data folder: `python -m training --out DIR`. Every step resumes."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

VERSION = "2.2.0"


def main() -> None:
    """Simulate, implant, train, export; each step stands alone as well (training/README.md)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="public data (default: RESORB_DATA or ../shared/data)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=84, help="simulated ones")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cache, run = arguments.out / "cache", arguments.out / "run"
    data = ["--data", str(arguments.data)] if arguments.data else []
    for step in (
        ["simulated", "--out", str(cache / "simulated"), "--count", str(arguments.patients)],
        ["fragments", "--out", str(cache / "fragments")],
        ["nothing", "--out", str(cache / "nothing")],
        ["implants", "--out", str(cache / "implants"), *data],
        ["train", "--out", str(run), "--cache", str(cache), "--seed", str(arguments.seed), *data],
        [
            "export",
            *("--checkpoint", str(run / "last.pt"), "--cache", str(cache)),
            *("--out", str(arguments.out / "model"), "--version", VERSION, *data),
        ],
    ):
        subprocess.run([sys.executable, "-m", f"training.{step[0]}", *step[1:]], check=True)


if __name__ == "__main__":
    main()
