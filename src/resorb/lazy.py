"""Imports when they cost least: of public names when they are first used (PEP 562), of libraries beside other work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def importing(*modules: str) -> Iterator[None]:
    """Import modules in a second thread while the block runs; when it has ended, they are there.

    For blocks that leave the interpreter to others, as those that wait for a network do. What goes wrong in an import
    is told where the module is used.

    Args:
        modules: absolute names.
    """
    thread = ThreadPoolExecutor(1)
    for name in modules:
        thread.submit(import_module, name)
    try:
        yield
    except BaseException:
        thread.shutdown(wait=False, cancel_futures=True)
        raise
    thread.shutdown()


def lazy(
    package: str, home: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        package: its `__name__`.
        home: absolute module name -> the public names it holds.
    """
    module_of = {name: module for module, names in home.items() for name in names}

    def get(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(module_of[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted(sys.modules[package].__all__)

    return get, names
