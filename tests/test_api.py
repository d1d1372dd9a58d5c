"""`import resorb` is instant and offers every name of the public API."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import resorb

HEAVY = ("scipy", "onnxruntime", "matplotlib", "SimpleITK", "skimage", "nibabel", "pydicom", "torch")


def _modules_after(code: str) -> set[str]:
    """The names of all modules that a fresh interpreter has imported after running `code`."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "code",
    ["import resorb", "import resorb.cli", "from resorb.cli import run; run(['--help'])"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(code: str) -> None:
    assert not _modules_after(code) & set(HEAVY)


def test_the_runtime_never_imports_pytorch() -> None:
    assert "torch" not in _modules_after("import resorb.pipeline, resorb.terminal")


def test_every_public_name_is_there() -> None:
    for name in resorb.__all__:
        assert getattr(resorb, name) is not None
    assert set(resorb.__all__) == set(dir(resorb))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="resect"):
        _ = resorb.resect


def test_the_package_metadata_takes_its_version_from_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "resorb.__version__"}
    assert resorb.__version__.count(".") == 2
