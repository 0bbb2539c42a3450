"""`cutis.train` and `cutis.evaluate` are rooms of the house and, called, the job done there.

A package that has a submodule's name can't also hold a function of that name: the import system would put the module in
its place. So these two packages can be called.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def callable_package(package: str, home: str, function: str) -> None:
    """Make calling `package` call `function` of the module `home`, which is imported then."""

    class Callable(ModuleType):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(home), function)(*args, **kwargs)

    sys.modules[package].__class__ = Callable
