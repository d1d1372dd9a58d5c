from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from resorb import pipeline
from resorb.lazy import importing


@pytest.mark.parametrize("package", ["resorb", "resorb.simulation"])
def test_every_public_name_is_found_and_no_other(package: str) -> None:
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.__all__)
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_importing_the_package_imports_no_library() -> None:
    heavy = ["numpy", "onnxruntime", "scipy", "pydantic"]
    code = f"import sys, resorb, resorb.simulation; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_modules_are_there_when_the_block_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("colorsys", "chunk_of_nothing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with importing("chunk_of_nothing", "colorsys"):
        pass
    assert "colorsys" in sys.modules
    assert "chunk_of_nothing" not in sys.modules


def test_an_error_in_the_block_is_passed_on() -> None:
    with pytest.raises(KeyboardInterrupt), importing("colorsys"):
        raise KeyboardInterrupt


def test_what_later_steps_need_is_not_imported_before_the_network_runs() -> None:
    heavy = ["pydantic", "skimage", "matplotlib", "jinja2", "scipy.stats"]
    code = f"import sys, resorb.pipeline, resorb.terminal; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_later_step_can_be_imported() -> None:
    for name in pipeline.LATER_STEPS:
        assert importlib.util.find_spec(name) is not None
