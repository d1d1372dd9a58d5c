"""Train, export and evaluate in one go: `python -m training` takes the options of training.train."""

from __future__ import annotations

import subprocess
import sys


def main() -> None:
    """Run the three steps; each stands alone as well."""
    options = sys.argv[1:] or ["--out", "build/training"]
    out = (
        options[options.index("--out") + 1]
        if "--out" in options
        else sys.exit("training: --out DIR is missing")
    )
    data = ["--data", options[options.index("--data") + 1]] if "--data" in options else []
    steps = (
        ["training.train", *options],
        ["training.export", "--checkpoint", f"{out}/last.pt", "--out", f"{out}/model"],
        ["training.evaluate", "--model", f"{out}/model/model.onnx", *data],
    )
    for step in steps:
        subprocess.run([sys.executable, "-m", *step], check=True)


if __name__ == "__main__":
    main()
