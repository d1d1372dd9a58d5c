"""Steps of all stages in one row."""

from __future__ import annotations

from pathlib import Path

from training.curve import along, draw


def test_each_stage_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    rows = [
        {"stage": stage, "step": str(step), "entropy": "0.3", "dice": "0.4"}
        for stage, step in (("base", 50), ("base", 100), ("mixed", 50), ("final", 50), ("final", 100))
    ]
    steps, begins = along(rows)
    assert steps == [50, 100, 150, 200, 250]
    assert begins == {"base": 0, "mixed": 100, "final": 150}
    draw(rows, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
